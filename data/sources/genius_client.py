"""Genius as it really answers: every refusal is seen, waited out while it may pass, and said plainly after that.

lyricsgenius makes the requests. Two things are added to it: a hook on its session that looks at the status
of each answer (of a page, the library would take a refusal for a song without words), and retries.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import requests
from dotenv import dotenv_values
from lyricsgenius import Genius
from requests import exceptions
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter
from tqdm import tqdm
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from core.artifacts import ROOT, shown
from core.errors import UserError
from data.sources.genius_pages import Page, read_page

ENV_FILE = ROOT / ".env"

# Seconds. The library's own 5 are too few for Genius on a bad day.
TIMEOUT = 15
PAUSE = 0.2
FIRST_WAIT, LAST_WAIT = 1, 60
ANNOUNCED_WAIT = 5

# Who is asked to stay away for longer than this is better told so than kept waiting.
LONGEST_RETRY_AFTER = 300

ATTEMPTS = 6
# A refusal, or a page without words, seldom passes, and insisting makes a refusal last longer.
FEW_ATTEMPTS = 3
REFUSED_WAIT = 5  # times as long as after other failures

SONGS_PER_PAGE = 50
FOUND_ARTISTS = 5  # the most that Genius allows in this kind of search

API_CLIENTS = "https://genius.com/api-clients"

Answer = TypeVar("Answer")
Json = dict[str, Any]


class Refused(Exception):
    """An answer with a status that is not 200."""

    def __init__(self, status: int, retry_after: float | None = None) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.retry_after = retry_after


class Unreadable(Exception):
    """An answer with status 200 that is not what Genius sends: half of it, or something else altogether."""


FAILURES = (Refused, Unreadable, exceptions.RequestException)


class GeniusClient:
    """lyricsgenius, insisting where that helps; each method raises one of FAILURES when it did not.

    It has a Genius and is none: a subclass of another name is sent out without its token.
    """

    def __init__(self, token: str, *, url: str = "", patience: float = 1) -> None:
        """`url` is where a stand-in for Genius answers; `patience` lengthens or shortens every wait."""
        # The library says int and hands it to requests, which takes fractions.
        genius = Genius(token, timeout=cast("int", TIMEOUT * patience), sleep_time=PAUSE * patience)
        genius._session.hooks["response"].append(_look_at)  # pyright: ignore[reportPrivateUsage]
        if url:
            for root, folder in (("API_ROOT", "api"), ("PUBLIC_API_ROOT", "public"), ("WEB_ROOT", "web")):
                setattr(genius, root, f"{url}/{folder}/")
        self._genius = genius
        self._patience = patience

    def find_artists(self, name: str) -> list[Json]:
        """Artists that Genius finds under a name, the likeliest first, each with id, name and url."""
        answer = self._insist(lambda: _checked(self._genius.search_all(name, per_page=FOUND_ARTISTS), _is_search))
        hits = [hit for section in answer["sections"] for hit in section["hits"] if hit["index"] == "artist"]
        artists: dict[int, Json] = {hit["result"]["id"]: hit["result"] for hit in hits}
        return list(artists.values())

    def get_artist(self, artist_id: int) -> Json:
        """An artist, with id, name and url."""
        return self._insist(lambda: _checked(self._genius.artist(artist_id)["artist"], _is_named))

    def get_song_list(self, artist_id: int, page: int) -> Json:
        """A page of an artist's songs: `songs`, each with an id and a title, and `next_page`.

        Sorted by title, since popularity changes from one page to the next, and songs would fall between them.
        """
        return self._insist(
            lambda: _checked(self._genius.artist_songs(artist_id, SONGS_PER_PAGE, page, sort="title"), _is_song_list)
        )

    def get_song(self, song_id: int) -> Json:
        """All that is known of a song, save its words."""
        return self._insist(lambda: _checked(self._genius.song(song_id)["song"], lambda song: song["id"] == song_id))

    def get_page(self, url: str) -> Page:
        """The words on a song's page."""
        path = urlsplit(url).path.lstrip("/")

        def read() -> Page:
            html = self._genius._make_request(path, web=True)["html"]  # pyright: ignore[reportPrivateUsage]
            page = read_page(html)
            # Where the end is missing, the last verses may be missing too.
            if "<html" in html and "</html>" not in html:
                raise Unreadable("half a page")
            if not (page.html or page.notice):
                raise Unreadable("no words on its page")
            return page

        return self._insist(read)

    def _insist(self, call: Callable[[], Answer]) -> Answer:
        def guarded() -> Answer:
            try:
                return call()
            except (AssertionError, AttributeError, KeyError, TypeError):
                # The library's own way of being surprised, and ours; its message quotes the whole answer.
                raise Unreadable("not the answer that was expected") from None

        retrying = Retrying(
            retry=retry_if_exception(may_pass),
            stop=_gives_up,
            wait=self._wait,
            before_sleep=_announce,
            reraise=True,
        )
        return retrying(guarded)

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        if isinstance(error, Refused) and error.retry_after is not None:
            return error.retry_after
        longer = REFUSED_WAIT if isinstance(error, Refused) and error.status == 403 else 1
        return wait_exponential_jitter(FIRST_WAIT, LAST_WAIT)(state) * longer * self._patience


def connect() -> GeniusClient:
    """The client that the environment, or .env, describes.

    GENIUS_ACCESS_TOKEN: from https://genius.com/api-clients. PAYADOR_GENIUS_PATIENCE: 2 on a slow line waits
    twice as long for every answer and between two tries. PAYADOR_GENIUS_URL: where something else answers
    for Genius. Raises UserError when there is no token.
    """
    settings = dotenv_values(ENV_FILE) | {name: value for name, value in os.environ.items() if value}
    patience = settings.get("PAYADOR_GENIUS_PATIENCE") or "1"
    try:
        factor = float(patience)
    except ValueError:
        factor = 0
    if not 0 < factor < 1000:
        raise UserError(f"PAYADOR_GENIUS_PATIENCE is {patience!r}", "1 is usual, 2 waits twice as long")
    token = _checked_token(settings.get("GENIUS_ACCESS_TOKEN") or "")
    return GeniusClient(token, url=settings.get("PAYADOR_GENIUS_URL") or "", patience=factor)


def may_pass(error: BaseException) -> bool:
    """Whether the same request may be answered later."""
    if isinstance(error, Refused):
        return error.status in (403, 408, 425, 429) or error.status >= 500
    passing = (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError)
    return isinstance(error, (Unreadable, exceptions.ContentDecodingError, exceptions.JSONDecodeError, *passing))


def say(error: BaseException) -> str:
    """A failure in a few words, none of them from the answer."""
    if isinstance(error, Refused):
        return f"{_STATUSES.get(error.status, 'out of order')} ({error.status})"
    if isinstance(error, Unreadable):
        return str(error)
    return next((words for kind, words in _BREAKDOWNS if isinstance(error, kind)), type(error).__name__)


_STATUSES = {
    401: "token not accepted",
    403: "refused",
    404: "gone",
    410: "gone",
    429: "too many requests",
}
_BREAKDOWNS = (
    (exceptions.Timeout, "no answer in time"),
    ((exceptions.JSONDecodeError, exceptions.ChunkedEncodingError), "half an answer"),
    (exceptions.ConnectionError, "no connection"),
)


def _checked_token(said: str) -> str:
    token = said.strip()
    if not token:
        raise UserError(
            "reading from Genius takes a token",
            f"make one at {API_CLIENTS}, and write GENIUS_ACCESS_TOKEN=… into {shown(ENV_FILE)}",
        )
    # requests would quote it in its complaint.
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UserError(
            "GENIUS_ACCESS_TOKEN holds characters that no token has", "copy it again, without spaces or quotes"
        )
    return token


def _look_at(response: requests.Response, *_: Any, **__: Any) -> None:
    # What Genius sends is UTF-8, whether it says so or not; requests assumes Latin-1.
    response.encoding = "utf-8"
    if response.status_code == 200 or response.is_redirect:
        return
    response.close()
    retry_after: float | None = None
    with suppress(InvalidHeader):
        if said := response.headers.get("Retry-After"):
            retry_after = Retry().parse_retry_after(said)
    raise Refused(response.status_code, retry_after)


def _gives_up(state: RetryCallState) -> bool:
    error = _error(state)
    if isinstance(error, Refused) and (error.retry_after or 0) > LONGEST_RETRY_AFTER:
        return True
    few = isinstance(error, Unreadable) or (isinstance(error, Refused) and error.status == 403)
    return state.attempt_number >= (FEW_ATTEMPTS if few else ATTEMPTS)


def _announce(state: RetryCallState) -> None:
    error = _error(state)
    if error and state.upcoming_sleep >= ANNOUNCED_WAIT:
        tqdm.write(f"waiting     {state.upcoming_sleep:.0f} s: {say(error)}", file=sys.stderr)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _checked(answer: Any, is_right: Callable[[Any], bool]) -> Any:
    if not is_right(answer):
        raise Unreadable("not the answer that was expected")
    return answer


def _is_named(artist: Any) -> bool:
    return isinstance(artist["id"], int) and isinstance(artist["name"], str)


def _is_search(answer: Any) -> bool:
    hits = [hit for section in answer["sections"] for hit in section["hits"]]
    return all(_is_named(hit["result"]) for hit in hits if hit["index"] == "artist")


def _is_song_list(answer: Any) -> bool:
    return all(isinstance(song["id"], int) and isinstance(song["title"], str) for song in answer["songs"])

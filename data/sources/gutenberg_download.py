"""Books from www.gutenberg.org: each is fetched once and kept."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
import tenacity
from tqdm import tqdm

from core.errors import UserError
from core.files import atomic_path, remove_leftovers

# The text in UTF-8 first; then the names that older books have, by encoding.
_PLACES = ("cache/epub/{0}/pg{0}.txt", "files/{0}/{0}-0.txt", "files/{0}/{0}-8.txt", "files/{0}/{0}.txt")

_AGAIN_LATER = {429, 500, 502, 503, 504}
_TIMEOUT = 30  # seconds
_LONGEST_WAIT = 120.0  # seconds


@dataclass(frozen=True)
class Server:
    """Where books come from, and how patiently they are asked for."""

    site: str = "https://www.gutenberg.org"
    pause: float = 2.0
    """Seconds between two downloads: what the site asks of programs."""
    first_wait: float = 1.0
    """Seconds before the second attempt; doubled before each further one."""
    attempts: int = 6


class _LaterError(Exception):
    """The server has the book, but not now."""

    def __init__(self, said: str, seconds: float = 0.0) -> None:
        super().__init__(said)
        self.seconds = seconds


def fetch_books(numbers: tuple[int, ...], cache: Path, server: Server) -> Iterator[tuple[int, Path]]:
    """Yield each book's number and file; those in `cache` already are not asked for again.

    Raises UserError when the server cannot be reached, refuses, or has no such book as plain text;
    what was fetched before is kept.
    """
    remove_leftovers(cache)
    asked = False
    for number in tqdm(numbers, "books", unit=" books", delay=2, leave=False):
        path = cache / f"{number}.txt"
        if not path.exists():
            if asked:
                time.sleep(server.pause)
            content = _fetch(number, server)
            asked = True
            with atomic_path(path) as temporary:
                temporary.write_bytes(content)
        yield number, path


def _fetch(number: int, server: Server) -> bytes:
    for place in _PLACES:
        url = f"{server.site}/{place.format(number)}"
        content = _patiently(url, server)
        if content is not None:
            return content
    raise UserError(
        f"Project Gutenberg has no book {number} as plain text", f"look it up: {server.site}/ebooks/{number}"
    )


def _patiently(url: str, server: Server) -> bytes | None:
    """The content at `url`, or None where there is none."""
    doubling = tenacity.wait_exponential(server.first_wait, max=_LONGEST_WAIT)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome and state.outcome.exception()
        asked_for = error.seconds if isinstance(error, _LaterError) else 0.0
        return max(min(asked_for, _LONGEST_WAIT), doubling(state))

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(server.attempts),
        wait=wait,
        retry=tenacity.retry_if_exception_type((_LaterError, requests.RequestException)),
        reraise=True,
    )
    try:
        return retrying(_get, url)
    except (_LaterError, requests.RequestException) as error:
        said = str(error) if isinstance(error, _LaterError) else type(error).__name__
        raise UserError(
            f"{url} cannot be read ({said}, {server.attempts} attempts)",
            "run the same command again later: books fetched so far are kept; or give a folder of files as PATH",
        ) from error


def _get(url: str) -> bytes | None:
    response = requests.get(url, timeout=_TIMEOUT, headers={"User-Agent": "payador (a few books, kept locally)"})
    if response.status_code == requests.codes["not_found"]:
        return None
    if response.status_code in _AGAIN_LATER:
        raise _LaterError(f"answer {response.status_code}", _retry_after(response.headers.get("Retry-After", "")))
    if response.status_code != requests.codes["ok"]:
        raise UserError(
            f"{url} was refused (answer {response.status_code})", "get the file by hand, and give its folder as PATH"
        )
    # The site shows people it takes for robots a page instead of the book.
    if response.content.lstrip()[:1] == b"<":
        raise UserError(f"{url} answered with a web page", "get the file by hand, and give its folder as PATH")
    return response.content


def _retry_after(value: str) -> float:
    """Seconds, from a number of them or from a date."""
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0

"""Songs from Genius: every answer is kept in raw/ the moment it comes, and nothing that is there is asked again.

raw/searches/<name>.json   who was found under a name
raw/artists/<id>.json      an artist
raw/lists/<id>-<page>.json a page of their songs
raw/songs/<id>.json        a song, and the part of its page that holds the words

Deleting one of these makes the next run ask for it again: raw/lists/, to learn of new songs.
"""

import dataclasses
import functools
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from core.artifacts import shown
from core.corpus import Song
from core.errors import Interrupted, UserError
from core.files import read_json, remove_leftovers, write_json
from data.cleaning.characters import fold
from data.report import Dropped
from data.sources import genius_client
from data.sources.genius_artists import cached, find_artists
from data.sources.genius_client import API_CLIENTS, FAILURES, GeniusClient, Refused, may_pass, say
from data.sources.genius_pages import read_words

Json = dict[str, Any]

# One song may be out of order for good. When several in a row are, it is Genius, or the line.
FAILURES_IN_A_ROW = 4

_YEAR = re.compile(r"[12]\d{3}")


def read_genius(
    *,
    artists: Sequence[str],
    artist_ids: Sequence[int] = (),
    raw: Path,
    drop: Callable[[Dropped], None],
    connect: Callable[[], GeniusClient] = genius_client.connect,
) -> Iterator[Song]:
    """The songs of these artists, each once, sorted by title artist by artist; what is left out goes to `drop`.

    A run that stops, for whatever reason, is taken up by the next where it stopped. Raises UserError
    when there is no token, an artist cannot be found, or Genius does not answer any more.
    """
    reading = _Reading(raw, functools.cache(connect))
    try:
        reading.find(artists, artist_ids)
        reading.fetch()
    except KeyboardInterrupt:
        raise Interrupted(f"\nstopped: {reading.progress()}", "the same command goes on from there") from None
    except FAILURES as error:
        reading.stop(error)
    for song_id, entry in reading.entries.items():
        if reason := reading.skipped.get(song_id):
            drop(_dropped(entry, *reason))
        elif error := reading.failed.get(song_id):
            drop(_dropped(entry, "not fetched", say(error)))
        else:
            song, reason = _read_song(entry, read_json(reading.path(song_id)))
            if reason:
                drop(_dropped(entry, *reason))
            else:
                yield song


class _Reading:
    """A run on its way: the songs there are, those that are left out, those that could not be fetched."""

    def __init__(self, raw: Path, connect: Callable[[], GeniusClient]) -> None:
        self.raw = raw
        self.connect = connect
        self.entries: dict[int, Json] = {}
        self.skipped: dict[int, tuple[str, str]] = {}
        self.failed: dict[int, Exception] = {}

    def path(self, song_id: int) -> Path:
        return self.raw / "songs" / f"{song_id}.json"

    def find(self, names: Sequence[str], ids: Sequence[int]) -> None:
        """Who they are, and what songs they have."""
        for folder in ("searches", "artists", "lists", "songs"):
            remove_leftovers(self.raw / folder)
        artists = find_artists(names, ids, self.raw, self.connect)
        for artist_id in artists:
            # A song that two of them have part in is on both lists.
            self.entries |= {song["id"]: song for song in self._list(artist_id)}
        self.skipped = {
            song_id: reason for song_id, entry in self.entries.items() if (reason := _why_not(entry, artists))
        }

    def _list(self, artist_id: int) -> Iterator[Json]:
        page: int | None = 1
        while page:
            path = self.raw / "lists" / f"{artist_id}-{page:03}.json"
            answer = cached(path, functools.partial(self._ask_for_list, artist_id, page))
            yield from answer["songs"]
            following = answer.get("next_page")
            page = following if isinstance(following, int) and following > page else None

    def _ask_for_list(self, artist_id: int, page: int) -> Json:
        return self.connect().get_song_list(artist_id, page)

    def fetch(self) -> None:
        """Fetch what is not there yet; what fails is tried once more when the rest is done."""
        missing = self._missing()
        if not missing:
            return
        bar = tqdm(
            total=len(self.entries),
            desc="Genius",
            unit=" songs",
            initial=len(self.entries) - len(missing),
            mininterval=0.1 if sys.stderr.isatty() else 10,  # in a log, every state of the bar stays
            position=0,  # whoever reads these songs may have a bar of their own, which waits
        )
        with bar:
            self._show(bar)
            self._fetch(missing, bar)
            with suppress(*FAILURES):  # these have failed before: what the others give is a corpus all the same
                self._fetch([song_id for song_id, error in self.failed.items() if may_pass(error)], bar)
        if self.failed:
            print(f"not fetched {len(self.failed):,} of {len(self.entries):,}: the same command tries again")

    def _fetch(self, song_ids: list[int], bar: "tqdm[NoReturn]") -> None:
        """Fetch these songs, or raise what the last of several failures was."""
        in_a_row = 0
        for song_id in song_ids:
            tried_before = self.failed.pop(song_id, None)
            try:
                write_json(self.path(song_id), self._ask_for_song(song_id))
            except FAILURES as error:
                self.failed[song_id] = error
                # A song that is gone, or a page without words, is an answer like others.
                in_a_row = in_a_row + 1 if may_pass(error) and not isinstance(error, genius_client.Unreadable) else 0
                if in_a_row == FAILURES_IN_A_ROW or _is_final(error):
                    raise
            else:
                in_a_row = 0
            if not tried_before:
                bar.update()
            self._show(bar)

    def _ask_for_song(self, song_id: int) -> Json:
        client, entry = self.connect(), self.entries[song_id]
        page = client.get_page(entry["url"])
        return {"song": client.get_song(song_id), "page": dataclasses.asdict(page)}

    def _missing(self) -> list[int]:
        return [song_id for song_id in self.entries if song_id not in self.skipped and not self.path(song_id).exists()]

    def _show(self, bar: "tqdm[NoReturn]") -> None:
        kept = bar.n - len(self.skipped) - len(self.failed)
        bar.set_postfix({"kept": kept, "skipped": len(self.skipped), "failed": len(self.failed)}, refresh=False)

    def progress(self) -> str:
        wanted = len(self.entries) - len(self.skipped)
        if not wanted:
            return "no song is fetched yet"
        return f"{wanted - len(self._missing())} of {wanted} songs are in {shown(self.raw)}"

    def stop(self, error: Exception) -> NoReturn:
        """End a run that gets no further."""
        same = f"the same command goes on from there ({self.progress()})"
        status = error.status if isinstance(error, Refused) else None
        after = error.retry_after if isinstance(error, Refused) else None
        if status == 401:
            raise UserError("Genius does not accept the token", f"make a new one at {API_CLIENTS}; {same}") from None
        if status == 403:
            message, remedy = (
                "Genius takes this computer for a robot, and refuses (403)",
                "wait an hour, or use another network",
            )
        elif status == 404 and not self.entries:
            raise UserError("Genius knows no artist of that id", "check --artist_id") from None
        elif after:
            message, remedy = f"Genius asks to stay away for {after / 60:.0f} minutes ({status})", "wait that long"
        else:
            message, remedy = f"Genius does not answer: {say(error)}", "check the connection, or wait"
        raise UserError(message, f"{remedy}; then {same}") from None


def _is_final(error: Exception) -> bool:
    """Whether asking for the next song would be of no use, or impolite."""
    return isinstance(error, Refused) and (
        error.status == 401 or (error.retry_after or 0) > genius_client.LONGEST_RETRY_AFTER
    )


def _why_not(entry: Json, artists: dict[int, Json]) -> tuple[str, str] | None:
    """The reason to leave a song out, and what it has; None for songs to fetch."""
    primary = [entry.get("primary_artist"), *(entry.get("primary_artists") or [])]
    known = [artist for artist in primary if isinstance(artist, dict)]
    names = {artist["name"] for artist in artists.values()}
    if not any(artist.get("id") in artists or artist.get("name") in names for artist in known):
        return "other primary artist", _artist(entry)
    if entry.get("instrumental"):
        return "instrumental", ""
    if entry.get("lyrics_state", "complete") != "complete":
        return "lyrics not complete", str(entry["lyrics_state"])
    return None if entry.get("url") else ("no page", "")


def _artist(entry: Json) -> str:
    return str((entry.get("primary_artist") or {}).get("name") or "")


def _dropped(entry: Json, reason: str, detail: str) -> Dropped:
    return Dropped(entry["title"], _artist(entry), reason, detail)


def _read_song(entry: Json, answer: Json) -> tuple[Song, tuple[str, str] | None]:
    """The song, and the reason to leave it out after all."""
    song: Json = entry | answer["song"]
    page: Json = answer["page"]
    album: Json = song.get("album") or {}
    year = _YEAR.match(str(song.get("release_date") or (song.get("release_date_components") or {}).get("year") or ""))
    language = str(song.get("language") or "")
    read = Song(
        id=f"genius-{song['id']}",
        title=song["title"],
        artist=_artist(song),
        album=str(album.get("name") or ""),
        year=int(year[0]) if year else None,
        url=song["url"],
        lyrics=read_words(page["html"]),
        language=language if re.fullmatch("[a-z]{2}", language) else "",
    )
    if song.get("instrumental") or "instrumental" in fold(page["notice"]):
        return read, ("instrumental", page["notice"])
    if song.get("lyrics_state", "complete") != "complete":
        return read, ("lyrics not complete", str(song["lyrics_state"]))
    return read, None if read.lyrics else ("no lyrics", page["notice"])

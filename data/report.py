"""What came in, what was dropped and why, what is left."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from core.corpus import Song

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_HEADING = re.compile(r"\[[^\[\]]+\]")


@dataclass(frozen=True)
class Dropped:
    """A song that is not in the corpus."""

    title: str
    artist: str
    reason: str
    """One of few, to count by: "no lyrics", "duplicate"."""
    detail: str = ""
    """What this very song has: which song it repeats."""

    @classmethod
    def of(cls, song: Song, reason: str, detail: str = "") -> "Dropped":
        """Drop a song."""
        return cls(song.title, song.artist, reason, detail)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The figures of corpus-report.json; read = not_selected + kept + len(dropped)."""

    read: int
    not_selected: int
    """Songs of an artist, album or language that was not asked for."""
    kept: int
    dropped: list[Dropped]
    characters: int
    distinct_characters: int
    lines: int
    """Verse lines: no blank lines, no headings."""
    words: int
    distinct_words: int
    """Whatever their case."""
    artists: dict[str, int]
    """Songs of each, most first."""


def make_report(songs: Iterable[Song], *, read: int, not_selected: int, dropped: list[Dropped]) -> Report:
    """Count what the kept songs hold."""
    words: Counter[str] = Counter()
    alphabet: set[str] = set()
    artists: Counter[str] = Counter()
    kept = characters = lines = 0
    for song in songs:
        kept += 1
        characters += len(song.lyrics)
        artists.update([song.artist] if song.artist else [])
        alphabet.update(song.lyrics)
        verses = [line for line in song.lyrics.split("\n") if line and not _HEADING.fullmatch(line)]
        lines += len(verses)
        words.update(_WORD.findall("\n".join(verses).casefold()))
    return Report(
        read=read,
        not_selected=not_selected,
        kept=kept,
        dropped=dropped,
        characters=characters,
        distinct_characters=len(alphabet),
        lines=lines,
        words=words.total(),
        distinct_words=len(words),
        artists=dict(artists.most_common()),
    )

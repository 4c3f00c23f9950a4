"""What lyrics sites list beside songs. A song goes on clear evidence only: "Vivo" and "Live and let go" are songs."""

import re

from core.corpus import Song
from data.cleaning.characters import fold
from data.cleaning.headings import is_heading
from data.cleaning.titles import parse_title

# Kinds that have words of their own to learn from; who wants them can keep them.
VERSIONS = frozenset({"live", "acoustic", "demo", "remix", "cover"})

# Genius files translations under accounts of its own: "Genius English Translations".
_TRANSLATORS = re.compile(r"^genius .*(?:translation|traduc|traduct|tradu|romani|übersetz)", re.IGNORECASE)

_INTERVIEW = re.compile(r"^(?:entrevista (?:a|con|de)|interview (?:with|de|avec)|entretien avec)\b", re.IGNORECASE)
_PROSE_LINE = 100  # letters: verse lines are half as long

_UNRELEASED = re.compile(r"lyrics for this song have yet to be (?:released|transcribed)[^\n]*", re.IGNORECASE)
_INSTRUMENTAL = re.compile(
    r"(?:this (?:song|track) is (?:an )?|(?:tema|canci[oó]n|pista) |(?:morceau|titre) )?instrumentale?", re.IGNORECASE
)

# A list of tracks: "1. Balada", "02 - Otra (3:45)".
_TRACK = re.compile(r"\d{1,2}\s*[.)–-]\s*\S.*")
_FEWEST_TRACKS = 5


def non_song(song: Song, *, keep_versions: bool = False) -> str:
    """Why this is no song to learn from, in a word; "" when it is one. Lyrics are cleaned before."""
    if kind := _by_text(song.lyrics):
        return kind
    kind = "translation" if _TRANSLATORS.match(song.artist) else parse_title(song.title).version
    if not kind and _INTERVIEW.match(song.title) and _mean_line(song.lyrics) > _PROSE_LINE:
        kind = "interview"
    return "" if keep_versions and kind in VERSIONS else kind


def _by_text(lyrics: str) -> str:
    lines = [line.strip() for line in lyrics.split("\n") if line.strip()]
    words = [line for line in lines if not is_heading(line)]
    if not words:
        only = fold(" ".join(lines))
        return "instrumental" if "instrumental" in only.split() else "no lyrics"
    if _UNRELEASED.fullmatch(" ".join(words)):
        return "unreleased"
    if len(words) == 1 and _INSTRUMENTAL.fullmatch(words[0].strip("()[]¡!.* ")):
        return "instrumental"
    if len(words) >= _FEWEST_TRACKS and all(_TRACK.fullmatch(line) for line in words):
        return "tracklist"
    return ""


def _mean_line(lyrics: str) -> float:
    lines = [line for line in lyrics.split("\n") if line.strip()]
    return sum(map(len, lines)) / max(1, len(lines))

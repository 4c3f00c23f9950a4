"""The same song twice teaches nothing new, and leaks from train to validation.

Songs are near-duplicates when most of the shorter one stands in the other, line for line or nearly so.
Comparing all pairs would take the square of their number; instead each song gets a sketch (MinHash,
Broder 1997, over runs of three words), and only songs whose sketches agree somewhere are compared
(locality-sensitive hashing, Indyk and Motwani 1998). Time and memory grow with the number of songs.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from rapidfuzz import fuzz
from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]

from core.corpus import Song
from data.cleaning.characters import fold_lines
from data.cleaning.headings import is_heading
from data.cleaning.titles import version_rank
from data.report import Dropped

# Share of the shorter song that must stand in the other. Songs that share a chorus and no more stay well below.
NEAR = 0.7

# How alike (rapidfuzz, 0 to 100) two spellings of one line are: a word misheard in a line of six leaves about 85.
SAME_LINE = 80

_SHINGLE = 3  # words

# 32 bands of 2 values: songs that share a third of their shingles meet in 97 % of cases, half of them nearly always.
_BANDS, _ROWS = 32, 2
_VALUES = _BANDS * _ROWS
_SEED = 1

# Values of two sketches that must agree before texts are read; by chance alone, hardly any do.
_ENOUGH_VALUES = 8

# A bucket of very many songs holds a phrase that everybody sings; who copies a song also meets it elsewhere.
_LARGEST_BUCKET = 40

# Songs made of stock phrases resemble many others; a twin is among the likest.
_MOST_COMPARED = 12

_TEXTS_IN_MEMORY = 2_000

Matrix = np.ndarray[Any, np.dtype[np.uint32]]


@dataclass(frozen=True, slots=True)
class Sketch:
    """What deduplication remembers of a song: about 400 bytes."""

    words: bytes
    """Digest of its words, whatever their case, accents and punctuation."""
    values: bytes
    """MinHash, 64 numbers of 32 bits."""
    preference: tuple[int, int, int]
    """Of two alike, the one with the smaller stays: studio before live, fuller, earlier."""


@dataclass(frozen=True, slots=True)
class Twin:
    """Why a song goes."""

    of: int
    """Number of the song that stays."""
    similarity: float
    """Share of the shorter one that stands in the other, 0 to 1; 1 for the same words."""
    exact: bool


def sketch(song: Song, rank: int | None = None) -> Sketch:
    """The sketch of a cleaned song; `rank` is its version_rank, where its title does not tell any more."""
    lines = folded_lines(song.lyrics)
    text = " ".join(lines) or song.lyrics
    words = text.split()
    shingles = [" ".join(words[start : start + _SHINGLE]) for start in range(max(1, len(words) - _SHINGLE + 1))]
    minhash = RMinHash(num_perm=_VALUES, seed=_SEED)
    minhash.update(shingles)
    fullness = sum(map(len, set(lines)))
    return Sketch(
        words=hashlib.blake2b(text.encode(), digest_size=16).digest(),
        values=np.array(minhash.digest(), np.uint32).tobytes(),
        preference=(version_rank(song.title, song.album) if rank is None else rank, -fullness, song.year or 9999),
    )


def folded_lines(lyrics: str) -> list[str]:
    """The verse lines for comparing: no headings, no blanks, no case, accents or punctuation."""
    lines = fold_lines("\n".join(line for line in lyrics.split("\n") if not is_heading(line)))
    return [line for line in lines if line]


class Words(NamedTuple):
    """A song's distinct lines, made ready for comparing."""

    lines: tuple[str, ...]
    known: frozenset[str]
    text: str
    length: int

    @classmethod
    def of(cls, lyrics: str) -> "Words":
        """Fold the lyrics; signs alone ("¿?") are words of their own."""
        lines = tuple(dict.fromkeys(folded_lines(lyrics))) or (lyrics,)
        return cls(lines, frozenset(lines), " ".join(lines), sum(map(len, lines)))


def similarity(one: str, other: str) -> float:
    """Share of the shorter song (by characters of its distinct lines) that stands in the other, 0 to 1."""
    return _share(Words.of(one), Words.of(other), enough=0.0)


def _share(one: Words, other: Words, enough: float) -> float:
    """`similarity`; 0 as soon as it cannot reach `enough` any more."""
    short, long = (one, other) if one.length <= other.length else (other, one)
    missing = 0
    for line in short.lines:
        # A line that is broken elsewhere still stands in the text as a whole.
        if line not in long.known and not fuzz.partial_ratio(line, long.text, score_cutoff=SAME_LINE):
            missing += len(line)
            if missing > (1 - enough) * short.length:
                return 0.0
    return 1 - missing / short.length if short.length else float(one.text == other.text)


def find_twins(sketches: Sequence[Sketch], read: Callable[[int], str]) -> dict[int, Twin]:
    """Which songs go, and for whose sake; `read` gives the lyrics of a number.

    The best ones are settled first, so that who stays has no near-duplicate among those who stay, and
    nobody goes for the sake of one who went.
    """
    twins: dict[int, Twin] = {}
    first: dict[bytes, int] = {}
    order = sorted(range(len(sketches)), key=lambda number: (sketches[number].preference, number))
    unique: list[int] = []
    for number in order:
        original = first.setdefault(sketches[number].words, number)
        if original == number:
            unique.append(number)
        else:
            twins[number] = Twin(original, 1.0, exact=True)
    values = np.frombuffer(b"".join(sketches[number].values for number in unique), np.uint32).reshape(-1, _VALUES)

    @lru_cache(_TEXTS_IN_MEMORY)
    def words(place: int) -> Words:
        return Words.of(read(unique[place]))

    keys = _shared_keys(values)
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, number in enumerate(unique):
        twin = _twin_among(_candidates(buckets, keys[place]), place, values, words)
        if twin is None:
            for key in keys[place]:
                buckets[key].append(place)
        else:
            twins[number] = Twin(unique[twin[0]], twin[1], exact=False)
    # Who is the same as a song that went as a near-duplicate, goes for the sake of the one that stayed.
    for number, twin in list(twins.items()):
        if twin.exact and (moved := twins.get(twin.of)):
            twins[number] = moved
    return twins


def _shared_keys(values: Matrix) -> list[list[tuple[int, int]]]:
    """For each song its (band, bucket) pairs, of buckets that hold more than one song: few, mostly none."""
    keys: list[list[tuple[int, int]]] = [[] for _ in range(len(values))]
    bands = np.ascontiguousarray(values).view(np.uint64)  # (songs, bands): two values are one number
    for band in range(bands.shape[1]):
        _, bucket, count = np.unique(bands[:, band], return_inverse=True, return_counts=True)
        for place in np.flatnonzero(count[bucket] > 1):
            keys[place].append((band, int(bucket[place])))
    return keys


def _candidates(buckets: dict[tuple[int, int], list[int]], keys: list[tuple[int, int]]) -> list[int]:
    """Places of songs that stay and share a bucket, each once."""
    return list(dict.fromkeys(place for key in keys for place in buckets[key][:_LARGEST_BUCKET]))


def _twin_among(
    candidates: list[int], place: int, values: Matrix, words: Callable[[int], Words]
) -> tuple[int, float] | None:
    """The first of the candidates that is near enough, those with the likest sketches first."""
    if not candidates:
        return None
    agreeing = (values[candidates] == values[place]).sum(1)
    for at in np.argsort(-agreeing, kind="stable")[:_MOST_COMPARED]:
        if agreeing[at] < _ENOUGH_VALUES:
            return None
        share = _share(words(place), words(candidates[at]), NEAR)
        if share >= NEAR:
            return candidates[at], share
    return None


def drop_duplicates(songs: Sequence[Song]) -> tuple[list[Song], list[Dropped]]:
    """The songs that stay, in their order, and those that go with whom they repeat and how nearly."""
    twins = find_twins([sketch(song) for song in songs], lambda number: songs[number].lyrics)
    kept = [song for number, song in enumerate(songs) if number not in twins]
    dropped = [
        explain(song, songs[twins[number].of], twins[number]) for number, song in enumerate(songs) if number in twins
    ]
    return kept, dropped


def explain(song: Song, original: Song, twin: Twin) -> Dropped:
    """The entry of the report for a song that goes."""
    name = f"{original.title or original.id!r} ({original.id})"
    if twin.exact:
        return Dropped.of(song, "duplicate", f"same words as {name}", similarity=1.0)
    share = round(twin.similarity, 2)
    return Dropped.of(song, "near-duplicate", f"{share:.0%} of the shorter one stands in {name} too", similarity=share)

"""Which runs of words stand in the songs that a model has learnt: an index of hashes, without the songs.

Whether a run of n words, any n, stands in some songs follows from few of their runs. Take a run "a m b",
where "a m" and "m b" stand in the songs. If every m has the same word before it, or the same behind it,
"a m b" stands there too. Only where an m forks, with several neighbours on both sides, must be known which
of them meet. So the index holds the forks, and of the runs: single words, and every fork with its two
neighbours (bispecial factors and their extensions: Béal, Mignosi & Restivo 1996, "Minimal forbidden words
and symbolic dynamics"). In a few thousand songs that is about two runs a word of text, four bytes each,
and it answers for every length up to LONGEST exactly, but for hashes that are alike by chance, less than
once in 10^8 questions, which make a run too long, never too short.

What is kept are sorted hashes: no order, no word. It cannot be read, searched for or trained on. It is no
lock either: whoever asks it word by word, with a dictionary, can build up the songs again, as with any index
that gives right answers. A folder for which that matters can do without: the file may be deleted.

Shapes: N words of all songs and the marks between them, P places where a run begins.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from core.artifacts import shown
from core.errors import UserError
from core.tensors import load_tensors, save_tensors
from core.words import folded_words
from pretrain.encoder import text_pieces
from pretrain.hashset import Flags, Hashes, HashSet
from pretrain.split import Split, some_songs

PHRASES = "originality.safetensors"

# Words: beyond this, a run is one where each part of this length stands in the songs, which may make it too long,
# never too short.
LONGEST = 40

# Words that are indexed together; building takes about 200 bytes of memory for each. One song is never cut.
PART = 2_000_000

# Of more text than this, the index holds songs drawn evenly: a file takes up to two bytes for each of their characters.
MOST = 30_000_000  # characters

PIECE = 1 << 16  # characters, of a long text from which only some is taken

_VERSION = "1"
_NOTHING = 0x243F6A8885A308D3  # the hash of no words
_SPREAD = 0x9E3779B97F4A7C15
_ALL = (1 << 64) - 1

Ids = np.ndarray[Any, np.dtype[np.int32]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]


def longer(word: int, run: int) -> int:
    """The hash of a run with a word put before it."""
    mixed = (word ^ run) * _SPREAD & _ALL
    return mixed ^ mixed >> 29


def _longer(words: Hashes, runs: Hashes) -> Hashes:
    """The same of many."""
    mixed = (words ^ runs) * np.uint64(_SPREAD)
    return mixed ^ mixed >> np.uint64(29)


@lru_cache(maxsize=1 << 16)
def word_hash(word: str) -> int:
    """64 bits of a word."""
    return int.from_bytes(hashlib.blake2b(word.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Part:
    """The index of some songs."""

    runs: HashSet
    forks: HashSet
    deepest: int
    """Words of the longest fork."""

    def length(self, hashes: Sequence[int], end: int, before: int) -> int:
        """Words of the longest run that ends with word number `end`, given that of the word before it."""
        run, middle = longer(hashes[end], _NOTHING), _NOTHING
        if run not in self.runs:
            return 0
        for start in range(end - 1, end - 1 - min(before, self.deepest + 1), -1):
            run = longer(hashes[start], run)
            if run not in self.runs and middle in self.forks:
                return end - start
            middle = longer(hashes[start], middle)
        return before + 1


@dataclass(frozen=True)
class PhraseIndex:
    """The index of all songs learnt."""

    parts: tuple[Part, ...]
    share: float = 1.0
    """Of the songs that are indexed: less than all where there are too many."""


def index_split(split: Split, base: PhraseIndex | None = None) -> PhraseIndex:
    """The index of a corpus's train side; with a `base`, of what that was learnt from, too."""
    share = min(1.0, MOST / max(1, split.characters))
    texts: Iterable[str] = (song.lyrics for song in split.train)
    if share < 1:
        if split.document == "text":
            pieces = list(text_pieces(split.train[0].lyrics, PIECE))
            texts = (pieces[place] for place in evenly(len(pieces), share))
        else:
            texts = (song.lyrics for song in some_songs(split.train, evenly(len(split.train), share)))
    index = build_index(texts, base)
    return replace(index, share=min(index.share, share))


def evenly(count: int, share: float) -> list[int]:
    """Places of a share of so many, at least one, at even distances."""
    drawn = max(1, int(count * share))
    return [place * count // drawn for place in range(drawn)]


def build_index(songs: Iterable[str], base: PhraseIndex | None = None) -> PhraseIndex:
    """The index of songs; with a `base`, of those that it stands for, too.

    Takes about 3 seconds per million words. A run never goes from one song into the next.
    """
    parts = list(base.parts) if base else []
    stream = _Stream()
    # In a process beside another, the bar is the other's.
    hidden = True if parent_process() else None
    for song in tqdm(songs, "indexing", unit=" songs", delay=2, leave=False, disable=hidden):
        if len(stream.ids) > PART:
            parts.append(stream.part())
            stream = _Stream()
        stream.add(folded_words(song))
    return PhraseIndex((*parts, stream.part()), base.share if base else 1.0)


def save_index(folder: Path, index: PhraseIndex) -> None:
    """Write the index into a checkpoint folder."""
    arrays = {
        f"{number}.{name}.{key}": array
        for number, part in enumerate(index.parts)
        for name, hashes in (("runs", part.runs), ("forks", part.forks))
        for key, array in hashes.arrays.items()
    }
    deepest = " ".join(str(part.deepest) for part in index.parts)
    save_tensors(folder / PHRASES, arrays, {"version": _VERSION, "deepest": deepest, "share": repr(index.share)})


def load_index(folder: Path) -> PhraseIndex:
    """Read the index of a checkpoint folder.

    Raises UserError when it is missing, damaged, or of another version.
    """
    path = folder / PHRASES
    arrays, metadata = load_tensors(path, mapped=True)
    if metadata.get("version") != _VERSION:
        raise UserError(f"{shown(path)} was written by another version", "train it again")
    parts: list[Part] = []
    for number, deepest in enumerate(metadata["deepest"].split()):
        runs, forks = (
            HashSet(arrays[f"{number}.{name}.starts"], arrays[f"{number}.{name}.rests"]) for name in ("runs", "forks")
        )
        parts.append(Part(runs, forks, int(deepest)))
    return PhraseIndex(tuple(parts), float(metadata["share"]))


class _Stream:
    """Songs one after the other as numbers of words, with 0 before and behind each."""

    def __init__(self) -> None:
        self.ids = array("i", [0])
        self._numbers: dict[str, int] = {}

    def add(self, words: list[str]) -> None:
        numbers = self._numbers
        self.ids.extend([numbers.setdefault(word, len(numbers) + 1) for word in words])
        self.ids.append(0)

    def part(self) -> Part:
        ids = np.frombuffer(self.ids, np.int32)
        hashes = [0, *map(word_hash, self._numbers)]
        words = np.array(hashes, np.uint64)[ids]
        found = _find_forks(ids, words)
        forks = HashSet.of(np.concatenate(found))
        deepest = len(found) - 1
        return Part(HashSet.of(np.concatenate(list(_find_runs(ids, words, forks, deepest)))), forks, deepest)


def _find_forks(ids: Ids, words: Hashes) -> list[Hashes]:
    """The hashes of the forks of no word, 1 word, 2 words, … up to the longest."""
    found = [np.array([_NOTHING], np.uint64)]
    places = np.flatnonzero(ids)  # (P,), where runs begin that may stand elsewhere, too
    names = ids[places].astype(np.int64)  # (P,), the same for equal runs
    runs = np.full(len(ids) + 1, _NOTHING, np.uint64)  # of the runs that begin at each place
    for length in range(1, LONGEST - 1):
        if not len(places):
            break
        runs = _longer(words[: len(runs) - 1], runs[1:])
        order = np.argsort(names, kind="stable")
        places, names = places[order], names[order]
        starts = np.flatnonzero(np.diff(names, prepend=-1))
        counts = np.diff(starts, append=len(places))
        behind = ids[places + length]
        forked = _differ(ids[places - 1], starts) & _differ(behind, starts)
        found.append(runs[places[starts[forked]]])
        # What stands once has one neighbour on each side, and so has all that it begins.
        going_on = np.repeat(counts > 1, counts) & (behind > 0)
        names = (np.repeat(np.arange(len(starts)), counts) << 32 | behind)[going_on]
        places = places[going_on]
    while not len(found[-1]):
        found.pop()
    return found


def _differ(neighbours: Ids | Numbers, starts: Numbers) -> Flags:
    """Of groups of neighbours, given where each starts: whether any two are not the same."""
    return np.minimum.reduceat(neighbours, starts) != np.maximum.reduceat(neighbours, starts)


def _find_runs(ids: Ids, words: Hashes, forks: HashSet, deepest: int) -> Iterator[Hashes]:
    """The hashes of all words, and of all forks with a word on each side.

    What is a fork is asked of the set, which answers the same later: what it takes for one by mistake
    has its runs there.
    """
    ends = np.flatnonzero(ids == 0)
    room = np.repeat(ends, np.diff(ends, prepend=-1)) - np.arange(len(ids))  # (N,), words to the end of the song
    middles = np.full(len(ids) + 1, _NOTHING, np.uint64)
    longer_by_one = _longer(words, middles[1:])
    yield longer_by_one[room > 0]
    for length in range(deepest + 1):
        runs = _longer(words[: len(longer_by_one) - 1], longer_by_one[1:])
        yield runs[forks.holds(middles[1 : len(runs) + 1]) & (room[: len(runs)] >= length + 2)]
        middles, longer_by_one = longer_by_one, runs

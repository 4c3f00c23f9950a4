"""How much of a text stands word for word in the songs that the model has learnt, and a guard against it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.corpus import Song
from core.words import folded_words
from pretrain.phrases import PhraseIndex, word_hash

# A run is called copied from so many words on: shorter ones are how a language speaks.
COPIED = 6


@dataclass(frozen=True)
class Run:
    """Words that stand in the songs, one behind the other."""

    start: int
    """Number of its first word in the text."""
    length: int
    """In words."""


@dataclass(frozen=True)
class Originality:
    """What of a text is copied."""

    longest: int
    """Words of the longest run that stands in the songs learnt."""
    share: float
    """Of the words that are in runs of COPIED words or more, 0 to 1."""
    runs: tuple[Run, ...]
    """Those runs, none of them within another."""

    def __str__(self) -> str:
        return f"longest {self.longest} word{'' if self.longest == 1 else 's'}, {100 * self.share:.0f} %"


def measure(index: PhraseIndex, text: str) -> Originality:
    """Look for a text's words in the songs learnt."""
    lengths = RunLengths(index).of_new(folded_words(text))
    runs = tuple(run for run in maximal_runs(lengths) if run.length >= COPIED)
    copied = sum(length >= COPIED for length in covers(lengths))
    return Originality(max(lengths, default=0), copied / max(1, len(lengths)), runs)


def maximal_runs(lengths: Sequence[int]) -> list[Run]:
    """The runs that go on neither before nor behind, given the length of the longest that ends with each word."""
    ends = [place for place, (here, behind) in enumerate(pairwise([*lengths, 0])) if behind <= here and here]
    return [Run(end + 1 - lengths[end], lengths[end]) for end in ends]


def covers(lengths: Sequence[int]) -> list[int]:
    """The length of the longest run that each word is in, given the same."""
    found = [0] * len(lengths)
    for run in maximal_runs(lengths):
        for place in range(run.start, run.start + run.length):
            found[place] = max(found[place], run.length)
    return found


class RunLengths:
    """How long the runs are that end with the words of a text, which may grow or be taken back between calls."""

    def __init__(self, index: PhraseIndex) -> None:
        self._parts = index.parts
        self._words: list[str] = []
        self._hashes: list[int] = []
        self._lengths: list[list[int]] = [[] for _ in index.parts]

    def of_new(self, words: Sequence[str]) -> list[int]:
        """Words of the longest run that ends with each word that is new since the last call; the last one always is."""
        said = words if isinstance(words, list) else list(words)
        known = max(0, min(len(self._words), len(said) - 1))
        while self._words[:known] != said[:known]:
            known -= 1
        if known < len(self._words):
            for state in (self._words, self._hashes, *self._lengths):
                del state[known:]
        new = said[known:]
        self._words += new
        self._hashes += map(word_hash, new)
        for part, lengths in zip(self._parts, self._lengths, strict=True):
            for end in range(known, len(said)):
                lengths.append(part.length(self._hashes, end, lengths[-1] if lengths else 0))
        return [max(of_parts) for of_parts in zip(*(lengths[known:] for lengths in self._lengths), strict=True)]


class CopyGuard:
    """Says of a text that is being written, word by word, whether it may go on like this."""

    def __init__(self, index: PhraseIndex, max_words: int) -> None:
        """No run of the songs learnt may be longer than `max_words`, at least 1."""
        assert max_words >= 1
        self._max_words = max_words
        self._lengths = RunLengths(index)

    def allows(self, words: Sequence[str]) -> bool:
        """Whether the last of a text's folded words may stand behind the others, which may.

        Takes some microseconds for the last, and as much for each other that was not asked before.
        """
        return self._lengths.of_new(words)[-1] <= self._max_words


def find_sources(songs: Iterable[Song], runs: Sequence[Sequence[str]]) -> list[Song | None]:
    """The first song that holds each run of folded words; None where none does."""
    wanted = [f" {' '.join(run)} " for run in runs]
    found: list[Song | None] = [None] * len(runs)
    for song in songs:
        text = f" {' '.join(folded_words(song.lyrics))} "
        for number, run in enumerate(wanted):
            if found[number] is None and run in text:
                found[number] = song
        if None not in found:
            break
    return found

"""How varied texts are, how long, and how much they repeat themselves: figures to hold against those of real songs."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.words import folded_words

# The share of distinct n-grams falls with the length of a text, so it is measured on equally many words, drawn
# as often as this.
DRAWS = 20

REPEATED = 4  # words: a phrase

Words = Sequence[str]


@dataclass(frozen=True)
class Spread:
    """How long things are."""

    low: float
    """A tenth are shorter."""
    median: float
    high: float
    """A tenth are longer."""

    def __str__(self) -> str:
        return f"{self.median:,.0f} ({self.low:,.0f} to {self.high:,.0f})"


@dataclass(frozen=True)
class Habits:
    """What of a song can be counted without understanding it. Headings are no lines here."""

    lines: list[int]
    """Of each song."""
    characters: list[int]
    """Of each line."""
    repeated_lines: float
    """Share of the lines that stood in their song before."""
    repeated_phrases: float
    """Share of the runs of REPEATED words that stood in their song before (rep-n: Welleck et al. 2020, section 4)."""


def habits(texts: Sequence[str]) -> Habits:
    """Count lengths and repetitions in songs."""
    songs = [[line.strip() for line in text.split("\n") if folded_words(line)] for text in texts]
    lines = [[tuple(folded_words(line)) for line in song] for song in songs]
    phrases = [_ngrams(folded_words(text), REPEATED) for text in texts]
    return Habits(
        [len(song) for song in songs],
        [len(line) for song in songs for line in song],
        _repeated(lines),
        _repeated(phrases),
    )


def spread(values: Sequence[int]) -> Spread | None:
    """The middle and the ends; None of nothing."""
    if not values:
        return None
    low, median, high = np.quantile(values, [0.1, 0.5, 0.9])
    return Spread(float(low), float(median), float(high))


def distinct(texts: Sequence[str], n: int, words: int, seed: int = 1) -> float | None:
    """Distinct-n: of all runs of n words, the share that are different (Li et al. 2016, section 5.2).

    Measured on so many words of the songs, in random order; the mean of DRAWS orders. None where there
    are fewer words than that, or too few for one run.
    """
    songs = [folded_words(text) for text in texts]
    if words < n or sum(map(len, songs)) < words:
        return None
    chance = random.Random(seed)  # noqa: S311 -- nobody's secret
    shares: list[float] = []
    for _ in range(DRAWS):
        chance.shuffle(songs)
        left, runs = words, list[Words]()
        for song in songs:
            runs += _ngrams(song[:left], n)
            left -= min(left, len(song))
        if runs:
            shares.append(len(set(runs)) / len(runs))
    return sum(shares) / len(shares) if shares else None


def _ngrams(words: Sequence[str], n: int) -> list[Words]:
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def _repeated(songs: Sequence[Sequence[Words]]) -> float:
    """Of the things in songs, the share that stood in the same song before."""
    every = sum(map(len, songs))
    return 1 - sum(len(set(song)) for song in songs) / every if every else 0.0

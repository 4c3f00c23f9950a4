"""What a text costs without a neural network: the figures that a trained model has to beat.

Both learn the train side's lyrics and are charged for the validation side's, in bits per character.
Titles, marks and ends are neither learnt nor charged, which a model's own figure includes.
"""

import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Integers = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

# Characters that a prediction looks back on.
ORDER = 5

# Unicode's code points without the surrogates: what a character can be, seen or not.
UNICODE = 0x110000 - 0x800

# Discounts for n-grams seen once, twice, and more often, where too few are rare for an estimate.
FALLBACK = (0.5, 1.0, 1.5)

# LZMA2's window, in bytes: what liblzma accepts.
SMALLEST_WINDOW, LARGEST_WINDOW = 4096, 3 << 29


def ngram_bits_per_char(train: Sequence[str], val: Sequence[str], order: int = ORDER) -> float:
    """Bits per character of `val` under an n-gram of `train` that looks back on `order` characters.

    Takes about 100 bytes of memory per character of `train`, and a second for 300,000 of them.
    """
    characters = sum(map(len, val))
    assert characters, "nothing to be charged for"
    return -float(NGram(train, order).log2_probabilities(val).sum()) / characters


def xz_bits_per_char(train: Sequence[str], val: Sequence[str]) -> float:
    """Bits per character that `val` adds to `train` when xz compresses both, with all of it in its window."""
    characters = sum(map(len, val))
    assert characters, "nothing to be charged for"
    alone, both = ("\n\n".join(texts).encode() for texts in (train, [*train, *val]))
    window = min(LARGEST_WINDOW, max(SMALLEST_WINDOW, len(both)))
    return 8 * (_compressed(both, window) - _compressed(alone, window)) / characters


def _compressed(data: bytes, window: int) -> int:
    preset = 9 | lzma.PRESET_EXTREME
    filters = [{"id": lzma.FILTER_LZMA2, "preset": preset, "dict_size": window}]
    return len(lzma.compress(data, lzma.FORMAT_RAW, filters=filters))


@dataclass(frozen=True)
class _Level:
    """The n-grams of one length, G of them; their contexts are the n-grams one shorter, C of them.

    An n-gram's key is its context's number × alphabet + its last character.
    """

    keys: Integers
    """(G,), sorted; an n-gram's place among them is its number."""
    shares: Floats
    """(G,) What the discount leaves of an n-gram's count, as a share of all that follows its context."""
    escapes: Floats
    """(C,) The share that discounts set free: the level below hands it out."""


class NGram:
    """Character n-grams with interpolated modified Kneser-Ney smoothing.

    Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 3.
    The shortest n-grams are interpolated with equal shares for all of Unicode, so the probabilities of
    all characters, seen or not, sum to one after every history. A history ends where its text begins.
    """

    def __init__(self, texts: Sequence[str], order: int = ORDER) -> None:
        """Count `texts`; predictions look back on `order` characters, at least one."""
        self._order = order
        self._seen = np.unique(_code_points("".join(texts)))
        # One number for all characters that were not seen, and one for the places before a text.
        self._alphabet = len(self._seen) + 2
        self._before = self._alphabet - 1
        stream = self._stream(texts)
        numbers = np.zeros(len(stream), np.int64)  # of the n-gram that ends at each place
        keys: list[Integers] = []
        counts: list[Integers] = []
        for length in range(1, order + 2):
            shorter = numbers
            found, first, numbers = np.unique(
                _shift(shorter) * self._alphabet + stream, return_index=True, return_inverse=True
            )
            if length > 1:
                # A shorter n-gram counts as often as a new character stands before it.
                counts.append(np.bincount(shorter[first], minlength=len(keys[-1])))
            keys.append(found)
        counts.append(np.bincount(numbers, minlength=len(keys[-1])))
        contexts = [1, *map(len, keys)]
        self._levels = [self._level(*level) for level in zip(keys, counts, contexts, strict=False)]

    def log2_probabilities(self, texts: Sequence[str]) -> Floats:
        """Of every character of `texts`, given up to `order` characters before it; one after another."""
        stream = self._stream(texts)
        probabilities = np.full(len(stream), 1 / UNICODE)
        contexts = np.zeros(len(stream), np.int64)  # -1 where the context was never seen
        for level in self._levels:
            keys = np.where(contexts < 0, -1, contexts * self._alphabet + stream)
            places = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            numbers = np.where(level.keys[places] == keys, places, -1)
            shares = np.where(numbers < 0, 0, level.shares[places])
            escapes = np.where(contexts < 0, 1, level.escapes[contexts])
            probabilities = shares + escapes * probabilities
            contexts = _shift(numbers)
        return np.log2(probabilities[stream != self._before])

    def _stream(self, texts: Sequence[str]) -> Integers:
        """Characters as numbers below `alphabet`, each text behind as many places as a history has."""
        before = np.full(self._order, self._before)
        pieces = [before]
        for text in texts:
            points = _code_points(text)
            numbers = np.searchsorted(self._seen, points)
            pieces += [before, np.where(np.isin(points, self._seen), numbers, self._before - 1)]
        return np.concatenate(pieces)

    def _level(self, keys: Integers, counts: Integers, contexts: int) -> _Level:
        owners, characters = np.divmod(keys, self._alphabet)
        counts = np.where(characters == self._before, 0, counts)  # the places before a text are given
        discounts = np.array([0.0, *_discounts(counts)])[np.minimum(counts, 3)]
        totals = np.bincount(owners, counts, contexts)
        freed = np.bincount(owners, discounts, contexts)
        shares = np.divide(counts - discounts, totals[owners], out=np.zeros(len(keys)), where=counts > 0)
        escapes = np.divide(freed, totals, out=np.ones(contexts), where=totals > 0)
        return _Level(keys, shares, escapes)


def _discounts(counts: Integers) -> tuple[float, ...]:
    """What n-grams seen once, twice, and more often give up (Chen & Goodman's equation 26)."""
    once, twice, thrice, four_times = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (once and twice and thrice):
        return FALLBACK
    ratio = once / (once + 2 * twice)
    discounts = (1 - 2 * ratio * twice / once, 2 - 3 * ratio * thrice / twice, 3 - 4 * ratio * four_times / thrice)
    return discounts if min(discounts) > 0 else FALLBACK


def _shift(numbers: Integers) -> Integers:
    """What stood one place earlier."""
    return np.concatenate([numbers[:1], numbers[:-1]])


def _code_points(text: str) -> Integers:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)

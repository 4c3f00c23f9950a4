"""Sets of 64-bit hashes that take four bytes of each.

Sorted, hashes share their first bits with their neighbours: those that begin alike stand in one bucket,
and only the 32 bits that follow are kept (quotienting: Knuth, TAOCP 3, section 6.4, exercise 13). The bits
behind are dropped, so a set may claim a hash that it was not given, once in 2^32 / FILL questions; it never
denies one that it was given.

Shapes: N hashes, S kept of them, B buckets.
"""

from bisect import bisect_left
from functools import cached_property
from typing import Any

import numpy as np

from core.tensors import Arrays

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

KEPT = 32  # bits
_REST = (1 << KEPT) - 1
_NONE = np.uint64(np.iinfo(np.uint64).max)  # 64 bits, where a cut hash has fewer

# Hashes in a bucket, on average: fewer make the table of buckets larger, more make wrong claims likelier.
FILL = 16

# Bits behind a bucket's that `holds` looks at first: with 2^8 places for 16 hashes, few others are looked up.
_SIEVE = 8


class HashSet:
    """Asked hash by hash, or with many at once."""

    def __init__(self, starts: np.ndarray[Any, Any], rests: np.ndarray[Any, Any]) -> None:
        """`starts` (B + 1,) uint32: where each bucket begins in `rests` (S,) uint32; B is a power of two."""
        self.arrays: Arrays = {"starts": starts, "rests": rests}
        self._bits = (len(starts) - 1).bit_length() - 1
        self._shift, self._drop = 64 - self._bits, 64 - self._bits - KEPT
        self._first = np.uint64(self._shift - _SIEVE)
        # numpy takes four times as long to hand out a number.
        self._starts, self._rests = starts.data, rests.data

    @classmethod
    def of(cls, hashes: Hashes) -> "HashSet":
        """The set of `hashes` (N,), in any order, repeated or not."""
        bits = max(1, (len(hashes) // FILL).bit_length())
        cut = np.sort(hashes >> np.uint64(64 - bits - KEPT))
        cut = cut[np.flatnonzero(np.diff(cut, prepend=_NONE))]
        starts = np.searchsorted(cut, np.arange((1 << bits) + 1, dtype=np.uint64) << np.uint64(KEPT))
        return cls(starts.astype(np.uint32), (cut & np.uint64(_REST)).astype(np.uint32))

    def __reduce__(self) -> tuple[type["HashSet"], tuple[Any, Any]]:
        # To another process goes what is kept, nothing that follows from it.
        return HashSet, (self.arrays["starts"], self.arrays["rests"])

    def __len__(self) -> int:
        return len(self._rests)

    def __contains__(self, hash_: int) -> bool:
        bucket, rest = hash_ >> self._shift, hash_ >> self._drop & _REST
        end = self._starts[bucket + 1]
        place = bisect_left(self._rests, rest, self._starts[bucket], end)
        return place < end and self._rests[place] == rest

    def holds(self, hashes: Hashes) -> Flags:
        """Whether each of (N,) is in the set: (N,)."""
        kept, first_bits = self._unpacked
        found = first_bits[hashes >> self._first]
        places = np.flatnonzero(found)
        likely = hashes[places] >> np.uint64(self._drop)
        nearest = np.minimum(np.searchsorted(kept, likely), len(kept) - 1)
        found[places] = kept[nearest] == likely
        return found

    @cached_property
    def _unpacked(self) -> tuple[Hashes, Flags]:
        """The kept bits of each hash (S,), and whether any begins with some bits: a table that few others pass."""
        starts, rests = self.arrays["starts"], self.arrays["rests"]
        buckets = np.repeat(np.arange(len(starts) - 1, dtype=np.uint64), np.diff(starts))
        kept = buckets << np.uint64(KEPT) | rests
        begins = np.zeros(1 << self._bits + _SIEVE, np.bool_)
        begins[kept >> np.uint64(KEPT - _SIEVE)] = True
        return kept, begins

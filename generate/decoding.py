"""The only decode loop: many sequences at once, each joining when there is room and leaving when it ends.

Shapes: V vocab_size.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from generate.network import Network

# Rows side by side: each weight that is fetched from memory serves them all. On a CPU, 32 gave 8 to 19 % more tokens
# a second than 16; what is kept of each row takes memory, too.
MAX_ROWS = 32


@dataclass(frozen=True)
class TakeBack:
    """What `choose` returns to have the last ids of its sequence forgotten; 0 asks once more for the same place."""

    tokens: int


class Sequence:
    """Ids being written: the prompt (at least one id), and what `choose` adds to it."""

    def __init__(self, prompt: Iterable[int]) -> None:
        self.ids = list(prompt)
        assert self.ids, "there must be something to go on from"
        self.network: Network | None = None
        self.seen: int | None = None
        """Of the ids, the last ones that the network sees where a window does not slide."""

    def choose(self, logits: np.ndarray) -> int | TakeBack | None:
        """The id that follows, by its logits (V,); None ends the sequence."""
        raise NotImplementedError

    def exact(self) -> np.ndarray:
        """The logits (V,) of the next id as they follow from the ids alone, whatever else is being decoded."""
        assert self.network is not None, "only while it is being decoded"
        return self.network.read(self.ids if self.seen is None else self.ids[-self.seen :])


S = TypeVar("S", bound=Sequence)


class Decoder(Generic[S]):
    """Sequences that are being written, up to `max_rows` at once; more wait for their turn."""

    def __init__(self, network: Network, max_rows: int = MAX_ROWS) -> None:
        self.network, self.max_rows = network, max_rows
        self.live: list[S] = []
        self.waiting: deque[S] = deque()
        self._logits: list[np.ndarray] = []

    def add(self, sequence: S) -> None:
        """Have it written, as soon as there is room."""
        self.waiting.append(sequence)

    def remove(self, sequence: S) -> None:
        """Stop writing it."""
        if sequence in self.live:
            self._drop(self.live.index(sequence))
        elif sequence in self.waiting:
            self.waiting.remove(sequence)

    def step(self) -> list[S]:
        """Let every live sequence choose, and read what they chose; returns those that ended."""
        self._admit()
        ended: list[S] = []
        # From the last row on: the last one takes the place of one that leaves.
        for row in reversed(range(len(self.live))):
            sequence = self.live[row]
            sequence.seen = None if self.network.slides else self.network.length(row)
            while isinstance(chosen := sequence.choose(self._logits[row]), TakeBack) and not chosen.tokens:
                pass
            if chosen is None:
                ended.append(sequence)
                self._drop(row)
            elif isinstance(chosen, TakeBack):
                del sequence.ids[-chosen.tokens :]
                # The id that is last now is read again, for the logits behind it.
                if not self.network.take_back(row, chosen.tokens + 1):
                    self._restart(row)
            else:
                sequence.ids.append(chosen)
                if not self.network.has_room(row):
                    self._restart(row)
        if self.live:
            self._logits = list(self.network.advance([sequence.ids[-1] for sequence in self.live]))
        return ended

    def _restart(self, row: int) -> None:
        """Read a row's ids anew, but for the last, which is about to be read.

        Where positions are learned, they start over behind the later half of the window: a token costs
        on average less than two passes.
        """
        ids, size = self.live[row].ids, self.network.config.block_size
        if not self.network.slides and len(ids) > size:
            ids = ids[-max(1, size // 2) :]
        self.network.restart(row, ids[:-1])

    def _admit(self) -> None:
        while self.waiting and len(self.live) < self.max_rows:
            sequence = self.waiting.popleft()
            sequence.network = self.network
            self._logits.append(self.network.add(sequence.ids))
            self.live.append(sequence)

    def _drop(self, row: int) -> None:
        self.network.remove(row)
        self.live[row], self._logits[row] = self.live[-1], self._logits[-1]
        del self.live[-1], self._logits[-1]


def decode(network: Network, sequences: Iterable[S], max_rows: int = MAX_ROWS) -> Iterator[list[S]]:
    """Write all of `sequences` to their ends; yields after each step the ones that it ended."""
    decoder = Decoder[S](network, max_rows)
    decoder.waiting.extend(sequences)
    try:
        while decoder.live or decoder.waiting:
            yield decoder.step()
    finally:
        for sequence in decoder.live.copy():
            decoder.remove(sequence)

"""How many threads a CPU computes fastest with, found out while it works.

Two threads wait for each other hundreds of times a step. On a machine that does something else besides,
that made training ten times slower than one thread alone; on a quiet one two are nearly twice as fast.
"""

import time
from collections.abc import Callable

import torch

# Steps between two looks at what the other count would do, and steps of such a look.
EVERY, TRIAL = 60, 2

# The other count must be this much faster: noise should not switch back and forth.
GAIN = 0.9


class ThreadChooser:
    """Tries one thread and all of them by turns, on steps that compute anyway; keeps the faster."""

    def __init__(self, set_threads: Callable[[int], object] = torch.set_num_threads, every: int = EVERY) -> None:
        """`set_threads` says how many; `every` so many steps both are tried."""
        self._set_threads, self._every = set_threads, every
        self._counts = sorted({1, torch.get_num_threads()}, reverse=True)
        self._seconds: dict[int, float] = {}
        self._step = 0
        self._start = 0.0

    def begin(self) -> None:
        """A step begins."""
        phase = self._step % self._every
        if len(self._counts) > 1 and phase in (0, TRIAL):
            self._set_threads(self._counts[phase // TRIAL])
        self._start = time.perf_counter()

    def end(self) -> None:
        """A step has ended."""
        seconds = time.perf_counter() - self._start
        phase = self._step % self._every
        self._step += 1
        if len(self._counts) == 1 or phase >= 2 * TRIAL:
            return
        count = self._counts[phase // TRIAL]
        # The first step after a change pays for waking threads; the quicker of the two tells.
        self._seconds[count] = seconds if phase % TRIAL == 0 else min(seconds, self._seconds[count])
        if phase == 2 * TRIAL - 1:
            favourite, other = self._counts
            if self._seconds[other] < GAIN * self._seconds[favourite]:
                self._counts.reverse()
            self._set_threads(self._counts[0])

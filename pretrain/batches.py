"""A part's stream, cut into the sequences of a step.

Shapes: B sequences of a batch, L tokens of a sequence.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from pretrain.tokens import IGNORE, Part

# Of one forward pass during evaluation: bounds its memory, whatever the block size.
EVAL_TOKENS = 8192


class Batches:
    """Training sequences, resident on the device; which ones make a step follows from seed and step alone.

    Each epoch cuts the stream anew, from a random offset, and visits every piece once in random order.
    The stream is a ring, so that its ends are learnt as often as its middle.
    """

    def __init__(self, part: Part, length: int, batch_size: int, seed: int, device: torch.device) -> None:
        assert 1 <= length <= len(part.inputs), "sequences longer than the stream"
        self._inputs = torch.from_numpy(part.inputs).to(device, torch.long)
        self._targets = torch.from_numpy(part.targets).to(device, torch.long)
        self._length, self._batch_size, self._seed = length, batch_size, seed
        self._pieces = len(part.inputs) // length
        self._epoch = -1
        self._starts = np.empty(0, np.int64)

    @property
    def steps_per_epoch(self) -> float:
        """Steps until every token was seen about once."""
        return self._pieces / self._batch_size

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets, each (B, L), of a step counted from 0."""
        first = step * self._batch_size
        starts = [self._start(piece) for piece in range(first, first + self._batch_size)]
        offsets = torch.tensor(starts, device=self._inputs.device)[:, None]
        index = (offsets + torch.arange(self._length, device=self._inputs.device)) % len(self._inputs)
        return self._inputs[index], self._targets[index]

    def _start(self, piece: int) -> int:
        epoch, position = divmod(piece, self._pieces)
        if epoch != self._epoch:
            random = np.random.default_rng((self._seed, epoch))
            self._starts = random.permutation(self._pieces) * self._length + random.integers(self._length)
            self._epoch = epoch
        return int(self._starts[position])


def eval_batches(part: Part, length: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """The whole part, every target once, in sequences of `length` (the last is filled up and ignored)."""
    missing = -len(part.inputs) % length
    inputs = np.pad(part.inputs, (0, missing)).reshape(-1, length)
    targets = np.pad(part.targets, (0, missing), constant_values=IGNORE).reshape(-1, length)
    rows = max(1, EVAL_TOKENS // length)
    for start in range(0, len(inputs), rows):
        pair = (torch.from_numpy(array[start : start + rows]) for array in (inputs, targets))
        x, y = (tensor.to(device, torch.long) for tensor in pair)
        yield x, y

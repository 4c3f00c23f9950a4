"""A part's stream, cut into the sequences of a step.

Shapes: B sequences of a batch, L tokens of a sequence, T tokens of the part.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pretrain.tokens import IGNORE, Part

# Of one forward pass during evaluation: bounds its memory, whatever the block size.
EVAL_TOKENS = 8192

# Of a whole evaluation: so many tokens tell any two models apart, and a CPU reads them in half a minute.
EVAL_LIMIT = 500_000

# A part up to this size lies on the accelerator; a larger one stays in its file, and batches are copied over.
RESIDENT = 1 << 30  # bytes

Numbers = np.ndarray[Any, np.dtype[np.int64]]


class Batches:
    """Training sequences; which ones make a step follows from seed and step alone.

    Each epoch cuts the stream anew, from a random offset, and visits every piece once in random order.
    The stream is a ring, so that its ends are learnt as often as its middle. Beside a part that is
    mapped from its file, memory holds 4 bytes of each piece.
    """

    def __init__(self, part: Part, length: int, batch_size: int, seed: int, device: torch.device) -> None:
        assert 1 <= length <= len(part.inputs), "sequences longer than the stream"
        self._part, self._length, self._batch_size, self._seed = part, length, batch_size, seed
        self._device = device
        self._pieces = len(part.inputs) // length
        self._epoch, self._offset = -1, 0
        self._order = np.empty(0, np.uint32)
        self._resident: tuple[Tensor, Tensor] | None = None
        if device.type != "cpu" and part.inputs.nbytes + part.targets.nbytes <= RESIDENT:
            self._resident = torch.from_numpy(part.inputs).to(device), torch.from_numpy(part.targets).to(device)
        self._within = np.arange(length)

    @property
    def steps_per_epoch(self) -> float:
        """Steps until every token was seen about once."""
        return self._pieces / self._batch_size

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets, each (B, L) int64 on the device, of a step counted from 0."""
        index = self.places(step)
        if self._resident is not None:
            on_device = self._send(index)
            inputs, targets = (tensor[on_device].long() for tensor in self._resident)
            return inputs, targets
        inputs, targets = (
            self._send(array[index].astype(np.int64)) for array in (self._part.inputs, self._part.targets)
        )
        return inputs, targets

    def places(self, step: int) -> Numbers:
        """Where in the stream the inputs of a step stand, (B, L)."""
        return (self._starts(step * self._batch_size)[:, None] + self._within) % len(self._part.inputs)

    def _send(self, array: Numbers) -> Tensor:
        tensor = torch.from_numpy(array)
        if self._device.type == "cuda":
            # From pinned memory the copy needs no waiting.
            return tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor.to(self._device)

    def _starts(self, first: int) -> Numbers:
        """Where the pieces of a batch begin in the stream; `first` counts pieces over all epochs."""
        starts: list[Numbers] = []
        missing = self._batch_size
        while missing:
            epoch, position = divmod(first, self._pieces)
            self._shuffle(epoch)
            order = self._order[position : position + missing].astype(np.int64)
            starts.append(order * self._length + self._offset)
            first += len(order)
            missing -= len(order)
        return np.concatenate(starts)

    def _shuffle(self, epoch: int) -> None:
        if epoch != self._epoch:
            random = np.random.default_rng((self._seed, epoch))
            self._order = random.permutation(self._pieces).astype(np.uint32)
            self._offset = int(random.integers(self._length))
            self._epoch = epoch


def eval_batches(
    part: Part, length: int, device: torch.device, limit: int = EVAL_LIMIT
) -> Iterator[tuple[Tensor, Tensor]]:
    """The whole part, every target once, in sequences of `length` (the last is filled up and ignored).

    Of a part of more than `limit` tokens only about so many, drawn evenly and always the same.
    """
    step = max(1, EVAL_TOKENS // length) * length
    starts = range(0, len(part.inputs), step)
    drawn = max(1, min(len(starts), limit // step))
    for place in range(drawn):
        start = starts[place * len(starts) // drawn]
        inputs, targets = (array[start : start + step] for array in (part.inputs, part.targets))
        missing = -len(inputs) % length
        inputs = np.pad(inputs, (0, missing))
        targets = np.pad(targets, (0, missing), constant_values=IGNORE)
        pair = (torch.from_numpy(array.reshape(-1, length).astype(np.int64)) for array in (inputs, targets))
        x, y = (tensor.to(device) for tensor in pair)
        yield x, y

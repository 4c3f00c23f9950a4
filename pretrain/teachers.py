"""Distillation: a model learns from the songs, and from what earlier models, its teachers, expect at every place.

A song says which token came; a teacher says which might have come, and how likely. On few songs this
restrains as dropout does, and teaches besides (Hinton et al. 2015, arXiv 1503.02531). One teacher no
larger than its pupil is enough (Furlanello et al. 2018, "Born-Again Neural Networks", arXiv 1805.04770).

Shapes: T tokens of the train side, N tokens of some sequences, L tokens of a sequence, V vocabulary.
"""

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from core.errors import UserError
from pretrain.batches import EVAL_TOKENS, Numbers
from pretrain.config import LoopConfig
from pretrain.model import GPT
from pretrain.tokens import IGNORE, Part

Config = TypeVar("Config", bound=LoopConfig)

# The pupil trains twice as long as each of its teachers.
PUPIL_PARTS = 2

# Dropout that pupils and teachers were measured with.
TAUGHT_DROPOUT = 0.1

# Of the loss, what the songs say; the rest is what the teachers expect.
SONGS_SHARE = 0.5

# Probabilities of all tokens at all places lie in a file. The unlikely ones are most of what a teacher says: with
# the 32 likeliest alone nothing was gained.
LARGEST = 4 << 30  # bytes

Probabilities = np.ndarray[Any, np.dtype[np.float16]]


def budgets(config: Config, teachers: int) -> tuple[Config, Config]:
    """The settings of each teacher and of the pupil: together they take the budget of `config`."""
    parts = teachers + PUPIL_PARTS
    if config.max_steps is not None:
        each = config.max_steps // parts
        steps = max(1, each), max(1, config.max_steps - teachers * each)
        teacher, pupil = (dataclasses.replace(config, max_steps=some) for some in steps)
        return teacher, pupil
    assert config.minutes is not None, "without a budget there is nothing to share out"
    shares = (1 / parts, PUPIL_PARTS / parts)
    teacher, pupil = (dataclasses.replace(config, minutes=share * config.minutes) for share in shares)
    return teacher, pupil


def check_size(part: Part, vocab_size: int) -> None:
    """Raise UserError when the teachers' expectations would take too much of the disk."""
    needed = 2 * vocab_size * len(part.inputs)
    if needed > LARGEST:
        raise UserError(
            f"what teachers expect of {len(part.inputs):,} tokens would take {needed / 1e9:.1f} GB",
            "leave --teachers out: they help where a few songs are read many times",
        )


class Expectations:
    """What teachers expect to follow each token of the train side."""

    def __init__(self, probabilities: Probabilities, seconds: float = 0.0) -> None:
        """`probabilities` (T, V): row i is about what follows token i. It took `seconds` to ask for them."""
        self._probabilities, self.seconds = probabilities, seconds

    def at(self, places: Numbers, device: torch.device) -> Tensor:
        """The rows of `places`, an array of places of any shape: (…, V), float16."""
        return torch.from_numpy(self._probabilities[places]).to(device)


def expect(teachers: Sequence[GPT], part: Part, length: int, folder: Path) -> Expectations:
    """Ask the teachers about every place, and average their probabilities.

    They look back on at least half of `length` tokens; before the first token is the last. The
    answers lie in a nameless file in `folder`: nothing is left of it, however the process ends.
    """
    began = time.monotonic()
    back = length // 2
    new = length - back  # places of a window that have seen enough
    windows = max(1, EVAL_TOKENS // length)
    count = len(part.inputs)
    # Not mapped until it is whole: a full disk ends a process that writes into a mapping.
    with tempfile.TemporaryFile(dir=folder) as file:
        for start in range(0, count, windows * new):
            starts = np.arange(start, min(count, start + windows * new), new)
            ids = part.inputs[(starts[:, None] - back + np.arange(length)) % count]
            rows = _average(teachers, torch.from_numpy(ids.astype(np.int64)))[:, back:].flatten(0, 1)
            file.write(rows[: count - start].half().cpu().numpy().tobytes())
        file.flush()
        shape = (count, teachers[0].config.vocab_size)
        # As a plain array: numpy's memmap class makes every indexing slower.
        return Expectations(np.asarray(np.memmap(file, np.float16, "c", shape=shape)), time.monotonic() - began)


def distillation_loss(logits: Tensor, targets: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
    """Of logits (N, V): what is to be learnt, and of it the songs' own loss, each summed over the learnt targets (N,).

    The first is the cross-entropy to a mixture of what came and what was `expected` (N, V).
    """
    log_probabilities = logits.log_softmax(-1)
    songs = F.nll_loss(log_probabilities, targets, ignore_index=IGNORE, reduction="sum")
    taught = -(expected.float() * log_probabilities).sum(-1)[targets != IGNORE].sum()
    return SONGS_SHARE * songs + (1 - SONGS_SHARE) * taught, songs


def _average(teachers: Sequence[GPT], ids: Tensor) -> Tensor:
    """Mean probabilities of what follows each of (B, L): (B, L, V), float32."""
    ids = ids.to(teachers[0].device)
    total = torch.zeros(())
    for teacher in teachers:
        teacher.eval()
        with torch.no_grad(), torch.autocast("cuda", torch.bfloat16, enabled=ids.is_cuda):
            total = total.to(ids.device) + teacher(ids).float().softmax(-1)
    return total / len(teachers)

"""What a tuning needs to go on as if it had never stopped: one file, in the manner of pretrain/state.py."""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.artifacts import shown
from core.errors import UserError
from core.files import atomic_path
from core.tensors import load_tensors, save_tensors
from finetune.tuning.drafts import Drafts, Written
from pretrain.checkpoint import PREVIOUS, STATE
from pretrain.model import GPT
from pretrain.optimizer import Optimizer
from pretrain.state import restore_training, training_arrays

DRAFTS_PREFIX, FLOWS = "drafts.", "flows"


@dataclass
class Progress:
    """How far a tuning has come; saved between two rounds."""

    step: int = 0
    round: int = 0
    seconds: float = 0.0
    evaluated_step: int = -1
    next_evaluation: int = 0
    base_loss: float = math.nan
    """Of the base on the songs held out, nats per token."""
    first_reward: float = math.nan
    best_reward: float = -math.inf
    """Of an evaluation's rounds; the first is that of the base."""
    best_value: float = -math.inf
    """Of model.safetensors."""
    best: dict[str, Any] = field(default_factory=dict[str, Any])
    """Its figures."""
    writing_seconds: float = 0.0
    """Of the processor, for drafts."""
    learning_seconds: float = 0.0
    judging_seconds: float = 0.0
    ends: list[dict[str, int]] = field(default_factory=list[dict[str, int]])
    """How often each word ended a line, in each of the latest rounds."""
    rounds: int = 0
    """Since the latest look; the sums below are over them."""
    reward_sum: float = 0.0
    rhyme_sum: float = 0.0
    drawn: int = 0
    kept: int = 0

    def note(self, written: Written, remembered: int) -> None:
        """A round is learnt; of so many the line ends are remembered."""
        self.round += 1
        self.ends = [dict(written.ends), *self.ends][:remembered]
        self.rounds += 1
        self.reward_sum += written.reward
        self.rhyme_sum += written.rhyme_rate
        self.drawn += written.drawn
        self.kept += written.kept

    def sum_anew(self) -> None:
        """After a look."""
        self.rounds = self.drawn = self.kept = 0
        self.reward_sum = self.rhyme_sum = 0.0


@dataclass
class Kept:
    """What a tuning keeps from round to round, besides the weights."""

    replay: Drafts | None
    flows: np.ndarray


def save(folder: Path, model: GPT, optimizer: Optimizer, progress: Progress, kept: Kept) -> None:
    """Write all of it as one file; the state that it replaces is kept.

    Raises UserError when the tuning has diverged, and leaves both as they are.
    """
    arrays = training_arrays(model, optimizer)
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise UserError(
            f"at step {progress.step:,} the tuning has diverged: its weights are no numbers any more",
            "what was saved before is kept: --resume with a lower --learning_rate",
        )
    arrays[FLOWS] = kept.flows
    if kept.replay is not None:
        arrays |= {DRAFTS_PREFIX + name: array for name, array in kept.replay.arrays().items()}
    with atomic_path(folder / STATE, keep=folder / PREVIOUS) as temporary:
        save_tensors(temporary, arrays, {"progress": json.dumps(dataclasses.asdict(progress))})


def load(folder: Path, model: GPT, optimizer: Optimizer, kept: Kept) -> Progress:
    """Put everything back, in a folder that `mend` has seen; a run that never saved is at step 0.

    Raises UserError when the state is that of another kind of training.
    """
    if not (folder / STATE).exists():
        return Progress()
    arrays, metadata = load_tensors(folder / STATE)
    try:
        progress = Progress(**json.loads(metadata["progress"]))
    except TypeError as error:
        raise UserError(
            f"{shown(folder / STATE)} was not written by this version of finetune/rhyme.py",
            "finish it with what began it, or start over with --overwrite",
        ) from error
    restore_training(arrays, model, optimizer)
    drafts = {
        name.removeprefix(DRAFTS_PREFIX): array for name, array in arrays.items() if name.startswith(DRAFTS_PREFIX)
    }
    kept.flows[:] = arrays[FLOWS]
    kept.replay = Drafts(**drafts) if drafts else None
    return progress

"""What a training needs to go on as if it had never stopped."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch

from core.artifacts import shown
from core.errors import UserError
from core.tensors import load_tensors, save_tensors
from pretrain.checkpoint import STATE, to_arrays, to_tensors
from pretrain.model import GPT
from pretrain.optimizer import optimizer_tensors, restore_optimizer

MODEL_PREFIX, OPTIMIZER_PREFIX = "model.", "optimizer."


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    seconds: float = 0.0
    eval_seconds: float = 0.0
    """Of the latest evaluation."""
    eval_seconds_total: float = 0.0
    next_evaluation: int = 0
    """Number of the evaluation that comes next, counted from 0 at the first step."""
    evaluated_step: int = -1
    best_val_loss: float = math.inf
    best_step: int = 0
    loss_sum: float = 0.0
    """Of the training losses since the latest evaluation."""
    loss_count: int = 0


def save_state(folder: Path, model: GPT, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Write the latest weights, the optimizer and the progress as one file, so that they always agree."""
    tensors = {MODEL_PREFIX + name: tensor for name, tensor in model.state_dict().items()}
    tensors |= {OPTIMIZER_PREFIX + name: tensor for name, tensor in optimizer_tensors(optimizer, model).items()}
    facts = dataclasses.asdict(progress)
    save_tensors(folder / STATE, to_arrays(tensors), {"progress": json.dumps(facts)})


def load_state(folder: Path, model: GPT, optimizer: torch.optim.Optimizer) -> Progress:
    """Put weights and optimizer back and return the progress.

    Raises UserError when there is nothing to resume, or it is damaged.
    """
    if not (folder / STATE).exists():
        raise UserError(f"{shown(folder)} holds no {STATE} to resume", "start it again with --overwrite")
    arrays, metadata = load_tensors(folder / STATE)
    tensors = to_tensors(arrays)
    model.load_state_dict(_below(MODEL_PREFIX, tensors))
    restore_optimizer(optimizer, model, _below(OPTIMIZER_PREFIX, tensors))
    return Progress(**json.loads(metadata["progress"]))


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

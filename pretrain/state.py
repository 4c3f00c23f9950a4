"""What a training needs to go on as if it had never stopped.

A kill may come between any two writes. At every such moment this holds:

1. Each file is whole or not there (core/files.py), and sealed: damage is noticed.
2. run.json is written last when a run begins and removed first when one is overwritten: with it, the
   settings, the tokenizer and the states are those of one run.
3. Once there is a state, one of the two is whole, with finite weights.
4. A state is saved before the evaluation of its step, and what an evaluation writes (model.safetensors,
   then a line of metrics.jsonl) is made again by whoever resumes from that state; lines after it are cut.
5. model.safetensors says which loss it has, and is never older than a state that knows of it: whoever
   resumes from an older state makes the same evaluations, but does not replace it with a worse one.
"""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core.artifacts import shown
from core.errors import UserError
from core.files import atomic_path
from core.tensors import Arrays, load_tensors, save_tensors
from pretrain.checkpoint import MODEL, PREVIOUS, STATE, to_arrays, to_tensors
from pretrain.model import GPT
from pretrain.optimizer import Optimizer, optimizer_tensors, restore_optimizer, spread_like

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
    model_val_loss: float = math.inf
    """Of model.safetensors: lower than the best, where that is newer than the state that was resumed."""
    loss_sum: float = 0.0
    """Of the training losses since the latest evaluation."""
    loss_count: int = 0
    stale: int = 0
    """Evaluations in a row without improvement; without a budget, they decide."""
    fall_from: int = 0
    """Step from which the rate falls in a run without a budget; 0 before that."""


def save_state(folder: Path, model: GPT, optimizer: Optimizer, progress: Progress, *, write: bool = True) -> None:
    """Write the latest weights, the optimizer and the progress as one file, so that they always agree.

    The state that it replaces is kept as training-state.previous.safetensors. Raises UserError when the
    training has diverged, and leaves both as they are: what is on disk can always be resumed.
    Where a model is spread over processes, all of them call this and one has `write`.
    """
    arrays = training_arrays(model, optimizer)
    _refuse_diverged(arrays, progress)
    if not write:
        return
    facts = dataclasses.asdict(progress)
    with atomic_path(folder / STATE, keep=folder / PREVIOUS) as temporary:
        save_tensors(temporary, arrays, {"progress": json.dumps(facts)})


def load_state(folder: Path, model: GPT, optimizer: Optimizer) -> Progress:
    """Put weights and optimizer back, in a folder that `mend` has seen, and return the progress.

    A run that was killed before its first save is at step 0. Raises UserError when the state is of
    another version.
    """
    if not (folder / STATE).exists():
        return Progress()
    arrays, metadata = load_tensors(folder / STATE)
    try:
        progress = Progress(**json.loads(metadata["progress"]))
    except TypeError as error:
        raise UserError(
            f"{shown(folder / STATE)} was written by another version of this program",
            "finish it with that version, or start over with --overwrite",
        ) from error
    restore_training(arrays, model, optimizer)
    _look_at_model(folder, progress)
    return progress


def training_arrays(model: GPT, optimizer: Optimizer) -> Arrays:
    """The weights and what the optimizer remembers of them, each under a name of its own."""
    tensors = {MODEL_PREFIX + name: tensor for name, tensor in model.state_dict().items()}
    tensors |= {OPTIMIZER_PREFIX + name: tensor for name, tensor in optimizer_tensors(optimizer, model).items()}
    return to_arrays(tensors)


def restore_training(arrays: Arrays, model: GPT, optimizer: Optimizer) -> None:
    """Put back what `training_arrays` gave; arrays under other names are left alone."""
    tensors, weights = to_tensors(arrays), model.state_dict()
    saved = _below(MODEL_PREFIX, tensors)
    model.load_state_dict({name: spread_like(weights[name], tensor) for name, tensor in saved.items()})
    restore_optimizer(optimizer, model, _below(OPTIMIZER_PREFIX, tensors))


def _refuse_diverged(arrays: Arrays, progress: Progress) -> None:
    bad = [] if math.isfinite(progress.loss_sum) else ["the loss"]
    bad += [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
    if bad:
        raise UserError(
            f"at step {progress.step:,} the training has diverged: {bad[0]} is no number any more",
            "what was saved before is kept: --resume with a lower --learning_rate",
        )


def mend(folder: Path) -> None:
    """Before resuming, put the state before in the place of one that is damaged, and say what that loses.

    Raises UserError when no state is left.
    """
    state, previous = folder / STATE, folder / PREVIOUS
    if not state.exists() and not previous.exists():
        if (folder / MODEL).exists():
            raise UserError(f"{shown(folder)} holds no {STATE} to resume", "start it again with --overwrite")
        print("note        nothing was saved yet: starting at step 0")
        return
    try:
        load_tensors(state)
    except UserError as error:
        try:
            _, metadata = load_tensors(previous)
        except UserError:
            raise UserError(
                f"{error.message}, and there is no whole {PREVIOUS}",
                f"start it again with --overwrite, and copy {MODEL}, the best so far, before",
            ) from error
        print(f"note        {_loss_of(state, json.loads(metadata['progress'])['step'])}")
        # Else the next save would keep the damaged one in place of the whole one.
        previous.replace(state)


def _loss_of(state: Path, step: int) -> str:
    """What it means to go on from `step` instead of `state`."""
    if not state.exists():
        return f"a save was cut short: going on from the one before it, step {step:,}"
    try:
        content = state.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        lost = json.loads(header["__metadata__"]["progress"])["step"] - step
    except (ValueError, KeyError, TypeError):
        return f"{STATE} is damaged: going on from the one before it, step {step:,}"
    return f"{STATE} is damaged: going on from the one before it, step {step:,}; {lost:,} steps are lost"


def _look_at_model(folder: Path, progress: Progress) -> None:
    """Take the loss of model.safetensors from there; a lost model is made again, from the weights there are."""
    try:
        _, metadata = load_tensors(folder / MODEL)
        progress.model_val_loss = json.loads(metadata["facts"])["val_loss"]
    except UserError as error:
        if math.isfinite(progress.best_val_loss):
            print(f"note        {error.message}: the best so far is lost; the model as it is now takes its place")
            # An evaluation is due, also when the run has ended.
            progress.evaluated_step, progress.next_evaluation = min(progress.evaluated_step, progress.step - 1), 0
        progress.best_val_loss = progress.model_val_loss = math.inf


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

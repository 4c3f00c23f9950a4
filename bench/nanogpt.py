"""nanoGPT, run as its own train.py from a checkout, on our token ids.

Nothing is written into the checkout. Its train.bin and val.bin hold ids as 16-bit numbers; the size
of the vocabulary it reads from meta.pkl.
"""

import math
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bench.processes import Finished, Line, number_in, run_program
from core.errors import UserError
from pretrain.encoder import Ids
from pretrain.tokens import IGNORE, Part

Device = Literal["cpu", "cuda"]

CONFIG = "config/train_shakespeare_char.py"

# Its README's options for a CPU, which go on top of CONFIG; on a GPU, CONFIG is the recipe.
CPU_OPTIONS = {
    "device": "cpu",
    "compile": False,
    "eval_iters": 20,
    "log_interval": 1,
    "block_size": 64,
    "batch_size": 12,
    "n_layer": 4,
    "n_head": 4,
    "n_embd": 128,
    "dropout": 0.0,
}
BLOCK_SIZE = {"cpu": 64, "cuda": 256}
RECIPE_STEPS = {"cpu": 2000, "cuda": 5000}

# Where a line of its log names the step.
STEP = r"^iter (\d+):"

# CONFIG's; a run shorter than that warms up for half of its steps.
WARMUP_STEPS = 100


@dataclass(frozen=True)
class Plan:
    """How long nanoGPT trains, and how often it looks for its best checkpoint."""

    steps: int
    evaluations: int
    """Spread evenly over the run; the last is at its end. One only: its last weights are the result."""
    dropout: float | None = None
    """None leaves the recipe's."""

    def __post_init__(self) -> None:
        assert self.steps % self.evaluations == 0, "the last evaluation would be before the end"


@dataclass(frozen=True)
class Trained:
    """A run of nanoGPT."""

    checkpoint: Path
    steps: int
    seconds: float
    """Of training alone: neither its start nor its evaluations and saves."""
    process: Finished


def check_checkout(path: Path) -> None:
    """Raise UserError when `path` is no checkout of nanoGPT."""
    for name in ("train.py", "model.py", CONFIG):
        if not (path / name).is_file():
            raise UserError(f"{path} is no checkout of nanoGPT: it has no {name}", "git clone it, and give the folder")


def commit_of(checkout: Path) -> str | None:
    """The commit that is checked out; None where git does not say."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def write_data(folder: Path, train: Part, val: Part, vocab_size: int, device: Device) -> None:
    """Write what nanoGPT reads: both sides' ids in order, and the size of the vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", train), ("val", val)):
        stream = ids_of(part)
        if len(stream) <= BLOCK_SIZE[device]:
            raise UserError(
                f"{len(stream)} tokens of {name} are less than nanoGPT's context of {BLOCK_SIZE[device]}",
                "take a larger corpus",
            )
        stream.astype(np.uint16).tofile(folder / f"{name}.bin")
    (folder / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": vocab_size}))


def ids_of(part: Part) -> Ids:
    """The stream a part was cut from: its inputs, and the last target where that is learnt."""
    last = part.targets[-1:]
    return np.concatenate([part.inputs, last[last != IGNORE]])


def train(checkout: Path, folder: Path, plan: Plan, device: Device, threads: int | None) -> Trained:
    """Train on the data in `folder`, write to `folder`/out."""
    out = folder / "out"
    checkpoint = out / "ckpt.pt"
    checkpoint.unlink(missing_ok=True)
    options = settings(folder.resolve(), plan, device)
    command = [sys.executable, "train.py", CONFIG, *(f"--{name}={value}" for name, value in options.items())]

    def share_done(line: str) -> float | None:
        step = number_in(line, STEP)
        return None if step is None else step / plan.steps

    process = run_program(command, folder / "train.log", share_done, folder=checkout, threads=threads)
    return Trained(checkpoint, plan.steps, plan.steps * step_seconds(process.lines), process)


def settings(folder: Path, plan: Plan, device: Device) -> dict[str, str | int | float | bool]:
    """What nanoGPT's command line gets on top of CONFIG."""
    return {
        **(CPU_OPTIONS if device == "cpu" else {}),
        **({} if plan.dropout is None else {"dropout": plan.dropout}),
        # os.path.join lets an absolute path win over nanoGPT's own data folder.
        "dataset": str(folder),
        "out_dir": str(folder / "out"),
        "max_iters": plan.steps,
        "lr_decay_iters": plan.steps,
        "warmup_iters": min(WARMUP_STEPS, plan.steps // 2),
        "eval_interval": plan.steps // plan.evaluations,
        "always_save_checkpoint": plan.evaluations == 1,
    }


def step_seconds(lines: list[Line]) -> float:
    """Mean time of a step, from when its lines came; stretches with an evaluation in them are left out."""
    seconds, steps = 0.0, 0.0
    before: tuple[float, float] | None = None
    for line in lines:
        if line.text.startswith("step "):
            before = None
        step = number_in(line.text, STEP)
        if step is None:
            continue
        if before is not None:
            seconds += line.at - before[0]
            steps += step - before[1]
        before = (line.at, step)
    if not steps:
        raise UserError("nanoGPT has made too few steps to be timed", "give it more")
    return seconds / steps


def steps_for(seconds: float, seconds_per_step: float, evaluations: int) -> int:
    """Steps that fill `seconds`, in as many equal stretches as there are evaluations."""
    return evaluations * max(1, math.floor(seconds / seconds_per_step / evaluations))

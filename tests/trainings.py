"""Small trainings, and how to compare, interrupt and kill them."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.artifacts import ROOT, Artifacts
from core.errors import Interrupted
from pretrain.checkpoint import MODEL, STATE
from pretrain.loop import Training
from pretrain.metrics import Metrics
from pretrain.train import PretrainConfig
from pretrain.train import main as train

TINY = PretrainConfig(
    corpus="nadie", n_layer=1, n_head=2, n_embd=16, block_size=16, batch_size=4, max_steps=40,
    learning_rate=3e-3, dropout=0.1, device="cpu",
)  # fmt: skip

SHORT = dataclasses.replace(TINY, max_steps=3, eval_interval=2)

RESUME = PretrainConfig(corpus="nadie", resume=True, device="cpu")


def weights(folder: Path, name: str = STATE) -> dict[str, torch.Tensor]:
    return load_file(folder / name)


def assert_equal_runs(one: Path, other: Path) -> None:
    """To the bit, but for the time that it took."""
    for name in (MODEL, STATE):
        left, right = weights(one, name), weights(other, name)
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key], right[key]) for key in left)
    lines = [[{**facts, "minutes": 0} for facts in Metrics(run / "metrics.jsonl").read()] for run in (one, other)]
    assert lines[0] == lines[1]


def options(config: PretrainConfig) -> list[str]:
    """The command line that gives `config`."""
    given = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    other = {field.name for field in dataclasses.fields(config) if given[field.name] != field.default}
    return [f"--{name}" if given[name] is True else f"--{name}={given[name]}" for name in other]


def folder_of(run: str) -> Path:
    return Artifacts("nadie").run("pretrain", run)


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int, number: signal.Signals = signal.SIGINT) -> None:
    """Send this process a signal while step `step` computes."""
    before = Training._step

    def step_and_stop(self: Training) -> torch.Tensor:
        if self.progress.step == step:
            os.kill(os.getpid(), number)
        return before(self)

    monkeypatch.setattr(Training, "_step", step_and_stop)


def interrupt(monkeypatch: pytest.MonkeyPatch, config: PretrainConfig, step: int) -> None:
    """Train, and press Ctrl-C while step `step` computes."""
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(Interrupted):
            train(config)


class Nursery:
    """Starts trainings of tests/victim.py, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log.txt"
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/victim.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def close(self) -> None:
        with self._process:
            pass

    def start(self, config: PretrainConfig, **fate: int | bool) -> int:
        """Begin a training in this test's artifacts; returns the process's number."""
        self.log.write_text("")
        order = {
            "options": options(config), "artifacts": os.environ["PAYADOR_ARTIFACTS"], "log": str(self.log), **fate,
        }  # fmt: skip
        return self._ask(json.dumps(order))

    def wait(self) -> int:
        """The exit code of the training; minus the signal's number when one killed it."""
        return self._ask("")

    def run(self, config: PretrainConfig, **fate: int | bool) -> int:
        """From start to end; returns the exit code."""
        self.start(config, **fate)
        return self.wait()

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

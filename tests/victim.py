"""Trainings to be killed: one process each, started as the orders on standard input say.

All are forked from this process, which has imported everything, so that a hundred of them take a minute.
"""

import dataclasses
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import matplotlib.figure  # noqa: F401  (a training imports it when it draws)
import torch

from core.cli import run
from pretrain import loop
from pretrain.train import PretrainConfig, main


@dataclasses.dataclass(frozen=True)
class Order:
    """What to train, and what befalls it."""

    options: list[str]
    """Of pretrain/train.py."""
    artifacts: str
    log: str
    """File for what it prints."""
    die_at_write: int | None = None
    """SIGKILL before this file operation that changes something below `artifacts`, counted from 1."""
    max_file_bytes: int | None = None
    """No file may grow larger, as if the disk were full."""
    counted_time: bool = False
    """The clock goes on by steps and evaluations alone, so that a time budget gives the same run every time."""


class CountedTime:
    """A clock that a run can be repeated with. Halves and quarters of seconds add up exactly."""

    STEP, EVALUATION = 0.25, 0.5

    def __init__(self) -> None:
        self.now = 1000.0
        step, evaluate = loop.Training._step, loop.evaluate
        loop.Training._step = self._taking(self.STEP, step)  # type: ignore[method-assign]
        loop.evaluate = self._taking(self.EVALUATION, evaluate)

    def monotonic(self) -> float:
        return self.now

    def _taking(self, seconds: float, function: Any) -> Any:
        def timed(*arguments: Any, **named: Any) -> Any:
            self.now += seconds
            return function(*arguments, **named)

        return timed


def die_at_write(number: int, folder: Path) -> None:
    """Kill this process before the `number`-th time that it changes something below `folder`."""
    left = number

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event in ("os.rename", "os.remove") or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if writes and str(arguments[0]).startswith(str(folder)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def obey(order: Order) -> None:
    """Train, and leave with the exit code of the command."""
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.environ["PAYADOR_ARTIFACTS"] = order.artifacts
    sys.argv[1:] = order.options
    loop.SAVE_SECONDS = 0.0
    if order.counted_time:
        loop.time = CountedTime()  # type: ignore[assignment]
    if order.max_file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.max_file_bytes, resource.RLIM_INFINITY))
    if order.die_at_write:
        die_at_write(order.die_at_write, Path(order.artifacts))
    run(main, PretrainConfig)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if not child:
            obey(Order(**json.loads(line)))
            sys.exit()
        print(child, flush=True)
        # Until it is asked for, a dead child keeps its number: nobody else is killed in its place.
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

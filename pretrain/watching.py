"""What one sees of a training besides its figures: a sample now and then, and a tracker."""

import dataclasses
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.artifacts import ROOT
from pretrain.config import LoopConfig
from pretrain.metrics import Metrics
from pretrain.trackers import Tracker, open_tracker

# Of a sample: a stanza or two say how far it has come.
SAMPLE_TOKENS = 80


class Watch:
    """Called after each evaluation with its line of metrics; returns what the model wrote, when it is time."""

    def __init__(self, folder: Path, sample_every: int, tracker: Tracker | None) -> None:
        self.folder, self.sample_every, self.tracker = folder, sample_every, tracker
        self._evaluations = 0

    def __call__(self, facts: dict[str, Any]) -> str | None:
        """Log the line; write a sample if one is due."""
        if self.tracker:
            self.tracker.log(facts)
        self._evaluations += 1
        if not self.sample_every or self._evaluations % self.sample_every:
            return None
        text = write_sample(self.folder, facts["step"])
        if self.tracker:
            self.tracker.text("sample", text, facts["step"])
        return "\n" + "\n".join(f"    {line}" for line in text.splitlines()) + "\n"


@contextmanager
def watching(folder: Path, config: LoopConfig) -> Generator[Watch]:
    """Open the tracker, if there is to be one, and close it whatever happens."""
    tracker = None
    if config.tracker:
        done = Metrics(folder / "metrics.jsonl").read()
        resumed_at = done[-1]["step"] if config.resume and done else None
        tracker = open_tracker(config.tracker, folder, dataclasses.asdict(config), resumed_at)
    try:
        yield Watch(folder, config.sample_every, tracker)
    finally:
        if tracker:
            tracker.close()


def write_sample(folder: Path, seed: int) -> str:
    """What the best model so far writes, or why it cannot.

    The script that users call writes it: training knows of no way of its own to decode.
    """
    command = [sys.executable, str(ROOT / "generate" / "sample.py"), str(folder)]
    options = ["--max_new_tokens", str(SAMPLE_TOKENS), "--seed", str(seed), "--device", "cpu"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, encoding="utf-8", check=False)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return "\n".join(line for line in lines if not line.startswith("written ")).strip()

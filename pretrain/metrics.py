"""metrics.jsonl, one line per evaluation; and the one figure that compares tokenizers and corpora."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.files import write_text
from pretrain.batches import eval_batches
from pretrain.tokens import IGNORE, Part


def bits_per_char(loss: float, part: Part) -> float:
    """Nats per learnt token → bits per character of the text that those tokens spell.

    Marks (title, lyrics, end) are learnt and paid for; they spell no character.
    """
    learnt = int((part.targets != IGNORE).sum())
    return loss * learnt / max(1, part.characters) / math.log(2)


def evaluate(loss: Callable[[Tensor, Tensor, str], Tensor], part: Part, length: int, device: torch.device) -> float:
    """Mean loss over the whole part, nats per learnt token."""
    total = torch.zeros((), dtype=torch.float64, device=device)
    count = 0
    for inputs, targets in eval_batches(part, length, device):
        total += loss(inputs, targets, "sum")
        count += int((targets != IGNORE).sum())
    return float(total) / count


class Metrics:
    """The lines of metrics.jsonl."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def cut_after(self, step: int) -> None:
        """Drop what a run that was interrupted wrote about steps it will make again."""
        kept = [facts for facts in self.read() if facts["step"] <= step]
        write_text(self.path, "".join(json.dumps(facts) + "\n" for facts in kept))

    def append(self, facts: dict[str, Any]) -> None:
        """Add a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """All whole lines; one that a kill cut short is left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

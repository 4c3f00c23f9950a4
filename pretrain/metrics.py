"""metrics.jsonl, one line per evaluation; and the one figure that compares tokenizers and corpora."""

import json
import math
from pathlib import Path
from typing import Any

from core.artifacts import shown
from core.errors import UserError
from core.files import write_text
from pretrain.tokens import Part


def bits_per_char(loss: float, part: Part) -> float:
    """Nats per learnt token → bits per character of the text that those tokens spell.

    Marks (title, lyrics, end) are learnt and paid for; they spell no character.
    """
    return loss * part.learnt / max(1, part.characters) / math.log(2)


def line_of(facts: dict[str, Any]) -> str:
    """A line of metrics as it is shown."""
    train = f"train {facts['train_loss']:.4f}  " if facts["train_loss"] is not None else " " * 14
    return (
        f"step {facts['step']:>7,}  {facts['minutes']:>6.2f} min  {train}"
        f"val {facts['val_loss']:.4f} nats/token  {facts['bits_per_char']:.4f} bits/char"
    )


class Metrics:
    """The lines of metrics.jsonl."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def cut_after(self, step: int) -> None:
        """Drop what a run that was interrupted wrote about steps it will make again."""
        kept = [facts for facts in self.read() if facts["step"] <= step]
        write_text(self.path, "".join(json.dumps(facts) + "\n" for facts in kept))

    def append(self, facts: dict[str, Any]) -> None:
        """Add a line; infinite or no number is null, for which JSON has a word."""
        written = {key: None if _is_no_number(value) else value for key, value in facts.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(written) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """All whole lines; one that a kill cut short is left out.

        Raises UserError when a line is damaged.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        return [self._parse(number, line) for number, line in enumerate(lines, 1) if line.endswith("\n")]

    def _parse(self, number: int, line: str) -> dict[str, Any]:
        try:
            facts = json.loads(line)
            return facts | {"step": int(facts["step"])}
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(f"{shown(self.path)}, line {number} is damaged", "remove that line") from error


def _is_no_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)

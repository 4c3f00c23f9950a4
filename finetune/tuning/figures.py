"""How a tuned model writes when nobody asks for a form, and what it makes of songs that it never saw."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from finetune.tuning.verse import Rhyming, rhyming
from generate.reporting.diversity import distinct
from generate.write import Request, Writer
from pretrain.batches import EVAL_LIMIT, eval_batches
from pretrain.checkpoint import Checkpoint
from pretrain.model import GPT
from pretrain.tokens import IGNORE, Part
from prosody.line import Language

# Songs that are looked at, their length, and what diversity is measured on: as many words, as many rhyme pairs.
SONGS, LENGTH = 40, 120  # tokens
WORDS, PAIRS = 1000, 100


@dataclass(frozen=True)
class FreeWriting:
    """What songs are like that nobody asked anything of."""

    rhyming: Rhyming
    distinct_3: float | None
    """None where too little was written."""
    texts: tuple[str, ...]


def write_freely(
    checkpoint: Checkpoint, language: Language, words: Container[str], *, songs: int = SONGS, length: int = LENGTH
) -> FreeWriting:
    """Have songs written, always from the same seeds and with the settings that generate/sample.py has by itself."""
    writer = Writer(checkpoint)
    written = [writer.song(Request(seed=seed, max_new_tokens=length)) for seed in range(1, songs + 1)]
    for _ in writer.decode(written):
        pass
    # A song that was cut off ends in the middle of a line.
    texts = tuple(
        song.lyrics.rpartition("\n")[0] if song.finish_reason == "length" else song.lyrics for song in written
    )
    return FreeWriting(rhyming(texts, language, words), distinct(texts, 3, WORDS), texts)


@torch.no_grad()
def held_out_loss(model: GPT, part: Part, limit: int = EVAL_LIMIT) -> float:
    """Mean loss over the part, or about `limit` tokens of it, nats per token."""
    model.eval()
    total, count = 0.0, 0
    length = min(model.config.block_size, len(part.inputs))
    for inputs, targets in eval_batches(part, length, model.device, limit):
        logits = model(inputs).float().flatten(0, 1)
        total += float(F.cross_entropy(logits, targets.flatten(), ignore_index=IGNORE, reduction="sum"))
        count += int((targets != IGNORE).sum())
    return total / count


def describe(facts: dict[str, Any]) -> str:
    """A line of metrics, to be read."""
    reward = f"{facts['reward']:.3f}" if facts["reward"] is not None else "     "
    return (
        f"step {facts['step']:>6,}  {facts['minutes']:>6.2f} min  reward {reward}  {facts['rhyme_rate']:>4.0%} of "
        f"lines rhyme, {facts['full_rate']:>4.0%} in full  {facts['bits_per_char']:.4f} bits/char held out"
    )

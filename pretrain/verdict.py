"""What would have helped a training most: more minutes, more data, or a bigger model.

The learning rate ends at zero, so every validation curve falls towards its end and its last slope says
nothing. What tells is how much of what the training loss gains is gained on validation too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pretrain.tokens import Document

# A slope through fewer points than this is chance.
MIN_POINTS = 4

# Of each nat that training gains over the second half, this much must reach validation. Measured on songs and
# verse, 33,000 to 3,300,000 characters, with four sizes: where it was 0.31 or less, three times the steps made
# validation no better and three times the songs 4 to 20 %; from 0.54 on, the steps made it 2 to 19 % better.
TRANSFER = 0.4

# A training loss that falls by less than this share over the second half is not learning.
FLAT = 0.005

# From about this many tokens per parameter on, a bigger model learns more in the same minutes. Hoffmann et
# al. 2022 (arXiv 2203.15556) find 20 for large models; with few steps there is less to share out. Measured with
# Muon on 3,300,000 characters in as long: at 4.4 the next size up was worse, at 11.4 it was better.
TOKENS_PER_PARAMETER = 8


@dataclass(frozen=True)
class Trend:
    """The second half of a training."""

    train: float
    """Nats per token that the training loss fell by, along a straight line."""
    validation: float
    """The same of the validation loss."""


def verdict(metrics: Sequence[dict[str, Any]], parameters: int, document: Document = "songs") -> str:
    """One or two sentences: what would have helped most, and the figures that say so.

    `metrics` are lines of metrics.jsonl, `parameters` the model's, `document` what the corpus is made of.
    """
    judged = [facts for facts in metrics if facts["val_loss"] is not None]
    trend = second_half(judged)
    question = f"more minutes, more {document} or a bigger model would have helped"
    if trend is None:
        return f"Cannot tell whether {question}: the second half has fewer than {MIN_POINTS} evaluations."
    if trend.train < FLAT * judged[-1]["val_loss"]:
        changed = f"over the second half the training loss changed by {-trend.train:+.3f} nats per token"
        return f"Cannot tell whether {question}: {changed}. Another learning_rate may learn more."
    falls = f"over the second half the training loss fell by {trend.train:.2f} nats per token"
    if trend.validation < TRANSFER * trend.train:
        return f"More {document} would have helped most: {falls}, {_by_heart(trend, judged)}"
    seen = judged[-1]["tokens"] / parameters
    together = f"{falls} and validation by {trend.validation:.2f}, with {seen:.1f} tokens seen per parameter"
    if seen < TOKENS_PER_PARAMETER:
        return f"More minutes would have helped most: {together}."
    return (
        f"A bigger model would have helped most: {together}; from {TOKENS_PER_PARAMETER} on it learns more in as long."
    )


def second_half(metrics: Sequence[dict[str, Any]]) -> Trend | None:
    """How the losses fell over the second half of the tokens; None with too few evaluations to say."""
    end = metrics[-1]["tokens"] if metrics else 0
    later = [facts for facts in metrics if 2 * facts["tokens"] >= end and facts["train_loss"] is not None]
    if len(later) < MIN_POINTS:
        return None
    share = [facts["tokens"] / end for facts in later]
    train, validation = (
        -0.5 * float(np.polyfit(share, [facts[name] for facts in later], 1)[0]) for name in ("train_loss", "val_loss")
    )
    return Trend(train, validation)


def _by_heart(trend: Trend, metrics: Sequence[dict[str, Any]]) -> str:
    best, last = min(metrics, key=lambda facts: facts["val_loss"]), metrics[-1]
    moved = f"rose by {-trend.validation:.2f}" if trend.validation < 0 else f"fell by only {trend.validation:.2f}"
    when = "" if best is last else f", and was best after {best['epochs']:.1f}"
    return f"validation {moved}: most of it was learnt by heart. The text was read {last['epochs']:.1f} times{when}."

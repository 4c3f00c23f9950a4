"""Pictures of a training."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.files import atomic_path

Facts = Sequence[dict[str, Any]]
Curve = list[tuple[float, float]]
"""Points: tokens seen, loss in nats per token."""

# The first tenth of a training falls further than all the rest; its top may leave the picture where
# it would make the picture this many times higher, and where enough points are left to look at.
HEAD, STRETCH, FEW_POINTS = 0.1, 1.6, 5

# Beyond this many, points are a line.
MAX_MARKERS = 40


def plot_losses(metrics: Facts, path: Path) -> None:
    """Draw train and validation loss over the tokens seen, the best validation marked, as a PNG.

    Left axis: nats per token; right: bits per character; below: tokens and epochs; above: minutes.
    `metrics` are lines of metrics.jsonl, at least one. Each train loss is a mean over the steps since
    the line before, so it stands in their middle.
    """
    # Importing matplotlib takes longer than drawing; who does not train does not wait for it.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.subplots()
    train, validation = train_curve(metrics), validation_curve(metrics)
    marker = "o" if len(metrics) <= MAX_MARKERS else ""
    for curve, label, color in ((train, "train", "tab:gray"), (validation, "validation", "tab:blue")):
        axes.plot(*_columns(curve), label=label, color=color, marker=marker, markersize=3)
    axes.set_xlim(_padded(0, metrics[-1]["tokens"]))
    axes.set_ylim(loss_limits(train, validation))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _label_tokens(axes, metrics)
    _add_minutes(axes, metrics, MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_ylabel("nats per token")
    axes.grid(alpha=0.3)
    if validation:
        _mark_best(axes, metrics)
    axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def train_curve(metrics: Facts) -> Curve:
    """Train losses, each in the middle of the steps that it is the mean of."""
    before = [0.0, *(facts["tokens"] for facts in metrics)]
    return [
        ((start + facts["tokens"]) / 2, facts["train_loss"])
        for start, facts in zip(before, metrics, strict=False)
        if _is_number(facts["train_loss"])
    ]


def validation_curve(metrics: Facts) -> Curve:
    """Validation losses."""
    return [(facts["tokens"], facts["val_loss"]) for facts in metrics if _is_number(facts["val_loss"])]


def loss_limits(train: Curve, validation: Curve) -> tuple[float, float]:
    """Bottom and top of the picture, in nats per token: everything, but for a start that would flatten the rest."""
    points = train + validation
    losses = [loss for _, loss in points]
    if not losses:
        return 0.0, 1.0
    end = max(tokens for tokens, _ in points)
    later = [loss for tokens, loss in points if tokens > HEAD * end]
    low, high = min(losses), max(losses)
    if len(validation) >= FEW_POINTS and later and high - low > STRETCH * (max(later) - low):
        high = max(later)
    return _padded(low, high)


def _mark_best(axes: Any, metrics: Facts) -> None:
    best = min((facts for facts in metrics if _is_number(facts["val_loss"])), key=lambda facts: facts["val_loss"])
    axes.plot(best["tokens"], best["val_loss"], "o", color="tab:blue", label="best", clip_on=False)
    axes.axvline(best["tokens"], color="tab:blue", linestyle=":", linewidth=1)
    loss, bits = f"{best['val_loss']:.3f} nats per token", f"{best['bits_per_char']:.3f} bits per character"
    step = f"step {best['step']:,} of {metrics[-1]['step']:,}"
    axes.set_title(f"best: {loss}, {bits}, at {step}", fontsize="medium")
    bits_per_nat = best["bits_per_char"] / best["val_loss"]

    def to_bits(nats: Any) -> Any:
        return nats * bits_per_nat

    def to_nats(bits: Any) -> Any:
        return bits / bits_per_nat

    right = axes.secondary_yaxis("right", functions=(to_bits, to_nats))
    right.set_ylabel("bits per character (validation)")


def _label_tokens(axes: Any, metrics: Facts) -> None:
    last = metrics[-1]
    epochs_per_token = last["epochs"] / last["tokens"] if last["tokens"] else 0.0
    digits = 0 if last["epochs"] >= 10 else 1 if last["epochs"] >= 1 else 2

    def label(tokens: float, _: int) -> str:
        return f"{_short(tokens)}\n{tokens * epochs_per_token:.{digits}f}"

    axes.xaxis.set_major_formatter(label)
    axes.set_xlabel("tokens seen; epochs below")


def _add_minutes(axes: Any, metrics: Facts, locator: Any) -> None:
    """Round minutes above, each where its tokens are: their rate changes while a machine does other work."""
    minutes, tokens = ([0.0, *(facts[name] for facts in metrics)] for name in ("minutes", "tokens"))
    ticks = [tick for tick in locator.tick_values(0, minutes[-1]) if 0 <= tick <= minutes[-1]]
    top = axes.secondary_xaxis("top")
    top.set_xticks(np.interp(ticks, minutes, tokens), [f"{tick:g}" for tick in ticks])
    top.set_xlabel("minutes")


def _short(count: float) -> str:
    """1,500,000 → "1.5M"."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:g}{unit}"
    return f"{count:g}"


def _columns(curve: Curve) -> tuple[list[float], list[float]]:
    return [tokens for tokens, _ in curve], [loss for _, loss in curve]


def _padded(low: float, high: float) -> tuple[float, float]:
    """Room at both ends, also where they are one."""
    room = 0.04 * (high - low) or 0.5
    return low - room, high + room


def _is_number(loss: float | None) -> bool:
    return loss is not None and math.isfinite(loss)

"""The picture of a tuning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.files import atomic_path

# Title of each picture, and its curves: the figure in metrics.jsonl, and what it is called.
PICTURES: tuple[tuple[str, dict[str, str]], ...] = (
    ("Reward: points of a line, first try", {"reward": "reward"}),
    (
        "Free writing: share of lines",
        {"rhyme_rate": "rhyme", "full_rate": "rhyme in full", "metre_rate": "have a neighbour's length"},
    ),
    ("Diversity: share of different ones", {"distinct_3": "runs of three words", "distinct_pairs": "rhyme pairs"}),
    ("Distance from the prior", {"distance": "nats a token, in drafts", "cost": "bits held out, share above the base"}),
)


def plot_tuning(metrics: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw four pictures over the steps, as a PNG; `metrics` are lines of metrics.jsonl, at least one."""
    # Importing matplotlib takes longer than drawing.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    for axes, (title, curves) in zip(figure.subplots(2, 2, sharex=True).flat, PICTURES, strict=True):
        for name, label in curves.items():
            points = [(facts["step"], facts[name]) for facts in metrics if facts[name] is not None]
            axes.plot(
                [step for step, _ in points], [value for _, value in points], marker="o", markersize=3, label=label
            )
        axes.set_title(title, fontsize="medium")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.supxlabel("steps")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)

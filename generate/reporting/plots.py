"""The pictures of a report: what a model wrote beside what it learnt from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.files import atomic_path

MODEL, OTHERS, MARK = "#3f63b5", "#b9bec9", "#c2553f"

# Of values that are plotted, the longest hundredth is cut off: one endless line would flatten all others.
SHOWN = 0.99

_WIDE, _HIGH = 7.2, 3.2  # inches


def plot_bits(bits: Mapping[str, float], path: Path) -> None:
    """Bits per character as bars: the first is the model's."""
    figure, axes = _figure()
    names = list(bits)[::-1]
    values = [bits[name] for name in names]
    bars = axes.barh(names, values, color=[OTHERS] * (len(names) - 1) + [MODEL], height=0.6)
    axes.bar_label(bars, fmt="%.3f", padding=4)
    axes.set_xlim(0, 1.15 * max(values))
    axes.set_xlabel("bits per character of songs held out: less is better")
    axes.grid(visible=False, axis="y")
    _save(figure, path)


def plot_lengths(columns: Mapping[str, tuple[Sequence[int], Sequence[int]]], path: Path) -> None:
    """Histograms side by side: characters of a line, lines of a song; the first column is the model's."""
    figure, both = _figure(2)
    for axes, number, label in ((both[0], 0, "characters in a line"), (both[1], 1, "lines in a song")):
        _histogram(axes, {name: lengths[number] for name, lengths in columns.items()})
        axes.set_xlabel(label)
    both[0].set_ylabel("share")
    _save(figure, path)


def plot_distinct(columns: Mapping[str, Mapping[int, float]], path: Path) -> None:
    """Distinct-n for each n as bars in groups; the first column is the model's."""
    figure, axes = _figure()
    width = 0.8 / len(columns)
    for number, (name, shares) in enumerate(columns.items()):
        places = np.arange(len(shares)) + (number - (len(columns) - 1) / 2) * width
        values = [100 * share for share in shares.values()]
        bars = axes.bar(places, values, 0.92 * width, label=name, color=_colour(number))
        axes.bar_label(bars, fmt="%.0f", padding=2)
        axes.set_xticks(np.arange(len(shares)), [f"distinct-{n}" for n in shares])
    axes.set_ylabel("%")
    axes.margins(y=0.15)
    axes.grid(visible=False, axis="x")
    axes.legend(loc="upper left")
    _save(figure, path)


def plot_copied(columns: Mapping[str, Sequence[float]], copied: int, path: Path) -> None:
    """Share of the words in copied runs of n words or more, for n from 1 on; the first column is the model's."""
    figure, axes = _figure()
    longest = max(1, *(sum(share > 0 for share in shares) for shares in columns.values()))
    longest = max(copied + 2, longest)
    for number, (name, shares) in enumerate(columns.items()):
        shown = [100 * share for share in shares[:longest]]
        axes.plot(range(1, len(shown) + 1), shown, marker="o", markersize=4, label=name, color=_colour(number))
    axes.axvline(copied, color=MARK, linewidth=1, linestyle=":")
    axes.text(copied, 101, " counts as copied", color=MARK, va="bottom", fontsize="small")
    axes.set_ylim(-3, 103)
    axes.set_ylabel("% of the words")
    axes.set_xlabel("in runs of so many words or more that stand in the songs learnt")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    _save(figure, path)


def plot_syllables(columns: Mapping[str, Counter[int]], path: Path) -> None:
    """How many lines have how many syllables; the first column is the model's."""
    figure, axes = _figure()
    _histogram(axes, {name: list(counts.elements()) for name, counts in columns.items()}, whole=True)
    axes.set_xlabel("syllables in a line")
    axes.set_ylabel("share of the lines")
    axes.xaxis.get_major_locator().set_params(integer=True)
    _save(figure, path)


def _figure(columns: int = 1) -> tuple[Any, Any]:
    # Importing matplotlib takes longer than drawing.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDE, _HIGH), layout="constrained")
    axes = figure.subplots(1, columns)
    for one in np.atleast_1d(axes):
        one.grid(alpha=0.3)
        one.set_axisbelow(True)
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _histogram(axes: Any, columns: Mapping[str, Sequence[int]], *, whole: bool = False) -> None:
    """Shares of each column's values; the model's as bars, the others' as an outline. `whole`: a bar for each value."""
    filled = {name: values for name, values in columns.items() if values}
    most = max((int(np.quantile(values, SHOWN)) for values in filled.values()), default=1)
    step = 1 if whole else max(1, -(-most // 25))
    edges = np.arange(0, most + 2 * step, step) - (0.5 if whole else 0)
    for number, (name, values) in reversed(list(enumerate(columns.items()))):
        if name not in filled:
            continue
        weights = np.full(len(values), 100 / len(values))
        style = {"color": OTHERS} if number else {"color": MODEL, "histtype": "step", "linewidth": 1.8}
        axes.hist(np.minimum(values, most), edges, weights=weights, label=name, **style)
    axes.yaxis.set_major_formatter("{x:g} %")
    axes.legend(reverse=True)


def _colour(number: int) -> str:
    return MODEL if number == 0 else OTHERS


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)

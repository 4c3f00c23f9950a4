"""Pictures of a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.files import atomic_path


def plot_losses(metrics: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw train and validation loss over the steps, the best validation marked."""
    # Importing matplotlib takes longer than drawing; who does not train does not wait for it.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    trained = [facts for facts in metrics if facts["train_loss"] is not None]
    axes.plot([f["step"] for f in trained], [f["train_loss"] for f in trained], label="train", color="tab:gray")
    axes.plot([f["step"] for f in metrics], [f["val_loss"] for f in metrics], label="validation", color="tab:blue")
    best = min(metrics, key=lambda facts: facts["val_loss"])
    axes.plot(best["step"], best["val_loss"], "o", color="tab:blue")
    loss, bits = f"{best['val_loss']:.3f} nats per token", f"{best['bits_per_char']:.3f} bits per character"
    axes.set_title(f"best: {loss}, {bits}, step {best['step']:,}", fontsize="medium")
    axes.set_xlabel(f"steps ({metrics[-1]['minutes']:.1f} minutes, {metrics[-1]['epochs']:.1f} epochs)")
    axes.set_ylabel("nats per token")
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)

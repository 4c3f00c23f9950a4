"""The options of every training: pretraining and fine-tuning add what they start from."""

from dataclasses import dataclass

from pretrain.device import Device
from pretrain.trackers import TrackerName


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    minutes: float | None = None
    """Time budget; the schedule ends when it does. Without minutes and max_steps, training goes on
    until validation stops improving."""
    max_steps: int | None = None
    """Budget in steps, instead of minutes."""
    batch_size: int | None = None
    """Sequences of a step, over all processes. Left out: as many as make 1,024 tokens, on a GPU
    16,384. Where they do not fit into memory at once, they go through the model in parts."""
    learning_rate: float | None = None
    """Peak rate of AdamW, which has embeddings and norms; Muon, which has the matrices, takes ten
    times as much. It rises for 20 steps and falls linearly to zero at the end of the budget."""
    weight_decay: float | None = None
    """Of the matrices, per unit of their rate. Left out: 0.1, and 0.2 where the corpus is small."""
    eval_interval: int | None = None
    """Steps between evaluations. Left out: twenty of them, spread over the run."""
    sample_every: int = 0
    """Evaluations between two samples of what the best model so far writes; 0 shows none."""
    tracker: TrackerName | None = None
    """Send figures and samples to this tool as well: pip install -r requirements-trackers.txt."""
    device: Device = "auto"
    """auto takes cuda, then mps, then cpu."""
    seed: int = 1
    """Weights, order of the songs and dropout follow from it."""
    resume: bool = False
    """Go on with an interrupted run, with its own settings."""
    overwrite: bool = False
    """Start over in a folder that holds a run already."""

    def __post_init__(self) -> None:
        if self.minutes is not None and self.max_steps is not None:
            raise ValueError("give minutes or max_steps, not both")
        for name in ("minutes", "max_steps", "batch_size", "learning_rate", "eval_interval"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        for name in ("weight_decay", "sample_every", "seed"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must not be below 0, got {value}")

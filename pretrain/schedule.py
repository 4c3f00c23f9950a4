"""How much of a run's budget is spent, and the learning rate that goes with it.

A budget is a time, a number of steps, or neither: then the rate stays at its peak until validation
stops improving, and falls from there.
"""

from pretrain.config import LoopConfig
from pretrain.state import Progress

# Rising for so many steps: the first gradients say little, and Adam's averages are noise.
WARMUP_STEPS = 20

# Without a budget: evaluations in a row that improve by less than this share before the rate falls,
PATIENCE, IMPROVEMENT = 3, 0.002
# and the steps of falling, as a share of the steps before. (Hägele et al. 2024, arXiv 2405.18392,
# find a fifth enough; what is learnt in the fall is most of what is learnt late.)
FALL = 0.3


class Schedule:
    """The share of the budget that a run has spent, from its progress."""

    def __init__(self, config: LoopConfig) -> None:
        self.minutes, self.max_steps = config.minutes, config.max_steps

    @property
    def open_ended(self) -> bool:
        """Whether validation decides when to end."""
        return self.minutes is None and self.max_steps is None

    def spent(self, progress: Progress, seconds: float, evaluation: float) -> float:
        """0 to 1, after `seconds` of training; `evaluation` seconds are kept for the last one."""
        if self.max_steps is not None:
            return min(1.0, progress.step / self.max_steps)
        if self.minutes is not None:
            # The last evaluation belongs to the budget, but never takes most of it.
            budget = 60 * self.minutes
            return min(1.0, seconds / max(budget / 2, budget - evaluation))
        if not progress.fall_from:
            return 0.0
        return min(1.0, (progress.step - progress.fall_from) / max(1.0, FALL * progress.fall_from))

    def rate(self, step: int, spent: float) -> float:
        """Share of the peak learning rate."""
        return min(1.0, (step + 1) / WARMUP_STEPS) * (1 - spent)

    def judge(self, progress: Progress, val_loss: float) -> None:
        """Note in `progress` what an evaluation says about ending a run without a budget.

        Called before the best loss is updated.
        """
        if not self.open_ended or progress.fall_from:
            return
        improved = val_loss < progress.best_val_loss * (1 - IMPROVEMENT)
        progress.stale = 0 if improved else progress.stale + 1
        if progress.stale >= PATIENCE:
            progress.fall_from = progress.step

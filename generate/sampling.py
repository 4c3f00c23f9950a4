"""Logits to the next id.

Shapes: V vocab_size.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import numpy as np

# Logits of the same token differ by less than this, whatever it is computed beside and wherever:
# float32 sums in another order. Where so little decides, the draw is made on logits computed anew.
DOUBT = 2e-4

# What so little can add to a sum of probabilities.
DOUBTFUL_SHARE = 1e-4


# The generator may draw 0, which has no logarithm.
_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next id is chosen. What is set to its neutral value costs nothing."""

    temperature: float = 0.8
    """Logits are divided by it; 0 always takes the likeliest."""
    top_k: int | None = None
    """Choose among the k likeliest only."""
    top_p: float = 0.95
    """Choose among the likeliest that make up this probability (Holtzman et al. 2020, section 3.1)."""
    min_p: float = 0.0
    """Choose among those at least this share as likely as the likeliest (Nguyen et al. 2024, arXiv 2407.01082)."""
    repetition_penalty: float = 1.0
    """What was said before has its positive logits divided by this (Keskar et al. 2019, section 4.1)."""
    presence_penalty: float = 0.0
    """Taken off the logits of what was said before."""
    frequency_penalty: float = 0.0
    """Taken off them once for each time it was said."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("temperature", 0, 100),
            ("presence_penalty", -100, 100),
            ("frequency_penalty", -100, 100),
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} must be from {low} to {high}, got {value}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, got {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, got {self.top_p}")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p must be from 0 to 1, got {self.min_p}")
        if not 0.01 <= self.repetition_penalty <= 100:
            raise ValueError(f"repetition_penalty must be from 0.01 to 100, got {self.repetition_penalty}")


class Sampler:
    """Draws ids from a generator of its own: one sequence, one seed, whatever is written beside it."""

    def __init__(self, sampling: Sampling, seed: int) -> None:
        self.sampling = sampling
        self._generator = np.random.Generator(np.random.SFC64(seed))

    def __call__(
        self,
        logits: np.ndarray,
        exact: Callable[[], np.ndarray],
        banned: Collection[int] = (),
        said: Iterable[int] = (),
    ) -> int | None:
        """The next id from logits (V,): none of `banned`, less likely what was `said`; None where nothing is left.

        `exact` computes the logits once more from the ids alone. It is asked when rounding could decide.
        """
        # The largest of logit / temperature + Gumbel noise is a draw by the softmax.
        noise = None
        if self.sampling.temperature:
            noise = self._generator.standard_exponential(len(logits), np.float32)
            np.maximum(noise, _TINY, out=noise)
            np.log(noise, out=noise)
            noise *= -self.sampling.temperature
        counts = Counter(said) if self._penalises else None
        chosen, certain = self._draw(self._adjusted(logits, banned, counts), noise, DOUBT)
        if not certain:
            chosen, _ = self._draw(self._adjusted(exact(), banned, counts), noise, 0.0)
        return chosen

    @property
    def _penalises(self) -> bool:
        sampling = self.sampling
        return sampling.repetition_penalty != 1 or bool(sampling.presence_penalty or sampling.frequency_penalty)

    def _adjusted(self, logits: np.ndarray, banned: Collection[int], said: Counter[int] | None) -> np.ndarray:
        logits = logits.copy()
        if said:
            ids, counts = np.array(list(said)), np.array(list(said.values()), np.float32)
            kept, penalty = logits[ids], self.sampling.repetition_penalty
            kept = np.where(kept > 0, kept / penalty, kept * penalty)
            logits[ids] = kept - self.sampling.presence_penalty - self.sampling.frequency_penalty * counts
        if banned:
            logits[list(banned)] = -np.inf
        return logits

    def _draw(self, logits: np.ndarray, noise: np.ndarray | None, doubt: float) -> tuple[int | None, bool]:
        """The id, and whether logits that differ by less than `doubt` would give the same."""
        if logits.max() == -np.inf:
            return None, True
        if noise is None:
            scores, low, high = logits, -np.inf, -np.inf
        else:
            low, high = cuts(logits, self.sampling, doubt)
            scores = logits + noise
            inside = logits >= low - doubt
            scores[~inside] = -np.inf
        chosen = int(scores.argmax())
        best = scores[chosen]
        if not doubt:
            return chosen, True
        if (
            noise is not None
            and logits[chosen] < high + doubt
            and (logits >= low - doubt).sum() > (logits >= high).sum()
        ):
            return chosen, False
        scores = scores.copy() if noise is None else scores
        scores[chosen] = -np.inf
        return chosen, bool(best - scores.max() > doubt)


def cuts(logits: np.ndarray, sampling: Sampling, doubt: float) -> tuple[float, float]:
    """The least logit of (V,) that top_k, top_p and min_p let pass; twice where `doubt` leaves it open.

    They apply in this order, each to what the one before left. The likeliest always passes.
    """
    top_k, top_p, min_p, temperature = sampling.top_k, sampling.top_p, sampling.min_p, sampling.temperature
    low = high = -math.inf
    if top_k is not None or top_p < 1:
        ordered = np.sort(logits)[::-1][:top_k]
        low = high = float(ordered[-1])
        if top_p < 1:
            heaped = np.exp((ordered - ordered[0]) / temperature).cumsum()
            # The last that passes is the first with which the probability is reached.
            margin, whole = DOUBTFUL_SHARE if doubt else 0.0, float(heaped[-1])
            low = float(ordered[heaped.searchsorted(min(1.0, top_p + margin) * whole)])
            high = float(ordered[heaped.searchsorted(max(0.0, top_p - margin) * whole)]) if doubt else low
    if min_p:
        least = float(logits.max()) + temperature * math.log(min_p)
        low, high = max(low, least), max(high, least)
    return low, high

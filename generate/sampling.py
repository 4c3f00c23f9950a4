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

# Noise that is drawn at once: a few numbers take as long to ask for as some thousands.
NOISE = 4096

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


class Noise:
    """What is added to logits so that the largest sum is a draw by their softmax (the Gumbel-max trick).

    As much is drawn whatever the logits are, so that nothing that follows hangs on their last digits.
    """

    def __init__(self, temperature: float, seed: int | list[int]) -> None:
        self._temperature = temperature
        self._generator = np.random.Generator(np.random.SFC64(seed))
        self._drawn: list[np.ndarray] = []
        """And not used yet, (V,) each."""

    def of(self, size: int) -> np.ndarray:
        """For logits (V,) that are not divided by the temperature."""
        if not self._drawn:
            noises = self._generator.standard_exponential((max(1, NOISE // size), size), np.float32)
            np.maximum(noises, _TINY, out=noises)
            np.log(noises, out=noises)
            noises *= -self._temperature
            self._drawn = list(noises)
        return self._drawn.pop()


class Sampler:
    """Draws ids from a generator of its own: one sequence, one seed, whatever is written beside it."""

    def __init__(self, sampling: Sampling, seed: int) -> None:
        self.sampling = sampling
        self._noise = Noise(sampling.temperature, seed)

    def __call__(
        self,
        logits: np.ndarray,
        exact: Callable[[], np.ndarray],
        banned: Collection[int] | np.ndarray = (),
        said: Iterable[int] = (),
    ) -> int | None:
        """The next id from logits (V,): none of `banned`, less likely what was `said`; None where nothing is left.

        `exact` computes the logits once more from the ids alone. It is asked when rounding could decide.
        """
        noise = self._noise.of(len(logits)) if self.sampling.temperature else None
        counts = Counter(said) if self._penalises else None
        adjusted = self._adjusted(logits, banned, counts)
        chosen = self._plain(adjusted, noise)
        if chosen is not None:
            return chosen
        chosen, certain = self._draw(adjusted, noise, DOUBT)
        if not certain:
            chosen, _ = self._draw(self._adjusted(exact(), banned, counts), noise, 0.0)
        return chosen

    def _plain(self, logits: np.ndarray, noise: np.ndarray | None) -> int | None:
        """The id that is drawn from all, where it would be from what the filters leave, too; None where that is open.

        It mostly would be, and to see that of one id takes no sorting.
        """
        scores = logits.copy() if noise is None else logits + noise
        chosen = int(scores.argmax())
        best = scores.item(chosen)
        scores[chosen] = -np.inf
        if best - scores.item(scores.argmax()) <= DOUBT or best == -np.inf:
            return None
        return chosen if noise is None or passes(logits, logits.item(chosen), self.sampling) else None

    @property
    def _penalises(self) -> bool:
        sampling = self.sampling
        return sampling.repetition_penalty != 1 or bool(sampling.presence_penalty or sampling.frequency_penalty)

    def _adjusted(
        self, logits: np.ndarray, banned: Collection[int] | np.ndarray, said: Counter[int] | None
    ) -> np.ndarray:
        logits = logits.copy()
        if said:
            ids, counts = np.array(list(said)), np.array(list(said.values()), np.float32)
            kept, penalty = logits[ids], self.sampling.repetition_penalty
            kept = np.where(kept > 0, kept / penalty, kept * penalty)
            logits[ids] = kept - self.sampling.presence_penalty - self.sampling.frequency_penalty * counts
        if len(banned):
            logits[banned if isinstance(banned, np.ndarray) else list(banned)] = -np.inf
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


def passes(logits: np.ndarray, logit: float, sampling: Sampling) -> bool:
    """Whether top_k, top_p and min_p let one of the logits (V,) pass, and would if each were less than DOUBT away."""
    top_k, top_p, min_p, temperature = sampling.top_k, sampling.top_p, sampling.min_p, sampling.temperature
    ahead = logits > logit - DOUBT  # itself, too
    if top_k is not None and np.count_nonzero(ahead) > top_k:
        return False
    highest = logits.item(logits.argmax())
    if min_p and logit - DOUBT < highest + temperature * math.log(min_p):
        return False
    if top_p == 1:
        return True
    if top_k is not None and top_k < len(logits):
        logits = np.partition(logits, -top_k)[-top_k:]
        ahead = logits > logit - DOUBT
    shares = np.exp((logits - highest) / temperature)
    before = shares[ahead].sum() - math.exp((logit - highest) / temperature)
    return bool(before < (top_p - DOUBTFUL_SHARE) * shares.sum())


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

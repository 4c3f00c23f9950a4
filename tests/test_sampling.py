"""Logits to ids."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from generate.sampling import DOUBT, Sampler, Sampling, cuts

PLAIN = Sampling(temperature=1.0, top_p=1.0)

logits = arrays(np.float32, st.integers(2, 40), elements=st.floats(-20, 20, width=32))
samplings = st.builds(
    Sampling,
    temperature=st.floats(0.1, 2) | st.just(0.0),
    top_k=st.none() | st.integers(1, 50),
    top_p=st.floats(0.05, 1),
    min_p=st.floats(0, 0.5),
    repetition_penalty=st.floats(0.5, 2),
    presence_penalty=st.floats(-2, 2),
    frequency_penalty=st.floats(-2, 2),
)


def draw(values: np.ndarray, sampling: Sampling = PLAIN, seed: int = 1, **given: Any) -> int | None:
    return Sampler(sampling, seed)(values, lambda: values, **given)


def shares(values: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    exponentials = np.exp((values - values.max()).astype(np.float64) / temperature)
    return exponentials / exponentials.sum()


@given(logits, st.integers(1, 50))
def test_top_k_keeps_the_likeliest(values: np.ndarray, k: int) -> None:
    cut, _ = cuts(values, Sampling(temperature=1.0, top_p=1.0, top_k=k), 0.0)
    assert (values >= cut).sum() >= min(k, len(values))  # ties stay together
    assert (values > cut).sum() < k


@given(logits, st.floats(0.01, 0.99), st.floats(0.3, 2))
def test_top_p_keeps_the_smallest_set_that_has_the_probability(
    values: np.ndarray, p: float, temperature: float
) -> None:
    cut, _ = cuts(values, Sampling(temperature=temperature, top_p=p), 0.0)
    kept = shares(values, temperature)[values >= cut]
    assert kept.sum() >= p - 1e-4
    assert kept[kept > kept.min()].sum() <= p + 1e-4


@given(logits, st.floats(0.01, 1), st.floats(0.3, 2))
def test_min_p_keeps_what_is_likely_enough_beside_the_likeliest(
    values: np.ndarray, p: float, temperature: float
) -> None:
    cut, _ = cuts(values, Sampling(temperature=temperature, top_p=1.0, min_p=p), 0.0)
    relative = shares(values, temperature) / shares(values, temperature).max()
    assert (relative[values >= cut + 1e-3] >= p * 0.999).all()
    assert (relative[values < cut - 1e-3] <= p * 1.001).all()


@given(logits, samplings, st.integers(0, 2**31))
def test_the_likeliest_may_always_be_chosen(values: np.ndarray, sampling: Sampling, seed: int) -> None:
    assert draw(values, sampling, seed) is not None
    assert cuts(values, sampling, 0.0)[0] <= values.max() if sampling.temperature else True


@given(logits, samplings, st.integers(0, 2**31), st.integers(0, 2**31))
def test_rounding_decides_nothing(values: np.ndarray, sampling: Sampling, seed: int, noise: int) -> None:
    """Logits a little off choose as the exact ones do, which are asked when it matters."""
    off = values + np.random.default_rng(noise).uniform(-DOUBT / 3, DOUBT / 3, len(values)).astype(np.float32)
    said = [0, 1, 1]
    one, other = (Sampler(sampling, seed) for _ in range(2))
    for _ in range(5):
        assert one(values, lambda: values, said=said) == other(off, lambda: values, said=said)


def test_the_exact_logits_are_asked_seldom() -> None:
    chance, asked = np.random.default_rng(1), 0
    sampler = Sampler(Sampling(top_k=50, min_p=0.02), 1)

    def exact() -> np.ndarray:
        nonlocal asked
        asked += 1
        return values

    for _ in range(2000):
        values = chance.normal(0, 3, 500).astype(np.float32)
        sampler(values, exact)
    assert asked < 20


@given(logits, samplings, st.integers(0, 2**31))
def test_what_is_drawn_without_sorting_is_what_is_drawn_from_what_the_filters_leave(
    values: np.ndarray, sampling: Sampling, seed: int
) -> None:
    drawn = np.random.default_rng(seed).gumbel(size=len(values)).astype(np.float32)
    noise = drawn * sampling.temperature if sampling.temperature else None
    left = values >= cuts(values, sampling, 0.0)[0] if sampling.temperature else np.full(len(values), True)
    scores = values if noise is None else values + noise
    expected = int(np.where(left, scores, -np.inf).argmax())
    sampler = Sampler(sampling, seed)
    plain = sampler._plain(values, noise)  # pyright: ignore[reportPrivateUsage]
    assert plain in (None, expected)


def test_most_ids_are_drawn_without_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, sorted_ = np.random.default_rng(1), 0
    sampler = Sampler(Sampling(), 1)
    draw_ = sampler._draw  # pyright: ignore[reportPrivateUsage]

    def counted(*arguments: Any) -> tuple[int | None, bool]:
        nonlocal sorted_
        sorted_ += 1
        return draw_(*arguments)

    monkeypatch.setattr(sampler, "_draw", counted)
    for _ in range(1000):
        values = chance.normal(0, 3, 500).astype(np.float32)
        sampler(values, lambda values=values: values)
    assert 20 < sorted_ < 100  # one in twenty is drawn from the twentieth that top_p leaves out


@given(logits, samplings, st.integers(0, 2**31))
def test_what_is_banned_is_never_drawn(values: np.ndarray, sampling: Sampling, seed: int) -> None:
    assert draw(values, sampling, seed, banned={0}) != 0
    assert draw(values, sampling, seed, banned=range(len(values))) is None
    assert draw(values, sampling, seed, banned=range(1, len(values))) == 0


def test_draws_follow_the_probabilities() -> None:
    values, sampler = np.log(np.array([0.5, 0.3, 0.2], np.float32)), Sampler(PLAIN, 1)
    drawn = [sampler(values, lambda: values) or 0 for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(drawn) / 4000, [0.5, 0.3, 0.2], atol=0.03)
    cold, sampler = shares(values, 0.5), Sampler(Sampling(temperature=0.5, top_p=1.0), 1)
    drawn = [sampler(values, lambda: values) or 0 for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(drawn) / 4000, cold, atol=0.03)
    assert draw(values, Sampling(temperature=0.0)) == 0


def test_penalties_are_the_formulas_of_their_papers() -> None:
    values, said = np.array([2.0, 1.9, -1.0, -1.1], np.float32), [0, 0, 2]
    greedy: dict[str, Any] = {"temperature": 0.0}
    assert draw(values, Sampling(**greedy), said=said) == 0
    assert draw(values, Sampling(**greedy, repetition_penalty=1.1), said=said) == 1  # 2 / 1.1 < 1.9
    assert draw(values, Sampling(**greedy, presence_penalty=0.2), said=said) == 1  # 2 - 0.2 < 1.9
    assert draw(values, Sampling(**greedy, frequency_penalty=0.06), said=said) == 1  # 2 - 2 · 0.06 < 1.9
    assert draw(values, Sampling(**greedy, frequency_penalty=0.04), said=said) == 0
    below = values - 3
    assert draw(below, Sampling(**greedy, repetition_penalty=1.2), said=said) == 1  # -1 · 1.2 < -1.1


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1.0}, {"temperature": math.nan}, {"temperature": math.inf}, {"top_p": 0.0}, {"top_p": 1.1},
        {"top_p": math.nan}, {"top_k": 0}, {"min_p": -0.1}, {"min_p": math.nan}, {"repetition_penalty": 0.0},
        {"presence_penalty": math.nan}, {"frequency_penalty": math.inf},
    ],
)  # fmt: skip
def test_absurd_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must"):
        Sampling(**options)

"""The forward pass of decoding: the model's own numbers, whatever else is in the cache."""

import random

import numpy as np
import pytest
import torch

from generate.network import ROOM, SPARE, Network
from pretrain.model import GPT, Architecture
from tests.conftest import make_model

# Of float32, through two layers.
CLOSE = 2e-4


@pytest.fixture(params=[True, False], ids=["numpy", "torch"])
def numpy(request: pytest.FixtureRequest) -> bool:
    return request.param


@torch.no_grad()
def of_the_model(model: GPT, ids: list[int]) -> np.ndarray:
    return model(torch.tensor([ids]))[0, -1].numpy()


def random_ids(count: int, seed: int = 1) -> list[int]:
    return random.Random(seed).choices(range(50), k=count)


def test_logits_are_the_models(architecture: Architecture, numpy: bool) -> None:
    model = make_model(architecture)
    network, ids = Network(model, numpy=numpy), random_ids(24)
    np.testing.assert_allclose(network.add(ids[:9]), of_the_model(model, ids[:9]), atol=CLOSE)
    for end in range(10, 25):
        logits = network.advance([ids[end - 1]])[0]
        np.testing.assert_allclose(logits, of_the_model(model, ids[:end]), atol=CLOSE)
        np.testing.assert_allclose(network.read(ids[:end]), logits, atol=CLOSE)


def test_rows_do_not_see_each_other(architecture: Architecture, numpy: bool) -> None:
    """They come, come again, go and are taken back at random; each has the logits of its own ids."""
    model, chance = make_model(architecture), random.Random(3)
    prompt: list[int] = []
    network, rows, latest = Network(model, numpy=numpy), list[list[int]](), list[np.ndarray]()
    for _ in range(300):
        deed = chance.choice(["add", "remove", "again", "take back", *["advance"] * 6])
        if deed == "add" and len(rows) < 6:
            prompt = random_ids(chance.randint(1, 12), chance.randrange(1000))
            rows.append(prompt.copy())
            latest.append(network.add(rows[-1]))
        elif deed == "remove" and rows:
            row = chance.randrange(len(rows))
            network.remove(row)
            rows[row], latest[row] = rows[-1], latest[-1]
            del rows[-1], latest[-1]
        elif deed == "again" and prompt and len(rows) < 6:
            rows.append(prompt.copy())
            latest.append(network.add(rows[-1]))
        elif rows:
            for row, ids in enumerate(rows):
                if len(ids) == 24:
                    ids[:] = ids[-chance.randint(1, 12) :]
                    network.restart(row, ids)
            if deed == "take back":
                row = chance.randrange(len(rows))
                tokens = chance.randint(1, len(rows[row]))
                assert network.take_back(row, tokens)
                del rows[row][len(rows[row]) - tokens :]
            ids = random_ids(len(rows), chance.randrange(1000))
            for row, id_ in zip(rows, ids, strict=True):
                row.append(id_)
            latest = list(network.advance(ids))
        for ids, logits in zip(rows, latest, strict=True):
            np.testing.assert_allclose(logits, of_the_model(model, ids), atol=CLOSE)


def test_a_window_of_rotary_positions_slides_for_good(numpy: bool) -> None:
    """Each token sees block_size of those before it, in every layer, however far the text has come."""
    model = make_model("qwen3")
    network, ids = Network(model, numpy=numpy), random_ids(3 * (ROOM + SPARE))
    network.add(ids[:40])
    network.add(ids[:5])
    for end in range(41, len(ids) + 1):
        logits = network.advance([ids[end - 1], ids[end - 36]])
        if end % 37 == 0:
            np.testing.assert_allclose(logits[0], network.read(ids[:end]), atol=CLOSE)
            np.testing.assert_allclose(logits[1], network.read(ids[: end - 35]), atol=CLOSE)


def test_what_is_out_of_sight_does_not_matter() -> None:
    """Through two layers, a window of 24 looks back on 2 · 23 tokens and itself."""
    network, ids = Network(make_model("qwen3")), random_ids(100)
    logits = network.read(ids)
    for place, matters in ((-48, False), (-47, True)):
        changed = ids.copy()
        changed[place] = 49 - changed[place]
        assert (np.abs(network.read(changed) - logits).max() > CLOSE) == matters


def test_a_slid_window_can_be_taken_back_a_little() -> None:
    network, ids = Network(make_model("qwen3")), random_ids(200)
    network.add(ids[:3])
    for id_ in ids[3:]:
        network.advance([id_])
    assert not network.take_back(0, SPARE + 1)
    assert network.take_back(0, SPARE)
    np.testing.assert_allclose(network.advance([7])[0], network.read([*ids[:-SPARE], 7]), atol=CLOSE)


def test_learned_positions_end_with_the_block() -> None:
    network, ids = Network(make_model("gpt2")), random_ids(40)
    network.add(ids)
    assert network.length(0) == 24
    assert not network.has_room(0)
    network.restart(0, ids[:23])
    assert network.has_room(0)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.logaddexp.reduce(logits)


@pytest.mark.parametrize("before", [1, 9, 40])
def test_continuations_cost_what_they_cost_one_by_one(architecture: Architecture, before: int, numpy: bool) -> None:
    network, ids = Network(make_model(architecture), numpy=numpy), random_ids(before)
    some = [random_ids(length, seed) for seed, length in enumerate((6, 1, 3))]
    if not network.slides:
        ids = ids[-(network.config.block_size - 5) :]  # what leaves room for the longest
    for continuation, logprobs in zip(some, network.logprobs(ids, some), strict=True):
        one_by_one = [log_softmax(network.read(ids + continuation[:end])) for end in range(len(continuation))]
        expected = [scores[id_] for id_, scores in zip(continuation, one_by_one, strict=True)]
        np.testing.assert_allclose(logprobs, expected, atol=CLOSE)


def test_of_a_beginning_that_leaves_no_room_the_end_is_read() -> None:
    network, ids = Network(make_model("gpt2")), random_ids(40)
    some = [random_ids(8)]
    assert network.logprobs(ids, some) == network.logprobs(ids[-17:], some)
    assert np.isfinite(network.logprobs(ids, [random_ids(30)])[0]).all()

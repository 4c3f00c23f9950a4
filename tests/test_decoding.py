"""The decode loop: what a sequence becomes follows from its own ids."""

import random

import numpy as np
import pytest
import torch

from generate.decoding import Decoder, Sequence, TakeBack, decode
from generate.network import Network
from pretrain.model import Architecture
from tests.conftest import make_model


class Greedy(Sequence):
    """Takes the likeliest, and the second where it took something back."""

    def __init__(self, prompt: list[int], tokens: int, take_back_at: int = -1, back: int = 0) -> None:
        super().__init__(prompt)
        self.end, self.take_back_at, self.back = len(prompt) + tokens, take_back_at, back
        self.second: set[int] = set()

    def choose(self, logits: np.ndarray) -> int | TakeBack | None:
        if len(self.ids) == self.end:
            return None
        if len(self.ids) == self.take_back_at and not self.second:
            self.second.add(len(self.ids) - self.back)
            return TakeBack(self.back)
        return int(np.argsort(logits)[-2 if len(self.ids) in self.second else -1])


def run(network: Network, *sequences: Greedy, max_rows: int = 16) -> None:
    for _ in decode(network, sequences, max_rows):
        pass


@torch.no_grad()
def without_cache(architecture: Architecture, prompt: list[int], tokens: int) -> list[int]:
    """Greedy decoding that computes everything anew for each token."""
    model, ids = make_model(architecture), list(prompt)
    network, size = Network(model), model.config.block_size
    window = ids[-size:]
    for _ in range(tokens):
        if architecture == "gpt2":
            if len(window) > size:
                window = window[-(size // 2) :]
            ids.append(int(model(torch.tensor([window]))[0, -1].argmax()))
            window.append(ids[-1])
        else:
            ids.append(int(network.read(ids).argmax()))
    return ids


@pytest.mark.parametrize("prompt", [1, 5, 24, 100])
def test_greedy_decoding_is_the_same_without_a_cache_beyond_the_block_too(
    architecture: Architecture, prompt: int
) -> None:
    ids = random.Random(prompt).choices(range(50), k=prompt)
    sequence = Greedy(ids, 80)
    run(Network(make_model(architecture)), sequence)
    assert sequence.ids == without_cache(architecture, ids, 80)


def test_a_sequence_is_the_same_whatever_is_beside_it(architecture: Architecture) -> None:
    chance = random.Random(1)
    lengths = [(chance.randint(1, 60), chance.randint(1, 90)) for _ in range(12)]
    prompts = [chance.choices(range(50), k=length) for length, _ in lengths]
    network = Network(make_model(architecture))
    together = [Greedy(prompt, tokens) for prompt, (_, tokens) in zip(prompts, lengths, strict=True)]
    run(network, *together, max_rows=5)
    assert network.rows == 0
    for sequence, prompt, (_, tokens) in zip(together, prompts, lengths, strict=True):
        alone = Greedy(prompt, tokens)
        run(network, alone)
        assert alone.ids == sequence.ids


@pytest.mark.parametrize(("at", "back"), [(8, 3), (8, 0), (12, 9), (30, 4), (130, 20), (130, 90)])
def test_what_is_taken_back_leaves_no_trace(architecture: Architecture, at: int, back: int) -> None:
    sequence = Greedy([1, 2, 3], 150, take_back_at=at, back=back)
    run(Network(make_model(architecture)), sequence, Greedy([5], 100))
    begun = Greedy(sequence.ids[: at - back + 1], 150 + 3 - (at - back + 1))
    whole = Greedy([1, 2, 3], at - back - 3)
    network = Network(make_model(architecture))
    run(network, begun, whole)
    assert sequence.ids[: at - back] == whole.ids
    assert len(sequence.ids) == 153
    if architecture == "qwen3":  # learned positions start over where the window happens to be full
        assert sequence.ids == begun.ids


def test_a_sequence_that_is_removed_leaves_the_others_alone() -> None:
    network = Network(make_model("qwen3"))
    decoder, sequences = Decoder[Greedy](network, max_rows=3), [Greedy([n], 20) for n in range(5)]
    for sequence in sequences:
        decoder.add(sequence)
    for _ in range(4):
        decoder.step()
    decoder.remove(sequences[1])
    decoder.remove(sequences[4])
    while decoder.live:
        decoder.step()
    assert len(sequences[1].ids) == 5
    assert len(sequences[4].ids) == 1
    for number in (0, 2, 3):
        alone = Greedy([number], 20)
        run(network, alone)
        assert sequences[number].ids == alone.ids


@pytest.mark.parametrize("rows", [8, 2])
def test_equal_prompts_are_read_once_however_many_find_room(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    network, read = Network(make_model("qwen3")), list[list[int]]()
    before = network._read
    monkeypatch.setattr(network, "_read", lambda ids: read.append(ids) or before(ids))
    sequences = [Greedy([1, 2, 3], 10) for _ in range(8)]
    for _ in decode(network, sequences, rows):
        pass
    assert read == [[1, 2, 3]]
    assert len({tuple(sequence.ids) for sequence in sequences}) == 1

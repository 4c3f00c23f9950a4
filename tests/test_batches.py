"""Sequences of a step, from tokens where they lie."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus
from pretrain import batches as batches_module
from pretrain import tokenize_data
from pretrain.batches import Batches, eval_batches
from pretrain.tokenize_data import TokenizeConfig
from pretrain.tokens import Part, Tokens

CPU = torch.device("cpu")


@pytest.fixture
def tokens(make_corpus: Callable[..., Corpus]) -> Tokens:
    make_corpus(songs=40)
    tokenize_data.main(TokenizeConfig(corpus="nadie", kind="word"))
    return Tokens.load(Artifacts("nadie").tokens / "tokens.safetensors")


def in_memory(part: Part) -> Part:
    return Part(part.inputs.astype(np.int64), part.targets.astype(np.int64), part.characters, part.unknown)


def test_mapped_tokens_give_the_batches_of_tokens_in_memory(tokens: Tokens) -> None:
    here, there = (Batches(part, 16, 5, 3, CPU) for part in (in_memory(tokens.train), tokens.train))
    for step in (0, 1, 2, 40, 500, 1):
        for one, other in zip(here.at(step), there.at(step), strict=True):
            assert one.dtype == other.dtype == torch.int64
            assert one.shape == (5, 16)
            assert torch.equal(one, other)
    one, other = (list(eval_batches(part, 16, CPU)) for part in (in_memory(tokens.val), tokens.val))
    assert all(torch.equal(x, y) for a, b in zip(one, other, strict=True) for x, y in zip(a, b, strict=True))


def test_an_epoch_visits_every_piece_once_whatever_the_batch(tokens: Tokens) -> None:
    count = len(tokens.train.inputs)
    numbered = Part(np.arange(count), tokens.train.targets, 1, 0)
    alone = Batches(numbered, 16, 1, 3, CPU)
    pieces = round(alone.steps_per_epoch)
    singles = [alone.at(step)[0] for step in range(3 * pieces)]
    for size in (4, pieces, 2 * pieces + 1):  # the last spans three epochs
        batches = Batches(numbered, 16, size, 3, CPU)
        together = torch.cat([batches.at(step)[0] for step in range(len(singles) // size)])
        assert torch.equal(together, torch.cat(singles)[: len(together)])
    assert len({int(piece[0, 0]) for piece in singles[:pieces]}) == pieces
    assert not torch.equal(torch.cat(singles[:pieces]), torch.cat(singles[pieces : 2 * pieces]))


@pytest.mark.parametrize(("limit", "blocks"), [(10**6, 13), (1300, 13), (500, 5), (1, 1)])
def test_of_much_validation_an_even_part_is_evaluated(limit: int, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "EVAL_TOKENS", 105)
    ids = np.arange(1250, dtype=np.int16)
    seen = [x.flatten().tolist() for x, _ in eval_batches(Part(ids, ids, 1, 0), 10, CPU, limit)]
    assert [block[0] for block in seen] == [place * 13 // blocks * 100 for place in range(blocks)]
    assert all(block == list(range(block[0], block[0] + 100)) for block in seen[:-1])

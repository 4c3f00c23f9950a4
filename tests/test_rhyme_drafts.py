"""Songs written to learn from, and what is learnt from them."""

import copy

import numpy as np
import pytest
import torch

from finetune.tuning.drafts import MOST_LINES, OPEN_TRIES, Draft, Drafts, Written, write_drafts
from finetune.tuning.objectives import Balance, distance, end_logprobs, expert_loss
from finetune.tuning.reward import Judge
from pretrain.model import GPT, Architecture
from pretrain.signals import StopSignal
from pretrain.tokenizer import Tokenizer
from tests.conftest import make_model

WORDS = ["luna", "cuna", "río", "frío", "arena", "pena", "canta", "vuelve", "la", "el"]
SIZE = 24


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["\n".join(f"la {word} vuelve el {word} canta" for word in WORDS)], "word")


@pytest.fixture
def model(architecture: Architecture, tokenizer: Tokenizer) -> GPT:
    return make_model(architecture, vocab_size=tokenizer.vocab_size, block_size=SIZE)


def songs(tokenizer: Tokenizer, tries: int, count: int = 12, seed: int = 1) -> list[Draft]:
    chance = np.random.default_rng(1)
    judges = [Judge("es", set(WORDS), None, {}, chance) for _ in range(count)]
    return [
        Draft(tokenizer, tokenizer.encode("la luna"), judge, size=SIZE, tries=tries, seed=[seed, number])
        for number, judge in enumerate(judges)
    ]


def write(model: GPT, tokenizer: Tokenizer, tries: int = 1, count: int = 12) -> tuple[list[Draft], Written]:
    drafts = songs(tokenizer, tries, count)
    written = write_drafts(model, drafts, tokenizer, StopSignal())
    assert written is not None
    return drafts, written


@pytest.mark.parametrize("tries", [1, 6])
def test_arrays_say_what_was_written(model: GPT, tokenizer: Tokenizer, tries: int) -> None:
    drafts, written = write(model, tokenizer, tries)
    arrays = written.drafts
    assert arrays.ids.shape == (12, SIZE + 1)
    assert arrays.points.shape == (12, MOST_LINES)
    ends = {*tokenizer.encode("\n"), tokenizer.end}
    for row, draft in enumerate(drafts):
        for number, line in enumerate(draft.lines):
            ids = arrays.ids[row, 1:][arrays.line[row] == number].tolist()
            assert ids == draft.ids[line.start : line.end]
            assert ids[-1] in ends
            assert ends.isdisjoint(ids[:-1])
            last = arrays.ids[row, 1:][arrays.tail[row] & (arrays.line[row] == number)].tolist()
            assert line.last_word in tokenizer.decode(last).lower()
            assert line.last_word not in tokenizer.decode(last[1:]).lower()
            assert arrays.points[row, number] == pytest.approx(line.worth.points)
        assert (arrays.kind[row] >= 0).sum() == len(draft.lines)
    assert sum(map(len, (draft.lines for draft in drafts))) == written.ends.total()


def test_the_same_seeds_write_the_same_and_others_do_not(model: GPT, tokenizer: Tokenizer) -> None:
    one, again = (write(model, tokenizer, 4)[1].drafts.ids for _ in range(2))
    assert np.array_equal(one, again)
    others = songs(tokenizer, 4, seed=2)
    write_drafts(model, others, tokenizer, StopSignal())
    assert [draft.ids for draft in others] != one.tolist()


def test_more_tries_give_better_lines_and_cost_more(model: GPT, tokenizer: Tokenizer) -> None:
    points: list[float] = []
    for tries in (1, 8):
        drafts, written = write(model, tokenizer, tries, count=24)
        points.append(float(np.mean([line.worth.points for draft in drafts for line in draft.lines])))
        assert (written.drawn == written.kept) == (tries == 1)
        assert written.drawn <= tries * written.kept
    assert points[1] > points[0] + 0.05


def test_a_line_that_need_not_rhyme_is_not_tried_as_often(model: GPT, tokenizer: Tokenizer) -> None:
    tries: list[int] = []

    class Counting(Judge):
        def judge(self, text: str):  # type: ignore[no-untyped-def]
            worth, stanza = super().judge(text)
            if worth and not worth.must:
                tries[-1] += 1
            return worth, stanza

        def keep(self, text, stanza) -> None:  # type: ignore[no-untyped-def]
            super().keep(text, stanza)
            tries.append(0)

    for seed in range(8):
        tries.append(0)
        judge = Counting("es", set(WORDS), None, {}, np.random.default_rng(1))
        write_drafts(model, [Draft(tokenizer, [], judge, size=SIZE, tries=9, seed=[seed])], tokenizer, StopSignal())
    assert 1 < max(tries) <= OPEN_TRIES + 1  # it is judged once more when it stays


def test_asked_to_stop_nothing_is_handed_on(model: GPT, tokenizer: Tokenizer) -> None:
    stop = StopSignal()
    stop.asked = True
    assert write_drafts(model, songs(tokenizer, 1), tokenizer, stop) is None


def test_a_line_end_s_log_probability_is_the_sum_over_its_ids(model: GPT, tokenizer: Tokenizer) -> None:
    drafts, written = write(model, tokenizer)
    model.requires_grad_(False)
    found = end_logprobs(model, torch.from_numpy(written.drafts.ids[:, :-1]), written.drafts)
    for row, draft in enumerate(drafts):
        logprobs = torch.log_softmax(model(torch.tensor([draft.ids[:SIZE]])), -1)[0]
        for number, line in enumerate(draft.lines):
            places = range(line.word_start, line.end)
            expected = sum(float(logprobs[place - 1, draft.ids[place]]) for place in places)
            assert float(found[row, number]) == pytest.approx(expected, abs=1e-3)


def test_expert_learns_the_ends_of_good_lines_and_nothing_else(model: GPT, tokenizer: Tokenizer) -> None:
    drafts = write(model, tokenizer, 4)[1].drafts
    model.requires_grad_(False)
    good, total, count = np.random.default_rng(1).random(drafts.good.shape) < 0.5, 0.0, 0
    drafts = Drafts(**{**drafts.arrays(), "good": good})
    logprobs = torch.log_softmax(model(torch.from_numpy(drafts.ids[:, :-1])), -1)
    for row, place in np.argwhere(drafts.tail).tolist():
        if good[row, drafts.line[row, place]]:
            total -= float(logprobs[row, place, drafts.ids[row, place + 1]])
            count += 1
    assert float(expert_loss(model, drafts)) == pytest.approx(total / count, rel=1e-4)
    none = Drafts(**{**drafts.arrays(), "good": np.zeros_like(good)})
    assert float(expert_loss(model, none)) == 0


def test_balance_tilts_the_prior_by_the_points() -> None:
    """Two lines of one id, one with a point: in balance their odds are the prior's times exp(beta)."""
    beta, first, second = 2.0, 7, 8
    prior = make_model("qwen3", vocab_size=12, block_size=4, n_embd=16)
    model = copy.deepcopy(prior)
    ids = np.array([[1, first, 0, 0, 0], [1, second, 0, 0, 0]])
    line = np.array([[0, -1, -1, -1]] * 2)
    drafts = Drafts(
        ids, line, line == 0, np.array([[1.0], [0.0]], np.float32), np.zeros((2, 1), np.int64), np.ones((2, 1), bool)
    )
    balance = Balance(prior)
    steps = torch.optim.Adam(model.parameters(), 3e-3)
    losses: list[float] = []
    for _ in range(300):
        loss = balance.loss(model, drafts, beta)
        steps.zero_grad()
        loss.backward()
        steps.step()
        losses.append(float(loss.detach()))
    odds = [
        float((logits[first] - logits[second]).detach())
        for logits in (each(torch.tensor([[1]]))[0, 0] for each in (model, prior))
    ]
    assert odds[0] - odds[1] == pytest.approx(beta, abs=0.1)
    assert losses[-1] < 0.01 * losses[0]


def test_the_distance_is_none_at_first_and_grows(tokenizer: Tokenizer) -> None:
    prior = make_model("qwen3", vocab_size=tokenizer.vocab_size, block_size=SIZE)
    _, written = write(prior, tokenizer)
    other = make_model("qwen3", vocab_size=tokenizer.vocab_size, block_size=SIZE)
    assert distance(other, prior, written.drafts) == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        other.token_embedding.weight.mul_(1.5)
    assert distance(other, prior, written.drafts) > 0.01


def test_drafts_are_joined_and_taken_apart(model: GPT, tokenizer: Tokenizer) -> None:
    drafts = write(model, tokenizer)[1].drafts
    both = drafts.some(slice(5)).joined(drafts.some(np.arange(5, 12)))
    assert all(np.array_equal(both.arrays()[name], array) for name, array in drafts.arrays().items())


def test_learning_from_the_good_makes_them_likelier_than_the_others(tokenizer: Tokenizer) -> None:
    model = make_model("qwen3", vocab_size=tokenizer.vocab_size, block_size=SIZE)
    drafts = write(model, tokenizer)[1].drafts
    there = drafts.kind >= 0
    good = there & (np.random.default_rng(1).random(there.shape) < 0.5)
    drafts = Drafts(**{**drafts.arrays(), "good": good})
    inputs, steps = torch.from_numpy(drafts.ids[:, :-1]), torch.optim.Adam(model.parameters(), 1e-3)
    before = end_logprobs(model, inputs, drafts).detach().numpy()
    for _ in range(30):
        steps.zero_grad()
        expert_loss(model, drafts).backward()
        steps.step()
    gained = end_logprobs(model, inputs, drafts).detach().numpy() - before
    assert gained[good].mean() > gained[there & ~good].mean() + 0.5

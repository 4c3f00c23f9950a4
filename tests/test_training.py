"""Training: the loop, what it saves, and how it goes on."""

import dataclasses
import json
import math
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from trainings import RESUME, TINY, assert_equal_runs, stop_at, weights

from core.artifacts import Artifacts
from core.corpus import Corpus
from core.errors import Interrupted, UserError
from core.lock import LOCK
from pretrain import gradients, loop, schedule, threads, tokenize_data
from pretrain.batches import Batches, eval_batches
from pretrain.checkpoint import MODEL, PREVIOUS, STATE, load_checkpoint
from pretrain.config import LoopConfig
from pretrain.lexicon import LEXICON
from pretrain.memory import activation_bytes, available_bytes
from pretrain.metrics import Metrics, bits_per_char
from pretrain.model import ModelConfig
from pretrain.phrases import PHRASES
from pretrain.threads import ThreadChooser
from pretrain.tokens import IGNORE, Part, Tokens
from pretrain.train import PretrainConfig
from pretrain.train import main as train


@pytest.fixture
def tokens(make_corpus: Callable[..., Corpus]) -> Tokens:
    make_corpus()
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))
    return Tokens.load(Artifacts("nadie").tokens / "tokens.safetensors")


def test_training_lowers_the_loss_and_leaves_a_folder_that_loads(tokens: Tokens) -> None:
    train(TINY)
    folder = Artifacts("nadie").run("pretrain", "default")
    losses = [facts["val_loss"] for facts in Metrics(folder / "metrics.jsonl").read()]
    assert losses[0] == pytest.approx(
        math.log(load_checkpoint(folder, torch.device("cpu")).tokenizer.vocab_size), abs=0.3
    )
    assert min(losses) < losses[0] - 0.5
    names = {path.name for path in folder.iterdir()}
    kept = {
        MODEL,
        STATE,
        PREVIOUS,
        PHRASES,
        LEXICON,
        "config.json",
        "tokenizer.json",
        "metrics.jsonl",
        "loss.png",
        "run.json",
    }
    assert names == kept | {LOCK}
    record = json.loads((folder / "run.json").read_text())
    assert record["config"]["n_embd"] == 16
    assert set(record["inputs"]) == {"tokens.safetensors", "tokenizer.json"}
    assert "torch" in record["versions"]


def test_the_same_seed_gives_the_same_weights_and_another_others(tokens: Tokens) -> None:
    for run, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(dataclasses.replace(TINY, run=run, seed=seed, max_steps=12))
    folders = [Artifacts("nadie").run("pretrain", run) for run in "abc"]
    assert_equal_runs(folders[0], folders[1])
    assert not torch.equal(*(weights(f)["model.token_embedding.weight"] for f in (folders[0], folders[2])))


def test_resumed_as_often_as_you_like_a_run_ends_as_if_never_stopped(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TINY
    train(dataclasses.replace(config, run="whole"))
    for number, step in enumerate((0, 7, 20, 38)):
        with monkeypatch.context() as patch:
            stop_at(patch, step)
            with pytest.raises(Interrupted) as stop:
                train(dataclasses.replace(config, run="parts", resume=number > 0))
            assert stop.value.hint == "python pretrain/train.py --corpus nadie --run parts --resume"
    train(dataclasses.replace(RESUME, run="parts"))
    assert_equal_runs(Artifacts("nadie").run("pretrain", "whole"), Artifacts("nadie").run("pretrain", "parts"))


def test_killed_while_evaluating_a_run_loses_neither_step_nor_evaluation(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(dataclasses.replace(TINY, run="whole"))
    evaluate = loop.evaluate
    with monkeypatch.context() as patch:
        calls = iter(range(100))

        def die(*arguments: object) -> float:
            if next(calls) == 6:
                raise KeyboardInterrupt
            return evaluate(*arguments)  # type: ignore[arg-type]

        patch.setattr(loop, "evaluate", die)
        with pytest.raises(KeyboardInterrupt):
            train(dataclasses.replace(TINY, run="parts"))
    train(dataclasses.replace(RESUME, run="parts"))
    assert_equal_runs(Artifacts("nadie").run("pretrain", "whole"), Artifacts("nadie").run("pretrain", "parts"))


def test_a_batch_that_does_not_fit_into_memory_is_computed_in_parts_with_the_same_result(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = dataclasses.replace(TINY, dropout=0.0, max_steps=8, batch_size=8)
    train(dataclasses.replace(config, run="large"))
    model = load_checkpoint(Artifacts("nadie").run("pretrain", "large"), torch.device("cpu")).model
    two = activation_bytes(model.config, 2 * 16) / gradients.MEMORY_SHARE
    monkeypatch.setattr(gradients, "available_bytes", lambda: two + 1)
    train(dataclasses.replace(config, run="parts"))
    assert "too little for 8 sequences at once: 4 passes a step" in capsys.readouterr().out
    monkeypatch.setattr(gradients, "available_bytes", lambda: two / 4)
    with pytest.raises(UserError, match="not even one sequence of 16 tokens fits"):
        train(dataclasses.replace(config, run="none"))
    large, parts = (Metrics(Artifacts("nadie").run("pretrain", r) / "metrics.jsonl").read() for r in ("large", "parts"))
    assert [line["val_loss"] for line in large] == pytest.approx([line["val_loss"] for line in parts], abs=1e-3)


def test_a_budget_in_minutes_ends_with_the_rate_at_zero(tokens: Tokens) -> None:
    start = time.monotonic()
    train(dataclasses.replace(TINY, max_steps=None, minutes=0.08))
    assert time.monotonic() - start < 60
    last = Metrics(Artifacts("nadie").run("pretrain", "default") / "metrics.jsonl").read()[-1]
    assert last["step"] > 20
    assert last["learning_rate"] == 0


def test_an_epoch_sees_every_token_once_and_the_next_in_another_order(tokens: Tokens) -> None:
    length, cpu = 16, torch.device("cpu")
    batches = Batches(tokens.train, length, 1, seed=3, device=cpu)
    numbered = Part(torch.arange(len(tokens.train.inputs)).numpy(), tokens.train.targets, 1, 0)
    batches = Batches(numbered, length, 1, seed=3, device=cpu)
    steps = int(batches.steps_per_epoch)
    epochs = [[batches.at(step)[0] for step in range(start, start + steps)] for start in (0, steps)]
    for epoch in epochs:
        seen = torch.cat(epoch, dim=1).flatten()
        assert len(seen.unique()) == len(seen)
        assert len(seen) > len(tokens.train.inputs) - length
    assert not torch.equal(epochs[0][0], epochs[1][0])
    assert torch.equal(batches.at(2)[0], epochs[0][2])  # any step, at any time


def test_each_part_of_a_budget_is_evaluated_once_however_long_it_takes(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Less time is set aside for the last evaluation once one was quicker: so much less of the budget is spent then.
    evaluate, parts = loop.Training._evaluate, []  # pyright: ignore[reportPrivateUsage]

    def noting(training: loop.Training, bar: Any) -> None:
        parts.append(training._reached())  # pyright: ignore[reportPrivateUsage]
        evaluate(training, bar)

    def slow(*given: Any) -> float:
        time.sleep(0.5 * (len(parts) == 1))
        return judge(*given)

    judge = loop.evaluate
    monkeypatch.setattr(loop.Training, "_evaluate", noting)
    monkeypatch.setattr(loop, "evaluate", slow)
    monkeypatch.setattr(loop, "EVAL_SHARE", 1.0)
    train(dataclasses.replace(TINY, max_steps=None, minutes=0.05))
    assert len(parts) > 3
    assert all(earlier < later for earlier, later in pairwise(parts))


def test_evaluation_scores_every_target_once(tokens: Tokens) -> None:
    for length in (7, 16, 5000):
        targets = torch.cat([y.flatten() for _, y in eval_batches(tokens.val, length, torch.device("cpu"))])
        assert targets[: len(tokens.val.targets)].tolist() == tokens.val.targets.tolist()
        assert (targets[len(tokens.val.targets) :] == IGNORE).all()


def test_bits_per_character_of_an_even_guess_are_the_alphabets_bits() -> None:
    part = Part(torch.arange(100).numpy(), torch.arange(100).numpy(), 100, 0)
    assert bits_per_char(math.log(64), part) == pytest.approx(6.0)
    part.targets[:50] = IGNORE
    assert bits_per_char(math.log(64), part) == pytest.approx(3.0)


def test_a_run_is_not_overwritten_unasked(tokens: Tokens) -> None:
    train(dataclasses.replace(TINY, max_steps=2))
    with pytest.raises(UserError, match="holds a run already"):
        train(dataclasses.replace(TINY, max_steps=2))
    train(dataclasses.replace(TINY, max_steps=3, overwrite=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_embd": 32}, "--n_embd 32 contradicts the run, which has 16"),
        ({"run": "other"}, "holds no run to resume"),
    ],
)
def test_resume_says_what_does_not_fit(tokens: Tokens, changes: dict[str, object], message: str) -> None:
    train(dataclasses.replace(TINY, max_steps=2))
    config: LoopConfig = PretrainConfig(**{"corpus": "nadie", "resume": True, **changes})  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        train(config)


def test_resume_refuses_tokens_that_changed(tokens: Tokens) -> None:
    train(dataclasses.replace(TINY, max_steps=2))
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="bpe"))
    with pytest.raises(UserError, match="changed since the run began"):
        train(RESUME)


def test_tokens_of_another_tokenizer_are_refused(tokens: Tokens) -> None:
    folder = Artifacts("nadie").tokens
    kept = (folder / "tokens.safetensors").read_bytes()
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="bpe"))
    (folder / "tokens.safetensors").write_bytes(kept)
    with pytest.raises(UserError, match="made with another tokenizer"):
        train(TINY)


def test_a_block_longer_than_the_corpus_is_refused(tokens: Tokens) -> None:
    with pytest.raises(UserError, match="longer than the corpus"):
        train(dataclasses.replace(TINY, block_size=10**6))


def test_a_loss_that_is_no_number_stops_and_keeps_the_best(tokens: Tokens) -> None:
    with pytest.raises(UserError, match="has diverged"):
        train(dataclasses.replace(TINY, learning_rate=1e30))
    load_checkpoint(Artifacts("nadie").run("pretrain", "default"), torch.device("cpu"))


@pytest.mark.parametrize("faster", [1, 2])
def test_the_count_of_threads_that_is_faster_wins_and_loses_again_when_it_is_not(faster: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        chooser = ThreadChooser()
        for best in (faster, 3 - faster):
            for _ in range(2 * threads.EVERY):
                chooser.begin()
                time.sleep(0.0001 if torch.get_num_threads() == best else 0.002)
                chooser.end()
            assert torch.get_num_threads() == best
    finally:
        torch.set_num_threads(before)


def test_without_a_budget_training_ends_when_validation_stops_improving(tokens: Tokens) -> None:
    train(dataclasses.replace(TINY, max_steps=None, dropout=0.0, learning_rate=1e-2, eval_interval=20))
    lines = Metrics(Artifacts("nadie").run("pretrain", "default") / "metrics.jsonl").read()
    rates = [line["learning_rate"] for line in lines]
    fall = next(number for number, rate in enumerate(rates) if number and rate < max(rates))
    assert rates[1:fall] == [1e-2] * (fall - 1), "the rate stays at its peak"
    assert rates[fall:] == sorted(rates[fall:], reverse=True)
    assert rates[-1] == 0
    losses = [line["val_loss"] for line in lines[:fall]]
    assert min(losses[:-3]) * (1 - schedule.IMPROVEMENT) <= min(losses[-3:]), "it fell since nothing improved"


def test_memory_that_a_step_takes_grows_with_everything_that_makes_it_large() -> None:
    small = ModelConfig(architecture="qwen3", vocab_size=100, block_size=16, n_layer=2, n_head=2, n_embd=32)
    need = activation_bytes(small, 64)
    for change in ({"vocab_size": 1000}, {"n_layer": 4}, {"n_embd": 64}):
        assert activation_bytes(dataclasses.replace(small, **change), 64) > need
    assert activation_bytes(small, 128) == 2 * need
    assert available_bytes() > 10 * need

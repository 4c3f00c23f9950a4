"""Adapting: the same loop from a trained model, judged on what its base never saw."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus, write_corpus
from core.errors import Interrupted, UserError
from core.files import read_json, write_json
from core.tensors import load_tensors
from finetune.blending import PARTS, blend, learnt_weights
from finetune.lora import apply_adapter
from finetune.train import FinetuneConfig, Method, near_copies, settle
from finetune.train import main as finetune
from pretrain import tokenize_data, train
from pretrain.checkpoint import ADAPTER, CONFIG, MODEL, load_checkpoint
from pretrain.evaluation import evaluate
from pretrain.loop import Training
from pretrain.metrics import Metrics
from pretrain.parallel import World, join_world
from pretrain.phrases import build_index, save_index
from pretrain.split import fingerprint
from pretrain.tokens import Part, encode_split, split_songs
from tests.adapting import write_base
from tests.conftest import invent_song, make_model
from tests.trainings import assert_equal_runs, stop_at, weights

CPU = torch.device("cpu")
TUNE = {"base": "libro", "corpus": "nadie", "max_steps": 10, "batch_size": 4, "device": "cpu"}


@pytest.fixture
def base(make_corpus: Callable[..., Corpus]) -> Path:
    make_corpus("libro", songs=30)
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="libro", kind="char"))
    train.main(
        train.PretrainConfig(
            corpus="libro",
            n_layer=1,
            n_head=2,
            n_embd=16,
            block_size=16,
            max_steps=40,
            learning_rate=3e-3,
            device="cpu",
        )
    )
    return Artifacts("libro").run("pretrain", "default")


def test_adapting_goes_on_from_the_base_and_leaves_a_checkpoint(base: Path, make_corpus: Callable[..., Corpus]) -> None:
    make_corpus("nadie", songs=10, first=100)
    finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]
    folder = Artifacts("nadie").run("finetune", "default")
    adapted, before = load_checkpoint(folder, CPU), load_checkpoint(base, CPU)
    lines = Metrics(folder / "metrics.jsonl").read()
    assert adapted.tokenizer.sha256 == before.tokenizer.sha256
    assert lines[-1]["val_loss"] < lines[0]["val_loss"]
    assert lines[0]["val_loss"] < Metrics(base / "metrics.jsonl").read()[0]["val_loss"] - 0.1
    assert before.learnt < adapted.learnt
    assert (folder / "loss.png").stat().st_size > 1000


def test_songs_the_base_has_learnt_are_not_held_out(base: Path, make_corpus: Callable[..., Corpus]) -> None:
    make_corpus("nadie", songs=40)  # the base's thirty, and ten more
    finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]
    held_out = set(read_json(Artifacts("nadie").run("finetune", "default") / "run.json")["val_ids"])
    base_held_out = set(read_json(Artifacts("libro").tokens / "run.json")["tokens"]["val_ids"])
    new = {f"song-{number}" for number in range(30, 40)}
    assert held_out <= base_held_out | new
    assert len(held_out) == 4


def test_songs_near_to_what_the_base_has_learnt_are_not_held_out() -> None:
    write_base()
    learnt, new = ([invent_song(first + number, 40) for number in range(6)] for first in (0, 100))
    base = Artifacts("libro").run("pretrain", "default")
    save_index(base, build_index(song.lyrics for song in learnt))
    changed = [
        dataclasses.replace(song, lyrics="Un verso nuevo\n" + song.lyrics.replace("tren", "luna")) for song in learnt
    ]
    corpus = Corpus(name="nadie", language="es", source="files", songs=(*changed, *new))
    assert set(near_copies(corpus, base)) == {fingerprint(song) for song in changed}
    write_corpus(Artifacts("nadie").corpus, corpus)
    finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]
    held_out = read_json(Artifacts("nadie").run("finetune", "default") / "run.json")["val_ids"]
    assert set(held_out) <= {song.id for song in new}


@pytest.mark.parametrize("method", ["full", "lora"])
def test_resumed_it_ends_as_if_never_stopped(
    make_corpus: Callable[..., Corpus], monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    write_base()
    make_corpus("nadie", songs=10, first=100)
    finetune(FinetuneConfig(**TUNE, method=method, seed=3, run="whole"))  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        with pytest.raises(Interrupted) as stop:
            finetune(FinetuneConfig(**TUNE, method=method, seed=3, run="parts"))  # type: ignore[arg-type]
    assert stop.value.hint == "python finetune/train.py --base libro --corpus nadie --run parts --resume"
    finetune(FinetuneConfig(base="libro", corpus="nadie", run="parts", resume=True))
    folders = [Artifacts("nadie").run("finetune", run) for run in ("whole", "parts")]
    assert_equal_runs(*folders)
    assert [(folder / ADAPTER).exists() for folder in folders] == [method == "lora"] * 2
    if method == "lora":
        one, other = (weights(folder, ADAPTER) for folder in folders)
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_lora_leaves_is_a_checkpoint_like_any_other(make_corpus: Callable[..., Corpus]) -> None:
    base = load_checkpoint(write_base(), CPU)
    make_corpus("nadie", songs=10, first=100)
    finetune(FinetuneConfig(**TUNE, method="lora", learning_rate=0.05))  # type: ignore[arg-type]
    folder = Artifacts("nadie").run("finetune", "default")
    adapted = load_checkpoint(folder, CPU)
    before, after = base.model.state_dict(), adapted.model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {name for name in before if name.endswith(("qkv.weight", "out.weight", "into.weight"))}
    applied, learnt = apply_adapter(folder / ADAPTER, base.model, Artifacts("libro").run("pretrain", "default"))
    assert all(torch.equal(applied.state_dict()[name], weight) for name, weight in after.items())
    assert set(learnt) == set(adapted.learnt)
    finetune(FinetuneConfig(**TUNE, overwrite=True))  # type: ignore[arg-type]
    assert not (folder / ADAPTER).exists()


def test_the_best_model_on_the_way_from_the_base_is_kept(make_corpus: Callable[..., Corpus]) -> None:
    base = load_checkpoint(write_base(), CPU)
    corpus = make_corpus("nadie", songs=10, first=100)
    config = FinetuneConfig(**(TUNE | {"max_steps": 30, "learning_rate": 0.02, "weight_decay": 0.0}))  # type: ignore[arg-type]
    finetune(config)
    folder = Artifacts("nadie").run("finetune", "default")
    start = learnt_weights(base.model)
    good = load_checkpoint(folder, CPU).model.state_dict()
    # As if the training had gone too far: what is good lies at a part of the way.
    base.model.load_state_dict({name: start[name].lerp(weight, 1 / PARTS[1]) for name, weight in good.items()})
    tokens = encode_split(split_songs(corpus, config.seed, base.learnt), base.tokenizer)
    with join_world("cpu") as world:
        training = Training(folder, base.model, tokens, config, world)
        end = {name: weight.clone() for name, weight in base.model.state_dict().items()}
        losses = [loss_of(training, start, part) for part in (1.0, *PARTS)]
        training.progress.model_val_loss = losses[0]
        training.metrics.append({"step": 30, "val_loss": losses[0]})
        found = blend(training, start)
        assert found
        assert found.val_loss == min(losses) < losses[0]
        assert found.part == (1.0, *PARTS)[losses.index(min(losses))]
        facts = json.loads(load_tensors(folder / MODEL)[1]["facts"])
        assert (facts["val_loss"], facts["blended"]) == (found.val_loss, found.part)
        kept = load_checkpoint(folder, CPU).model.state_dict()
        assert all(torch.allclose(kept[name], start[name].lerp(end[name], found.part)) for name in start)
        training.model.load_state_dict(end)
        assert blend(training, start) is None


def loss_of(training: Training, start: dict[str, torch.Tensor], part: float) -> float:
    """On validation, of a model that went `part` of the way."""
    end = {name: weight.clone() for name, weight in training.model.state_dict().items()}
    training.model.load_state_dict({name: start[name].lerp(weight, part) for name, weight in end.items()})
    training.model.eval()
    with torch.no_grad():
        loss = evaluate(training.gradients.loss, training.tokens.val, training.length, training.world)
    training.model.load_state_dict(end)
    return loss


def test_an_artist_with_two_songs_is_too_little(make_corpus: Callable[..., Corpus]) -> None:
    write_base()
    make_corpus("nadie", songs=2, first=100)
    with pytest.raises(UserError, match="2 songs are too few"):
        finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]
    assert not Artifacts("nadie").run("finetune", "default").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [({"architectures": ["LlamaForCausalLM"], "vocab_size": 64}, "describes no model"), (None, "is not the one that")],
)
def test_a_base_of_another_architecture_is_an_error(
    make_corpus: Callable[..., Corpus], content: dict[str, object] | None, message: str
) -> None:
    base = write_base()
    make_corpus("nadie", songs=10, first=100)
    write_json(base / CONFIG, content or read_json(base / CONFIG) | {"architecture": "gpt2"})
    with pytest.raises(UserError, match=message):
        finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]
    assert not Artifacts("nadie").run("finetune", "default").exists()


def test_a_run_is_not_overwritten_unasked(make_corpus: Callable[..., Corpus]) -> None:
    write_base()
    make_corpus("nadie", songs=10, first=100)
    finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]
    kept = (Artifacts("nadie").run("finetune", "default") / MODEL).read_bytes()
    with pytest.raises(UserError, match="holds a run already"):
        finetune(FinetuneConfig(**TUNE, method="lora"))  # type: ignore[arg-type]
    assert (Artifacts("nadie").run("finetune", "default") / MODEL).read_bytes() == kept


@pytest.mark.parametrize(
    ("characters", "budget", "settled"),
    [
        (7_000, {"minutes": 10.0}, {"minutes": None, "max_steps": 60}),
        (50_000, {"minutes": 10.0}, {"minutes": None, "max_steps": 195}),
        (50_000, {}, {"minutes": None, "max_steps": 195}),
        (50_000, {"minutes": 0.2}, {"minutes": 0.2, "max_steps": None}),
        (7_000, {"max_steps": 900}, {"minutes": None, "max_steps": 900}),
        (70_000, {"minutes": 10.0}, {"minutes": 10.0, "max_steps": None}),
        (70_000, {}, {"minutes": None, "max_steps": None}),
    ],
)
def test_few_songs_are_not_read_too_often_unless_steps_are_given(
    characters: int, budget: dict[str, float], settled: dict[str, float]
) -> None:
    stream = np.zeros(characters // 2, np.int16)
    model = make_model("qwen3", block_size=128).config
    config = settle(
        FinetuneConfig(base="libro", corpus="nadie", **budget),  # type: ignore[arg-type]
        Part(stream, stream, characters, 0),
        model,
        World(CPU),
    )
    assert {"minutes": config.minutes, "max_steps": config.max_steps} == settled
    assert (config.batch_size, config.learning_rate) == (8, 0.001)


def test_a_base_that_is_not_there_is_an_error(make_corpus: Callable[..., Corpus]) -> None:
    make_corpus("nadie")
    with pytest.raises(UserError, match="no checkpoint under"):
        finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]

"""Tuning for verse: a folder like any other, the same however often it is interrupted, and no run without an answer."""

import dataclasses
import json
import os
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, read_corpus, write_corpus
from core.errors import Interrupted, UserError
from core.files import read_json
from core.tensors import load_tensors
from finetune.rhyme import RhymeConfig
from finetune.rhyme import main as tune
from finetune.tuning import loop
from finetune.tuning.drafts import Written
from finetune.tuning.figures import write_freely
from finetune.tuning.loop import Tuning
from generate.sample import SampleConfig
from generate.sample import main as sample
from pretrain import tokenize_data, train
from pretrain.checkpoint import STATE, load_checkpoint
from pretrain.lexicon import LEXICON
from pretrain.metrics import Metrics
from pretrain.phrases import PHRASES
from pretrain.signals import StopSignal
from tests.conftest import invent_song
from tests.trainings import weights

CPU = torch.device("cpu")
TINY = RhymeConfig(base="libro", drafts=6, tries=3, max_steps=6, batch_size=4, eval_interval=None, device="cpu")


@pytest.fixture(scope="module")
def libro(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts folder with a base in it, made once."""
    folder = tmp_path_factory.mktemp("libro")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(folder))
        songs = tuple(invent_song(number) for number in range(30))
        write_corpus(Artifacts("libro").corpus, Corpus(name="libro", language="es", source="files", songs=songs))
        tokenize_data.main(tokenize_data.TokenizeConfig(corpus="libro", kind="word"))
        sizes = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 32}
        train.main(train.PretrainConfig(corpus="libro", max_steps=60, learning_rate=1e-2, device="cpu", **sizes))  # type: ignore[arg-type]
    return folder


@pytest.fixture(autouse=True)
def base(libro: Path, artifacts: Path) -> Path:
    shutil.copytree(libro, artifacts)
    return Artifacts("libro").run("pretrain", "default")


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few short songs at each look: forty take seconds."""
    monkeypatch.setattr(loop, "write_freely", partial(write_freely, songs=6, length=48))


def folder_of(run: str = "verse") -> Path:
    return Artifacts("libro").run("finetune", run)


@pytest.mark.parametrize("method", ["expert", "gflownet"])
def test_it_leaves_a_checkpoint_that_writes_and_all_its_figures(base: Path, method: str) -> None:
    tune(dataclasses.replace(TINY, method=method))  # type: ignore[arg-type]
    folder = folder_of()
    tuned, before = load_checkpoint(folder, CPU), load_checkpoint(base, CPU)
    assert tuned.tokenizer.sha256 == before.tokenizer.sha256
    assert tuned.learnt == before.learnt
    for name in (PHRASES, LEXICON):
        assert (folder / name).read_bytes() == (base / name).read_bytes()
    lines = Metrics(folder / "metrics.jsonl").read()
    assert [lines[0]["step"], lines[-1]["step"]] == [0, 6]
    assert lines[0]["cost"] == lines[0]["distance"] == 0
    assert lines[-1]["distance"] > 0
    assert lines[-1]["reward"] is not None
    assert lines[-1]["drawn_per_kept"] > 1
    assert (folder / "rhyme.png").stat().st_size > 1000
    assert read_json(folder / "run.json")["config"]["method"] == method
    sample(SampleConfig(corpus="libro", run="finetune/verse", max_new_tokens=10))
    assert any(Artifacts("libro").samples.iterdir())


def test_what_is_kept_rhymes_best_of_what_costs_little() -> None:
    tune(dataclasses.replace(TINY, max_steps=8))
    lines = Metrics(folder_of() / "metrics.jsonl").read()
    kept = json.loads(load_tensors(folder_of() / "model.safetensors")[1]["facts"])
    allowed = [facts for facts in lines if facts["cost"] <= 0.05]
    assert kept["rhyme_rate"] == max(facts["rhyme_rate"] for facts in allowed)


@pytest.mark.parametrize("method", ["expert", "gflownet"])
@pytest.mark.parametrize("at", [0, 1])
def test_interrupted_and_resumed_it_ends_as_if_never_stopped(
    monkeypatch: pytest.MonkeyPatch, method: str, at: int
) -> None:
    config = dataclasses.replace(TINY, method=method, max_steps=5)  # type: ignore[arg-type]
    config = dataclasses.replace(config, base_run="pretrain/default")
    tune(dataclasses.replace(config, run="whole"))
    write = Tuning._write

    def write_and_stop(self: Tuning, stop: StopSignal) -> Written | None:
        if self.progress.round == at:
            os.kill(os.getpid(), signal.SIGINT)
        return write(self, stop)

    with monkeypatch.context() as patch:
        patch.setattr(Tuning, "_write", write_and_stop)
        with pytest.raises(Interrupted) as stopped:
            tune(dataclasses.replace(config, run="halved"))
    assert "--base libro --base_run pretrain/default --run halved --resume" in stopped.value.hint
    assert load_checkpoint(folder_of("halved"), CPU).model
    tune(RhymeConfig(base="libro", base_run="pretrain/default", run="halved", resume=True, device="cpu"))
    clocks = ("minutes", "writing_seconds", "learning_seconds", "judging_seconds")
    lines = [
        [{**facts, **dict.fromkeys(clocks, 0)} for facts in Metrics(folder_of(run) / "metrics.jsonl").read()]
        for run in ("whole", "halved")
    ]
    assert lines[0] == lines[1]
    assert_equal_weights("whole", "halved")


def assert_equal_weights(one: str, other: str) -> None:
    for name in ("model.safetensors", STATE):
        left, right = (weights(folder_of(run), name) for run in (one, other))
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key].nan_to_num(), right[key].nan_to_num()) for key in left)


def test_a_run_is_not_overwritten_unasked() -> None:
    tune(TINY)
    before = (folder_of() / "model.safetensors").read_bytes()
    with pytest.raises(UserError, match="holds a run already"):
        tune(dataclasses.replace(TINY, base_run="pretrain/default"))
    assert (folder_of() / "model.safetensors").read_bytes() == before
    tune(dataclasses.replace(TINY, base_run="pretrain/default", overwrite=True, seed=2))


def test_a_reward_that_does_not_move_ends_it_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "RISE", 1.0)  # by chance, that of six drafts rises by half a point
    with pytest.raises(UserError, match="the reward does not move") as stopped:
        tune(dataclasses.replace(TINY, max_steps=60, learning_rate=1e-12))
    assert "--learning_rate" in stopped.value.hint
    assert Metrics(folder_of() / "metrics.jsonl").read()[-1]["step"] < 60
    assert load_checkpoint(folder_of(), CPU).model


def test_what_it_cannot_tune_is_refused_before_anything_is_written(base: Path) -> None:
    corpus = read_corpus(Artifacts("libro").corpus)
    write_corpus(Artifacts("aleman").corpus, dataclasses.replace(corpus, language="de"))
    with pytest.raises(UserError, match="no verse analysis"):
        tune(dataclasses.replace(TINY, corpus="aleman"))
    write_corpus(Artifacts("ingles").corpus, dataclasses.replace(corpus, language="en"))
    with pytest.raises(UserError, match="no words in en"):
        tune(dataclasses.replace(TINY, corpus="ingles"))
    prose = Song(id="prosa", lyrics="La luna canta en la puerta. " * 1000)
    write_corpus(Artifacts("prosa").corpus, dataclasses.replace(corpus, songs=(prose,)))
    with pytest.raises(UserError, match="no stanzas"):
        tune(dataclasses.replace(TINY, corpus="prosa"))
    (base / LEXICON).unlink()
    with pytest.raises(UserError, match=LEXICON):
        tune(TINY)
    for name in ("libro", "aleman", "ingles", "prosa"):
        assert not Artifacts(name).run("finetune", "verse").exists()


def test_a_base_elsewhere_needs_its_songs_named(base: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(base, tmp_path / "elsewhere" / "pretrain" / "default")
    with pytest.raises(UserError, match="not known") as refused:
        tune(dataclasses.replace(TINY, base=str(moved)))
    assert "--corpus" in refused.value.hint
    tune(dataclasses.replace(TINY, base=str(moved), corpus="libro"))
    assert load_checkpoint(folder_of(), CPU).model


def test_it_does_not_tune_itself_nor_resume_another_training(base: Path) -> None:
    tune(TINY)
    with pytest.raises(UserError, match="its own base"):
        tune(dataclasses.replace(TINY, base_run="finetune/verse"))
    with pytest.raises(UserError, match="contradicts"):
        tune(dataclasses.replace(TINY, base_run="pretrain/default", resume=True, method="gflownet"))


@pytest.mark.parametrize("wrong", [{"tries": 1}, {"drafts": 0}, {"beta": 0.0}, {"minutes": -1.0, "max_steps": None}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        dataclasses.replace(TINY, **wrong)


def test_a_model_that_costs_too_much_is_drawn_back_to_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "MOST_COST", 0.002)
    monkeypatch.setattr(loop, "REAL_SHARE", 0.1)
    tuned: list[float] = []
    monkeypatch.setattr(loop, "SHARES", (0.9, 1e-6))
    consider = Tuning._consider

    def considered(self: Tuning, facts: dict[str, float]) -> None:
        tuned.append(facts["tuned_share"])
        if facts["tuned_share"] < 1:
            assert facts["cost"] <= 0.002
        consider(self, facts)

    monkeypatch.setattr(Tuning, "_consider", considered)
    tune(dataclasses.replace(TINY, learning_rate=0.3))
    assert Metrics(folder_of() / "metrics.jsonl").read()[-1]["cost"] > 0.002, "else nothing is tested"
    assert tuned[-1] in (0.9, 1e-6)
    state = weights(folder_of(), STATE)
    assert any(
        not torch.equal(state[f"model.{name}"], tensor)
        for name, tensor in weights(folder_of(), "model.safetensors").items()
        if name != "learnt"
    )

"""Adapting: the same loop from a trained model, judged on what its base never saw."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, write_corpus
from core.errors import UserError
from core.files import read_json
from finetune.train import FinetuneConfig
from finetune.train import main as finetune
from pretrain import tokenize_data, train
from pretrain.checkpoint import load_checkpoint
from pretrain.metrics import Metrics
from tests.conftest import invent_song

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


def test_resumed_it_ends_as_if_never_stopped(
    base: Path, make_corpus: Callable[..., Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.test_training import assert_equal_runs, stop_at

    make_corpus("nadie", songs=10, first=100)
    finetune(FinetuneConfig(**TUNE, run="whole"))  # type: ignore[arg-type]
    from core.errors import Interrupted

    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        with pytest.raises(Interrupted) as stop:
            finetune(FinetuneConfig(**TUNE, run="parts"))  # type: ignore[arg-type]
    assert stop.value.hint == "python finetune/train.py --base libro --corpus nadie --run parts --resume"
    finetune(FinetuneConfig(base="libro", corpus="nadie", run="parts", resume=True))
    assert_equal_runs(*(Artifacts("nadie").run("finetune", run) for run in ("whole", "parts")))


def test_a_corpus_the_base_cannot_write_is_refused_and_a_rare_letter_is_not(base: Path) -> None:
    songs = [invent_song(number) for number in range(200, 206)]
    cyrillic = [Song(id=song.id, lyrics=song.lyrics.replace("a", "я")) for song in songs]
    write_corpus(Artifacts("nadie").corpus, Corpus(name="nadie", language="es", source="files", songs=tuple(cyrillic)))
    with pytest.raises(UserError, match=r"cannot write \d+\.\d% of this corpus: я"):
        finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]
    assert not Artifacts("nadie").run("finetune", "default").exists()
    rare = [*songs, Song(id="rare", lyrics=songs[0].lyrics + "☃")]
    write_corpus(Artifacts("nadie").corpus, Corpus(name="nadie", language="es", source="files", songs=tuple(rare)))
    finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]


def test_a_base_that_is_not_there_is_an_error(make_corpus: Callable[..., Corpus]) -> None:
    make_corpus("nadie")
    with pytest.raises(UserError, match="no checkpoint under"):
        finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]

"""Samples and trackers during a training."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from trainings import RESUME, TINY

from core.artifacts import Artifacts
from core.corpus import Corpus
from core.errors import UserError
from pretrain import tokenize_data, watching
from pretrain.train import main as train

CONFIG = dataclasses.replace(TINY, max_steps=20, eval_interval=10)


@pytest.fixture(autouse=True)
def tokens(make_corpus: Callable[..., Corpus]) -> None:
    make_corpus()
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))


def test_a_sample_is_shown_as_often_as_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    train(dataclasses.replace(CONFIG, sample_every=3))  # three evaluations: at 0, 10 and 20
    printed = capsys.readouterr().out
    sample = watching.write_sample(Artifacts("nadie").run("pretrain", "default"), seed=20)
    assert sample
    assert "error" not in sample
    # The samples know the model that is best; after the last evaluation that is the one in the folder.
    assert sample.splitlines()[-1].strip() in printed
    assert printed.index("step      20") < printed.index(sample.splitlines()[-1].strip())


def test_a_training_sends_its_figures_to_tensorboard_and_goes_on_there(monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(dataclasses.replace(CONFIG, tracker="tensorboard"))
    train(dataclasses.replace(RESUME, max_steps=40, tracker="tensorboard"))
    events = accumulator.EventAccumulator(
        str(Artifacts("nadie").run("pretrain", "default") / "tensorboard")
    )  # every file of the run
    events.Reload()
    assert [event.step for event in events.Scalars("val_loss")] == [0, 10, 20, 30, 40]


def test_a_tracker_that_is_not_installed_is_said_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch, artifacts: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="not installed"):
        train(dataclasses.replace(CONFIG, tracker="trackio"))
    assert not (Artifacts("nadie").run("pretrain", "default") / "model.safetensors").exists()

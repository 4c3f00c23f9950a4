"""A run whose files are damaged, or whose numbers are, goes on from what is left."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from trainings import RESUME, SHORT, TINY, assert_equal_runs, folder_of, interrupt, weights

from core.corpus import Corpus
from core.errors import UserError
from pretrain import tokenize_data
from pretrain.checkpoint import MODEL, PREVIOUS, RUN, STATE, load_checkpoint
from pretrain.loop import Training
from pretrain.metrics import Metrics
from pretrain.train import main as train


@pytest.fixture
def tokens(make_corpus: Callable[..., Corpus]) -> None:
    make_corpus(songs=12)
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))


@pytest.mark.parametrize("damage", ["empty", "half", "all but a byte", "a bit", "missing"])
def test_a_damaged_state_gives_way_to_the_one_before(
    tokens: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    config = dataclasses.replace(TINY, max_steps=8, eval_interval=3)
    train(dataclasses.replace(config, run="whole"))
    interrupt(monkeypatch, dataclasses.replace(config, run="parts"), step=4)
    spoil(folder_of("parts") / STATE, damage)
    capsys.readouterr()
    interrupt(monkeypatch, dataclasses.replace(RESUME, run="parts"), step=6)
    note = capsys.readouterr().out
    assert "going on from the one before it, step 3" in note
    assert ("2 steps are lost" in note) == (damage in ("half", "all but a byte", "a bit"))
    train(dataclasses.replace(RESUME, run="parts"))
    assert_equal_runs(folder_of("whole"), folder_of("parts"))


def test_a_folder_with_no_whole_state_is_not_resumed(tokens: None) -> None:
    train(SHORT)
    folder = folder_of("default")
    for name in (STATE, PREVIOUS):
        spoil(folder / name, "half")
    with pytest.raises(UserError, match="there is no whole training-state"):
        train(RESUME)
    for name in (STATE, PREVIOUS):
        (folder / name).unlink()
    with pytest.raises(UserError, match="holds no training-state"):
        train(RESUME)
    load_checkpoint(folder, torch.device("cpu"))


@pytest.mark.parametrize("finished", [True, False])
def test_a_damaged_model_is_made_again_from_the_weights_there_are(
    tokens: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], finished: bool
) -> None:
    if finished:
        train(TINY)
    else:
        interrupt(monkeypatch, TINY, step=20)
    spoil(folder_of("default") / MODEL, "half")
    train(RESUME)
    assert "the best so far is lost" in capsys.readouterr().out
    load_checkpoint(folder_of("default"), torch.device("cpu"))
    steps = [facts["step"] for facts in Metrics(folder_of("default") / "metrics.jsonl").read()]
    assert steps == sorted(set(steps))
    assert steps[-1] == 40


def test_a_better_model_than_the_state_knows_of_is_not_replaced_by_a_worse_one(
    tokens: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after it saved the model of step 6, the run goes on from step 3, learning less."""
    config = dataclasses.replace(TINY, max_steps=12, eval_interval=3)
    train(dataclasses.replace(config, run="whole"))

    def append_and_die(metrics: Metrics, facts: dict[str, object]) -> None:
        if facts["step"] == 6:
            raise KeyboardInterrupt
        append(metrics, facts)

    append = Metrics.append
    with monkeypatch.context() as patch:
        patch.setattr(Metrics, "append", append_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(config)
    folder = folder_of("default")
    spoil(folder / STATE, "half")
    better = weights(folder, MODEL)
    train(dataclasses.replace(RESUME, learning_rate=3e-5))
    assert min(facts["val_loss"] for facts in Metrics(folder / "metrics.jsonl").read() if facts["step"] > 3) > min(
        facts["val_loss"] for facts in Metrics(folder_of("whole") / "metrics.jsonl").read() if facts["step"] == 6
    )
    assert all(torch.equal(better[name], tensor) for name, tensor in weights(folder, MODEL).items())


def test_weights_that_are_no_numbers_are_never_saved(tokens: None, monkeypatch: pytest.MonkeyPatch) -> None:
    train(dataclasses.replace(TINY, run="whole"))
    before = Training._step

    def step_and_spoil(self: Training) -> torch.Tensor:
        loss = before(self)
        if self.progress.step == 21:  # between two looks at the loss, and the loss of this step is a number
            with torch.no_grad():
                next(self.model.parameters())[3].fill_(math.nan)
        return loss

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_step", step_and_spoil)
        with pytest.raises(UserError, match="at step 22 the training has diverged") as error:
            train(dataclasses.replace(TINY, run="spoilt"))
    assert "--learning_rate" in error.value.hint
    assert all(tensor.isfinite().all() for tensor in weights(folder_of("spoilt")).values())
    train(dataclasses.replace(RESUME, run="spoilt"))
    assert_equal_runs(folder_of("whole"), folder_of("spoilt"))


def test_a_run_that_diverged_goes_on_with_a_lower_rate_and_keeps_to_it(
    tokens: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"diverged"):
        train(dataclasses.replace(TINY, learning_rate=1e30))
    interrupt(monkeypatch, dataclasses.replace(RESUME, learning_rate=1e-3), step=10)
    train(RESUME)
    last = Metrics(folder_of("default") / "metrics.jsonl").read()[-1]
    assert last["step"] == 40
    assert math.isfinite(last["val_loss"])
    record = json.loads((folder_of("default") / RUN).read_text())
    assert record["config"]["learning_rate"] == 1e-3
    assert [change["learning_rate"] for change in record["resumed"]] == [[1e30, 1e-3]]


def test_a_longer_budget_is_kept_to_when_it_is_interrupted(tokens: None, monkeypatch: pytest.MonkeyPatch) -> None:
    train(SHORT)
    interrupt(monkeypatch, dataclasses.replace(RESUME, max_steps=12), step=6)
    train(RESUME)
    assert Metrics(folder_of("default") / "metrics.jsonl").read()[-1]["step"] == 12


def test_a_run_half_removed_by_overwrite_is_not_resumed_as_the_old_one(
    tokens: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(SHORT)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed_after(Path.unlink, name=STATE))
        with pytest.raises(KeyboardInterrupt):
            train(dataclasses.replace(SHORT, overwrite=True, seed=2))
    with pytest.raises(UserError, match="holds no run to resume"):
        train(RESUME)


def spoil(path: Path, damage: str) -> None:
    """What disks and copies do to files."""
    content = path.read_bytes()
    flipped = content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]
    parts = {"empty": b"", "half": content[: len(content) // 2], "all but a byte": content[:-1], "a bit": flipped}
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(parts[damage])


def killed_after(unlink: Callable[..., None], name: str) -> Callable[..., None]:
    """`unlink`, and the end of the process once it has removed `name`."""

    def unlink_and_die(path: Path, **options: bool) -> None:
        unlink(path, **options)
        if path.name == name:
            raise KeyboardInterrupt

    return unlink_and_die

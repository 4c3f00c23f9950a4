"""What trackers were told: each figure once, at its step, in one run however often it was interrupted."""

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import UserError
from pretrain.trackers import Tracker, TrackerName, check_tracker, open_tracker

CONFIG = {"corpus": "nadie", "n_layer": 2, "minutes": None}

Series = list[tuple[int, float]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "nadie" / "pretrain" / "default"
    path.mkdir(parents=True)
    return path


def facts(step: int, val_loss: float) -> dict[str, Any]:
    return {"step": step, "train_loss": None if step == 0 else val_loss - 0.1, "val_loss": val_loss, "later": "words"}


def train_interrupted(name: TrackerName, folder: Path) -> None:
    """A run killed after step 30, whose last saved evaluation is step 20: it makes step 30 again."""
    tracker: Tracker = open_tracker(name, folder, CONFIG)
    for step in (0, 10, 20, 30):
        tracker.log(facts(step, 4 - step / 20))
    tracker.text("sample", "La luna <canta>\n\nen el río", 20)
    tracker.close()
    tracker = open_tracker(name, folder, CONFIG, resumed_at=20)
    for step in (30, 40):
        tracker.log(facts(step, 4 - step / 20))
    tracker.close()


VALIDATION: Series = [(0, 4.0), (10, 3.5), (20, 3.0), (30, 2.5), (40, 2.0)]
TRAIN: Series = [(step, loss - 0.1) for step, loss in VALIDATION[1:]]


def test_tensorboard_shows_an_interrupted_run_as_one_curve(folder: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train_interrupted("tensorboard", folder)
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    for tag, expected in (("val_loss", VALIDATION), ("train_loss", TRAIN)):
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert found == [(step, pytest.approx(loss)) for step, loss in expected]
    assert set(events.Tags()["scalars"]) == {"val_loss", "train_loss"}
    text = events.Tensors("sample/text_summary")[0].tensor_proto.string_val[0].decode()
    assert text == "    La luna <canta>\n    \n    en el río\n"
    assert "| n_layer | 2 |" in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()


def test_tensorboard_forgets_a_run_that_was_overwritten(folder: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for step in (5, 3):
        tracker = open_tracker("tensorboard", folder, CONFIG)
        tracker.log(facts(step, 1.0))
        tracker.close()
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("val_loss")] == [3]


def test_trackio_shows_an_interrupted_run_as_one_curve_and_the_next_as_another(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("trackio", reason="trackio is not installed")
    # It reads its folder's name when it is imported, and starts threads of its own.
    here = str(Path(__file__).parent)
    program = f"""
import sys; sys.path[:0] = [{here!r}]
from pathlib import Path
from test_trackers import CONFIG, TRAIN, VALIDATION, facts, train_interrupted
from pretrain.trackers import open_tracker
folder = Path({str(folder)!r})
train_interrupted("trackio", folder)
tracker = open_tracker("trackio", folder, CONFIG)
tracker.log(facts(7, 9.0))
tracker.close()
from trackio.sqlite_storage import SQLiteStorage
first, second = SQLiteStorage.get_run_records("payador")
def series(run, key):
    logs = SQLiteStorage.get_logs("payador", run_id=run["id"])
    return sorted((line["step"], round(line[key], 6)) for line in logs if key in line)
assert series(first, "val_loss") == VALIDATION, series(first, "val_loss")
assert series(first, "train_loss") == [(s, round(l, 6)) for s, l in TRAIN]
assert series(second, "val_loss") == [(7, 9.0)]
assert "canta" in str(SQLiteStorage.get_logs("payador", run_id=first["id"]))
"""
    environment = os.environ | {"TRACKIO_DIR": str(tmp_path / "trackio")}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=120)


def test_wandb_stays_offline_unasked_and_keeps_one_run(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    here = str(Path(__file__).parent)
    program = f"""
import sys; sys.path[:0] = [{here!r}]
from pathlib import Path
from test_trackers import train_interrupted
train_interrupted("wandb", Path({str(folder)!r}))
"""
    home = {"HOME": str(tmp_path), "WANDB_DATA_DIR": str(tmp_path), "WANDB_API_KEY": "not-to-be-written-anywhere"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB")} | home
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=120)
    runs = sorted((folder / "wandb").glob("offline-run-*/*.wandb"))
    assert len(runs) == 2
    assert len({run.name for run in runs}) == 1  # one identity: the second goes on with the first
    steps = [step for run in runs for step in wandb_steps(run)]
    assert steps == [step for step, _ in VALIDATION]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if b"not-to-be-written-anywhere" in path.read_bytes()]


def wandb_steps(path: Path) -> list[int]:
    """Steps at which a run's file holds a validation loss."""
    from wandb.proto import wandb_internal_pb2

    steps: list[int] = []
    for data in wandb_records(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        values = {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
        if "val_loss" in values:
            steps.append(int(values["step"]))
    return steps


def wandb_records(log: bytes) -> Iterator[bytes]:
    """LevelDB's log format behind a header of 7 bytes: blocks of 32 KiB; parts of checksum, size, type, data."""
    block, header = 32768, 7
    position, data = header, b""
    while position + header <= len(log):
        if block - position % block < header:
            position += block - position % block
            continue
        size, kind = struct.unpack_from("<HB", log, position + 4)
        data += log[position + header : position + header + size]
        position += header + size
        if kind in (1, 4):  # a record of one part, or its last
            yield data
            data = b""


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "trackio"])
def test_a_tracker_that_is_not_installed_is_named_with_its_remedy(
    name: TrackerName, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    for ask in (lambda: check_tracker(name), lambda: open_tracker(name, folder, CONFIG)):
        with pytest.raises(UserError, match=f"--tracker {name}") as error:
            ask()
        assert error.value.hint == f"python -m pip install {name}"
    assert not list(folder.iterdir())

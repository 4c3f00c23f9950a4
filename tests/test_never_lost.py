"""Whatever ends a training, it is resumed to the same end, to the bit; KILLS says how many SIGKILLs to try."""

import dataclasses
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import torch
from trainings import RESUME, SHORT, TINY, Nursery, assert_equal_runs, folder_of, stop_at

from core.artifacts import artifacts_root
from core.corpus import Corpus
from core.errors import UserError
from pretrain import tokenize_data
from pretrain.checkpoint import MODEL, RUN, STATE, load_checkpoint
from pretrain.lexicon import LEXICON
from pretrain.phrases import PHRASES
from pretrain.train import PretrainConfig
from pretrain.train import main as train

KILLS = int(os.environ.get("KILLS", "6"))


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Generator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    yield nursery
    nursery.close()


@pytest.fixture
def tokens(make_corpus: Callable[..., Corpus]) -> None:
    make_corpus(songs=12)
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))


def again(config: PretrainConfig) -> PretrainConfig:
    """What a user types after `config` was killed: --resume, where there is a run, or the same once more."""
    return dataclasses.replace(RESUME, run=config.run) if (folder_of(config.run) / RUN).exists() else config


def loads_if_there(folder: Path) -> None:
    if (folder / MODEL).exists():
        load_checkpoint(folder, torch.device("cpu"))


@pytest.mark.parametrize("budget", [{}, {"max_steps": None, "minutes": 0.25}], ids=["steps", "minutes"])
def test_sigkill_at_random_moments(tokens: None, nursery: Nursery, budget: dict[str, float | None]) -> None:
    """Every step is saved, so that many moments are in the midst of a save."""
    config = dataclasses.replace(TINY, eval_interval=8, **budget)  # type: ignore[arg-type]
    fate = {"counted_time": "minutes" in budget}
    start = time.monotonic()
    assert nursery.run(dataclasses.replace(config, run="whole"), **fate) == 0, nursery.log.read_text()
    within = time.monotonic() - start
    killed, chance, kills = dataclasses.replace(config, run="killed"), random.Random(KILLS), 0
    while kills < KILLS:
        process = nursery.start(again(killed), **fate)
        time.sleep(chance.uniform(0, within))
        os.kill(process, signal.SIGKILL)
        code = nursery.wait()
        assert code in (0, -signal.SIGKILL), nursery.log.read_text()
        loads_if_there(folder_of("killed"))
        # A machine is slower or faster than it was; most kills should hit, and some of them late.
        within *= 1.05 if code else 0.8
        if code:
            kills += 1
        else:
            assert_equal_runs(folder_of("whole"), folder_of("killed"))
            shutil.rmtree(folder_of("killed"))
    assert nursery.run(again(killed), **fate) == 0, nursery.log.read_text()
    assert_equal_runs(folder_of("whole"), folder_of("killed"))
    assert not list(folder_of("killed").glob(".*.tmp"))


def test_a_kill_before_any_write(tokens: None, nursery: Nursery) -> None:
    """Before some of them, that is, unless KILLS is 100."""
    assert nursery.run(dataclasses.replace(SHORT, run="whole")) == 0, nursery.log.read_text()
    killed, kills = dataclasses.replace(SHORT, run="killed"), 0
    for write in range(1, 1000, max(1, 100 // KILLS)):
        code = nursery.run(killed, die_at_write=write)
        if code == 0:
            break
        assert code == -signal.SIGKILL, nursery.log.read_text()
        kills += 1
        loads_if_there(folder_of("killed"))
        assert nursery.run(again(killed)) == 0, nursery.log.read_text()
        assert_equal_runs(folder_of("whole"), folder_of("killed"))
        shutil.rmtree(folder_of("killed"))
    assert kills >= min(5, KILLS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_wish_to_stop_is_granted_after_the_step_with_everything_saved(
    tokens: None, nursery: Nursery, number: signal.Signals
) -> None:
    train(dataclasses.replace(TINY, run="whole"))
    process = nursery.start(dataclasses.replace(TINY, run="stopped"))
    wait_for(folder_of("stopped") / STATE)
    os.kill(process, number)
    assert nursery.wait() == 130
    log = nursery.log.read_text()
    assert "everything is saved" in log
    assert "Traceback" not in log
    train(dataclasses.replace(RESUME, run="stopped"))
    assert_equal_runs(folder_of("whole"), folder_of("stopped"))


def test_impatience_costs_no_more_than_the_step(tokens: None, nursery: Nursery) -> None:
    train(dataclasses.replace(TINY, run="whole"))
    process = nursery.start(dataclasses.replace(TINY, run="stopped"))
    wait_for(folder_of("stopped") / STATE)
    for _ in range(2):
        os.kill(process, signal.SIGINT)
        time.sleep(0.001)
    assert nursery.wait() == 130
    assert "Traceback" not in nursery.log.read_text()
    train(dataclasses.replace(RESUME, run="stopped"))
    assert_equal_runs(folder_of("whole"), folder_of("stopped"))


def test_a_signal_that_nohup_ignores_stays_ignored(tokens: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop_at(monkeypatch, 2, signal.SIGHUP)
        train(SHORT)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_clock_that_is_set_anew_changes_nothing(tokens: None, monkeypatch: pytest.MonkeyPatch) -> None:
    train(dataclasses.replace(SHORT, run="whole"))
    chance = random.Random(1)
    monkeypatch.setattr(time, "time", lambda: chance.uniform(0, 4e9))
    train(dataclasses.replace(SHORT, run="jumping"))
    assert_equal_runs(folder_of("whole"), folder_of("jumping"))


def test_a_file_that_cannot_grow_ends_the_run_in_one_line(tokens: None, nursery: Nursery) -> None:
    """The state with the optimizer's memory is larger than the first, which is saved."""
    train(dataclasses.replace(TINY, run="whole"))
    limit = 2 * (folder_of("whole") / MODEL).stat().st_size
    assert limit < (folder_of("whole") / STATE).stat().st_size
    full = dataclasses.replace(TINY, run="full")
    assert nursery.run(full, max_file_bytes=limit) == 2
    assert_full_disk_is_survived(nursery, "File too large")


@pytest.mark.parametrize("states", [0.5, 1.5, 2.5])
def test_a_full_disk_ends_the_run_in_one_line(
    tokens: None, nursery: Nursery, disk: Path, states: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Space for so many states: the second save fails, or a later one."""
    train(dataclasses.replace(TINY, run="whole"))
    model, state = ((folder_of("whole") / name).stat().st_size for name in (MODEL, STATE))
    shutil.copytree(artifacts_root(), disk, dirs_exist_ok=True)
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(disk))
    # What lies beside the model takes whole pages of memory.
    beside = sum((folder_of("whole") / name).stat().st_blocks * 512 + 4096 for name in (PHRASES, LEXICON))
    resize(disk, shutil.disk_usage(disk).used + beside + 2 * model + round(states * state))
    assert nursery.run(dataclasses.replace(TINY, run="full")) == 2
    resize(disk, 1 << 27)
    assert_full_disk_is_survived(nursery, "No space left on device")


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Path]:
    """A disk of its own, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True).returncode:
        pytest.skip("nobody but root may mount a disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def assert_full_disk_is_survived(nursery: Nursery, reason: str) -> None:
    log = nursery.log.read_text()
    assert f"error: {reason}" in log
    assert "Traceback" not in log
    load_checkpoint(folder_of("full"), torch.device("cpu"))
    assert not list(folder_of("full").glob(".*.tmp"))
    train(dataclasses.replace(RESUME, run="full"))
    assert_equal_runs(folder_of("whole"), folder_of("full"))


def test_two_trainings_never_share_a_folder(tokens: None, nursery: Nursery) -> None:
    process = nursery.start(dataclasses.replace(TINY, max_steps=100_000, eval_interval=100_000))
    wait_for(folder_of("default") / STATE)
    for config in (TINY, RESUME, dataclasses.replace(TINY, overwrite=True)):
        with pytest.raises(UserError, match=rf"another training \(process {process}\) is at work in") as error:
            train(config)
        assert "--run" in error.value.hint
    train(dataclasses.replace(SHORT, run="another"))
    os.kill(process, signal.SIGKILL)
    nursery.wait()
    train(dataclasses.replace(RESUME, max_steps=1))


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.01)

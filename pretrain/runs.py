"""A run's folder: begun once, resumed as it was begun, never overwritten unasked."""

import dataclasses
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from core.artifacts import shown
from core.errors import UserError
from core.files import read_json, sha256, write_json
from core.lock import locked
from pretrain.checkpoint import MODEL, PREVIOUS, RUN, STATE
from pretrain.config import LoopConfig
from pretrain.parallel import World, restarts
from pretrain.state import mend

Config = TypeVar("Config", bound=LoopConfig)

# What a resumed run may be given anew, and keeps: a longer or shorter budget, and a lower rate after it diverged.
CHANGEABLE = ("minutes", "max_steps", "learning_rate")

# What belongs to each start of it.
FREE_ON_RESUME = (*CHANGEABLE, "device", "sample_every", "tracker", "resume", "overwrite")


def check_new(folder: Path, config: LoopConfig) -> None:
    """Raise UserError when the folder holds a run that `config` would destroy unasked."""
    if not config.overwrite and any((folder / name).exists() for name in (MODEL, STATE, PREVIOUS)):
        raise UserError(
            f"{shown(folder)} holds a run already", "--resume to go on with it, --overwrite, or --run ANOTHER_NAME"
        )


def stored_config(folder: Path, given: Config, inputs: list[Path]) -> Config:
    """The settings a run was begun with, for `--resume`.

    Raises UserError when there is no run, when an option contradicts it, or when its inputs or this program changed.
    """
    if not (folder / RUN).exists():
        raise UserError(f"{shown(folder)} holds no run to resume", "leave --resume out to start one")
    record = cast("dict[str, Any]", read_json(folder / RUN))
    stored: dict[str, Any] = record["config"]
    if stored.keys() != {field.name for field in dataclasses.fields(given)}:
        raise UserError(
            f"{shown(folder / RUN)} was written by another version of this program",
            "finish the run with that version, or start over with --overwrite",
        )
    for field in dataclasses.fields(given):
        value = getattr(given, field.name)
        if field.name not in FREE_ON_RESUME and value not in (field.default, stored[field.name]):
            raise UserError(
                f"--{field.name} {value} contradicts the run, which has {stored[field.name]}",
                "leave it out to resume, or start another with --run NAME",
            )
    changed = [path for path in inputs if sha256(path) != record["inputs"].get(path.name)]
    if changed:
        raise UserError(f"{shown(changed[0])} changed since the run began", "--overwrite to start over with it")
    anew = {name: getattr(given, name) for name in CHANGEABLE if getattr(given, name) is not None}
    if "minutes" in anew or "max_steps" in anew:
        stored |= {"minutes": None, "max_steps": None}
    kept = {"resume": True, "overwrite": False}
    stored |= {**anew, **{name: getattr(given, name) for name in ("device", "sample_every", "tracker")}, **kept}
    return type(given)(**stored)


def record_changes(folder: Path, config: LoopConfig) -> None:
    """Write what a resumed run was given anew to run.json, with what it was: the next --resume keeps to it."""
    record = cast("dict[str, Any]", read_json(folder / RUN))
    before: dict[str, Any] = record["config"]
    changed = {name: getattr(config, name) for name in CHANGEABLE if getattr(config, name) != before[name]}
    if changed:
        resumed = {"written": datetime.now(UTC).isoformat(timespec="seconds")}
        resumed |= {name: [before[name], value] for name, value in changed.items()}
        record["config"] = before | changed
        write_json(folder / RUN, {**record, "resumed": [*record.get("resumed", []), resumed]})


@contextmanager
def hold(folder: Path, world: World) -> Generator[None]:
    """Keep other trainings out of `folder` while this one, in all its processes, is at work there."""
    with locked(folder) if world.first else nullcontext():
        world.wait()
        yield


def begin(folder: Path, config: Config, inputs: list[Path], settle: Callable[[Config], Config], world: World) -> Config:
    """The settings of a run that starts or goes on in `folder`; `settle` fills in what a new one leaves open.

    Raises UserError as `check_new`, `stored_config` and `mend` do.
    """
    if restarts() and (folder / RUN).exists():
        config = dataclasses.replace(config, resume=True)
    if not config.resume:
        check_new(folder, config)
        return settle(config)
    config = stored_config(folder, config, inputs)
    world.wait()  # all have read run.json
    if world.first:
        record_changes(folder, config)
        mend(folder)
    return config

"""A run's folder: begun once, resumed as it was begun, never overwritten unasked."""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar, cast

from core.artifacts import shown
from core.errors import UserError
from core.files import read_json, sha256
from pretrain.checkpoint import MODEL, STATE
from pretrain.config import LoopConfig

Config = TypeVar("Config", bound=LoopConfig)

# What a resumed run may be given anew: where it computes, and a longer or shorter budget.
FREE_ON_RESUME = ("device", "minutes", "max_steps", "resume", "overwrite")


def check_new(folder: Path, config: LoopConfig) -> None:
    """Raise UserError when the folder holds a run that `config` would destroy unasked."""
    if not config.overwrite and any((folder / name).exists() for name in (MODEL, STATE)):
        raise UserError(
            f"{shown(folder)} holds a run already", "--resume to go on with it, --overwrite, or --run ANOTHER_NAME"
        )


def stored_config(folder: Path, given: Config, inputs: list[Path]) -> Config:
    """The settings a run was begun with, for `--resume`.

    Raises UserError when there is no run, when an option contradicts it, or when its inputs changed.
    """
    path = folder / "run.json"
    if not path.exists():
        raise UserError(f"{shown(folder)} holds no run to resume", "leave --resume out to start one")
    record = cast("dict[str, Any]", read_json(path))
    stored: dict[str, Any] = record["config"]
    budget = {name: getattr(given, name) for name in ("minutes", "max_steps") if getattr(given, name) is not None}
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
    if budget:
        stored |= {"minutes": None, "max_steps": None, **budget}
    stored |= {"device": given.device, "resume": True, "overwrite": False}
    return type(given)(**stored)

"""What a training measures, sent to a tool that draws it: TensorBoard, Weights & Biases, Trackio.

None is needed, and none is installed with the rest. What they show is what metrics.jsonl holds.
Nothing leaves the machine unless its owner asked for it in the tool's own way (WANDB_MODE=online,
TRACKIO_SPACE_ID); keys are the tool's business and never ours.
"""

import html
import importlib.util
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from core.artifacts import shown
from core.errors import UserError
from core.files import read_json, write_json

TrackerName = Literal["tensorboard", "wandb", "trackio"]

# Runs of all corpora stand side by side under this name.
PROJECT = "payador"


class Tracker(Protocol):
    """Where a run's figures and samples go."""

    def log(self, facts: Mapping[str, Any]) -> None:
        """Add a line of metrics.jsonl; what is no number is left out."""
        ...

    def text(self, name: str, text: str, step: int) -> None:
        """Add what the model wrote at a step."""
        ...

    def close(self) -> None:
        """Write what is still on its way."""
        ...


def check_tracker(name: TrackerName | None) -> None:
    """Raise UserError when the tool is not installed: to be asked before a run's folder is touched."""
    if name is not None and importlib.util.find_spec(name) is None:
        raise UserError(f"--tracker {name}: that package is not installed", f"python -m pip install {name}")


def open_tracker(name: TrackerName, folder: Path, config: Mapping[str, Any], resumed_at: int | None = None) -> Tracker:
    """Begin a run of the tool, or go on with the one that belongs to `folder`.

    `config` is what the tool shows as the run's settings. `resumed_at` is the last step whose facts are
    in metrics.jsonl when the training goes on, None when it begins: then the curve goes on too, and what
    an interrupted run said about steps that are made again is not shown twice. Raises UserError when the
    tool is missing or cannot start.
    """
    check_tracker(name)
    if name == "tensorboard":
        return _TensorBoard(folder / "tensorboard", config, resumed_at)
    identity = _Identity(folder / "tracker.json", resumed=resumed_at is not None)
    title = "-".join(folder.parts[-3:])  # corpus, stage, run
    return _Wandb(title, folder, config, identity) if name == "wandb" else _Trackio(title, config, identity)


class _Identity:
    """By which a tool that keeps runs elsewhere finds a folder's run again, and what it was told already."""

    def __init__(self, path: Path, *, resumed: bool) -> None:
        self._path = path
        self.known = resumed and path.exists()
        stored: dict[str, Any] = read_json(path) if self.known else {"id": secrets.token_hex(4), "latest_steps": {}}
        self.id: str = stored["id"]
        self._latest_steps: dict[str, int] = stored["latest_steps"]
        self._save()

    def claim(self, what: str, step: int) -> bool:
        """Whether `what` is news at this step; from now on it is none."""
        if step <= self._latest_steps.get(what, -1):
            return False
        self._latest_steps[what] = step
        self._save()
        return True

    def _save(self) -> None:
        write_json(self._path, {"id": self.id, "latest_steps": self._latest_steps})


class _TensorBoard:
    def __init__(self, folder: Path, config: Mapping[str, Any], resumed_at: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        if resumed_at is None:
            shutil.rmtree(folder, ignore_errors=True)
        # From purge_step on, TensorBoard forgets what the files before this one say.
        purge_step = None if resumed_at is None else resumed_at + 1
        self._writer = SummaryWriter(str(folder), purge_step=purge_step)
        if resumed_at is None:
            rows = "".join(f"| {key} | {value} |\n" for key, value in config.items())
            self._writer.add_text("config", f"| option | value |\n| --- | --- |\n{rows}", 0)

    def log(self, facts: Mapping[str, Any]) -> None:
        for key, value in _numbers(facts).items():
            self._writer.add_scalar(key, value, facts["step"])
        self._writer.flush()

    def text(self, name: str, text: str, step: int) -> None:
        # Shown as Markdown, which keeps lines as they are in a block that is indented.
        self._writer.add_text(name, "".join(f"    {line}\n" for line in text.splitlines()), step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class _Wandb:
    def __init__(self, title: str, folder: Path, config: Mapping[str, Any], identity: _Identity) -> None:
        import wandb  # pyright: ignore[reportMissingImports]  (optional)

        mode: Any = os.environ.get("WANDB_MODE") or "offline"
        settings = wandb.Settings(console="off", silent=True, disable_git=True, save_code=False)
        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT") or PROJECT, name=title, id=identity.id, resume="allow",
                dir=folder, config=dict(config), mode=mode, settings=settings,
            )  # fmt: skip
        except wandb.Error as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(f"--tracker wandb: {reason}", "wandb login, or WANDB_MODE=offline") from error
        if mode == "offline":
            print(f"tracker     wandb, offline: wandb sync {shown(folder)}/wandb/offline-run-*{identity.id}")
        self._run.define_metric("*", step_metric="step")
        self._identity, self._html = identity, wandb.Html

    def log(self, facts: Mapping[str, Any]) -> None:
        if self._identity.claim("facts", facts["step"]):
            self._run.log({"step": facts["step"], **_numbers(facts)})

    def text(self, name: str, text: str, step: int) -> None:
        if self._identity.claim(name, step):
            self._run.log({"step": step, name: self._html(f"<pre>{html.escape(text)}</pre>")})

    def close(self) -> None:
        self._run.finish()


class _Trackio:
    def __init__(self, title: str, config: Mapping[str, Any], identity: _Identity) -> None:
        import trackio  # pyright: ignore[reportMissingImports]  (optional)

        self._run = trackio.init(
            project=PROJECT, name=f"{title}-{identity.id}", config=dict(config),
            resume="allow" if identity.known else "never", embed=False, auto_log_cpu=False, auto_log_gpu=False,
        )  # fmt: skip
        self._identity, self._markdown = identity, trackio.Markdown

    def log(self, facts: Mapping[str, Any]) -> None:
        if self._identity.claim("facts", facts["step"]):
            self._run.log(_numbers(facts), step=facts["step"])

    def text(self, name: str, text: str, step: int) -> None:
        if self._identity.claim(name, step):
            self._run.log({name: self._markdown(f"```\n{text}\n```")}, step=step)

    def close(self) -> None:
        self._run.finish()


def _numbers(facts: Mapping[str, Any]) -> dict[str, float]:
    return {
        key: value
        for key, value in facts.items()
        if key != "step" and isinstance(value, int | float) and not isinstance(value, bool)
    }

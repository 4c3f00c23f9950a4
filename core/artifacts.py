"""Every path below artifacts/, and the run.json that says how a folder came to be."""

import dataclasses
import os
import platform
import re
import subprocess
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import sha256, write_json

ROOT = Path(__file__).resolve().parent.parent

# Two stages leave checkpoints; whoever looks for one looks in both.
CHECKPOINT_STAGES = ("pretrain", "finetune")

RECORDED_PACKAGES = ("torch", "tokenizers", "safetensors", "numpy", "lyricsgenius", "tyro")


def slug(name: str) -> str:
    """Folder name of an artist or collection: "Luis Alberto Spinetta" → "luis-alberto-spinetta"."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    result = re.sub(r"[\W_]+", "-", letters).strip("-")
    if not result:
        raise UserError(f"{name!r} holds no letter or digit to name a folder after", "choose a name that does")
    return result


def artifacts_root() -> Path:
    """artifacts/; PAYADOR_ARTIFACTS moves it elsewhere."""
    moved = os.environ.get("PAYADOR_ARTIFACTS")
    return Path(moved) if moved else ROOT / "artifacts"


@dataclass(frozen=True)
class Artifacts:
    """The paths of one corpus, given its name or its folder's name."""

    name: str

    @property
    def folder(self) -> Path:
        """artifacts/<corpus>/."""
        return artifacts_root() / slug(self.name)

    @property
    def raw(self) -> Path:
        """What the source said, one file per song."""
        return self.folder / "raw"

    @property
    def corpus(self) -> Path:
        """Clean songs."""
        return self.folder / "corpus.json"

    @property
    def corpus_report(self) -> Path:
        """What was dropped, and why."""
        return self.folder / "corpus-report.json"

    @property
    def corpus_page(self) -> Path:
        """The report as a page to read."""
        return self.folder / "corpus-report.html"

    @property
    def tokens(self) -> Path:
        """Folder of tokenizer.json and tokens.safetensors."""
        return self.folder / "tokens"

    @property
    def samples(self) -> Path:
        """Folder of what was written."""
        return self.folder / "samples"

    def run(self, stage: str, run: str) -> Path:
        """Checkpoint folder of a run of "pretrain" or "finetune"."""
        assert stage in CHECKPOINT_STAGES
        return self.folder / stage / slug(run)

    def runs(self) -> list[str]:
        """Checkpoints there are, as "stage/run"."""
        return [
            f"{stage}/{path.parent.name}"
            for stage in CHECKPOINT_STAGES
            for path in sorted((self.folder / stage).glob("*/model.safetensors"))
        ]


def find_checkpoint(where: str, run: str = "") -> Path:
    """The checkpoint folder that `where` (a folder, or a corpus) and `run` name.

    `run` is "default", or "finetune/default" where both stages have a run of that name; it may stay
    out when the corpus has one checkpoint only. Raises UserError, with the choices, when no folder
    or more than one answers.
    """
    folder = Path(where).expanduser()
    if folder.is_dir() and not run and (folder / "config.json").exists():
        return folder
    if "/" in where or os.sep in where:
        raise UserError(
            f"{where} is no checkpoint folder: it has no config.json",
            "give a folder that pretrain/train.py or finetune/train.py wrote, or a corpus name",
        )
    paths = Artifacts(where)
    choices = [name for name in paths.runs() if not run or run in (name, name.partition("/")[2])]
    if len(choices) == 1:
        return paths.folder / choices[0]
    there = paths.runs()
    if not there:
        raise UserError(f"no checkpoint under {paths.folder}", f"python pretrain/train.py --corpus {slug(where)}")
    if not choices:
        raise UserError(f"{slug(where)} has no run {run!r}", f"there is: {', '.join(there)}")
    raise UserError(f"{slug(where)} has several checkpoints", " or ".join(f"--run {name}" for name in choices))


def shown(path: Path) -> str:
    """A path as people want to read it: relative to where they stand, if it is below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def write_run_json(folder: Path, config: Any, inputs: list[Path], **facts: Any) -> None:
    """Write what is needed to run a stage again: config, versions, commit, SHA-256 of the inputs."""
    write_json(
        folder / "run.json",
        {
            "config": dataclasses.asdict(config),
            **facts,
            "inputs": {path.name: sha256(path) for path in inputs},
            "versions": {"python": platform.python_version()} | _package_versions(),
            "git_commit": _git_commit(),
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


def _package_versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git_commit() -> str | None:
    """The code's commit, or None outside a git checkout."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None

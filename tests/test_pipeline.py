"""Every stage as people run it: a process of its own, from another folder, on the bundled songs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.artifacts import ROOT, Artifacts

SIZE = ["--n_layer", "1", "--n_head", "2", "--n_embd", "32", "--block_size", "64", "--device", "cpu"]


def run(folder: Path, *command: str, module: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a script from `folder`, which is not the project's."""
    script, *options = command
    start = ["-m", script.removesuffix(".py").replace("/", ".")] if module else [str(ROOT / script)]
    # Whatever the terminal's encoding, accents come through.
    env = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, *start, *options], cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize("module", [False, True], ids=["script", "module"])
def test_from_the_songbook_to_three_songs(tmp_path: Path, module: bool) -> None:
    stages = [
        ["data/prepare.py", "--source", "songbook", "--language", "es"],
        ["pretrain/tokenize_data.py", "--corpus", "songbook"],
        ["pretrain/train.py", "--corpus", "songbook", "--max_steps", "12", *SIZE],
        ["data/prepare.py", "--source", "songbook", "--artist", "ramal sur"],
        ["finetune/train.py", "--base", "songbook", "--corpus", "Ramal Sur", "--max_steps", "6", "--device", "cpu"],
        [
            "generate/sample.py",
            "--artist",
            "Ramal Sur",
            "--num_songs",
            "3",
            "--max_new_tokens",
            "50",
            "--device",
            "cpu",
        ],
    ]
    for stage in stages:
        result = run(tmp_path, *stage, module=module)
        assert result.returncode == 0, result.stderr
        assert "Traceback" not in result.stderr
    assert "Kilómetro" in run(tmp_path, *stages[3]).stdout + Artifacts("ramal-sur").corpus.read_text(encoding="utf-8")
    written = list(Artifacts("ramal-sur").samples.glob("*.txt"))
    assert len(written) == 1
    assert (Artifacts("ramal-sur").run("finetune", "default") / "loss.png").exists()

    # A checkpoint folder is all that stage 5 needs, wherever it lies.
    shutil.copytree(Artifacts("ramal-sur").run("finetune", "default"), tmp_path / "lent")
    shutil.rmtree(Artifacts("ramal-sur").folder)
    result = run(tmp_path, "generate/sample.py", "lent", "--max_new_tokens", "20", "--device", "cpu", module=module)
    assert result.returncode == 0, result.stderr
    assert list((tmp_path / "lent" / "samples").glob("*.txt"))


@pytest.mark.parametrize(
    ("command", "error", "hint"),
    [
        (["pretrain/tokenize_data.py", "--corpus", "nobody"], "no corpus at", "python data/prepare.py --artist nobody"),
        (
            ["pretrain/train.py", "--corpus", "nobody"],
            "no tokens at",
            "python pretrain/tokenize_data.py --corpus nobody",
        ),
        (
            ["generate/sample.py", "--corpus", "nobody"],
            "no checkpoint under",
            "python pretrain/train.py --corpus nobody",
        ),
        (["generate/sample.py", "./nobody"], "./nobody is no checkpoint folder", "give a folder"),
        (["finetune/train.py", "--base", "x", "--corpus", "y"], "no checkpoint under", "python pretrain/train.py"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_missing_is_said_in_two_lines(command: list[str], error: str, hint: str, tmp_path: Path) -> None:
    result = run(tmp_path, *command)
    assert result.returncode == 2
    first, second = result.stderr.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert second.startswith("hint:  ")
    assert hint in second
    assert not result.stdout


@pytest.mark.parametrize(
    "script", ["data/prepare", "pretrain/tokenize_data", "pretrain/train", "finetune/train", "generate/sample"]
)
def test_help_explains_every_option(script: str, tmp_path: Path) -> None:
    result = run(tmp_path, f"{script}.py", "--help")
    assert result.returncode == 0
    lines = [line.strip("│ ") for line in result.stdout.splitlines()]
    options = [n for n, line in enumerate(lines) if line.startswith("--")]
    assert len(options) >= 4
    for number in options:
        words = lines[number].split() + (lines[number + 1].split() if not lines[number + 1].startswith("--") else [])
        assert len(words) >= 5, lines[number]

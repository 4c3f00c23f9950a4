"""The recipes people run: each command in them is one that its script takes."""

import importlib
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import tyro

from core.artifacts import ROOT

RECIPES = sorted((ROOT / "recipes").glob("*.sh"))

CONFIGS = {
    "data/prepare.py": "PrepareConfig",
    "pretrain/tokenize_data.py": "TokenizeConfig",
    "pretrain/train.py": "PretrainConfig",
    "finetune/train.py": "FinetuneConfig",
    "finetune/mix.py": "MixConfig",
    "finetune/rhyme.py": "RhymeConfig",
    "generate/sample.py": "SampleConfig",
    "generate/report.py": "ReportConfig",
    "generate/export.py": "ExportConfig",
    "generate/serve.py": "ServeConfig",
}


def commands_of(recipe: Path, tmp_path: Path, *arguments: str) -> list[list[str]]:
    """What a recipe would run: its `python` is one that only writes down its arguments."""
    log, python = tmp_path / "log", tmp_path / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    python.write_text(
        f'#!/usr/bin/env bash\nprintf "%q " "$@" >> {shlex.quote(str(log))}\necho >> {shlex.quote(str(log))}\n'
    )
    python.chmod(0o755)
    log.unlink(missing_ok=True)
    path = f"{python.parent}:{os.environ['PATH']}"
    subprocess.run(["bash", str(recipe), *arguments], check=True, cwd=tmp_path, env=os.environ | {"PATH": path})
    return [shlex.split(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize("arguments", [[], ["--minutes", "1"]], ids=["plain", "minutes"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_command_of_a_recipe_parses(recipe: Path, arguments: list[str], tmp_path: Path) -> None:
    text = tmp_path / "un texto.txt"
    text.write_text("La luna canta.")
    commands = commands_of(recipe, tmp_path, str(text), *arguments)
    assert commands[0][0] == "data/prepare.py"
    assert commands[-1][0] == "generate/sample.py"
    for script, *options in commands:
        module = importlib.import_module(script.removesuffix(".py").replace("/", "."))
        tyro.cli(getattr(module, CONFIGS[script]), args=options)


@pytest.mark.parametrize("arguments", [[], ["--minutes", "1"]], ids=["plain", "minutes"])
@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe.stem != "tinyshakespeare"])
def test_a_recipe_without_a_path_fetches_its_data(recipe: Path, arguments: list[str], tmp_path: Path) -> None:
    for script, *options in commands_of(recipe, tmp_path, *arguments):
        module = importlib.import_module(script.removesuffix(".py").replace("/", "."))
        tyro.cli(getattr(module, CONFIGS[script]), args=options)


def test_a_recipe_that_needs_a_path_says_so(tmp_path: Path) -> None:
    recipe = ROOT / "recipes/tinyshakespeare.sh"
    result = subprocess.run(["bash", str(recipe)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "usage: recipes/tinyshakespeare.sh PATH" in result.stderr

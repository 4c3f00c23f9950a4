"""The README tells the truth about what is where, and its commands are commands."""

import importlib
import re
import shlex
import subprocess

import pytest
import tyro

from core.artifacts import ROOT
from tests.test_recipes import CONFIGS

README = (ROOT / "README.md").read_text(encoding="utf-8")


def files_in_the_tree() -> set[str]:
    block = README.partition("## What is where")[2].split("```")[1]
    found: set[str] = set()
    folder = [""]
    for line in block.splitlines():
        for match in re.finditer(r"(?:^( *)|  )([\w./-]+(?:\.\w+|/))(?=  |$)", line):
            depth = len(match[1] or "") // 2
            if match[2].endswith("/"):
                folder[depth + 1 :] = [folder[depth] + match[2]]
            found.add(folder[depth] + match[2])
    return found


def test_the_tree_shows_every_module_and_nothing_that_is_not_there() -> None:
    tree = files_in_the_tree()
    assert not [path for path in tree if not (ROOT / path).exists()]
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if tracked.returncode:
        pytest.skip("not a git checkout: there is no list of its files")
    modules = {path for path in tracked.stdout.split() if not path.startswith(("tests/", "bench/"))}
    assert modules - tree - {path for path in modules if path.endswith("__init__.py")} == set()


def commands() -> list[str]:
    joined = README.replace("\\\n", " ")
    script = r"python ([a-z_]+/[a-z_]+\.py"
    return re.findall(rf"^(?:\$ )?{script} .*)$|`{script} [^`]*)`", joined, re.MULTILINE)


@pytest.mark.parametrize("command", [one or other for one, other in commands()])
def test_every_command_parses(command: str) -> None:
    script, *options = shlex.split(command, comments=True)
    module = importlib.import_module(script.removesuffix(".py").replace("/", "."))
    tyro.cli(getattr(module, CONFIGS[script]), args=options)


def test_there_are_commands_to_check() -> None:
    assert len(commands()) >= 8

"""What tests of the server have in common; a module that wants it says `pytest_plugins = ["tests.serving_fixtures"]`.

The module's CHECKPOINTS name the models to be trained for it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.serve import server
from core.artifacts import ROOT
from generate.write import Writer
from tests.serving import MAKERS, NAME, make_service

# Python runs a module of this name before all else; an audit hook sees what every part of the process does.
GUARD = """
import os, sys

NAMES = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}

def note(event, args):
    if event in NAMES:
        with open(os.environ["CALLS"], "a", encoding="utf-8") as calls:
            calls.write(f"{event} {args}\\n")

sys.addaudithook(note)
"""

SERVE = [sys.executable, str(ROOT / "generate/serve.py")]


@pytest.fixture(scope="module")
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of artifacts with the module's checkpoints."""
    folder = tmp_path_factory.mktemp("artifacts")
    for name in request.module.CHECKPOINTS:
        MAKERS[name](folder)
    return folder


@pytest.fixture
def served(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The trained artifacts instead of the test's own."""
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(trained))
    return trained


@pytest.fixture
def writer(served: Path) -> Writer:
    """The first model, to write without a server."""
    from generate.serving.models import Models

    return Models(device="cpu").load(NAME).writer


@pytest.fixture
def client(served: Path) -> Iterator[Any]:
    """Asks an application without a server around it."""
    from fastapi.testclient import TestClient

    from generate.serving.api import make_app

    with make_service() as service, TestClient(make_app(service), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where processes that are started now note whom they call, with a line for each call."""
    folder = tmp_path_factory.mktemp("guard")
    (folder / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    calls = folder / "calls"
    calls.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("CALLS", str(calls))
        yield calls


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest, trained: Path, calls: Path) -> Iterator[str]:
    """A real server, with the module's OPTIONS if it has any; it calls nobody."""
    options = getattr(request.module, "OPTIONS", ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(trained))
        with server([*SERVE, "--corpus", "nadie", "--port", "0", "--max_tokens", "100000", *options]) as (_, url):
            yield url
    assert calls.read_text(encoding="utf-8") == ""

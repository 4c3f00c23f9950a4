"""Invented songs, and an artifacts folder of each test's own."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, write_corpus
from pretrain.model import GPT, Architecture, ModelConfig

# Shells start background jobs deaf to Ctrl-C, and the processes that tests start would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no fault of the code; and a run that says whether a change may land draws the same every time.
settings.register_profile("here", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("here")

# Models this small are computed faster by one thread, and tests run beside other work.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

NOUNS = ["luna", "río", "tren", "puerta", "perro", "vino", "carta", "calle", "sombra", "guitarra", "lluvia", "ventana"]
VERBS = ["canta", "espera", "duerme", "vuelve", "arde", "cruza", "pregunta", "llueve"]


@pytest.fixture(autouse=True)
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything a test makes goes below its own folder."""
    folder = tmp_path / "artifacts"
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(folder))
    return folder


def invent_song(number: int, lines: int = 12) -> Song:
    """A song that no other number gives."""
    chance = random.Random(number)
    verses = [f"La {chance.choice(NOUNS)} {chance.choice(VERBS)} en la {chance.choice(NOUNS)}," for _ in range(lines)]
    stanzas = ["\n".join(verses[start : start + 4]) for start in range(0, lines, 4)]
    title = f"Canción del {chance.choice(NOUNS)} {number}"
    return Song(id=f"song-{number}", title=title, artist="Nadie", lyrics="[Verso 1]\n" + "\n\n".join(stanzas))


@pytest.fixture
def make_corpus(artifacts: Path) -> Callable[..., Corpus]:
    """Write a corpus of invented songs to artifacts/<name>/corpus.json, and return it."""

    def make(name: str = "nadie", songs: int = 30, first: int = 0) -> Corpus:
        invented = tuple(invent_song(number) for number in range(first, first + songs))
        corpus = Corpus(name=name, language="es", source="files", songs=invented)
        write_corpus(Artifacts(name).corpus, corpus)
        return corpus

    return make


def make_model(architecture: Architecture, **changes: int | float) -> GPT:
    """A small model with weights as if trained: large enough that outputs differ."""
    sizes = {"vocab_size": 50, "block_size": 24, "n_layer": 2, "n_head": 2, "n_embd": 32} | changes
    model = GPT(ModelConfig(architecture=architecture, **sizes))
    generator = torch.Generator().manual_seed(7)
    model.init_weights(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()


@pytest.fixture(params=["gpt2", "qwen3"])
def architecture(request: pytest.FixtureRequest) -> Architecture:
    """Each architecture in turn."""
    return request.param

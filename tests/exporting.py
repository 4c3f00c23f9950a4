"""Small trained checkpoints of every kind, each made once; and what our own decoding writes with them."""

from pathlib import Path

import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, write_corpus
from generate.sampling import Sampling
from generate.write import Request, Writer
from pretrain.checkpoint import Checkpoint, load_checkpoint
from pretrain.model import Architecture
from pretrain.tokenize_data import TokenizeConfig
from pretrain.tokenize_data import main as tokenize
from pretrain.tokenizer import Kind
from pretrain.train import PretrainConfig
from pretrain.train import main as train
from tests.conftest import invent_song

BLOCK = 64
TITLE = "Canción del río"
GREEDY = Sampling(temperature=0)


def train_in(
    root: Path, architecture: Architecture, kind: Kind, *, songs: int = 30, source: str = "files", n_embd: int = 32
) -> Path:
    """The checkpoint folder of a model of `songs` invented songs, below `root`; one song is a running text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(root))
        paths = Artifacts("nadie")
        folder = paths.run("pretrain", "default")
        if (folder / "run.json").exists():
            return folder
        invented = tuple(invent_song(number) for number in range(songs))
        if songs == 1:
            invented = (Song(id="text", lyrics="\n\n".join(invent_song(number).lyrics for number in range(60))),)
        write_corpus(paths.corpus, Corpus(name="Nadie", language="es", source=source, songs=invented))
        tokenize(TokenizeConfig(corpus="nadie", kind=kind))
        train(
            PretrainConfig(
                corpus="nadie", architecture=architecture, n_layer=2, n_head=2, n_embd=n_embd, block_size=BLOCK,
                batch_size=8, max_steps=40, eval_interval=40, learning_rate=5e-3, device="cpu",
            )
        )  # fmt: skip
    return folder


def checkpoint_in(factory: pytest.TempPathFactory, architecture: Architecture, kind: Kind, *, songs: int = 30) -> Path:
    """The same, trained once for all tests."""
    return train_in(factory.getbasetemp() / f"{architecture}-{kind}-{songs}", architecture, kind, songs=songs)


def load(folder: Path) -> Checkpoint:
    return load_checkpoint(folder, torch.device("cpu"))


def song_prompt(title: str = TITLE) -> str:
    return f"<|song|><|title|>{title}<|lyrics|>"


def ours(checkpoint: Checkpoint, prompt: list[int]) -> str:
    """What we write ourselves without chance, to the end of the model's positions."""
    request = Request(title=TITLE, sampling=GREEDY, max_new_tokens=BLOCK - len(prompt))
    return Writer(checkpoint).write(request).lyrics


def prompt_ids(checkpoint: Checkpoint) -> list[int]:
    tokenizer = checkpoint.tokenizer
    return [tokenizer.song, tokenizer.title, *tokenizer.encode(TITLE), tokenizer.lyrics]


def texts_for(checkpoint: Checkpoint) -> list[str]:
    """Texts that the tokenizer can write: accents, empty lines; for bytes, everything."""
    songs = [invent_song(number).lyrics for number in range(3)]
    if checkpoint.tokenizer.characters is None:
        songs += ["ñandú ☃ 🎸\n\n  dos espacios, ¿no? ...", "'s l’amour don't", "\n", " ", "日本 ▁ \t"]
    return songs

"""Bases to adapt, made on the spot: weights as if trained, the alphabet of the songs invented here."""

from pathlib import Path

from conftest import invent_song, make_model

from core.artifacts import Artifacts
from pretrain.checkpoint import save_model, start_folder
from pretrain.lexicon import build_lexicon, save_lexicon
from pretrain.model import GPT, Architecture
from pretrain.phrases import build_index, save_index
from pretrain.split import Fingerprints, fingerprint
from pretrain.tokenizer import Tokenizer


def write_base(
    name: str = "libro", architecture: Architecture = "qwen3", *, change: float = 0.0, alphabet: str = ""
) -> Path:
    """A checkpoint folder that learnt thirty songs; `change` is added to its weights."""
    songs = [invent_song(number) for number in range(30)]
    tokenizer = Tokenizer.train([*(song.lyrics for song in songs), alphabet], "char")
    model: GPT = make_model(architecture, vocab_size=tokenizer.vocab_size)
    for parameter in model.parameters():
        parameter.data += change
    folder = Artifacts(name).run("pretrain", "default")
    start_folder(folder, model.config, tokenizer, "songs")
    save_index(folder, build_index(song.lyrics for song in songs))
    save_lexicon(folder, build_lexicon(songs, "es"))
    save_model(folder, model, Fingerprints(map(fingerprint, songs)), {"val_loss": 3.0})
    return folder

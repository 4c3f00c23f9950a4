"""A model to serve: trained for a moment, so that it has songs' shape, if not their sense."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, write_corpus
from data.sources.songbook import read_songbook
from generate.serving.engine import Engine
from generate.serving.models import Models
from generate.serving.schema import Limits
from pretrain import tokenize_data, train
from pretrain.phrases import build_index, save_index
from pretrain.tokenizer import Kind
from tests.conftest import invent_song

NAME, BOOK, LONG, VERSE = (f"{name}/pretrain/default" for name in ("nadie", "libro", "largo", "libreta"))


def make_checkpoint(
    artifacts: Path,
    name: str = "nadie",
    *,
    songs: int = 30,
    lines: int = 12,
    steps: int = 60,
    kind: Kind = "char",
    n_layer: int = 1,
) -> Path:
    """Train on invented songs below a folder; returns the checkpoint's. A single song is a text that goes on and on."""
    invented = [invent_song(number, lines) for number in range(songs)]
    return _train(artifacts, name, invented, steps, kind, n_layer=n_layer)


def make_verse_checkpoint(artifacts: Path) -> Path:
    """Train on the bundled songs in Spanish, whose words rhyme, with verse codes."""
    songs = [song for song in read_songbook() if song.language == "es"]
    return _train(artifacts, "libreta", songs, 20, "bpe", verse_codes=True)


def _train(
    artifacts: Path,
    name: str,
    songs: Sequence[Song],
    steps: int,
    kind: Kind,
    *,
    n_layer: int = 1,
    verse_codes: bool = False,
) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(artifacts))
        write_corpus(Artifacts(name).corpus, Corpus(name=name, language="es", source="files", songs=tuple(songs)))
        tokenize_data.main(tokenize_data.TokenizeConfig(corpus=name, kind=kind, verse_codes=verse_codes))
        size = {"n_layer": n_layer, "n_head": 2, "n_embd": 32, "block_size": 32}
        train.main(train.PretrainConfig(corpus=name, max_steps=steps, eval_interval=steps, device="cpu", **size))
        folder = Artifacts(name).run("pretrain", "default")
    save_index(folder, build_index(song.lyrics for song in songs))
    return folder


MAKERS: dict[str, Callable[[Path], Path]] = {
    NAME: make_checkpoint,
    BOOK: lambda folder: make_checkpoint(folder, "libro", songs=1, lines=400),
    # Writes in bytes whatever it is given, goes on for long, and not too fast for a browser to show it growing.
    LONG: lambda folder: make_checkpoint(folder, "largo", kind="bpe", songs=8, lines=200, steps=120, n_layer=8),
    VERSE: make_verse_checkpoint,
}


@contextmanager
def make_service(*, limits: Limits | None = None, **engine: Any) -> Iterator[Any]:
    """What the API works with, on the artifacts of the environment."""
    from generate.serving.api import Service

    service = Service(Models(device="cpu"), Engine(**engine), limits or Limits())
    try:
        yield service
    finally:
        service.engine.close()


# Bodies as nobody means them, and some as somebody might.
_numbers = st.one_of(
    st.integers(-3, 20), st.integers(), st.floats(allow_nan=True), st.floats(0, 2), st.sampled_from([0, 10**6, 1e999])
)
_texts = st.one_of(st.text(max_size=20), st.sampled_from(["", "La luna", "☃", "\x00", "<|end|>", "é" * 8001, "a\r\nb"]))
_values = st.one_of(
    st.none(),
    st.booleans(),
    _numbers,
    _texts,
    st.lists(_texts, max_size=3),
    st.dictionaries(_texts, _numbers, max_size=2),
)
_fields = [
    "model",
    "prompt",
    "max_tokens",
    "temperature",
    "top_p",
    "n",
    "stream",
    "stream_options",
    "stop",
    "seed",
    "logprobs",
    "echo",
    "presence_penalty",
    "frequency_penalty",
    "user",
    "title",
    "top_k",
    "min_p",
    "repetition_penalty",
    "max_copied_words",
    "banned_words",
    "min_tokens",
    "form",
    "structure",
    "stanzas",
    "words",
    "language",
    "suffix",
    "best_of",
]
_likely = {
    "model": st.sampled_from([NAME, "nadie", "nobody"]),
    "prompt": st.one_of(_texts, st.lists(_texts, max_size=3)),
    "max_tokens": st.integers(0, 4),
    "n": st.integers(1, 3),
    "stop": st.one_of(st.text("ae\n", min_size=1, max_size=2), st.lists(st.text("ae\n", min_size=1), max_size=3)),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "logprobs": st.integers(0, 5),
    "banned_words": st.lists(st.sampled_from(["luna", "río", "☃"]), max_size=2),
    "max_copied_words": st.integers(1, 5),
    "form": st.sampled_from(["ABBA 8", "soneto", "ABBX", "-a-a 99", "☃", " "]),
    "structure": st.sampled_from(["verso coro verso coro", "verso ☃"]),
    "stanzas": st.integers(1, 10**30),
    "words": st.sampled_from(["known", "any", "all"]),
    "language": st.sampled_from(["es", "FR", "xx"]),
}


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies of requests: sound, odd, or no JSON at all."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=60))
    if kind == 1:
        return json.dumps(draw(_values)).encode()
    names = draw(st.lists(st.sampled_from(_fields), unique=True, max_size=6))
    odd = draw(st.integers(0, 3)) == 0
    body = {name: draw(_values if odd or name not in _likely else _likely[name]) for name in names}
    # Whatever else, no long song: this tests what is asked, not how fast it is written.
    body.setdefault("max_tokens", 2)
    text = json.dumps(body, ensure_ascii=draw(st.booleans()))
    broken = kind == 2
    return text.encode("utf-8", "surrogatepass")[: draw(st.integers(0, len(text))) if broken else None]


def wait_for_songs(http: httpx.Client, songs: int, seconds: float = 20) -> None:
    """Until so many are being written."""
    end = time.monotonic() + seconds
    while http.get("/health").json()["songs"] != songs:
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)

"""Songs to streams of ids, train and val, and the tokens.safetensors that holds them.

Shapes: T tokens of a part.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.artifacts import shown
from core.corpus import Corpus, Song
from core.errors import UserError
from core.tensors import load_tensors, save_tensors
from pretrain.tokenizer import Tokenizer

Ids = np.ndarray[Any, np.dtype[np.int32]]

# What songs are made of: marks, titles and ends; or one running text without any of them.
Document = Literal["songs", "text"]

# torch.nn.functional.cross_entropy's own word for "not to be learnt".
IGNORE = -100

VAL_SHARE = 0.1

# A corpus of one song is a long text (a play, a novel) from this many characters on.
LONG_TEXT = 10_000


@dataclass(frozen=True)
class Part:
    """Train or val as one stream: targets[i] is what follows inputs[i], or IGNORE."""

    inputs: Ids
    """(T,)"""
    targets: Ids
    """(T,)"""
    characters: int
    """Characters that the learnt targets spell: the divisor of bits per character."""
    unknown: int
    """Tokens that the tokenizer could not write; they are not learnt and not scored."""


@dataclass(frozen=True)
class Tokens:
    """Everything stage 3 needs to know about a corpus."""

    train: Part
    val: Part
    document: Document
    tokenizer_sha256: str
    learnt: frozenset[str]
    """Fingerprints of the train side's songs."""

    def save(self, path: Path) -> None:
        """Write tokens.safetensors."""
        parts = {"train": self.train, "val": self.val}
        arrays = {
            f"{name}_{kind}": getattr(part, kind) for name, part in parts.items() for kind in ("inputs", "targets")
        }
        counts = {
            f"{name}_{kind}": str(getattr(part, kind))
            for name, part in parts.items()
            for kind in ("characters", "unknown")
        }
        facts = {"document": self.document, "tokenizer_sha256": self.tokenizer_sha256}
        save_tensors(path, arrays, counts | facts | {"learnt": " ".join(sorted(self.learnt))})

    @classmethod
    def load(cls, path: Path) -> "Tokens":
        """Read tokens.safetensors; raises UserError when it is missing or damaged."""
        if not path.exists():
            corpus = path.parent.parent.name
            raise UserError(f"no tokens at {shown(path)}", f"python pretrain/tokenize_data.py --corpus {corpus}")
        arrays, metadata = load_tensors(path)
        train, val = (
            Part(
                arrays[f"{name}_inputs"],
                arrays[f"{name}_targets"],
                int(metadata[f"{name}_characters"]),
                int(metadata[f"{name}_unknown"]),
            )
            for name in ("train", "val")
        )
        document: Document = "text" if metadata["document"] == "text" else "songs"
        return cls(train, val, document, metadata["tokenizer_sha256"], frozenset(metadata["learnt"].split()))


@dataclass(frozen=True)
class Split:
    """The two sides of a corpus, before any tokenizer."""

    train: tuple[Song, ...]
    val: tuple[Song, ...]
    document: Document


def split_songs(corpus: Corpus, seed: int, learnt: frozenset[str] = frozenset()) -> Split:
    """Split by whole song, 90/10; a corpus of one long text at its tail.

    Songs are drawn by a hash of their lyrics and the seed: the split is the same for every tokenizer
    and moves little when the corpus grows. Songs whose `fingerprint` is in `learnt` never go to
    validation: an adapted model is not judged on what its base has learnt. Raises UserError when
    there is too little to split.
    """
    songs = corpus.songs
    if len(songs) == 1:
        return _split_text(songs[0])
    drawn = sorted((hashlib.sha256(f"{seed}\n{song.lyrics}".encode()).digest(), song.id) for song in songs)
    known = {song.id for song in songs if fingerprint(song) in learnt}
    candidates = [id_ for _, id_ in drawn if id_ not in known]
    if not candidates:
        raise UserError(
            "the base has learnt every song of this corpus: none is left for validation",
            "start from a base that was trained without some of them, or add songs",
        )
    val = set(candidates[: max(1, round(VAL_SHARE * len(songs)))])
    return Split(
        tuple(song for song in songs if song.id not in val), tuple(song for song in songs if song.id in val), "songs"
    )


def fingerprint(song: Song) -> str:
    """By which a checkpoint knows a song it has learnt: 8 hexadecimal digits of its lyrics' hash."""
    return hashlib.sha256(song.lyrics.encode()).hexdigest()[:8]


def encode_split(split: Split, tokenizer: Tokenizer) -> Tokens:
    """Encode both sides."""
    encode = _encode_songs if split.document == "songs" else _encode_text
    train, val = encode(split.train, tokenizer), encode(split.val, tokenizer)
    return Tokens(train, val, split.document, tokenizer.sha256, frozenset(map(fingerprint, split.train)))


def _split_text(song: Song) -> Split:
    if len(song.lyrics) < LONG_TEXT:
        raise UserError(
            f"one song of {len(song.lyrics):,} characters cannot be split into train and validation",
            f"give at least two songs, or one text of at least {LONG_TEXT:,} characters",
        )
    cut = int(len(song.lyrics) * (1 - VAL_SHARE))
    head, tail = (Song(id=song.id, lyrics=part) for part in (song.lyrics[:cut], song.lyrics[cut:]))
    return Split((head,), (tail,), "text")


def _encode_songs(songs: tuple[Song, ...], tokenizer: Tokenizer) -> Part:
    encoded = tokenizer.encode_songs(songs)
    characters = sum(len(tokenizer.decode(ids)) for ids in encoded)
    return _part(np.concatenate([np.array(ids, np.int32) for ids in encoded]), characters, tokenizer)


def _encode_text(songs: tuple[Song, ...], tokenizer: Tokenizer) -> Part:
    ids = tokenizer.encode(songs[0].lyrics)
    return _part(np.array(ids, np.int32), len(tokenizer.decode(ids[1:])), tokenizer)


def _part(stream: Ids, characters: int, tokenizer: Tokenizer) -> Part:
    inputs, following = stream[:-1], stream[1:]
    # That a song follows the end of another is no news, and nobody should learn to write "unknown".
    unlearnt = (following == tokenizer.song) | (following == tokenizer.unknown)
    targets = np.where(unlearnt, np.int32(IGNORE), following)
    return Part(inputs.copy(), targets, characters, int((stream == tokenizer.unknown).sum()))

"""Songs to streams of ids, train and val, and the tokens.safetensors that holds them.

Shapes: T tokens of a part.
"""

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from itertools import chain, repeat
from pathlib import Path
from typing import IO

import numpy as np
from tqdm import tqdm

from core.artifacts import shown
from core.corpus import Song
from core.errors import UserError
from core.tensors import load_tensors, save_tensors
from data.spool import map_chunks
from pretrain.encoder import Encoder, Ids, id_type, text_pieces
from pretrain.split import Document, Fingerprints, Split, fingerprint, song_chunks, split_songs
from pretrain.tokenizer import Tokenizer
from pretrain.verse_codes import plain_share

__all__ = [
    "IGNORE",
    "Document",
    "Fingerprints",
    "Part",
    "Split",
    "Tokens",
    "encode_split",
    "fingerprint",
    "split_songs",
]

# torch.nn.functional.cross_entropy's own word for "not to be learnt".
IGNORE = -100

# Of a long text that is encoded in one go.
PIECE = 1 << 16  # characters

# A song of lyrics is about so long; a piece of text counts for as many songs as it has of these.
SONG_LENGTH = 1000  # characters

# Targets that are looked at in one go.
LOOK = 1 << 20


_Chunk = Sequence[Song] | str


@dataclass(frozen=True)
class Part:
    """Train or val as one stream: targets[i] is what follows inputs[i], or IGNORE."""

    inputs: Ids
    """(T,), int16 where the vocabulary allows it. Mapped from the file, when it was loaded from one."""
    targets: Ids
    """(T,)"""
    characters: int
    """Characters that the learnt targets spell, verse codes left out: the divisor of bits per character."""
    unknown: int
    """Tokens that the tokenizer could not write; they are not learnt and not scored."""

    @property
    def learnt(self) -> int:
        """Targets that are learnt, counted without a copy of them all."""
        pieces = (self.targets[start : start + LOOK] for start in range(0, len(self.targets), LOOK))
        return sum(int(np.count_nonzero(piece != IGNORE)) for piece in pieces)


@dataclass(frozen=True)
class Tokens:
    """Everything stage 3 needs to know about a corpus."""

    train: Part
    val: Part
    document: Document
    tokenizer_sha256: str
    learnt: Fingerprints
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
        save_tensors(path, arrays | {"learnt": self.learnt.array}, counts | facts)

    @classmethod
    def load(cls, path: Path) -> "Tokens":
        """Map tokens.safetensors; raises UserError when it is missing, damaged, or of another version."""
        make = f"python pretrain/tokenize_data.py --corpus {path.parent.parent.name}"
        if not path.exists():
            raise UserError(f"no tokens at {shown(path)}", make)
        arrays, metadata = load_tensors(path, mapped=True)
        if "learnt" not in arrays:
            raise UserError(f"{shown(path)} was written by an earlier version", make)
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
        return cls(train, val, document, metadata["tokenizer_sha256"], Fingerprints(arrays["learnt"]))


def encode_split(split: Split, tokenizer: Tokenizer, folder: Path | None = None) -> Tokens:
    """Encode both sides, on all cores when there is much text.

    With a `folder`, the ids lie in nameless files there instead of in memory.
    """
    sides = (split.train, split.val)
    if split.document == "songs":
        total = songs = sum(map(len, sides))
        chunks: list[Iterable[_Chunk]] = [song_chunks(side) for side in sides]
    else:
        total = sum(len(side[0].lyrics) for side in sides)
        songs = total // SONG_LENGTH
        chunks = [text_pieces(side[0].lyrics, PIECE) for side in sides]
    tasks = chain.from_iterable(zip(repeat(side), of_side) for side, of_side in enumerate(chunks))
    encode = partial(_to_ids, tokenizer.to_json(), plain_share(split.characters), split.language)
    with ExitStack() as stack:
        streams = [stack.enter_context(_Stream(tokenizer, folder)) for _ in sides]
        bar = stack.enter_context(tqdm(desc="encoding", total=total, unit_scale=True, delay=2, leave=False))
        for side, ids, count in map_chunks(encode, tasks, songs=songs):
            streams[side].append(ids)
            bar.update(count)
        # Nothing asks for the first token: in a text it is one that spells something.
        train, val = (stream.part(unasked=int(split.document == "text")) for stream in streams)
    return Tokens(train, val, split.document, tokenizer.sha256, split.learnt)


# What runs in other processes too: each remembers the words it has met.


@lru_cache(maxsize=1)
def _encoder(tokenizer_json: str, plain: float) -> Encoder:
    return Encoder(Tokenizer.from_json(tokenizer_json), plain)


def _to_ids(tokenizer_json: str, plain: float, language: str, task: tuple[int, _Chunk]) -> tuple[int, Ids, int]:
    side, chunk = task
    encoder = _encoder(tokenizer_json, plain)
    if isinstance(chunk, str):
        return side, encoder.text(chunk), len(chunk)
    songs = list(chunk)
    # Validation has no codes: bits per character are those of the words, whatever else a model learns.
    return side, encoder.songs(songs, None if side else language), len(songs)


class _Stream:
    """A part in the making, in memory or in nameless files: nothing is left of them, however the process ends."""

    def __init__(self, tokenizer: Tokenizer, folder: Path | None) -> None:
        self._tokenizer, self._dtype = tokenizer, id_type(tokenizer.vocab_size)
        self._spelt = np.array(tokenizer.spelt)
        self._files = [BytesIO() if folder is None else tempfile.TemporaryFile(dir=folder) for _ in range(2)]  # noqa: SIM115
        self._characters = self._unknown = 0

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()  # what is mapped stays mapped

    def append(self, ids: Ids) -> None:
        unknown = ids == self._tokenizer.unknown
        # That a song follows the end of another is no news, and nobody should learn to write "unknown".
        unlearnt = unknown | (ids == self._tokenizer.song)
        for file, array in zip(self._files, (ids, np.where(unlearnt, self._dtype.type(IGNORE), ids)), strict=True):
            file.write(array.tobytes())
        self._characters += int(self._spelt[ids].sum())
        self._unknown += int(unknown.sum())

    def part(self, unasked: int = 0) -> Part:
        """What was appended; the first `unasked` tokens count no characters."""
        inputs, targets = map(self._array, self._files)
        characters = self._characters - int(self._spelt[inputs[:unasked]].sum())
        return Part(inputs[:-1], targets[1:], characters, self._unknown)

    def _array(self, file: IO[bytes]) -> Ids:
        if isinstance(file, BytesIO):
            return np.frombuffer(bytearray(file.getvalue()), self._dtype)
        file.flush()
        return np.asarray(np.memmap(file, self._dtype, "c"))

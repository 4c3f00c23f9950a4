"""Somebody else's tokenizer, with what writing songs asks of one.

Shapes: V vocabulary.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

from core.artifacts import shown
from core.errors import UserError
from generate.foreign.base import Base
from generate.foreign.libraries import first_line, library
from pretrain.tokenizer import Tokenizer

# Behind this, a token's text is what it is within a text: at the beginning of one, many tokenizers drop a space.
_BEFORE = "\n"

# No id is this one: other people's models know no marks of songs, only an end.
NONE = -1


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Ids that are no text."""

    start: tuple[int, ...]
    """What each text begins with."""
    end: int
    """What it ends with."""
    special: tuple[int, ...]
    """All of the tokenizer's that spell nothing."""


class ForeignTokenizer(Tokenizer):
    """A tokenizer that has an end of text and knows no other mark of ours."""

    def __init__(self, backend: tokenizers.Tokenizer, marks: Marks, vocab_size: int) -> None:
        """`vocab_size` is the model's, V: the ids that the tokenizer has not are special, too."""
        self.backend, self.marks, self._vocab_size = backend, marks, vocab_size
        # Otherwise lyrics that hold the characters "</s>" would end the song.
        backend.encode_special_tokens = True
        backend.no_truncation()
        backend.no_padding()
        self.end = marks.end
        self.unknown = self.song = self.title = self.lyrics = NONE
        self.verse_codes: list[int] = []
        self.special = frozenset((*marks.special, marks.end, *range(backend.get_vocab_size(), vocab_size)))
        self._before = backend.encode(_BEFORE, add_special_tokens=False).ids
        self._text_before = backend.decode(self._before)

    @property
    def vocab_size(self) -> int:
        """V."""
        return self._vocab_size

    def encode(self, text: str) -> list[int]:
        """Ids of a text as they are within a longer one; none is read out of the text."""
        before = self._before
        ids = self.backend.encode(_BEFORE + text, add_special_tokens=False).ids
        if before and ids[: len(before)] == before:
            return ids[len(before) :]
        return self.backend.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids within a longer one; special tokens leave no trace."""
        whole = self.backend.decode([*self._before, *ids], skip_special_tokens=True)
        return whole.removeprefix(self._text_before)

    def unseen(self, text: str) -> list[str]:
        """The text, if it is lost on the way through ids and back; else nothing."""
        return [text] if self.decode(self.encode(text)) != text else []


def read_tokenizer(base: Base) -> ForeignTokenizer:
    """The tokenizer of a base.

    Raises UserError when it has none, none in the form that the `tokenizers` library reads, or one
    without an end of text.
    """
    transformers = library("transformers")
    try:
        found: Any = transformers.AutoTokenizer.from_pretrained(
            base.folder, trust_remote_code=False, local_files_only=True
        )
        backend = tokenizers.Tokenizer.from_str(found.backend_tokenizer.to_str())
    except Exception as error:
        raise UserError(
            f"{base.name} has no tokenizer that can be read: {first_line(error)}",
            "a base needs its tokenizer.json beside the weights",
        ) from error
    if found.eos_token_id is None:
        raise UserError(f"the tokenizer of {base.name} has no end of text (eos_token)", "choose another base")
    probe = backend.encode(_BEFORE)
    start = probe.ids[: next((place for place, mark in enumerate(probe.special_tokens_mask) if not mark), 0)]
    special = {id_ for id_, token in backend.get_added_tokens_decoder().items() if token.special}
    special |= set(found.all_special_ids)
    marks = Marks(start=tuple(start), end=found.eos_token_id, special=tuple(sorted(special)))
    return ForeignTokenizer(backend, marks, base.vocab_size)


def load_tokenizer(path: Path, marks: Marks, vocab_size: int) -> ForeignTokenizer:
    """Read the tokenizer.json that `save` wrote; raises UserError when it is broken."""
    try:
        backend = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception, whatever went wrong
        raise UserError(f"{shown(path)} is no tokenizer: {first_line(error)}") from error
    return ForeignTokenizer(backend, marks, vocab_size)

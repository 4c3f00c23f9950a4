"""What each token spells, as far as a line of verse has to know: a part of a word, a sign, a line's end, or nothing."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tokenizers import pre_tokenizers

from pretrain.tokenizer import Tokenizer
from pretrain.verse_codes import COUNTS

Kind = Literal["word", "sign", "newline", "left", "other"]

APOSTROPHES = "'’ʼ"

# Signs after which a word stands without a space, and those that no word can stand before: other signs (quotation
# marks, brackets, figures) come in pairs or are no verse, and are left to free writing.
OPENING = "¡¿—–"
CLOSING = ",.;:!?…"
HYPHEN = "-"
_SIGNS = re.compile(rf"[{re.escape(OPENING + CLOSING)}]+|{HYPHEN}")
_LETTERS = re.compile(rf"(?:[^\W\d_]|[\u0300-\u036f{APOSTROPHES}])+")


@dataclass(frozen=True, slots=True)
class Piece:
    """What a token spells."""

    kind: Kind
    spaced: bool = False
    """Whether it begins with a space."""
    text: bytes = b""
    """The rest. A token may end in the middle of a letter, or begin there."""

    @property
    def opens(self) -> bool:
        """Whether it is signs that stand before a word."""
        return self.kind == "sign" and set(self.text.decode()) <= set(OPENING)

    @property
    def closes(self) -> bool:
        """Whether it is signs that stand behind a word."""
        return self.kind == "sign" and not self.spaced and set(self.text.decode()) <= set(CLOSING)


_OTHER = Piece("other")
_NEWLINE = Piece("newline")


def pieces_of(tokenizer: Tokenizer) -> list[Piece]:
    """The piece of each id."""
    spelt = _bytes_of(tokenizer)
    pieces = [_OTHER if id_ in tokenizer.special else _piece(spelt[id_]) for id_ in range(tokenizer.vocab_size)]
    for id_ in tokenizer.verse_codes[len(COUNTS) :]:
        pieces[id_] = Piece("left")
    return pieces


def _piece(spelt: bytes) -> Piece:
    if spelt == b"\n":
        return _NEWLINE
    spaced = spelt.startswith(b" ")
    body = spelt[spaced:]
    try:
        text = body.decode()
    except UnicodeDecodeError:
        # Part of a letter. Of a sign it may be one as well, but words are looked up.
        return Piece("word", spaced, body)
    if _LETTERS.fullmatch(text):
        return Piece("word", spaced, body)
    if _SIGNS.fullmatch(text):
        return Piece("sign", spaced, body)
    return Piece("word", True) if spelt == b" " else _OTHER


def _bytes_of(tokenizer: Tokenizer) -> dict[int, bytes]:
    in_bytes = tokenizer.characters is None
    table = _byte_letters() if in_bytes else {}
    return {
        id_: bytes(table[char] for char in token) if in_bytes and id_ not in tokenizer.special else token.encode()
        for token, id_ in tokenizer.backend.get_vocab().items()
    }


@lru_cache(maxsize=1)
def _byte_letters() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for.

    GPT-2's scheme: printable Latin-1 stands for itself, the rest for what follows U+0100, in order.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
    assert set(table) == set(pre_tokenizers.ByteLevel.alphabet())
    return table

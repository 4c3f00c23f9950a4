"""Bytes to text, whatever program saved it."""

import codecs
import re
from pathlib import Path

from core.artifacts import shown
from core.errors import UserError

_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

# Both are written in letters, and yet nobody can sing them.
_NO_LYRICS = {b"%PDF-": "a PDF", b"{\\rtf": "an RTF document"}

_BINARY = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_BINARY_SHARE = 0.01

_PIECE = 1 << 20  # bytes

_SAVE_AS_TEXT = "save it as plain text in UTF-8"


def read_plain_text(path: Path) -> str:
    """Read a text file, with its line ends as they are.

    A byte order mark decides; else strict UTF-8, which no other encoding passes by chance; else
    Windows-1252, the superset of Latin-1 that people mean by it. Raises UserError when it is no text.
    """
    data = path.read_bytes()
    for start, kind in _NO_LYRICS.items():
        if data.startswith(start):
            raise UserError(f"{shown(path)} is {kind}, no plain text", _SAVE_AS_TEXT)
    try:
        text = _decode(data)
    except _DamagedError as error:
        raise UserError(
            f"{shown(path)}, line {error.line}: not UTF-8, though the rest is", "mend or remove that character"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{shown(path)} is no text in a known encoding", _SAVE_AS_TEXT) from error
    if "\0" in text or len(_BINARY.findall(text)) > _BINARY_SHARE * len(text):
        raise UserError(f"{shown(path)} is no text (it holds binary data)", _SAVE_AS_TEXT)
    return text


def is_utf8(path: Path) -> bool:
    """Whether a file is UTF-8 text and not empty; reads it through once, a piece at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = False
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            try:
                decoded = decoder.decode(piece)
            except UnicodeDecodeError:
                return False
            if "\0" in decoded or len(_BINARY.findall(decoded)) > _BINARY_SHARE * len(decoded):
                return False
            text = text or bool(decoded.strip())
    return text and not decoder.getstate()[0]


class _DamagedError(Exception):
    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


def _decode(data: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # One broken byte in a UTF-8 file must not turn all its accents into pairs of odd signs.
        text = data.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        if len(text) - len(text.encode("ascii", "ignore")) > 2 * broken and b"\0" not in data:
            raise _DamagedError(data.count(b"\n", 0, error.start) + 1) from error
        return data.decode("cp1252")

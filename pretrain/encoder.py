"""Much text to ids: the same ids as the tokenizer's own, several times as fast.

Whatever the kind of tokenizer, a piece of text begins at a space or a line end that follows something
else; so what stands from one of them to the next is encoded by itself, once, and remembered.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from core.corpus import Song
from pretrain.tokenizer import Tokenizer

Ids = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]

# Words remembered afresh before the older ones are forgotten. With a space or line end before them, the words of
# a few megabytes of verse: some 40 MB.
REMEMBERED = 200_000

# Where the words of a text may be taken apart: before a space or line end that follows something else.
_CUT = re.compile(r"(?<=\S)(?=[ \n])")

# White space that may not be taken apart everywhere. Clean lyrics have none, for a blank line is two pieces in
# every kind of tokenizer; and a text that can be cut before each space and line end is cut twice as fast.
_TOGETHER = ("  ", " \n", "\n ", "\n\n\n")


def id_type(vocab_size: int) -> np.dtype[np.signedinteger[Any]]:
    """The smallest type that holds the ids, and negative words for what is not to be learnt."""
    return np.dtype(np.int16 if vocab_size <= np.iinfo(np.int16).max else np.int32)


class Encoder:
    """A tokenizer that remembers words. Ids come as bytes of `dtype`."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.dtype = id_type(tokenizer.vocab_size)
        self._words = _Words(tokenizer, self.dtype)
        self._song, self._title, self._lyrics, self._end = (
            np.array([mark], self.dtype).tobytes()
            for mark in (tokenizer.song, tokenizer.title, tokenizer.lyrics, tokenizer.end)
        )

    def song(self, song: Song) -> bytes:
        """Ids of a song with its marks: song, title (where there is one), lyrics, end."""
        title = self._title + self.text(song.title) if song.title else b""
        return b"".join((self._song, title, self._lyrics, self.text(song.lyrics), self._end))

    def text(self, text: str) -> bytes:
        """Ids of a text; no special token is added, and none is read out of it."""
        if len(self._words) > REMEMBERED:
            self._words.age()
        if _is_plain(text):
            words = text.replace(" ", "\0 ").replace("\n", "\0\n").split("\0")
        else:
            words = _CUT.split(text)
        return b"".join(map(self._words.__getitem__, words))


def _is_plain(text: str) -> bool:
    if text.endswith("\n\n") or any(run in text for run in _TOGETHER):
        return False
    return text.replace("\n", "").isprintable()  # tabs, hard spaces and the like are not


class _Words(dict[str, bytes]):
    """Ids of words. What is not used between two ageings is forgotten."""

    def __init__(self, tokenizer: Tokenizer, dtype: np.dtype[np.signedinteger[Any]]) -> None:
        super().__init__()
        self._tokenizer, self._dtype = tokenizer, dtype
        self._older: dict[str, bytes] = {}

    def __missing__(self, word: str) -> bytes:
        ids = self._older.get(word)
        if ids is None:
            ids = np.array(self._tokenizer.encode(word), self._dtype).tobytes()
        self[word] = ids
        return ids

    def age(self) -> None:
        self._older = self.copy()
        self.clear()


# A word may be longer than memory likes, or a text have no space at all; but lines end.
_LINE_END = re.compile(r"(?<=\S)\n")


def text_pieces(text: str, characters: int) -> Iterator[str]:
    """A text in pieces of about so many characters, whose ids join to the text's own."""
    start = 0
    while start < len(text):
        end = _LINE_END.search(text, start + characters)
        stop = end.start() if end else len(text)
        yield text[start:stop]
        start = stop

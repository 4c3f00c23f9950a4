"""The text of ids as they come, which word they are in the middle of, and taking words back."""

from collections.abc import Sequence
from typing import NamedTuple

from pretrain.tokenizer import Tokenizer

# Bytes of one character in UTF-8, at most: what is longer and none is not going to be one.
LONGEST_CHARACTER = 4


class _Before(NamedTuple):
    """What to go back to when a token is taken back."""

    length: int
    """Characters of the text."""
    pending: tuple[int, ...]


class Text:
    """A text that grows token by token; a character is held back until all its bytes are there."""

    def __init__(self, tokenizer: Tokenizer, pieces: Sequence[str], text: str) -> None:
        """`pieces` are the texts of all ids alone; `text` is what there is before the first token."""
        self.text = text
        self._tokenizer, self._pieces = tokenizer, pieces
        self._pending: tuple[int, ...] = ()
        self._before: list[_Before] = []
        """Of each token, in order."""

    def append(self, token: int) -> None:
        """Add a token's text."""
        self._before.append(_Before(len(self.text), self._pending))
        piece, self._pending = self._with(token)
        self.text += piece

    def preview(self, token: int) -> str:
        """What one token more would add."""
        return self._with(token)[0]

    @property
    def rest(self) -> str:
        """What was held back."""
        return self._tokenizer.decode(self._pending)

    def close(self, length: int | None = None) -> None:
        """Nothing will follow: add what was held back, and cut the text to `length`."""
        self.text, self._pending = (self.text + self.rest)[:length], ()

    def tokens_from(self, start: int) -> int:
        """How many tokens it takes to write all that follows the character at `start`, itself included."""
        ends = [before.length for before in self._before[1:]] + [len(self.text)]
        return sum(end > start for end in ends)

    def take_back(self, tokens: int) -> None:
        """Forget the last tokens."""
        before = self._before[-tokens]
        self.text, self._pending = self.text[: before.length], before.pending
        del self._before[-tokens:]

    def _with(self, token: int) -> tuple[str, tuple[int, ...]]:
        pending = (*self._pending, token)
        piece = self._tokenizer.decode(pending) if self._pending else self._pieces[token]
        held = piece.endswith("�") and len(pending) < LONGEST_CHARACTER
        return ("", pending) if held else (piece, ())

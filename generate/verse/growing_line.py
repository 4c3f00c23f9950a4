"""A line of verse that grows piece by piece: what may follow so that it ends on its word at its length.

It knows nothing of a model: pieces in, yes or no out. A partial line is analysed as if its last word came next, so
what joins two words in speech is counted as it will be said.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, replace

from generate.verse.pieces import APOSTROPHES, HYPHEN, OPENING, Piece
from generate.verse.rhyme_words import WordList
from pretrain.verse_codes import NEAR_END
from prosody.line import Language
from prosody.rhyming import analyse

# Signs that may follow one another: "¡—".
MOST_SIGNS = 2

# Of the words that a beginning can still become, as many are counted; more of them have surely one that fits.
COUNTED = 40

# Syllables that most words have room in.
ROOM = 3

# What a word stands behind without a space of its own.
_JOINED = f"{APOSTROPHES}{HYPHEN} "

_APOSTROPHES = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))


@dataclass(frozen=True)
class Grammar:
    """What every line of a poem has in common."""

    language: Language
    pieces: Sequence[Piece]
    """Of each id."""
    words: WordList | None
    """The words that there are; None where any will do."""
    counts: Sequence[int]
    """The code of each count, from one syllable."""
    left: Sequence[int]
    """The code of each number of syllables that are left, from none."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A line up to its last complete word."""

    text: str
    total: int
    """Its syllables, if the word to end on came next."""
    ended: bool = False


class GrowingLine:
    """A line that is to have `syllables` and end on `end_word`."""

    def __init__(self, grammar: Grammar, syllables: int, end_word: str, left: int) -> None:
        """`left` of the syllables are to be filled before the word."""
        self.grammar, self.syllables, self.end_word = grammar, syllables, end_word
        self.finished = False
        """Whether its end was taken."""
        self._said = _Said("", syllables - left)
        self._part = b""
        """The word that is growing."""
        self._word = ""
        """The same, in lower case."""
        self._signs = 0
        """In a row."""
        self._between = False
        """Whether the line has just said how many syllables are left: behind that another word begins."""
        self._closed: _Said | None = self._said
        """What the line is if the growing word is complete; None if it cannot be."""

    @property
    def text(self) -> str:
        """The line as it is."""
        return self._said.text + self._part.decode(errors="replace")

    @property
    def complete(self) -> bool:
        """Whether another word may begin here."""
        return self._closed is not None

    def remind(self, piece: Piece) -> int | None:
        """How many syllables are left, if a word is complete before `piece` and the line says so there."""
        closed = self._closed
        if self._between or closed is None or not (piece.kind == "left" or piece.spaced):
            return None
        if not closed.text or closed.text[-1] in OPENING + _JOINED:
            return None
        left = self.syllables - closed.total
        if closed.ended or left > NEAR_END:
            return None
        self._between = True
        return left

    def take(self, piece: Piece) -> bool:
        """Take a piece, if it may follow."""
        closed = self._closed
        if piece.kind == "word":
            return self._take_word(piece)
        if piece.kind in ("other", "left") or closed is None:
            return False
        if piece.kind == "newline":
            self.finished = closed.ended
            return closed.ended
        return self._take_sign(piece, closed)

    def _take_sign(self, piece: Piece, closed: _Said) -> bool:
        sign = piece.text.decode()
        opens = sign[0] in OPENING
        if sign == HYPHEN:
            return self._take_hyphen(piece, closed)
        if self._signs == MOST_SIGNS or closed.text.endswith(HYPHEN) or (closed.ended and sign[-1] in OPENING):
            return False
        # Of signs in a row only one closes, and it comes first: ", —".
        if not opens and (self._signs or not closed.text or closed.text[-1] in OPENING):
            return False
        # A space stands before what opens and none before what closes: "hola, ¿qué".
        space = closed.text.endswith(" ")
        if piece.spaced != (opens and bool(closed.text) and not space) or (space and not opens):
            return False
        self._said = replace(closed, text=closed.text + " " * piece.spaced + sign)
        self._grow(b"", self._signs + 1)
        return True

    def _take_hyphen(self, piece: Piece, closed: _Said) -> bool:
        if piece.spaced or closed.ended or not closed.text[-1:].isalpha():
            return False
        self._said = replace(closed, text=closed.text + HYPHEN)
        self._grow(b"", 1)
        return True

    def _take_word(self, piece: Piece) -> bool:
        if self._part and not piece.spaced:
            if self._between or not _is_lower(piece.text):
                return False
            if self._fits(self._said, self._part + piece.text):
                self._grow(self._part + piece.text, 0)
                return True
            if not self._word.endswith("'"):
                return False  # but l'|amour
        closed = self._closed
        if closed is None or closed.ended or not self._fits(closed, piece.text):
            return False
        opened = not closed.text or closed.text[-1] in OPENING + _JOINED
        if piece.spaced == opened:
            return False
        self._said = replace(closed, text=closed.text + " " * piece.spaced)
        self._grow(piece.text, 0)
        return True

    def _grow(self, part: bytes, signs: int) -> None:
        self._part, self._signs, self._between = part, signs, False
        self._word = _folded(part)
        self._closed = self._close()

    def _fits(self, said: _Said, beginning: bytes) -> bool:
        """Whether a word that begins so may follow."""
        word, rest = _parted(beginning)
        exact = word.encode() + rest
        if said.total == self.syllables:
            return self.end_word.encode().startswith(exact)
        words = self.grammar.words
        if words is None:
            return "�" not in word
        if not words.begins(exact):
            return False
        if self.syllables - said.total >= ROOM:
            return True
        possible = words.beginning(exact, COUNTED)
        return possible is None or any(
            self._count(said, each) <= self.syllables or self._is_end(said, each) for each in possible
        )

    def _close(self) -> _Said | None:
        """What the line is when the growing word is complete; None if it cannot be."""
        said, word = self._said, self._word
        if not self._part:
            return said
        try:
            text = said.text + self._part.decode()
        except UnicodeDecodeError:
            return None  # in the middle of a letter
        if self._is_end(said, word):
            return _Said(text, said.total, ended=True)
        # A line that came to its word too soon is not to say it again.
        if said.total == self.syllables or word == self.end_word:
            return None
        if self.grammar.words is not None and word not in self.grammar.words:
            return None
        total = self._count(said, word)
        return _Said(text, total) if total <= self.syllables else None

    def _is_end(self, said: _Said, word: str) -> bool:
        """Whether the line is complete with this word."""
        if word != self.end_word:
            return False
        return analyse(said.text + word, self.grammar.language).syllables == self.syllables

    def _count(self, said: _Said, word: str) -> int:
        """Syllables of the line with this word and its end word."""
        space = "" if word.endswith("'") else " "
        return analyse(f"{said.text}{word}{space}{self.end_word}", self.grammar.language).syllables


def _parted(word: bytes) -> tuple[str, bytes]:
    """A word in lower case, and the letter at its end that has only begun."""
    text, length = codecs.utf_8_decode(word, "replace")
    return text.translate(_APOSTROPHES).lower(), word[length:]


def _folded(word: bytes) -> str:
    return _parted(word)[0]


def _is_lower(word: bytes) -> bool:
    text = word.decode(errors="ignore")
    return text == text.lower()

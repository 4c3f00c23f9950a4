"""A line of verse that grows from its end, piece by piece: what may come next so that it gets to its length.

It knows nothing of a model: pieces in, yes or no out. A word is counted together with all that stands behind it, so
what joins two words in speech is counted as it will be said.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from generate.verse.pieces import APOSTROPHES, HYPHEN, Piece
from generate.verse.rhyme_words import WordList
from pretrain.verse_codes import NEAR_END
from prosody.line import Language
from prosody.rhyming import analyse

# Signs that may follow one another before a word: "—¡".
MOST_SIGNS = 2

# Of the words that a beginning can still become, as many are counted; more of them have surely one that fits.
COUNTED = 40

# Syllables that most words have room in.
ROOM = 3

# What a line can begin with where no syllable is left, because it melts into the word behind it: l'amour, la antigua.
_MELTING = {"es": "la", "fr": "l'", "en": ""}

# What an elided word stands before.
_VOWELS = frozenset("aàâæeéèêëhiîïoôœuùûüy")

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

    @cached_property
    def behind_word(self) -> list[int]:
        """Ids that say that a word is over: signs that close, and codes."""
        return [id_ for id_, piece in enumerate(self.pieces) if piece.closes] + list(self.left)


class GrowingLine:
    """A line that ends on `end_word` and is to have `syllables`, the words that it begins with among them."""

    def __init__(self, grammar: Grammar, syllables: int, end_word: str, beginning: str = "") -> None:
        self.grammar, self.syllables, self.end_word, self.beginning = grammar, syllables, end_word, beginning
        self.finished = False
        """Whether its beginning was reached."""
        self._behind = ""
        """The line behind the growing word."""
        self._filled = 0
        """Syllables of that, and of the beginning."""
        self._opening, self._part, self._closing = "", end_word.encode(), ""
        """The growing word, and the signs before and behind it."""
        self._is_end, self._is_first = True, False
        """Whether the growing word is the line's last one, which grows no more, or its first one."""
        self._between = False
        """Whether the line has just said how many syllables are left: then another word begins."""
        self._total: int | None = None
        """Syllables of the line if the growing word is complete; None if it cannot be."""
        self._close()

    @property
    def text(self) -> str:
        """The line as it is."""
        return self._line(self._part.decode(errors="replace"))

    @property
    def complete(self) -> bool:
        """Whether the growing word may be over here, and the line has not yet said so."""
        return self._total is not None and not self._between

    def remind(self, piece: Piece) -> int | None:
        """How many syllables are left, if a word is complete before `piece` and the line says so there."""
        total = self._total
        if self._between or total is None or self._is_first:
            return None
        ends = piece.kind == "left" or piece.spaced or (self._is_end and piece.kind == "newline")
        left = self.syllables - total
        if not ends or (left > NEAR_END and not self._is_end):
            return None
        self._between = True
        return left

    def take(self, piece: Piece) -> bool:
        """Take a piece, if it may come next."""
        if piece.kind == "newline":
            begun = self._is_first or self._is_end or bool(self.beginning)
            self.finished = begun and self._total == self.syllables
            return self.finished
        if piece.kind in ("other", "left"):
            return False
        if piece.spaced or self._between:
            return self._begin(piece)
        if self._is_end or self._closing:
            return not self._closing and self._take_closing(piece)
        if piece.kind == "word":
            return self._take_letters(piece.text)
        return self._take_closing(piece) if self._part else self._take_opening(piece)

    def _begin(self, piece: Piece) -> bool:
        """Another word, before the one that is complete; without a space, the line's first."""
        total, first = self._total, not piece.spaced
        if total is None or self._is_first or (first and (self.beginning or self.syllables - total > NEAR_END)):
            return False
        behind = self._line(self._part.decode(), whole=False)
        if piece.kind == "sign":
            if not piece.opens or (total == self.syllables and not self._melts(behind)):
                return False
            opening, part = piece.text.decode(), b""
        elif self._fits(piece.text, behind, total, first=first):
            opening, part = "", piece.text
        else:
            return False
        self._opening, self._part, self._closing = opening, part, ""
        self._behind, self._filled = behind, total
        self._is_end, self._is_first, self._between = False, first, False
        self._close()
        return True

    def _take_opening(self, piece: Piece) -> bool:
        if not piece.opens or len(self._opening) == MOST_SIGNS:
            return False
        self._opening += piece.text.decode()
        return True

    def _take_closing(self, piece: Piece) -> bool:
        if self._total is None:
            return False
        hyphen = piece.text == HYPHEN.encode() and not self._is_end and self._behind[:1].isalpha()
        if not piece.closes and not hyphen:
            return False
        self._closing = piece.text.decode()
        self._close()
        return self.complete

    def _take_letters(self, letters: bytes) -> bool:
        grown = self._part + letters
        if self._part and not _is_lower(letters):
            return False
        if not self._fits(grown, self._behind, self._filled, first=self._is_first):
            return False
        self._part = grown
        self._close()
        return True

    def _fits(self, beginning: bytes, behind: str, filled: int, *, first: bool) -> bool:
        """Whether a word that begins so may stand before what is behind it."""
        word, rest = _parted(beginning)
        words = self.grammar.words
        if words is None:
            return "�" not in word
        exact = word.encode() + rest
        if not words.begins(exact):
            return False
        room = self.syllables - filled
        if room >= ROOM and not first:
            return True
        possible = words.beginning(exact, COUNTED) if room else words.short(exact)
        return possible is None or any(self._suits(self._count(each, behind), first=first) for each in possible)

    def _suits(self, total: int, *, first: bool) -> bool:
        """Whether a line may have so many syllables, with its first word or without."""
        return total == self.syllables if first else total <= self.syllables

    def _close(self) -> None:
        """Count the line with the growing word, if it can be complete."""
        self._total = None
        try:
            word = self._part.decode().translate(_APOSTROPHES).lower()
        except UnicodeDecodeError:
            return  # in the middle of a letter
        words = self.grammar.words
        if not word or (not self._is_end and (word == self.end_word or (words is not None and word not in words))):
            return
        said = f"{self._opening}{word}{self._closing}"
        if self._joins(said) and self._behind and not self._suits_joined(said[-1], self._behind[0]):
            return
        total = self._count(said, self._behind)
        if self._suits(total, first=self._is_first) and (total < self.syllables or self._may_be_full(said)):
            self._total = total

    def _may_be_full(self, said: str) -> bool:
        """Whether no syllable has to be left behind this word."""
        done = self._is_end or self._is_first or bool(self.beginning)
        return done or self._melts(self._before(said, self._behind))

    def _melts(self, behind: str) -> bool:
        """Whether a line that is full may still begin with a word that melts into it."""
        melting = _MELTING[self.grammar.language]
        return bool(melting) and self._count(melting, behind) == self.syllables

    def _suits_joined(self, last: str, behind: str) -> bool:
        """Whether a word that ends so may stand before this letter without a space; an elided one, before a vowel."""
        return behind.isalpha() if last == HYPHEN else behind.lower() in _VOWELS

    def _line(self, word: str, *, whole: bool = True) -> str:
        """The line with a growing word; its beginning as well, if `whole`."""
        text = self._before(f"{self._opening}{word}{self._closing}", self._behind)
        return self._before(self.beginning, text) if whole else text

    def _count(self, word: str, behind: str) -> int:
        """Syllables of the line with this word."""
        text = self._before(self.beginning, self._before(word, behind))
        return analyse(text, self.grammar.language).syllables

    def _before(self, word: str, behind: str) -> str:
        space = " " if word and behind and not self._joins(word) else ""
        return f"{word}{space}{behind}"

    def _joins(self, word: str) -> bool:
        """Whether a word stands before the next without a space."""
        return word.endswith(HYPHEN) or (self.grammar.language == "fr" and word.endswith(tuple(APOSTROPHES)))


def _parted(word: bytes) -> tuple[str, bytes]:
    """A word in lower case, and the letter at its end that has only begun."""
    text, length = codecs.utf_8_decode(word, "replace")
    return text.translate(_APOSTROPHES).lower(), word[length:]


def _is_lower(word: bytes) -> bool:
    text = word.decode(errors="ignore")
    return text == text.lower()

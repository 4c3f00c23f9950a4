"""The words of a text, as copies are told by: case, punctuation and line ends do not count, headings are no words."""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

# Letters and digits of all scripts, accents that stand apart from their letters, apostrophes within (pa'l, l'amour).
_WORD = re.compile(r"\w[\w\u0300-\u036f]*(?:'\w[\w\u0300-\u036f]*)*")

# A line that is nothing but a heading: [Coro].
_HEADING = re.compile(r"^[^\S\n]*\[[^\[\]\n]+\][^\S\n]*$", re.MULTILINE)

# One character for one, so that offsets stay: "_" marks emphasis in old files, and apostrophes are many.
APOSTROPHES = "'’ʼ‘"
_PLAIN = str.maketrans(APOSTROPHES + "_", "'" * len(APOSTROPHES) + " ")


class Word(NamedTuple):
    """A word and where it stands."""

    text: str
    """Folded: two words are the same if these are equal."""
    start: int
    """Its first character in the text that it was found in."""
    end: int
    """Behind its last."""


def words(text: str) -> list[Word]:
    """The words of a text in their order. Each line gives its own, whatever the others are."""
    plain = _without_headings(text).translate(_PLAIN)
    found = list(_WORD.finditer(plain))
    said = _fold(match[0] for match in found)
    return [Word(text, match.start(), match.end()) for text, match in zip(said, found, strict=True)]


def folded_words(text: str) -> list[str]:
    """The same without places, in less time."""
    return _fold(_WORD.findall(_without_headings(text).translate(_PLAIN)))


def _fold(words: Iterable[str]) -> list[str]:
    """Lower case, and one spelling of accented letters; all at once, which takes a fifth of the time."""
    # Folding may take a letter apart; NFC before it, since what looks like one letter may be two.
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", "\n".join(words)).casefold())
    return folded.split("\n") if folded else []


def _without_headings(text: str) -> str:
    return _HEADING.sub(lambda heading: " " * len(heading[0]), text) if "[" in text else text

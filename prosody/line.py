"""What every language's analysis gives for one verse line."""

from dataclasses import dataclass
from typing import Literal

from core.errors import UserError

Language = Literal["es", "fr", "en"]
Kind = Literal["consonant", "assonant"]

LANGUAGES: dict[Language, str] = {"es": "Spanish", "fr": "French", "en": "English"}


@dataclass(frozen=True, slots=True)
class Licence:
    """A way of speaking the line that changes its count, and that poets allow themselves."""

    name: str
    """The field's word: hiatus, synalepha, diaeresis, syneresis, caesura, mute e, elision …"""
    place: str
    """The words or letters of the line where it would be taken."""
    change: int
    """Syllables it adds; negative, if it takes some away."""


@dataclass(frozen=True, slots=True)
class Line:
    """One verse line: its length, and the sound that it ends on."""

    text: str
    words: tuple[str, ...]
    """The line's words as it spells them, in lower case."""
    syllables: int
    """The natural count, as verse counts: no licence taken."""
    licences: tuple[Licence, ...]
    stress: int
    """The stressed syllable of the last word, counted from the end: 1 oxytone (French: masculine), 2 paroxytone …"""
    consonant: str
    """Full rhyme: two lines rhyme if their keys are equal. Empty for a line without words."""
    assonant: str
    """The same for the vowels alone. Empty where the language knows no assonance."""

    @property
    def last_word(self) -> str:
        """The word that rhymes, in lower case; empty for a line without words."""
        return self.words[-1] if self.words else ""

    @property
    def possible_counts(self) -> range:
        """Every length that the line can be given: each licence may be taken or left."""
        changes = [licence.change for licence in self.licences]
        shortest = self.syllables + sum(change for change in changes if change < 0)
        longest = self.syllables + sum(change for change in changes if change > 0)
        return range(shortest, longest + 1)


def known_language(name: str) -> Language:
    """The language of a two-letter code.

    Raises:
        UserError: nobody has taught us this language.
    """
    for code in LANGUAGES:
        if name.lower() == code:
            return code
    known = ", ".join(f"{code} ({english})" for code, english in LANGUAGES.items())
    raise UserError(f"no verse analysis for language {name!r}", f"one of {known}")

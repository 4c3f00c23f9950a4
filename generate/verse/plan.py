"""What is asked of a poem and its lines, and how far its rhymes have come."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from generate.verse.rhyme_words import Ending
from prosody.form import Form, Verse
from prosody.structure import Section


@dataclass(frozen=True)
class ComposedLine:
    """A line that stays."""

    text: str
    """Empty between stanzas and sections; a heading in brackets."""
    verse: Verse | None = None
    """What was asked of it; None for what is no verse."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a poem is to be."""

    form: Form
    stanzas: int = 1
    """Of a form of one stanza, in each section."""
    structure: tuple[Section, ...] = ()
    known_words: bool = True
    """Only words that the model has learnt from, and the prompt's."""


@dataclass
class Rhyme:
    """A rhyme of the poem, as far as it has come."""

    left: int
    """Lines that are still to end on it."""
    assonant: bool
    endings: list[Ending] = field(default_factory=list[Ending])

    @property
    def key(self) -> str:
        """The sound that is asked; empty before the first line."""
        return self.endings[0].key(assonant=self.assonant) if self.endings else ""


def rhymes_of(verses: Sequence[Verse]) -> dict[str, Rhyme]:
    """The rhymes of verses, none begun yet."""
    rhymes: dict[str, Rhyme] = {}
    for verse in verses:
        if verse.rhyme is not None:
            rhymes.setdefault(verse.rhyme, Rhyme(0, verse.assonant)).left += 1
    return rhymes


def heading(section: Section, structure: tuple[Section, ...]) -> str:
    """[Coro]; [Verso 2], where there are several."""
    several = sum(other.name == section.name and other.repeats is None for other in structure) > 1
    return f"[{section.name.capitalize()}{f' {section.number}' if several else ''}]"


def why_not(verse: Verse, rhyme: Rhyme | None, words: list[str], prompt: str) -> str:
    """What could not be satisfied in a line that begins with `prompt`."""
    if rhyme is not None and rhyme.endings:
        asked = f" that rhymes with {rhyme.endings[0].word}"
        return f"nothing of {verse.syllables} syllables{asked} was found" if words else f"no other word{asked}"
    if rhyme is not None and not words:
        return f"no word has {rhyme.left - 1} other{'s' * (rhyme.left > 2)} to rhyme with"
    begun = f" that begins with “{prompt}”" if prompt else ""
    return f"nothing of {verse.syllables} syllables{begun} was found"

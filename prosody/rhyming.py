"""Rhyme between lines, in every language that has an analysis."""

import importlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

from prosody.line import Kind, Language, Line, known_language

_MODULES: dict[Language, str] = {"es": "prosody.spanish", "fr": "prosody.french", "en": "prosody.english"}

# Capital and small forms differ, and none looks like another.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZΓΔΘΛΞΠΣΦΨΩБГДЖЗИЛПФЦЧШЭЮЯ"
UNRHYMED = "-"
HEARD = 40  # lines after which nobody hears a rhyme any more, not in the longest romance


@dataclass(frozen=True, slots=True)
class Rhyme:
    """What two lines have in common at their ends."""

    kind: Kind | None
    same_word: bool
    """Both end on one word: it sounds alike, but is a repetition."""


class _Analysis(Protocol):
    def words_of(self, line: str) -> tuple[str, ...]: ...
    def analyse(self, line: str) -> Line: ...


class _Judgement(Protocol):
    def rhymes(self, a: Line, b: Line) -> Kind | None: ...


def words_of(line: str, language: str) -> tuple[str, ...]:
    """The words that `analyse` finds in a line, without the rest, which takes longer.

    Raises:
        UserError: as `analyse`.
    """
    return _analysis(known_language(language)).words_of(unicodedata.normalize("NFC", line))


def analyse(line: str, language: str) -> Line:
    """Syllables and rhyme of one verse line; `language` is es, fr or en.

    Raises:
        UserError: an unknown language, or a package that its analysis needs is missing.
    """
    # A letter and its accent may come as two characters, which would end the word between them.
    return _analysis(known_language(language)).analyse(unicodedata.normalize("NFC", line))


def rhyme(a: str | Line, b: str | Line, language: str) -> Rhyme:
    """How two lines rhyme; analysed lines save the time of doing it again.

    Raises:
        UserError: as `analyse`.
    """
    first = a if isinstance(a, Line) else analyse(a, language)
    second = b if isinstance(b, Line) else analyse(b, language)
    same = bool(first.last_word) and first.last_word == second.last_word
    return Rhyme(rhyme_kind(first, second, language), same)


def rhyme_kind(a: Line, b: Line, language: str) -> Kind | None:
    """The stronger of the rhymes that two analysed lines have, or None."""
    module = _analysis(known_language(language))
    # A language may know more of a pair than two keys tell.
    if hasattr(module, "rhymes"):
        return cast("_Judgement", module).rhymes(a, b)
    if a.consonant and a.consonant == b.consonant:
        return "consonant"
    if a.assonant and a.assonant == b.assonant:
        return "assonant"
    return None


def scheme(lines: Sequence[str | Line], language: str) -> str:
    """The rhyme scheme of a stanza or a poem, a character for each line.

    Capitals rhyme in full, small letters in their vowels, "-" rhymes with nothing. Lines that rhyme in full do not
    count as assonant with others, except where a line without a rhyme of its own falls in with them, all at an even
    distance, as in a romance.

    Raises:
        UserError: as `analyse`.
    """
    analysed = [line if isinstance(line, Line) else analyse(line, language) for line in lines]
    classes = _full_rhymes(analysed, language)
    assonant = _add_assonances(analysed, classes, language)
    sizes = Counter(classes)
    letters: dict[int, str] = {}
    result = ""
    for index, line in enumerate(analysed):
        own = classes[index]
        if not line.words or sizes[own] == 1:
            result += UNRHYMED
            continue
        letter = letters.setdefault(own, LETTERS[len(letters) % len(LETTERS)])
        result += letter.lower() if own in assonant else letter
    return result


def _full_rhymes(lines: Sequence[Line], language: str) -> list[int]:
    """The class of each line: the first line that it rhymes with in full."""
    classes: list[int] = []
    for index, line in enumerate(lines):
        # The nearest rhyme is the one that the ear hears.
        near = reversed(range(max(0, index - HEARD), index))
        partner = next((j for j in near if rhyme_kind(lines[j], line, language) == "consonant"), None)
        classes.append(index if partner is None else classes[partner])
    return classes


def _add_assonances(lines: Sequence[Line], classes: list[int], language: str) -> set[int]:
    """Join lines left alone to those they are assonant with, in place; the classes that are assonant now."""
    sizes = Counter(classes)
    alone = {index for index, own in enumerate(classes) if sizes[own] == 1}
    assonant: set[int] = set()
    for index in sorted(alone):
        for other in reversed(range(max(0, index - HEARD), min(len(lines), index + HEARD))):
            if classes[other] == classes[index]:
                continue
            members = (place for place, own in enumerate(classes) if own == classes[other])
            if other not in alone and any((place - index) % 2 for place in members):
                continue
            if rhyme_kind(lines[index], lines[other], language) != "assonant":
                continue
            old, new = sorted((classes[index], classes[other]), reverse=True)
            classes[:] = [new if own == old else own for own in classes]
            assonant.discard(old)
            assonant.add(new)
    return assonant


@cache
def _analysis(language: Language) -> _Analysis:
    # On first use: a verse in Spanish must not wait for an English dictionary, nor fail without it.
    return cast("_Analysis", importlib.import_module(_MODULES[language]))

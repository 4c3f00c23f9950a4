"""Where a line goes against the rhythm that verse of its length and language has.

Spanish: lines of eleven are stressed on the sixth syllable, or on the fourth and the seventh or eighth (Navarro Tomás,
*Métrica española*). French: an alexandrine rests behind its sixth syllable, a line of ten behind its fourth, fifth or
sixth (Grammont, *Petit traité de versification française*). English: feet of two or three syllables, counted back from
the last stress; a word's own stress falls on a beat, but for the first word's, and an article does not (Attridge, *The
Rhythms of English Poetry*). Other lines are free.
"""

import re
from collections.abc import Iterator

from prosody.english import sound
from prosody.english_words import pronounce, vowels
from prosody.line import Language, Line
from prosody.rhyming import analyse
from prosody.spanish import UNSTRESSED

# Syllables of a foot, in English.
FEET = (2, 3)

_CAESURAS: dict[Language, dict[int, tuple[int, ...]]] = {
    "es": {14: (7,)},
    "fr": {12: (6,), 10: (4, 5, 6)},
    "en": {},
}
# Words behind which nobody rests.
_LEANING = """
le la les un une de du des au aux ce cet cette ces mon ton son ma ta sa mes tes ses notre votre leur nos vos leurs
je tu il on que qui et ou ni à en dans par pour sur sous sans chez vers si ne me te se y dont où plus très
"""
_FRENCH_LEANING = frozenset(_LEANING.split())
_ARTICLES = frozenset(("the", "a", "an"))
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*['’]?")


def stumbles(line: Line, language: Language, foot: int = 2) -> int:
    """How often the line goes against its rhythm; in English, of so many syllables to a `foot`."""
    if language == "en":
        return _off_the_beat(line, foot)
    caesuras = _CAESURAS[language].get(line.syllables)
    if caesuras is not None:
        return int(not any(_rests_at(line, place, language) for place in caesuras))
    if language == "es" and line.syllables == 11:
        stresses = set(_spanish_stresses(line))
        return int(6 not in stresses and not (4 in stresses and stresses & {7, 8}))
    return 0


def _prefixes(line: Line) -> Iterator[tuple[str, str]]:
    """The line up to each of its words' ends, but the last's, and what follows."""
    for match in list(_WORD.finditer(line.text))[:-1]:
        yield line.text[: match.end()], line.text[match.end() :]


def _rests_at(line: Line, place: int, language: Language) -> bool:
    for prefix, rest in _prefixes(line):
        first = analyse(prefix, language)
        if first.syllables != place or first.text[-1] in "'’":
            continue
        if first.last_word in (UNSTRESSED if language == "es" else _FRENCH_LEANING):
            continue
        # French: a mute e before the rest is lost there, or it would count in the second half.
        if analyse(rest, language).syllables == line.syllables - place:
            return True
    return False


def _spanish_stresses(line: Line) -> Iterator[int]:
    """The stressed syllables, counted from 1."""
    for prefix, _ in _prefixes(line):
        part = analyse(prefix, "es")
        # A line counts one syllable behind its last stress, whatever follows it.
        if part.last_word not in UNSTRESSED:
            yield part.syllables - 1


def _off_the_beat(line: Line, foot: int) -> int:
    if not line.words:
        return 0
    last = line.syllables - line.stress + 1
    at, found = 0, 0
    for word in line.words[:-1]:
        said = vowels(pronounce(word)[0])
        size = sound(word).syllables
        main = next((place for place, vowel in enumerate(said, 1) if vowel[-1] == "1"), 0)
        if size > 1 and 0 < main <= size:
            found += (last - at - main) % foot != 0 and at + main > 1
        elif word in _ARTICLES:
            found += (last - at - 1) % foot == 0
        at += size
    return found

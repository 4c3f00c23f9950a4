"""Spanish verse: syllables and rhyme, as Latin America speaks (seseo, yeísmo).

Words are read by spelling, which in Spanish says nearly all. A nucleus is the vowel of a syllable with its glides; a
line has as many syllables as nuclei, less the synalephas that join two words, and one more or less by the stress of
its last word (Navarro Tomás, *Métrica española*; Quilis, *Métrica española*). What poets do where the handbooks leave
a choice (hiatus before the last stress, verbs in -iar, vowels far from the stress) was counted in regular poems.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from prosody.line import Licence, Line
from prosody.spanish_words import Nucleus, nuclei_of, phonemes, stressed_nucleus

# Words said without stress: they lean on the next one.
_UNSTRESSED = """
a ante bajo con contra de del al desde en entre hacia hasta para por sin so tras el la lo los las un me te se nos os le
les mi mis tu tus su sus que y e ni o u si pues mas pero aunque porque como cuando donde cual don doña san fray sor
cuan tan nuestro nuestra nuestros nuestras vuestro vuestra vuestros vuestras conque sino
"""
UNSTRESSED = frozenset(_UNSTRESSED.split())
CONJUNCTIONS = frozenset("yeou")
# Two vowels stay apart before the last stress of a line ("la | hora"), but not after these.
JOINING = frozenset({"y", "de", "que", "como", "ni"})
# Long lines are sung in halves, each counted as a line.
HALVES = (7, 8)

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class Word(NamedTuple):
    """How a word sounds, as far as verse asks."""

    syllables: int
    stress: int
    """The stressed syllable from the end."""
    opening: str
    """The vowels that can join the word before; empty if a consonant stands first."""
    closing: str
    """The vowels that can join the word after."""
    consonant: str
    assonant: str
    licences: tuple[Licence, ...]
    last_licences: tuple[Licence, ...]
    """Those that are left at the end of a line, where what follows the stress counts one, whatever it is."""


def words_of(line: str) -> tuple[str, ...]:
    """The words, in lower case."""
    return tuple(_WORD.findall(line.lower()))


def analyse(line: str) -> Line:
    """Count and key a line of Spanish verse.

    Long lines that fall into two halves of seven or eight syllables are counted by halves (alexandrines).
    """
    words = words_of(line)
    if not words:
        return Line(line, (), 0, (), 0, "", "")
    sounds = [word_sound(word) for word in words]
    count, licences = _count(words, sounds)
    whole = _in_halves(words, sounds, count)
    if whole is not None:
        half, place = whole
        licences.append(Licence("caesura", place, count - 2 * half))
        count = 2 * half
    last = sounds[-1]
    return Line(line, words, count, tuple(licences), last.stress, last.consonant, last.assonant)


def _count(words: tuple[str, ...], sounds: list[Word]) -> tuple[int, list[Licence]]:
    """The count of a line, and what could change it."""
    end = len(sounds) - 1
    count = 2 - sounds[end].stress
    licences: list[Licence] = []
    closing = ""
    for index, sound in enumerate(sounds):
        count += sound.syllables
        licences += sound.licences if index < end else sound.last_licences
        if closing and sound.opening:
            place = f"{words[index - 1]} {words[index]}"
            if _joins(words, sounds, index, end):
                count -= 1
                licences.append(Licence("hiatus", place, 1))
            else:
                licences.append(Licence("synalepha", place, -1))
        closing = sound.closing
    return count, licences


def _joins(words: tuple[str, ...], sounds: list[Word], index: int, end: int) -> bool:
    """Whether the vowels where word `index` begins are one syllable with those before."""
    before, after = sounds[index - 1], sounds[index]
    closing = before.closing
    # "hoy es" is said ho-yes, and "canta y ama" canta-yama: the glide goes to the vowel that follows.
    if len(closing) > 1 and closing[-1] in "iu" and closing[-2] in "aeo":
        return False
    if index == end:
        final = after.stress == after.syllables and words[index] not in UNSTRESSED
        alike = before.stress > 1 and closing[-1] == after.opening[0]
        return not final or alike or words[index - 1] in JOINING
    return not (words[index] in CONJUNCTIONS and sounds[index + 1].opening)


def _in_halves(words: tuple[str, ...], sounds: list[Word], count: int) -> tuple[int, str] | None:
    """Half of the count, and the word before the caesura, where a line near 14 or 16 falls into equal halves."""
    for half in HALVES:
        if abs(count - 2 * half) != 1:
            continue
        for cut in range(2, len(words) - 1):
            if words[cut - 1] in UNSTRESSED and sounds[cut - 1].syllables == 1:
                continue
            if _fits(words[:cut], sounds[:cut], half) and _fits(words[cut:], sounds[cut:], half):
                return half, words[cut - 1]
    return None


def _fits(words: tuple[str, ...], sounds: list[Word], half: int) -> bool:
    """Whether half a line has the count, naturally or with a hiatus before its last stress ("la flecha de | oro")."""
    count = _count(words, sounds)[0]
    before, after = sounds[-2:]
    hiatus = before.closing and after.opening and after.stress == after.syllables and words[-1] not in UNSTRESSED
    return count == half or (
        bool(hiatus) and count + 1 == half and _joins(words, sounds, len(words) - 1, len(words) - 1)
    )


@lru_cache(maxsize=1 << 17)
def word_sound(word: str) -> Word:
    """How a word in lower case sounds."""
    letters = phonemes(word)
    nuclei = nuclei_of(letters)
    if not nuclei:
        # mm, pst, D.: said in one breath.
        return Word(1, 1, "", "", letters or word, "", (), ())
    at = stressed_nucleus(word, nuclei)
    merged, licences = _syneresis(word, nuclei, at)
    plain = letters.translate(_NO_ACCENTS)
    tail = plain[nuclei[at].core :].replace("·", "")
    assonant = plain[nuclei[at].core]
    if at < len(nuclei) - 1:
        assonant += plain[nuclei[-1].core].replace("i", "e").replace("u", "o")
    first, last = nuclei[0], nuclei[-1]
    opening = plain[: first.end] if first.start == 0 else ""
    if opening[:1] in ("i", "u") and opening[1:2] in ("a", "e", "o"):
        opening = ""  # hierba, hueso: the glide is a consonant there
    closing = plain[last.start : last.end] if last.end == len(letters) else ""
    behind = sum(1 for index in merged if index > at)
    return Word(
        syllables=len(nuclei) - len(merged),
        stress=len(nuclei) - at - behind,
        opening=opening,
        closing=closing,
        consonant=tail,
        assonant=assonant,
        licences=tuple(licence for _, licence in licences),
        last_licences=tuple(licence for index, licence in licences if index <= at),
    )


_NO_ACCENTS = str.maketrans("áéíóú", "aeiou")


def _syneresis(word: str, nuclei: list[Nucleus], at: int) -> tuple[list[int], list[tuple[int, Licence]]]:
    """The nuclei that natural speech joins to the one before; and the word's licences, each with its nucleus."""
    merged: list[int] = []
    licences: list[tuple[int, Licence]] = []
    for index, nucleus in enumerate(nuclei):
        if index and nucleus.follows and nucleus.strong:
            before = nuclei[index - 1]
            pair = before.vowel + nucleus.vowel
            # línea, héroe; realidad, ahogar: far from the stress two vowels are said as one. Poesía keeps them apart.
            far = index - 1 > at or (index < at and pair != "oe") or pair == "aa"
            if before.strong and far:
                merged.append(index)
                licences.append((index, Licence("diaeresis", word, 1)))
            elif before.strong or before.accent:
                # Poeta; and había, which country singers say in two.
                licences.append((index, Licence("syneresis", word, -1)))
        if nucleus.divisible:
            licences.append((index, Licence("diaeresis", word, 1)))
    return merged, licences

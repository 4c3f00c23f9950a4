"""English verse: syllables, and rhyme by sound and by tradition.

Two words rhyme if they sound alike from their last stress on. Verse promotes the last syllable of a word like memory,
which then rhymes with free. Printed verse also passes on rhymes that have drifted apart in speech (love and prove, far
and war, memory and sky): `rhymes` accepts them when it reads; keys, which serve to write, stand for sound alone.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from prosody.english_words import Phones, is_known, last_stress, pronounce, vowels
from prosody.line import Kind, Licence, Line

_WORD = re.compile(r"'?[^\W\d_]+(?:'[^\W\d_]+)*'?")
_APOSTROPHES = str.maketrans("’ʼ‘", "'''")

# Differences that do not hinder a rhyme.
_ALIKE = [
    (re.compile(pattern), sound)
    for pattern, sound in [
        (r"\b(?:IH|EH|UH)0", "AH"),
        (r"\d", ""),
        (r"\bIH R", "IY R"),
        (r"\bA([WY]) ER", r"A\1 R"),
        (r"\bAO(?! R)", "AA"),
    ]
]
# A promoted syllable gets back the vowel that its spelling shows: happiness, innocence, wonderful.
_FULL_VOWELS = {"a": "AE", "e": "EH", "i": "IH", "o": "AA", "u": "AH"}
_LAST_VOWEL = re.compile("([aeiou])[^aeiouy]+e?s?$")

# Vowels, r included, that rhymed once, or rhyme to the eye: own and on, given and heaven, good and mood, there and
# fear, love and move, far and war, heard and barred, over and lover; s and z.
_TRADITION = [("OW", "AA"), ("IH", "EH"), ("UH", "UW"), ("IY R", "EH R"), ("UW", "AH"), ("UH", "AH"), ("AA R", "AO R"),
              ("ER", "AA R"), ("AH", "OW"), ("OY", "AY"), ("AH NG", "AA NG")]  # fmt: skip
_ELIDED = frozenset(("the", "to"))
_ONE_SYLLABLE = re.compile("[iy]re|oir|our|ower|iery")
_WEAK = frozenset(("AH0", "ER0", "IH0", "IY0"))
_SYNCOPE = re.compile("(?:hea|gi|dri)ven|(?<!^e)[^aeiou](?:en|on)ing$")
_VOWEL = re.compile(r"\b[AEIOU]")
_SPELT_RIME = re.compile("[aeiouy]{1,3}[^aeiouy]+(?:es?)?$")


class Sound(NamedTuple):
    """How a word sounds, as far as verse asks."""

    syllables: int
    stress: int
    keys: tuple[str, ...]
    """What it rhymes on, for each way it is said; of a promoted word, its last syllable first."""
    tradition: frozenset[str]
    """The keys that it is allowed to rhyme with."""
    spelt: str
    """The letters it rhymes on to the eye; empty where its last syllable has no stress."""
    opens_with_vowel: bool
    licences: tuple[Licence, ...]


def words_of(line: str) -> tuple[str, ...]:
    """The words, in lower case."""
    text = unicodedata.normalize("NFC", line).lower().translate(_APOSTROPHES)
    return tuple(_without_quotes(word) for word in _WORD.findall(text))


def analyse(line: str) -> Line:
    """Syllables and rhyme of one verse line.

    Raises:
        UserError: the package with the pronouncing dictionary is not installed.
    """
    words = words_of(line)
    if not words:
        return Line(line, (), 0, (), 1, "", "")
    sounds = [sound(word) for word in words]
    syllables = sum(each.syllables for each in sounds)
    licences = [licence for each in sounds for licence in each.licences]
    for (word, following), (one, other) in zip(pairwise(words), pairwise(sounds), strict=True):
        if word == "many" and following in ("a", "an"):
            syllables -= 1
            continue
        if other.opens_with_vowel and (word in _ELIDED or (one.syllables > 1 and word.endswith("y"))):
            licences.append(Licence("elision", f"{word} {following}", -1))
    return Line(line, words, syllables, tuple(licences), sounds[-1].stress, sounds[-1].keys[0], "")


def rhymes(a: Line, b: Line) -> Kind | None:
    """Full rhyme ("consonant"), by sound or by tradition, or none: English verse knows no assonance."""
    if not a.words or not b.words:
        return None
    ours, others = sound(a.last_word), sound(b.last_word)
    if not ours.tradition.isdisjoint(others.keys) or not others.tradition.isdisjoint(ours.keys):
        return "consonant"
    if ours.spelt and ours.spelt == others.spelt:
        return "consonant"
    return "consonant" if _mosaic_rhyme(a, others) or _mosaic_rhyme(b, ours) else None


@lru_cache(maxsize=1 << 17)
def sound(word: str) -> Sound:
    """How a word in lower case sounds."""
    said = pronounce(word)
    keys = tuple(_key(phones[last_stress(phones) :]) for phones in said)
    promoted = tuple(filter(None, (_promoted(phones, word) for phones in said)))
    tradition = {other for key in keys + promoted for other in _traditional(key)}
    # A promoted -y once rhymed with sky.
    tradition |= {key.replace("IY", "AY") for key in promoted if key.startswith("IY")}
    spelt = _SPELT_RIME.search(word)
    masculine = all(len(_VOWEL.findall(key)) == 1 for key in keys + promoted)
    counts = [len(vowels(phones)) - _contractions(phones, word) for phones in said]
    # The e of beloved and aged is said: where it is mute, verse drops it from the spelling.
    syllables = max(counts) if word.endswith("ed") else counts[0]
    licences = [Licence("diaeresis", word, 1)] * max(0, max(len(vowels(phones)) for phones in said) - syllables)
    if word.endswith("ed") and said[0][-2:-1] not in (("AH0",), ("IH0",)):
        licences.append(Licence("sounded -ed", word, 1))
    stress = next((place for place, vowel in enumerate(reversed(vowels(said[0])), 1) if vowel[-1] in "12"), 1)
    return Sound(
        syllables,
        stress,
        tuple(dict.fromkeys(promoted + keys)),
        frozenset(tradition),
        spelt[0] if spelt and masculine else "",
        said[0][0][-1].isdigit(),
        tuple(licences),
    )


def _contractions(phones: Phones, word: str) -> int:
    """Syllables that verse saves: fire and power; glorious, usual, memory and trembling; heaven and opening."""
    saved, fresh = 0, True
    for one, other, third in zip(phones, phones[1:], (*phones[2:], ""), strict=False):
        if one[:2] in ("AY", "AW"):
            joined = other == "ER0" and _ONE_SYLLABLE.search(word) is not None
        elif one in ("IY0", "UW0", "OW0", "ER0"):
            joined = other in _WEAK
        else:
            joined = one == "AH0" and third in {"R": _WEAK, "L": ("IH0", "ER0")}.get(other, ())
        # Of three vowels only two become one: fiery.
        fresh = not (joined and fresh)
        saved += not fresh
    return saved + (_SYNCOPE.search(word) is not None)


def _key(phones: Phones) -> str:
    key = " ".join(phones)
    for pattern, merged in _ALIKE:
        key = pattern.sub(merged, key)
    return key


def _promoted(phones: Phones, word: str) -> str:
    """The key of a last syllable that verse stresses, two after the word's own stress; else empty."""
    if [vowel[-1] for vowel in vowels(phones)[-2:]] != ["0", "0"] or len(vowels(phones)) < 3:
        return ""
    place = max(place for place, phone in enumerate(phones) if phone[-1].isdigit())
    vowel, written = phones[place][:-1], _LAST_VOWEL.search(word)
    if vowel == "AH" and written:
        vowel = "AO" if word.endswith("al") else "UH" if word.endswith("ful") else _FULL_VOWELS[written[1]]
    return _key((vowel + "1", *phones[place + 1 :]))


def _traditional(key: str) -> set[str]:
    """The keys that a key may rhyme with."""
    found = {key}
    if key[-1] in "SZ":
        found.add(key[:-1] + ("Z" if key[-1] == "S" else "S"))
    for first, second in _TRADITION:
        for one, other in ((first, second), (second, first)):
            # A bare vowel is all there is to hear; with an r or ng it is more.
            if key.startswith(one) and (key != one or " " in one + other):
                found.add(other + key.removeprefix(one))
    return found


def _mosaic_rhyme(line: Line, other: Sound) -> bool:
    """Whether the last two words of a line together, the second without stress, rhyme: meant a, with Brenta."""
    if len(line.words) < 2 or sound(line.last_word).syllables != 1 or other.syllables == 1:
        return False
    # Without stress, her loses its h: leave her, with fever.
    last = [phone.replace("1", "0") for phone in pronounce(line.last_word)[0] if phone != "HH"]
    return any(_key((*said[last_stress(said) :], *last)) in other.keys for said in pronounce(line.words[-2]))


@lru_cache(maxsize=1 << 17)
def _without_quotes(word: str) -> str:
    """The word without apostrophes that are quotation marks, not letters left out."""
    for plain in (word, word.removeprefix("'"), word.removesuffix("'"), word.strip("'")):
        if is_known(plain):
            return plain
    return word

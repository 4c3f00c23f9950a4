"""How French words end, in phonemes: the frhyme package, which learnt it from Lexique, a lexicon of 140,000 words."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from core.errors import UserError

# In frhyme's alphabet an, on, in and un are # $ ) (, the two eu 2 and 9, the u of lui 8, a mute e °.
NASAL = "#$)("
_KNOWN_LETTERS = re.compile("[^a-zàâäçéèêëîïôöùûüÿ]")

# Spellings that frhyme does not know, most of them of the sixteenth century: doulce, yeulx, nuictz, loy, amye, maistre.
_MODERN = [
    (re.compile(pattern), modern)
    for pattern, modern in [
        ("ë(?=[tm])", "è"),
        ("ul(?=[cx])", "u"),
        ("(?<=[ui])ct", "t"),
        ("(?<=n)ct", "t"),
        ("(?<=u)b(?=te)", ""),
        ("(?<=[^aeéè])z$", "s"),
        ("(?<=[aou])y(?=$|[tr]|s$)(?<!pay)", "i"),
        ("(?<=[^aeiouéq])y(?=e?s?$)", "i"),
        ("(?<=[ao])is(?=t)", "î"),
        ("cueur", "coeur"),
        ("^estre|(?<=[nv])estre|(?<=[pn][rc])estre|(?<=champ)estre", "être"),
    ]
]


@lru_cache(maxsize=1)
def _frhyme() -> Any:
    try:
        import frhyme
    except ModuleNotFoundError as error:
        raise UserError("French verse needs the package frhyme", "pip install frhyme") from error
    return frhyme


@lru_cache(maxsize=1 << 17)
def endings(word: str) -> tuple[str, ...]:
    """The last few phonemes of a word in lower case, likeliest first; empty if it has no French letter.

    Raises:
        UserError: frhyme is not installed.
    """
    # œ is not in its index; a letter it never met at a word's end would have it walk the whole index.
    for pattern, modern in _MODERN:
        word = pattern.sub(modern, word)
    letters = _KNOWN_LETTERS.sub("", word.replace("œ", "oe").replace("æ", "e"))
    return tuple(phonemes for _, phonemes in _frhyme().lookup(letters)) if letters else ()


def ends_in_silent_ent(word: str) -> bool:
    """Whether the last syllable of a word in -ent is mute, as in chantent, not in moment.

    Of words that are both (content, couvent) the noun or adjective is the one that verse uses.
    """
    return not any(phonemes[-1] in NASAL for phonemes in endings(word))


# Before a consonant e and è, o and ô, the two eu are not told apart; at a word's end é and è are.
_MERGED = str.maketrans({"E": "e", "O": "o", "9": "2"})
_ALIKE = str.maketrans({"O": "o", "9": "2", "@": "2", "(": ")"})
_OI = re.compile("o(?:[iîyê]|ell)[^aiou]*$")  # oi and oin rhyme among themselves alone
_RIME = re.compile("([^aeiouy2#$)E]?)([aeiouy2#$)E])([^aeiouy2#$)E]*)$")


class Rime(NamedTuple):
    """What a word rhymes on."""

    full: str
    vowel: str
    """The same without the consonant before, which words on the vowels of aimé and parti need."""


@lru_cache(maxsize=1 << 17)
def rimes(word: str) -> tuple[Rime, ...]:
    """The rimes of a word in lower case, the likeliest first; empty if it has no letter."""
    found: list[Rime] = []
    for phonemes in endings(word)[:2]:
        match = _RIME.search(phonemes.rstrip("°").translate(_ALIKE))
        if not match:
            continue
        support, vowel, coda = match.groups()
        if support == "w" and _OI.search(word):
            vowel = support + vowel
        if coda:
            vowel = vowel.translate(_MERGED)
        found.append(Rime((support if vowel in ("e", "i") and not coda else "") + vowel + coda, vowel + coda))
    # frhyme keeps so little of a few words (dextre) that no vowel is left.
    return tuple(dict.fromkeys(found)) or ((Rime(word[-4:], word[-4:]),) if word else ())

"""Spanish rhyme as far as spelling shows it: enough to check verses that were written to rhyme."""

import re
import unicodedata

SILENT_U = re.compile("(?<=[qg])u(?=[eiéí])")
NUCLEUS = re.compile("[iuü]?[aeoáéó](?:[iu](?![aeoáéíóú])|y(?![a-z]))?|[íú]|[iuü]{1,2}|y(?![a-z])")


def last_word(line: str) -> str:
    """The word that a verse ends on."""
    return re.findall(r"[^\W\d_]+", line.lower())[-1]


def rhyme_part(word: str) -> str:
    """A word from its last stressed vowel on, letters that sound alike made one (seseo, yeísmo)."""
    word = SILENT_U.sub("", word.lower())
    nuclei = list(NUCLEUS.finditer(word))
    accented = [n for n in nuclei if re.search("[áéíóú]", n[0])]
    plain = len(nuclei) > 1 and re.search("[aeiouáéíóúns]$", word)
    stressed = accented[-1] if accented else nuclei[-2 if plain else -1]
    vowel = re.search("[áéíóú]", stressed[0]) or re.search("[aeo]", stressed[0]) or re.search("[iuüy]$", stressed[0])
    assert vowel, word
    tail = unicodedata.normalize("NFD", word[stressed.start() + vowel.start() :])
    tail = re.sub("[\u0301\u0308h]", "", tail).replace("v", "b").replace("ll", "y").replace("z", "s")
    return re.sub("y$", "i", re.sub("c(?=[ei])", "s", tail))


def assonance(part: str) -> str:
    """The vowels of a rhyme that count: the stressed one, and the last syllable's; i and u sound as e and o there."""
    groups = re.findall("[aeiou]+", part)
    if len(groups) == 1:
        return groups[0][0]
    last = re.findall("[aeo]", groups[-1]) or groups[-1][-1]
    return groups[0][0] + last[0].replace("i", "e").replace("u", "o")

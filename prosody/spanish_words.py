"""The sounds of one Spanish word, from its spelling."""

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

# Keeps two vowels apart that would make one syllable.
APART = "·"

_VOWELS = "aeiouáéíóú"
_PAROXYTONE = re.compile("[aeiouïëüäö]h?[ns]?h?$")
_NUCLEUS = re.compile("[iu]?[aeoáéó](?:[iu](?![aeoáéóíúiu]))?|[iu]?[íú]|iu|ui|[iu]")

# Letters of other languages, without their marks; ç sounds as s.
_FOREIGN = {
    code: unicodedata.normalize("NFD", chr(code))[0]
    for code in range(0xE0, 0x180)
    if chr(code) not in "áéíóúñäëïöü" and unicodedata.decomposition(chr(code))
} | {ord("ç"): "s"}

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _rules(*pairs: tuple[str, str | Callable[[re.Match[str]], str]]) -> list[_Rule]:
    return [(re.compile(pattern), sound) for pattern, sound in pairs]


# From letters to sounds, in this order. One letter for each sound: ĉ is ch, j the sound of jota, y that of ll.
_SOUNDS = _rules(
    ("['’]", ""),
    # A poet's or an editor's diaeresis: süave, vïuda, ruïna, gloriöso.
    ("gü(?=[eiéí])", "gw"),
    ("(?<=[aeiouáéíóúü])(?=[äëïöü])|(?<=[äëïöü])(?=[aeiouáéíóú])", APART),
    ("ï", "i"),
    ("ü", "u"),
    ("ä", "a"),
    ("ë", "e"),
    ("ö", "o"),
    ("(?<=^m[eé])x(?=ic)|(?<=^oa)x(?=ac)|(?<=^te)x(?=a[sn])", "j"),
    ("g(?=[eiéí])", "j"),
    ("gu(?=[eiéí])", "g"),
    ("gw", "gu"),
    ("qu(?=[eiéí])|q", "k"),
    ("ch", "ĉ"),
    ("ph", "f"),
    ("s?c(?=[eiéí])|z|ss", "s"),
    ("c", "k"),
    ("^x|x(?=[^aeiouáéíóúh])", "s"),
    ("x", "ks"),
    ("(?<=[aeiouáéíóú])y(?![aeiouáéíóú])|^y$|(?<![aeiouáéíóú])y(?![aeiouáéíóú])", "i"),
    ("ll", "y"),
    ("v", "b"),
    ("n(?=[bp])", "m"),
    # Older spelling leaves out the accent of rehúsa, prohíbe, mohína.
    ("(?<=[aeo])hi(?=[^aeiouáéíóú]+[aeo]s?$)", "í"),
    ("(?<=[aeo])hu(?=[^aeiouáéíóú]+[aeo]s?$)", "ú"),
    ("h", ""),
)

# Two syllables where spelling shows one: the vowels were apart in Latin, or are so in the verb's other forms (fío,
# envío), and regular poems count them so.
_HIATUS = _rules(
    (
        "^((?:des)?(?:kri|(?:kom|kon)?fi|afi|ali|gi|embi|desbi|li|porfi|ampli|bari|estrabi|desafi|basi|espi))"
        "(?=a[bdr]|an[dtsk]|aste|amos|[áóé]|emos$)",
        rf"\1{APART}",
    ),
    ("^bri(?=os)|^kri(?=[oa])|^ri(?=endo)|^kru(?=el)|^influ(?=en)", lambda m: m[0] + APART),
    ("^kre(?=a)|^asa(?=ar)|^le(?=altad)", lambda m: m[0] + APART),
    # Verbs in -uir; but not ruido, cuida, fluido, fuimos.
    ("(?<!^r)(?<!fl)(?<!k)(?<!^f)u(?=[ií](?:r|do|da|dos|das|mos)$)|(?<=r)u(?=íd)|u(?=ía[ns]?$)", f"u{APART}"),
)

# And one where spelling shows two.
_DIPHTHONGS = _rules(("^aún$", "áun"), ("^aureol", "auriol"), ("^real(?=(?:es)?$)", "rial"))


class Nucleus(NamedTuple):
    """The vowels of one syllable; places count from the word's first sound."""

    start: int
    end: int
    core: int
    """Where the syllable's own vowel stands among its glides."""
    vowel: str
    """That vowel, without its accent."""
    accent: bool
    follows: bool
    """Whether it touches the nucleus before."""
    strong: bool
    """A lone a, e or o without an accent: what syneresis can join."""
    divisible: bool
    """A rising diphthong that poets divide; ie and ue are never divided, nor ua after k or g."""


def phonemes(word: str) -> str:
    """The sounds of a word in lower case, a letter each; the accents that are written stay."""
    word = unicodedata.normalize("NFC", word).translate(_FOREIGN)
    for pattern, sound in (*_SOUNDS, *_HIATUS, *_DIPHTHONGS):
        word = pattern.sub(sound, word)
    return word


def nuclei_of(letters: str) -> list[Nucleus]:
    """The nuclei of a word's sounds."""
    nuclei: list[Nucleus] = []
    end = -1
    for match in _NUCLEUS.finditer(letters):
        text = match[0]
        accent = re.search("[áéíóú]", text)
        strong = re.search("[aeo]", text)
        core = accent or strong
        offset = core.start() if core else len(text) - 1
        before = letters[match.start() - 1] if match.start() else ""
        rising = len(text) > 1 and offset > 0 and text[offset] not in "eé"
        nuclei.append(
            Nucleus(
                start=match.start(),
                end=match.end(),
                core=match.start() + offset,
                vowel=unicodedata.normalize("NFD", text[offset])[0],
                accent=accent is not None,
                follows=match.start() == end,
                strong=strong is not None and len(text) == 1,
                divisible=rising and not (text[0] == "u" and before in ("k", "g")),
            )
        )
        end = match.end()
    return nuclei


def stressed_nucleus(word: str, nuclei: list[Nucleus]) -> int:
    """The index of the nucleus that bears the stress."""
    accented = [index for index, nucleus in enumerate(nuclei) if nucleus.accent]
    # An adverb keeps its adjective's accent (fácilmente), but rhymes on -ente.
    if accented and not (word.endswith("mente") and len(nuclei) > 3):
        return accented[-1]
    paroxytone = _PAROXYTONE.search(word)
    return max(len(nuclei) - 2, 0) if paroxytone else len(nuclei) - 1

"""How much verse there is in songs: rhymes, lines of one length, forms with a name."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prosody import scheme
from prosody.checking import analyse_verses, split_stanzas
from prosody.line import Line
from prosody.recognition import recognise
from prosody.rhyming import UNRHYMED

Stanzas = list[list[Line]]


@dataclass(frozen=True)
class VerseFigures:
    """Of all lines together; shares from 0 to 1."""

    lines: int
    songs: int
    rhymed: float
    """Lines that rhyme with another of their stanza, one that ends on another word."""
    fully: float
    """Lines that rhyme in full, and not in their vowels alone."""
    by_chance: float
    """`rhymed`, were the same lines shuffled."""
    regular: float
    """Lines with as many syllables as most of their song."""
    syllables: Counter[int]
    """Lines of each length."""
    forms: Counter[str]
    """Songs that keep each form with a name."""


def verse_figures(texts: Sequence[str], language: str, seed: int = 1) -> VerseFigures | None:
    """Analyse songs; None where no line has a word.

    Raises:
        UserError: as `prosody.analyse`.
    """
    songs: list[Stanzas] = []
    forms: Counter[str] = Counter()
    for text in texts:
        lines = analyse_verses(text.split("\n"), language)
        if stanzas := [[lines[place] for place in stanza] for stanza in split_stanzas(lines)]:
            songs.append(stanzas)
            found = recognise(lines, language)
            forms.update([found.name] if found else [])
    stanzas = [stanza for song in songs for stanza in song]
    lines = [line for stanza in stanzas for line in stanza]
    if not lines:
        return None
    letters = "".join(_scheme(stanza, language) for stanza in stanzas)
    shuffled = "".join(_scheme(stanza, language) for stanza in _shuffled(stanzas, seed))
    return VerseFigures(
        lines=len(lines),
        songs=len(songs),
        rhymed=_share(letter != UNRHYMED for letter in letters),
        fully=_share(letter.isupper() for letter in letters),
        by_chance=_share(letter != UNRHYMED for letter in shuffled),
        regular=sum(_of_one_length(song) for song in songs) / len(lines),
        syllables=Counter(line.syllables for line in lines),
        forms=forms,
    )


def _scheme(stanza: list[Line], language: str) -> str:
    """The rhyme scheme, without the rhymes of a word with itself: whoever repeats a line does not rhyme."""
    letters = scheme(stanza, language)
    ends: dict[str, set[str]] = {}
    for letter, line in zip(letters, stanza, strict=True):
        ends.setdefault(letter, set()).add(line.last_word)
    return "".join(letter if len(ends[letter]) > 1 else UNRHYMED for letter in letters)


def _share(answers: Iterable[bool]) -> float:
    given = list(answers)
    return sum(given) / len(given)


def _of_one_length(song: Stanzas) -> int:
    """Lines with the song's most frequent number of syllables."""
    return Counter(line.syllables for stanza in song for line in stanza).most_common(1)[0][1]


def _shuffled(stanzas: Stanzas, seed: int) -> Stanzas:
    """The same lines in stanzas of the same sizes, in random order."""
    lines = [line for stanza in stanzas for line in stanza]
    random.Random(seed).shuffle(lines)  # noqa: S311 -- nobody's secret
    left = iter(lines)
    return [[next(left) for _ in stanza] for stanza in stanzas]

"""Verse codes: what a line is to become, said before it and on its way, so that a model learns to write toward it.

    <|11|> noche<|+9|>sobre los campos de la<|+3|> antigua<|+0|> noche

The natural count of its syllables; the word that it ends on; how many syllables are left to fill before that word; the
line as it is, and in it, from where few are left, between any two words how many still are. Choosing the rhyme before
the line is what writers do (Pasini et al. 2024, arXiv 2405.05176; DeepRapper, Xue et al. 2021, writes lines backwards
for it). A word says its sound in every language, and what the line is about. Syllables are hard to count for a model
that sees none: it is told when it matters. Codes are made by our own analysis and are never shown.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from core.corpus import Song
from prosody.line import LANGUAGES, Language, Line
from prosody.rhyming import analyse

# Longer lines are prose, and have no code.
MOST_SYLLABLES = 18

# Syllables before the last word from which a line says how many are left.
NEAR_END = 3

COUNTS = tuple(f"<|{syllables}|>" for syllables in range(1, MOST_SYLLABLES + 1))
LEFT = tuple(f"<|+{syllables}|>" for syllables in range(MOST_SYLLABLES))
VERSE_TOKENS = (*COUNTS, *LEFT)

# Of the songs that are learnt, those that stay without codes: whoever writes freely asks for none. Ten minutes of
# Spanish verse came to 1.971 bits per character with no codes at all; with these, on songs without codes, to 2.006 and
# 73 % of lines of the asked length and sound; with a quarter plain, to 2.087 and 88 %.
PLAIN_SHARE = 0.75

# So much verse shows what a code means; to tell its lengths and rhymes takes a second for 60,000 characters.
ENOUGH_CODED = 5_000_000

_HEADING = re.compile(r"\s*\[.*\]\s*")
_BETWEEN = re.compile(r"(?<=\S) (?=\S)")


def plain_share(characters: int) -> float:
    """The share of songs without codes, in a corpus of so many characters."""
    return max(PLAIN_SHARE, 1 - ENOUGH_CODED / max(1, characters))


class Code(NamedTuple):
    """What is said of a line."""

    syllables: int
    word: str
    """The last one, in lower case."""
    left: int
    """Syllables to fill before it."""
    reminders: tuple[tuple[int, int], ...] = ()
    """Places in the line (the character before which it says so), and how many syllables are left there."""


def known_code(song: Song, language: str | None) -> Language | None:
    """The language of a song in a corpus of `language`, if its verse can be analysed; None where no language is."""
    spoken = "" if language is None else (song.language or language).lower()
    return next((code for code in LANGUAGES if code == spoken), None)


def is_heading(line: str) -> bool:
    """Whether a line names a section: [Coro]."""
    return _HEADING.fullmatch(line) is not None


def codes_of(lyrics: str, language: Language) -> list[Code | None]:
    """The code of each line; None for what is no verse: an empty line, a heading, prose.

    Raises:
        UserError: as `prosody.analyse`.
    """
    return [None if is_heading(line) else _code(line, language) for line in lyrics.split("\n")]


def _code(text: str, language: Language) -> Code | None:
    line = analyse(text, language)
    if not 0 < line.syllables <= MOST_SYLLABLES:
        return None
    word = line.last_word
    left = line.syllables - analyse(word, language).syllables
    if not 0 <= left < MOST_SYLLABLES:
        return None  # a word that counts otherwise when it stands alone
    return Code(line.syllables, word, left, tuple(_reminders(text, line, language))[::-1])


def _reminders(text: str, line: Line, language: Language) -> Iterator[tuple[int, int]]:
    """Where a line says how many syllables are left before its last word, and how many; the last place first."""
    for space in reversed([match.start() for match in _BETWEEN.finditer(text)]):
        left = line.syllables - analyse(f"{text[:space]} {line.last_word}", language).syllables
        if left > NEAR_END:
            break
        # Of two words that melt into one another the first may seem too long alone.
        if left >= 0:
            yield space, left


def coded_lines(lyrics: str, language: Language, signs: str) -> str:
    """Lyrics with their codes; `signs` are what stands for VERSE_TOKENS, a character each."""
    codes = codes_of(lyrics, language)
    return "\n".join(_coded(line, code, signs) for line, code in zip(lyrics.split("\n"), codes, strict=True))


def _coded(line: str, code: Code | None, signs: str) -> str:
    if code is None:
        return line
    count, left = signs[code.syllables - 1], signs[len(COUNTS) :]
    said, start = f"{count} {code.word}{left[code.left]}", 0
    for place, syllables in code.reminders:
        said += line[start:place] + left[syllables]
        start = place
    return said + line[start:]


def parse_codes(ids: list[int], codes: list[int]) -> Iterator[tuple[int, bool]]:
    """Each id with whether it belongs to a code; `codes` are the ids of VERSE_TOKENS."""
    counts, left = set(codes[: len(COUNTS)]), set(codes[len(COUNTS) :])
    inside = False
    for id_ in ids:
        inside = inside or id_ in counts
        yield id_, inside or id_ in left
        inside = inside and id_ not in left

"""A poem against the form it should have."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from prosody.form import Form, Verse
from prosody.line import Line
from prosody.rhyming import HEARD, Rhyme, analyse, rhyme

Fault = Literal["length", "rhyme", "same word", "lines"]

_HEADING = re.compile(r"\s*\[.*\]\s*")


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a line does not keep to the form."""

    fault: Fault
    message: str
    off: int = 0
    """Syllables too many, negative if too few; for "lines", lines."""
    licensed: bool = False
    """A length that the line has with a licence that poets take."""
    other: int | None = None
    """The line that it should rhyme with, as an index into the lines given."""


def check(form: Form, lines: Sequence[str | Line], language: str) -> list[list[Finding]]:
    """What each line lacks of the form; an empty list for a line that keeps it, a blank line and a heading.

    Blank lines and headings in brackets end a stanza. A form of one stanza is asked of each stanza; a longer block of
    lines keeps it several times over (couplets, a romance). A form of several stanzas is asked of the poem as a
    whole, whether its stanzas stand apart or not.

    Raises:
        UserError: as `analyse`.
    """
    findings: list[list[Finding]] = [[] for _ in lines]
    analysed = analyse_verses(lines, language)
    stanzas = split_stanzas(analysed)
    if len(form.stanzas) == 1:
        for stanza in stanzas:
            _check_block(_tiled(form.stanzas[0], len(stanza)), stanza, analysed, findings, language)
    else:
        places = [place for stanza in stanzas for place in stanza]
        _check_block([verse for stanza in form.stanzas for verse in stanza], places, analysed, findings, language)
        _check_breaks(form, stanzas, findings)
    return findings


def analyse_verses(lines: Sequence[str | Line], language: str) -> list[Line]:
    """Each line, analysed; a heading has no words. Lines that are analysed already stay as they are.

    Raises:
        UserError: as `analyse`.
    """
    return [
        line if isinstance(line, Line) else analyse("" if _HEADING.fullmatch(line) else line, language)
        for line in lines
    ]


def split_stanzas(lines: Sequence[Line]) -> list[list[int]]:
    """The indices of each stanza's lines; lines without words stand between stanzas."""
    stanzas: list[list[int]] = []
    inside = False
    for index, line in enumerate(lines):
        if line.words and inside:
            stanzas[-1].append(index)
        elif line.words:
            stanzas.append([index])
        inside = bool(line.words)
    return stanzas


def _tiled(stanza: tuple[Verse, ...], lines: int) -> list[Verse]:
    """The stanza as often as it goes into so many lines, at least once."""
    verses: list[Verse] = []
    # A romance keeps its one rhyme to the end; couplets change theirs.
    running = all(verse.rhyme is None or verse.assonant for verse in stanza)
    for turn in range(max(1, lines // len(stanza))):
        for verse in stanza:
            fresh = verse.rhyme is not None and not running
            verses.append(replace(verse, rhyme=f"{verse.rhyme}{turn}") if fresh else verse)
    return verses


def _check_block(
    verses: list[Verse], places: list[int], lines: Sequence[Line], findings: list[list[Finding]], language: str
) -> None:
    rhymes: dict[str, list[int]] = {}
    for verse, place in zip(verses, places, strict=False):
        line = lines[place]
        if verse.syllables is not None and line.syllables != verse.syllables:
            findings[place].append(_length(line, verse.syllables))
        if verse.rhyme is None:
            continue
        earlier = rhymes.setdefault(verse.rhyme, [])
        if earlier:
            findings[place] += _rhyme_findings(verse, place, earlier, lines, language)
        earlier.append(place)
    if len(places) != len(verses) and places:
        off = len(places) - len(verses)
        message = f"{len(places)} lines where the form has {len(verses)}"
        findings[places[-1]].append(Finding("lines", message, off))


def _length(line: Line, asked: int) -> Finding:
    off = line.syllables - asked
    licensed = asked in line.possible_counts
    message = f"{line.syllables} syllables, {abs(off)} {'more' if off > 0 else 'fewer'} than {asked}"
    return Finding("length", message + (", but for a licence" if licensed else ""), off, licensed)


def _rhyme_findings(
    verse: Verse, place: int, earlier: list[int], lines: Sequence[Line], language: str
) -> list[Finding]:
    line = lines[place]
    found: list[Finding] = []
    earlier = earlier[-HEARD:]
    # One partner is enough: rhymes of three, where two differ by a licence of the ear, are still one rhyme.
    kept = [other for other in earlier if _keeps(verse, rhyme(lines[other], line, language))]
    if not kept:
        other = earlier[-1]
        found.append(Finding("rhyme", f"{line.last_word} does not rhyme with {lines[other].last_word}", other=other))
    for other in earlier:
        if lines[other].last_word == line.last_word:
            found.append(Finding("same word", f"{line.last_word} rhymes with itself", other=other))
            break
    return found


def _keeps(verse: Verse, between: Rhyme) -> bool:
    return between.kind == "consonant" or (verse.assonant and between.kind == "assonant")


def _check_breaks(form: Form, stanzas: list[list[int]], findings: list[list[Finding]]) -> None:
    """Say where a poem's stanzas are not those of the form; one block without breaks is taken as it is."""
    sizes = [len(stanza) for stanza in form.stanzas]
    if len(stanzas) <= 1 or [len(stanza) for stanza in stanzas] == sizes or sum(sizes) != sum(map(len, stanzas)):
        return
    written = " + ".join(str(len(stanza)) for stanza in stanzas)
    message = f"stanzas of {written} lines where the form has {' + '.join(map(str, sizes))}"
    findings[stanzas[-1][-1]].append(Finding("lines", message))

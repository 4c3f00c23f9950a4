"""A song as a page of text: syllables and rhyme letters beside each line, and its form below."""

import re
from collections import Counter
from collections.abc import Sequence

from prosody.checking import check, split_stanzas
from prosody.form import format_form
from prosody.line import Line
from prosody.recognition import Recognition, recognise
from prosody.rhyming import UNRHYMED, analyse, scheme

# Headings, titles, and the fields that the songbook puts above its songs.
_NO_VERSE = re.compile(r"\s*(?:\[.*\]|#.*|(?:artist|album|year|language|form): .*)?\s*")
_TITLE = re.compile(r"#\s+\S")
_WIDEST = 72  # columns: longer lines push their own figures out, not those of all
_COLOURS = (31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96)


def songs_of(text: str) -> list[list[str]]:
    """The lines of each song; a line that begins with # is a title, and begins a new one."""
    songs: list[list[str]] = [[]]
    for line in text.splitlines():
        if _TITLE.match(line) and any(other.strip() for other in songs[-1]):
            songs.append([])
        songs[-1].append(line.rstrip())
    return [song for song in songs if any(line.strip() for line in song)]


def report(lines: list[str], language: str, *, colour: bool = False) -> str:
    """One song, analysed; lines in brackets and titles stand as they are.

    Raises:
        UserError: as `analyse`.
    """
    analysed = [analyse("" if _NO_VERSE.fullmatch(line) else line, language) for line in lines]
    found = recognise(analysed, language)
    letters = rhyme_letters(analysed, language, whole=found is not None and found.whole)
    notes = _notes(analysed, found, language)
    width = min(_WIDEST, max((len(line) for line in lines), default=0))
    rows: list[str] = []
    for line, verse, letter, note in zip(lines, analysed, letters, notes, strict=True):
        if not verse.words:
            rows.append(line)
            continue
        shown = _painted(letter) if colour else letter
        rows.append(f"{line:<{width}}  {verse.syllables:>3}  {shown}{'  ' + note if note else ''}")
    return "\n".join([*rows, "", *_summary(analysed, found)])


def rhyme_letters(analysed: Sequence[Line], language: str, *, whole: bool) -> list[str]:
    """The rhyme letter of each line, as `scheme` gives it: through the whole song, or anew in each stanza.

    Raises:
        UserError: as `analyse`.
    """
    stanzas = split_stanzas(analysed)
    blocks = [[place for stanza in stanzas for place in stanza]] if whole else stanzas
    letters = [UNRHYMED] * len(analysed)
    for block in blocks:
        for place, letter in zip(block, scheme([analysed[place] for place in block], language), strict=True):
            letters[place] = letter
    return letters


def _painted(letter: str) -> str:
    if letter == UNRHYMED:
        return letter
    return f"\x1b[{_COLOURS[(ord(letter.upper()) - ord('A')) % len(_COLOURS)]}m{letter}\x1b[0m"


def _notes(analysed: list[Line], found: Recognition | None, language: str) -> list[str]:
    """The licences that give a line the length that the form asks."""
    if found is None or found.form is None:
        return [""] * len(analysed)
    notes: list[str] = []
    for line, findings in zip(analysed, check(found.form, analysed, language), strict=True):
        off = next((finding.off for finding in findings if finding.fault == "length" and finding.licensed), 0)
        notes.append(_licences(line, off) if off else "")
    return notes


def _licences(line: Line, off: int) -> str:
    wanted = [licence for licence in line.licences if licence.change * off < 0][: abs(off)]
    ways = ", ".join(f"{licence.name} in “{licence.place}”" for licence in wanted)
    return f"({line.syllables - off} with {ways})"


def _summary(analysed: list[Line], found: Recognition | None) -> list[str]:
    verses = [line for line in analysed if line.words]
    if not verses:
        return ["lines       none"]
    lengths = Counter(line.syllables for line in verses).most_common(3)
    counts = ", ".join(f"{number} of {syllables}" for syllables, number in lengths)
    rows = [f"lines       {len(verses)}: {counts} syllables{', …' if sum(n for _, n in lengths) < len(verses) else ''}"]
    if found is None:
        return [*rows, "form        none that has a name"]
    notation = f" ({format_form(found.form).removeprefix(found.form.name).strip()})" if found.form else ""
    share = "" if found.whole else f", {found.kept} of {found.stanzas} stanzas"
    return [*rows, f"form        {found.name}{notation}{share}"]

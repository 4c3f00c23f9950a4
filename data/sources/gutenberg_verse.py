"""A book of verse to its poems, by the layout that Project Gutenberg's typists share.

A poem begins where a heading stands after a wide gap; it ends at the next one. What a heading is,
the layout says: a numeral, a line in capitals or italics, a line that the table of contents lists,
or a block of few lines after the widest gaps of the book. Prose is told from verse by its lines:
in wrapped prose, the next line's first word would not have fitted on the line.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from data.cleaning.characters import fold
from data.sources.gutenberg_layout import (
    LONGEST_HEADING,
    NUMBERED,
    NUMERAL,
    is_heading,
    is_prose,
    number_of,
    wrap_width,
)
from data.sources.gutenberg_text import Block

_LEADING_NUMERAL = re.compile(rf"^{NUMERAL}\s*(?:[.):]|--?|—|–|\s-)\s*(?=\S)")
_NOTE = re.compile(
    r"\[(?:\d+|[A-Z]|\*+|footnote[^\]]*)[\]:]|[\W_]*note de l['’][ée]diteur|\^\d+ |\*+ ?\[|\(\*\)", re.IGNORECASE
)
_NOTE_MARK = re.compile(r" ?\[(?:\d+|[A-Z]|\*)\]|\^\d+|(?<=\w)\*(?!\w)")
_EMPHASIS = re.compile(r"[_=~]")
_STARS = re.compile(r"[\s*·.•+—–-]+")
_PAGE_AT_END = re.compile(r"(?:\s{3,}|\.{3,}\s*|, )\d{1,4}$")
_LISTED = re.compile(r"(?:[\s.,:-]|\.{2,})\d{1,4}[.,;]?$|\.{4,}")
_YEAR = re.compile(r"(?<!\d)(?:1[3-9]\d\d|\b[MDCLXVI]{6,})\b")
_HEAD_MATTER = re.compile(
    r"\W*(?:tune|air|chorus to|copied by|by permission|m[úu]sica|sur l['’]air|to the tune|words by|music by)\b",
    re.IGNORECASE,
)
_BACK_MATTER = re.compile(
    r"(?:table|tabla|tables? des mati[eè]res|[íi]ndice?|index|contents|contenido|sumario|sommaire|glossary|glosario|"
    r"footnotes?|notas?|notes?|errata|fe de erratas|vocabulario|vocabulary)\b",
    re.IGNORECASE,
)

_WIDE = 3  # blank lines
_EPIGRAPH_LINES = 14
_CONTINUED = 55  # a verse this long may have been too long for the page


@dataclass(frozen=True)
class Poem:
    """A poem's title (empty where it has none) and its lines, one blank line between stanzas."""

    title: str
    lyrics: str


@dataclass
class _Draft:
    headings: list[Block]
    stanzas: list[Block] = field(default_factory=list)


def split_poems(blocks: list[Block], skip: Callable[[str, str], None]) -> list[Poem]:
    """The poems of a book, in order; what is none is told to `skip` as its title and the reason."""
    splitter = _Splitter(blocks)
    poems: list[Poem] = []
    for draft in splitter.drafts():
        title = _title(draft.headings, splitter.gap)
        lyrics = splitter.lyrics(draft)
        reason = splitter.no_poem(draft, lyrics)
        if not reason:
            poems.append(Poem(title, lyrics))
        elif draft.stanzas:
            skip(title or draft.stanzas[0].lines[0].strip(), reason)
    return poems


class _Splitter:
    def __init__(self, blocks: list[Block]) -> None:
        self._width = wrap_width(blocks)
        self._blocks = _without_notes_and_stars(blocks)
        # Its number, where poems are numbered: the next one may count on from it.
        self._number: int | None = None
        wide = sum(block.gap >= _WIDE for block in blocks)
        # Some books set no gap wider than two lines, and some (older) none wider than one.
        self.gap = _WIDE if wide >= max(5, 0.02 * len(blocks)) else 2
        self._flat = sum(block.gap >= 2 for block in blocks) < 0.02 * len(blocks)
        self._listed = self._titles_listed()

    def _titles_listed(self) -> set[str]:
        """Lines that stand alone somewhere, and also in a block at either end of the book: its table of contents."""
        alone = {_key(block.text) for block in self._blocks if len(block.lines) == 1}
        count = len(self._blocks)
        ends = [*self._blocks[: count // 7], *self._blocks[-count // 10 :]]
        listed = {_key(line) for block in ends if len(block.lines) > 2 for line in block.lines}
        return {key for key in alone & listed if len(key) > 3}

    def drafts(self) -> Iterable[_Draft]:
        """Headings with what follows them."""
        draft = _Draft([])
        for block in self._blocks:
            heading = self._starts(block, draft)
            if heading and (draft.stanzas or (block.gap >= self.gap and self._is_back_matter(draft))):
                yield draft
                draft = _Draft([])
            if heading:
                self._count(block, draft.headings)
                draft.headings.append(block)
                continue
            if block.gap >= self.gap and draft.stanzas:
                yield draft
                draft = _Draft([])
            draft.stanzas.append(block)
        yield draft

    def _count(self, block: Block, above: list[Block]) -> None:
        """Note which poem this is; a numeral close below a title counts the parts of that poem instead."""
        if not above or (block.gap >= self.gap and number_of(block.text)):
            self._number = number_of(block.text)
        elif NUMBERED.fullmatch(above[-1].text):
            self._number = number_of(above[-1].text)

    def _is_back_matter(self, draft: _Draft) -> bool:
        return any(_BACK_MATTER.match(block.text) for block in draft.headings)

    def _starts(self, block: Block, draft: _Draft) -> bool:
        """Whether a poem, or its title after its number, starts at this block."""
        short = len(block.text) <= LONGEST_HEADING and not is_prose(block, self._width)
        if short and len(block.lines) == 1 and _key(block.text) in self._listed:
            return True
        if is_heading(block):
            # Close below a stanza, a numeral or capitals head a part of the poem; a numeral does wherever
            # poems stand further apart, unless it counts on from the last poem's.
            counts_on = self._number is not None and number_of(block.text) == self._number + 1
            apart = self.gap if NUMBERED.fullmatch(block.text) and not counts_on else 2
            return block.gap >= apart or not draft.stanzas
        if block.gap >= 2 and _is_numbered_title(block):
            return True
        after_numeral = bool(draft.headings) and not draft.stanzas and block.gap <= 2 and len(block.lines) == 1
        if after_numeral and NUMBERED.fullmatch(draft.headings[-1].text):
            return short and block.text[-1] not in ",;:"
        if self._flat:
            return short and len(block.lines) == 1 and block.text[-1].isalnum() and not _HEAD_MATTER.match(block.text)
        return short and block.gap >= self.gap and len(block.lines) <= 3

    def lyrics(self, draft: _Draft) -> str:
        """The verse below the headings."""
        stanzas = _without_epigraph([block for block in draft.stanzas if not is_prose(block, self._width)])
        while stanzas and _is_signature(stanzas[-1], stanzas[0]):
            stanzas = stanzas[:-1]
        texts: list[str] = []
        for number, block in enumerate(stanzas, 1):
            if is_heading(block) and len(block.lines) == 1:
                name = _title_line(block.text)
                texts += [f"[{name}]"] if name and not NUMBERED.fullmatch(name) else []
            else:
                texts.append(_stanza(block, number))
        return "\n\n".join(filter(None, texts))

    def no_poem(self, draft: _Draft, lyrics: str) -> str:
        """Why this is none, or nothing."""
        if self._is_back_matter(draft):
            return "contents, notes or index"
        lines = [line for line in lyrics.split("\n") if line]
        prose = sum(block.characters for block in draft.stanzas if is_prose(block, self._width))
        if prose > 0.5 * sum(block.characters for block in draft.stanzas):
            return "prose in a book of verse"
        if sum(not any(map(str.islower, line)) for line in lines) > 0.4 * len(lines):
            return "title page"
        listed = sum(_key(line) in self._listed or bool(_LISTED.search(line)) for line in lines)
        # Short poems may repeat their title.
        if listed >= (0.3 if len(lines) > 20 else 0.4) * len(lines):
            return "contents, notes or index"
        return "" if len(lines) >= 2 else "fewer than two lines"


def _is_numbered_title(block: Block) -> bool:
    """A title of several lines below "Hymn 1:1."."""
    first = block.lines[0].split()
    return len(block.lines) <= 6 and len(first) > 1 and bool(NUMBERED.fullmatch(" ".join(first)))


def _without_notes_and_stars(blocks: list[Block]) -> list[Block]:
    """What follows a note or a row of stars keeps the distance to what stood before it."""
    kept: list[Block] = []
    gap = 0
    for block in blocks:
        if _NOTE.match(block.lines[0].strip()):
            gap = max(gap, block.gap)
        elif not _STARS.fullmatch(block.text):
            kept.append(Block(block.lines, max(gap, block.gap)))
            gap = 0
    return kept


def _key(line: str) -> str:
    """A title for comparing: without page number, note mark and numeral."""
    bare = _PAGE_AT_END.sub("", _NOTE_MARK.sub("", line.strip()))
    return fold(_LEADING_NUMERAL.sub("", _EMPHASIS.sub("", bare)))


def _title(headings: list[Block], gap: int) -> str:
    """The last heading that belongs to the poem: its numeral alone is no title, nor is the name of its part."""
    for block in reversed(headings):
        lines = [_title_line(line) for line in block.lines if not NUMBERED.fullmatch(line.strip())]
        if any(lines):
            return " ".join(filter(None, lines)).rstrip(" ")
        if block.gap >= gap:
            return ""
    return ""


def _title_line(line: str) -> str:
    bare = _PAGE_AT_END.sub("", _NOTE_MARK.sub("", line.strip()))
    bare = _LEADING_NUMERAL.sub("", _EMPHASIS.sub("", bare).strip()).strip()
    return bare[:-1] if bare.endswith(".") and not bare.endswith("..") else bare


def _without_epigraph(stanzas: list[Block]) -> list[Block]:
    """Poems begin two blank lines below their epigraph, their tune or a permission to print."""
    if len(stanzas) > 1 and len(stanzas[0].lines) <= 3 and _HEAD_MATTER.match(stanzas[0].text):
        stanzas = stanzas[1:]
    for place, block in enumerate(stanzas[1:3], 1):
        before = stanzas[:place]
        if block.gap >= 2 and sum(len(part.lines) for part in before) <= _EPIGRAPH_LINES:
            inset = min(part.indent for part in before) > block.indent
            if inset or _HEAD_MATTER.match(before[0].text) or _is_signature(before[-1], before[0]):
                return stanzas[place:]
            last = before[-1].lines[-1]
            if len(last) - len(last.lstrip()) >= before[0].indent + 2 and re.fullmatch(r"[\W_]*[A-Z_(].*[._)]", last):
                return stanzas[place:]
    return stanzas


def _is_signature(block: Block, first: Block) -> bool:
    """A date, a place with a year, or a name further in than the poem, at its end."""
    if len(block.lines) > 2 or len(block.text) > LONGEST_HEADING or block is first:
        return False
    name = not any(char.islower() for char in block.text) and block.indent > first.indent
    return bool(_YEAR.search(block.text)) or name or block.text.strip("_. ").casefold() in {"fin", "the end", "finis"}


def _stanza(block: Block, number: int) -> str:
    lines: list[str] = []
    for line in block.lines:
        indent = len(line) - len(line.lstrip())
        text = _PAGE_AT_END.sub("", _NOTE_MARK.sub("", line)).strip()
        text = _EMPHASIS.sub("", text)
        carried = lines and text[:1].islower() and indent > block.indent + 3
        if carried and len(lines[-1]) >= _CONTINUED and lines[-1][-1] not in ".;:!?":
            lines[-1] += " " + text
        else:
            lines.append(text)
    # Stanzas are counted in front of their first verse, or on a line of their own.
    if len(lines) > 1 and NUMBERED.fullmatch(lines[0]):
        del lines[0]
    lines[0] = re.sub(rf"^{number}[.)]? (?=\S)", "", lines[0])
    return "\n".join(filter(None, lines))

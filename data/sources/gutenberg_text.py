"""A Project Gutenberg file, of any year, to what the book says.

Since 2004 two markers enclose the book ("*** START OF THIS PROJECT GUTENBERG EBOOK … ***"). Before,
a licence came first and ended in "*END*THE SMALL PRINT!", and nothing but "End of The Project
Gutenberg Etext of …" marked the end. From 2002 to 2004 files have either or both, in any order.
"""

import re
from dataclasses import dataclass

from data.cleaning.characters import clean_line, clean_running_text

# A marker's title may run over two lines.
_START = re.compile(
    r"^[ ]*\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG(?:[^*]{0,300}?\*\*\*)?[^\n]*$"
    r"|^[ ]*\*END ?\*? ?THE SMALL PRINT[^\n]*$",
    re.MULTILINE | re.IGNORECASE,
)
_END = re.compile(
    r"^[ ]*\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG"
    r"|^[ *]*End of (?:the |this )?Project Gutenberg"
    r"|^[ ]*\*\*\* ?START: FULL LICENSE",
    re.MULTILINE | re.IGNORECASE,
)
_NUMBER = re.compile(r"\[ ?e-?(?:book|text) ?#(\d+) ?\]", re.IGNORECASE)
_FIELD = re.compile(r"^(Title|Author|Compiler|Language):[ ]*(\S[^\n]*(?:\n[ ]{2,}\S[^\n]*)*)", re.MULTILINE)
_FIRST_LINE = re.compile(
    r"^[ *]*(?:The )?Project Gutenberg(?:'s)?(?: e-?(?:book|text)(?: of|,))?[ ]+([^\n*]+?),? by ([^\n*]+)",
    re.MULTILINE | re.IGNORECASE,
)
_NOBODY = {"various", "unknown", "anonymous", "anónimo", "anonyme"}

_CREDITS = re.compile(
    r"(?:This (?:e-?text|e-?book|file) was |E-?text |\[?(?:HTML|Text) )?"
    r"(?:produced|prepared|transcribed|scanned|created|digitized|converted|proofread)\b[^\n]*\b(?:by|from)\b"
    r"|Also known as|(?:Updated|Original) editions? ",
    re.IGNORECASE,
)
_TRANSCRIBER = re.compile(
    r"\W*(?:transcriber|nota[s]? (?:de|del|de la) transcrip|notes? (?:sur la|de|du) transcri"
    r"|note[s]? (?:de|du) lecteur|anmerkungen zur transkription)",
    re.IGNORECASE,
)
_ILLUSTRATION = re.compile(r"\[(?:Illustration|Ilustraci[oó]n|Blank Page)[^\]]*\]", re.IGNORECASE)
_PAGE = re.compile(r"[\[{](?:pg?\.? ?|p[aá]g(?:ina)?\.? ?|page )\d+[\]}]", re.IGNORECASE)

# The gap after which a new part of a book begins, in blank lines.
_PART_GAP = 3

# Names of languages as the headers write them.
_LANGUAGES = {
    "english": "en",
    "spanish": "es",
    "french": "fr",
    "portuguese": "pt",
    "italian": "it",
    "german": "de",
    "catalan": "ca",
    "galician": "gl",
    "latin": "la",
    "dutch": "nl",
}


@dataclass(frozen=True)
class Book:
    """What the header says of a book, and its text without header, licence and credits."""

    number: int | None
    title: str
    author: str
    """Empty for various or unknown authors."""
    language: str
    """ISO 639-1, or empty."""
    text: str


@dataclass(frozen=True)
class Block:
    """Lines between two blank ones, each without the spaces at its end, and the blank lines before them."""

    lines: tuple[str, ...]
    gap: int

    @property
    def text(self) -> str:
        """The lines as one, without their indentation."""
        return " ".join(line.strip() for line in self.lines)

    @property
    def characters(self) -> int:
        """Characters, indentation not counted."""
        return sum(len(line.strip()) for line in self.lines)

    @property
    def indent(self) -> int:
        """Spaces before the line that has fewest."""
        return min(len(line) - len(line.lstrip()) for line in self.lines)


def read_book(raw: str) -> Book:
    """Take a file apart; one without any marker of Project Gutenberg is all text."""
    text = clean_running_text(raw)
    end = _END.search(text)
    inside = text[: end.start()] if end else text
    start = max((match.end() for match in _START.finditer(inside)), default=0)
    header = inside[:start]
    fields = {match[1]: clean_line(match[2]) for match in _FIELD.finditer(header)}
    first = _FIRST_LINE.search(header)
    author = fields.get("Author") or fields.get("Compiler") or (clean_line(first[2]) if first else "")
    number = _NUMBER.search(header)
    return Book(
        number=int(number[1]) if number else None,
        title=fields.get("Title") or (clean_line(first[1]) if first else ""),
        author="" if author.casefold() in _NOBODY else author,
        language=_LANGUAGES.get(fields.get("Language", "").casefold(), ""),
        text=inside[start:],
    )


def blocks_of(text: str) -> list[Block]:
    """The blocks of a book, without credits, transcriber's notes, illustrations and page numbers."""
    text = _PAGE.sub("", _ILLUSTRATION.sub("", text))
    found: list[Block] = []
    gap = _PART_GAP
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        stripped = line.rstrip()
        if stripped:
            lines.append(stripped)
            continue
        if lines:
            found.append(Block(tuple(lines), gap))
            lines, gap = [], 0
        gap += 1
    return _without_notes(found)


def _without_notes(blocks: list[Block]) -> list[Block]:
    kept: list[Block] = []
    skipping = False
    for block in blocks:
        if block.gap >= _PART_GAP:
            skipping = False
        if _TRANSCRIBER.match(block.lines[0].strip()):
            skipping = True
        thanks = not kept and _CREDITS.match(block.lines[0].strip())
        if not (skipping or thanks):
            kept.append(block)
    return kept

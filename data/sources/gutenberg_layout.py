"""What a block of a book is, by its layout: prose, a heading, a numeral."""

import re
from collections import Counter
from collections.abc import Iterable

from data.sources.gutenberg_text import Block

NUMERAL = r"(?:[IVXLCDM]+|\d{1,4}(?::\d+)?|[ivxlc]+)"
NUMBERED = re.compile(
    rf"[\W_]*(?:(?:canto|chant|soneto|sonnet|hymn|psalm|oda?e?|rima|parte?|libro|livre|book|fable|f[áa]bula|romance)\s+)?"
    rf"{NUMERAL}[ºo°]?[\W_]*",
    re.IGNORECASE,
)
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}

LONGEST_HEADING = 90


def is_prose(block: Block, width: int, share: float = 0.65) -> bool:
    """Whether a `share` of the lines is wrapped at `width` rather than ended by a poet."""
    if len(block.lines) == 1:
        return len(block.lines[0].strip()) > 0.85 * width
    # Many poets, and no wrapped paragraph, begin each line with a capital.
    capital = sum(_first_letter(line).isupper() for line in block.lines)
    if len(block.lines) >= 4 and capital >= 0.75 * len(block.lines):
        return False
    ends = list(zip(block.lines, block.lines[1:], strict=False))
    # A line that stops short by less than the next line's first word was full.
    full = sum(len(line) + 1 + len(after.split()[0]) > 0.95 * width for line, after in ends)
    return full >= share * len(ends)


def _first_letter(line: str) -> str:
    return next((char for char in line if char.isalpha()), "")


def wrap_width(blocks: Iterable[Block]) -> int:
    """The length that prose is wrapped at in this book; 72, as almost everywhere, where it has none."""
    longest = [
        max(map(len, block.lines))
        for block in blocks
        if len(block.lines) >= 5 and is_prose(block, max(map(len, block.lines)), share=0.85)
    ]
    likely = [length for length in longest if 62 <= length <= 80]
    return Counter(likely).most_common(1)[0][0] if likely else 72


def is_verse(blocks: list[Block]) -> bool:
    """Whether most of the book is verse."""
    width = wrap_width(blocks)
    prose = sum(block.characters for block in blocks if is_prose(block, width))
    return prose < 0.5 * sum(block.characters for block in blocks)


def is_heading(block: Block) -> bool:
    """A heading wherever it stands: few short lines, all numerals, capitals or italics."""
    if len(block.lines) > 3 or len(block.text) > LONGEST_HEADING:
        return False
    text = block.text
    letters = [char for char in text if char.isalpha()]
    capitals = len(letters) > 1 and not any(char.islower() for char in letters)
    # A whole stanza may be in italics, but none begins with its number.
    one = len(block.lines) == 1 or number_of(text) is not None
    italics = one and re.fullmatch(r"_[^_]*[^_.,;:!?]_\W*", text) is not None
    return bool(NUMBERED.fullmatch(text)) or capitals or italics


def number_of(heading: str) -> int | None:
    """The number that a heading starts with."""
    match = re.match(r"[\W_]*(?:(\d{1,4})|([IVXLC]+))(?![\w'’])", heading)
    if not match:
        return None
    return int(match[1]) if match[1] else _roman(match[2])


def _roman(numeral: str) -> int:
    values = [_ROMAN[letter] for letter in numeral]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))

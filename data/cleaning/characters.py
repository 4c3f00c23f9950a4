"""Rules for single characters: they suit verse, plays and prose alike."""

import html
import re
import unicodedata
from collections.abc import Callable

# \x1c-\x1e and \x85 are line ends to Python's splitlines and to nobody else.
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")

# Zero-width space, word joiner, byte order mark, soft hyphen, directions; lone surrogates, which no
# UTF-8 file can hold; joiners, save after the Arabic and Indic letters that are spelt with them.
_INVISIBLE = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\ud800-\udfff]|(?<![\u0620-\u109f])[\u200c\u200d]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SPACES = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Any character that the rules on invisible characters and on quotes look for: one quick look spares most texts both.
_ODD = re.compile(
    "[\x00-\x08\x0e-\x1f`\x7f-\x9f\u00ad\u00b4\u200b-\u200f\u2018-\u201f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)

_BLANK_LINES = re.compile("\n{3,}")

# Only what ends in a semicolon: "&c." is an old way to write "and so on".
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")

_STRAIGHT = str.maketrans("\u2018\u2019\u201b\u201c\u201d\u201f", "'''\"\"\"")

# An acute or grave accent that stands for an apostrophe: l´amour, don`t.
_LONELY_ACCENT = re.compile("(?<=[^\\W\\d_])[\u00b4`](?=[^\\W\\d_])")

# Latin letters that UTF-8 turns into when it is read as Latin-1 or Windows-1252 ("Ã©", "â€™", "Â¿"): first byte, then
# one more at least. Rare enough in real text that only lines which have them are shown to ftfy.
_MOJIBAKE = re.compile(
    "[\u00c2-\u00c5\u00c3\u00e2\u00ef\u00f0][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)

_MOST_ROUNDS = 20

_ACCENTS = re.compile("[\u0300-\u036f]+")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_BETWEEN_WORDS_OF_LINES = re.compile(r"(?:[^\w\n]|_)+")


def unify_line_ends(text: str) -> str:
    """Every kind of line end becomes a newline."""
    return _LINE_ENDS.sub("\n", text)


def drop_invisible(text: str) -> str:
    """Zero-width and control characters go."""
    return _CONTROL.sub("", _INVISIBLE.sub("", text)) if _ODD.search(text) else text


def unify_spaces(text: str) -> str:
    """Tabs, non-breaking spaces and spaces of other widths become plain spaces, one each."""
    return _SPACES.sub(" ", text)


def compose(text: str) -> str:
    """NFC: an accented letter is one character."""
    return unicodedata.normalize("NFC", text)


def drop_trailing_spaces(text: str) -> str:
    """No line ends in spaces."""
    return "\n".join(line.rstrip(" ") for line in text.split("\n")) if " \n" in text or text.endswith(" ") else text


def separate_stanzas(text: str) -> str:
    """One blank line at most between stanzas, none around the text."""
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


def decode_entities(text: str) -> str:
    """HTML's names for characters become the characters, however often they were encoded: "&amp;quot;" is a quote."""
    while "&" in text and (decoded := _ENTITY.sub(lambda match: html.unescape(match[0]), text)) != text:
        text = decoded
    return text


def mend_mojibake(text: str) -> str:
    """UTF-8 that was read as Latin-1 becomes what it was ("canciÃ³n"), line by line: the others may be right."""
    if not _MOJIBAKE.search(text):
        return text
    from ftfy import fix_encoding  # half the time it takes to import this module

    return "\n".join(fix_encoding(line) if _MOJIBAKE.search(line) else line for line in text.split("\n"))


def straighten_quotes(text: str) -> str:
    """Curly quotes and accents used as apostrophes become straight; «», the quotes of Spanish and French, stay."""
    if not _ODD.search(text):
        return text
    return _LONELY_ACCENT.sub("'", text.translate(_STRAIGHT))


def until_stable(rule: Callable[[str], str], text: str) -> str:
    """Apply a rule until it changes nothing: rules undo each other's disguises ("&am\u200bp;").

    Clean text takes one round, real texts two.
    """
    for _ in range(_MOST_ROUNDS):
        changed = rule(text)
        if changed == text:
            break
        text = changed
    return text


def clean_running_text(text: str) -> str:
    """What no text needs goes; the layout, the spaces and the quotes of a play or a novel are its own."""
    return until_stable(_clean_characters, text)


def _clean_characters(text: str) -> str:
    for rule in (mend_mojibake, unify_line_ends, drop_invisible, unify_spaces, compose):
        text = rule(text)
    return text.strip("\n")


def clean_line(text: str) -> str:
    """A title or a name: clean, on one line, with single spaces."""
    return until_stable(
        lambda line: " ".join(straighten_quotes(_clean_characters(decode_entities(line))).split()), text
    )


def fold(text: str) -> str:
    """Words for comparing, not for reading: lower case, no accents, one space between: "¡Qué  más!" → "que mas"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _BETWEEN_WORDS.sub(" ", _ACCENTS.sub("", decomposed)).strip()


def fold_lines(text: str) -> list[str]:
    """`fold` of every line, in one go."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return [line.strip() for line in _BETWEEN_WORDS_OF_LINES.sub(" ", _ACCENTS.sub("", decomposed)).split("\n")]

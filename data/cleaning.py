"""Text as every source leaves it, to text as corpus.json promises it. Each rule is one small function."""

import dataclasses
import re
import unicodedata

from core.corpus import Song

# \x1c-\x1e and \x85 are line ends to Python's splitlines and to nobody else.
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")

# Zero-width space, word joiner, byte order mark, soft hyphen, directions; lone surrogates, which no
# UTF-8 file can hold; joiners, save after the Arabic and Indic letters that are spelt with them.
_INVISIBLE = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\ud800-\udfff]|(?<![\u0620-\u109f])[\u200c\u200d]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SPACES = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_TRAILING_SPACES = re.compile(" +$", re.MULTILINE)
_BLANK_LINES = re.compile("\n{3,}")

_ACCENTS = re.compile("[\u0300-\u036f]+")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def unify_line_ends(text: str) -> str:
    """Every kind of line end becomes a newline."""
    return _LINE_ENDS.sub("\n", text)


def drop_invisible(text: str) -> str:
    """Zero-width and control characters go."""
    return _CONTROL.sub("", _INVISIBLE.sub("", text))


def unify_spaces(text: str) -> str:
    """Tabs, non-breaking spaces and spaces of other widths become plain spaces, one each."""
    return _SPACES.sub(" ", text)


def compose(text: str) -> str:
    """NFC: an accented letter is one character."""
    return unicodedata.normalize("NFC", text)


def drop_trailing_spaces(text: str) -> str:
    """No line ends in spaces."""
    return _TRAILING_SPACES.sub("", text)


def separate_stanzas(text: str) -> str:
    """One blank line at most between stanzas, none around the text."""
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


def clean_running_text(text: str) -> str:
    """The rules for single characters; the layout of a play or a novel is its own."""
    for rule in (unify_line_ends, drop_invisible, unify_spaces, compose):
        text = rule(text)
    return text.strip("\n")


def clean_text(text: str) -> str:
    """All rules in order; text that is clean comes through unchanged."""
    return separate_stanzas(drop_trailing_spaces(clean_running_text(text)))


def clean_line(text: str) -> str:
    """A title or a name: clean, on one line, with single spaces."""
    return " ".join(clean_text(text).split())


def clean_song(song: Song, *, running_text: bool = False) -> Song:
    """The song with every text in it clean; its id stays, and so does a running text's layout."""
    clean_lyrics = clean_running_text if running_text else clean_text
    names = {key: clean_line(getattr(song, key)) for key in ("title", "artist", "album", "url", "language", "form")}
    return dataclasses.replace(song, lyrics=clean_lyrics(song.lyrics), **names)


def fold(text: str) -> str:
    """Words for comparing, not for reading: lower case, no accents, one space between: "¡Qué  más!" → "que mas"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _BETWEEN_WORDS.sub(" ", _ACCENTS.sub("", decomposed)).strip()

"""Section headings: found where a site glued them to a verse, named alike, their performers kept apart.

A model sees a heading a few times per song. Twenty spellings of "chorus" are twenty things to learn,
and a singer's name in one is a token that it never learns. So every language has one word for each
section, and who sings it goes to `Song.performers`.
"""

import re
from typing import NamedTuple

from data.cleaning.characters import fold

# What each section is called, language by language. Spanish keeps both "Coro" and "Estribillo", English
# both "Chorus" and "Refrain": there people mean two things; to the French, the chorus is "Refrain".
VOCABULARY: dict[str, dict[str, str]] = {
    "es": {
        "verse": "Verso", "pre-chorus": "Pre-Coro", "chorus": "Coro", "post-chorus": "Post-Coro",
        "refrain": "Estribillo", "bridge": "Puente", "intro": "Intro", "outro": "Outro", "interlude": "Interludio",
        "spoken": "Recitado", "solo": "Solo", "instrumental": "Instrumental", "break": "Quiebre",
    },
    "fr": {
        "verse": "Couplet", "pre-chorus": "Pré-Refrain", "chorus": "Refrain", "post-chorus": "Post-Refrain",
        "refrain": "Refrain", "bridge": "Pont", "intro": "Intro", "outro": "Outro", "interlude": "Interlude",
        "spoken": "Parlé", "solo": "Solo", "instrumental": "Instrumental", "break": "Break",
    },
    "en": {
        "verse": "Verse", "pre-chorus": "Pre-Chorus", "chorus": "Chorus", "post-chorus": "Post-Chorus",
        "refrain": "Refrain", "bridge": "Bridge", "intro": "Intro", "outro": "Outro", "interlude": "Interlude",
        "spoken": "Spoken", "solo": "Solo", "instrumental": "Instrumental", "break": "Break",
    },
}  # fmt: skip

# What people write, folded and without hyphens.
_SPELLINGS: dict[str, str] = {
    "verse": "verso estrofa verse couplet strophe vers",
    "pre-chorus": (
        "precoro,pre coro,prechorus,pre chorus,prerefrain,pre refrain,preestribillo,pre estribillo,prehook,pre hook"
    ),
    "chorus": "coro chorus hook",
    "post-chorus": "postcoro,post coro,postchorus,post chorus,postrefrain,post refrain,postestribillo,post estribillo",
    "refrain": "estribillo refrain refran",
    "bridge": "puente bridge pont",
    "intro": "intro,introduccion,introduction,entrada",
    "outro": "outro,salida,cierre,final,fin,ending,coda",
    "interlude": "interludio,interlude,interlud",
    "spoken": "recitado,hablado,hablando,spoken,spoken word,parle,narracion",
    "solo": "solo,solo de guitarra,guitar solo,solo de guitare,sax solo,piano solo,solo de piano,solo de saxo",
    "instrumental": (
        "instrumental,instrumental break,instrumental bridge,pausa instrumental,puente instrumental"
        ",instrumental interlude"
    ),
    "break": "break,breakdown,quiebre",
}  # fmt: skip
_SECTIONS = {
    spelling.strip(): section
    for section, spellings in _SPELLINGS.items()
    for spelling in spellings.split("," if "," in spellings else " ")
}

_HEADING = re.compile(r"\[[^\[\]]+\]")
_INSIDE = re.compile(r"\[([^\[\]\n]+)\]")

# "Coro x3", "Verso 2: Ana & Bruno", "Verse 1 - Ana", "Couplet (Ana)"
_PARTS = re.compile(
    r"(?P<name>[^:\d(–—]*?)\s*[-.]?\s*(?P<number>\d{1,2})?\s*[ªº°]?"
    r"(?:\s*[(\[]?\s*(?:[xX×]\s*(?P<times>\d{1,2})|(?P<times_first>\d{1,2})\s*[xX×])\s*[)\]]?)?"
    r"\s*(?:(?:[:–—]|\s-\s)\s*(?P<who>\S.*?)|\((?P<who_too>[^()]+)\))?\s*:?"
)

# Whole lines that are headings in other dress: "(Coro)", "Coro:", "CHORUS:". A speaker's "CORO." in a play is none.
_UNBRACKETED = re.compile(
    r"^ *(?:\(([^()\n]{4,20})\)"
    r"|((?:pre[- ]?|post[- ]?)?(?:coro|estribillo|chorus|refrain)(?: \d)?|(?:verso|verse|couplet|estrofa) \d) ?:) *$",
    re.IGNORECASE | re.MULTILINE,
)


class Heading(NamedTuple):
    """A heading, taken apart."""

    section: str
    """One of VOCABULARY's keys."""
    number: str
    times: int
    """How often it is sung, as in [Coro x3]; 1 when it does not say."""
    performer: str


def is_heading(line: str) -> bool:
    """Whether a line is nothing but a heading, known or not."""
    return bool(_HEADING.fullmatch(line.strip())) if "[" in line else False


def parse_heading(inside: str) -> Heading | None:
    """Take apart what stands between the brackets; None when it names no section we know."""
    parts = _PARTS.fullmatch(inside.strip())
    if not parts:
        return None
    section = _SECTIONS.get(fold(parts["name"]))
    if section is None:
        return None
    times = int(parts["times"] or parts["times_first"] or 1)
    return Heading(section, parts["number"] or "", max(1, times), (parts["who"] or parts["who_too"] or "").strip())


def separate_headings(text: str) -> str:
    """A heading that a site glued to verses gets its own line: "coro (eh)[Outro]", "[Coro]La luna"."""

    def judge(match: "re.Match[str]") -> str:
        if parse_heading(match[1]) is None:
            return match[0]
        before, after = text[: match.start()], text[match.end() :]
        line_before = before.rpartition("\n")[2]
        rest = after.partition("\n")[0].strip()
        if not line_before.strip():
            return f"{match[0]}\n" if rest else match[0]
        # In the middle of a verse with spaces around, it may be part of what is said.
        if before[-1].isspace() and rest:
            return match[0]
        return f"\n{match[0]}\n" if rest else f"\n{match[0]}"

    return _INSIDE.sub(judge, text) if "[" in text else text


def bracket_headings(text: str) -> str:
    """Lines such as "(Coro)" and "Coro:" are headings."""

    def judge(match: "re.Match[str]") -> str:
        inside = (match[1] or match[2]).strip()
        return f"[{inside}]" if parse_heading(inside) else match[0]

    return _UNBRACKETED.sub(judge, text)


def space_headings(text: str) -> str:
    """One blank line before a heading that is known, none behind it."""
    lines: list[str] = []
    for line in text.split("\n"):
        if lines and is_section(line) and lines[-1].strip():
            lines.append("")
        elif not line.strip() and lines and is_section(lines[-1]):
            continue
        lines.append(line)
    return "\n".join(lines)


def is_section(line: str) -> bool:
    """Whether a line is the heading of a section we know."""
    return is_heading(line) and parse_heading(line.strip()[1:-1]) is not None


def name_headings(text: str, language: str) -> tuple[str, str]:
    """Headings in the language's own words, and who performs which section ("Coro: Ana; Verso 2: Bruno").

    A language without a vocabulary keeps its words; performers are taken out all the same.
    """
    performers: dict[str, None] = {}

    def rename(match: "re.Match[str]") -> str:
        heading = parse_heading(match[1])
        if heading is None:
            return match[0]
        named = label(heading, language) or _own_words(match[1])
        if heading.performer:
            performers[f"{named}: {heading.performer}"] = None
        return f"[{named}]" if heading.times == 1 else f"[{named} x{heading.times}]"

    named = re.sub(r"^ *\[([^\[\]\n]+)\] *$", rename, text, flags=re.MULTILINE) if "[" in text else text
    return named, "; ".join(performers)


def label(heading: Heading, language: str) -> str:
    """The section's name in a language, with its number ("Verso 2"); "" where the language has no vocabulary."""
    name = VOCABULARY.get(language, {}).get(heading.section, "")
    return f"{name} {heading.number}" if name and heading.number else name


def _own_words(inside: str) -> str:
    parts = _PARTS.fullmatch(inside.strip())
    assert parts is not None  # whoever asks has parsed it
    return f"{parts['name'].strip()} {parts['number']}" if parts["number"] else parts["name"].strip()

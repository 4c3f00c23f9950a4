"""The order of a song's sections: "verso coro verso coro puente coro"."""

import difflib
import re
from dataclasses import dataclass

from core.errors import UserError
from prosody.form import fault_at
from prosody.forms import folded

# Sections whose words come back, and those that have new words each time.
_RETURNING = ("coro", "estribillo", "pre-coro", "post-coro", "refrain", "chorus", "pre-chorus", "pré-refrain", "hook")
_NEW = (
    "verso",
    "estrofa",
    "verse",
    "couplet",
    "strophe",
    "puente",
    "bridge",
    "pont",
    "intro",
    "outro",
    "final",
    "solo",
)
_KNOWN = {folded(name): name for name in (*_RETURNING, *_NEW)}
_HINT = f"sections are {', '.join((*_RETURNING, *_NEW))}"


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a song."""

    name: str
    number: int
    """Counts the sections of that name; 1 for every return of a chorus."""
    repeats: int | None
    """The place of the section that it repeats word for word, from 0; None where the words are new."""


def parse_structure(text: str) -> tuple[Section, ...]:
    """Read the order of sections: a chorus returns word for word, a verse has new words.

    Raises:
        UserError: an unknown section; the message points at it.
    """
    sections: list[Section] = []
    for match in re.finditer(r"[^\s,]+", text):
        name = _KNOWN.get(folded(match[0]))
        if name is None:
            near = difflib.get_close_matches(folded(match[0]), _KNOWN, n=1)
            meant = f" (did you mean {_KNOWN[near[0]]}?)" if near else ""
            raise fault_at(text, match.start(), f"unknown section {match[0]!r}{meant}", _HINT)
        places = [index for index, section in enumerate(sections) if section.name == name]
        if name in _RETURNING and places:
            sections.append(Section(name, 1, places[0]))
        else:
            sections.append(Section(name, len(places) + 1, None))
    if not sections:
        raise UserError("an empty structure", 'say "verso coro verso coro puente coro"')
    return tuple(sections)


def format_structure(sections: tuple[Section, ...]) -> str:
    """The text that `parse_structure` reads as these sections."""
    return " ".join(section.name for section in sections)

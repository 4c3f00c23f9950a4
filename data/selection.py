"""The songs that were asked for: of an artist, an album, a language."""

import dataclasses
from collections import Counter
from difflib import SequenceMatcher
from typing import Literal

from core.corpus import Song
from core.errors import UserError
from data.cleaning import fold

Field = Literal["artist", "album", "language"]

_SHOWN_NAMES = 8


def select(songs: list[Song], field: Field, wanted: str) -> list[Song]:
    """Songs whose `field` is `wanted`, whatever its case and accents; where no song says, all are labelled with it.

    Raises UserError, with the names there are and the likeliest first, when no song has it.
    """
    names = Counter(getattr(song, field) for song in songs if getattr(song, field))
    if not names:
        return [dataclasses.replace(song, **{field: wanted}) for song in songs]
    # Some names are all signs ("!!!"), and fold to nothing.
    same = {name for name in names if (fold(name) or name) == (fold(wanted) or wanted)}
    if not same:
        raise UserError(f"no song of {field} {wanted!r}", f"{field}s there are: {_listed(list(names), wanted)}")
    return [song for song in songs if getattr(song, field) in same]


def _listed(names: list[str], wanted: str) -> str:
    target = fold(wanted)
    matcher = SequenceMatcher(b=target, autojunk=False)

    def likeness(name: str) -> tuple[bool, float]:
        matcher.set_seq1(fold(name))
        return bool(target) and target in fold(name), matcher.ratio()

    best = sorted(names, key=likeness, reverse=True)
    more = f" and {len(best) - _SHOWN_NAMES} more" if len(best) > _SHOWN_NAMES else ""
    return ", ".join(best[:_SHOWN_NAMES]) + more

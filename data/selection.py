"""The songs that were asked for: of an artist, an album, a language."""

import dataclasses
from collections import Counter
from difflib import SequenceMatcher
from typing import Literal

from core.corpus import Song
from core.errors import UserError
from data.cleaning.characters import fold

Field = Literal["artist", "album", "language"]

_SHOWN_NAMES = 8


def select(songs: list[Song], field: Field, wanted: str, *more: str) -> list[Song]:
    """Songs whose `field` is one of those wanted, whatever its case and accents.

    Where no song says, all are labelled with the one wanted. Raises UserError, with the names there
    are and the likeliest first, when no song has one of them.
    """
    names = Counter(getattr(song, field) for song in songs if getattr(song, field))
    if not names:
        if more:
            several = " or ".join((wanted, *more))
            raise UserError(f"no song says its {field}: {several}?", f"give one --{field} only")
        return [dataclasses.replace(song, **{field: wanted}) for song in songs]
    same: set[str] = set()
    for one in (wanted, *more):
        # Some names are all signs ("!!!"), and fold to nothing.
        found = {name for name in names if (fold(name) or name) == (fold(one) or one)}
        if not found:
            raise UserError(f"no song of {field} {one!r}", f"{field}s there are: {_listed(list(names), one)}")
        same |= found
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

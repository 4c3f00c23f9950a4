"""The same song twice teaches nothing new, and leaks from train to validation."""

import hashlib
from collections.abc import Iterable

from core.corpus import Song
from data.cleaning import fold
from data.report import Dropped


def drop_exact_duplicates(songs: Iterable[Song]) -> tuple[list[Song], list[Dropped]]:
    """Keep the first of the songs that have the same words, whatever their case, accents and punctuation."""
    first: dict[bytes, Song] = {}
    kept: list[Song] = []
    dropped: list[Dropped] = []
    for song in songs:
        # A digest instead of the words: memory stays small beside the songs themselves.
        words = hashlib.sha256((fold(song.lyrics) or song.lyrics).encode()).digest()
        original = first.setdefault(words, song)
        if original is song:
            kept.append(song)
        else:
            dropped.append(
                Dropped.of(song, "duplicate", f"same words as {original.title or original.id!r} ({original.id})")
            )
    return kept, dropped

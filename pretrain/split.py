"""Which songs are learnt and which are held out, decided before any tokenizer.

Memory holds 41 bytes of each song, so a corpus on disk (`core.stored`) may be larger than memory.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import numpy as np
from tqdm import tqdm

from core.corpus import Corpus, Song
from core.errors import UserError
from core.stored import StoredSongs
from data.spool import CHUNK, map_chunks
from pretrain.verse_codes import known_code

# What songs are made of: marks, titles and ends; or one running text without any of them.
Document = Literal["songs", "text"]

VAL_SHARE = 0.1

# A corpus of one song is a long text (a play, a novel) from this many characters on.
LONG_TEXT = 10_000

# What is known of a song. Hashes as bytes: they compare as the hexadecimal digits would.
_FACTS = np.dtype([("draw", "S16"), ("id", "S16"), ("fingerprint", "<u4"), ("characters", "<u4"), ("verse", "?")])

Facts = np.ndarray[Any, np.dtype[np.void]]


class Fingerprints(Set[int]):
    """A set of song fingerprints that takes 4 bytes of each: `array` (N,), ascending."""

    def __init__(self, numbers: Iterable[int] | np.ndarray[Any, np.dtype[np.uint32]] = ()) -> None:
        given = numbers if isinstance(numbers, np.ndarray) else np.fromiter(numbers, np.uint32)
        self.array = np.unique(given)

    def __contains__(self, number: object) -> bool:
        place = int(np.searchsorted(self.array, cast("int", number)))
        return place < len(self.array) and int(self.array[place]) == number

    def __iter__(self) -> Iterator[int]:
        return iter(self.array.tolist())

    def __len__(self) -> int:
        return len(self.array)

    def __or__(self, other: Iterable[Any]) -> "Fingerprints":
        more = other if isinstance(other, Fingerprints) else Fingerprints(other)
        return Fingerprints(np.concatenate([self.array, more.array]))


@dataclass(frozen=True)
class Split:
    """The two sides of a corpus, before any tokenizer."""

    train: Sequence[Song]
    val: Sequence[Song]
    document: Document
    learnt: Fingerprints
    """Of the train side's songs."""
    characters: int
    """Of the train side's lyrics."""
    language: str = ""
    """The corpus's."""
    verse: bool = False
    """Whether the train side has songs in a language whose verse is analysed."""


def split_songs(corpus: Corpus, seed: int, learnt: Set[int] = frozenset()) -> Split:
    """Split by whole song, 90/10; a corpus of one long text at its tail.

    Songs are drawn by a hash of their lyrics and the seed: the split is the same for every tokenizer
    and moves little when the corpus grows. Songs whose `fingerprint` is in `learnt` never go to
    validation: an adapted model is not judged on what its base has learnt. Raises UserError when
    there is too little to split, or two songs share an id.
    """
    songs = corpus.songs
    if len(songs) == 1:
        return _split_text(songs[0])
    facts = _look_at(songs, seed, corpus.language)
    if (shared := len(facts) - len(np.unique(facts["id"]))) > 0:
        raise UserError(f"{shared} songs of the corpus share an id with another", "make it anew with data/prepare.py")
    candidates = np.flatnonzero(~np.isin(facts["fingerprint"], Fingerprints(learnt).array))
    if not len(candidates):
        raise UserError(
            "the base has learnt every song of this corpus: none is left for validation",
            "start from a base that was trained without some of them, or add songs",
        )
    held_out = np.zeros(len(songs), bool)
    held_out[_draw(candidates, facts["draw"][candidates], max(1, round(VAL_SHARE * len(songs))), songs)] = True
    train, val = (some_songs(songs, np.flatnonzero(side)) for side in (~held_out, held_out))
    of_train = facts[~held_out]
    characters, verse = int(of_train["characters"].sum()), bool(of_train["verse"].any())
    return Split(train, val, "songs", Fingerprints(of_train["fingerprint"]), characters, corpus.language, verse)


def fingerprint(song: Song) -> int:
    """By which a checkpoint knows a song it has learnt: 32 bits of its lyrics' SHA-256."""
    return int.from_bytes(hashlib.sha256(song.lyrics.encode()).digest()[:4], "big")


def song_chunks(songs: Sequence[Song]) -> Iterable[Sequence[Song]]:
    """Songs in parts that can be handed to another process."""
    if isinstance(songs, StoredSongs):
        return songs.chunks()
    return (songs[start : start + CHUNK] for start in range(0, len(songs), CHUNK))


def _look_at(songs: Sequence[Song], seed: int, language: str) -> Facts:
    found: list[Facts] = []
    with tqdm(desc="splitting", total=len(songs), unit=" songs", delay=2, leave=False) as bar:
        for facts in map_chunks(partial(_facts, seed=seed, language=language), song_chunks(songs), songs=len(songs)):
            found.append(facts)
            bar.update(len(facts))
    return np.concatenate(found)


def _facts(songs: Iterable[Song], seed: int, language: str) -> Facts:
    rows = [
        (
            hashlib.sha256(f"{seed}\n{song.lyrics}".encode()).digest()[:16],
            hashlib.sha256(song.id.encode()).digest()[:16],
            fingerprint(song),
            len(song.lyrics),
            known_code(song, language) is not None,
        )
        for song in songs
    ]
    return np.array(rows, _FACTS)


def _draw(candidates: Any, draws: Any, count: int, songs: Sequence[Song]) -> Any:
    """The `count` candidates that come first; of songs with the same lyrics, those whose id does."""
    order = np.argsort(draws, kind="stable")
    if count < len(order) and draws[order[count - 1]] == draws[order[count]]:
        same = np.flatnonzero(draws[order] == draws[order[count]])
        by_id = sorted((songs[candidates[place]].id, place) for place in order[same].tolist())
        order[same] = [place for _, place in by_id]
    return candidates[order[:count]]


def some_songs(songs: Sequence[Song], numbers: Iterable[int]) -> Sequence[Song]:
    """The songs at these places, on disk where `songs` are."""
    return songs.only(numbers) if isinstance(songs, StoredSongs) else tuple(songs[number] for number in numbers)


def _split_text(song: Song) -> Split:
    if len(song.lyrics) < LONG_TEXT:
        raise UserError(
            f"one song of {len(song.lyrics):,} characters cannot be split into train and validation",
            f"give at least two songs, or one text of at least {LONG_TEXT:,} characters",
        )
    cut = int(len(song.lyrics) * (1 - VAL_SHARE))
    head, tail = (Song(id=song.id, lyrics=part) for part in (song.lyrics[:cut], song.lyrics[cut:]))
    return Split((head,), (tail,), "text", Fingerprints([fingerprint(head)]), cut)

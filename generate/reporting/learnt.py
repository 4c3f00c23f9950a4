"""The songs that a checkpoint learnt and those that were held out, told by the fingerprints that it keeps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from safetensors import safe_open
from tqdm import tqdm

from core.corpus import Corpus
from core.stored import open_corpus
from generate.origin import origin_of
from pretrain.checkpoint import MODEL, Checkpoint
from pretrain.split import fingerprint, some_songs, split_songs

Item = TypeVar("Item")

# Of more text than this, songs are drawn evenly: the baselines take 100 bytes of memory for each.
MOST = 5_000_000  # characters

# A long text is looked at in parts, about as long as a song.
PART = 1200  # characters


@dataclass(frozen=True)
class Learnt:
    """What a checkpoint can be compared with, as far as it still stands beside it."""

    corpus: Corpus | None
    """The corpus it was trained on or adapted to, as it was then."""
    base: list[Corpus]
    """Those that its base learnt from."""
    train: list[str]
    """Lyrics of that corpus which it learnt from."""
    held_out: list[str]
    """Lyrics of that corpus which it did not."""
    earlier: list[str]
    """Lyrics that its base learnt from, of those."""
    missing: list[str]
    """What is not here, in sentences."""


def read_learnt(folder: Path, checkpoint: Checkpoint) -> Learnt:
    """Look for the corpora of a checkpoint folder, and divide their songs as the training did.

    A corpus of other songs than it learnt from is none of them.
    """
    origin = origin_of(folder, checkpoint.learnt)
    home = folder.parent.parent / "corpus.json"
    # Of an adapted model, only the base's corpus may be left.
    name = open_corpus(home).name if home.exists() else ""
    own = next((corpus for corpus in origin.corpora[-1:] if corpus.name == name), None)
    base = [corpus for corpus in origin.corpora if corpus is not own]
    missing = [] if own else ["The corpus is not beside the checkpoint, or not as it was: nothing is compared with it."]
    if own and not origin.complete:
        missing.append("The base's corpus is not there, or not as it was: the baselines know the artist's songs only.")
    sides = {corpus.name: _divide(corpus, checkpoint) for corpus in origin.corpora}
    if any(side.share < 1 for side in sides.values()):
        missing.append(f"Of a corpus of more than {MOST:,} characters, songs were drawn evenly.")
    earlier = [lyrics for corpus in base for lyrics in sides[corpus.name].train]
    mine = sides[own.name] if own else _Sides([], [], 1.0)
    return Learnt(own, base, mine.train, mine.held_out, earlier, missing)


def facts_of(folder: Path) -> dict[str, Any]:
    """What a checkpoint's model says of itself: step, minutes, losses."""
    with safe_open(folder / MODEL, framework="np") as file:
        return cast("dict[str, Any]", json.loads(file.metadata()["facts"]))


class _Sides(NamedTuple):
    train: list[str]
    held_out: list[str]
    share: float
    """Of all songs, that these are."""


def _divide(corpus: Corpus, checkpoint: Checkpoint) -> _Sides:
    """Lyrics learnt, lyrics held out; a long text's parts."""
    if len(corpus.songs) == 1:
        split = split_songs(corpus, seed=0)  # at its tail, whatever the seed
        share = min(1.0, MOST / len(corpus.songs[0].lyrics))
        return _Sides(_parts(split.train[0].lyrics, share), _parts(split.val[0].lyrics, share), share)
    learnt: list[int] = []
    others: list[int] = []
    characters = 0
    for place, song in enumerate(tqdm(corpus.songs, "reading", unit=" songs", delay=2, leave=False, disable=None)):
        (learnt if fingerprint(song) in checkpoint.learnt else others).append(place)
        characters += len(song.lyrics)
    share = min(1.0, MOST / characters)
    train, held_out = (
        [song.lyrics for song in some_songs(corpus.songs, evenly(places, share))] for places in (learnt, others)
    )
    return _Sides(train, held_out, share)


def evenly(items: Sequence[Item], share: float) -> list[Item]:
    """A share of the items, drawn evenly; one at least, if there is one."""
    count = min(len(items), max(1, round(share * len(items))))
    return [items[number * len(items) // count] for number in range(count)]


def _parts(text: str, share: float) -> list[str]:
    """A share of a text, cut between lines into parts of at least PART characters."""
    parts: list[list[str]] = [[]]
    length = 0
    for line in text.split("\n"):
        parts[-1].append(line)
        length += len(line) + 1
        if length >= PART:
            parts.append([])
            length = 0
    return evenly([part for lines in parts if (part := "\n".join(lines)).strip()], share)

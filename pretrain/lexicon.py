"""The words that a model has learnt from, by language: what verse in a form is made of.

A model that writes in pieces of words writes some that do not exist; held to this list, it does not. How often a word
ends a line says whether it is one to rhyme on.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from tqdm import tqdm

from core.artifacts import shown
from core.corpus import Song
from core.errors import UserError
from core.files import read_json, write_text
from data.spool import map_chunks
from pretrain.phrases import evenly
from pretrain.split import Split, some_songs, song_chunks
from pretrain.verse_codes import is_heading, known_code
from prosody.line import LANGUAGES, Language
from prosody.rhyming import words_of

LEXICON = "lexicon.json"

# Of more text than this, evenly drawn songs tell enough about words.
ENOUGH = 10_000_000  # characters


@dataclass
class Words:
    """The words of one language, in lower case."""

    counts: Counter[str] = field(default_factory=Counter[str])
    ends: Counter[str] = field(default_factory=Counter[str])
    """How often each ends a line."""


@dataclass
class Lexicon:
    """The words of each language that the songs are in."""

    languages: dict[Language, Words] = field(default_factory=dict[Language, Words])

    def of(self, language: Language) -> Words:
        """The words of a language; none, if no song was in it."""
        return self.languages.get(language, Words())

    def __add__(self, other: "Lexicon") -> "Lexicon":
        known: list[Language] = [code for code in LANGUAGES if code in self.languages or code in other.languages]
        return Lexicon({code: _joined(self.of(code), other.of(code)) for code in known})


def _joined(one: Words, other: Words) -> Words:
    return Words(one.counts + other.counts, one.ends + other.ends)


def lexicon_of_split(split: Split) -> Lexicon:
    """The words of a corpus's train side; of much text, those of songs drawn evenly, to about ENOUGH characters.

    Raises:
        UserError: as `prosody.rhyming.words_of`.
    """
    songs = split.train
    if split.characters > ENOUGH:
        songs = some_songs(songs, evenly(len(songs), ENOUGH / split.characters))
    return build_lexicon(songs, split.language)


def build_lexicon(songs: Sequence[Song], language: str) -> Lexicon:
    """The words of songs of a corpus in `language`, on all cores where there are many songs.

    Songs in languages without an analysis have none.

    Raises:
        UserError: as `prosody.rhyming.words_of`.
    """
    lexicon = Lexicon()
    with tqdm(desc="counting words", total=len(songs), unit=" songs", delay=2, leave=False, disable=None) as bar:
        count = partial(_lexicon_of_some, language=language)
        for some, looked_at in map_chunks(count, song_chunks(songs), songs=len(songs)):
            for code, words in some.languages.items():
                known = lexicon.languages.setdefault(code, Words())
                known.counts.update(words.counts)
                known.ends.update(words.ends)
            bar.update(looked_at)
    return lexicon


def _lexicon_of_some(songs: Sequence[Song], language: str) -> tuple[Lexicon, int]:
    lexicon = Lexicon()
    for song in songs:
        spoken = known_code(song, language)
        if spoken is None:
            continue
        words = lexicon.languages.setdefault(spoken, Words())
        for text in song.lyrics.split("\n"):
            said = () if is_heading(text) else words_of(text, spoken)
            words.counts.update(said)
            words.ends.update(said[-1:])
    return lexicon, len(songs)


def save_lexicon(folder: Path, lexicon: Lexicon) -> None:
    """Write lexicon.json: of each word how often it stands, and how often at a line's end."""
    value = {
        code: {word: [count, words.ends[word]] for word, count in sorted(words.counts.items())}
        for code, words in lexicon.languages.items()
    }
    write_text(folder / LEXICON, json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def load_lexicon(folder: Path) -> Lexicon:
    """Read lexicon.json; raises UserError when it is missing or damaged."""
    path = folder / LEXICON
    if not path.exists():
        raise UserError(f"{shown(folder)} has no {LEXICON}: it does not know the words to rhyme on", "train it again")
    value = read_json(path)
    try:
        entries = dict(cast("dict[str, Any]", value).items())
        return Lexicon({code: _words(entries[code]) for code in LANGUAGES if code in entries})
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(
            f"{shown(path)} is damaged: {error}", "copy the whole folder again, or train it again"
        ) from error


def _words(entries: dict[str, Any]) -> Words:
    words = Words()
    for word, (count, ends) in entries.items():
        words.counts[word] = int(count)
        if ends:
            words.ends[word] = int(ends)
    return words

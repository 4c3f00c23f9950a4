"""The contract between stage 1 and the rest: corpus.json, schema 1."""

import dataclasses
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from core.artifacts import shown
from core.errors import UserError
from core.files import read_json, write_json

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Song:
    """One song, poem or long text."""

    id: str
    """Unique within the corpus."""
    title: str = ""
    artist: str = ""
    album: str = ""
    year: int | None = None
    url: str = ""
    lyrics: str
    """NFC; one verse line per line, one blank line between stanzas, headings on their own line: [Coro]."""
    language: str = ""
    """ISO 639-1 code, where it is known song by song."""
    form: str = ""
    """Declared fixed form, such as "redondilla ABBA 8"; empty when none is declared."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The songs of one artist, or of one collection."""

    name: str
    language: str
    """ISO 639-1 code; "mul" for several languages, "und" where nobody said."""
    source: str
    songs: tuple[Song, ...]

    @property
    def characters(self) -> int:
        """Characters of all lyrics."""
        return sum(len(song.lyrics) for song in self.songs)


def write_corpus(path: Path, corpus: Corpus) -> None:
    """Write corpus.json; optional song fields that are empty everywhere stay out."""
    songs = [dataclasses.asdict(song) for song in corpus.songs]
    for optional in ("language", "form"):
        if not any(song[optional] for song in songs):
            for song in songs:
                del song[optional]
    head = {"schema": SCHEMA, "name": corpus.name, "language": corpus.language, "source": corpus.source}
    write_json(path, head | {"songs": songs})


def read_corpus(path: Path) -> Corpus:
    """Read and validate corpus.json.

    Raises UserError when it is missing, broken, empty, or of another schema.
    """
    if not path.exists():
        raise UserError(
            f"no corpus at {shown(path)}",
            f"python data/prepare.py --artist {path.parent.name}  (--help shows every source)",
        )
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{shown(path)} is no corpus: a JSON object is expected, not a {type(value).__name__}")
    head = cast("dict[str, Any]", value)
    if head.get("schema") != SCHEMA:
        raise UserError(
            f"{shown(path)} has schema {head.get('schema')!r}, not {SCHEMA}", "make it anew with data/prepare.py"
        )
    items = head.get("songs")
    if not isinstance(items, list):
        raise UserError(f"{shown(path)}: songs must be a list")
    songs = tuple(_song(path, number, item) for number, item in enumerate(cast("list[Any]", items)))
    if not songs:
        raise UserError(f"{shown(path)} holds no song", "make it anew with data/prepare.py")
    ids = {song.id for song in songs}
    if len(ids) != len(songs):
        raise UserError(f"{shown(path)}: {len(songs) - len(ids)} songs share an id with another")
    words = {key: _typed(path, key, head.get(key), str) for key in ("name", "language", "source")}
    return Corpus(**words, songs=songs)


_TYPES: dict[str, tuple[type, ...]] = {
    field.name: (int, type(None)) if field.name == "year" else (str,) for field in dataclasses.fields(Song)
}


def _song(path: Path, number: int, item: Any) -> Song:
    where = f"songs[{number}]"
    if not isinstance(item, dict):
        raise UserError(f"{shown(path)}: {where} must be an object, not a {type(item).__name__}")
    fields = cast("dict[str, Any]", item)
    known = {key: _typed(path, f"{where}.{key}", value, *_TYPES[key]) for key, value in fields.items() if key in _TYPES}
    for required in ("id", "lyrics"):
        if not known.get(required):
            raise UserError(f"{shown(path)}: {where} has no {required}")
    if not unicodedata.is_normalized("NFC", known["lyrics"]):
        raise UserError(f"{shown(path)}: the lyrics of {where} are not NFC", "make it anew with data/prepare.py")
    return Song(**known)


def _typed(path: Path, where: str, value: Any, *types: type) -> Any:
    # bool is a subclass of int, and True is no year.
    if not isinstance(value, types) or isinstance(value, bool):
        expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in types)
        raise UserError(f"{shown(path)}: {where} must be {expected}, not {type(value).__name__}")
    return value

"""The contract between stage 1 and the rest: corpus.json, schema 1."""

import dataclasses
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, cast

from core.artifacts import shown
from core.errors import UserError
from core.files import atomic_path, read_json

SCHEMA = 1

# Columns that not every source has: they stay out where no song has them.
OPTIONAL = ("language", "form", "performers")

# corpus.json opens like this and goes on with one song per line: a reader need not hold it as one string.
SONGS_OPEN = '  "songs": [\n'
_SONGS_CLOSE = "\n  ]\n}\n"
LONGEST_HEAD = 100  # lines


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
    performers: str = ""
    """Who sings what, where the source says: "Coro: Ana; Verso 2: Bruno". Apart from the lyrics: a name in a
    heading is a token that a model of few songs never learns, and writes where nobody asked."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The songs of one artist, or of one collection."""

    name: str
    language: str
    """ISO 639-1 code; "mul" for several languages, "und" where nobody said."""
    source: str
    songs: Sequence[Song]
    """A tuple, or what `core.stored` reads from disk whenever it is looked at."""

    @property
    def characters(self) -> int:
        """Characters of all lyrics."""
        return sum(len(song.lyrics) for song in self.songs)


def write_corpus(path: Path, corpus: Corpus) -> None:
    """Write corpus.json; optional song fields that are empty everywhere stay out."""
    absent = [name for name in OPTIONAL if not any(getattr(song, name) for song in corpus.songs)]
    lines = (song_to_json(song, absent) for song in corpus.songs)
    write_song_lines(path, lines, name=corpus.name, language=corpus.language, source=corpus.source)


def write_song_lines(path: Path, lines: Iterable[str], *, name: str, language: str, source: str) -> None:
    """Write corpus.json of songs that are JSON already (`song_to_json`); they may be more than memory holds."""
    head = {"schema": SCHEMA, "name": name, "language": language, "source": source}
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(head, ensure_ascii=False, indent=2).removesuffix("\n}") + ",\n" + SONGS_OPEN)
        comma = ""
        for line in lines:
            file.write(f"{comma}    {line}")
            comma = ",\n"
        file.write(_SONGS_CLOSE)


def song_to_json(song: Song, absent: Iterable[str] = ()) -> str:
    """A song as one line of JSON, without the fields that are `absent`."""
    fields = {name: getattr(song, name) for name in _TYPES}
    for name in absent:
        del fields[name]
    return json.dumps(fields, ensure_ascii=False)


def read_corpus(path: Path) -> Corpus:
    """Read and validate corpus.json.

    Raises UserError when it is missing, broken, empty, or of another schema.
    """
    check_there(path)
    value = _read_song_by_song(path) or read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{shown(path)} is no corpus: a JSON object is expected, not a {type(value).__name__}")
    head = cast("dict[str, Any]", value)
    check_schema(path, head)
    items = head.get("songs")
    if not isinstance(items, list):
        raise UserError(f"{shown(path)}: songs must be a list")
    songs = tuple(
        item if isinstance(item, Song) else check_song(path, number, item)
        for number, item in enumerate(cast("list[Any]", items))
    )
    check_count(path, len(songs))
    ids = {song.id for song in songs}
    if len(ids) != len(songs):
        raise UserError(f"{shown(path)}: {len(songs) - len(ids)} songs share an id with another")
    return Corpus(**head_words(path, head), songs=songs)


def check_there(path: Path) -> None:
    """Raise UserError where there is no corpus.json."""
    if not path.exists():
        raise UserError(
            f"no corpus at {shown(path)}",
            f"python data/prepare.py --artist {path.parent.name}  (--help shows every source)",
        )


def check_schema(path: Path, head: dict[str, Any]) -> None:
    """Raise UserError where corpus.json is of another schema."""
    if head.get("schema") != SCHEMA:
        raise UserError(
            f"{shown(path)} has schema {head.get('schema')!r}, not {SCHEMA}", "make it anew with data/prepare.py"
        )


def check_count(path: Path, songs: int) -> None:
    """Raise UserError where corpus.json holds nothing."""
    if not songs:
        raise UserError(f"{shown(path)} holds no song", "make it anew with data/prepare.py")


def head_words(path: Path, head: dict[str, Any]) -> dict[str, str]:
    """Name, language and source; raises UserError where one is missing or no text."""
    words = {key: head.get(key) for key in ("name", "language", "source")}
    for key, value in words.items():
        if not isinstance(value, str):
            raise _wrong_type(path, key, value, str)
    return cast("dict[str, str]", words)


def _read_song_by_song(path: Path) -> dict[str, Any] | None:
    """The value of a file laid out as `write_song_lines` does; None when it is laid out otherwise, or broken."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            head: list[str] = []
            for line in file:
                if line == SONGS_OPEN:
                    break
                head.append(line)
                if len(head) > LONGEST_HEAD:
                    return None
            value = json.loads("".join(head).rstrip().removesuffix(",") + "}")
            value["songs"] = [check_song(path, number, item) for number, item in enumerate(_song_items(file))]
            return value
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def _song_items(lines: Iterable[str]) -> Iterator[Any]:
    lines = iter(lines)
    for line in lines:
        item = line.strip()
        if item == "]":
            json.loads("".join(chain("{", lines)))  # the closing brace, and nothing after it
            return
        yield json.loads(item.removesuffix(","))
    raise json.JSONDecodeError("songs do not end", "", 0)


_TYPES: dict[str, tuple[type, ...]] = {
    field.name: (int, type(None)) if field.name == "year" else (str,) for field in dataclasses.fields(Song)
}


def check_song(path: Path, number: int, item: Any) -> Song:
    """The song that a JSON value is; raises UserError, naming songs[number], when it is none."""
    where = f"songs[{number}]"
    if not isinstance(item, dict):
        raise UserError(f"{shown(path)}: {where} must be an object, not a {type(item).__name__}")
    known = {key: value for key, value in cast("dict[str, Any]", item).items() if key in _TYPES}
    for key, value in known.items():
        if type(value) not in _TYPES[key]:  # bool is not int here: True is no year
            raise _wrong_type(path, f"{where}.{key}", value, *_TYPES[key])
    for required in ("id", "lyrics"):
        if not known.get(required):
            raise UserError(f"{shown(path)}: {where} has no {required}")
    if not unicodedata.is_normalized("NFC", known["lyrics"]):
        raise UserError(f"{shown(path)}: the lyrics of {where} are not NFC", "make it anew with data/prepare.py")
    try:
        f"{known['id']}{known.get('title')}{known['lyrics']}".encode()
    except UnicodeEncodeError as error:
        # JSON can write half a surrogate pair, which is no character.
        raise UserError(f"{shown(path)}: {where} is no Unicode text", "make it anew with data/prepare.py") from error
    return Song(**known)


def _wrong_type(path: Path, where: str, value: Any, *types: type) -> UserError:
    expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in types)
    return UserError(f"{shown(path)}: {where} must be {expected}, not {type(value).__name__}")

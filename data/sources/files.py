"""Songs from files that are already there: JSON, JSON lines, CSV, plain text, a folder of texts."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from core.artifacts import shown
from core.corpus import Song
from core.errors import UserError
from data.cleaning.characters import fold
from data.columns import find_columns, json_kind, no_lyrics_column, songs_from_records
from data.plaintext import is_utf8, read_plain_text

Record = tuple[str, Mapping[str, Any]]

_JSON_LINES = (".jsonl", ".ndjson")

_DELIMITERS = ",;\t|"

# Python's own limit, 128 KiB, is less than a novel in one cell.
_LARGEST_CELL = 2**31 - 1


def read_files(path: Path) -> Iterator[Song]:
    """Songs of a file, by its ending (anything but .json, .jsonl, .csv, .tsv is one text), or of a folder of .txt.

    Raises UserError when it is missing, empty, broken, or has no lyrics.
    """
    if not path.exists():
        raise UserError(f"{shown(path)} does not exist", "check the path: a file, or a folder of .txt files")
    if path.is_dir():
        return songs_from_records(shown(path), _folder(path))
    if path.suffix.lower() in _JSON_LINES and is_utf8(path):
        # Line by line: such a file may be larger than memory.
        return songs_from_records(shown(path), _streamed(path))
    text = read_plain_text(path)
    if not text.strip():
        raise UserError(f"{shown(path)} is empty", "give a file with lyrics in it")
    match path.suffix.lower():
        case ".json":
            records = _json(path, text)
        case suffix if suffix in _JSON_LINES:
            records = _json_lines(path, text.split("\n"))
        case ".csv" | ".tsv":
            records = _table(path, text)
        case _:
            records = [(shown(path), {"title": path.stem, "lyrics": text})]
    return songs_from_records(shown(path), records)


def _folder(folder: Path) -> Iterator[Record]:
    # Hidden files hold what desktops note about the visible ones.
    paths = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() == ".txt" and not path.name.startswith(".")
    )
    if not paths:
        raise UserError(f"{shown(folder)} holds no .txt file", "one song per file, named after its title: Balada.txt")
    for path in paths:
        place = "/".join(fold(part).replace(" ", "-") for part in path.relative_to(folder).with_suffix("").parts)
        yield shown(path), {"id": place, "title": path.stem, "lyrics": read_plain_text(path)}


def _json(path: Path, text: str) -> Iterable[Record]:
    """A list of records, an object {title: lyrics}, or an object whose "songs" are records, as our own corpus.json."""
    try:
        value = _parse_json(path, text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and error.lineno > 1:
            return _json_lines(path, text.split("\n"))
        raise _broken_json(path, error.lineno, error) from error
    if isinstance(value, list):
        return _json_records(path, cast("list[Any]", value))
    if not isinstance(value, tuple):
        raise UserError(
            f"{shown(path)} holds {json_kind(value)}, no songs", "a JSON list of objects, or {title: lyrics}"
        )
    pairs = cast("tuple[tuple[str, Any], ...]", value)
    fields = dict(pairs)
    if isinstance(fields.get("songs"), list):
        return _json_records(path, fields["songs"])
    # Some poem is called "Poema", but hardly all of them are called after columns.
    if {"lyrics", "title"} <= (columns := find_columns(fields)).keys() and len(columns) == len(fields):
        return [(shown(path), fields)]
    return ((f"{shown(path)}, {title!r}", {"title": title, "lyrics": lyrics}) for title, lyrics in pairs)


def _json_records(path: Path, items: list[Any]) -> Iterator[Record]:
    for number, item in enumerate(items, 1):
        yield _record(f"{shown(path)}, item {number}", item)


def _streamed(path: Path) -> Iterator[Record]:
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        yield from _json_lines(path, (line.removesuffix("\n") for line in file))


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[Record]:
    # Cut at line feeds only: a JSON string may hold U+2028 as it is.
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                item = _parse_json(path, line)
            except json.JSONDecodeError as error:
                raise _broken_json(path, number, error) from error
            yield _record(f"{shown(path)}, line {number}", item)


def _record(where: str, item: Any) -> Record:
    if not isinstance(item, tuple):
        raise UserError(f"{where}: an object is expected, not {json_kind(item)}", 'write {"title": …, "lyrics": …}')
    return where, dict(cast("tuple[tuple[str, Any], ...]", item))


def _parse_json(path: Path, text: str) -> Any:
    """JSON with objects as tuples of pairs: a title may stand twice in {title: lyrics}."""
    try:
        return json.loads(text, object_pairs_hook=tuple, parse_constant=lambda _: None)
    except RecursionError as error:
        raise UserError(f"{shown(path)}: the JSON is nested too deeply", "a list of objects is enough") from error


def _broken_json(path: Path, line: int, error: json.JSONDecodeError) -> UserError:
    return UserError(f"{shown(path)}, line {line}, column {error.colno}: {error.msg}", "mend the JSON at that place")


def _table(path: Path, text: str) -> Iterator[Record]:
    csv.field_size_limit(_LARGEST_CELL)
    delimiter = _sniff_delimiter(text)
    # Strict: else one quote that is never closed swallows every song after it.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise UserError(
                f"{shown(path)}, row from line {line}: {error}",
                'close every quote; write a quote inside quotes twice: ""',
            ) from error
        if row is None:
            return
        if not any(row):
            continue
        if header is None:
            header = row
            if "lyrics" not in find_columns(header):
                raise no_lyrics_column(shown(path), header)
        elif len(row) > len(header):
            raise UserError(
                f"{shown(path)}, line {line}: {len(row)} cells under {len(header)} columns",
                f"put cells that hold {delimiter!r} in double quotes",
            )
        else:
            yield f"{shown(path)}, line {line}", dict(zip(header, row, strict=False))


def _sniff_delimiter(text: str) -> str:
    """The sign that cuts the header into a lyrics column and most others.

    csv.Sniffer looks at the lyrics too, and they mislead it.
    """

    def columns(delimiter: str) -> tuple[bool, int]:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(row):
                return "lyrics" in find_columns(row), len(row)
        return False, 0

    return max(_DELIMITERS, key=columns)

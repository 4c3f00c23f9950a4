"""Songs that stay in corpus.json and are read whenever they are looked at: a corpus may exceed memory."""

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, overload

import numpy as np
from tqdm import tqdm

from core.artifacts import shown
from core.corpus import (
    LONGEST_HEAD,
    SONGS_OPEN,
    Corpus,
    Song,
    check_count,
    check_schema,
    check_song,
    check_there,
    head_words,
    read_corpus,
)
from core.errors import UserError

Numbers = np.ndarray[Any, np.dtype[np.int64]]

# Of lines that are handed on together: large enough that handing over costs little, small enough for memory.
CHUNK = 1 << 20  # bytes


class StoredSongs(Sequence[Song]):
    """Songs of a corpus.json with one song per line: all of them, or some. Memory holds 24 bytes of each.

    Looking at a song reads and validates it; it raises UserError when the song is not valid, or when
    the file is not any more what it was when it was opened.
    """

    def __init__(self, path: Path, stamp: tuple[int, ...], first_line: int, lines: Numbers) -> None:
        """`lines` (N, 3): number of a song, where its line starts, where it ends; `first_line` is that of song 0."""
        self.path = path
        self._stamp, self._first_line, self._lines = stamp, first_line, lines

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Song: ...
    @overload
    def __getitem__(self, index: slice) -> "StoredSongs": ...
    def __getitem__(self, index: int | slice) -> "Song | StoredSongs":
        if isinstance(index, slice):
            return self._of(self._lines[index])
        return next(iter(self._of(self._lines[[index]])))

    def __iter__(self) -> Iterator[Song]:
        for chunk in self.chunks():
            yield from chunk._read()

    def only(self, which: Iterable[int]) -> "StoredSongs":
        """The songs at these places."""
        return self._of(self._lines[np.fromiter(which, np.int64)])

    def chunks(self) -> "Iterator[StoredSongs]":
        """The same songs in parts of about CHUNK bytes, that another process can read as well."""
        ends = np.cumsum(self._lines[:, 2] - self._lines[:, 1])
        start = 0
        while start < len(self):
            read = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, read + CHUNK)))
            yield self._of(self._lines[start:stop])
            start = stop

    def _of(self, lines: Numbers) -> "StoredSongs":
        return StoredSongs(self.path, self._stamp, self._first_line, lines)

    def _read(self) -> Iterator[Song]:
        with self.path.open("rb") as file:
            if _stamp(file) != self._stamp:
                raise UserError(f"{shown(self.path)} was changed while it was read", "run the same command again")
            for number, start, end in self._lines.tolist():
                file.seek(start)
                yield check_song(self.path, number, self._parse(number, file.read(end - start)))

    def _parse(self, number: int, line: bytes) -> Any:
        try:
            return json.loads(line.strip().removesuffix(b","))
        except json.JSONDecodeError as error:
            where = f"{shown(self.path)}, line {self._first_line + number}, column {error.colno}"
            raise UserError(f"{where}: {error.msg}", "make it anew with data/prepare.py") from error
        except UnicodeDecodeError as error:
            where = f"{shown(self.path)}, line {self._first_line + number}"
            raise UserError(f"{where} is not UTF-8 text", "make it anew with data/prepare.py") from error


def open_corpus(path: Path) -> Corpus:
    """Open corpus.json without holding its songs in memory; where it is laid out otherwise, read it whole.

    Raises UserError as `read_corpus` does; but songs are validated when they are looked at, and
    whoever looks at all of them must see that no two share an id.
    """
    check_there(path)
    with path.open("rb") as file:
        return _open(path, file) or read_corpus(path)


def _open(path: Path, file: BufferedReader) -> Corpus | None:
    """None when the file is laid out otherwise than `write_song_lines` does, or broken."""
    stamp, opening = _stamp(file), SONGS_OPEN.encode()
    try:
        head_lines: list[bytes] = []
        for line in file:
            if line == opening:
                break
            if len(head_lines) == LONGEST_HEAD:
                return None
            head_lines.append(line)
        head = json.loads(b"".join(head_lines).rstrip().removesuffix(b",") + b"}")
        starts = array("q", [file.tell()])
        for line in tqdm(file, "finding the songs", unit=" songs", delay=2, leave=False):
            item = line.strip()
            if item == b"]":
                break
            if not (item.startswith(b"{") and item.endswith((b"}", b"},"))):
                return None
            starts.append(starts[-1] + len(line))
        json.loads(b"{" + file.read())  # the closing brace, and nothing after it
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    check_schema(path, head)
    check_count(path, len(starts) - 1)
    lines = np.stack([np.arange(len(starts) - 1), starts[:-1], starts[1:]], axis=1)
    return Corpus(**head_words(path, head), songs=StoredSongs(path, stamp, len(head_lines) + 2, lines))


def _stamp(file: BufferedReader) -> tuple[int, ...]:
    """By which a file that was changed or replaced is told."""
    state = os.fstat(file.fileno())
    return (state.st_ino, state.st_size, state.st_mtime_ns)

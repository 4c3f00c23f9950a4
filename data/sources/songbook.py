"""The bundled songs: data/songbook/<artist>/<year>-<album>.txt, one album per file.

artist: Ramal Sur
album: Kilómetro cero
year: 1987
language: es

# Title of a song
form: redondilla ABBA 8

[Verso 1]
first line
"""

import re
from collections.abc import Iterator
from pathlib import Path

from core.artifacts import shown, slug
from core.corpus import Song
from core.errors import UserError
from data.plaintext import read_plain_text

SONGBOOK = Path(__file__).resolve().parent.parent / "songbook"

HEADER = ("artist", "album", "year", "language")

_FREE = "free"
_FIELD = re.compile(r"(\w+): *(.*\S)")
_NUMBERED_LINES = list[tuple[int, str]]


def read_songbook(folder: Path = SONGBOOK) -> Iterator[Song]:
    """Songs of every album, artist by artist and year by year; ids such as ramal-sur/kilometro-cero/01-title.

    Raises UserError, naming file and line, where an album does not keep to the format.
    """
    paths = sorted(folder.glob("*/*.txt"))
    if not paths:
        raise UserError(f"no songbook at {shown(folder)}", "albums stand in <folder>/<artist>/<year>-<album>.txt")
    albums: dict[str, Path] = {}
    for path in paths:
        lines = list(enumerate(read_plain_text(path).splitlines(), 1))
        header, rest = _read_header(path, lines)
        place = f"{slug(header['artist'])}/{slug(header['album'])}"
        if place in albums:
            raise _fault(path, 1, f"{shown(albums[place])} is the same album by the same artist")
        albums[place] = path
        yield from _read_album(path, place, header, rest)


def _fault(path: Path, line: int, message: str) -> UserError:
    return UserError(
        f"{shown(path)}, line {line}: {message}", "mend that line; data/sources/songbook.py shows the format"
    )


def _read_header(path: Path, lines: _NUMBERED_LINES) -> tuple[dict[str, str], _NUMBERED_LINES]:
    header: dict[str, str] = {}
    for number, line in lines:
        if not line.strip():
            break
        field = _FIELD.fullmatch(line.strip())
        if not field or field[1] not in HEADER:
            raise _fault(path, number, f"the header has {', '.join(f'{key}:' for key in HEADER)}, not {line.strip()!r}")
        if field[1] in header:
            raise _fault(path, number, f"{field[1]}: stands twice")
        if field[1] == "year" and not re.fullmatch(r"\d{4}", field[2]):
            raise _fault(path, number, f"year: takes four digits, not {field[2]!r}")
        header[field[1]] = field[2]
    if missing := [f"{key}:" for key in HEADER if key not in header]:
        raise _fault(path, len(header) + 1, f"the header lacks {', '.join(missing)}")
    return header, lines[len(header) :]


def _read_album(path: Path, place: str, header: dict[str, str], lines: _NUMBERED_LINES) -> Iterator[Song]:
    starts = [index for index, (_, line) in enumerate(lines) if line == "#" or line.startswith("# ")]
    for number, line in lines[: starts[0] if starts else len(lines)]:
        if line.strip():
            raise _fault(path, number, f"a song starts with # and its title, not {line.strip()!r}")
    if not starts:
        raise _fault(path, len(header) + 1, "no song follows the header")
    for track, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True), 1):
        title, form, lyrics = _read_song(path, lines[start:end])
        yield Song(
            id=f"{place}/{track:02}-{slug(title)}",
            title=title,
            artist=header["artist"],
            album=header["album"],
            year=int(header["year"]),
            lyrics=lyrics,
            language=header["language"],
            form="" if form == _FREE else form,
        )


def _read_song(path: Path, lines: _NUMBERED_LINES) -> tuple[str, str, str]:
    number, line = lines[0]
    title = line[1:].strip()
    if not any(char.isalnum() for char in title):
        raise _fault(path, number, "a title is missing after #")
    form = _FIELD.fullmatch(lines[1][1].strip()) if len(lines) > 1 else None
    if not form or form[1] != "form":
        raise _fault(path, number + 1, f"form: is expected below the title {title!r} (form: free, if it has none)")
    lyrics = "\n".join(line for _, line in lines[2:]).strip("\n")
    if not lyrics.strip():
        raise _fault(path, number, f"{title!r} has no lyrics")
    return title, form[2], lyrics

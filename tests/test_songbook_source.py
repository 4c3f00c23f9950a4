from pathlib import Path

import pytest

from core.errors import UserError
from data.sources.songbook import read_songbook

HEADER = """artist: Los Ñandúes
album: Vía muerta
year: 1991
language: es
"""
ALBUM = f"""{HEADER}
# El último tren
form: redondilla ABBA 8

[Verso 1]
Se fue sin decir adiós
el último tren del año

[Coro]
y quedamos dos
# ¿Qué hora es?
form: free

La hora: de #1
"""


def write(folder: Path, text: str, name: str = "los-nandues/1991-via-muerta.txt") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_an_album_becomes_songs_with_all_that_its_header_says(tmp_path: Path) -> None:
    write(tmp_path, ALBUM)
    first, second = read_songbook(tmp_path)
    assert first.id == "los-nandues/via-muerta/01-el-ultimo-tren"
    assert (first.title, first.form) == ("El último tren", "redondilla ABBA 8")
    assert first.lyrics == "[Verso 1]\nSe fue sin decir adiós\nel último tren del año\n\n[Coro]\ny quedamos dos"
    assert (second.id, second.form) == ("los-nandues/via-muerta/02-que-hora-es", "")
    assert second.lyrics == "La hora: de #1"
    for song in (first, second):
        assert (song.artist, song.album, song.year, song.language) == ("Los Ñandúes", "Vía muerta", 1991, "es")


def test_ids_and_songs_do_not_hang_on_line_ends_or_file_names(tmp_path: Path) -> None:
    write(tmp_path / "a", ALBUM)
    write(tmp_path / "b", ALBUM.replace("\n", "\r\n"), "x/y.txt")
    assert list(read_songbook(tmp_path / "a")) == list(read_songbook(tmp_path / "b"))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (ALBUM.replace("year: 1991\n", ""), 4, "lacks year:"),
        (ALBUM.replace("1991", "MCMXCI"), 3, "four digits"),
        (ALBUM.replace("album:", "disc:"), 2, "the header has"),
        (ALBUM.replace("language: es", "artist: otro"), 4, "stands twice"),
        (ALBUM.replace("# El último tren\n", ""), 6, "a song starts with #"),
        (ALBUM.replace("form: redondilla ABBA 8\n", ""), 7, "form: is expected"),
        (ALBUM.replace("form: redondilla ABBA 8", "form:"), 7, "form: is expected"),
        (ALBUM.replace("¿Qué hora es?", "¿?"), 15, "title is missing"),
        (ALBUM.replace("La hora: de #1\n", ""), 15, "has no lyrics"),
        (HEADER, 5, "no song follows"),
        ("", 1, "lacks artist:"),
        ("# Sin cabecera\nform: free\n\nla\n", 1, "the header has"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        list(read_songbook(tmp_path))
    assert f"{path}, line {line}: " in caught.value.message
    assert said in caught.value.message
    assert caught.value.hint


def test_the_same_album_twice_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, ALBUM)
    write(tmp_path, ALBUM, "los-nandues/1992-via-muerta.txt")
    with pytest.raises(UserError, match="the same album"):
        list(read_songbook(tmp_path))


def test_a_folder_without_albums_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no songbook"):
        list(read_songbook(tmp_path))


def test_the_bundled_songs_keep_to_the_format() -> None:
    songs = list(read_songbook())
    assert len({song.id for song in songs}) == len(songs) > 0

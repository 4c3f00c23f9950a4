import csv
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpus import Corpus, Song, read_corpus, write_corpus
from core.errors import UserError
from data.cleaning.song import clean_text
from data.sources.files import read_files

BALADA = 'Ñandú, corazón — ¿qué más?\nvino y «pan», el mar\n\nde "noche"; y después:\n\tya no'
TANGO = "Otro canto\nde una sola estrofa, é"
SONGS = {"Balada del café": BALADA, "Tango, 2": TANGO}
ROWS = [{"title": title, "lyrics": lyrics, "artist": "Ruiz & Cía.", "year": 1987} for title, lyrics in SONGS.items()]


def as_csv(rows: Sequence[Mapping[str, object]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_json_lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def as_folder(folder: Path, songs: dict[str, str], encoding: str = "utf-8") -> Path:
    for title, lyrics in songs.items():
        write(folder / f"{title}.txt", lyrics, encoding)
    return folder


def texts(path: Path) -> dict[str, str]:
    return {song.title: song.lyrics for song in read_files(path)}


def error(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        list(read_files(path))
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def test_every_format_gives_the_same_songs(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "object.json", json.dumps(SONGS))) == SONGS
    assert texts(write(tmp_path / "list.json", json.dumps(ROWS))) == SONGS
    assert texts(write(tmp_path / "songs.jsonl", as_json_lines(ROWS))) == SONGS
    assert texts(write(tmp_path / "lines.json", as_json_lines(ROWS))) == SONGS
    assert texts(write(tmp_path / "songs.tsv", as_csv(ROWS, "\t"))) == SONGS
    for name, delimiter in (("comma", ","), ("semicolon", ";"), ("tab", "\t"), ("bar", "|")):
        assert texts(write(tmp_path / f"{name}.csv", as_csv(ROWS, delimiter))) == SONGS
    assert texts(as_folder(tmp_path / "folder", SONGS)) == SONGS
    assert texts(write(tmp_path / "Tango, 2.txt", TANGO)) == {"Tango, 2": TANGO}


plain = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(plain, plain), min_size=1, unique_by=lambda song: song[0]))
def test_json_and_csv_carry_any_text(songs: list[tuple[str, str]]) -> None:
    rows: list[dict[str, object]] = [{"Título": title, "Letra": lyrics} for title, lyrics in songs]
    with tempfile.TemporaryDirectory() as folder:
        files = [
            write(Path(folder) / "a.json", json.dumps(dict(songs))),
            write(Path(folder) / "b.json", json.dumps(rows, ensure_ascii=False)),
            write(Path(folder) / "c.jsonl", as_json_lines(rows)),
            write(Path(folder) / "d.csv", as_csv(rows)),
            write(Path(folder) / "e.tsv", as_csv(rows, "\t")),
        ]
        assert all([(song.title, song.lyrics) for song in read_files(path)] == songs for path in files)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding_and_line_end_gives_the_same_songs(tmp_path: Path, encoding: str) -> None:
    row = {"title": "Balada del café", "lyrics": BALADA}
    for end in ("\n", "\r\n"):
        lyrics = BALADA.replace("\n", end)
        files = [
            as_folder(tmp_path / "folder", {"Balada del café": lyrics}, encoding),
            write(tmp_path / "a.csv", as_csv([row | {"lyrics": lyrics}]), encoding),
            write(tmp_path / "a.jsonl", as_json_lines([row]).replace("\n", end), encoding),
            write(tmp_path / "a.json", json.dumps([row], ensure_ascii=False, indent=1).replace("\n", end), encoding),
        ]
        for path in files:
            assert {title: clean_text(lyrics) for title, lyrics in texts(path).items()} == {
                "Balada del café": clean_text(BALADA)
            }, path


def test_latin_1_is_read_as_what_it_is(tmp_path: Path) -> None:
    lyrics = "Señor, ¿qué pasó?\n«Nada», dijo él."
    assert texts(write(tmp_path / "uno.txt", lyrics, "latin-1")) == {"uno": lyrics}


@pytest.mark.parametrize(
    "names",
    [
        ("lyrics", "title", "artist"),
        ("LETRA", "Título", "Autor"),
        ("paroles", "titre", "Chanteur"),
        ("text", "song", "artist"),
        ("Poem Text", "Poem Title", "Poet"),
        ("content", "name", "author"),
        ("body", "song_title", "band"),
        ("contenido", "nombre", "Cantante"),
    ],
)
def test_columns_are_found_by_their_common_names(tmp_path: Path, names: tuple[str, str, str]) -> None:
    lyrics, title, artist = names
    if lyrics == "Poem Text":
        lyrics = "poem"
    rows: list[dict[str, object]] = [{"Unnamed: 0": 7, artist: "Nadie", title: "Balada", lyrics: "la la"}]
    for path in (write(tmp_path / "a.csv", as_csv(rows)), write(tmp_path / "a.json", json.dumps(rows))):
        (song,) = read_files(path)
        assert (song.title, song.artist, song.lyrics) == ("Balada", "Nadie", "la la")


def test_the_likelier_of_two_columns_wins(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": "un resumen", "song": "x", "lyrics": "la letra", "title": "Balada"}]
    (song,) = read_files(write(tmp_path / "a.csv", as_csv(rows)))
    assert (song.title, song.lyrics) == ("Balada", "la letra")


@pytest.mark.parametrize(
    ("value", "year"), [(1987, 1987), ("1987-05-01", 1987), (1987.0, 1987), ("", None), (None, None), ("s. XVII", None)]
)
def test_a_year_is_read_out_of_a_date(tmp_path: Path, value: object, year: int | None) -> None:
    (song,) = read_files(write(tmp_path / "a.json", json.dumps([{"lyrics": "la", "fecha": value}])))
    assert song.year == year


def test_a_corpus_of_ours_comes_back_as_it_was(tmp_path: Path) -> None:
    songs = (
        Song(id="a/1", title="Balada", artist="Ruiz", album="Uno", year=1999, url="x", lyrics="la", language="es"),
        Song(id="b", title="Otra", lyrics="la\n\nle", form="copla -a-a 8"),
    )
    path = tmp_path / "corpus.json"
    write_corpus(path, Corpus(name="n", language="es", source="files", songs=songs))
    assert tuple(read_files(path)) == songs == read_corpus(path).songs


def test_equal_titles_are_all_kept_with_ids_of_their_own(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"title": title, "lyrics": "la"} for title in ("Balada", "balada", "Balada 2", "", "¿?")
    ]
    files = [
        write(tmp_path / "a.csv", as_csv(rows)),
        write(tmp_path / "a.jsonl", as_json_lines(rows)),
        write(tmp_path / "a.json", '{"Balada": "la", "balada": "la", "Balada": "lo", "Balada 2": "la", "": "la"}'),
    ]
    for path in files:
        songs = list(read_files(path))
        assert len(songs) == len({song.id for song in songs}) == 5


@given(st.lists(st.sampled_from(["a", "a-2", "a-2-2", "A", "b", ""])))
def test_ids_are_unique_whatever_is_given(ids: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        songs = list(
            read_files(write(Path(folder) / "a.json", json.dumps([{"id": one, "lyrics": "la"} for one in ids])))
        )
    assert len({song.id for song in songs}) == len(ids)
    assert all(song.id for song in songs)


def test_a_folder_is_read_to_its_depths_and_nothing_hidden_is(tmp_path: Path) -> None:
    for name in ("b/Uno.txt", "a/Uno.TXT", "Tres.txt", ".hidden.txt", "a/._Uno.txt", "notes.md"):
        write(tmp_path / name, f"la {name}")
    songs = list(read_files(tmp_path))
    assert {song.id: song.title for song in songs} == {"tres": "Tres", "a/uno": "Uno", "b/uno": "Uno"}


def test_a_song_without_lyrics_is_there_to_be_reported(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"title": "uno", "lyrics": "la"}, {"title": "dos", "lyrics": ""}]
    assert texts(write(tmp_path / "a.csv", as_csv(rows))) == {"uno": "la", "dos": ""}
    assert texts(write(tmp_path / "b.csv", "title,lyrics\nuno,la\n\ndos\n")) == {"uno": "la", "dos": ""}
    assert texts(write(tmp_path / "a.json", '[{"title": "dos"}, {"title": "tres", "lyrics": null}, {"text": NaN}]'))
    assert texts(as_folder(tmp_path / "folder", {"uno": "la", "dos": ""})) == {"uno": "la", "dos": ""}


def test_a_novel_fits_into_a_cell(tmp_path: Path) -> None:
    novel = "una frase larga,\n" * 20_000
    assert texts(write(tmp_path / "a.csv", as_csv([{"title": "Novela", "lyrics": novel}]))) == {"Novela": novel}


def test_separators_that_json_allows_inside_a_string_do_not_cut_a_line(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "a.jsonl", '{"title": "uno", "lyrics": "la\u2028le\x85li"}')) == {
        "uno": "la\u2028le\x85li"
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.txt", "", "is empty"),
        ("blank.json", " \n\n", "is empty"),
        ("broken.json", '[{"title": "a", "lyrics": "b"},\n {"title": "c" "lyrics": "d"}]', "line 2, column 16"),
        ("broken.jsonl", '{"title": "a", "lyrics": "b"}\n\n{"title": "c",\n', "line 3, column 15"),
        ("cut.json", '[{"title": "a", "lyr', "line 1, column 17"),
        ("deep.json", "[" * 200_000, "nested too deeply"),
        ("number.json", "7", "holds a number"),
        ("strings.json", '["a", "b"]', "item 1: an object is expected"),
        ("array.jsonl", '{"lyrics": "a"}\n[1]', "line 2: an object is expected"),
        ("lines.json", '{"title": "a", "lyrics": ["b", "c"]}', "lyrics must be text, not a list"),
        ("nested.json", '{"Ruiz": {"Balada": "la"}}', "'Ruiz': lyrics must be text, not an object"),
        ("number.jsonl", '{"lyrics": "a"}\n{"lyrics": 5}', "line 2: lyrics must be text, not a number"),
        ("no-lyrics.json", '[{"title": "a", "genre": "b"}]', "no lyrics column; its columns: title, genre"),
        ("no-lyrics.csv", "Título;Género\na;b\n", "no lyrics column; its columns: Título, Género"),
        ("no-header.csv", f"Balada,{'la ' * 500}\n", "its columns: Balada, la la"),
        ("unquoted.csv", "title,lyrics\na,b\nc,d, e, f\n", "line 3: 4 cells under 2 columns"),
        ("unclosed.csv", 'title,lyrics\na,b\nc,"d\ne\n', "row from line 3"),
        ("sloppy.csv", 'title,lyrics\na,"b "c" d"\n', "row from line 2"),
    ],
)
def test_bad_text_is_refused_with_its_place(tmp_path: Path, name: str, content: str, said: str) -> None:
    found = error(write(tmp_path / name, content))
    assert said in found.message
    assert name in found.message
    assert len(found.message) < 300 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "no text"),
        (b"%PDF-1.7\n1 0 obj <</Length 3>> stream", "a PDF"),
        (b"{\\rtf1\\ansi la la}", "an RTF document"),
        (b"la\0la", "no text"),
        (bytes(range(1, 32)) * 9, "no text"),
        (b"la \x81\x8d", "no text"),
        ("canción, corazón\nsólo tú, más\n".encode() + "él\n".encode("latin-1"), "line 3: not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    for name in ("a.txt", "a.csv", "a.json", "folder/a.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        assert said in error(path).message
    assert "a.txt" in error(tmp_path / "folder").message


@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.csv", "a.tsv", "a.json", "a.jsonl"]))
def test_any_bytes_are_songs_or_a_user_error(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            songs = list(read_files(path))
        except UserError:
            return
        assert len({song.id for song in songs}) == len(songs)


def test_a_missing_path_and_a_folder_without_texts_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in error(tmp_path / "nobody.json").message
    write(tmp_path / "folder" / "cover.png", "x")
    assert "no .txt" in error(tmp_path / "folder").message

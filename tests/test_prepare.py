import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.artifacts import ROOT, Artifacts
from core.cli import run
from core.corpus import Corpus, Song, read_corpus
from core.errors import UserError
from data.prepare import PrepareConfig, main
from data.selection import select

SONGS = [
    {
        "title": "Balada",
        "artist": "Los Ñandúes",
        "album": "Uno",
        "lyrics": "[Coro]\nla niña\nva\n\n¡La niña!",
        "lang": "es",
    },
    {"title": "Balade", "artist": "Ferré", "album": "Un", "lyrics": "la fille\nva", "lang": "fr"},
    {"title": "Otra", "artist": "LOS ÑANDUES", "album": "Dos", "lyrics": "otra cosa", "lang": "es"},
    {"title": "Repetida", "artist": "Los Ñandúes", "album": "Dos", "lyrics": "Otra, cosa…", "lang": "es"},
    {"title": "Instrumental", "artist": "Los Ñandúes", "album": "Dos", "lyrics": " \n\u200b", "lang": "es"},
]
REPORT_KEYS = {
    *(
        "read",
        "not_selected",
        "kept",
        "dropped",
        "reasons",
        "characters",
        "lines",
        "words",
        "distinct_words",
        "sections",
    ),
    *("languages", "years", "lengths", "frequent_words", "sample"),
}


@pytest.fixture
def songs_json(tmp_path: Path) -> Path:
    path = tmp_path / "Mis canciones.json"
    path.write_text(json.dumps(SONGS), encoding="utf-8")
    return path


def prepare(**settings: Any) -> None:
    main(PrepareConfig(source="files", **settings))


def read(name: str) -> tuple[Corpus, dict[str, Any]]:
    paths = Artifacts(name)
    return read_corpus(paths.corpus), json.loads(paths.corpus_report.read_text(encoding="utf-8"))


def command(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "data" / "prepare.py"), *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_an_artist_nobody_has_is_answered_with_the_likeliest_there_are() -> None:
    songs = [
        Song(id=name, artist=name, lyrics="la") for name in ("Almafuerte", "Plácido", "Antonio Machado", "Anónimo")
    ]
    for typed, first in (("machado", "Antonio Machado"), ("Almafurte", "Almafuerte"), ("placid", "Plácido")):
        with pytest.raises(UserError) as caught:
            select(songs, "artist", typed)
        assert f": {first}, " in caught.value.hint


def test_a_corpus_and_its_report_are_written(songs_json: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(path=songs_json)
    corpus, report = read("Mis canciones")
    assert (corpus.name, corpus.language, corpus.source) == ("Mis canciones", "mul", "files")
    assert [song.title for song in corpus.songs] == ["Balada", "Balade", "Otra"]
    assert report.keys() >= REPORT_KEYS
    assert report["read"] == report["kept"] + len(report["dropped"]) + report["not_selected"] == 5
    assert {(song["title"], song["reason"]) for song in report["dropped"]} == {
        ("Repetida", "duplicate"),
        ("Instrumental", "no lyrics"),
    }
    assert report["characters"] == sum(len(song.lyrics) for song in corpus.songs)
    assert (report["lines"], report["words"], report["distinct_words"]) == (6, 10, 6)
    assert report["settings"]["path"] == str(songs_json)
    printed = capsys.readouterr().out
    assert "5 read, 2 dropped (1 no lyrics, 1 duplicate), 3 kept" in printed
    assert "python pretrain/tokenize_data.py --corpus mis-canciones" in printed


def test_a_second_run_writes_the_same_bytes(songs_json: Path) -> None:
    paths = Artifacts("Mis canciones")
    prepare(path=songs_json)
    before = paths.corpus.read_bytes(), paths.corpus_report.read_bytes()
    prepare(path=songs_json)
    assert (paths.corpus.read_bytes(), paths.corpus_report.read_bytes()) == before


def test_what_was_prepared_once_is_clean_for_good(songs_json: Path) -> None:
    prepare(path=songs_json, name="uno")
    prepare(path=Artifacts("uno").corpus, name="dos")
    assert read("uno")[0].songs == read("dos")[0].songs


@pytest.mark.parametrize("typed", ["Los Ñandúes", "los nandues", " LOS  ÑANDUES "])
def test_an_artist_is_chosen_whatever_the_accents_and_names_the_corpus(songs_json: Path, typed: str) -> None:
    prepare(path=songs_json, artist=(typed,))
    corpus, report = read("los nandues")
    assert (corpus.name, corpus.language) == ("Los Ñandúes", "es")
    assert [song.title for song in corpus.songs] == ["Balada", "Otra"]
    assert report["not_selected"] == 1


def test_ids_do_not_hang_on_what_is_selected(songs_json: Path) -> None:
    prepare(path=songs_json, name="todas")
    prepare(path=songs_json, artist=("ferre",))
    assert set(read("ferre")[0].songs) <= set(read("todas")[0].songs)


def test_albums_and_languages_are_chosen_likewise(songs_json: Path) -> None:
    prepare(path=songs_json, album="DOS", name="a")
    assert [song.title for song in read("a")[0].songs] == ["Otra"]
    prepare(path=songs_json, language="fr", name="b")
    assert [song.title for song in read("b")[0].songs] == ["Balade"]


def test_songs_that_name_no_artist_are_labelled(tmp_path: Path) -> None:
    path = tmp_path / "songs.json"
    path.write_text('{"Uno": "la la", "Dos": "le le"}', encoding="utf-8")
    prepare(path=path, artist=("Ana Nadie",), album="Uno", language="es")
    corpus, _ = read("ana-nadie")
    assert (corpus.name, corpus.language) == ("Ana Nadie", "es")
    assert {(song.artist, song.album, song.language) for song in corpus.songs} == {("Ana Nadie", "Uno", "es")}
    prepare(path=path)
    assert read("songs")[0].language == "und"


def test_a_long_text_comes_through_unchanged(tmp_path: Path) -> None:
    text = "ANA:\nDicen que ya viene  \n\n\nBRUNO:\n  ¿Quién?\n" * 500
    path = tmp_path / "La obra.txt"
    path.write_text(text, encoding="utf-8")
    prepare(path=path)
    (song,) = read("La obra")[0].songs
    assert (song.title, song.lyrics) == ("La obra", text.strip("\n"))


def test_the_bundled_songbook_is_a_source() -> None:
    main(PrepareConfig(source="songbook", language="es"))
    corpus, report = read("songbook")
    assert (corpus.name, corpus.language, corpus.source) == ("songbook", "es", "songbook")
    assert report["dropped"] == []
    artist = corpus.songs[0].artist
    main(PrepareConfig(source="songbook", artist=(artist.upper(),)))
    assert {song.artist for song in read(artist)[0].songs} == {artist}


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (None, [], "does not exist"),
        ("", [], "is empty"),
        ("[", [], "line 1, column 2"),
        ("[]", [], "no song to keep"),
        ('[{"lyrics": " "}]', [], "no song to keep"),
        ('[{"title": "a"}]', [], "no lyrics column; its columns: title"),
        ('[{"lyrics": "la", "artist": "Ana"}]', ["--artist", "Eva"], "no song of artist 'Eva'"),
        ('[{"lyrics": "la"}]', ["--artist", " "], "--artist is empty"),
        ('[{"lyrics": "la"}]', ["--language", "Spanish"], "no language code"),
        ('[{"lyrics": "la"}]', ["--name", "¿?"], "no letter or digit"),
    ],
)
def test_an_error_is_one_line_and_a_hint_and_leaves_nothing(
    content: str | None,
    options: list[str],
    said: str,
    *,
    tmp_path: Path,
    artifacts: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "songs.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["prepare.py", "--source", "files", str(path), *options])
    with pytest.raises(SystemExit) as caught:
        run(main, PrepareConfig)
    assert caught.value.code == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert said in error
    assert hint.startswith("hint:  ")
    assert not artifacts.exists()


def test_a_failed_run_leaves_the_corpus_of_the_last_one(songs_json: Path) -> None:
    prepare(path=songs_json)
    before = Artifacts("Mis canciones").corpus.read_bytes()
    songs_json.write_text("[{", encoding="utf-8")
    with pytest.raises(UserError):
        prepare(path=songs_json)
    assert Artifacts("Mis canciones").corpus.read_bytes() == before


def test_several_artists_make_one_corpus(songs_json: Path) -> None:
    prepare(path=songs_json, artist=("ferre", "los nandues"))
    assert {song.artist for song in read("Ferré")[0].songs} == {"Ferré", "Los Ñandúes", "LOS ÑANDUES"}
    with pytest.raises(UserError, match="Nobody"):
        prepare(path=songs_json, artist=("ferre", "Nobody"))


def test_nothing_lies_about_but_the_corpus_and_its_report(songs_json: Path, artifacts: Path) -> None:
    prepare(path=songs_json)
    names = {str(file.relative_to(artifacts)) for file in artifacts.rglob("*") if file.is_file()}
    assert names == {f"mis-canciones/corpus{ending}" for ending in (".json", "-report.json", "-report.html")}


def test_the_script_runs_from_any_folder(tmp_path: Path, songs_json: Path) -> None:
    done = command("--source", "files", songs_json.name, "--artist", "los ñandúes", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 kept" in done.stdout
    assert [song.title for song in read("los-nandues")[0].songs] == ["Balada", "Otra"]


def test_the_script_fails_with_a_line_and_a_hint(tmp_path: Path, artifacts: Path) -> None:
    for arguments in (["--source", "files"], ["--source", "files", "nada.csv"], ["--source", "songbook", "nada"]):
        done = command(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        error, hint = done.stderr.splitlines()
        assert error.startswith("error: ")
        assert hint.startswith("hint: ")
    assert not artifacts.exists()

"""From a source to a corpus: what goes, what the words tell, and that many cores make no difference."""

import json
from pathlib import Path

import pytest

from core.artifacts import Artifacts
from core.corpus import read_corpus
from core.errors import UserError
from tests.conftest import invent_song
from tests.test_prepare import prepare, read

SPANISH = [
    "Camino del molino van las mulas",
    "cargadas de silencio y de maíz,",
    "y el viejo que las lleva va contando",
    "las cosas que no quiso nunca oír.",
]
ENGLISH = [
    "Along the road the mules go to the mill",
    "and carry corn and silence on their backs;",
    "the old man counts the things he would not hear",
    "and all the stones he lays along the tracks.",
]


def lines_of(path: Path, *songs: dict[str, str]) -> Path:
    path.write_text("".join(json.dumps(song) + "\n" for song in songs), encoding="utf-8")
    return path


def test_what_is_no_song_goes_with_its_reason_unless_versions_are_wanted(tmp_path: Path) -> None:
    path = lines_of(
        tmp_path / "ana.jsonl",
        {"title": "Molino", "lyrics": "\n".join(SPANISH)},
        {"title": "Molino (Remastered 2011)", "lyrics": "\n".join([*SPANISH[:3], "las cosas que no quiso nunca ver"])},
        {"title": "Otra (En vivo)", "lyrics": "la otra canción\ntocada en una plaza"},
        {"title": "Tema", "lyrics": "[Instrumental]"},
        {"title": "Vivo", "lyrics": "vivo en la plaza\ny no me voy"},
    )
    prepare(path=path)
    corpus, report = read("ana")
    assert [song.title for song in corpus.songs] == ["Molino", "Vivo"]
    assert report["reasons"] == {"live": 1, "instrumental": 1, "near-duplicate": 1}
    (twin,) = (song for song in report["dropped"] if song["reason"] == "near-duplicate")
    assert 0.7 <= twin["similarity"] <= 1
    prepare(path=path, keep_versions=True)
    assert [song.title for song in read("ana")[0].songs] == ["Molino", "Otra (En vivo)", "Vivo"]


def test_a_remaster_goes_though_it_stands_first_and_its_title_no_longer_tells(tmp_path: Path) -> None:
    remaster = {"id": "new", "title": "Molino (Remastered 2011)", "lyrics": "\n".join(SPANISH)}
    songs = [remaster, {"id": "old", "title": "Molino", "lyrics": "\n".join(SPANISH)}, {"lyrics": "la otra\ncanción"}]
    prepare(path=lines_of(tmp_path / "ana.jsonl", *songs))
    assert read("ana")[0].songs[0].id == "old"


def test_the_language_of_songs_that_do_not_say_is_told_by_their_words(tmp_path: Path) -> None:
    songs = [
        {"title": "Molino", "lyrics": "[Chorus: Ana]\n" + "\n".join(SPANISH)},
        {"title": "Mill", "lyrics": "[Coro]\n" + "\n".join(ENGLISH)},
        {"title": "La", "lyrics": "[Chorus]\nla la"},
    ]
    path = lines_of(tmp_path / "ana.jsonl", *songs)
    prepare(path=path, language="es")
    corpus, report = read("ana")
    assert [(song.title, song.language) for song in corpus.songs] == [("Molino", "es"), ("La", "es")]
    assert [song.lyrics.split("\n")[0] for song in corpus.songs] == ["[Coro]", "[Coro]"]
    assert corpus.songs[0].performers == "Coro: Ana"
    assert report["dropped"][0]["detail"] == "en, not es"
    prepare(path=path)
    corpus, report = read("ana")
    assert corpus.language == "mul"
    assert [song.language for song in corpus.songs] == ["es", "en", ""]
    assert corpus.songs[1].lyrics.startswith("[Chorus]")
    assert report["languages"] == {"es": 1, "en": 1, "und": 1}
    prepare(path=lines_of(path, songs[0], songs[2]))
    corpus = read("ana")[0]
    assert corpus.language == "es"
    assert corpus.songs[1].lyrics.startswith("[Coro]")


def test_corpus_json_has_a_song_on_each_line_and_is_read_in_any_layout(tmp_path: Path) -> None:
    prepare(path=lines_of(tmp_path / "a.jsonl", *({"title": f"t{n}", "lyrics": f"la {n}\n\nle {n}"} for n in range(3))))
    path = Artifacts("a").corpus
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line.removesuffix(","))["title"] for line in lines if '"lyrics"' in line] == ["t0", "t1", "t2"]
    corpus = read_corpus(path)
    for indent in (None, 1, 4):
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=indent), encoding="utf-8")
        assert read_corpus(path) == corpus
    path.write_text("\n".join(lines[:-3]), encoding="utf-8")
    with pytest.raises(UserError, match=r"line \d+, column"):
        read_corpus(path)


def test_choruses_are_written_out_on_demand(tmp_path: Path) -> None:
    path = lines_of(tmp_path / "a.jsonl", {"lyrics": "[Coro]\nla le\n\n[Verso]\nli lo\n\n[Coro x2]"}, {"lyrics": "lu"})
    prepare(path=path, language="es", expand_choruses=True)
    assert read("a")[0].songs[0].lyrics.endswith("li lo\n\n[Coro]\nla le\n\nla le")
    prepare(path=path, language="es")
    assert read("a")[0].songs[0].lyrics.endswith("[Coro x2]")


def test_all_cores_give_the_same_bytes_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    songs = [invent_song(number) for number in range(600)]
    rows = [{"title": song.title, "lyrics": song.lyrics, "artist": f"Ana {song.id[-1]}"} for song in songs]
    path = lines_of(tmp_path / "muchas.jsonl", *rows, *rows[:50])
    paths = Artifacts("muchas")
    prepare(path=path)
    alone = [file.read_bytes() for file in (paths.corpus, paths.corpus_report, paths.corpus_page)]
    monkeypatch.setattr("data.spool.PARALLEL_FROM", 1)
    monkeypatch.setattr("data.spool._cores", lambda: 2)
    prepare(path=path)
    assert [file.read_bytes() for file in (paths.corpus, paths.corpus_report, paths.corpus_page)] == alone

"""Datasets as the `datasets` library reads them: made on the spot, in every form it knows."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import datasets
import pytest

from core.artifacts import ROOT, Artifacts
from core.corpus import Song, read_corpus
from core.errors import UserError
from data.prepare import PrepareConfig, main
from data.sources.huggingface import read_dataset

POEMS = {
    "Balada": "La luna canta en la puerta,\ny el río no dice nada.",
    "Coplas": "Mañana vendrá la lluvia\ncon su vestido de seda.\n\nNadie la espera en la calle.",
    "Otra": "Un tren se va sin nosotros\nhacia la noche del norte.",
}


def rows(lyrics: str = "content", title: str = "title") -> dict[str, list[str]]:
    """Columns as andreamorgar/spanish_poetry names them."""
    return {"author": ["Ana Nadie"] * len(POEMS), lyrics: list(POEMS.values()), title: list(POEMS)}


def make(folder: Path, form: str, columns: dict[str, list[str]] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    dataset = datasets.Dataset.from_dict(columns or rows())
    datasets.disable_progress_bars()
    match form:
        case "parquet":
            dataset.to_parquet(folder / "train.parquet")
        case "csv":
            dataset.to_csv(folder / "train.csv", index=False)
        case "jsonl":
            dataset.to_json(folder / "train.jsonl", force_ascii=False)
        case "saved":
            dataset.save_to_disk(folder)
        case _:
            halves = dataset.train_test_split(test_size=1, seed=1)
            halves.save_to_disk(folder)
    return folder


def read(folder: Path, lyrics_column: str | None = None) -> list[Song]:
    return list(read_dataset(str(folder), cache=folder.parent / "cache", lyrics_column=lyrics_column))


def error(folder: Path, lyrics_column: str | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        read(folder, lyrics_column)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300 + len(str(folder))
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl", "saved", "saved in splits"])
def test_every_form_gives_the_same_poems(tmp_path: Path, form: str) -> None:
    songs = read(make(tmp_path / "poems", form))
    assert {song.title: song.lyrics for song in songs} == POEMS
    assert {song.artist for song in songs} == {"Ana Nadie"}
    assert len({song.id for song in songs}) == len(POEMS)


def test_the_column_of_texts_can_be_given(tmp_path: Path) -> None:
    folder = make(tmp_path / "poems", "parquet", rows("stuff") | {"text": ["un resumen"] * len(POEMS)})
    assert {song.lyrics for song in read(folder, "stuff")} == set(POEMS.values())
    assert {song.lyrics for song in read(folder)} == {"un resumen"}
    assert "no column 'nothing'" in error(folder, "nothing").message
    assert "stuff" in error(folder, "nothing").hint


def test_a_dataset_without_texts_names_its_columns(tmp_path: Path) -> None:
    folder = make(tmp_path / "poems", "jsonl", rows("stuff"))
    assert "no lyrics column; its columns: author, stuff, title" in error(folder).message


def test_a_poem_may_be_a_list_of_its_verses(tmp_path: Path) -> None:
    dataset = datasets.Dataset.from_dict(
        {"title": list(POEMS), "verses": [poem.split("\n") for poem in POEMS.values()]}
    )
    dataset.save_to_disk(tmp_path / "poems")
    assert {song.title: song.lyrics for song in read(tmp_path / "poems")} == POEMS


def test_a_poem_without_text_is_there_to_be_reported(tmp_path: Path) -> None:
    folder = make(tmp_path / "poems", "parquet", {"content": [None, "la la"], "title": ["una", "dos"]})  # type: ignore[list-item]
    assert [song.lyrics for song in read(folder)] == ["", "la la"]


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    error(tmp_path / "empty")
    assert "does not exist" in error(tmp_path / "missing").message
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "train.parquet").write_bytes(b"no parquet")
    error(broken)


def test_without_the_library_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install -r requirements-huggingface.txt" in error(tmp_path).hint
    assert (ROOT / "requirements-huggingface.txt").exists()


class NoSuchDataset(BaseHTTPRequestHandler):
    """The Hub, asked for what it does not have."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), NoSuchDataset)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("offline", ["0", "1"], ids=["unknown", "offline"])
def test_an_id_that_cannot_be_had_is_one_line(tmp_path: Path, hub: str, offline: str) -> None:
    # The library looks at these when it is imported: a process of its own.
    settings = {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": offline}
    command = [sys.executable, str(ROOT / "data/prepare.py"), "--dataset", "nobody/nothing"]
    result = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | settings, timeout=100, check=False
    )
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 2, result.stderr
    assert len(lines) == 2, result.stderr
    assert lines[0].startswith("error: the dataset nobody/nothing cannot be read")
    assert lines[1].startswith("hint:")


def test_prepare_makes_a_corpus_of_a_dataset(tmp_path: Path) -> None:
    main(PrepareConfig(dataset=str(make(tmp_path / "Mis poemas", "saved"))))
    corpus = read_corpus(Artifacts("mis-poemas").corpus)
    assert corpus.source == "huggingface"
    assert {song.title: song.lyrics for song in corpus.songs} == POEMS

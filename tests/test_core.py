"""Paths, files that are whole or not there, the corpus contract, the command line's manners."""

import errno
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import cli, files
from core.artifacts import Artifacts, find_checkpoint, slug
from core.corpus import Corpus, Song, read_corpus, write_corpus
from core.errors import Interrupted, UserError
from core.tensors import load_tensors, save_tensors


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Luis Alberto Spinetta", "luis-alberto-spinetta"),
        ("Rubén Darío", "ruben-dario"),
        ("  ¡Ñandú! & Cía. ", "nandu-cia"),
        ("../../etc/passwd", "etc-passwd"),
        ("椎名林檎", "椎名林檎"),
    ],
)
def test_a_slug_is_a_folder_name(name: str, folder: str) -> None:
    assert slug(name) == folder
    assert slug(folder) == folder


@given(st.text())
def test_no_name_leaves_artifacts(name: str) -> None:
    try:
        folder = Artifacts(name).folder
    except UserError:
        return
    assert folder.parent.name == "artifacts"
    assert ".." not in folder.name


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    files.write_text(path, "old")

    def write_half() -> None:
        with files.atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def corpus(**changes: object) -> Corpus:
    song = Song(id="1", title="Ñandú", artist="Nadie", album="Uno", year=1984, url="", lyrics="¡Qué día!\n\n[Coro]\nsí")
    return Corpus(**({"name": "nadie", "language": "es", "source": "files", "songs": (song,)} | changes))  # type: ignore[arg-type]


def test_a_corpus_comes_back_as_it_was(tmp_path: Path) -> None:
    for written in (corpus(), corpus(songs=(Song(id="1", lyrics="a", language="es", form="copla -a-a 8"),))):
        write_corpus(tmp_path / "corpus.json", written)
        assert read_corpus(tmp_path / "corpus.json") == written


def test_a_corpus_has_the_fields_of_the_contract(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus.json", corpus())
    value = json.loads((tmp_path / "corpus.json").read_text(encoding="utf-8"))
    assert list(value) == ["schema", "name", "language", "source", "songs"]
    assert list(value["songs"][0]) == ["id", "title", "artist", "album", "year", "url", "lyrics"]


HEAD = {"schema": 1, "name": "n", "language": "es", "source": "files"}
SONG = {"id": "1", "lyrics": "a"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 1,\n "songs": [}', "line 2, column 12"),
        ("[]", "a JSON object is expected"),
        (json.dumps(HEAD | {"schema": 2}), "has schema 2, not 1"),
        (json.dumps(HEAD | {"songs": []}), "holds no song"),
        (json.dumps(HEAD | {"songs": {}}), "songs must be a list"),
        (json.dumps(HEAD | {"songs": ["a"]}), r"songs\[0\] must be an object, not a str"),
        (json.dumps(HEAD | {"songs": [SONG, SONG]}), "1 songs share an id"),
        (json.dumps(HEAD | {"songs": [{"id": "1"}]}), r"songs\[0\] has no lyrics"),
        (json.dumps(HEAD | {"songs": [SONG | {"year": True}]}), "year must be int or null, not bool"),
        (json.dumps(HEAD | {"songs": [SONG | {"lyrics": "e\u0301"}]}), "not NFC"),
        (json.dumps(HEAD | {"name": None, "songs": [SONG]}), "name must be str"),
    ],
)
def test_a_broken_corpus_is_an_error_that_says_where(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        read_corpus(path)


def test_a_corpus_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "corpus.json").write_bytes(b'{"name": "\xe9"}')
    with pytest.raises(UserError, match="is not UTF-8"):
        read_corpus(tmp_path / "corpus.json")


def test_sealed_tensors_come_back_and_tell_when_they_were_touched(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "a.safetensors"
    arrays = {"a": np.arange(1000, dtype=np.float32), "b": np.ones((2, 3), np.int32)}
    save_tensors(path, arrays, {"fact": "ñ"})
    again, metadata = load_tensors(path)
    assert all(np.array_equal(again[name], arrays[name]) for name in arrays)
    assert metadata == {"fact": "ñ"}
    whole = path.read_bytes()
    for damage in (whole[:-1], whole[:50], b"", whole[:-9] + b"\x01" + whole[-8:], whole.replace("ñ".encode(), b"nn")):
        path.write_bytes(damage)
        with pytest.raises(UserError, match="truncated or was altered"):
            load_tensors(path)


def test_a_checkpoint_is_found_by_name_and_never_guessed(artifacts: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint under"):
        find_checkpoint("nadie")
    folders = [artifacts / "nadie" / stage / run for stage, run in (("pretrain", "a"), ("finetune", "a"))]
    for folder in folders:
        folder.mkdir(parents=True)
    for name in ("model.safetensors", "config.json"):
        (folders[0] / name).touch()
    assert find_checkpoint("Nadie") == folders[0]
    assert find_checkpoint(str(folders[0])) == folders[0]
    (folders[1] / "model.safetensors").touch()
    assert find_checkpoint("nadie", "finetune/a") == folders[1]
    for run in ("", "a"):
        with pytest.raises(UserError, match="several checkpoints") as error:
            find_checkpoint("nadie", run)
        assert error.value.hint == "--run pretrain/a or --run finetune/a"
    with pytest.raises(UserError, match="has no run 'b'"):
        find_checkpoint("nadie", "b")
    with pytest.raises(UserError, match="is no checkpoint folder"):
        find_checkpoint(str(artifacts / "nadie"))


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """No options."""


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (UserError("it broke", "mend it"), 2, "error: it broke\nhint:  mend it\n"),
        (UserError("it broke"), 2, "error: it broke\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: No space left on device\nhint:  free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "x.json"), 2, "error: Permission denied: x.json\nhint:"),
        (Interrupted("stopped", "again"), 130, "stopped\nhint:  again\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    raised: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(config: Nothing) -> None:
        """Do nothing."""
        raise raised

    monkeypatch.setattr("sys.argv", ["script"])
    with pytest.raises(SystemExit) as end:
        cli.run(main, Nothing)
    assert end.value.code == code
    assert capsys.readouterr().err.startswith(said)


def test_a_full_disk_is_said_as_such_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    # A limit on the size of files is the kind of full disk that a test can make.
    import resource
    import signal

    import numpy as np

    path = tmp_path / "a.safetensors"
    save_tensors(path, {"a": np.zeros(10)}, {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_tensors(path, {"a": np.zeros(100_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert load_tensors(path)[0]["a"].shape == (10,)
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o666 & ~files._umask()

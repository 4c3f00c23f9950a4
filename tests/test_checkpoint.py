"""A checkpoint folder loads whole, anywhere, or not at all."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus
from core.errors import UserError
from pretrain import tokenize_data, train
from pretrain.checkpoint import CONFIG, MODEL, TOKENIZER, load_checkpoint, save_model
from pretrain.device import find_device
from pretrain.model import Architecture
from pretrain.tokenizer import Tokenizer

CPU = torch.device("cpu")


@pytest.fixture
def folder(make_corpus: Callable[..., Corpus], architecture: Architecture) -> Path:
    make_corpus()
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))
    train.main(
        train.PretrainConfig(
            corpus="nadie", architecture=architecture, n_layer=1, n_head=2, n_embd=16, block_size=16, max_steps=2,
            device="cpu",
        )
    )  # fmt: skip
    return Artifacts("nadie").run("pretrain", "default")


def test_copied_anywhere_it_is_the_same_model(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    there.mkdir()
    for name in (CONFIG, TOKENIZER, MODEL):
        shutil.copy(folder / name, there / name)
    one, other = load_checkpoint(folder, CPU), load_checkpoint(there, CPU)
    ids = torch.tensor([one.tokenizer.encode("La luna")])
    assert torch.equal(one.model(ids), other.model(ids))
    assert one.learnt == other.learnt
    assert one.document == "songs"


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, MODEL])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UserError, match=rf"has no {name}"):
        load_checkpoint(folder, CPU)


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, MODEL])
def test_a_truncated_file_is_named(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for size in (0, len(content) // 2, len(content) - 1):
        (folder / name).write_bytes(content[:size])
        with pytest.raises(UserError, match=name):
            load_checkpoint(folder, CPU)


def test_an_altered_weight_is_noticed(folder: Path) -> None:
    content = bytearray((folder / MODEL).read_bytes())
    content[-100] ^= 1
    (folder / MODEL).write_bytes(content)
    with pytest.raises(UserError, match=r"truncated or was altered"):
        load_checkpoint(folder, CPU)


def test_an_altered_config_is_noticed(folder: Path) -> None:
    value = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(value | {"dropout": 0.7}))
    with pytest.raises(UserError, match=r"is not the one that model.safetensors was trained with"):
        load_checkpoint(folder, CPU)
    (folder / CONFIG).write_text(json.dumps(value | {"colour": "red"}))
    with pytest.raises(UserError, match=r"describes no model"):
        load_checkpoint(folder, CPU)


def test_another_tokenizer_is_noticed(folder: Path) -> None:
    Tokenizer.train(["otra cosa"], "char").save(folder / TOKENIZER)
    with pytest.raises(UserError, match=r"tokenizer.json is not the one"):
        load_checkpoint(folder, CPU)


def test_a_full_disk_during_a_save_keeps_the_last_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from core import tensors

    before = load_checkpoint(folder, CPU)

    def fill(arrays: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tensors, "save_file", fill)
    with pytest.raises(OSError, match=r"No space left"):
        save_model(folder, before.model, before.learnt, {})
    assert not list(folder.glob(".*.tmp"))
    load_checkpoint(folder, CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a cuda device")
def test_a_device_that_is_not_there_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(UserError, match=r"has no cuda device") as error:
        find_device("cuda")
    assert "cpu" in error.value.hint

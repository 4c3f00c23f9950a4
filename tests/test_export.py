"""Exports for transformers: what they load is what we have."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

from core.cli import run
from core.errors import UserError
from core.files import read_json
from generate.export import ExportConfig
from generate.export import main as export
from generate.sampling import Sampling
from pretrain.checkpoint import MODEL
from pretrain.model import Architecture
from pretrain.tokenizer import Kind
from tests.exporting import BLOCK, checkpoint_in, load, ours, prompt_ids, song_prompt, texts_for

KINDS: list[Kind] = ["bpe", "bpe-char", "char", "word"]


def exported(source: Path, out: Path) -> Path:
    export(ExportConfig(checkpoint=str(source), to="transformers", out=str(out)))
    return out


@pytest.fixture(params=KINDS)
def source(
    request: pytest.FixtureRequest, architecture: Architecture, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkpoint of each architecture and each kind of tokenizer."""
    return checkpoint_in(tmp_path_factory, architecture, request.param)


@pytest.fixture
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint_in(tmp_path_factory, "qwen3", "bpe")


@torch.no_grad()
def test_logits_tokens_and_greedy_text_are_ours(source: Path, tmp_path: Path) -> None:
    folder, checkpoint = exported(source, tmp_path / "out"), load(source)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    ids = torch.randint(checkpoint.tokenizer.vocab_size, (4, BLOCK), generator=torch.Generator().manual_seed(1))
    assert (model(ids).logits - checkpoint.model(ids)).abs().max() <= 1e-4

    for text in texts_for(checkpoint):
        ours_ids = checkpoint.tokenizer.encode(text)
        assert tokenizer(text)["input_ids"] == ours_ids
        assert tokenizer.decode(ours_ids, skip_special_tokens=True) == checkpoint.tokenizer.decode(ours_ids) == text

    prompt = tokenizer(song_prompt(), return_tensors="pt")
    assert prompt["input_ids"][0].tolist() == prompt_ids(checkpoint)
    written = model.generate(**prompt, do_sample=False)[0, prompt["input_ids"].size(1) :]
    assert len(written) > 5
    assert tokenizer.decode(written, skip_special_tokens=True) == ours(checkpoint, prompt_ids(checkpoint))


def test_marks_are_special_and_the_end_ends(source: Path, tmp_path: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(exported(source, tmp_path / "out"))
    own = load(source).tokenizer
    assert set(tokenizer.all_special_ids) == own.special
    assert len(tokenizer) == own.vocab_size
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (own.song, own.end, own.unknown)
    assert tokenizer.decode([own.song, *own.encode("La luna"), own.end], skip_special_tokens=True) == "La luna"


def test_weights_are_stored_once_and_nothing_else_is(source: Path, tmp_path: Path) -> None:
    weights = load_file(exported(source, tmp_path / "out") / MODEL)
    assert sum(weight.numel() for weight in weights.values()) == load(source).model.count_parameters()


def test_songs_are_sampled_as_ours_are_and_stay_within_the_positions(checkpoint_folder: Path, tmp_path: Path) -> None:
    folder, checkpoint = exported(checkpoint_folder, tmp_path / "out"), load(checkpoint_folder)
    own, prompt = checkpoint.tokenizer, prompt_ids(checkpoint)
    settings = read_json(folder / "generation_config.json")
    sampling = Sampling()
    assert set(settings["suppress_tokens"]) == own.special - {own.end}
    assert [settings[name] for name in ("temperature", "top_p", "top_k")] == [sampling.temperature, sampling.top_p, 0]
    write = pipeline("text-generation", model=str(folder))
    torch.manual_seed(1)
    songs: Any = write([song_prompt()] * 8, return_tensors=True)
    for (song,) in songs:
        ids = song["generated_token_ids"]
        assert len(ids) <= BLOCK
        assert own.special.intersection(ids[len(prompt) :]) <= {own.end}


def test_a_running_text_is_exported_too(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    source = checkpoint_in(tmp_path_factory, "gpt2", "char", songs=1)
    checkpoint = load(source)
    assert checkpoint.document == "text"
    folder = exported(source, tmp_path / "out")
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    assert tokenizer("La luna")["input_ids"] == checkpoint.tokenizer.encode("La luna")


def test_an_earlier_export_is_replaced_and_nothing_else(checkpoint_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    exported(checkpoint_folder, out)
    (out / "README.md").write_text("old", encoding="utf-8")
    exported(checkpoint_folder, out)
    assert (out / "README.md").read_text(encoding="utf-8") != "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    for other in (checkpoint_folder, tmp_path):
        before = sorted(other.rglob("*"))
        with pytest.raises(UserError, match="no earlier export"):
            exported(checkpoint_folder, other)
        assert sorted(other.rglob("*")) == before


def test_an_export_that_fails_leaves_what_was_there(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    source = tmp_path / "copy"
    folder = checkpoint_in(tmp_path_factory, "qwen3", "bpe")
    source.mkdir()
    for path in folder.iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    out = exported(source, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (source / "metrics.jsonl").write_text("no json\n", encoding="utf-8")  # read when all else is written
    with pytest.raises(UserError, match="line 1 is damaged"):
        exported(source, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "out"]


def test_a_copied_checkpoint_is_exported_beside_itself(checkpoint_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "mi-modelo"
    copy.mkdir()
    for name in ("config.json", "tokenizer.json", MODEL):
        (copy / name).write_bytes((checkpoint_folder / name).read_bytes())
    export(ExportConfig(checkpoint=str(copy), to="transformers"))
    export(ExportConfig(checkpoint=str(copy), to="gguf", outtype="q8_0"))
    assert sorted(path.name for path in (copy / "export").iterdir()) == [
        "mi-modelo-q8_0.gguf",
        "mi-modelo-transformers",
    ]


@pytest.mark.parametrize(
    "case",
    [
        ("--corpus nobody --to gguf", "no checkpoint under"),
        ("{source} --to gguf --out {file}/x.gguf", "{file}"),
        ("{source} --to transformers --out {file}/x", "{file}"),
        ("{source} --to transformers --out {file}", "no earlier export"),
        ("{source} --to gguf --out x.bin", "no name for a GGUF file"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    case: tuple[str, str],
    checkpoint_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    options, said = (words.format(source=checkpoint_folder, file=file) for words in case)
    monkeypatch.setattr(sys, "argv", ["export.py", *options.split()])
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        run(export, ExportConfig)
    assert stop.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: ")
    assert said in lines[0]
    assert len(lines) <= 2
    assert file.read_text(encoding="utf-8") == "mine"


def test_a_type_of_weights_is_for_gguf() -> None:
    with pytest.raises(ValueError, match="outtype is for --to gguf"):
        ExportConfig(corpus="nadie", to="transformers", outtype="f16")

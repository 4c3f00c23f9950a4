"""Adapting somebody else's model: bases, folders and options that are refused, and nothing is overwritten."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import UserError
from core.files import read_json, write_json
from finetune.train import main as finetune
from generate import sample
from pretrain.checkpoint import load_checkpoint
from tests.foreign_bases import (
    adapted,
    choice,
    contents,
    copy_of,
    gpt_tokenizer,
    resumed,
    save_llama,
    write_songs,
)

pytest_plugins = ["tests.foreign_fixtures"]

pytest.importorskip("peft", reason="pip install -r requirements-hf.txt")


def _no_weights_but_pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _too_few_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _with_config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        write_json(folder / "config.json", {**read_json(folder / "config.json"), **changes})

    return change


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _without_end(folder: Path) -> None:
    settings = read_json(folder / "tokenizer_config.json")
    del settings["eos_token"]
    write_json(folder / "tokenizer_config.json", settings)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without("config.json"), "has no config.json"),
        (_without("tokenizer.json"), "has no tokenizer that can be read"),
        (_without_end, "has no end of text"),
        (_without("model.safetensors"), "holds no weights in safetensors, none at all"),
        (_no_weights_but_pickled, r"only pickled ones \(pytorch_model.bin\)"),
        (_too_few_weights, "lacks 1 of its weights: model.layers.1.mlp.up_proj.weight"),
        (_cut_short, "cannot be loaded"),
        (_with_config(architectures=["BertForMaskedLM"], model_type="bert"), "is no causal language model: BertFor"),
        (_with_config(model_type="unheard", architectures=["UnheardForCausalLM"]), "is no causal language model"),
        (_with_config(model_type="unheard"), "cannot be read"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_base_that_cannot_be_used_is_refused_in_one_line(
    spoil: Callable[[Path], None], message: str, llama: Path, tmp_path: Path
) -> None:
    base = copy_of(llama, tmp_path / "spoilt")
    spoil(base)
    write_songs()
    with pytest.raises(UserError, match=message) as caught:
        finetune(choice(base))
    assert "\n" not in caught.value.message
    assert not (adapted() / "run.json").exists()
    assert not (adapted() / "model.safetensors").exists()


def test_code_that_comes_with_a_base_is_never_run(llama: Path, tmp_path: Path) -> None:
    base, trace = copy_of(llama, tmp_path / "code"), tmp_path / "trace"
    (base / "modeling.py").write_text(f"open({str(trace)!r}, 'w')\n")
    _with_config(auto_map={"AutoConfig": "modeling.C", "AutoModelForCausalLM": "modeling.M"}, model_type="own")(base)
    write_songs()
    with pytest.raises(UserError, match="cannot be read"):
        finetune(choice(base))
    assert not trace.exists()


@pytest.mark.parametrize("name", ["", "./nowhere", "nobody/no-model", "no model"])
def test_a_base_that_cannot_be_had_is_said_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    write_songs()
    with pytest.raises(UserError, match=r"names no folder|cannot be had") as caught:
        finetune(choice(name))
    assert "\n" not in caught.value.message


def test_a_model_of_the_cache_needs_no_network(llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    cache, commit = tmp_path / "cache", "0123456789abcdef0123456789abcdef01234567"
    copy_of(llama, cache / "models--nadie--llama" / "snapshots" / commit)
    (cache / "models--nadie--llama" / "refs").mkdir()
    (cache / "models--nadie--llama" / "refs" / "main").write_text(commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    write_songs()
    finetune(choice("nadie/llama", max_steps=1))
    settings = read_json(adapted() / "config.json")
    assert (settings["base"], settings["revision"]) == ("nadie/llama", commit)
    sample.main(sample.SampleConfig(corpus="nadie", max_new_tokens=2, device="cpu"))


def test_a_base_that_memory_cannot_hold_is_not_loaded(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generate.foreign.base.available_bytes", lambda: 1e5)
    write_songs()
    with pytest.raises(UserError, match=r"takes 0\.0 GB of memory"):
        finetune(choice(llama))
    assert not (adapted() / "run.json").exists()


def test_a_tokenizer_that_loses_lines_is_refused(tmp_path: Path) -> None:
    from tokenizers import normalizers

    backend = gpt_tokenizer()
    backend.normalizer = normalizers.Replace("\n", " ")
    save_llama(tmp_path / "lossy", backend)
    write_songs()
    with pytest.raises(UserError, match=r"does not give these songs back: '.n") as caught:
        finetune(choice(tmp_path / "lossy"))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("missing", ["peft", "transformers"])
def test_without_the_libraries_it_says_which_to_install(
    missing: str, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    write_songs()
    with pytest.raises(UserError, match=f"{missing} is not installed") as caught:
        finetune(choice(llama))
    assert caught.value.hint == "pip install -r requirements-hf.txt"


@pytest.mark.parametrize("option", [{"base_run": "default"}, {"weight_decay": 0.1}])
def test_options_for_models_of_ours_are_refused(option: dict[str, Any], llama: Path) -> None:
    write_songs()
    with pytest.raises(UserError, match="is for bases that were trained here"):
        finetune(choice(llama, **option))


def test_an_artist_of_two_songs_is_refused(llama: Path) -> None:
    write_songs(2)
    with pytest.raises(UserError, match="2 songs are too few"):
        finetune(choice(llama))
    assert not adapted().exists()


def test_a_run_is_not_overwritten_unasked_nor_resumed_with_another_base(llama: Path, tmp_path: Path) -> None:
    base = copy_of(llama, tmp_path / "base")
    write_songs()
    finetune(choice(base, max_steps=2))
    before = contents(adapted())
    with pytest.raises(UserError, match="holds a run already"):
        finetune(choice(base))
    _change_weights(base)
    with pytest.raises(UserError, match="is not the model that this run began with"):
        finetune(resumed(base, max_steps=4))
    assert contents(adapted()) == before


def _change_weights(base: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(base / "model.safetensors")
    tensors["model.norm.weight"][3] += 0.5
    save_file(tensors, base / "model.safetensors", {"format": "pt"})


def test_a_base_that_is_gone_or_has_changed_is_not_sampled_from(llama: Path, tmp_path: Path) -> None:
    base = copy_of(llama, tmp_path / "base")
    write_songs()
    finetune(choice(base, max_steps=1))
    config = sample.SampleConfig(corpus="nadie", max_new_tokens=2, device="cpu")
    _change_weights(base)
    with pytest.raises(UserError, match="has changed since"):
        sample.main(config)
    shutil.rmtree(base)
    with pytest.raises(UserError, match="the base of this model is gone"):
        sample.main(config)


def test_a_damaged_or_foreign_adapter_is_told(llama: Path) -> None:
    write_songs()
    finetune(choice(llama, max_steps=1))
    config = sample.SampleConfig(corpus="nadie", max_new_tokens=2, device="cpu")
    whole = contents(adapted())
    _with_config(rank=4)(adapted())
    with pytest.raises(UserError, match=r"is not the one that model\.safetensors was trained with"):
        sample.main(config)
    (adapted() / "config.json").write_bytes(whole["config.json"])
    (adapted() / "model.safetensors").write_bytes(whole["model.safetensors"][:-8])
    with pytest.raises(UserError, match="truncated or was altered"):
        sample.main(config)


def test_what_reads_models_of_ours_says_that_this_is_none(llama: Path) -> None:
    write_songs()
    finetune(choice(llama, max_steps=1))
    with pytest.raises(UserError, match="was not trained here"):
        load_checkpoint(adapted(), torch.device("cpu"))
    with pytest.raises(UserError, match="verse in a form needs a model trained here"):
        sample.main(sample.SampleConfig(corpus="nadie", form="ABBA 8", device="cpu"))

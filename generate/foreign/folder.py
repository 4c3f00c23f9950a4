"""The folder of an adapted model: config.json says of which base, model.safetensors holds what it learnt (LoRA).

peft/ beside them is the same in the form that `peft` loads.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from core.artifacts import shown
from core.errors import UserError
from core.files import atomic_path, read_json, sha256
from core.tensors import load_tensors, save_tensors
from generate.foreign.base import Base, find_base
from generate.foreign.libraries import first_line, library, quiet
from generate.foreign.tokenizer import Marks
from pretrain.checkpoint import CONFIG, LEARNT, MODEL, TOKENIZER, to_tensors
from pretrain.split import Document

PEFT = "peft"

# Adapted are all matrices of the blocks (Dettmers et al. 2023, section 4: fewer of them fall short of full tuning).
MATRICES = "all-linear"


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """What has to be known to put the base and what was learnt together."""

    base: str
    revision: str | None
    fingerprint: str
    quantised: bool
    """Whether the base was held in four bits."""
    rank: int
    alpha: float
    dropout: float
    document: Document
    language: str
    marks: Marks


def is_adapter(folder: Path) -> bool:
    """Whether a checkpoint folder adapts somebody else's model."""
    if not (folder / CONFIG).exists():
        return False
    value = read_json(folder / CONFIG)
    return isinstance(value, dict) and "base" in value


def read_adapter_config(folder: Path) -> AdapterConfig:
    """Read config.json; raises UserError when it is not as adapting left it."""
    value = read_json(folder / CONFIG)
    try:
        fields = dict(cast("dict[str, Any]", value))
        marks = fields.pop("marks")
        sequences = {name: tuple(marks[name]) for name in ("start", "special")}
        return AdapterConfig(**fields, marks=Marks(end=marks["end"], **sequences))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{shown(folder / CONFIG)} describes no adapted model: {error}", "adapt it again") from error


def find_unchanged_base(config: AdapterConfig) -> Base:
    """The base that was adapted; raises UserError when it is gone, or is another by now."""
    try:
        base = find_base(config.base, config.revision)
    except UserError as error:
        raise UserError(f"the base of this model is gone: {error.message}", error.hint) from error
    if base.fingerprint != config.fingerprint:
        raise UserError(
            f"{config.base} is not the model that was adapted: it has changed since",
            "put the one from then back in its place, or adapt this one with --overwrite",
        )
    return base


def add_lora(model: nn.Module, config: AdapterConfig, seed: int) -> nn.Module:
    """Put new low-rank matrices beside all matrices of the blocks (Hu et al. 2021, arXiv 2106.09685).

    Raises UserError when the model has no matrix that they can stand beside.
    """
    peft = library("peft")
    settings = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=MATRICES,
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        try:
            return cast("nn.Module", peft.get_peft_model(model, settings))
        except ValueError as error:
            raise UserError(f"{config.base} cannot be adapted: {first_line(error)}", "choose another base") from error


def lora_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The new matrices, by the names that `peft` gives them in files."""
    return {
        name.replace(".default.", "."): parameter for name, parameter in model.named_parameters() if "lora_" in name
    }


def load_lora(folder: Path, model: nn.Module) -> None:
    """Put what model.safetensors holds into a model that `add_lora` made.

    Raises UserError when the file is damaged, or does not belong to the files beside it.
    """
    arrays, metadata = load_tensors(folder / MODEL)
    for name in (CONFIG, TOKENIZER):
        if metadata.get(f"{name}_sha256") != sha256(folder / name):
            raise UserError(
                f"{shown(folder / name)} is not the one that {MODEL} was trained with", "copy the whole folder again"
            )
    arrays.pop(LEARNT, None)
    saved, parameters = to_tensors(arrays), lora_parameters(model)
    if {peft_name(name) for name in saved} != parameters.keys():
        raise UserError(f"{shown(folder / MODEL)} does not fit its base", "adapt it again with --overwrite")
    with torch.no_grad():
        for name, tensor in saved.items():
            parameters[peft_name(name)].copy_(tensor)


def write_peft(folder: Path, model: nn.Module) -> None:
    """Write peft/, for `peft.PeftModel.from_pretrained`, out of model.safetensors."""
    arrays, _ = load_tensors(folder / MODEL)
    arrays.pop(LEARNT, None)
    save_tensors(folder / PEFT / "adapter_model.safetensors", {peft_name(k): v for k, v in arrays.items()}, {})
    settings: dict[str, Any] = cast("Any", model).peft_config["default"].to_dict()
    with atomic_path(folder / PEFT / "adapter_config.json") as temporary:
        plain = {key: sorted(value) if isinstance(value, set) else value for key, value in settings.items()}
        temporary.write_text(json.dumps(plain | {"inference_mode": True}, indent=2) + "\n", encoding="utf-8")


def own_name(name: str) -> str:
    """A matrix's name in model.safetensors: PyTorch allows no dots in names of its own."""
    return name.replace(".", "/")


def peft_name(name: str) -> str:
    """The way back."""
    return name.removeprefix("lora.").replace("/", ".")

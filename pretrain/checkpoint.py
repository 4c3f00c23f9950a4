"""The checkpoint folder: config.json, tokenizer.json, model.safetensors, and training-state.safetensors to resume.

Where LoRA adapted it, adapter.safetensors holds what was learnt beside the base's weights.
model.safetensors holds the fingerprints of the other two and of itself, so a folder that is not as it
was written never loads.
"""

import dataclasses
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from core.artifacts import shown
from core.errors import UserError
from core.files import atomic_path, read_json, sha256, write_json
from core.tensors import Arrays, load_tensors, save_tensors
from pretrain.lexicon import LEXICON
from pretrain.model import GPT, ModelConfig
from pretrain.parallel import whole
from pretrain.phrases import PHRASES
from pretrain.split import Document, Fingerprints
from pretrain.tokenizer import Tokenizer

CONFIG, TOKENIZER, MODEL, RUN = "config.json", "tokenizer.json", "model.safetensors", "run.json"
ADAPTER = "adapter.safetensors"
STATE, PREVIOUS = "training-state.safetensors", "training-state.previous.safetensors"

# The tensor of model.safetensors that is no weight: fingerprints of the songs, 4 bytes each.
LEARNT = "learnt"


@dataclass(frozen=True)
class Checkpoint:
    """A model that can be used: what stage 5 and stage 4 read."""

    model: GPT
    tokenizer: Tokenizer
    document: Document
    learnt: Fingerprints
    """Fingerprints of the songs it was trained on; a tuning of it keeps them out of validation."""


def start_folder(
    folder: Path, config: ModelConfig, tokenizer: Tokenizer, document: Document, beside: Iterable[Path] = ()
) -> None:
    """Write what stays the same during a training: config.json, tokenizer.json, and copies of the files `beside`.

    What an earlier run left goes first, so that its model is never found beside another's tokenizer; and
    before all its run.json, so that nobody resumes what is half removed.
    """
    for stale in (RUN, STATE, PREVIOUS, MODEL, ADAPTER, PHRASES, LEXICON):
        (folder / stale).unlink(missing_ok=True)
    write_json(folder / CONFIG, {**dataclasses.asdict(config), "document": document})
    tokenizer.save(folder / TOKENIZER)
    for path in beside:
        with atomic_path(folder / path.name) as temporary:
            shutil.copyfile(path, temporary)


def save_model(folder: Path, model: GPT, learnt: Fingerprints, facts: Mapping[str, Any], *, write: bool = True) -> None:
    """Write model.safetensors: weights, fingerprints of the songs learnt, and `facts` (step, losses) in its header.

    Where a model is spread over processes, all of them call this and one has `write`.
    """
    seals = {f"{name}_sha256": sha256(folder / name) for name in (CONFIG, TOKENIZER)}
    arrays = to_arrays(model.state_dict()) | {LEARNT: learnt.array}
    if write:
        save_tensors(folder / MODEL, arrays, seals | {"facts": json.dumps(facts)})


def load_checkpoint(folder: Path, device: torch.device) -> Checkpoint:
    """Read a checkpoint folder, strictly.

    Raises UserError when a file is missing, damaged, or belongs to another checkpoint.
    """
    for name in (CONFIG, TOKENIZER, MODEL):
        if not (folder / name).exists():
            raise UserError(f"{shown(folder)} has no {name}", "copy the whole folder, or train it again")
    config, document = _read_config(folder / CONFIG)
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    arrays, metadata = load_tensors(folder / MODEL)
    for name in (CONFIG, TOKENIZER):
        if metadata.get(f"{name}_sha256") != sha256(folder / name):
            raise UserError(
                f"{shown(folder / name)} is not the one that {MODEL} was trained with",
                "copy the whole folder again, or train it again",
            )
    if LEARNT not in arrays:
        raise UserError(f"{shown(folder / MODEL)} was written by an earlier version", "train it again")
    learnt = Fingerprints(arrays.pop(LEARNT))
    model = GPT(config)
    model.load_state_dict(to_tensors(arrays))
    return Checkpoint(model.to(device).eval(), tokenizer, document, learnt)


def _read_config(path: Path) -> tuple[ModelConfig, Document]:
    value = read_json(path)
    try:
        fields = dict(cast("dict[str, Any]", value))
        document: Document = "text" if fields.pop("document") == "text" else "songs"
        if "base" in fields:
            raise UserError(
                f"{shown(path.parent)} adapts {fields['base']}, which was not trained here",
                "generate/sample.py writes with it; peft/ in it is for other programs",
            )
        return ModelConfig(**fields), document
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{shown(path)} describes no model: {error}", "copy the whole folder again") from error


def to_arrays(tensors: Mapping[str, torch.Tensor]) -> Arrays:
    """Tensors on any device to arrays that safetensors writes."""
    return {name: whole(tensor.detach()).cpu().contiguous().numpy() for name, tensor in tensors.items()}


def to_tensors(arrays: Arrays) -> dict[str, torch.Tensor]:
    """The way back."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}

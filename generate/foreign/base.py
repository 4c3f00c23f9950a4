"""A causal language model of `transformers`: found, recognised and loaded, never unpickled, its code never run."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from core.errors import UserError
from core.files import read_json
from generate.foreign.libraries import first_line, library
from pretrain.memory import available_bytes

PREFIX = "hf:"

# What is fetched from the Hub, and what is the same once more. Pickled weights and other people's code stay there.
PATTERNS = ["*.json", "*.safetensors", "*.model", "merges.txt", "vocab.txt"]
NOT_AGAIN = ["*/*", "consolidated*"]

# Of each file of weights so many pieces, spread over it, make its fingerprint: training changes every one of
# them, and the thirteen gigabytes of a Llama 2 7B are not read twice.
PIECES, PIECE = 64, 1 << 16

# Where a model does not say how far it can look back.
BLOCK_SIZE = 2048

# Weights beyond this share of a GPU's memory are held in four bits (Dettmers et al. 2023, "QLoRA").
QUANTISE_ABOVE = 0.5


@dataclass(frozen=True)
class Base:
    """A model as it lies on disk."""

    name: str
    """Id on the Hub, or the folder's absolute path."""
    revision: str | None
    """Commit on the Hub; None of a local folder."""
    folder: Path
    config: Any
    """As `transformers` reads it."""
    fingerprint: str

    @property
    def size(self) -> int:
        """Bytes of its weights on disk."""
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))

    @property
    def block_size(self) -> int:
        """Tokens that it can look back on."""
        return int(getattr(self.config, "max_position_embeddings", None) or BLOCK_SIZE)

    @property
    def width(self) -> int:
        """Of the stream between its layers."""
        return int(self.config.get_text_config().hidden_size)

    @property
    def vocab_size(self) -> int:
        """Ids that it gives logits for: often more than its tokenizer has."""
        return int(self.config.get_text_config().vocab_size)


def find_base(name: str, revision: str | None = None) -> Base:
    """The base that a local folder or an id on the Hub names; what was fetched once is not fetched again.

    Raises UserError when there is none, it cannot be had, or it is no causal language model in safetensors.
    """
    folder = Path(name).expanduser()
    local = bool(name) and folder.is_dir()
    if local:
        folder = folder.resolve()
    elif not name or name.startswith((".", "/", "~")):
        raise UserError(f"{PREFIX}{name} names no folder", "give a folder, or an id such as Qwen/Qwen3-0.6B")
    else:
        folder = _fetch(name, revision)
    config = _read_config(folder, name)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickled = [path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth"))]
        reason = f"only pickled ones ({pickled[0]}), which may run any code" if pickled else "none at all"
        raise UserError(f"{name} holds no weights in safetensors, {reason}", "choose a base with *.safetensors files")
    known = _fingerprint([folder / "config.json", *weights])
    return Base(str(folder) if local else name, None if local else folder.name, folder, config, known)


def quantises(base: Base, device: torch.device) -> bool:
    """Whether the weights are to be held in four bits: on a GPU that they would otherwise fill."""
    if device.type != "cuda":
        return False
    return base.size > QUANTISE_ABOVE * torch.cuda.mem_get_info(device)[1]


def load_model(base: Base, device: torch.device, *, quantise: bool) -> nn.Module:
    """The model, frozen: in float32, on a GPU in bfloat16, or its matrices in four bits.

    Raises UserError when weights are missing or damaged, or memory is too small for them.
    """
    _check_memory(base, device)
    transformers = library("transformers")
    how: dict[str, Any] = {"dtype": torch.bfloat16 if device.type == "cuda" else torch.float32}
    if quantise:
        library("bitsandbytes")
        how["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        how["device_map"] = {"": device}
    try:
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            base.folder,
            config=base.config,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **how,
        )
    # Half a dozen libraries raise what they please when a file is not what they expect.
    except Exception as error:
        raise UserError(f"{base.name} cannot be loaded: {first_line(error)}", "copy or fetch it again") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise UserError(f"{base.name} lacks {len(missing)} of its weights: {missing[0]}", "copy or fetch it again")
    network = cast("nn.Module", model)
    network.requires_grad_(requires_grad=False)
    return (network if quantise else network.to(device)).eval()


def _fetch(name: str, revision: str | None) -> Path:
    """The folder of a model of the Hub, in the Hub's own cache."""
    hub = library("huggingface_hub")
    try:
        return Path(hub.snapshot_download(name, revision=revision, allow_patterns=PATTERNS, ignore_patterns=NOT_AGAIN))
    except Exception as error:
        raise UserError(
            f"{name} cannot be had: {first_line(error)}",
            "check its name at huggingface.co and the connection, or give a folder: --base hf:FOLDER",
        ) from error


def _read_config(folder: Path, name: str) -> Any:
    """What kind of model it is; raises UserError where it is none that writes on from left to right."""
    transformers = library("transformers")
    if not (folder / "config.json").exists():
        raise UserError(f"{name} has no config.json", "give a folder that holds a model of transformers")
    value = read_json(folder / "config.json")
    if not isinstance(value, dict) or "model_type" not in value:
        raise UserError(
            f"{name} is no model of transformers: its config.json names no model_type",
            "one that was trained here is given without hf:",
        )
    described = cast("dict[str, Any]", value)
    causal = set(transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    kinds = described.get("architectures") or []
    if not causal & set(kinds):
        raise UserError(
            f"{name} is no causal language model: {', '.join(kinds) or described['model_type']}",
            "choose one whose architecture is …ForCausalLM, and that needs no code of its own",
        )
    try:
        return transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        raise UserError(f"{name} cannot be read: {first_line(error)}", "a later transformers may know it") from error


def _check_memory(base: Base, device: torch.device) -> None:
    """Asked for too much, a system does not refuse: it ends the process, later."""
    stored = base.config.dtype or torch.float32
    needed, there = base.size * torch.float32.itemsize / stored.itemsize, available_bytes()
    if device.type == "cpu" and needed > there:
        raise UserError(
            f"{base.name} takes {needed / 1e9:.1f} GB of memory, and there are {there / 1e9:.1f}",
            "choose a smaller base, or a machine with a GPU",
        )


def _fingerprint(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{path.name} {size} ".encode())
        with path.open("rb") as file:
            step = max(PIECE, size // PIECES)
            for start in range(0, size, step):
                file.seek(start)
                digest.update(file.read(PIECE))
    return digest.hexdigest()

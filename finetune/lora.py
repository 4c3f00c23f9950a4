"""LoRA: a base's weights stay, and thin matrices learnt beside them change what they do.

Merged into the weights they cost nothing afterwards; kept by themselves they are a small file.
Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685.

Shapes: R outputs, S inputs of a matrix, r rank.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from core.artifacts import shown
from core.errors import UserError
from core.files import sha256
from core.tensors import load_tensors, save_tensors
from pretrain.checkpoint import ADAPTER, MODEL, save_model, to_arrays, to_tensors
from pretrain.model import GPT, Block
from pretrain.split import Fingerprints

Matrices = Literal["all", "attention", "mlp"]

LEARNT = "learnt"


class LowRank(nn.Module):
    """A linear layer that stays as it is, and beside it a learnt product of two thin matrices."""

    def __init__(self, layer: nn.Linear, rank: int, scale: float, generator: torch.Generator) -> None:
        """The product begins at zero, so that the model begins as its base."""
        super().__init__()
        self.weight, self.bias, self.scale = layer.weight, layer.bias, scale
        outputs, inputs = layer.weight.shape
        self.a = nn.Parameter(torch.randn((rank, inputs), generator=generator) / inputs**0.5)  # (r, S)
        self.b = nn.Parameter(torch.zeros(outputs, rank))  # (R, r)

    def forward(self, x: Tensor) -> Tensor:
        """(…, S) → (…, R)."""
        return F.linear(x, self.weight, self.bias) + self.scale * F.linear(F.linear(x, self.a), self.b)


class LoraGPT(GPT):
    """A trained model whose own weights are frozen, and what is learnt beside them."""

    def __init__(
        self, base: GPT, *, rank: int, alpha: float, matrices: Matrices, seed: int, embedding: bool = False
    ) -> None:
        """`matrices` of every block get a product of `rank`, which counts `alpha` / rank times.

        The `embedding` is learnt as a whole where it has rows that the base never had.
        """
        super().__init__(base.config)
        self.load_state_dict(base.state_dict())
        self.requires_grad_(requires_grad=False)
        self.token_embedding.requires_grad_(embedding)
        self.rank, self.alpha, self.which = rank, alpha, matrices
        generator = torch.Generator().manual_seed(seed)
        for block in self.blocks:
            attention, feed_forward = cast("Block", block).attention, cast("Block", block).feed_forward
            layers = [(attention, "qkv"), (attention, "out")] if matrices != "mlp" else []
            layers += [(feed_forward, "into"), (feed_forward, "out")] if matrices != "attention" else []
            for owner, name in layers:
                setattr(owner, name, LowRank(getattr(owner, name), rank, alpha / rank, generator))
        self.to(base.device)

    def count_learnt(self) -> int:
        """Weights that are learnt."""
        return sum(weight.numel() for weight in self.parameters() if weight.requires_grad)

    def thin(self) -> dict[str, Tensor]:
        """What is learnt: the thin matrices by name, and what else is not frozen."""
        return {name: weight for name, weight in self.named_parameters() if weight.requires_grad}

    def merged(self) -> GPT:
        """An ordinary model that does the same, on the CPU. Where the weights are spread, all processes call this."""
        weights = to_tensors(to_arrays(self.state_dict()))
        for name in [name for name in weights if name.endswith(".a")]:
            layer = name.removesuffix(".a")
            a, b = weights.pop(name), weights.pop(f"{layer}.b")
            weights[f"{layer}.weight"] = weights[f"{layer}.weight"] + self.alpha / self.rank * (b @ a)
        model = GPT(self.config)
        model.load_state_dict(weights)
        return model


class AdapterWriter:
    """Saves the best model so far: merged, as every checkpoint is, and adapter.safetensors beside it."""

    def __init__(self, base: Path) -> None:
        self.base_sha256 = sha256(base / MODEL)

    def __call__(
        self, folder: Path, model: GPT, learnt: Fingerprints, facts: Mapping[str, Any], *, write: bool = True
    ) -> None:
        """Takes what `save_model` takes."""
        assert isinstance(model, LoraGPT), "only thin matrices make an adapter"
        arrays = to_arrays(model.thin()) | {LEARNT: learnt.array}
        if write:
            settings = {"rank": model.rank, "alpha": model.alpha, "matrices": model.which}
            metadata = {"settings": json.dumps(settings), "base_sha256": self.base_sha256}
            save_tensors(folder / ADAPTER, arrays, metadata)
        save_model(folder, model.merged(), learnt, facts, write=write)


def apply_adapter(path: Path, base: GPT, folder: Path) -> tuple[GPT, Fingerprints]:
    """The model that an adapter.safetensors makes of its base, which is in `folder`; and all songs it has learnt.

    Raises UserError when the file is damaged, no adapter, or belongs to another base.
    """
    arrays, metadata = load_tensors(path)
    if "base_sha256" not in metadata:
        raise UserError(f"{shown(path)} is no adapter", f"finetune/train.py --method lora writes {ADAPTER}")
    if metadata["base_sha256"] != sha256(folder / MODEL):
        raise UserError(f"{shown(path)} was learnt beside another base than {shown(folder)}", "give its own --base")
    learnt = Fingerprints(arrays.pop(LEARNT))
    if "token_embedding.weight" in arrays:
        raise UserError(f"{shown(path)} has more tokens than its base", f"use {MODEL} beside it, where all is merged")
    model = LoraGPT(base, **json.loads(metadata["settings"]), seed=0)
    model.load_state_dict(model.state_dict() | to_tensors(arrays))
    return model.merged(), learnt

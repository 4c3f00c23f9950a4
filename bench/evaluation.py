"""The one judge of both sides: the loss over a whole validation part, every target once.

A process of its own, since nanoGPT's model.py is code of others.
"""

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from core.artifacts import shown
from core.cli import run
from core.errors import UserError
from pretrain.batches import eval_batches
from pretrain.checkpoint import load_checkpoint
from pretrain.device import find_device
from pretrain.metrics import bits_per_char
from pretrain.tokens import IGNORE, Part, Tokens

Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    checkpoint: Path
    """A checkpoint folder of ours, or nanoGPT's ckpt.pt."""
    tokens: Path
    """The tokens.safetensors whose validation part is read."""
    nanogpt: Path | None = None
    """The checkout whose model.py made the ckpt.pt."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to compute."""


def main(config: EvaluationConfig) -> None:
    """Print the validation loss of a checkpoint as one line of JSON.

    The text is cut into windows as long as the model's context, one behind the other: a model that
    looks back further has longer windows, and neither sees anything before its window.
    """
    tokens = Tokens.load(config.tokens)
    device = find_device(config.device)
    if config.nanogpt is None:
        model = load_checkpoint(config.checkpoint, device).model
        forward, length, step = model, model.config.block_size, None
    else:
        forward, length, step = load_nanogpt(config.nanogpt, config.checkpoint, device)
    loss = whole_loss(forward, tokens.val, length, device)
    facts = {"val_loss": loss, "bits_per_char": bits_per_char(loss, tokens.val), "window": length, "step": step}
    print(json.dumps(facts))


@torch.inference_mode()
def whole_loss(forward: Forward, part: Part, length: int, device: torch.device) -> float:
    """Nats per learnt token over a whole part, in windows of `length` tokens.

    `forward` takes ids (B, T) to logits (B, T, V).
    """
    total, count = 0.0, 0
    for inputs, targets in eval_batches(part, length, device):
        with torch.autocast("cuda", torch.bfloat16, enabled=inputs.is_cuda):
            logits = forward(inputs)
        flat = logits.float().flatten(0, 1)  # (B·T, V)
        total += float(F.cross_entropy(flat, targets.flatten(), ignore_index=IGNORE, reduction="sum"))
        count += int((targets != IGNORE).sum())
    return total / count


def load_nanogpt(checkout: Path, path: Path, device: torch.device) -> tuple[Forward, int, int]:
    """A ckpt.pt of nanoGPT's train.py: ids to logits, its context, and the step it was saved at."""
    if not path.exists():
        raise UserError(f"nanoGPT left no {shown(path)}", "give it more steps: it saves when it evaluates")
    spec = importlib.util.spec_from_file_location("nanogpt_model", checkout / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    stored: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    arguments = stored["model_args"]
    model = module.GPT(module.GPTConfig(**arguments))
    # torch.compile puts a word of its own before every name.
    model.load_state_dict({name.removeprefix("_orig_mod."): value for name, value in stored["model"].items()})
    model.to(device).eval()

    def forward(ids: Tensor) -> Tensor:
        # Without targets it gives the last position only; what they are, only its own loss asks.
        logits, _ = model(ids, ids)
        return logits

    return forward, arguments["block_size"], stored["iter_num"]


if __name__ == "__main__":
    run(main, EvaluationConfig)

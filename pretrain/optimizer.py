"""AdamW, and what survives an interruption of it."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

# The field's usual second beta is 0.95 for large batches; small ones need a longer memory (nanoGPT's note).
BETAS = (0.9, 0.99)


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) that decays matrices, and neither norms nor biases."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=BETAS, fused=True)


def optimizer_tensors(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """The optimizer's state by parameter name, as plain tensors."""
    return {
        f"{name}.{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave."""
    for name, parameter in model.named_parameters():
        state = {
            key: value.to(parameter.device)
            for full, value in tensors.items()
            for owner, _, key in (full.rpartition("."),)
            if owner == name
        }
        if state:
            optimizer.state[parameter] = state

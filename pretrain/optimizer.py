"""Muon for the matrices, AdamW for the rest; and what survives an interruption of them.

Shapes: G matrices of one shape, R rows, S columns.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

from pretrain.model import GPT

# What AdamW remembers. The field's usual second beta is 0.95 for large batches; small ones need a longer memory.
BETAS = (0.9, 0.99)

# Muon's memory. 0.95 is usual in runs of many thousand steps; in a few hundred a shorter one learns more.
MOMENTUM = 0.9

# A step of Muon has the same length in every direction; a width-independent multiple of AdamW's rate suits it.
MATRIX_RATE = 10.0

# Coefficients of the first steps of Polar Express (Amsel et al. 2025, arXiv 2505.16932, algorithm 1),
# which for each step are the best odd polynomial of degree five. Three of them bring the singular values
# that matter to between 0.2 and 1.9; five come closer to one, take longer, and taught nothing more.
POLAR_EXPRESS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
)


class Muon(torch.optim.Optimizer):
    """Steps along the nearest orthogonal matrix to the momentum (Jordan et al. 2024, "Muon").

    A weight that holds several matrices one above the other (queries, keys and values) has each of them
    made orthogonal by itself. All matrices of one shape are computed at once, in float32: CPUs have no
    fast bfloat16, and on these sizes a GPU does not mind.
    """

    def __init__(self, matrices: Mapping[Tensor, int], learning_rate: float, weight_decay: float) -> None:
        """`matrices` tells how many matrices lie in each weight."""
        self._pieces = dict(matrices)
        super().__init__(list(matrices), {"lr": learning_rate, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change the weights along their gradients."""
        assert closure is None, "no closure is needed"
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            updates = {weight: self._momentum(weight) for weight in weights}
            for shape in sorted({pieces.shape[1:] for pieces in updates.values()}):
                alike = [weight for weight in weights if updates[weight].shape[1:] == shape]
                directions = orthogonalise(torch.cat([updates[weight] for weight in alike]))  # (G, R, S)
                # Tall matrices must stretch more for the same change of what they put out (Jordan's note).
                directions *= max(1, shape[0] / shape[1]) ** 0.5
                parts = directions.split([self._pieces[weight] for weight in alike])
                for weight, part in zip(alike, parts, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(spread_like(weight, part.flatten(0, 1)), alpha=-group["lr"])

    def _momentum(self, weight: Tensor) -> Tensor:
        """Nesterov's momentum, (pieces, R, S)."""
        gradient = weight.grad
        assert gradient is not None
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        update = gradient.lerp(state["momentum"], MOMENTUM)
        whole = update.full_tensor() if isinstance(update, DTensor) else update
        return whole.unflatten(0, (self._pieces[weight], -1))


class Optimizer:
    """Both as one: rates in step, gradients cleared together."""

    def __init__(self, model: GPT, learning_rate: float, weight_decay: float) -> None:
        """`learning_rate` is AdamW's peak; `weight_decay` pulls at the matrices of the blocks. Frozen weights stay."""
        matrices = {weight: pieces for weight, pieces in model.matrices().items() if weight.requires_grad}
        rest = [weight for weight in model.parameters() if weight.requires_grad and weight not in matrices]
        parts: list[tuple[torch.optim.Optimizer, float]] = []
        if matrices:
            parts.append((Muon(matrices, MATRIX_RATE * learning_rate, weight_decay), MATRIX_RATE * learning_rate))
        if rest:
            adamw = torch.optim.AdamW(rest, learning_rate, betas=BETAS, weight_decay=0.0, fused=True)
            parts.append((adamw, learning_rate))
        self.parts, self._peaks = zip(*parts, strict=True)

    def step(self, rate: float) -> None:
        """One step at `rate` times the peaks; the gradients are gone afterwards."""
        for part, peak in zip(self.parts, self._peaks, strict=True):
            part.param_groups[0]["lr"] = peak * rate
            part.step()
        self.zero_grad()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)


def optimizer_tensors(optimizer: Optimizer, model: GPT) -> dict[str, Tensor]:
    """The optimizer's state by parameter name, as plain tensors."""
    return {
        f"{name}.{key}": value
        for name, parameter in model.named_parameters()
        for part in optimizer.parts
        for key, value in part.state.get(parameter, {}).items()
    }


def restore_optimizer(optimizer: Optimizer, model: GPT, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave."""
    owners = {parameter: part for part in optimizer.parts for parameter in part.param_groups[0]["params"]}
    parameters = dict(model.named_parameters())
    for full, value in tensors.items():
        name, _, key = full.rpartition(".")
        parameter = parameters[name]
        # AdamW's count of steps is one number, whatever the parameter's shape.
        owners[parameter].state[parameter][key] = spread_like(parameter, value) if value.dim() else value


def orthogonalise(matrices: Tensor) -> Tensor:
    """The nearest orthogonal matrix to each of (G, R, S), roughly: its singular values become about one.

    Source: Newton-Schulz as in Jordan et al. 2024, with the coefficients of Polar Express.
    """
    x = matrices.float()
    if tall := x.size(-2) > x.size(-1):
        x = x.mT
    # A little below one, since rounding must not push a singular value over it.
    x = x / (1.01 * x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for a, b, c in POLAR_EXPRESS:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def spread_like(parameter: Tensor, value: Tensor) -> Tensor:
    """`value`, spread over the processes as `parameter` is."""
    if isinstance(parameter, DTensor):
        return distribute_tensor(value, parameter.device_mesh, parameter.placements)
    return value.to(parameter.device)

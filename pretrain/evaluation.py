"""The loss over a whole validation set."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pretrain.batches import eval_batches
from pretrain.parallel import World
from pretrain.tokens import IGNORE, Part


def evaluate(loss: Callable[[Tensor, Tensor], Tensor], part: Part, length: int, world: World) -> float:
    """Mean loss over the whole part, nats per learnt token; `loss` gives the sum over (B, L)."""
    sums: list[Tensor] = []
    count = 0
    for inputs, targets in eval_batches(part, length, world.device):
        count += int((targets != IGNORE).sum())
        # Every process goes forward equally often, if need be over rows that do not count.
        missing = (0, 0, 0, -len(inputs) % world.size)
        sums.append(loss(world.share(F.pad(inputs, missing)), world.share(F.pad(targets, missing, value=IGNORE))))
    # On the CPU, since Apple's GPUs have no doubles; and the device is waited for once.
    return float(world.sum(torch.stack(sums).cpu().double().sum())) / count

"""A step's loss and gradients, over all processes, in as many passes as memory asks for."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from core.errors import UserError
from pretrain.batches import Batches
from pretrain.memory import activation_bytes, available_bytes
from pretrain.model import GPT
from pretrain.parallel import World, spread, without_sync
from pretrain.teachers import Expectations, distillation_loss
from pretrain.tokens import IGNORE

# What goes through the model at once should leave room for everything else on the machine.
MEMORY_SHARE = 0.6


class Gradients:
    """Loss and gradients of whole steps: the mean over a step's learnt tokens, however they are divided."""

    def __init__(
        self, model: GPT, batches: Batches, world: World, seed: int, expectations: Expectations | None = None
    ) -> None:
        """`expectations` are learnt beside the text, where there are any."""
        self.model, self.batches, self.world, self.seed = model, batches, world, seed
        self.expectations = expectations
        self.network: nn.Module = spread(model, world)
        self.passes = 1
        if world.device.type == "cuda":
            self.network.compile()

    def fit(self, rows: int, length: int) -> None:
        """Halve what goes through the model at once until it fits into memory, and say so.

        Raises UserError when a single sequence does not.
        """
        mine = -(-rows // self.world.size)
        while self.world.most(float(not self._fits(-(-mine // self.passes), length)))[0]:
            if self.passes >= mine:
                raise UserError(
                    f"not even one sequence of {length:,} tokens fits into memory", "a smaller block_size or n_embd"
                )
            self.passes *= 2
        if self.passes > 1:
            print(f"memory      too little for {rows:,} sequences at once: {self.passes} passes a step, same result")

    def compute(self, step: int) -> Tensor:
        """Leave the gradients of a step in the model; return this process's share of the text's loss."""
        self.network.train()
        if self.model.config.dropout:
            # Dropout draws from the global generator: seeded by step, it needs no saving.
            torch.manual_seed((self.seed * 1_000_003 + step) * self.world.size + self.world.rank)
        inputs, targets = self.batches.at(step)
        learnt = (targets != IGNORE).sum().clamp(min=1)
        inputs, targets = self.world.share(inputs), self.world.share(targets)
        loss = torch.zeros((), device=self.world.device)
        *earlier, last = zip(
            inputs.chunk(self.passes), targets.chunk(self.passes), self._expected(step, len(inputs)), strict=True
        )
        for x, y, expected in earlier:
            with without_sync(self.network):
                loss += self._backward(x, y, learnt, expected)
        x, y, expected = last
        return loss + self._backward(x, y, learnt, expected)

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of (B, L), summed over the learnt tokens."""
        return self._losses(inputs, targets, None)[1]

    def _losses(self, inputs: Tensor, targets: Tensor, expected: Tensor | None) -> tuple[Tensor, Tensor]:
        """Of (B, L): what is to be learnt, and the text's own loss, each summed over the learnt tokens."""
        with torch.autocast("cuda", torch.bfloat16, enabled=inputs.is_cuda):
            logits = self.network(inputs)
        flat = logits.float().flatten(0, 1)  # (B·L, V)
        if expected is not None:
            return distillation_loss(flat, targets.flatten(), expected.flatten(0, 1))
        text = F.cross_entropy(flat, targets.flatten(), ignore_index=IGNORE, reduction="sum")
        return text, text

    def _backward(self, inputs: Tensor, targets: Tensor, learnt: Tensor, expected: Tensor | None = None) -> Tensor:
        whole, text = self._losses(inputs, targets, expected)
        # Over several processes gradients are averaged; they are to be added.
        (whole / learnt * self.world.size).backward()
        return text.detach() / learnt

    def _expected(self, step: int, rows: int) -> Sequence[Tensor | None]:
        """What teachers expect in each pass of a step, of this process's `rows`."""
        if self.expectations is None:
            return [None] * len(torch.empty(rows).chunk(self.passes))
        places = self.batches.places(step)[self.world.rank :: self.world.size]
        return self.expectations.at(places, self.world.device).chunk(self.passes)

    def _fits(self, rows: int, length: int) -> bool:
        if self.world.device.type == "cpu":
            # Asked for too much, a system does not refuse: it ends the process, later.
            return activation_bytes(self.model.config, rows * length) < MEMORY_SHARE * available_bytes()
        try:
            ids = torch.zeros((rows, length), dtype=torch.long, device=self.world.device)
            with without_sync(self.network):
                self._backward(ids, ids, torch.tensor(rows * length))
        except torch.OutOfMemoryError:
            return False
        finally:
            self.model.zero_grad(set_to_none=True)
        return True

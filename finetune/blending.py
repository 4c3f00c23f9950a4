"""Between a base and what it became: there may be a better model than either.

From few songs a model learns the artist's manner, and those songs by heart. Some of the way back to the base it has
kept more of the one than of the other. Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models",
arXiv 2109.01903.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.evaluation import evaluate
from pretrain.loop import Training
from pretrain.metrics import bits_per_char
from pretrain.model import GPT
from pretrain.optimizer import spread_like
from pretrain.parallel import whole

# Parts of the way from the base to the end of the training that are tried, besides all of it.
PARTS = (0.9, 0.75, 0.6, 0.45)


@dataclass(frozen=True)
class Blend:
    """A model that is better than the best of its training."""

    part: float
    """Of the way from the base; the rest is base."""
    val_loss: float
    """Nats per token."""
    bits_per_char: float

    def __str__(self) -> str:
        return (
            f"blended     {self.val_loss:.4f} nats/token, {self.bits_per_char:.4f} bits/char on validation, "
            f"with {1 - self.part:.0%} of the base in it"
        )


def learnt_weights(model: GPT) -> dict[str, Tensor]:
    """A copy of the weights that a training will change."""
    return {name: weight.detach().clone() for name, weight in model.named_parameters() if weight.requires_grad}


@torch.no_grad()
def blend(training: Training, start: dict[str, Tensor]) -> Blend | None:
    """Look for a better model on the way from the weights at the `start` to those at the end, and save it.

    Takes an evaluation for each of PARTS, and leaves the model of `training` changed: its last state is on disk.
    Asked again after the same training, it finds nothing better than what it saved.
    """
    progress, val = training.progress, training.tokens.val
    weights = {name: weight for name, weight in training.model.named_parameters() if name in start}
    end = {name: whole(weight).clone() for name, weight in weights.items()}
    facts = training.metrics.read()[-1] if training.world.first else {}
    training.gradients.network.eval()
    found: Blend | None = None
    for part in PARTS:
        for name, weight in weights.items():
            weight.copy_(spread_like(weight, start[name].lerp(end[name], part)))
        loss = evaluate(training.gradients.loss, val, training.length, training.world)
        if loss >= progress.model_val_loss:
            continue
        progress.model_val_loss = loss
        found = Blend(part, loss, bits_per_char(loss, val))
        better = {"val_loss": loss, "bits_per_char": found.bits_per_char, "blended": part}
        training.save(
            training.folder, training.model, training.tokens.learnt, facts | better, write=training.world.first
        )
    return found

"""Logits to the next id.

Shapes: V vocab_size.
"""

import torch
from torch import Tensor


class Sampler:
    """Draws ids by temperature, top_k and top_p, from a generator of its own: one song, one seed."""

    def __init__(self, *, temperature: float, top_k: int | None, top_p: float, seed: int) -> None:
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        # On the CPU whatever the model's device: the same seed gives the same song everywhere.
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, logits: Tensor, banned: Tensor) -> int:
        """The next id from logits (V,), never one of `banned` (ids)."""
        logits = logits.float().cpu().index_fill(0, banned, -torch.inf)
        if self.temperature == 0:
            return int(logits.argmax())
        logits = keep_top_p(keep_top_k(logits / self.temperature, self.top_k), self.top_p)
        return int(torch.multinomial(logits.softmax(-1), 1, generator=self._generator))


def keep_top_k(logits: Tensor, top_k: int | None) -> Tensor:
    """Rule out all but the `top_k` likeliest of (V,); None keeps them all."""
    if top_k is None or top_k >= logits.numel():
        return logits
    least = logits.topk(top_k).values[-1]
    return logits.masked_fill(logits < least, -torch.inf)


def keep_top_p(logits: Tensor, top_p: float) -> Tensor:
    """Rule out the tail of (V,) beyond a probability of `top_p` (Holtzman et al. 2020, section 3.1).

    The likeliest id always stays.
    """
    if top_p >= 1:
        return logits
    ordered, order = logits.softmax(-1).sort(descending=True)
    before = ordered.cumsum(-1) - ordered
    return logits.index_fill(0, order[before >= top_p], -torch.inf)

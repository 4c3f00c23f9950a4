"""The only decode loop: a model and a prompt to ids, one by one.

Shapes: T tokens of the prompt, V vocab_size.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from pretrain.model import GPT, KVCache

Choose = Callable[[Tensor], int]


def decode(model: GPT, prompt: Sequence[int], choose: Choose, max_new_tokens: int) -> Iterator[int]:
    """Yield up to `max_new_tokens` ids that `choose` picks from the logits (V,) behind `prompt` (T,).

    When block_size is full, the later half of the window becomes the prompt of a new one: positions
    start over, as both architectures were trained, and a token costs one pass on average twice.
    """
    assert prompt, "there must be something to go on from"
    block_size = model.config.block_size
    window = list(prompt[-block_size:])
    cache = KVCache(model.config, 1, model.device)
    pending = window.copy()
    for _ in range(max_new_tokens):
        if cache.length + len(pending) > block_size:
            window = window[-max(1, block_size // 2) :]
            cache.length, pending = 0, window.copy()
        with torch.inference_mode():
            logits = model(torch.tensor([pending], device=model.device), cache)[0, -1]
        chosen = choose(logits)
        yield chosen
        window.append(chosen)
        pending = [chosen]

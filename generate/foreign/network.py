"""A model of `transformers` as the decode loop asks for one: rows of ids, keys and values kept.

Each row has a cache of its own and goes through the model alone: what a song becomes does not hang on what is
written beside it, and any kind of cache will do. Several songs take as long as one after the other.

Shapes: R rows, T tokens of a prompt, V vocabulary.
"""

import copy
import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from generate.foreign.libraries import library


@dataclass(frozen=True)
class Window:
    """How far rows reach, which is what the decode loop wants to know of a model."""

    block_size: int


class CachedRows:
    """What generate/network.py does for models of ours, with the same methods."""

    slides = False
    """A window that is full starts over."""

    def __init__(self, model: nn.Module, block_size: int) -> None:
        """`block_size` is how many tokens the model can look back on."""
        self.config = Window(block_size)
        self._model, self._caches, self._lengths = model, list[Any](), list[int]()
        self._latest: tuple[list[int], Any, np.ndarray] | None = None
        """The last prompt, its cache, and its logits."""
        self._device = next(model.parameters()).device
        # Of a prompt the logits behind its last token are enough.
        takes = inspect.signature(model.forward).parameters
        self._last: dict[str, int] = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}

    @property
    def rows(self) -> int:
        """R."""
        return len(self._lengths)

    def add(self, ids: list[int]) -> np.ndarray:
        """Begin a row with a prompt (T,); returns the logits (V,) of what comes next.

        A prompt that is the same as the last is read once.
        """
        seen = ids[-self.config.block_size :]
        if self._latest is None or seen != self._latest[0]:
            cache = self._cache()
            self._latest = seen, cache, self._logits(seen, cache)
        self._caches.append(copy.deepcopy(self._latest[1]))
        self._lengths.append(len(seen))
        return self._latest[2]

    def restart(self, row: int, ids: list[int]) -> None:
        """Forget what a row holds and begin it anew, as `add` does; without ids, with nothing."""
        self._caches[row], self._lengths[row] = self._cache(), 0
        if ids:
            self._forward(row, ids[-self.config.block_size :])

    def remove(self, row: int) -> None:
        """Drop a row; the last one takes its place."""
        for kept in (self._caches, self._lengths):
            kept[row] = kept[-1]
            del kept[-1]

    def length(self, row: int) -> int:
        """Tokens that a row looks back on."""
        return self._lengths[row]

    def has_room(self, row: int) -> bool:
        """Whether one more token fits behind what a row holds."""
        return self._lengths[row] < self.config.block_size

    def take_back(self, row: int, tokens: int) -> bool:
        """Forget the last `tokens` of a row; false, with nothing done, where its cache cannot."""
        cache = self._caches[row]
        if tokens > self._lengths[row] or not all(layer.is_croppable for layer in cache.layers):
            return False
        cache.crop(-tokens)
        self._lengths[row] -= tokens
        return True

    def advance(self, ids: list[int]) -> np.ndarray:
        """Read one more token in each row, ids (R,); returns the logits (R, V) of what comes next."""
        return np.stack([self._forward(row, [id_]) for row, id_ in enumerate(ids)])

    def read(self, ids: list[int]) -> np.ndarray:
        """The logits (V,) behind ids (T,), from scratch and beside all rows."""
        return self._logits(ids[-self.config.block_size :], self._cache())

    def _forward(self, row: int, ids: list[int]) -> np.ndarray:
        self._lengths[row] += len(ids)
        return self._logits(ids, self._caches[row])

    @torch.inference_mode()
    def _logits(self, ids: list[int], cache: Any) -> np.ndarray:
        tokens = torch.tensor([ids], device=self._device)
        out: Any = self._model(input_ids=tokens, past_key_values=cache, use_cache=True, **self._last)
        return out.logits[0, -1].float().cpu().numpy()

    def _cache(self) -> Any:
        return library("transformers").DynamicCache(config=self._model.config)

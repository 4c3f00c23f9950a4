"""A block's arithmetic, for many rows or many tokens at once, in NumPy or PyTorch.

Shapes: B rows, or tokens of a prompt; S tokens that are looked back on, C n_embd, H n_head, K = C / H.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from generate.weights import Array, Layer, Weights
from pretrain.model import GPT, RMS_EPSILON, ROPE_THETA

LAYER_NORM_EPSILON = 1e-5


class Arithmetic:
    """What a token goes through, but for what it looks back on."""

    def __init__(self, model: GPT, *, numpy: bool) -> None:
        self.config, self.device = model.config, model.device
        self.rotary = model.config.architecture == "qwen3"
        self.xp: Any = np if numpy else torch
        self._dot: Any = np.vecdot if numpy else torch.linalg.vecdot
        self.weights = Weights(model, self._array)
        half = np.arange(0, self.config.head_size, 2) / self.config.head_size
        self._frequencies = ROPE_THETA**-half  # (K / 2)

    def embed(self, ids: list[int], positions: np.ndarray) -> Array:
        """Ids (B,) at positions (B,) → (B, C)."""
        x = self.weights.embedding[ids]
        return x if self.weights.positions is None else x + self.weights.positions[positions]

    def qkv(self, layer: Layer, x: Array, rotation: Array) -> tuple[Array, Array, Array]:
        """Queries, keys and values of (B, C), each (B, H, K); B is rows, or tokens of a prompt."""
        heads = self.config.n_head
        qkv = layer.qkv(self._normalise(x)).reshape(x.shape[0], 3 * heads, -1)
        qk = qkv[:, : 2 * heads]
        if layer.gains is not None:
            qk = self._turn(self._normalise(qk) * layer.gains, rotation)
        return qk[:, :heads], qk[:, heads:], qkv[:, 2 * heads :]

    def logits(self, x: Array) -> np.ndarray:
        """(B, C) behind the last block → (B, V)."""
        return self.to_numpy(self.weights.logits(self._normalise(x)))

    def feed_forward(self, layer: Layer, x: Array) -> Array:
        """(B, C) → (B, C)."""
        hidden = layer.into(self._normalise(x))
        if self.rotary:
            inner = self.config.n_inner
            gate = hidden[..., :inner]
            return layer.out(gate / (1 + self.xp.exp(-gate)) * hidden[..., inner:])  # SwiGLU
        inner = 0.7978845608028654 * (hidden + 0.044715 * hidden * hidden * hidden)
        return layer.out(0.5 * hidden * (1 + self.xp.tanh(inner)))  # tanh-GELU

    def _normalise(self, x: Array) -> Array:
        """RMSNorm or LayerNorm of (…, C); what can be is in the weights behind."""
        if not self.rotary:
            x = x - x.mean(-1)[..., None]
        epsilon = RMS_EPSILON if self.rotary else LAYER_NORM_EPSILON
        return x / self.xp.sqrt(self._dot(x, x) + x.shape[-1] * epsilon)[..., None]

    def softmax(self, scores: Array) -> Array:
        """Along the last axis; `scores` are used up."""
        # NumPy's own amax takes as long to find out what it was given as to look at it.
        scores -= (np.maximum.reduce if self.xp is np else torch.amax)(scores, -1)[..., None]
        shares = self.xp.exp(scores)
        shares /= shares.sum(-1)[..., None]
        return shares

    def _turn(self, x: Array, rotation: Array) -> Array:
        """Rotate (B, 2H, K) by position."""
        if self.xp is np:
            return (x.view(np.complex64) * rotation).view(np.float32)
        turned = torch.view_as_complex(x.unflatten(-1, (-1, 2))) * rotation
        return torch.view_as_real(turned).flatten(-2)

    def rotation(self, positions: np.ndarray) -> Array:
        """What positions (B,) turn queries and keys by: complex, (B, 1, K / 2); None where positions are learned."""
        if not self.rotary:
            return None
        turns = np.exp(1j * np.multiply.outer(positions, self._frequencies)).astype(np.complex64)[:, None]
        return turns if self.xp is np else torch.from_numpy(turns).to(self.device)

    def _array(self, tensor: Tensor) -> Array:
        tensor = tensor.detach().contiguous()
        return tensor.numpy().copy() if self.xp is np else tensor

    def from_numpy(self, array: np.ndarray) -> Array:
        """As what computes, in float32."""
        array = array.astype(np.float32, copy=False)
        return array if self.xp is np else torch.from_numpy(array).to(self.device)

    def to_numpy(self, array: Array) -> np.ndarray:
        """The way back."""
        return array if self.xp is np else array.cpu().numpy()

    def copy(self, array: Array) -> Array:
        """The same elsewhere in memory."""
        return array.copy() if self.xp is np else array.clone()

"""A model's weights as decoding multiplies with them: what stands between two matrices is folded into the second.

The gain and bias of a norm go into the matrix behind it, and so does √C: what is left of a norm is
x / √(x · x + C ε). 1 / √K goes into the queries. Queries and keys have the two numbers that rotary
positions turn together side by side, as one complex number; in the model they are K / 2 apart.

Shapes: C n_embd, H n_head, K = C / H, V vocab_size.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pretrain.model import GPT, Attention, Block, FeedForward

# A numpy.ndarray on a CPU, a torch.Tensor elsewhere.
Array = Any


class Affine(NamedTuple):
    """x @ weight + bias, where there is a bias."""

    weight: Array
    bias: Array | None

    def __call__(self, x: Array) -> Array:
        """(…, in) → (…, out)."""
        y = x @ self.weight
        if self.bias is not None:
            y += self.bias
        return y


class Layer(NamedTuple):
    """The weights of a block."""

    qkv: Affine
    gains: Array | None
    """Of normalised queries and keys, (2H, K)."""
    attended: Affine
    into: Affine
    out: Affine


class Weights:
    """All weights of a model; `make` turns each tensor (float32, contiguous) into what computes with it."""

    def __init__(self, model: GPT, make: Callable[[Tensor], Array]) -> None:
        self._make = make
        with torch.no_grad():
            self.embedding = make(model.token_embedding.weight.float())
            """(V, C)."""
            learned = model.config.architecture == "gpt2"
            self.positions = make(model.position_embedding.weight.float()) if learned else None
            """(block_size, C), where positions are learned."""
            self.layers = [self._layer(block) for block in model.blocks if isinstance(block, Block)]
            self.logits = self._behind(model.norm, model.token_embedding.weight, None)

    def _layer(self, block: Block) -> Layer:
        attention, feed_forward = block.attention, block.feed_forward
        assert isinstance(attention, Attention)
        assert isinstance(feed_forward, FeedForward)
        heads, width = attention.n_head, attention.qkv.in_features
        scale = (width // heads) ** -0.5
        norms = attention.q_norm, attention.k_norm
        qkv, gains = attention.qkv.weight, None
        scales = torch.ones(3 * width, device=qkv.device)
        if isinstance(norms[0], nn.RMSNorm) and isinstance(norms[1], nn.RMSNorm):
            # The norm of a head divides by √K too little, as above: that, and 1 / √K for queries.
            gains = torch.stack([norms[0].weight.detach()] * heads + [norms[1].weight.detach() / scale] * heads).float()
            gains = self._make(_paired(gains, 1))
            q, k, v = qkv.detach().view(3, heads, width // heads, width)
            qkv = torch.stack([_paired(q, 1), _paired(k, 1), v]).view(3 * width, width)
        else:
            scales[:width] = scale
        return Layer(
            self._behind(block.attention_norm, qkv, attention.qkv.bias, scales),
            gains,
            self._behind(None, attention.out.weight, attention.out.bias),
            self._behind(block.feed_forward_norm, feed_forward.into.weight, feed_forward.into.bias),
            self._behind(None, feed_forward.out.weight, feed_forward.out.bias),
        )

    def _behind(
        self, norm: nn.Module | None, weight: Tensor, bias: Tensor | None, scales: Tensor | None = None
    ) -> Affine:
        """A linear layer (out, in) with the norm before it folded in, and each output scaled."""
        weight, bias = weight.float(), None if bias is None else bias.float()
        if isinstance(norm, nn.LayerNorm):
            shift = weight @ norm.bias.float()
            bias = shift if bias is None else bias + shift
        if isinstance(norm, nn.LayerNorm | nn.RMSNorm):
            weight = weight * norm.weight.float() * weight.size(1) ** 0.5
        if scales is not None:
            weight, bias = weight * scales[:, None], None if bias is None else bias * scales
        return Affine(self._make(weight.T), None if bias is None else self._make(bias))


def _paired(tensor: Tensor, dim: int) -> Tensor:
    """What is K / 2 apart along `dim`, side by side."""
    first, second = tensor.chunk(2, dim)
    return torch.stack([first, second], dim + 1).flatten(dim, dim + 1)

"""The model: a decoder-only transformer in two named architectures, each one that other runtimes know.

gpt2   Radford et al. 2019: learned positions, LayerNorm, tanh-GELU, biases (transformers' GPT2LMHeadModel)
qwen3  Qwen Team 2025, arXiv 2505.09388: rotary positions, RMSNorm, SwiGLU, normalised queries and
       keys, no biases (transformers' Qwen3ForCausalLM)

Both tie the output to the input embedding.

Shapes: B batch, T tokens, C n_embd, H n_head, K = C / H, V vocab_size.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the field's own name for it)

Architecture = Literal["gpt2", "qwen3"]

ROPE_THETA = 10_000.0
RMS_EPSILON = 1e-6
EMBEDDING_STD = 0.02
INNER_GAIN = 0.5


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What has to be known to build the model; the rest is in the weights."""

    architecture: Architecture
    vocab_size: int
    block_size: int
    n_layer: int
    n_head: int
    n_embd: int
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "block_size", "n_layer", "n_head", "n_embd"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.n_embd % self.n_head or (self.architecture == "qwen3" and self.head_size % 2):
            raise ValueError(f"n_embd {self.n_embd} does not divide into {self.n_head} heads of even size")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")

    @property
    def head_size(self) -> int:
        """K."""
        return self.n_embd // self.n_head

    @property
    def n_inner(self) -> int:
        """Width of the feed-forward layer: SwiGLU has three matrices, so 8/3 C costs what 4 C costs GELU."""
        return 4 * self.n_embd if self.architecture == "gpt2" else -(-8 * self.n_embd // 3 // 32) * 32


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        bias = config.architecture == "gpt2"
        self.n_head = config.n_head
        self.dropout = config.dropout
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd, bias=bias)
        self.out = nn.Linear(config.n_embd, config.n_embd, bias=bias)
        normalise = config.architecture == "qwen3"
        self.q_norm = nn.RMSNorm(config.head_size, RMS_EPSILON) if normalise else nn.Identity()
        self.k_norm = nn.RMSNorm(config.head_size, RMS_EPSILON) if normalise else nn.Identity()

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
        """(B, T, C) → (B, T, C)."""
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.n_head, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, K)
        q, k = self.q_norm(q), self.k_norm(k)
        if rotation is not None:
            q, k = _rotate(q, *rotation), _rotate(k, *rotation)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    """GPT-2's tanh-GELU layer, or SwiGLU with gate and value in one matrix."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gated = config.architecture == "qwen3"
        self.into = nn.Linear(config.n_embd, (1 + self.gated) * config.n_inner, bias=not self.gated)
        self.out = nn.Linear(config.n_inner, config.n_embd, bias=not self.gated)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) → (B, T, C)."""
        hidden = self.into(x)
        if self.gated:
            gate, value = hidden.chunk(2, dim=-1)
            return self.out(F.silu(gate) * value)
        return self.out(F.gelu(hidden, approximate="tanh"))


class Block(nn.Module):
    """Attention and feed-forward, each behind a norm and beside a residual."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = _norm(config)
        self.attention = Attention(config)
        self.feed_forward_norm = _norm(config)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
        """(B, T, C) → (B, T, C)."""
        x = x + self.dropout(self.attention(self.attention_norm(x), rotation))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class GPT(nn.Module):
    """Token ids to next-token logits."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = _norm(config)
        if config.architecture == "gpt2":
            self.position_embedding = nn.Embedding(config.block_size, config.n_embd)
        else:
            cos, sin = _rotations(config)
            self.register_buffer("cos", cos, persistent=False)
            self.register_buffer("sin", sin, persistent=False)

    def init_weights(self, generator: torch.Generator) -> None:
        """Draw new weights.

        Embeddings as GPT-2's; inner matrices so that they neither grow nor shrink much what they are
        given; and what a block adds starts at zero, so that the model begins as its embedding
        (Zhang et al. 2019, "Fixup", section 3).
        """
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                inner = name.startswith("blocks")
                std = INNER_GAIN / parameter.size(1) ** 0.5 if inner else EMBEDDING_STD
                nn.init.normal_(parameter, 0.0, std, generator)
                if inner and name.endswith("out.weight"):
                    nn.init.zeros_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def matrices(self) -> dict[Tensor, int]:
        """The weights inside the blocks that are matrices, and how many lie one above the other in each."""
        pieces: dict[Tensor, int] = {}
        for block in self.blocks:
            attention, feed_forward = cast("Block", block).attention, cast("Block", block).feed_forward
            pieces |= {attention.qkv.weight: 3, attention.out.weight: 1}
            pieces |= {feed_forward.into.weight: 1 + feed_forward.gated, feed_forward.out.weight: 1}
        return pieces

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (B, T) → logits (B, T, V); T is at most block_size. Decoding has generate/network.py."""
        length = ids.size(1)
        assert length <= self.config.block_size, "more tokens than block_size"
        x = self.token_embedding(ids)  # (B, T, C)
        rotation = None
        if self.config.architecture == "gpt2":
            x = x + self.position_embedding.weight[:length]
        else:
            rotation = self.cos[:length], self.sin[:length]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, rotation)
        return F.linear(self.norm(x), self.token_embedding.weight)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.token_embedding.weight.device

    def set_dropout(self, dropout: float) -> None:
        """Change the share of activations dropped in training."""
        self.config = dataclasses.replace(self.config, dropout=dropout)
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
            elif isinstance(module, Attention):
                module.dropout = dropout

    def count_parameters(self) -> int:
        """Weights, the tied embedding counted once."""
        return sum(parameter.numel() for parameter in self.parameters())


def _norm(config: ModelConfig) -> nn.Module:
    if config.architecture == "gpt2":
        return nn.LayerNorm(config.n_embd)
    return nn.RMSNorm(config.n_embd, RMS_EPSILON)


def _rotations(config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions (Su et al. 2021, arXiv 2104.09864), each (block_size, K)."""
    half = torch.arange(0, config.head_size, 2) / config.head_size
    angles = torch.outer(torch.arange(config.block_size), ROPE_THETA**-half)  # (block_size, K / 2)
    # The sign of the rotation lies in the sine, so that applying it is one flip and two products.
    return torch.cat([angles.cos()] * 2, dim=-1), torch.cat([-angles.sin(), angles.sin()], dim=-1)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate (B, H, T, K) by position; pairs are a half apart, as in transformers and llama.cpp's NeoX order."""
    return x * cos + x.roll(x.size(-1) // 2, dims=-1) * sin

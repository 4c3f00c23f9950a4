"""An adapted model as the training loop knows models: its parameters are what is learnt, the base is its own affair.

Shapes: B batch, T tokens, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from generate.foreign.base import Base
from generate.foreign.folder import lora_parameters, own_name


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the loop prints of a model and reckons its memory by."""

    architecture: str
    vocab_size: int
    block_size: int
    n_layer: int
    n_head: int
    n_embd: int
    n_inner: int
    dropout: float


def shape_of(base: Base, block_size: int, dropout: float) -> Shape:
    """The shape of a base that reads `block_size` tokens at once."""
    config = base.config.get_text_config()
    return Shape(
        architecture=base.config.architectures[0],
        vocab_size=base.vocab_size,
        block_size=block_size,
        n_layer=int(config.num_hidden_layers),
        n_head=int(config.num_attention_heads),
        n_embd=base.width,
        n_inner=int(getattr(config, "intermediate_size", None) or 4 * base.width),
        dropout=dropout,
    )


class Adapted(nn.Module):
    """A frozen base and the low-rank matrices beside it; only these are parameters, saved, and stepped."""

    def __init__(self, network: nn.Module, shape: Shape) -> None:
        """`network` is what `add_lora` made."""
        super().__init__()
        self.config = shape
        parameters = {own_name(name): parameter for name, parameter in lora_parameters(network).items()}
        self.lora = nn.ParameterDict(parameters)
        # In a list PyTorch does not look for parameters.
        self._network = [network]

    @property
    def network(self) -> nn.Module:
        """Base and matrices, as `peft` has put them together."""
        return self._network[0]

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) → logits (B, T, V)."""
        out: Any = self.network(input_ids=ids, use_cache=False)
        return out.logits

    def train(self, mode: bool = True) -> "Adapted":
        """As in PyTorch; the base follows."""
        self.network.train(mode)
        return super().train(mode)

    def compile(self, *_: Any, **__: Any) -> None:
        """As it is: not every model of theirs can be compiled."""

    def matrices(self) -> dict[Tensor, int]:
        """None for Muon: AdamW's usual rates for LoRA suit bases of any width."""
        return {}

    def count_parameters(self) -> int:
        """Parameters that are learnt."""
        return sum(parameter.numel() for parameter in self.parameters())

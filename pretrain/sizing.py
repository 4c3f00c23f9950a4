"""What the user left open: size, batch and rates that suit the corpus and the budget."""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import torch

from core.errors import UserError
from pretrain.loop import LoopConfig
from pretrain.tokens import Tokens

Config = TypeVar("Config", bound=LoopConfig)

DEFAULT_MINUTES = 5.0

# Tokens of a step: small enough for a CPU's few minutes to hold a thousand steps.
STEP_TOKENS = 2048

HEAD_SIZE = 32


@dataclass(frozen=True)
class Size:
    """A model, and what it takes to train it."""

    n_layer: int
    n_embd: int
    block_size: int
    dropout: float
    learning_rate: float


def suggest_size(tokens: Tokens, minutes: float, device: torch.device) -> Size:
    """Width by what the budget can train, dropout by how often the corpus is read in it."""
    width = 128 if minutes < 4 else 192 if minutes < 15 else 256
    return Size(n_layer=4, n_embd=width, block_size=128, dropout=0.1, learning_rate=2e-3)


def settle_budget(config: Config) -> Config:
    """A budget for who gave none."""
    if config.minutes is None and config.max_steps is None:
        return dataclasses.replace(config, minutes=DEFAULT_MINUTES)
    return config


def settle_batch(config: Config, length: int) -> Config:
    """A batch size for sequences of `length`, where none was given."""
    if config.batch_size is not None:
        return config
    return dataclasses.replace(config, batch_size=max(1, STEP_TOKENS // (length * config.accumulation)))


def check_block(block_size: int, tokens: Tokens) -> None:
    """Raise UserError when the train side is shorter than one block."""
    longest = len(tokens.train.inputs)
    if block_size > longest:
        raise UserError(
            f"a block of {block_size} tokens is longer than the corpus: its train side has {longest:,}",
            f"--block_size {longest} or less",
        )

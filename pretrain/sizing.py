"""What the user left open: size, batch and rates that suit the corpus and the budget."""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import torch

from core.errors import UserError
from pretrain.config import LoopConfig
from pretrain.tokens import Tokens

Config = TypeVar("Config", bound=LoopConfig)

DEFAULT_MINUTES = 5.0

# Tokens of a step on a CPU. At the same number of tokens, half the batch and twice the steps took the
# validation loss of Spanish poetry from 2.29 to 2.20 bits per character; a GPU needs more to be busy.
CPU_STEP_TOKENS = 1024
GPU_STEP_TOKENS = 16_384

# The peak rate that a width of 128 learns best with; wider layers want proportionally less.
LEARNING_RATE, RATE_WIDTH = 4e-3, 128

HEAD_SIZE = 32

# A corpus below this is read dozens of times in a few minutes, and learnt by heart without dropout;
# which costs more than it saves while there is still much to learn.
SMALL_CORPUS = 1_000_000  # characters
SHORT_BUDGET = 5.0  # minutes


@dataclass(frozen=True)
class Size:
    """A model, and what it takes to train it."""

    n_layer: int
    n_embd: int
    block_size: int
    dropout: float


def learning_rate_for(n_embd: int) -> float:
    """Peak rate for a width."""
    return LEARNING_RATE * RATE_WIDTH / n_embd


def suggest_size(tokens: Tokens, minutes: float | None, device: torch.device) -> Size:
    """The largest model that the budget can teach, and dropout where the corpus is small."""
    dropout = 0.0
    if tokens.train.characters < SMALL_CORPUS:
        dropout = 0.1 if minutes is not None and minutes < SHORT_BUDGET else 0.2
    if device.type != "cpu":
        return Size(n_layer=6, n_embd=384, block_size=256, dropout=dropout)
    # Two cores show a model of width 128 about a million tokens in two minutes.
    width = 128 if minutes is None or minutes < 15 else 192 if minutes < 60 else 256
    return Size(n_layer=4, n_embd=width, block_size=128, dropout=dropout)


def settle_budget(config: Config) -> Config:
    """A budget for who gave none."""
    if config.minutes is None and config.max_steps is None:
        return dataclasses.replace(config, minutes=DEFAULT_MINUTES)
    return config


def settle_batch(config: Config, length: int, device: torch.device) -> Config:
    """A batch size for sequences of `length`, where none was given."""
    if config.batch_size is not None:
        return config
    tokens = CPU_STEP_TOKENS if device.type == "cpu" else GPU_STEP_TOKENS
    return dataclasses.replace(config, batch_size=max(1, tokens // (length * config.accumulation)))


def check_block(block_size: int, tokens: Tokens) -> None:
    """Raise UserError when the train side is shorter than one block."""
    longest = len(tokens.train.inputs)
    if block_size > longest:
        raise UserError(
            f"a block of {block_size} tokens is longer than the corpus: its train side has {longest:,}",
            f"--block_size {longest} or less",
        )

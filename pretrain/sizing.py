"""What the user left open: size, batch and rates that suit the corpus and the budget."""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import torch

from core.errors import UserError
from pretrain.config import LoopConfig
from pretrain.parallel import World
from pretrain.tokens import Tokens

Config = TypeVar("Config", bound=LoopConfig)

# Tokens of a step. At the same number of tokens, half the batch and twice the steps took the validation
# loss of Spanish poetry from 2.29 to 2.20 bits per character; a GPU needs more to be busy.
CPU_STEP_TOKENS = 1024
GPU_STEP_TOKENS = 16_384

# AdamW's peak rate; Muon's is a multiple of it. Both suit any width: embeddings are looked up, not
# multiplied, and a step of Muon is as long as a matrix can bear (Yang et al. 2023, arXiv 2310.17813).
LEARNING_RATE = 4e-3

HEAD_SIZE = 32

# Layers and width that learn most on two cores in so many minutes.
CPU_SIZES = ((0.75, 2, 96), (3.0, 4, 96), (15.0, 4, 128), (60.0, 5, 192), (float("inf"), 6, 256))

# A corpus below this is read dozens of times in a few minutes, and learnt by heart without dropout;
# which costs more than it saves while there is still much to learn.
SMALL_CORPUS = 1_000_000  # characters
SHORT_BUDGET = 5.0  # minutes

# Without a budget a run ends when it learns no more: where to begin is a matter of patience.
OPEN_MINUTES = 10.0


@dataclass(frozen=True)
class Size:
    """A model, and what it takes to train it."""

    n_layer: int
    n_embd: int
    block_size: int
    dropout: float


def suggest_size(tokens: Tokens, minutes: float | None, device: torch.device) -> Size:
    """The largest model that the budget can teach, and dropout where the corpus is small."""
    minutes = OPEN_MINUTES if minutes is None else minutes
    dropout = 0.0
    if tokens.train.characters < SMALL_CORPUS:
        dropout = 0.1 if minutes < SHORT_BUDGET else 0.2
    if device.type != "cpu":
        return Size(n_layer=6, n_embd=384, block_size=256, dropout=dropout)
    n_layer, width = next((n_layer, width) for up_to, n_layer, width in CPU_SIZES if minutes < up_to)
    return Size(n_layer=n_layer, n_embd=width, block_size=128, dropout=dropout)


def settle_batch(config: Config, length: int, world: World) -> Config:
    """A batch size for sequences of `length`, where none was given: at least one for every process.

    Raises UserError when it does not divide among the processes.
    """
    if config.batch_size is None:
        tokens = CPU_STEP_TOKENS if world.device.type == "cpu" else GPU_STEP_TOKENS
        sequences = max(1, tokens // (length * world.size)) * world.size
        return dataclasses.replace(config, batch_size=sequences)
    if config.batch_size % world.size:
        raise UserError(
            f"{config.batch_size} sequences a step do not divide among {world.size} processes",
            f"--batch_size {-(-config.batch_size // world.size) * world.size}",
        )
    return config


def check_block(block_size: int, tokens: Tokens) -> None:
    """Raise UserError when the train side is shorter than one block."""
    longest = len(tokens.train.inputs)
    if block_size > longest:
        raise UserError(
            f"a block of {block_size} tokens is longer than the corpus: its train side has {longest:,}",
            f"--block_size {longest} or less",
        )

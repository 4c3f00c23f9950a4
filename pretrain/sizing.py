"""What the user left open: size, batch and rates that suit the corpus and the budget."""

import dataclasses
import time
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch.nn import functional as F  # noqa: N812

from core.errors import UserError
from pretrain.config import LoopConfig
from pretrain.model import GPT, ModelConfig
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

# Layers and width that learn most in so many minutes on two cores, of which one makes REFERENCE tokens a
# second with the probe. TinyShakespeare, two minutes: 4 × 96 came to 1.548 nats, 3 × 128 to 1.551, 2 × 128 to 1.575.
CPU_SIZES = ((0.75, 2, 96), (3.0, 4, 96), (7.5, 3, 128), (15.0, 4, 128), (60.0, 5, 192), (float("inf"), 6, 256))
REFERENCE = 6_500.0
PROBE = ModelConfig(architecture="qwen3", vocab_size=512, block_size=128, n_layer=4, n_head=4, n_embd=128)
PROBE_STEPS = 3

# A corpus below this is read dozens of times in a few minutes. Dropout and weight decay keep it from
# being learnt by heart: of Martín Fierro after 200 s, decay 0.2 took 2.198 bits per character to 2.140.
SMALL_CORPUS = 1_000_000  # characters
# Restraint costs more than it saves while there is still much to learn: dropout by minutes on that machine.
DROPOUTS = ((3.0, 0.1), (7.5, 0.15), (float("inf"), 0.2))

# Without a budget a run ends when it learns no more: where to begin is a matter of patience.
OPEN_MINUTES = 10.0


@dataclass(frozen=True)
class Size:
    """A model, and what it takes to train it."""

    n_layer: int
    n_embd: int
    block_size: int
    dropout: float
    weight_decay: float
    reason: str


def suggest_size(tokens: Tokens, minutes: float | None, world: World) -> Size:
    """The largest model that the budget can teach, and as much restraint as the corpus needs."""
    given = "no time limit" if minutes is None else f"{minutes:g} minutes"
    reference = OPEN_MINUTES if minutes is None else minutes
    characters = tokens.train.characters
    small = characters < SMALL_CORPUS
    n_layer, width, block_size = 6, 384, 256
    if world.device.type == "cpu":
        if minutes is not None:
            (speed,) = world.most(probe_speed())  # all processes must build the same model
            given += f", {speed:,.0f} tokens/s a core"
            reference *= speed / REFERENCE
        n_layer, width = next((n_layer, width) for up_to, n_layer, width in CPU_SIZES if reference < up_to)
        block_size = 128
    dropout = next(dropout for up_to, dropout in DROPOUTS if reference < up_to) if small else 0.0
    return Size(n_layer, width, block_size, dropout, 0.2 if small else 0.1, f"{characters:,} characters, {given}")


def probe_speed() -> float:
    """Tokens a second that a core learns from with a small model: a few timed steps, the fastest of them.

    One core: two of them beside other work may take ten times as long as one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = GPT(PROBE)
    model.init_weights(torch.Generator().manual_seed(0))
    ids = torch.arange(CPU_STEP_TOKENS).view(-1, PROBE.block_size) % PROBE.vocab_size
    seconds: list[float] = []
    for _ in range(PROBE_STEPS):
        start = time.perf_counter()
        F.cross_entropy(model(ids).flatten(0, 1), ids.flatten()).backward()
        seconds.append(time.perf_counter() - start)
    torch.set_num_threads(threads)
    return CPU_STEP_TOKENS / min(seconds)


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

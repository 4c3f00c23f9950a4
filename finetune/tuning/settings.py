"""What a tuning does, and what it has to go by."""

from dataclasses import dataclass
from typing import Literal

from pretrain.checkpoint import Checkpoint
from pretrain.lexicon import Words
from pretrain.phrases import PhraseIndex
from pretrain.tokens import Tokens
from prosody.line import Language

Method = Literal["expert", "gflownet"]


@dataclass(frozen=True)
class Settings:
    """What a tuning does."""

    method: Method
    minutes: float | None
    max_steps: int | None
    drafts: int
    tries: int
    beta: float
    batch_size: int
    learning_rate: float
    weight_decay: float
    seed: int


@dataclass(frozen=True)
class Material:
    """What a tuning has to go by."""

    checkpoint: Checkpoint
    """Its model is tuned."""
    tokens: Tokens
    titles: list[list[int]]
    """Ids of the titles that drafts are given; at least one, which may be empty."""
    language: Language
    words: Words
    """Those that exist, and how often they end a line."""
    index: PhraseIndex | None
    shortest: int
    """Syllables below which a line is no verse of these songs."""

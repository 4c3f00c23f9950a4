"""How much memory a step takes, and how much there is."""

import math
from pathlib import Path

from pretrain.model import ModelConfig

FLOAT = 4  # bytes

# Numbers that a block keeps for the way back, in multiples of the width and of the feed-forward's; and
# the logits with their softmax and gradient. Between what was measured without dropout and with it.
PER_WIDTH, PER_INNER, PER_LOGIT = 26, 5, 4


def activation_bytes(config: ModelConfig, tokens: int) -> int:
    """Memory that a forward and backward pass over so many tokens takes at its peak, roughly."""
    block = PER_WIDTH * config.n_embd + PER_INNER * config.n_inner
    return FLOAT * tokens * (config.n_layer * block + PER_LOGIT * config.vocab_size)


def available_bytes() -> float:
    """Memory that this process could still take; infinite where the system does not say."""
    limits = [_meminfo(), _control_group()]
    return min((limit for limit in limits if limit is not None), default=math.inf)


def _meminfo(path: Path = Path("/proc/meminfo")) -> float | None:
    if not path.exists():
        return None
    found = [line.split()[1] for line in path.read_text().splitlines() if line.startswith("MemAvailable")]
    return 1024 * float(found[0]) if found else None


def _control_group(folder: Path = Path("/sys/fs/cgroup")) -> float | None:
    """What a container may still take (Linux's cgroup v2)."""
    limit, used = folder / "memory.max", folder / "memory.current"
    if not (limit.exists() and used.exists()) or limit.read_text().strip() == "max":
        return None
    return float(limit.read_text()) - float(used.read_text())

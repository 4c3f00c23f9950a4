"""Several processes, one model: what `torchrun` starts, and nothing at all without it.

Every process holds the model (DDP) or, where it does not fit, a part of it (FSDP2); each computes
the gradients of its share of a step's sequences. The first process writes and speaks.
"""

import io
import os
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed import PrefixStore, rendezvous  # pyright: ignore[reportPrivateImportUsage]
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from core.cli import EXIT_INTERRUPTED, EXIT_USER_ERROR
from core.errors import Interrupted, UserError
from pretrain.device import Device, find_device
from pretrain.model import GPT

# A process that hears nothing from the others for so long takes them for lost.
TIMEOUT = timedelta(minutes=5)

# Weights, gradients and the optimizers' memory are about four times the weights. Where they would
# fill more than this share of a GPU, each process keeps only its part of them.
SHARD_ABOVE = 0.5
BYTES_PER_PARAMETER = 16


@dataclass(frozen=True)
class World:
    """The processes that train together; alone, this one."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.size > 1:
            value = value.clone()
            distributed.all_reduce(value)
        return value

    def most(self, *values: float) -> list[float]:
        """The largest of each number over all processes: whatever they decide with it, they decide alike."""
        if self.size == 1:
            return list(values)
        agreed = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(agreed, distributed.ReduceOp.MAX)
        return agreed.tolist()

    def wait(self) -> None:
        """Until all are here: what the first wrote, the others may read afterwards."""
        self.most(0.0)

    def share(self, rows: Tensor) -> Tensor:
        """This process's rows of a batch."""
        return rows[self.rank :: self.size]


@contextmanager
def join_world(device: Device) -> Generator[World]:
    """Join the processes that `torchrun` started with this one.

    Raises UserError when one of them is lost on the way.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(find_device(device))
        return
    found = find_device(device)
    if found.type == "cuda":
        found = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(found)
    world = World(found, int(os.environ["RANK"]), size)
    try:
        store, rank, _ = next(rendezvous("env://", world.rank, size, timeout=TIMEOUT))
        # The store outlives a restart, and must not hand out the addresses of processes that are gone.
        store = PrefixStore(f"start-{restarts()}", store)
        backend = "cpu:gloo,cuda:nccl" if found.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=TIMEOUT, store=store, rank=rank, world_size=size)
        with nullcontext() if world.first else redirect_stdout(io.StringIO()):
            yield world
    except (UserError, Interrupted) as error:
        if world.first:
            raise
        # All came to it together, and the first says it.
        sys.exit(EXIT_INTERRUPTED if isinstance(error, Interrupted) else EXIT_USER_ERROR)
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        # Backends begin with a place in their own source, and addresses.
        reason = re.sub(r"\[.*?\]:?\w*", "", str(error).strip().splitlines()[0]).strip(" :.")[:100]
        raise UserError(
            f"process {world.rank} of {size} lost the others: {reason}",
            "--resume goes on from the last save; torchrun --max_restarts N does so by itself",
        ) from error
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def restarts() -> int:
    """How often `torchrun` has started this process again after one was lost."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def spread(model: GPT, world: World) -> nn.Module:
    """What computes the model's gradients over all processes; `model` stays the way to its weights."""
    if world.size == 1:
        return model
    if _needs_sharding(model, world.device):
        for block in model.blocks:
            fully_shard(block)
        fully_shard(model)
        return model
    return DistributedDataParallel(model)


def without_sync(network: nn.Module) -> Any:
    """A context in which gradients are added up here only: all but the last of a step's passes."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def whole(tensor: Tensor) -> Tensor:
    """A tensor of which every process may hold only a part, put together in all of them."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _needs_sharding(model: GPT, device: torch.device) -> bool:
    if "PAYADOR_SHARD" in os.environ:
        return os.environ["PAYADOR_SHARD"] == "1"
    if device.type != "cuda":
        return False
    return BYTES_PER_PARAMETER * model.count_parameters() > SHARD_ABOVE * torch.cuda.mem_get_info(device)[1]

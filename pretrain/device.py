"""Where the model computes."""

from typing import Literal

import torch

from core.errors import UserError

Device = Literal["auto", "cpu", "cuda", "mps"]


def find_device(name: Device) -> torch.device:
    """The device asked for; "auto" takes the fastest there is. Raises UserError when it is not there."""
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.cuda.is_available():
        there.insert(0, "cuda")
    if name == "auto":
        return torch.device(there[0])
    if name not in there:
        raise UserError(f"this machine has no {name} device", f"--device auto, or one of: {', '.join(there)}")
    return torch.device(name)

"""Where something was measured."""

import os
import platform
from typing import Any

import torch

from bench.nanogpt import Device


def machine(device: Device) -> dict[str, Any]:
    """Names and versions that a figure depends on."""
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }

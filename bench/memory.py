"""Runs a script with its options, and writes down the most memory that it ever held.

python bench/memory.py peak.json pretrain/train.py --corpus songbook
"""

import resource
import runpy
import sys
from pathlib import Path

import torch

from core.files import write_json


def main() -> None:
    """Run sys.argv[2:] as if it had been started itself; write sys.argv[1], whatever its end."""
    record, *command = sys.argv[1:]
    sys.argv = command
    try:
        runpy.run_path(command[0], run_name="__main__")
    finally:
        write_json(Path(record), {"host_bytes": host_peak(), "device_bytes": device_peak()})


def host_peak() -> int:
    """The most memory this process has had resident, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Unlike getrusage's figure, it knows nothing of the process that started this one.
        lines = status.read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts in bytes


def device_peak() -> int | None:
    """The most memory of the GPU that tensors have taken, in bytes; None where none was used."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else None


if __name__ == "__main__":
    main()

"""Arrays in safetensors files that are sealed: a truncated or altered file is told from a whole one.

The header's metadata holds the SHA-256 of the content, so that a file and its seal are replaced in
one rename. Nothing is ever unpickled.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from core.artifacts import shown
from core.errors import UserError
from core.files import atomic_path

SEAL = "sha256"

Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


def save_tensors(path: Path, arrays: Arrays, metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata atomically, sealed; raises OSError as every writer does."""
    header = {"format": "pt", **metadata, SEAL: _seal(arrays, metadata)}
    with atomic_path(path) as temporary:
        try:
            save_file(arrays, temporary, header)
        except SafetensorError as error:
            # The library hides what the system said, a full disk say, in its own error's text.
            number = re.search(r"os error (\d+)", str(error))
            if number is None:
                raise
            code = int(number[1])
            raise OSError(code, os.strerror(code), str(path)) from error


def load_tensors(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Read arrays and metadata.

    Raises UserError when the file is missing, truncated, or not what was sealed.
    """
    if not path.exists():
        raise UserError(f"{shown(path)} is missing", "copy the whole folder, or run the stage that makes it again")
    try:
        with safe_open(path, framework="np") as file:
            metadata: dict[str, str] = dict(file.metadata() or {})
            arrays: Arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except SafetensorError as error:
        raise _damaged(path) from error
    seal = metadata.pop(SEAL, "")
    metadata.pop("format", None)
    if seal != _seal(arrays, metadata):
        raise _damaged(path)
    return arrays, metadata


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{shown(path)} is truncated or was altered", "copy it again, or run the stage that makes it again"
    )


def _seal(arrays: Arrays, metadata: Mapping[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(metadata.items())).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()

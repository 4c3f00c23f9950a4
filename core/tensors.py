"""Arrays in safetensors files that are sealed: a truncated or altered file is told from a whole one.

The header's metadata holds the SHA-256 of the content, so that a file and its seal are replaced in
one rename. Nothing is ever unpickled. Files may be larger than memory: they are written and checked
a piece at a time, and can be mapped instead of read.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from safetensors import SafetensorError, safe_open
from tqdm import tqdm

from core.artifacts import shown
from core.errors import UserError
from core.files import atomic_path

SEAL = "sha256"

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]

# safetensors' names of the types, little-endian all of them.
_TYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}

_PIECE = 1 << 22  # bytes


def save_tensors(path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write arrays (mapped ones, too) and metadata atomically, sealed; raises OSError as every writer does."""
    seal = _Seal(metadata)
    with _bar(f"sealing {path.name}", sum(array.nbytes for array in arrays.values())) as bar:
        for name, array in sorted(arrays.items()):
            seal.begin(name, array.dtype, array.shape)
            for piece in _pieces(array):
                seal.add(piece)
                bar.update(len(piece))
    with atomic_path(path) as temporary:
        save_file(arrays, temporary, {"format": "pt", **metadata, SEAL: seal.hexdigest()})


def save_file(arrays: Mapping[str, Array], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file a piece at a time (the library's own writer holds all of it in memory)."""
    header: dict[str, Any] = {"__metadata__": metadata}
    # Wide types first: every array then begins at a multiple of its item's size, which a mapping likes.
    order = sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0]))
    end = 0
    for name, array in order:
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file, _bar("writing", end) as bar:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in order:
            for piece in _pieces(array):
                file.write(piece)
                bar.update(len(piece))


def load_tensors(path: Path, *, mapped: bool = False) -> tuple[Arrays, dict[str, str]]:
    """Read arrays and metadata.

    `mapped` arrays are views on the file: they take no memory of their own, whatever their size. What
    is written to them stays in this process. Raises UserError when the file is missing, truncated, or
    not what was sealed.
    """
    if not path.exists():
        raise UserError(f"{shown(path)} is missing", "copy the whole folder, or run the stage that makes it again")
    try:
        with safe_open(path, framework="np") as file:  # refuses whatever is no safetensors file
            metadata: dict[str, str] = dict(file.metadata() or {})
    except SafetensorError as error:
        raise _damaged(path) from error
    expected = metadata.pop(SEAL, "")
    metadata.pop("format", None)
    seal = _Seal(metadata)
    with path.open("rb") as file:
        places = _places(file)
        with _bar(f"checking {path.name}", sum(place.bytes for place in places)) as bar:
            for place in sorted(places, key=lambda place: place.name):
                seal.begin(place.name, place.dtype, place.shape)
                for piece in _pieces_of_file(file, place.offset, place.bytes):
                    seal.add(piece)
                    bar.update(len(piece))
        if seal.hexdigest() != expected:
            raise _damaged(path)
        return {place.name: place.array(file, mapped) for place in places}, metadata


class _Seal:
    """SHA-256 of metadata, and of arrays in the order of their names."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._digest = hashlib.sha256(repr(sorted(metadata.items())).encode())

    def begin(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._digest.update(f"{name} {dtype} {shape}".encode())

    def add(self, piece: memoryview) -> None:
        self._digest.update(piece)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


class _Place:
    """Where an array stands in a file."""

    def __init__(self, name: str, fields: Mapping[str, Any], data: int) -> None:
        self.name, self.dtype, self.shape = name, _TYPES[fields["dtype"]], tuple(fields["shape"])
        start, end = fields["data_offsets"]
        self.offset, self.bytes = data + start, end - start

    def array(self, file: BufferedReader, mapped: bool) -> Array:
        if mapped and self.bytes:  # nothing cannot be mapped
            # As a plain array: numpy's memmap class makes every indexing slower.
            return np.asarray(np.memmap(file, self.dtype, "c", self.offset, self.shape))
        file.seek(self.offset)
        return np.fromfile(file, self.dtype, self.bytes // self.dtype.itemsize).reshape(self.shape)


def _places(file: BufferedReader) -> list[_Place]:
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    return [_Place(name, fields, 8 + length) for name, fields in header.items() if name != "__metadata__"]


def _pieces(array: Array) -> Iterator[memoryview]:
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE].data


def _pieces_of_file(file: BufferedReader, offset: int, length: int) -> Iterator[memoryview]:
    """Through one small buffer: what is only checked need not be mapped."""
    buffer = memoryview(bytearray(min(_PIECE, length)))
    file.seek(offset)
    while length and (count := file.readinto(buffer[:length])):
        yield buffer[:count]
        length -= count


def _bar(what: str, total: int) -> "tqdm[NoReturn]":
    return tqdm(desc=what, total=total, unit="B", unit_scale=True, delay=2, leave=False)


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{shown(path)} is truncated or was altered", "copy it again, or run the stage that makes it again"
    )

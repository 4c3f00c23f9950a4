"""A model's weights under the names that other programs have for them.

Shapes: C n_embd, V vocab_size, I n_inner; weights of linear layers are (out, in).
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from core.tensors import Array
from pretrain.checkpoint import to_arrays
from pretrain.model import GPT

Names = Mapping[str, tuple[str, ...]]
"""Their names by ours, "*" for the number of a block. Several are the equal parts of one matrix, from the top down."""

_BLOCK = re.compile(r"blocks\.(\d+)\.")


def renamed(model: GPT, names: Names) -> Iterator[tuple[str, Array]]:
    """Every weight once, the tied embedding too: its name in `names` with .weight or .bias, and its values."""
    for ours, array in to_arrays(model.state_dict()).items():
        module, _, kind = ours.rpartition(".")
        block = _BLOCK.match(module)
        theirs = names[_BLOCK.sub("blocks.*.", module)]
        for name, part in zip(theirs, np.split(array, len(theirs)), strict=True):
            yield f"{name.replace('*', block[1] if block else '')}.{kind}", part

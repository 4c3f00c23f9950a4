"""The model's forward pass as decoding needs it: token by token, many sequences at once, keys and values kept.

On a CPU it computes in NumPy: a token through a small model is a few hundred tiny operations, and
PyTorch spends four times as long on starting them as NumPy does. Elsewhere the same lines run in
PyTorch.

Shapes: R rows (a sequence each), B continuations, T tokens of a prompt, S tokens that can be looked back on, C n_embd,
H n_head, K = C / H, L n_layer, V vocab_size.
"""

from collections.abc import Sequence

import numpy as np
from threadpoolctl import ThreadpoolController

from generate.arithmetic import Arithmetic
from generate.weights import Array
from pretrain.model import GPT
from pretrain.threads import ThreadChooser

# Tokens that can be taken back from a sequence whose window is full.
SPARE = 64

# Steps between two looks at whether more threads would be faster.
LOOK_EVERY = 500

# Columns of the cache beyond what a window needs; when they are used up, the windows are moved back.
ROOM = 256


class Network:
    """A model and the keys and values of the sequences it is writing, row by row.

    All rows end in the same column of the cache, so that a step writes one column and reads one
    slice, however long each of them is.
    """

    def __init__(self, model: GPT, *, numpy: bool | None = None) -> None:
        """`numpy` says whether to compute with it; left out, on a CPU."""
        self.config = model.config
        self.slides = model.config.architecture == "qwen3"
        """Whether a full window slides on; learned positions start over instead."""
        if numpy is None:
            numpy = model.device.type == "cpu"
        self._arithmetic = Arithmetic(model, numpy=numpy)
        self._layers = self._arithmetic.weights.layers
        self._threads = ThreadChooser(_set_numpy_threads, LOOK_EVERY) if numpy else None
        self._span = self.config.block_size + SPARE
        self._end = 0
        self._lengths: list[int] = []
        """Of what is kept of each row, which a window may be a part of."""
        self._offsets: list[int] = []
        """Position of the first token that is kept."""
        self._keys = self._values = self._empty(0)
        self._latest: tuple[list[int], tuple[Array, Array, np.ndarray]] | None = None
        """The last prompt, and what was read of it."""
        config = model.config
        self._nothing = self._arithmetic.from_numpy(np.zeros((config.n_layer, config.n_head, 0, config.head_size)))

    @property
    def rows(self) -> int:
        """R."""
        return len(self._lengths)

    def add(self, ids: list[int]) -> np.ndarray:
        """Begin a row with a prompt (T,), in one pass; returns the logits (V,) of what comes next.

        A prompt longer than what can matter is read from its end; one that is the same as the last is read once.
        """
        row = self.rows
        if row == self._keys.shape[1]:
            self._grow(max(1, 2 * row))
        self._lengths.append(0)
        self._offsets.append(0)
        if self._latest is None or ids != self._latest[0]:
            self._latest = list(ids), self._read(self._in_sight(ids))
        return self._begin(row, *self._latest[1])

    def restart(self, row: int, ids: list[int]) -> None:
        """Forget what a row holds and begin it anew, as `add` does; without ids, with nothing."""
        if ids:
            self._begin(row, *self._read(self._in_sight(ids)))
        else:
            self._lengths[row] = self._offsets[row] = 0

    def _begin(self, row: int, keys: Array, values: Array, logits: np.ndarray) -> np.ndarray:
        kept = min(keys.shape[2], self._span)
        self._offsets[row] = keys.shape[2] - kept
        self._lengths[row] = 0
        if self._end < kept:
            self._move(kept)
        self._lengths[row] = kept
        columns = slice(self._end - kept, self._end)
        self._keys[:, row, :, columns] = keys[:, :, -kept:]
        self._values[:, row, :, columns] = values[:, :, -kept:]
        return logits

    def remove(self, row: int) -> None:
        """Drop a row; the last one takes its place."""
        last = self.rows - 1
        if row != last:
            for kept in (self._keys, self._values):
                kept[:, row] = kept[:, last]
            self._lengths[row], self._offsets[row] = self._lengths[last], self._offsets[last]
        del self._lengths[last], self._offsets[last]

    def length(self, row: int) -> int:
        """Tokens that a row looks back on."""
        return min(self._lengths[row], self.config.block_size)

    def has_room(self, row: int) -> bool:
        """Whether one more token fits behind what a row holds; where windows slide, always."""
        return self.slides or self._lengths[row] < self.config.block_size

    def take_back(self, row: int, tokens: int) -> bool:
        """Forget the last `tokens` of a row; false, with nothing done, where it does not reach back so far."""
        length = self._lengths[row]
        # A window that has slid must be whole again afterwards.
        reach = length if not self._offsets[row] else length - self.config.block_size
        if tokens > reach:
            return False
        first, end = self._end - length, self._end
        for kept in (self._keys, self._values):
            kept[:, row, :, first + tokens : end] = self._arithmetic.copy(kept[:, row, :, first : end - tokens])
        self._lengths[row] = length - tokens
        return True

    def advance(self, ids: list[int]) -> np.ndarray:
        """Read one more token in each row, ids (R,); returns the logits (R, V) of what comes next."""
        if self._threads:
            self._threads.begin()
        logits = self._advance(ids)
        if self._threads:
            self._threads.end()
        return logits

    def _advance(self, ids: list[int]) -> np.ndarray:
        if self._end == self._keys.shape[3]:
            self._move(min(max(self._lengths), self._span))
        arithmetic, rows, column = self._arithmetic, slice(0, self.rows), self._end
        positions = np.array(self._offsets) + self._lengths  # (R,)
        x, rotation = arithmetic.embed(ids, positions), arithmetic.rotation(positions)
        self._end += 1
        for row, length in enumerate(self._lengths):
            if length == self._span:
                self._offsets[row] += 1
            else:
                self._lengths[row] += 1
        sight = [self.length(row) for row in range(self.rows)]
        columns, hidden = slice(self._end - max(sight), self._end), self._hidden(sight)
        with np.errstate(over="ignore"):
            for number, layer in enumerate(self._layers):
                q, k, v = arithmetic.qkv(layer, x, rotation)  # each (R, H, K)
                self._keys[number, rows, :, column] = k
                self._values[number, rows, :, column] = v
                scores = (self._keys[number, rows, :, columns] @ q[..., None])[..., 0]  # (R, H, S)
                if hidden is not None:
                    scores += hidden
                shares = arithmetic.softmax(scores)[:, :, None]
                seen = shares @ self._values[number, rows, :, columns]  # (R, H, 1, K)
                x = x + layer.attended(seen.reshape(x.shape))
                x = x + arithmetic.feed_forward(layer, x)
            return arithmetic.logits(x)

    def read(self, ids: list[int]) -> np.ndarray:
        """The logits (V,) behind ids (T,), from scratch and beside all rows: they follow from the ids alone."""
        return self._read(self._in_sight(ids))[2]

    def logprobs(self, ids: list[int], continuations: Sequence[list[int]]) -> list[list[float]]:
        """Log-probabilities of each id of each continuation (B of them), which all stand behind ids; in one pass.

        Beside all rows, as `read`. Where positions are learned, a beginning that leaves no room for the longest
        continuation is left out; in one that is longer than the block, all ids beyond it have the last position.
        """
        longest = max(map(len, continuations)) - 1
        ids = self._in_sight(ids)
        if not self.slides:
            ids = ids[-max(1, self.config.block_size - longest) :]
        keys, values, logits = self._read(ids)
        first = np.broadcast_to(logits, (len(continuations), 1, len(logits)))
        padded = [[*each[:-1], *[0] * (longest + 1 - len(each))] for each in continuations]
        x = self._pass(padded, keys, values)[2]
        behind = self._arithmetic.logits(x.reshape(-1, x.shape[-1])).reshape(len(padded), longest, -1)
        scores = np.concatenate([first, behind], 1)
        scores -= scores.max(-1, keepdims=True)
        totals = np.log(np.exp(scores).sum(-1))
        return [
            (scores[row, np.arange(len(each)), each] - totals[row, : len(each)]).tolist()
            for row, each in enumerate(continuations)
        ]

    def _in_sight(self, ids: list[int]) -> list[int]:
        """Of ids those that can matter: through L layers a sliding window looks L windows back."""
        return ids[-self.config.block_size * (self.config.n_layer if self.slides else 1) :]

    def _read(self, ids: list[int]) -> tuple[Array, Array, np.ndarray]:
        """Keys and values, each (L, H, T, K), and the logits (V,) behind the last of ids (T,)."""
        keys, values, x = self._pass([ids], self._nothing, self._nothing)
        return keys[:, 0], values[:, 0], self._arithmetic.logits(x[0, -1:])[0]

    def _pass(self, tokens: list[list[int]], old_keys: Array, old_values: Array) -> tuple[Array, Array, Array]:
        """Read tokens (B, T), each row behind what has the old keys and values (L, H, S, K).

        Returns their own, each (L, B, H, T, K), and what leaves the last block, (B, T, C).
        """
        arithmetic, before = self._arithmetic, old_keys.shape[2]
        rows, length = len(tokens), len(tokens[0])
        positions = before + np.arange(length)
        everywhere = np.tile(positions if self.slides else positions.clip(max=self.config.block_size - 1), rows)
        x = arithmetic.embed([id_ for row in tokens for id_ in row], everywhere)  # (B · T, C)
        rotation = arithmetic.rotation(everywhere)
        distance = positions[:, None] - np.arange(before + length)
        unseen = (distance < 0) | (distance >= self.config.block_size)
        hidden = arithmetic.from_numpy(np.where(unseen, -np.inf, 0.0))  # (T, S + T)
        join = arithmetic.xp.concatenate
        keys: list[Array] = []
        values: list[Array] = []
        with np.errstate(over="ignore"):
            for number, layer in enumerate(self._layers):
                parts = (part.reshape(rows, length, *part.shape[1:]) for part in arithmetic.qkv(layer, x, rotation))
                q, k, v = (part.swapaxes(1, 2) for part in parts)  # each (B, H, T, K)
                old = q @ old_keys[number].swapaxes(-1, -2)
                shares = arithmetic.softmax(join([old, q @ k.swapaxes(-1, -2)], -1) + hidden)  # (B, H, T, S + T)
                seen = shares[..., :before] @ old_values[number] + shares[..., before:] @ v
                x = x + layer.attended(seen.swapaxes(1, 2).reshape(x.shape))
                x = x + arithmetic.feed_forward(layer, x)
                keys.append(k)
                values.append(v)
        return arithmetic.xp.stack(keys), arithmetic.xp.stack(values), x.reshape(rows, length, -1)

    def _hidden(self, sight: list[int]) -> Array | None:
        """(R, 1, S): minus infinity where a shorter row has nothing; None where all are as long."""
        longest = max(sight)
        if min(sight) == longest:
            return None
        missing = np.arange(longest) < longest - np.array(sight)[:, None]
        return self._arithmetic.from_numpy(np.where(missing, -np.inf, 0.0)[:, None])

    def _move(self, end: int) -> None:
        """Move all rows so that they end in column `end`."""
        width = min(max(self._lengths), self._end, end)
        for kept in (self._keys, self._values):
            kept[:, : self.rows, :, end - width : end] = self._arithmetic.copy(
                kept[:, : self.rows, :, self._end - width : self._end]
            )
        self._end = end

    def _grow(self, rows: int) -> None:
        for name in ("_keys", "_values"):
            larger = self._empty(rows)
            larger[:, : self.rows] = getattr(self, name)[:, : self.rows]
            setattr(self, name, larger)

    def _empty(self, rows: int) -> Array:
        """Room for keys or values, (L, R, H, columns, K)."""
        config = self.config
        shape = (config.n_layer, rows, config.n_head, self._span + ROOM, config.head_size)
        return self._arithmetic.from_numpy(np.zeros(shape, np.float32))


_BLAS = ThreadpoolController().select(internal_api="openblas")


def _set_numpy_threads(count: int) -> None:
    _BLAS.limit(limits=count)

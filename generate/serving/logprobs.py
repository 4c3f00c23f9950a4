"""Log-probabilities as OpenAI's completions give them.

Shapes: V vocab_size.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from generate.decoding import TakeBack
from generate.write import Logprob, Request, Song, Writer
from pretrain.tokenizer import Tokenizer


class EchoedSong(Song):
    """A song that keeps the log-probabilities of its prompt's tokens, too.

    The prompt is not read in one pass but as if it were being written: token by token, in the batch.
    """

    def __init__(self, writer: Writer, request: Request) -> None:
        assert request.logprobs is not None
        super().__init__(writer, request)
        encoding = writer.tokenizer.backend.encode(request.prompt)
        self._offsets = [start for start, _ in encoding.offsets]
        self.unread: int | None = None
        """The prompt's first token, if nothing stands before it: it has no probability."""
        if writer.document == "text" and encoding.ids:
            self.unread = encoding.ids[0]
            del self._offsets[0]
        if self._offsets and not self.thinking:
            self._given.extend(self.ids[-len(self._offsets) :])
            del self.ids[-len(self._offsets) :]

    def choose(self, logits: np.ndarray) -> int | TakeBack | None:
        """As every song; what is given is looked at by the logits (V,)."""
        if self._given and self.request.logprobs is not None:
            offset = self._offsets[-len(self._given)]
            self.logprobs.append(self.likelihood(self._given[0], offset, logits))
        return super().choose(logits)


def to_openai(tokenizer: Tokenizer, logprobs: Iterable[Logprob], unread: int | None = None) -> dict[str, Any]:
    """Lists side by side: tokens, their log-probabilities, those of the likeliest, where each begins.

    `unread` is a first token that nothing stands before.
    """
    kept = list(logprobs)
    first = [] if unread is None else [unread]
    likeliest = [{_spelling(tokenizer, token): value for token, value in one.likeliest.items()} for one in kept]
    return {
        "tokens": [_spelling(tokenizer, token) for token in [*first, *(one.token for one in kept)]],
        "token_logprobs": [*(None for _ in first), *(one.logprob for one in kept)],
        "top_logprobs": [*(None for _ in first), *likeliest],
        "text_offset": [*(0 for _ in first), *(one.offset for one in kept)],
    }


def _spelling(tokenizer: Tokenizer, token: int) -> str:
    text = tokenizer.decode([token])
    # A mark, or a part of a character: by the name that the tokenizer has for it.
    return text if text and "�" not in text else str(tokenizer.backend.id_to_token(token))

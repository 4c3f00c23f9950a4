"""A checkpoint writes a song: title, lyrics, end.

The order of marks is the one that songs were trained in: song, title, lyrics, end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import UserError
from generate.decoding import decode
from generate.sampling import Sampler
from pretrain.checkpoint import Checkpoint
from pretrain.tokenizer import Tokenizer

# A title longer than this is none; the lyrics begin all the same.
MAX_TITLE_TOKENS = 24


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a song should be."""

    title: str = ""
    """Empty: the model thinks of one."""
    prompt: str = ""
    """How the lyrics begin."""
    temperature: float
    top_k: int | None
    top_p: float
    max_new_tokens: int
    seed: int


class Writer:
    """Writes songs with one checkpoint, piece by piece."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.model, self.tokenizer, self.document = checkpoint.model, checkpoint.tokenizer, checkpoint.document

    def check(self, request: Request) -> None:
        """Raise UserError when prompt or title hold what the tokenizer cannot write."""
        for name in ("title", "prompt"):
            unseen = self.tokenizer.unseen(getattr(request, name))
            if unseen:
                raise UserError(
                    f"the model never saw {' '.join(map(repr, unseen))}, which the {name} holds",
                    "leave it out, or train with --kind bpe, which writes everything",
                )

    def write(self, request: Request) -> tuple[str, Iterator[str]]:
        """The title, and the lyrics in pieces that join to the whole; they begin with the prompt."""
        self.check(request)
        sampler = Sampler(temperature=request.temperature, top_k=request.top_k, top_p=request.top_p, seed=request.seed)
        tokenizer = self.tokenizer
        if self.document == "text":
            # A running text knows no marks; a line's end is where anything may begin.
            start = tokenizer.encode(request.prompt or "\n")
            return "", self._lyrics(start, request, sampler)
        title = tokenizer.encode(request.title) or self._title(sampler)
        head = [tokenizer.song, *([tokenizer.title, *title] if title else []), tokenizer.lyrics]
        lyrics = self._lyrics([*head, *tokenizer.encode(request.prompt)], request, sampler)
        return tokenizer.decode(title).strip(), lyrics

    def _title(self, sampler: Sampler) -> list[int]:
        prompt = [self.tokenizer.song, self.tokenizer.title]
        banned = self._banned(but=self.tokenizer.lyrics)
        ids = decode(self.model, prompt, lambda logits: sampler(logits, banned), MAX_TITLE_TOKENS)
        return list(_until(self.tokenizer.lyrics, ids))

    def _lyrics(self, prompt: Sequence[int], request: Request, sampler: Sampler) -> Iterator[str]:
        banned = self._banned(but=self.tokenizer.end)
        ids = decode(self.model, prompt, lambda logits: sampler(logits, banned), request.max_new_tokens)
        if request.prompt:
            yield request.prompt
        yield from self.tokenizer.stream(_until(self.tokenizer.end, ids))

    def _banned(self, but: int) -> Tensor:
        tokenizer: Tokenizer = self.tokenizer
        marks = {tokenizer.unknown, tokenizer.song, tokenizer.title, tokenizer.lyrics, tokenizer.end} - {but}
        return torch.tensor(sorted(marks))


def _until(last: int, ids: Iterator[int]) -> Iterator[int]:
    for token in ids:
        if token == last:
            return
        yield token

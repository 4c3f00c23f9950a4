"""Songs as OpenAI's text completions: whole, or in chunks as they come."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from generate.serving.engine import Job, Piece
from generate.serving.errors import FormNotKept
from generate.serving.logprobs import EchoedSong, to_openai


class Reply:
    """The answer to one request, as its songs grow."""

    def __init__(self, job: Job, model: str, *, echo: bool) -> None:
        self.job = job
        self._head: dict[str, Any] = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
        }
        self._hidden = [0 if echo else len(song.request.prompt) for song in job.songs]
        """Characters still to come of each song that are not shown: the client's own."""
        self._begun = [False] * len(job.songs)
        self._tokens = [0] * len(job.songs)
        self._failures: list[str] = []

    @property
    def usage(self) -> dict[str, int]:
        """Tokens read and written; a prompt of several songs is counted once."""
        encode = self.job.writer.tokenizer.encode
        prompt = sum(len(encode(text)) for text in {song.request.prompt: None for song in self.job.songs})
        completion = sum(self._tokens)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    async def chunks(self) -> AsyncIterator[dict[str, Any]]:
        """A chunk for whatever has come; one song's end carries its finish_reason.

        Raises ApiError at the end when no poem has kept its form.
        """
        async for pieces in self.job:
            choices = [choice for piece in pieces if (choice := self._choice(piece))]
            if choices:
                yield {**self._head, "choices": choices}
        if len(self._failures) == len(self.job.songs):
            raise FormNotKept(self._failures[0])

    async def whole(self) -> dict[str, Any]:
        """All of it, when it is finished."""
        choices: dict[int, dict[str, Any]] = {}
        async for chunk in self.chunks():
            for choice in chunk["choices"]:
                choices[choice["index"]] = _joined(choices.get(choice["index"]), choice)
        return {**self._head, "choices": [choices[index] for index in sorted(choices)], "usage": self.usage}

    def last(self) -> dict[str, Any]:
        """The chunk that tells a stream's usage."""
        return {**self._head, "choices": [], "usage": self.usage}

    def _choice(self, piece: Piece) -> dict[str, Any] | None:
        self._tokens[piece.index] = piece.tokens
        hidden = min(self._hidden[piece.index], len(piece.text))
        self._hidden[piece.index] -= hidden
        text, first = piece.text[hidden:], not self._begun[piece.index]
        if not (text or piece.logprobs or first or piece.finish_reason):
            return None
        self._begun[piece.index] = True
        if piece.failure:
            self._failures.append(piece.failure)
        choice = {
            "index": piece.index,
            "text": text,
            "title": piece.title,
            "seed": self.job.songs[piece.index].request.seed,
            "logprobs": self._logprobs(piece, first=first),
            "finish_reason": piece.finish_reason,
        }
        return choice | {"failure": piece.failure} if piece.failure else choice

    def _logprobs(self, piece: Piece, *, first: bool) -> dict[str, Any] | None:
        song = self.job.songs[piece.index]
        if song.request.logprobs is None:
            return None
        unread = song.unread if first and isinstance(song, EchoedSong) else None
        return to_openai(self.job.writer.tokenizer, piece.logprobs, unread)


def _joined(before: dict[str, Any] | None, choice: dict[str, Any]) -> dict[str, Any]:
    if before is None:
        return choice
    known = before["logprobs"]
    if known is not None:
        known = {name: [*values, *choice["logprobs"][name]] for name, values in known.items()}
    return {**choice, "text": before["text"] + choice["text"], "logprobs": known}

"""Verse in a form, beside the songs: poems that are written by turns."""

from collections import deque
from typing import Literal

from generate.compose import Composition
from generate.decoding import Decoder, Sequence
from generate.verse.draft import CANDIDATES
from generate.verse.plan import ComposedLine
from generate.write import Logprob, Writer


class Poem:
    """A composition as the server hands it on, line by line."""

    thinking = False
    logprobs: tuple[Logprob, ...] = ()

    def __init__(self, composition: Composition) -> None:
        self.composition, self.request = composition, composition.request
        self.finish_reason: Literal["stop", "length"] | None = None
        """length, where the form could not be kept to the end: `failure` says why."""
        self.tokens = 0
        """Of the lines that stand, behind the prompt."""
        self.wanted: list[Sequence] = []
        """What has to be decoded before it can go on."""
        self._steps = composition.steps()
        self._new = ""

    @property
    def writer(self) -> Writer:
        """What it is written with."""
        return self.composition.composer.writer

    @property
    def title(self) -> str:
        """Empty while the model thinks of one."""
        return self.composition.title

    @property
    def failure(self) -> str:
        """What could not be satisfied."""
        return self.composition.failure

    @property
    def finished(self) -> bool:
        """Whether nothing will follow."""
        return self.finish_reason is not None

    def take(self) -> str:
        """The lines that were not taken yet."""
        text, self._new = self._new, ""
        return text

    def go_on(self) -> None:
        """Write what can be written now that `wanted` is decoded."""
        self.wanted = []
        step = next(self._steps, None)
        while isinstance(step, ComposedLine):
            self._new += f"{step.text}\n"
            step = next(self._steps, None)
        if step is not None:
            self.wanted = step
            return
        self._new = self._new.removesuffix("\n")
        encode = self.writer.tokenizer.encode
        self.tokens = len(encode(self.composition.text)) - len(encode(self.request.prompt))
        self.finish_reason = "length" if self.failure else "stop"


class Desk:
    """Poems that are being written: what one needs next is decoded, then it is the next one's turn."""

    def __init__(self) -> None:
        self._poems: deque[Poem] = deque()
        self._decoder: Decoder[Sequence] | None = None
        """Of the first poem."""

    @property
    def current(self) -> Poem | None:
        """The poem whose turn it is."""
        return self._poems[0] if self._poems else None

    def add(self, poem: Poem) -> None:
        """Have it written."""
        self._poems.append(poem)

    def remove(self, poem: Poem) -> None:
        """Stop writing it."""
        if poem is self.current:
            # Its network decodes nothing else; whatever state a broken step has left it in, it is empty now.
            network = poem.writer.network
            for row in reversed(range(network.rows)):
                network.remove(row)
            self._decoder = None
        if poem in self._poems:
            self._poems.remove(poem)

    def step(self) -> bool:
        """One token of each of a line's candidates; whether the poem has gone on."""
        poem = self.current
        if poem is None:
            return False
        if self._decoder is None:
            self._decoder = Decoder(poem.writer.network, CANDIDATES)
            self._decoder.waiting.extend(poem.wanted)
        if self._decoder.live or self._decoder.waiting:
            self._decoder.step()
            return False
        self._decoder = None
        poem.go_on()
        self._poems.popleft()
        if not poem.finished:
            self._poems.append(poem)
        return True

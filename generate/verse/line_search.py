"""Candidates for a line of verse: what a model says under the rules of a growing line.

A line is begun by its code: the count that is asked, then a word to end on, which the model chooses among those that
rhyme, then how many syllables are left before it. It goes on as the model likes, as long as its words exist and what is
left of the count can still be filled. Ids that may not follow are passed over when they are drawn, so that what is
drawn has the model's own odds.

Shapes: V vocab_size.
"""

from collections.abc import Iterable

import numpy as np

from generate.decoding import Sequence
from generate.sampling import Sampling, cuts
from generate.verse.growing_line import Grammar, GrowingLine
from generate.verse.rhyme_words import EndWords
from prosody.rhyming import analyse

# Tokens of a line beyond which it is given up.
LONGEST = 60

_TINY = np.finfo(np.float32).tiny  # the exponential may be 0


class Candidate(Sequence):
    """A line that may become the next: `finished` once it has ended well."""

    def __init__(
        self,
        prompt: Iterable[int],
        grammar: Grammar,
        syllables: int,
        ends: EndWords,
        *,
        sampling: Sampling,
        seed: list[int],
        beginning: Iterable[int] = (),
    ) -> None:
        """`beginning` are ids that the line itself begins with."""
        super().__init__([*prompt, grammar.counts[syllables - 1]])
        self.grammar, self.syllables, self.sampling = grammar, syllables, sampling
        self.said: list[int] = []
        """The ids of the line without its codes, and of its end."""
        self.end_word = ""
        self.line: GrowingLine | None = None
        """None while it is open what it ends on."""
        self._ends = ends
        self._code: tuple[int, ...] = ()
        self._given = list(beginning)[::-1]
        self._generator = np.random.Generator(np.random.SFC64(seed))
        self._tokens = 0

    @property
    def text(self) -> str:
        """The line as it is."""
        return self.line.text if self.line is not None else ""

    @property
    def finished(self) -> bool:
        """Whether the line is complete."""
        return self.line is not None and self.line.finished

    def choose(self, logits: np.ndarray) -> int | None:
        """The next id by the logits (V,)."""
        self._tokens += 1
        if self._tokens > LONGEST:
            return None
        return self._choose_end(logits) if self.line is None else self._go_on(self.line, logits)

    def _choose_end(self, logits: np.ndarray) -> int | None:
        follow, word = self._ends.after(self._code)
        left = self.syllables - analyse(word, self.grammar.language).syllables if word else -1
        # The model need not know how many are left: it says that the word is complete, and is told.
        complete = max(self.grammar.left, key=lambda id_: logits[id_])
        if left >= 0:
            follow = np.append(follow, complete)
        if not len(follow):
            return None  # too long a word for the line
        chosen = int(follow[self._drawn(logits[follow]).argmax()])
        if word is not None and chosen == complete:
            self.end_word = word
            self.line = GrowingLine(self.grammar, self.syllables, word, left)
            return self.grammar.left[left]
        self._code += (chosen,)
        return chosen

    def _go_on(self, line: GrowingLine, logits: np.ndarray) -> int | None:
        pieces = self.grammar.pieces
        for ids in self._by_draw(logits):
            begins_word = False
            for chosen in self._given[-1:] or ids:
                piece = pieces[chosen]
                left = line.remind(piece)
                if left is not None:
                    return self.grammar.left[left]
                # Too soon to be told what is left, but the model has come to a word's end.
                begins_word = begins_word or (piece.kind == "left" and line.complete)
                if begins_word and piece.kind == "word" and not piece.spaced:
                    continue
                if line.take(piece):
                    self.said.append(chosen)
                    del self._given[-1:]
                    return None if line.finished else chosen
        return None

    def _by_draw(self, logits: np.ndarray) -> Iterable[list[int]]:
        """Ids in the order of a draw without replacement: the likely ones, and if none of them fits, all."""
        if self.sampling.temperature:
            likely = np.flatnonzero(logits >= cuts(logits, self.sampling, 0.0)[0])
            yield likely[np.argsort(-self._drawn(logits[likely]))].tolist()
        yield np.argsort(-self._drawn(logits)).tolist()

    def _drawn(self, logits: np.ndarray) -> np.ndarray:
        """Scores of which the largest is a draw by the softmax (the Gumbel-max trick)."""
        noise = -np.log(self._generator.standard_exponential(len(logits), np.float32) + _TINY)
        return logits + self.sampling.temperature * noise


class Reading(Sequence):
    """Ids that stand already, read for what the model thinks of them."""

    def __init__(self, prompt: Iterable[int], ids: list[int]) -> None:
        super().__init__(prompt)
        self.scores: list[float] = []
        """Log-probability of each of `ids` behind those before, in nats."""
        self._left = ids[::-1]

    def choose(self, logits: np.ndarray) -> int | None:
        """The next of the ids."""
        id_ = self._left.pop()
        highest = logits.max()
        self.scores.append(float(logits[id_] - highest - np.log(np.exp(logits - highest).sum())))
        return id_ if self._left else None

"""Candidates for a line of verse: what a model says under the rules of a growing line.

A line is begun by the count that is asked and the word that it ends on, which the model chooses among those that rhyme.
It goes on from there to its beginning as the model likes, as long as its words exist and what is left of the count can
still be filled. Ids that may not follow are passed over when they are drawn, so that what is drawn has the model's own
odds.

Shapes: V vocab_size.
"""

from collections.abc import Iterable
from copy import copy
from typing import NamedTuple

import numpy as np

from generate.decoding import Sequence
from generate.sampling import DOUBT, Noise, Sampling, cuts, passes
from generate.verse.growing_line import Grammar, GrowingLine
from generate.verse.rhyme_words import EndWords

# Tokens of a line beyond which it is given up.
LONGEST = 60

# Of the ids that are drawn first, one of so many mostly fits.
FIRST = 32


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
        beginning: str = "",
    ) -> None:
        """`beginning` are words that the line is to begin with."""
        super().__init__([*prompt, grammar.counts[syllables - 1]])
        self.grammar, self.syllables, self.sampling, self.beginning = grammar, syllables, sampling, beginning
        self.end_word = ""
        self.line: GrowingLine | None = None
        """None while it is open what it ends on."""
        self._ends = ends
        self._code: tuple[int, ...] = ()
        """Of the word that it ends on, as far as it is spelt."""
        self._noise = Noise(sampling.temperature, seed)
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
        line = GrowingLine(self.grammar, self.syllables, word, self.beginning) if word else None
        line = line if line is not None and line.complete else None
        if line is None and not len(follow):
            return None  # too long a word for the line
        noise = self._noise.of(len(logits))
        place = _certain(self._end_scores(logits, noise, follow, complete=line is not None))
        if place is None:
            place = int(self._end_scores(self.exact(), noise, follow, complete=line is not None).argmax())
        if line is not None and place == len(follow):
            self.line, self.end_word = line, line.end_word
            return self._go_on(line, logits)
        self._code += (int(follow[place]),)
        return self._code[-1]

    def _end_scores(self, logits: np.ndarray, noise: np.ndarray, follow: np.ndarray, *, complete: bool) -> np.ndarray:
        scores = logits[follow] + noise[follow]
        if not complete:
            return scores
        behind = self.grammar.behind_word
        return np.append(scores, (logits[behind] + noise[behind]).max())

    def _go_on(self, line: GrowingLine, logits: np.ndarray) -> int | None:
        noise = self._noise.of(len(logits))
        found = self._plain(line, logits, noise) or self._first(line, logits, noise, DOUBT)
        if found is not None and not found.certain:
            found = self._first(line, self.exact(), noise, 0.0)
        if found is None:
            return None
        self.line = found.line
        return None if found.line.finished else found.id

    def _plain(self, line: GrowingLine, logits: np.ndarray, noise: np.ndarray) -> "_Found | None":
        """What `_first` would find, where that is certain without sorting all ids; it mostly is."""
        if not self.sampling.temperature or len(logits) <= FIRST:
            return None
        scores = logits + noise
        some = np.argpartition(scores, -FIRST)[-FIRST:]
        found = self._first_of(some, scores[some], line, DOUBT)
        if found is None or not found.certain or not found.plain:
            return None
        return found if passes(logits, logits.item(found.drawn), self.sampling) else None

    def _first(self, line: GrowingLine, logits: np.ndarray, noise: np.ndarray, doubt: float) -> "_Found | None":
        """What may follow and is drawn first: of the likely ids, and if none of them fits, of all.

        It is certain if logits that differ by less than `doubt` would give the same.
        """
        if self.sampling.temperature:
            low, high = cuts(logits, self.sampling, doubt)
            likely = np.flatnonzero(logits >= low - doubt)
            found = self._first_of(likely, logits[likely] + noise[likely], line, doubt)
            if found is not None:
                open_ = doubt > 0 and logits[found.drawn] < high + doubt and len(likely) > (logits >= high).sum()
                return found._replace(certain=False) if open_ else found
        return self._first_of(np.arange(len(logits)), logits + noise, line, doubt)

    def _first_of(self, some: np.ndarray, scored: np.ndarray, line: GrowingLine, doubt: float) -> "_Found | None":
        """Of ids (N,) that which fits and has the highest score."""
        grown, pieces, order = copy(line), self.grammar.pieces, np.argsort(-scored)
        ids, scores = some[order].tolist(), scored[order].tolist()
        word_ended: float | None = None
        close = False
        for place, drawn in enumerate(ids):
            piece, score = pieces[drawn], scores[place]
            left = grown.remind(piece)
            if left is None:
                # Too soon to be told what is left, but the model has come to a word's end.
                if word_ended is None and piece.kind == "left" and line.complete:
                    word_ended = score
                if word_ended is not None and piece.kind == "word" and not piece.spaced:
                    close = close or word_ended - score <= doubt
                    continue
                if not grown.take(piece):
                    continue
            for neighbour in scores[max(0, place - 1) : place] + scores[place + 1 : place + 2]:
                close = close or abs(neighbour - score) <= doubt
            chosen = drawn if left is None else self.grammar.left[left]
            plain = word_ended is None and place < len(ids) - 1
            return _Found(chosen, drawn, grown, certain=not (doubt and close), plain=plain)
        return None


class _Found(NamedTuple):
    """An id that may follow."""

    id: int
    drawn: int
    """The id that was drawn: another, where the line is reminded first of what is left."""
    line: GrowingLine
    """As it is with it."""
    certain: bool
    plain: bool
    """Whether no id that may be too unlikely to count had a say in it."""


def _certain(scores: np.ndarray) -> int | None:
    """The place of the largest; None where rounding could decide."""
    chosen = int(scores.argmax())
    best = scores[chosen]
    return chosen if (scores >= best - DOUBT).sum() == 1 else None

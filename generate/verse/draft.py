"""A poem as far as it stands, and the candidates for its next line."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count, islice

import numpy as np

from generate.guards import WordGuard
from generate.verse.composer import Composer
from generate.verse.growing_line import Grammar
from generate.verse.line_choice import TOGETHER, dangles, runs_of, stammers, worth
from generate.verse.line_search import Candidate
from generate.verse.plan import ComposedLine
from generate.write import Request
from pretrain.verse_codes import COUNTS
from prosody.checking import analyse_verses

# Candidates of a line, side by side.
CANDIDATES = 24

# So many times as many of a line that begins with a prompt: it is not written towards it, but has to follow from it.
PROMPTED = 3

# Of the candidates that keep the form, the best ones that are also read with nothing before them.
WEIGHED = 12

# What is added to the temperature each time that none of them was good.
WARMER = 0.1


class Draft:
    """Lines, and what the model has read of them."""

    def __init__(self, composer: Composer, request: Request, *, known_words: bool) -> None:
        """Nothing stands yet.

        Raises:
            UserError: as `Writer.song`.
        """
        tokenizer = composer.writer.tokenizer
        codes = tokenizer.verse_codes
        words = composer.words_with(request.prompt) if known_words else None
        composer.writer.song(request)  # which it checks
        self.composer, self.request = composer, request
        self.lines: list[ComposedLine] = []
        self.used: set[str] = set()
        """Words that lines end on."""
        self.grammar = Grammar(composer.language, composer.pieces, words, codes[: len(COUNTS)], codes[len(COUNTS) :])
        self._forbidden = composer.writer.forbidden(request)
        self._ids: list[int] = []
        self._plain: list[int] = []
        """The same without codes, every line from its beginning."""
        self._numbers = count()

    @property
    def text(self) -> str:
        """The lyrics so far."""
        return "\n".join(line.text for line in self.lines)

    @property
    def verses(self) -> int:
        """Lines that a form asks."""
        return sum(line.verse is not None for line in self.lines)

    @property
    def prompt(self) -> str:
        """How the next line begins."""
        return "" if self.verses else self.request.prompt

    def begin(self, title: list[int]) -> None:
        """Put the title's ids, with their marks, before all lines."""
        self._ids, self._plain = list(title), list(title)

    def say(self, line: ComposedLine) -> ComposedLine:
        """A line stays."""
        self._ids += self.composer.coded(line.text)
        self._plain += self.composer.writer.tokenizer.encode(f"{line.text}\n")
        self.lines.append(line)
        return line

    def candidates(self, syllables: int, words: Sequence[str], attempt: int) -> list[Candidate]:
        """Lines to be decoded that end on one of the words; with each attempt, other and warmer ones."""
        ends = self.composer.ends(words)
        sampling = self.request.sampling
        warmer = replace(sampling, temperature=sampling.temperature + attempt * WARMER)
        return [
            Candidate(
                self._ids,
                self.grammar,
                syllables,
                ends,
                sampling=warmer,
                seed=[self.request.seed, number],
                beginning=self.prompt,
            )
            for number in islice(self._numbers, CANDIDATES * (PROMPTED if self.prompt else 1))
        ]

    def good(self, candidates: Sequence[Candidate], *, last: bool, again: str) -> list[Candidate]:
        """Those that have come to their end, repeat nothing, and say nothing that is forbidden.

        What is said `again` behind them is heard together with them. The `last` of a poem had better end its sentence.
        """
        said = runs_of(line.text for line in self.lines)
        guard = WordGuard(self._forbidden, len(self.text) + bool(self.lines) + len(self.prompt))
        fresh = [
            candidate
            for candidate in candidates
            if candidate.finished
            and said.isdisjoint(runs_of([candidate.text]))
            and not stammers(candidate.text)
            and self._may_stand(candidate.text, again, guard)
        ]
        return [candidate for candidate in fresh if not (last and dangles(candidate.text))] or fresh

    def _may_stand(self, text: str, again: str, guard: WordGuard) -> bool:
        before = self.text
        refused = guard.refused(before, "\n".join([""] * bool(self.lines) + [text, again]), ended=True)
        guard.forget_after(len(before))
        return refused is None

    def likeliest(self, candidates: list[Candidate], behind: list[int]) -> Candidate:
        """The one that is worth most, if these ids come `behind` it."""
        # From its end, a line comes to a beginning that may not fit; read as it will be read, it is judged as a whole.
        network, tokenizer = self.composer.writer.network, self.composer.writer.tokenizer
        said = [tokenizer.encode(each.text) + behind for each in candidates]
        scores = network.logprobs(self._plain, said)
        before = analyse_verses([line.text for line in self.lines], self.composer.language)
        values = np.array([worth(*each, self.composer, before) for each in zip(candidates, said, scores, strict=True)])
        best = np.argsort(-values)[:WEIGHED].tolist()
        alone = network.logprobs(self._plain[-1:], [said[place] for place in best])
        for place, each in zip(best, alone, strict=True):
            values[place] += TOGETHER * (sum(scores[place]) - sum(each)) / len(candidates[place].text)
        return candidates[max(best, key=values.__getitem__)]

"""Verse in a form, line by line, each the best of several that keep it.

What makes a line keep its form stands in generate/verse/growing_line.py. Here it is decided what is asked of each line,
which of its candidates stays, and what is said when none does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice

import numpy as np

from core.errors import UserError
from generate import decoding
from generate.guards import WordGuard
from generate.sampling import Sampler
from generate.verse.composer import Composer
from generate.verse.growing_line import Grammar
from generate.verse.line_choice import runs_of, stammers, worth
from generate.verse.line_search import Candidate, Reading
from generate.verse.plan import ComposedLine, Plan, Rhyme, heading, rhymes_of, why_not
from generate.verse.rhyme_words import Ending, EndWords, WordList
from generate.write import MAX_TITLE_TOKENS, Request
from pretrain.verse_codes import COUNTS, MOST_SYLLABLES
from prosody.form import Verse
from prosody.rhyming import analyse

# Candidates of a line, side by side; and how often so many are tried before the form is given up.
CANDIDATES = 32
TRIES = 8
# What is added to the temperature each time.
WARMER = 0.1

# A rhyme is begun on a sound that has so many words for each line that it needs.
SPARE = 4


# A line as it stands, or what has to be decoded before the next.
Step = ComposedLine | list[decoding.Sequence]


class Composition:
    """One poem, as far as it is written. Iterating over it writes it."""

    def __init__(self, composer: Composer, request: Request, plan: Plan) -> None:
        """Ready to be written.

        Raises:
            UserError: a line without a count or longer than any code; a prompt of several lines; or as `Writer.song`.
        """
        verses = [verse for stanza in plan.form.stanzas for verse in stanza]
        if any(verse.syllables is None for verse in verses):
            raise UserError("a form without counts", 'say how long its lines are: "ABBA 8"')
        longest = max(verse.syllables or 0 for verse in verses)
        if longest > MOST_SYLLABLES:
            raise UserError(f"lines of {longest} syllables", f"the model knows lines of up to {MOST_SYLLABLES}")
        if "\n" in request.prompt:
            raise UserError("a prompt of several lines", "in a form, a prompt is how the first line begins")
        self.composer, self.request, self.plan = composer, request, plan
        self.lines: list[ComposedLine] = []
        self.title = request.title
        self.failure = ""
        """What could not be satisfied; empty where all was."""
        codes = composer.writer.tokenizer.verse_codes
        words = _with_prompt(composer, request.prompt) if plan.known_words else None
        self.grammar = Grammar(composer.language, composer.pieces, words, codes[: len(COUNTS)], codes[len(COUNTS) :])
        self._guard = WordGuard(composer.writer.forbidden(request), 0)
        composer.writer.song(request)  # which it checks
        self._beginning = composer.writer.tokenizer.encode(request.prompt)
        """Of the next line."""
        self._ids: list[int] = []
        self._plain: list[int] = []
        """The same without codes."""
        self._used: set[str] = set()
        self._rhymes: dict[str, Rhyme] = {}
        self._loose: list[Ending] = []
        """Of the stanza's lines that rhyme with nothing."""
        self._numbers = count()

    @property
    def text(self) -> str:
        """The lyrics so far."""
        return "\n".join(line.text for line in self.lines)

    def __iter__(self) -> Iterator[ComposedLine]:
        """Yields each line as it stands. Ends early where `failure` says why."""
        for step in self.steps():
            if isinstance(step, ComposedLine):
                yield step
            else:
                _decode(self.composer, step)

    def steps(self) -> Iterator[Step]:
        """Lines as they stand, and between them what has to be decoded before the next."""
        tokenizer = self.composer.writer.tokenizer
        self._ids = [tokenizer.song, tokenizer.title, *tokenizer.encode(self.title)]
        if not self.title:
            title = _Title(self.composer, self.request)
            yield [title]
            self.title, self._ids = tokenizer.decode(title.ids).strip(), title.ids
        self._ids.append(tokenizer.lyrics)
        self._plain = list(self._ids)
        sections = self.plan.structure or (None,)
        for number, section in enumerate(sections):
            if number:
                yield self._say(ComposedLine(""))
            if section is not None:
                yield self._say(ComposedLine(heading(section, self.plan.structure)))
            if section is not None and section.repeats is not None:
                yield from map(self._say, self._section(section.repeats))
                continue
            yield from self._stanzas(last=number == len(sections) - 1)
            if self.failure:
                return

    def _stanzas(self, *, last: bool) -> Iterator[Step]:
        tokenizer, stanzas = self.composer.writer.tokenizer, self.plan.form.stanzas
        newline, whole = tokenizer.encode("\n"), len(stanzas) > 1
        asked = stanzas if whole else stanzas * self.plan.stanzas
        for number, stanza in enumerate(asked):
            if number:
                yield self._say(ComposedLine(""))
            if not (whole and number):
                self._rhymes = rhymes_of([verse for each in stanzas for verse in each])
                self._loose = []
            ends = [tokenizer.end] if last and number == len(asked) - 1 else newline * 2
            for place, verse in enumerate(stanza, 1):
                yield from self._line(verse, ends if place == len(stanza) else newline)
                if self.failure:
                    return

    def _line(self, verse: Verse, behind: list[int]) -> Iterator[Step]:
        """The next line; `behind` it comes another line, stanza or the end, for which it should be likely as well."""
        rhyme = self._rhymes.get(verse.rhyme or "")
        words: list[str] = []
        for attempt in range(TRIES):
            words = self._end_words(rhyme, max(1, SPARE - attempt))
            if not words:
                continue
            candidates = self._candidates(verse, words, attempt)
            yield list(candidates)
            fresh = self._fresh(candidates)
            if fresh:
                # Told the word to end on, a model ends on it whether it fits or not: it judges without being told.
                readings = [Reading(self._plain, candidate.said[:-1] + behind) for candidate in fresh]
                yield list(readings)
                values = [self._worth(candidate, reading) for candidate, reading in zip(fresh, readings, strict=True)]
                yield self._keep(fresh[int(np.argmax(values))], verse, rhyme)
                return
        number = sum(line.verse is not None for line in self.lines) + 1
        self.failure = f"line {number}: {why_not(verse, rhyme, words)}"

    def _end_words(self, rhyme: Rhyme | None, spare: int) -> list[str]:
        known = self.composer.rhymes
        if rhyme is not None and rhyme.endings:
            return known.rhyming(rhyme.key, assonant=rhyme.assonant, used=self._used)
        assonant, lines = (rhyme.assonant, rhyme.left) if rhyme is not None else (False, 1)
        return known.openers(lines, assonant=assonant, sounds=self._sounds(), used=self._used, spare=spare)

    def _sounds(self) -> set[tuple[bool, str]]:
        """What the lines end on: a new rhyme, and a line without one, sounds otherwise."""
        begun = [rhyme for rhyme in self._rhymes.values() if rhyme.endings]
        by_vowels = any(rhyme.assonant for rhyme in self._rhymes.values())
        loose = {(by_vowels, ending.key(assonant=by_vowels)) for ending in self._loose}
        return loose | {(rhyme.assonant, rhyme.key) for rhyme in begun}

    def _candidates(self, verse: Verse, words: list[str], attempt: int) -> list[Candidate]:
        ends = EndWords((self.composer.spelt(word), word) for word in words)
        sampling = self.request.sampling
        warmer = replace(sampling, temperature=sampling.temperature + attempt * WARMER)
        assert verse.syllables is not None
        return [
            Candidate(
                self._ids,
                self.grammar,
                verse.syllables,
                ends,
                sampling=warmer,
                seed=[self.request.seed, number],
                beginning=self._beginning,
            )
            for number in islice(self._numbers, CANDIDATES)
        ]

    def _fresh(self, candidates: list[Candidate]) -> list[Candidate]:
        """Those that have come to their end, repeat nothing, and say nothing that is forbidden."""
        said = runs_of(line.text for line in self.lines)
        return [
            candidate
            for candidate in candidates
            if candidate.finished
            and said.isdisjoint(runs_of([candidate.text]))
            and not stammers(candidate.text)
            and self._may_say(candidate.text)
        ]

    def _may_say(self, text: str) -> bool:
        refused = self._guard.refused(self.text, f"\n{text}", ended=True)
        self._guard.forget_after(len(self.text))
        return refused is None

    def _worth(self, candidate: Candidate, reading: Reading) -> float:
        composer = self.composer
        usual = composer.rhymes.endings[candidate.end_word].logprob
        return worth(candidate, reading.scores, usual, composer.pieces, [line.text for line in self.lines])

    def _keep(self, candidate: Candidate, verse: Verse, rhyme: Rhyme | None) -> ComposedLine:
        # A line's end is the last that a candidate says, but not one of its ids.
        self._ids = [*candidate.ids, candidate.said[-1]]
        self._plain += candidate.said
        self._beginning = []
        self._used.add(candidate.end_word)
        ending = self.composer.rhymes.endings[candidate.end_word]
        if rhyme is not None:
            rhyme.left -= 1
            rhyme.endings.append(ending)
        else:
            self._loose.append(ending)
        self.lines.append(ComposedLine(candidate.text, verse))
        return self.lines[-1]

    def _say(self, line: ComposedLine) -> ComposedLine:
        """A line that nobody has to look for."""
        ids = self.composer.writer.tokenizer.encode(f"{line.text}\n")
        self._ids += ids
        self._plain += ids
        self.lines.append(line)
        return line

    def _section(self, place: int) -> list[ComposedLine]:
        """The lines of a section that was sung before, without its heading."""
        headings = [number for number, line in enumerate(self.lines) if line.text.startswith("[")]
        first = headings[place] + 1
        end = next(number for number in headings if number > first)
        return self.lines[first : end - 1]


def compose_all(compositions: Sequence[Composition]) -> Iterator[tuple[int, ComposedLine]]:
    """Write several poems of one composer side by side; yields each line with the number of its poem."""
    waiting = {number: composition.steps() for number, composition in enumerate(compositions)}
    while waiting:
        batch: list[decoding.Sequence] = []
        for number, steps in list(waiting.items()):
            step = next(steps, None)
            while isinstance(step, ComposedLine):
                yield number, step
                step = next(steps, None)
            if step is None:
                del waiting[number]
            else:
                batch += step
        _decode(compositions[0].composer, batch)


def _decode(composer: Composer, sequences: list[decoding.Sequence]) -> None:
    # All of a line's candidates at once: they have read the same.
    for _ in decoding.decode(composer.writer.network, sequences, CANDIDATES):
        pass


class _Title(decoding.Sequence):
    """A title that the model thinks of."""

    def __init__(self, composer: Composer, request: Request) -> None:
        tokenizer = composer.writer.tokenizer
        super().__init__([tokenizer.song, tokenizer.title])
        self._lyrics, self._banned = tokenizer.lyrics, tokenizer.special - {tokenizer.lyrics}
        self._sampler = Sampler(request.sampling, request.seed)

    def choose(self, logits: np.ndarray) -> int | None:
        """The next id by the logits (V,); None where the lyrics begin."""
        if len(self.ids) > MAX_TITLE_TOKENS:
            return None
        chosen = self._sampler(logits, self.exact, self._banned)
        return None if chosen == self._lyrics else chosen


def _with_prompt(composer: Composer, prompt: str) -> WordList:
    """The words that there are, and those of the prompt, whatever they are."""
    said = analyse(prompt, composer.language).words
    return composer.words.with_words(said) if said else composer.words

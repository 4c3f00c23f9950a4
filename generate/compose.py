"""Verse in a form, line by line, each the best of several that keep it.

What makes a line keep its form stands in generate/verse/growing_line.py. Here it is decided what is asked of each line,
which of its candidates stays, and what is said when none does.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from core.errors import UserError
from generate import decoding
from generate.verse.composer import Composer
from generate.verse.draft import CANDIDATES, Draft
from generate.verse.growing_line import Grammar
from generate.verse.plan import ComposedLine, Plan, Rhyme, heading, rhymes_of, why_not
from generate.verse.rhyme_words import Ending
from generate.verse.title import TITLES, Title
from generate.write import Request
from pretrain.verse_codes import MOST_SYLLABLES
from prosody.form import Verse
from prosody.rhyming import analyse

# How often candidates of a line are tried before the form is given up.
TRIES = 8

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
        self.title = request.title
        self.failure = ""
        """What could not be satisfied; empty where all was."""
        self._chance = np.random.default_rng(request.seed)
        self._draft = Draft(composer, request, known_words=plan.known_words)
        self._rhymes: dict[str, Rhyme] = {}
        self._loose: list[Ending] = []
        """Of the stanza's lines that rhyme with nothing."""

    @property
    def lines(self) -> list[ComposedLine]:
        """What stands so far."""
        return self._draft.lines

    @property
    def text(self) -> str:
        """The lyrics so far."""
        return self._draft.text

    @property
    def grammar(self) -> Grammar:
        """What every line keeps."""
        return self._draft.grammar

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
        ids = [tokenizer.song, tokenizer.title, *tokenizer.encode(self.title)]
        if not self.title:
            titles = [Title(self.composer, self.request, number) for number in range(TITLES)]
            yield list(titles)
            title = min(titles, key=lambda each: each.unknown)
            self.title, ids = title.text, title.ids
        self._draft.begin([*ids, tokenizer.lyrics])
        sections = self.plan.structure or (None,)
        for number, section in enumerate(sections):
            if number:
                yield self._draft.say(ComposedLine(""))
            if section is not None:
                yield self._draft.say(ComposedLine(heading(section, self.plan.structure)))
            if section is not None and section.repeats is not None:
                yield from map(self._draft.say, self._section(section.repeats))
                continue
            following = self.plan.structure[number + 1 : number + 2]
            sung = [each.repeats for each in following if each.repeats is not None and each.repeats < number]
            again = [line for place in sung for line in self._section(place)]
            yield from self._stanzas(last=number == len(sections) - 1, again="\n".join(line.text for line in again))
            if self.failure:
                return

    def _stanzas(self, *, last: bool, again: str) -> Iterator[Step]:
        """The next section; `last` of all, or with the text that is said `again` behind it."""
        tokenizer, stanzas = self.composer.writer.tokenizer, self.plan.form.stanzas
        newline, whole = tokenizer.encode("\n"), len(stanzas) > 1
        asked = stanzas if whole else stanzas * self.plan.stanzas
        for number, stanza in enumerate(asked):
            if number:
                yield self._draft.say(ComposedLine(""))
            if not (whole and number):
                self._rhymes = rhymes_of([verse for each in stanzas for verse in each])
                self._loose = []
            closes = number == len(asked) - 1
            behind = [tokenizer.end] if last and closes else newline * 2
            for verse in stanza[:-1]:
                yield from self._line(verse, newline)
                if self.failure:
                    return
            yield from self._line(stanza[-1], behind, again if closes else "")
            if self.failure:
                return

    def _line(self, verse: Verse, behind: list[int], again: str = "") -> Iterator[Step]:
        """The next line; `behind` it comes another line, stanza or the end, for which it should be likely as well."""
        draft, rhyme = self._draft, self._rhymes.get(verse.rhyme or "")
        assert verse.syllables is not None
        given = analyse(draft.prompt, self.composer.language)
        if given.words and given.syllables == verse.syllables:
            yield self._keep(draft.prompt, given.last_word, verse, rhyme)
            return
        words: list[str] = []
        last = behind == [self.composer.writer.tokenizer.end]
        for attempt in range(TRIES):
            words = self._end_words(rhyme, verse.syllables, max(1, SPARE - attempt))
            if not words:
                continue
            candidates = draft.candidates(verse.syllables, words, attempt)
            yield list(candidates)
            good = draft.good(candidates, last=last, again=again)
            if good:
                best = draft.likeliest(good, behind)
                yield self._keep(best.text, best.end_word, verse, rhyme)
                return
        self.failure = f"line {draft.verses + 1}: {why_not(verse, rhyme, words, draft.prompt)}"

    def _end_words(self, rhyme: Rhyme | None, room: int, spare: int) -> list[str]:
        known, used = self.composer.rhymes, self._draft.used
        if rhyme is not None and rhyme.endings:
            like, chance = rhyme.endings[0].word, self._chance
            return known.rhyming(rhyme.key, assonant=rhyme.assonant, used=used, like=like, room=room, chance=chance)
        assonant, lines = (rhyme.assonant, rhyme.left) if rhyme is not None else (False, 1)
        return known.openers(
            lines, assonant=assonant, sounds=self._sounds(), used=used, spare=spare, room=room, chance=self._chance
        )

    def _sounds(self) -> set[tuple[bool, str]]:
        """What the lines end on: a new rhyme, and a line without one, sounds otherwise."""
        begun = [rhyme for rhyme in self._rhymes.values() if rhyme.endings]
        by_vowels = any(rhyme.assonant for rhyme in self._rhymes.values())
        loose = {(by_vowels, ending.key(assonant=by_vowels)) for ending in self._loose}
        return loose | {(rhyme.assonant, rhyme.key) for rhyme in begun}

    def _keep(self, text: str, end_word: str, verse: Verse, rhyme: Rhyme | None) -> ComposedLine:
        ending = self.composer.rhymes.ending(end_word)
        if rhyme is not None:
            rhyme.left -= 1
            rhyme.endings.append(ending)
        else:
            self._loose.append(ending)
        self._draft.used.add(end_word)
        return self._draft.say(ComposedLine(text, verse))

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

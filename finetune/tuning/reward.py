"""What a line of verse is worth behind the lines before it."""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from core.words import folded_words
from finetune.tuning.verse import NEAR, kind_of
from generate.originality import COPIED, RunLengths
from pretrain.phrases import PhraseIndex
from pretrain.verse_codes import is_heading
from prosody.line import Language, Line
from prosody.rhyming import analyse

# Points of a line. A full rhyme is what is asked; vowels alone come by chance.
FULL, VOWELS = 1.0, 0.5
# For the length of a neighbour: worth less than a rhyme, since it comes more easily.
METRE = 0.3
# Off for each word that does not exist. A rhyme on such a word counts nothing: a model that is paid for sounds alone
# soon writes "gagagaga".
UNKNOWN = 0.5
# Off for a line that ends a run of COPIED words or more out of the songs learnt.
COPY = 1.0

# Off for a line that is shorter than the songs' are: the shorter the lines, the more of them rhyme.
SHORT = 1.0

# Lines that wait for a rhyme, at most, before the next must give one: as in ABBA and ABAB.
WAITING = 2
# From this line of a stanza on, every second one must also answer a single line that waits.
CLOSING = 4

# A rhyme pays only while its word does not end more lines than in real songs, so many of each word being free: else one
# pair ("día", "mía") is soon all that a model says.
FREE_USES, SLACK = 1.0, 1.0

# Lines whose analysis is remembered: a model that sticks to what pays says them again.
REMEMBERED = 1 << 15


@dataclass(frozen=True)
class Worth:
    """What one line got."""

    points: float
    rhyme: float
    """Points of its rhyme: none for one on a word that does not exist."""
    metre: bool
    """It has the length of one of the last NEAR lines of its stanza, or is its first."""
    clean: bool
    """Every word exists, none of them ends a copied run, and the line is long enough."""
    must: bool
    """It was its turn to rhyme."""
    waiting: int
    """Lines, at most NEAR back, that waited for a rhyme when it came."""

    @property
    def best(self) -> bool:
        """Whether nothing is left to wish for."""
        return self.clean and self.metre and (self.rhyme == FULL or not self.must)

    @property
    def good(self) -> bool:
        """Whether it is worth learning: it rhymes when it has to."""
        return self.clean and self.must and self.rhyme > 0

    @property
    def kind(self) -> int:
        """A number below KINDS for the situation that it came in."""
        return min(self.waiting, WAITING) * 2 + self.must


KINDS = 2 * (WAITING + 1)


@dataclass(frozen=True)
class Stanza:
    """The lines of a stanza so far."""

    lines: tuple[Line, ...] = ()
    waiting: tuple[int, ...] = ()
    """Those that nothing rhymes with."""


class Judge:
    """Judges the lines of one song, in order; any line may be judged again in another wording."""

    def __init__(
        self,
        language: Language,
        words: Container[str],
        index: PhraseIndex | None,
        odds: Mapping[str, float],
        random: np.random.Generator,
        *,
        shortest: int = 1,
    ) -> None:
        """`words` are those that exist; `index` knows the songs learnt.

        A rhyme on a word counts with the `odds` that it has there, drawn by `random`; else always. A line of fewer
        syllables than `shortest` is worth less.
        """
        self.language: Language = language
        self.words = words
        self._odds, self._random, self._shortest = odds, random, shortest
        self._ends: set[str] = set()
        self._runs = RunLengths(index) if index else None
        self._said: list[str] = []
        self._stanza = Stanza()

    def judge(self, text: str) -> tuple[Worth | None, Stanza]:
        """What a line is worth, and the stanza with it; nothing for an empty one or a heading: they end the stanza."""
        line = _analysed(text, self.language)
        if not line.words or is_heading(text):
            return None, Stanza()
        stanza, number = self._stanza, len(self._stanza.lines)
        waiting = tuple(place for place in stanza.waiting if number - place <= NEAR)
        partner, points = self._rhyme(line)
        unknown = sum(word not in self.words for word in line.words)
        copies, short = self._copies(text), line.syllables < self._shortest
        metre = not number or any(other.syllables == line.syllables for other in stanza.lines[-NEAR:])
        worth = Worth(
            points + METRE * metre - UNKNOWN * unknown - COPY * copies - SHORT * short,
            rhyme=points,
            metre=metre,
            clean=not unknown and not copies and not short,
            must=len(waiting) >= WAITING or (len(waiting) == 1 and number + 1 >= CLOSING and number % 2 == 1),
            waiting=len(waiting),
        )
        waits = (*waiting, number) if partner is None else tuple(place for place in waiting if place != partner)
        return worth, replace(stanza, lines=(*stanza.lines, line), waiting=waits)

    def keep(self, text: str, stanza: Stanza) -> None:
        """The line stays; `stanza` is what `judge` said of it."""
        self._stanza = stanza
        self._said += folded_words(text)
        self._ends.update(line.last_word for line in stanza.lines[-1:])

    def _rhyme(self, line: Line) -> tuple[int | None, float]:
        """Which line of the stanza it rhymes with best, and what that is worth.

        On a word that does not exist, or that ended a line of the song before: nothing.
        """
        word = line.last_word
        if word not in self.words or word in self._ends or self._random.random() >= self._odds.get(word, 1.0):
            return None, 0.0
        found: tuple[int | None, float] = (None, 0.0)
        lines = self._stanza.lines
        for place in range(max(0, len(lines) - NEAR), len(lines)):
            kind = kind_of(lines[place], line, self.language)
            points = {"consonant": FULL, "assonant": VOWELS, None: 0.0}[kind]
            # Of equals, one that waits; then the nearest.
            better = points, place in self._stanza.waiting
            before = found[1], found[0] in self._stanza.waiting
            if points and lines[place].last_word in self.words and better >= before:
                found = place, points
        return found

    def _copies(self, text: str) -> bool:
        if self._runs is None:
            return False
        self._runs.of_new(self._said)  # forgets what another wording of the line said
        return any(length >= COPIED for length in self._runs.of_new([*self._said, *folded_words(text)]))


def odds_of(said: Counter[str], real: Counter[str]) -> dict[str, float]:
    """Of words that ended lines of drafts, the odds that a rhyme on them pays; `real` ended lines of songs."""
    lines, songs = said.total(), max(1, real.total())
    usual = {word: SLACK * lines * real[word] / songs + FREE_USES for word in said}
    return {word: usual[word] / count for word, count in said.items() if count > usual[word]}


@lru_cache(maxsize=REMEMBERED)
def _analysed(text: str, language: Language) -> Line:
    return analyse(text, language)

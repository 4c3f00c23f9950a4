"""How much a text's lines rhyme: what a tuning asks for, and what it is judged by."""

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from statistics import median

from prosody.checking import analyse_verses, split_stanzas
from prosody.line import Kind, Language, Line
from prosody.rhyming import rhyme_kind

# Lines apart beyond which a rhyme of a stanza is hardly heard.
NEAR = 4

# Rhyme pairs are counted among so many.
PAIRS = 1000


@dataclass(frozen=True)
class Rhyming:
    """The rhymes of some texts."""

    lines: int
    """With words."""
    rhyming: int
    """That rhyme, in full or in their vowels, with another of their stanza at most NEAR lines away, on another word."""
    full: int
    """That rhyme in full with one of those."""
    alike: int
    """That have the length of another line of their stanza, at most NEAR lines away."""
    syllables: float
    """Of the middle line: short lines rhyme easily."""
    pairs: tuple[tuple[str, str], ...]
    """Of each line that rhymes with an earlier one: its last word and that of the nearest, in order of the alphabet."""

    @property
    def rate(self) -> float:
        """Share of the lines that rhyme."""
        return self.rhyming / max(1, self.lines)

    @property
    def full_rate(self) -> float:
        """Share of the lines that rhyme in full."""
        return self.full / max(1, self.lines)

    @property
    def metre_rate(self) -> float:
        """Share of the lines that have the length of a neighbour."""
        return self.alike / max(1, self.lines)

    def distinct_pairs(self, count: int = PAIRS) -> float | None:
        """Share of different ones among `count` pairs, drawn evenly; None where there are fewer."""
        if len(self.pairs) < count:
            return None
        drawn = [self.pairs[place * len(self.pairs) // count] for place in range(count)]
        return len(set(drawn)) / count


def rhyming(texts: Iterable[str], language: Language, words: Container[str] | None = None) -> Rhyming:
    """Count the rhymes of texts; headings are no lines.

    Where `words` are given, a rhyme on any other counts nothing.
    """
    counts: Counter[str] = Counter()
    lengths: list[int] = []
    pairs: list[tuple[str, str]] = []
    for text in texts:
        lines = analyse_verses(text.split("\n"), language)
        for places in split_stanzas(lines):
            stanza = [lines[place] for place in places]
            for number, line in enumerate(stanza):
                near = stanza[max(0, number - NEAR) : number] + stanza[number + 1 : number + 1 + NEAR]
                kinds = {_kind_of_words(line, other, language, words) for other in near} - {None}
                counts["lines"] += 1
                lengths.append(line.syllables)
                counts["rhyming"] += bool(kinds)
                counts["full"] += "consonant" in kinds
                counts["alike"] += any(other.syllables == line.syllables for other in near)
                earlier = reversed(stanza[max(0, number - NEAR) : number])
                partner = next((each for each in earlier if _kind_of_words(line, each, language, words)), None)
                if partner is not None:
                    one, other = sorted((line.last_word, partner.last_word))
                    pairs.append((one, other))
    return Rhyming(
        counts["lines"], counts["rhyming"], counts["full"], counts["alike"], median(lengths or [0]), tuple(pairs)
    )


def kind_of(one: Line, other: Line, language: Language) -> Kind | None:
    """How two lines rhyme; a word does not rhyme with itself."""
    return None if one.last_word == other.last_word else rhyme_kind(one, other, language)


def _kind_of_words(one: Line, other: Line, language: Language, words: Container[str] | None) -> Kind | None:
    if words is not None and not (one.last_word in words and other.last_word in words):
        return None
    return kind_of(one, other, language)

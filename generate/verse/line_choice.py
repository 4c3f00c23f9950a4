"""Which of several lines stays."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from core.words import folded_words
from generate.originality import COPIED
from generate.verse.composer import Composer, Pair
from generate.verse.line_search import Candidate
from prosody.line import Language, Line
from prosody.rhyming import analyse
from prosody.rhythm import FEET, stumbles

# Words of so many letters that stood in the last lines cost a line so much, in nats.
LONG, RECENT, AGAIN = 4, 6, 2.0

# How much it counts that a line's last word is likelier there than at the end of any line.
LANDING = 1.0

# How much it counts that a line is likelier behind the others than behind none of them: what is of one piece with them
# (maximum mutual information: Li et al. 2016, arXiv 1510.03055).
TOGETHER = 0.5

# How much it is held against the words before the last that they are likely anywhere: of the likeliest lines most say
# nothing, "y en los que las" (the syntactic log-odds ratio: Pauls & Klein 2012).
USUAL = 0.4

# What it costs a line, in nats, to go against its rhythm. At 0, 3 and 8, 48 English lines stumbled 25, 4 and 1 times,
# 48 alexandrines 16, 14 and 7 times, and lines became at most 3 % less likely; at 8 and 24, 33 and 2 of 160
# alexandrines, for 2.6 %.
STUMBLE = 24.0

# How much it counts that a line says what the songs avoid, though a small model may not know it. Two words that should
# stand side by side five times, and never do, are in 5 % of Spanish lines without it, in 0.4 % of real ones.
AVOIDED = 2.0

# What it is worth to a line, in nats, that its last two words stand so in the songs: a word that rhymes is often rare,
# and the model knows too little of it to tell a noun from a verb. At 0 and 3, 41 and 60 % of Spanish lines end on such
# words, 39 and 54 % of French ones, 43 and 50 % of English ones; of real ones that were not learnt 47, 44 and 54 %.
SEEN = 3.0

# What it costs a line, in nats, to have a run of words that counts as copied.
COPYING = 24.0

# A run of words that the poem has already is not said again.
REPEATED = 3


def worth(
    candidate: Candidate, ids: Sequence[int], scores: Sequence[float], composer: Composer, before: Sequence[Line]
) -> float:
    """Nats a character that a line is worth behind the lines `before`.

    `scores` are the log-probabilities of its `ids`, read from its beginning, and of its end. A word that is forced on
    a line is no likelier there than anywhere.
    """
    line = analyse(candidate.text, composer.language)
    pieces = composer.pieces
    spaced = [place for place, id_ in enumerate(ids) if pieces[id_].kind == "word" and pieces[id_].spaced]
    landing = sum(scores[spaced[-1] if spaced else 0 :]) - composer.rhymes.ending(candidate.end_word).logprob
    usual = sum(map(composer.usual, line.words[:-1]))
    recent = {word for other in before[-RECENT:] for word in folded_words(other.text)}
    words = [word for word in folded_words(candidate.text) if len(word) >= LONG]
    again = sum(word in recent for word in words) + len(words) - len(set(words))
    faults = AGAIN * again + STUMBLE * _stumbles(line, before, composer.language)
    pairs = composer.pairs(candidate.text)
    faults += AVOIDED * avoided(pairs) - SEEN * sum(pair.seen for pair in pairs[-1:])
    faults += COPYING * any(pair.run >= COPIED for pair in pairs)
    return (sum(scores) - USUAL * usual + LANDING * landing - faults) / len(candidate.text)


def avoided(pairs: Iterable[Pair]) -> float:
    """How far words say what the songs avoid ("de del"), in nats: what should stand so once or more, and never does."""
    return sum(max(0.0, pair.expected) for pair in pairs if not pair.seen)


def _stumbles(line: Line, before: Sequence[Line], language: Language) -> int:
    """How often the line stumbles; in English, on the foot that the poem has had."""
    if language != "en":
        return stumbles(line, language)
    said = [*[other for other in before if other.words][-RECENT:], line]
    foot = min(FEET, key=lambda size: sum(stumbles(other, language, size) for other in said))
    return stumbles(line, language, foot)


def runs_of(lines: Iterable[str]) -> set[tuple[str, ...]]:
    """The runs of words of lines that are long enough to be heard again."""
    said = [folded_words(line) for line in lines]
    return {tuple(words[start : start + REPEATED]) for words in said for start in range(len(words) - REPEATED + 1)}


def stammers(line: str) -> bool:
    """Whether a line says two words again: "del mar del mar"."""
    pairs = list(pairwise(folded_words(line)))
    return len(set(pairs)) < len(pairs)


def dangles(line: str) -> bool:
    """Whether a line's last sign says that something follows."""
    return line.endswith((",", ";", ":", "—", "–"))

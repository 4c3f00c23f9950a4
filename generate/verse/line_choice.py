"""Which of several lines stays."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from core.words import folded_words
from generate.verse.line_search import Candidate
from generate.verse.pieces import Piece

# Words of so many letters that stood in the last lines cost a line so much, in nats.
LONG, RECENT, AGAIN = 4, 6, 2.0

# How much it counts that a line's last word is likelier there than at the end of any line.
LANDING = 1.5

# A run of words that the poem has already is not said again.
REPEATED = 3


def worth(
    candidate: Candidate, scores: Sequence[float], usual: float, pieces: Sequence[Piece], before: Sequence[str]
) -> float:
    """Nats a character that a line is worth behind the lines `before`.

    `scores` are the log-probabilities of its ids without codes, and of its end; `usual` that of its last word at the
    end of any line. A word that is forced on a line is no likelier there than anywhere.
    """
    spaced = [place for place, id_ in enumerate(candidate.said) if pieces[id_].kind == "word" and pieces[id_].spaced]
    fit = sum(scores[spaced[-1] if spaced else 0 :]) - usual
    recent = {word for line in before[-RECENT:] for word in folded_words(line)}
    words = [word for word in folded_words(candidate.text) if len(word) >= LONG]
    again = sum(word in recent for word in words) + len(words) - len(set(words))
    return (sum(scores) + LANDING * fit - AGAIN * again) / len(candidate.text)


def runs_of(lines: Iterable[str]) -> set[tuple[str, ...]]:
    """The runs of words of lines that are long enough to be heard again."""
    said = [folded_words(line) for line in lines]
    return {tuple(words[start : start + REPEATED]) for words in said for start in range(len(words) - REPEATED + 1)}


def stammers(line: str) -> bool:
    """Whether a line says two words again: "del mar del mar"."""
    pairs = list(pairwise(folded_words(line)))
    return len(set(pairs)) < len(pairs)

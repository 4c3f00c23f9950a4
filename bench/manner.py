"""Whose manner a text has: the artist's, or that of all the others.

Two character n-grams, one of the artist's songs and one of as much text of the others', each say what a text costs;
the difference a character, against a threshold, tells whose it is. The threshold is set on real songs that neither has
seen; others of those show how far it can be trusted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pretrain.baselines import Floats, NGram

# Songs are judged by pieces of this length: verse forms and titles should not tell a long song from a short one.
PIECE = 500  # characters


@dataclass(frozen=True)
class Manner:
    """A judge of pieces."""

    artist: NGram
    others: NGram
    threshold: float
    """Bits a character that the others' n-gram must ask more than the artist's."""
    right: float
    """Share of the pieces of real songs, unseen until then, that it tells right: the mean of both sides'."""

    def share(self, texts: Iterable[str]) -> float:
        """Of the pieces of texts, how many are the artist's."""
        return float((margins(self.artist, self.others, pieces(texts)) > self.threshold).mean())


def learn_manner(artist: Sequence[str], others: Sequence[str], unseen: tuple[Sequence[str], Sequence[str]]) -> Manner:
    """Learn from songs of the artist and of others; `unseen` songs of both set the threshold."""
    mine = sum(map(len, artist))
    drawn: list[str] = []
    order: list[int] = np.random.default_rng(1).permutation(len(others)).tolist()
    for place in order:
        if sum(map(len, drawn)) >= mine:
            break
        drawn.append(others[place])
    models = NGram(artist), NGram(drawn)
    ours, theirs = (margins(*models, pieces(texts)) for texts in unseen)
    # Every second piece sets the threshold, the others show what it is worth.
    threshold = float(ours[::2].mean() + theirs[::2].mean()) / 2
    return Manner(*models, threshold, _right(ours[1::2], theirs[1::2], threshold))


def _right(ours: Floats, theirs: Floats, threshold: float) -> float:
    """Share of pieces told right, the mean of both sides'."""
    return float(((ours > threshold).mean() + (theirs <= threshold).mean()) / 2)


def margins(artist: NGram, others: NGram, texts: Sequence[str]) -> Floats:
    """Bits a character by which each text is cheaper for the artist's n-gram, (len(texts),)."""
    if not texts:
        return np.empty(0)
    gain = artist.log2_probabilities(texts) - others.log2_probabilities(texts)
    starts = np.cumsum([0, *(len(text) for text in texts[:-1])])
    return np.add.reduceat(gain, starts) / [len(text) for text in texts]


def pieces(texts: Iterable[str]) -> list[str]:
    """Texts in pieces of PIECE characters; an end of less than half of that is left out."""
    return [
        text[at : at + PIECE] for text in texts for at in range(0, len(text), PIECE) if len(text) - at >= PIECE // 2
    ]

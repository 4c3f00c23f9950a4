"""Songs that a model writes to learn from, judged line by line.

Where several tries are allowed, a line is written anew until nothing is left to wish for or they are used up; then the
best of them stays. That is best-of-n, line by line: of whole stanzas hardly one in a thousand would rhyme throughout.

Shapes: N drafts, T tokens of one (block_size), M lines of one at most.
"""

from collections import Counter
from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import Any

import numpy as np

from finetune.tuning.reward import Judge, Stanza, Worth
from generate import decoding
from generate.network import Network
from pretrain.model import GPT
from pretrain.tokenizer import Tokenizer

# Lines of a draft that are learnt from, at most; of the shortest lines more would fit into a block.
MOST_LINES = 40

# Drafts side by side.
ROWS = 16

# A line whose turn it is not to rhyme is tried no more often than this: it asks for little.
OPEN_TRIES = 2

# Words of a title beyond these say no more about a song.
TITLE_TOKENS = 24

_TINY = np.finfo(np.float32).tiny  # the exponential may be 0

Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class JudgedLine:
    """A line of a draft: ids from `start` to `end`, its line end included."""

    start: int
    end: int
    worth: Worth
    first: float
    """Points of the first try."""
    last_word: str
    word_start: int
    """Where the ids of that word begin."""


@dataclass(frozen=True)
class Wording:
    """One try of a line."""

    ids: list[int]
    text: str
    worth: Worth | None
    """None of a line without words."""
    stanza: Stanza


class Draft(decoding.Sequence):
    """A song in the making."""

    def __init__(
        self, tokenizer: Tokenizer, title: Items[int], judge: Judge, *, size: int, tries: int,
        seed: Items[int], temperature: float = 1.0,
    ) -> None:  # fmt: skip
        """At most `size` ids; each line gets up to `tries` tries."""
        super().__init__([tokenizer.song, tokenizer.title, *title[:TITLE_TOKENS], tokenizer.lyrics])
        self.lines: list[JudgedLine] = []
        self.given = len(self.ids)
        """Ids of the title and the marks."""
        self.drawn = 0
        """Ids that were chosen, those taken back included."""
        self._tokenizer, self._judge, self._size, self._tries = tokenizer, judge, size, tries
        self._temperature = temperature
        self._banned = sorted(tokenizer.special - {tokenizer.end})
        self._ends = (*tokenizer.encode("\n"), tokenizer.end)
        self._random = np.random.Generator(np.random.SFC64(seed))
        self._start = self.given
        self._wordings: list[Wording] = []
        self._given: list[int] = []
        """What is left of the wording that stays, from its end."""
        self._stays: Wording | None = None

    def choose(self, logits: np.ndarray) -> int | decoding.TakeBack | None:
        """The next id by the logits (V,)."""
        if len(self.ids) > self._size:
            return None
        chosen = self._given.pop() if self._given else self._draw(logits)
        return self._end_line(chosen) if chosen in self._ends else chosen

    def _draw(self, logits: np.ndarray) -> int:
        # A draw by the softmax (the Gumbel-max trick). Drafts are no songs that somebody wants to see again: roundings
        # may decide.
        self.drawn += 1
        noise = np.log(self._random.standard_exponential(len(logits), np.float32) + _TINY)
        scores = logits - self._temperature * noise
        scores[self._banned] = -np.inf
        return int(scores.argmax())

    def _end_line(self, chosen: int) -> int | decoding.TakeBack | None:
        said = self.ids[self._start :]
        if self._stays is None:
            text = self._tokenizer.decode(said)
            worth, stanza = self._judge.judge(text)
            wording = Wording([*said, chosen], text, worth, stanza)
            self._wordings.append(wording)
            if worth is not None and not worth.best:
                tries = self._tries if worth.must else min(self._tries, OPEN_TRIES)
                if len(self._wordings) < tries:
                    return decoding.TakeBack(len(said))
                if tries > 1:
                    self._stays = max(self._wordings, key=_value)
                    self._given = self._stays.ids[::-1]
                    return decoding.TakeBack(len(said))
        else:
            wording = self._stays
        self._keep(wording)
        if chosen == self._tokenizer.end:
            self.ids.append(chosen)
            return None
        return chosen

    def _keep(self, wording: Wording) -> None:
        self._judge.keep(wording.text, wording.stanza)
        end = len(self.ids) + 1
        if wording.worth is not None and (first := self._wordings[0].worth) is not None:
            word = wording.stanza.lines[-1].last_word
            begins = end - 1
            while begins > self._start and word not in self._tokenizer.decode(self.ids[begins:]).lower():
                begins -= 1
            self.lines.append(JudgedLine(self._start, end, wording.worth, first.points, word, begins))
        self._start, self._wordings, self._stays = end, [], None


def _value(wording: Wording) -> float:
    """Points; but a line whose turn it is not may rhyme or not."""
    worth = wording.worth
    assert worth is not None, "a line without words is not tried again"
    return worth.points if worth.must else worth.points - worth.rhyme


@dataclass(frozen=True)
class Drafts:
    """Drafts as arrays."""

    ids: Ints
    """(N, T + 1), filled up with the end mark."""
    line: Ints
    """(N, T): which line the id behind each place belongs to; -1 where it belongs to none."""
    tail: np.ndarray[Any, np.dtype[np.bool_]]
    """(N, T): whether the id behind each place belongs to a line's last word or stands behind it."""
    points: np.ndarray[Any, np.dtype[np.float32]]
    """(N, M)."""
    kind: Ints
    """(N, M): the situation that each line came in; -1 where there is none."""
    good: np.ndarray[Any, np.dtype[np.bool_]]
    """(N, M): lines worth learning."""

    def __len__(self) -> int:
        return len(self.ids)

    def some(self, places: Ints | slice) -> "Drafts":
        """The drafts at these places."""
        return Drafts(*(array[places] for array in self.arrays().values()))

    def joined(self, other: "Drafts") -> "Drafts":
        """These drafts and others behind them."""
        mine, others = self.arrays(), other.arrays()
        return Drafts(*(np.concatenate([mine[name], others[name]]) for name in mine))

    def arrays(self) -> dict[str, Any]:
        """What makes them, by name."""
        return {
            "ids": self.ids,
            "line": self.line,
            "tail": self.tail,
            "points": self.points,
            "kind": self.kind,
            "good": self.good,
        }


@dataclass(frozen=True)
class Written:
    """What a round wrote."""

    drafts: Drafts
    reward: float
    """Mean points of a line at its first try: the model's own doing."""
    rhyme_rate: float
    """Share of the lines whose turn it was that rhyme, after all tries."""
    ends: Counter[str]
    """The last words of their lines."""
    drawn: int
    """Ids that were chosen, those taken back included."""
    kept: int
    """Ids of the drafts, titles left out."""


def as_arrays(songs: Items[Draft], size: int, end: int) -> Drafts:
    """Drafts of `size` ids at most, as arrays."""
    count = len(songs)
    drafts = Drafts(
        np.full((count, size + 1), end, np.int64),
        np.full((count, size), -1, np.int64),
        np.zeros((count, size), np.bool_),
        np.zeros((count, MOST_LINES), np.float32),
        np.full((count, MOST_LINES), -1, np.int64),
        np.zeros((count, MOST_LINES), np.bool_),
    )
    for row, song in enumerate(songs):
        drafts.ids[row, : min(len(song.ids), size + 1)] = song.ids[: size + 1]
        for number, line in enumerate(song.lines[:MOST_LINES]):
            drafts.line[row, line.start - 1 : line.end - 1] = number
            drafts.tail[row, line.word_start - 1 : line.end - 1] = True
            drafts.points[row, number] = line.worth.points
            drafts.kind[row, number] = line.worth.kind
            drafts.good[row, number] = line.worth.good
    return drafts


def write_drafts(model: GPT, songs: Items[Draft], tokenizer: Tokenizer, stop: Any) -> Written | None:
    """Have `model` write the songs; None where `stop.asked` became true meanwhile."""
    for _ in decoding.decode(Network(model), songs, ROWS):
        if stop.asked:
            return None
    lines = [line for song in songs for line in song.lines]
    turns = [line.worth.rhyme > 0 for line in lines if line.worth.must]
    size = model.config.block_size
    return Written(
        as_arrays(songs, size, tokenizer.end),
        reward=sum(line.first for line in lines) / max(1, len(lines)),
        rhyme_rate=sum(turns) / max(1, len(turns)),
        ends=Counter(line.last_word for line in lines),
        drawn=sum(song.drawn for song in songs),
        kept=sum(len(song.ids) - song.given for song in songs),
    )

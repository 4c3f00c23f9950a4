"""A checkpoint writes songs: title, lyrics, end.

The order of marks is the one that songs were trained in: song, title, lyrics, end.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from core.errors import UserError
from generate.decoding import MAX_ROWS, Sequence, TakeBack, decode
from generate.guards import BannedWords, Forbidden, WordGuard
from generate.network import Network
from generate.originality import CopyGuard
from generate.sampling import Sampler, Sampling
from generate.text import Text
from pretrain.checkpoint import Checkpoint
from pretrain.phrases import PhraseIndex
from pretrain.split import Document
from pretrain.tokenizer import Tokenizer

# A title longer than this is none; the lyrics begin all the same.
MAX_TITLE_TOKENS = 24


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a song should be."""

    title: str = ""
    """Empty: the model thinks of one."""
    prompt: str = ""
    """How the lyrics begin."""
    sampling: Sampling = field(default_factory=Sampling)
    max_new_tokens: int = 600
    """Length at which a song that does not end by itself is cut."""
    min_new_tokens: int = 0
    """Length before which it does not end by itself."""
    seed: int = 1
    stop: tuple[str, ...] = ()
    """The lyrics end before the first of these."""
    banned_words: tuple[str, ...] = ()
    """Whole words, whatever their case."""
    max_copied_words: int | None = None
    """No more words in a row that stand so in the songs it was trained on."""
    logprobs: int | None = None
    """Keep the log-probability of each token, and of so many of the likeliest in its place."""


@dataclass(frozen=True)
class Logprob:
    """How likely a token was among those that are text: natural logarithms, before temperature and filters."""

    token: int
    offset: int
    """Where in the lyrics its text begins."""
    logprob: float
    likeliest: dict[int, float]


class Song(Sequence):
    """One song, as far as it is written."""

    def __init__(self, writer: "Writer", request: Request) -> None:
        tokenizer = writer.tokenizer
        self.request, self.title = request, request.title
        self.finish_reason: Literal["stop", "length"] | None = None
        self.logprobs: list[Logprob] = []
        self.tokens = 0
        """Chosen for the lyrics."""
        self._tokenizer, self._marks, self._no_text = tokenizer, writer.marks, writer.no_text
        self._sampler = Sampler(request.sampling, request.seed)
        self._guard = WordGuard(writer.forbidden(request), len(request.prompt))
        self._text = Text(tokenizer, writer.pieces, request.prompt)
        self._given: deque[int] = deque()
        """Ids that come next whatever the model thinks."""
        self._thinking: list[int] | None = None
        """Of the title, while the model thinks of one."""
        self._barred: dict[int, set[int]] = {}
        """By position, ids with which a word began that may not stand there."""
        self._taken = 0
        self._endless = writer.document == "text"
        super().__init__(writer.opening(request))
        if self.ids[-1] == tokenizer.title:
            self._thinking = []

    @property
    def lyrics(self) -> str:
        """The lyrics so far; they begin with the prompt."""
        return self._text.text

    @property
    def finished(self) -> bool:
        """Whether nothing will follow."""
        return self.finish_reason is not None

    @property
    def thinking(self) -> bool:
        """Whether the model is still thinking of a title."""
        return self._thinking is not None

    def take(self) -> str:
        """The lyrics that were not taken yet and will not change any more."""
        end = len(self.lyrics)
        if not self.finished:
            # The beginning of a stop string may turn out to be all of it; a word may be taken back.
            held = max(map(len, self.request.stop), default=1) - 1
            end = max(self._taken, min(end - held, self._guard.settled(self.lyrics)))
        text = self.lyrics[self._taken : end]
        self._taken = end
        return text

    def choose(self, logits: np.ndarray) -> int | TakeBack | None:
        """The next id by the logits (V,)."""
        if self._given:
            return self._given.popleft()
        if self._thinking is not None:
            return self._think(logits, self._thinking)
        if self.tokens >= self.request.max_new_tokens:
            return self._finish("length")
        may_end = not self._endless and self.tokens >= self.request.min_new_tokens
        banned = self._no_text[may_end]
        if barred := self._barred.get(len(self.ids)):
            banned = np.append(banned, list(barred))
        chosen = self._sampler(logits, self.exact, banned, self.ids)
        if chosen is None:  # no word may begin here
            return self._finish("stop")
        return self._say(chosen, logits)

    def _say(self, chosen: int, logits: np.ndarray) -> int | TakeBack | None:
        """Go on with a token, unless a word that it completes may not stand."""
        ended = chosen == self._tokenizer.end
        more = self._text.rest if ended else self._text.preview(chosen)
        refused = self._guard.refused(self.lyrics, more, ended=ended)
        if refused is not None:
            return self._take_back(refused, chosen)
        if ended:
            return self._finish("stop")
        if self.request.logprobs is not None:
            self.logprobs.append(self.likelihood(chosen, len(self.lyrics), logits))
        self._text.append(chosen)
        self.tokens += 1
        if not self.request.stop:
            return chosen
        stops = [at for stop in self.request.stop if (at := self.lyrics.find(stop, len(self.request.prompt))) >= 0]
        return self._finish("stop", min(stops)) if stops else chosen

    def likelihood(self, token: int, offset: int, logits: np.ndarray) -> Logprob:
        """How likely `token`, whose text begins at `offset`, and the likeliest are by logits (V,)."""
        assert self.request.logprobs is not None
        written = logits - logits.max()
        written[self._no_text[True]] = -np.inf
        written -= np.log(np.exp(written).sum())
        likeliest = np.argsort(-written)[: self.request.logprobs].tolist()
        return Logprob(token, offset, float(written[token]), {id_: float(written[id_]) for id_ in likeliest})

    def _think(self, logits: np.ndarray, title: list[int]) -> int | None:
        """The next id of a title; behind the last, the lyrics begin with the prompt."""
        chosen, lyrics = self._tokenizer.lyrics, self._tokenizer.lyrics
        if len(title) < MAX_TITLE_TOKENS:
            chosen = self._sampler(logits, self.exact, self._marks - {lyrics})
        if chosen is None or chosen == lyrics:
            self._thinking = None
            self.title = self._tokenizer.decode(title).strip()
            self._given.extend(self._tokenizer.encode(self.request.prompt))
            return lyrics
        title.append(chosen)
        return chosen

    def _take_back(self, start: int, chosen: int) -> TakeBack:
        """Take back the word that begins at `start`, and never begin one with that token there again.

        The word may begin in no token but the one just chosen.
        """
        tokens = self._text.tokens_from(start)
        at = len(self.ids) - tokens
        self._barred = {position: ids for position, ids in self._barred.items() if position <= at}
        self._barred.setdefault(at, set()).add([*self.ids, chosen][at])
        if not tokens:
            return TakeBack(0)
        self._text.take_back(tokens)
        self._guard.forget_after(len(self.lyrics))
        if self.request.logprobs is not None:
            del self.logprobs[-tokens:]
        self.tokens -= tokens
        return TakeBack(tokens)

    def _finish(self, reason: Literal["stop", "length"], length: int | None = None) -> None:
        """End the lyrics, cut to `length`, and once more before a word that may not stand now that it is the last."""
        self._text.close(length)
        self._guard.forget_after(len(self.lyrics))
        # A word that was cut short counts as one.
        self._text.close(self._guard.refused(self.lyrics, "", ended=True))
        self.logprobs = [kept for kept in self.logprobs if kept.offset < len(self.lyrics)]
        self.finish_reason = reason


class Writer:
    """Writes songs with one checkpoint."""

    def __init__(self, checkpoint: Checkpoint, index: PhraseIndex | None = None) -> None:
        """`index` knows what the model learnt from, so that copies can be told and forbidden."""
        self._take(Network(checkpoint.model), checkpoint.tokenizer, checkpoint.document, index)

    def _take(self, network: Network, tokenizer: Tokenizer, document: Document, index: PhraseIndex | None) -> None:
        self.network, self.tokenizer, self.document, self.index = network, tokenizer, document, index
        self.pieces = [self.tokenizer.decode([id_]) for id_ in range(self.tokenizer.vocab_size)]
        """The text of each id; "�" where it is only a part of a character."""
        self.marks = frozenset(self.tokenizer.special)
        """Ids that are no text."""
        self.no_text = np.array(sorted(self.marks)), np.array(sorted(self.marks - {self.tokenizer.end}))
        """The same, and without the end of a song."""

    def song(self, request: Request) -> Song:
        """A song to be decoded.

        Raises UserError when prompt or title hold what the tokenizer cannot write, or copies are to be
        forbidden and the checkpoint does not know what it has learnt from.
        """
        for name in ("title", "prompt"):
            unseen = self.tokenizer.unseen(getattr(request, name))
            if unseen:
                raise UserError(
                    f"the model never saw {' '.join(map(repr, unseen))}, which the {name} holds",
                    "leave it out, or train with --kind bpe, which writes everything",
                )
        return Song(self, request)

    def opening(self, request: Request) -> list[int]:
        """The ids behind which the model goes on; the mark of a title is last where it thinks of one."""
        tokenizer, prompt = self.tokenizer, self.tokenizer.encode(request.prompt)
        if self.document == "text":
            # A running text knows no marks; a line's end is where anything may begin.
            return prompt or tokenizer.encode("\n")
        if not request.title:
            return [tokenizer.song, tokenizer.title]
        return [tokenizer.song, tokenizer.title, *tokenizer.encode(request.title), tokenizer.lyrics, *prompt]

    def decode(self, songs: Iterable[Song], max_rows: int = MAX_ROWS) -> Iterator[list[Song]]:
        """Write songs side by side; yields after each step the ones that it ended."""
        return decode(self.network, songs, max_rows)

    def write(self, request: Request) -> Song:
        """One song, from its first word to its last."""
        song = self.song(request)
        for _ in self.decode([song]):
            pass
        return song

    def forbidden(self, request: Request) -> list[Forbidden]:
        """What the words of a song may not be."""
        forbidden: list[Forbidden] = []
        if request.banned_words:
            forbidden.append(BannedWords(request.banned_words))
        if request.max_copied_words is not None:
            if self.index is None:
                raise UserError(
                    "this checkpoint does not know what it has learnt from", "train it again, or allow copies"
                )
            forbidden.append(CopyGuard(self.index, request.max_copied_words))
        return forbidden

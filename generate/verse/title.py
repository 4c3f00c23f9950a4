"""Titles that the model thinks of."""

import numpy as np

from generate.decoding import Sequence
from generate.sampling import Sampler
from generate.verse.composer import Composer
from generate.write import MAX_TITLE_TOKENS, Request
from prosody.rhyming import analyse

# Titles that one is chosen of.
TITLES = 16


class Title(Sequence):
    """Up to where the lyrics begin."""

    def __init__(self, composer: Composer, request: Request, number: int) -> None:
        """`number` tells those of one poem apart."""
        tokenizer = composer.writer.tokenizer
        super().__init__([tokenizer.song, tokenizer.title])
        self._composer, self._lyrics = composer, tokenizer.lyrics
        self._banned = tokenizer.special - {tokenizer.lyrics}
        self._sampler = Sampler(request.sampling, request.seed + number * 2**32)

    @property
    def text(self) -> str:
        """The title."""
        return self._composer.writer.tokenizer.decode(self.ids).strip()

    @property
    def unknown(self) -> int:
        """Its words that no song has; a title without words is as bad as one of them."""
        words = analyse(self.text, self._composer.language).words
        return sum(word not in self._composer.words for word in words) if words else 1

    def choose(self, logits: np.ndarray) -> int | None:
        """The next id by the logits (V,); None where the lyrics begin."""
        if len(self.ids) > MAX_TITLE_TOKENS:
            return None
        chosen = self._sampler(logits, self.exact, self._banned)
        return None if chosen == self._lyrics else chosen

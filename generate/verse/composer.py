"""What every poem of a checkpoint is made with: its words, by sound, and what its tokens spell."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from core.errors import UserError
from core.words import folded_words
from generate.originality import RunLengths
from generate.verse.pieces import pieces_of
from generate.verse.rhyme_words import EndWords, RhymeWords, WordList
from generate.write import Writer
from pretrain.encoder import coded_ids
from pretrain.lexicon import Lexicon
from prosody.line import Language, known_language
from prosody.rhyming import analyse


class Pair(NamedTuple):
    """Two words side by side."""

    expected: float
    """Logarithm of how often they would stand so in the songs, as often as each of them is there."""
    run: int
    """Words of the longest run that ends with them and stands so in the songs; at least two where they do."""

    @property
    def seen(self) -> bool:
        """Whether they stand so in the songs."""
        return self.run > 1


class Composer:
    """A checkpoint that writes in forms."""

    def __init__(self, writer: Writer, lexicon: Lexicon, language: str = "", more_words: Iterable[str] = ()) -> None:
        """`language` may be left out where the songs were in one; `more_words` exist though no song has them.

        Raises:
            UserError: the model was trained without verse codes, or its lexicon has no words in that language.
        """
        if not writer.tokenizer.verse_codes:
            raise UserError(
                "this model was trained without verse codes, which a form needs",
                "run pretrain/tokenize_data.py on songs in Spanish, French or English, and train again",
            )
        self.writer, self.lexicon = writer, lexicon
        self.language: Language = _spoken(lexicon, language)
        words = lexicon.of(self.language)
        self.words = WordList([*words.counts, *map(str.lower, more_words)])
        self.rhymes = RhymeWords(words, self.language)
        self._log_total = math.log(words.counts.total())
        self._usual = {word: math.log(times) - self._log_total for word, times in words.counts.items()}
        self.pieces = pieces_of(writer.tokenizer)
        self._spelt = sorted((self._spell(word), word) for word in self.rhymes.endings)
        self._places = {word: place for place, (_, word) in enumerate(self._spelt)}

    def usual(self, word: str) -> float:
        """Log-probability of a word anywhere in the songs, in nats; one that stands nowhere counts as one that does."""
        return self._usual.get(word, -self._log_total)

    def pairs(self, line: str) -> list[Pair]:
        """Each two words of a line that stand side by side; none where the model has no index of its songs."""
        if self.writer.index is None:
            return []
        words = folded_words(line)
        lengths = RunLengths(self.writer.index).of_new(words)
        return [
            Pair(self.usual(first) + self.usual(second) + self._log_total, length)
            for (first, second), length in zip(pairwise(words), lengths[1:], strict=True)
        ]

    def words_with(self, prompt: str) -> WordList:
        """The words that there are, and those of a prompt, whatever they are."""
        said = analyse(prompt, self.language).words
        return self.words.with_words(said) if said else self.words

    def ends(self, words: Sequence[str]) -> EndWords:
        """Words, at least one, as what a line may end on; each one that the songs end lines on, or a single one."""
        if len(words) == 1:
            return EndWords([(self._spell(words[0]), words[0])])
        # To sort numbers takes a tenth of the time.
        return EndWords([self._spelt[place] for place in sorted(map(self._places.__getitem__, words))])

    def coded(self, line: str) -> list[int]:
        """Ids of a line with its code, and of its end."""
        return coded_ids(f"{line}\n", self.language, self.writer.tokenizer)

    def _spell(self, word: str) -> tuple[int, ...]:
        """Ids of a word in a code."""
        return tuple(self.writer.tokenizer.encode(f" {word}"))


def _spoken(lexicon: Lexicon, language: str) -> Language:
    known = sorted(lexicon.languages)
    if language:
        code = known_language(language)
        if code not in known:
            raise UserError(f"the model has learnt no words in {code}", f"it knows {', '.join(known) or 'no language'}")
        return code
    if len(known) != 1:
        raise UserError(f"the model has learnt from songs in {', '.join(known) or 'no language'}", "say --language")
    return known[0]

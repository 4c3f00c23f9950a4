"""The words that verse can end on, by their sound.

Shapes: N ids.
"""

import math
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np

from pretrain.lexicon import Words
from prosody.english import sound
from prosody.english_words import is_known, pronounce
from prosody.french_sounds import endings, rimes
from prosody.french_syllables import count
from prosody.line import Language
from prosody.rhyming import analyse
from prosody.spanish import UNSTRESSED
from prosody.spanish_words import phonemes

# French verse does not rhyme a plural with a singular, where it has other words; so many are a choice.
_PLURAL = "sxz"
FEW = 8

# The model chooses the word that a rhyme begins on among one in 32 of those that can begin it, drawn evenly, and its
# answer among one in three of those that rhyme; of each, among so many at least. Among all of them the same few win: of
# 1,000 pairs in English quatrains 401 were different.
OPENERS_IN, FEWEST_OPENERS = 32, 24
ANSWERS_IN, FEWEST_ANSWERS = 3, 8

# Of a sound, no more words may begin a rhyme: there are most of those that rhyme on their suffix alone, amado, cantado.
MOST_OF_SOUND = 128

# Bytes of a word that may add no syllable to the one behind it.
SHORT = 3


@dataclass(frozen=True, slots=True)
class Ending:
    """A word at a line's end."""

    word: str
    consonant: str
    assonant: str
    """The consonant key, where a language has no assonance."""
    logprob: float
    """Of the word at the end of any line, in nats."""
    syllables: int
    """Of a line that is this word."""
    sound: str
    """What words that are said alike have in common: sea and see are no better a rhyme than sea and sea."""

    def key(self, *, assonant: bool) -> str:
        """What a rhyme of that kind needs."""
        return self.assonant if assonant else self.consonant


class WordList:
    """Words in order, so that those with a beginning are found at once."""

    def __init__(self, words: Iterable[str]) -> None:
        self._known = set(words)
        self._words = sorted(word.encode() for word in self._known)
        self._short = [word for word in self._words if len(word) <= SHORT]

    def __contains__(self, word: str) -> bool:
        return word in self._known

    def with_words(self, words: Iterable[str]) -> "WordList":
        """These words and others."""
        return WordList([*self._known, *words])

    def begins(self, beginning: bytes) -> bool:
        """Whether any word begins so; the beginning may end in the middle of a letter."""
        place = bisect_left(self._words, beginning)
        return place < len(self._words) and self._words[place].startswith(beginning)

    def beginning(self, beginning: bytes, most: int) -> list[str] | None:
        """The words that begin so; None if they are more than `most`."""
        found = _beginning(self._words, beginning)
        return [word.decode() for word in self._words[found]] if found.stop - found.start <= most else None

    def short(self, beginning: bytes) -> list[str]:
        """The short words that begin so."""
        return [word.decode() for word in self._short[_beginning(self._short, beginning)]]


def _beginning(words: list[bytes], beginning: bytes) -> slice:
    """Where in sorted words those stand that begin so."""
    start = bisect_left(words, beginning)
    return slice(start, bisect_left(words, beginning + b"\xff", lo=start))


class EndWords:
    """The words that a line may end on, as the ids that spell them; many lines share it."""

    def __init__(self, words: Sequence[tuple[tuple[int, ...], str]]) -> None:
        """`words`, at least one, behind their ids, in the order of these."""
        self._ids = [ids for ids, _ in words]
        self._words = [word for _, word in words]
        self._next: dict[tuple[int, ...], tuple[np.ndarray, str | None]] = {}

    def after(self, ids: tuple[int, ...]) -> tuple[np.ndarray, str | None]:
        """What may follow these ids (N,), and the word that they spell, if it is one."""
        if ids not in self._next:
            size, start = len(ids), bisect_left(self._ids, ids)
            end = bisect_left(self._ids, (*ids, sys.maxsize), lo=start)
            word = self._words[start] if start < end and len(self._ids[start]) == size else None
            follow = sorted({each[size] for each in self._ids[start:end] if len(each) > size})
            self._next[ids] = np.array(follow, np.int64), word
        return self._next[ids]


class RhymeWords:
    """The endings of a lexicon, by key."""

    def __init__(self, words: Words, language: Language) -> None:
        self.language: Language = language
        self.endings: dict[str, Ending] = {}
        self._by_key: dict[bool, defaultdict[str, list[str]]] = {True: defaultdict(list), False: defaultdict(list)}
        total = words.ends.total()
        for word, times in words.ends.items():
            if is_clear(word, language):
                ending = self.endings[word] = self._heard(word, math.log(times / total))
                for assonant, by_key in self._by_key.items():
                    by_key[ending.key(assonant=assonant)].append(word)
        self._rarest = -math.log(total + 1)

    def ending(self, word: str) -> Ending:
        """A word at a line's end, also if nobody would choose it."""
        return self.endings.get(word) or self._heard(word, self._rarest)

    def _heard(self, word: str, logprob: float) -> Ending:
        line = analyse(word, self.language)
        consonant = line.consonant
        if self.language == "en" and any(phone.startswith("AO") for phone in pronounce(word)[0]):
            consonant += "*"  # thought and forgot rhyme for half of America only
        return Ending(word, consonant, line.assonant or consonant, logprob, line.syllables, _sound(word, self.language))

    def rhyming(
        self,
        key: str,
        *,
        assonant: bool,
        used: Set[str],
        like: str = "",
        room: int = sys.maxsize,
        chance: np.random.Generator | None = None,
    ) -> list[str]:
        """The words of a key that sound like none `used`; in French, that rhyme to the eye with `like` as well.

        None has more syllables than there is `room` for. With `chance`, some that it draws.
        """
        said = self._sounds(used)
        found = [word for word in self._by_key[assonant].get(key, ()) if self._may_end(word, said, room)]
        if self.language == "fr" and like:
            alike = [word for word in found if (word[-1] in _PLURAL) == (like[-1] in _PLURAL)]
            found = alike if len(alike) >= FEW else found
        return found if chance is None else _drawn(found, max(FEWEST_ANSWERS, len(found) // ANSWERS_IN), chance)

    def _may_end(self, word: str, said: Set[str], room: int) -> bool:
        ending = self.endings[word]
        return ending.syllables <= room and ending.sound not in said

    def _sounds(self, words: Iterable[str]) -> set[str]:
        return {self.ending(word).sound for word in words}

    def openers(
        self,
        lines: int,
        *,
        assonant: bool,
        sounds: Set[tuple[bool, str]],
        used: Set[str],
        spare: int,
        room: int = sys.maxsize,
        chance: np.random.Generator | None = None,
    ) -> list[str]:
        """Words to begin a rhyme of so many lines on, with `spare` words for each line.

        None has more syllables than there is `room` for, or ends on one of the `sounds`: keys, each with whether it is
        assonant. With `chance`, some that it draws.
        """
        said = self._sounds(used)
        taken = {key for of_vowels, key in sounds if of_vowels == assonant}
        others = {sound for sound in sounds if sound[0] != assonant}
        found: list[str] = []
        for key, rhyming in self._by_key[assonant].items():
            words = [word for word in rhyming if self._may_end(word, said, room)]
            if key in taken or len(words) < lines * spare:
                continue
            if others:
                kind = not assonant
                words = [word for word in words if (kind, self.endings[word].key(assonant=kind)) not in others]
            found += words if chance is None else _drawn(words, MOST_OF_SOUND, chance)
        return found if chance is None else _drawn(found, max(FEWEST_OPENERS, len(found) // OPENERS_IN), chance)


def _drawn(words: list[str], most: int, chance: np.random.Generator) -> list[str]:
    """So many of the words at most, drawn evenly, in their order."""
    if len(words) <= most:
        return words
    return [words[place] for place in np.sort(chance.choice(len(words), most, replace=False))]


def _sound(word: str, language: Language) -> str:
    if language == "es":
        return phonemes(word)
    if language == "en":
        return " ".join(pronounce(word)[0])
    # Only the end of a French word is known in phonemes: of a longer one, its first letters stand for the rest.
    said = endings(word)
    return (said[0] if said else word).rstrip("°") + word[: 0 if count(word).syllables <= 1 else 3]


def is_clear(word: str, language: Language) -> bool:
    """Whether the word can end a line, and everybody says its end alike: others rhyme for some only."""
    if len(word) < 2 or word.endswith("'"):
        return False
    if language == "es":
        return word not in UNSTRESSED
    if language == "fr":
        return len({rime.full for rime in rimes(word)}) == 1
    # How a word is said that no dictionary has is a guess.
    return is_known(word) and len(sound(word).keys) == 1

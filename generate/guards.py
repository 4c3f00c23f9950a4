"""Words that may not stand: looked at when each is complete, and taken back."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from core.words import APOSTROPHES, Word, words

# Something stands behind a word: it may be complete.
_BEHIND_A_WORD = re.compile(r"\w\W")


class Forbidden(Protocol):
    """What a text's words may not be."""

    def allows(self, words: Sequence[str]) -> bool:
        """Whether the last of `words` may stand behind the others, which may."""
        ...


class BannedWords:
    """Some words are not to be said at all, in whatever case."""

    def __init__(self, banned: Iterable[str]) -> None:
        self._banned = {word.text for text in banned for word in words(text)}

    def allows(self, words: Sequence[str]) -> bool:
        """Whether the last word is none of them."""
        return words[-1] not in self._banned


class WordGuard:
    """Looks at a growing text's words as each of them is complete."""

    def __init__(self, forbidden: Sequence[Forbidden], start: int) -> None:
        """Words that end within the first `start` characters are the user's own."""
        self._forbidden, self._start = forbidden, start
        self._words: list[Word] = []
        """Complete and allowed."""
        self._said: list[str] = []
        """The same without places."""

    def refused(self, text: str, more: str, *, ended: bool) -> int | None:
        """Where the first word of `text` and `more` begins that may not stand; None where all may.

        The last word is complete when something follows it, or the text has `ended`. What was seen
        of the text the last time is not looked at again.
        """
        if not self._forbidden or (more.isalnum() and not ended):
            return None  # a word that goes on is not complete
        text += more
        if not ended and not _BEHIND_A_WORD.search(text, self._seen):
            return None
        complete = len(text) if ended else _complete(text)
        for word in self._later(text):
            if word.end >= complete and not ended:
                break
            self._said.append(word.text)
            if word.end > self._start and not all(forbidden.allows(self._said) for forbidden in self._forbidden):
                self._said.pop()
                return word.start
            self._words.append(word)
        return None

    def settled(self, text: str) -> int:
        """Up to where the text will not be taken back."""
        if not self._forbidden:
            return len(text)
        return next((word.start for word in self._later(text)), len(text))

    def forget_after(self, length: int) -> None:
        """The text was cut to `length` characters."""
        while self._words and self._words[-1].end > length:
            self._words.pop()
            self._said.pop()

    @property
    def _seen(self) -> int:
        """Where the last word that was looked at ends."""
        return self._words[-1].end if self._words else 0

    def _later(self, text: str) -> Iterator[Word]:
        """The words that were not looked at yet."""
        seen = self._seen
        line = text.rfind("\n", 0, seen) + 1
        start = line if "[" in text[line:] else seen  # a heading is told by its line
        for word in words(text[start:]):
            if start + word.start >= seen:
                yield Word(word.text, start + word.start, start + word.end)


def _complete(text: str) -> int:
    """Where the words of `text` may still grow, or turn out to be a heading."""
    line = text.rfind("\n") + 1
    heading = text[line:].lstrip().startswith("[") and "]" not in text[line:]
    # An apostrophe may stand within a word.
    return line if heading else len(text.rstrip(APOSTROPHES))

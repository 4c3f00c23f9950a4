"""Much text to ids: the same ids as the tokenizer's own, ten times as fast.

Whatever the kind of tokenizer, a piece of text begins at a space or a line end that follows something
else. So text is cut there, each word is encoded once, and all words of a block are looked up together.

Shapes: N bytes of a block, W words of it, T ids of it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from core.corpus import Song
from pretrain.split import fingerprint
from pretrain.tokenizer import Tokenizer
from pretrain.verse_codes import PLAIN_SHARE, VERSE_TOKENS, coded_lines, known_code
from prosody.line import Language

Ids = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]
Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]

# Text that is looked up together: what the processor's own cache holds.
BLOCK = 40_000  # characters

# Words remembered before all are forgotten; with the table below, some 60 MB.
REMEMBERED = 1 << 20
_SLOTS = 2 * REMEMBERED

# A space or a line end that follows white space of another kind, and what stands for the marks of a song, below.
_ODD = re.compile(r"[^\S\n ][ \n]|[\0-\4\ue000-\uefff]")
_SONG, _TITLE, _LYRICS, _END = "\1", "\2", "\3", "\4"
# Of verse codes: characters that nobody uses, and that begin with a byte that nothing else begins with.
_CODES = "".join(map(chr, range(0xE000, 0xE000 + len(VERSE_TOKENS))))
_CODE = re.compile("([\ue000-\uefff])")
_FIRST_BYTE, _CODE_BYTES = 0xEE, 3

# A word's hash: its bytes as the coefficients of a polynomial at this odd number, modulo 2^64. That two of a
# million words share one has a chance of about 1 in 40 million. The second number spreads it over the slots.
_BASE = 0x5851F42D4C957F2D
_SPREAD = np.uint64(0x9E3779B97F4A7C15)

# Where any text may be cut.
_CUT = re.compile(r"(?<=\S)[ \n]")


def id_type(vocab_size: int) -> np.dtype[np.signedinteger[Any]]:
    """The smallest type that holds the ids, and negative words for what is not to be learnt."""
    return np.dtype(np.int16 if vocab_size <= np.iinfo(np.int16).max else np.int32)


def coded_ids(lyrics: str, language: Language, tokenizer: Tokenizer) -> list[int]:
    """Ids of lyrics with their codes, by the tokenizer's own way."""
    signs = {sign: [id_] for sign, id_ in zip(_CODES, tokenizer.verse_codes, strict=True)}
    pieces = _CODE.split(coded_lines(lyrics, language, _CODES))
    return [id_ for piece in pieces for id_ in signs.get(piece) or tokenizer.encode(piece)]


def text_pieces(text: str, characters: int) -> Iterator[str]:
    """A text in pieces of about so many characters, whose ids join to the text's own."""
    start = 0
    while start < len(text):
        end = _CUT.search(text, start + characters)
        stop = end.start() if end else len(text)
        yield text[start:stop]
        start = stop


class Encoder:
    """A tokenizer that remembers words. Ids are of `dtype`."""

    def __init__(self, tokenizer: Tokenizer, plain_share: float = PLAIN_SHARE) -> None:
        """`plain_share` of the songs have no verse codes."""
        self.dtype = id_type(tokenizer.vocab_size)
        self._plain_share = plain_share
        self._tokenizer = tokenizer
        self._signs = {sign: [id_] for sign, id_ in zip(_CODES, tokenizer.verse_codes, strict=False)}
        self._words = _Words(tokenizer, self.dtype, self._signs)

    def songs(self, songs: Iterable[Song], language: str | None = None) -> Ids:
        """Ids of songs one after the other, each with its marks: song, title (where there is one), lyrics, end.

        In a corpus of a `language`, some songs have verse codes as well, if the tokenizer knows them; which, is drawn
        by their lyrics. Without a language none has.
        """
        ids: list[Ids] = []
        block: list[str] = []
        for song in songs:
            if _is_plain(song.title) and _is_plain(song.lyrics):
                title = _TITLE + song.title if song.title else ""
                block.append(f"{_SONG}{title}{_LYRICS}{self._coded(song, language)}{_END}")
                if sum(map(len, block)) < BLOCK:
                    continue
                ids.append(self._plain("".join(block)))
            else:
                ids += [self._plain("".join(block)), self._odd_song(song, language)]
            block.clear()
        return np.concatenate([*ids, self._plain("".join(block))])

    def text(self, text: str) -> Ids:
        """Ids of a text; no special token is added, and none is read out of it."""
        return self._plain(text) if _is_plain(text) else np.array(self._tokenizer.encode(text), self.dtype)

    def _plain(self, text: str) -> Ids:
        # However long a song is, the table has room for the words of a block.
        ids = [self._words.ids(piece) for piece in text_pieces(text, BLOCK)]
        return np.concatenate([np.empty(0, self.dtype), *ids])

    def _odd_song(self, song: Song, language: str | None = None) -> Ids:
        mark = self._tokenizer
        title = [mark.title, *mark.encode(song.title)] if song.title else []
        spoken = known_code(song, language) if self._has_codes(song, language) else None
        lyrics = mark.encode(song.lyrics) if spoken is None else coded_ids(song.lyrics, spoken, mark)
        return np.array([mark.song, *title, mark.lyrics, *lyrics, mark.end], self.dtype)

    def _coded(self, song: Song, language: str | None) -> str:
        spoken = known_code(song, language)
        if spoken is None or not self._has_codes(song, language):
            return song.lyrics
        return coded_lines(song.lyrics, spoken, _CODES)

    def _has_codes(self, song: Song, language: str | None) -> bool:
        return bool(
            self._signs
            and known_code(song, language)
            and fingerprint(song) >= self._plain_share * 2**32
            and not _CODE.search(song.lyrics)
        )


def _is_plain(text: str) -> bool:
    """Whether the text may be cut before every space or line end that follows none."""
    # What is printable has no other space; that is faster to find out.
    return text.replace("\n", "").isprintable() or not _ODD.search(text)


class _Words:
    """Ids of words, found by the word's hash in an open-addressed table (Knuth, TAOCP 3, 6.4, linear probing)."""

    def __init__(
        self, tokenizer: Tokenizer, dtype: np.dtype[np.signedinteger[Any]], signs: dict[str, list[int]]
    ) -> None:
        self._tokenizer = tokenizer
        marks = (tokenizer.song, tokenizer.title, tokenizer.lyrics, tokenizer.end)
        own = {mark: [id_] for mark, id_ in zip((_SONG, _TITLE, _LYRICS, _END), marks, strict=True)}
        self._marks = {mark.encode(): ids for mark, ids in (own | signs).items()}
        self._ids = np.zeros(1 << 12, dtype)  # of all words, one after the other
        self._powers, self._inverses = _powers(_BASE, 2 * BLOCK), _powers(pow(_BASE, -1, 1 << 64), 2 * BLOCK)
        self._forget()

    def _forget(self) -> None:
        self._hashes = np.zeros(_SLOTS, np.uint64)  # 0: nobody's
        self._firsts = np.zeros(_SLOTS, np.int32)  # where the word's ids begin
        self._counts = np.zeros(_SLOTS, np.int32)
        self._count = self._end = 0

    def ids(self, text: str) -> Ids:
        """(T,)."""
        data = text.encode()
        if self._count > REMEMBERED:
            self._forget()
        if len(data) > len(self._powers):
            self._powers, self._inverses = _powers(_BASE, len(data)), _powers(pow(_BASE, -1, 1 << 64), len(data))
        signs = np.frombuffer(data, np.uint8)  # (N,)
        is_mark, is_code = signs < 5, signs == _FIRST_BYTE
        is_space = (signs == ord(" ")) | (signs == ord("\n"))
        begins = is_space | is_mark
        # The spaces of an indented line, and what follows them, are one word.
        begins[1:] &= ~is_space[:-1] | is_mark[1:]
        begins[1:] |= is_mark[:-1]
        begins |= is_code
        begins[_CODE_BYTES:] |= is_code[:-_CODE_BYTES]
        begins[:1] = True
        starts = np.flatnonzero(begins)  # (W,)
        ends = np.append(starts[1:], len(data))[: len(starts)]
        hashes = self._hash(signs, starts, ends)
        slots, new = self._find(hashes)
        for word in new.tolist():
            slots[word] = self._learn(int(slots[word]), int(hashes[word]), data[starts[word] : ends[word]])
        counts = self._counts[slots]
        # Word by word, from where its ids begin: 5 6 7, 0 1, 9 …
        places = np.repeat(self._firsts[slots] - np.cumsum(counts) + counts, counts)
        return self._ids[places + np.arange(len(places))]

    def _hash(self, signs: np.ndarray[Any, np.dtype[np.uint8]], starts: Numbers, ends: Numbers) -> Hashes:
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(signs * self._powers[: len(signs)])])
        hashes = (sums[ends] - sums[starts]) * self._inverses[starts]  # (W,)
        return (hashes ^ hashes >> np.uint64(32)) * _SPREAD | np.uint64(1)

    def _find(self, hashes: Hashes) -> tuple[Numbers, Numbers]:
        """The slots of words (W,), and which words have none yet: theirs is where to look for a free one."""
        slots = (hashes >> np.uint64(64 - (_SLOTS - 1).bit_length())).astype(np.int64)
        new: list[Numbers] = []
        others = np.flatnonzero(self._hashes[slots] != hashes)
        while len(others):
            free = self._hashes[slots[others]] == 0
            new.append(others[free])
            others = others[~free]
            slots[others] = (slots[others] + 1) % _SLOTS
            others = others[self._hashes[slots[others]] != hashes[others]]
        return slots, np.concatenate(new) if new else others

    def _learn(self, slot: int, code: int, word: bytes) -> int:
        """The slot of a word that had none before this block."""
        while self._hashes[slot] and self._hashes[slot] != code:
            slot = (slot + 1) % _SLOTS
        if not self._hashes[slot]:
            ids = self._marks.get(word) or self._tokenizer.encode(word.decode())
            if self._end + len(ids) > len(self._ids):
                self._ids = np.resize(self._ids, 2 * len(self._ids) + len(ids))
            self._ids[self._end : self._end + len(ids)] = ids
            self._hashes[slot], self._firsts[slot], self._counts[slot] = code, self._end, len(ids)
            self._end += len(ids)
            self._count += 1
        return slot


def _powers(base: int, count: int) -> Hashes:
    """1, base, base² … modulo 2^64."""
    powers = np.full(count, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers)

"""Songs to what somebody's large model learns from: a request in words, and the lyrics that answer it.

Shapes: T tokens of a part.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from core.corpus import Song
from core.errors import UserError
from generate.foreign.instruction import instruction
from generate.foreign.tokenizer import ForeignTokenizer
from pretrain.encoder import id_type
from pretrain.split import Split, fingerprint
from pretrain.tokens import IGNORE, Part, Tokens
from pretrain.verse_codes import is_heading

# Songs that are looked at to see whether a tokenizer gives them back.
LOOKED_AT = 50

# Of those, so many may come back changed before adapting makes no sense.
MAX_CHANGED = 0.5


def encode_for(split: Split, tokenizer: ForeignTokenizer) -> Tokens:
    """Encode both sides; what is asked is not learnt, what answers is.

    A song of the train side is asked for in one of four ways, drawn by its lyrics: with its title or without, from
    nothing or from its first line. Validation is asked for from nothing, without titles: all its lyrics are scored.
    Raises UserError when the tokenizer does not give the songs back.
    """
    _check_way_back([*split.train, *split.val][:LOOKED_AT], tokenizer)
    if split.document == "text":
        train, val = (_text(side[0].lyrics, tokenizer) for side in (split.train, split.val))
    else:
        train = _songs((_train_song(song, split.language, tokenizer) for song in split.train), tokenizer)
        val = _songs((_val_song(song, split.language, tokenizer) for song in split.val), tokenizer)
    return Tokens(train, val, split.document, tokenizer.sha256, split.learnt)


# A song as it is learnt: ids, how many of them are asked, and the characters of the others.
_Encoded = tuple[list[int], int, int]


def _train_song(song: Song, language: str, tokenizer: ForeignTokenizer) -> _Encoded:
    drawn = fingerprint(song)
    title = song.title if drawn & 1 else ""
    given = _first_line(song.lyrics) if drawn & 2 else 0
    asked = instruction(language, title, follows=bool(given)), song.lyrics[:given]
    return _encoded(tokenizer, asked, song.lyrics[given:])


def _val_song(song: Song, language: str, tokenizer: ForeignTokenizer) -> _Encoded:
    return _encoded(tokenizer, (instruction(language),), song.lyrics)


def _encoded(tokenizer: ForeignTokenizer, asked: Iterable[str], lyrics: str) -> _Encoded:
    before = [*tokenizer.marks.start, *(id_ for text in asked for id_ in tokenizer.encode(text))]
    return [*before, *tokenizer.encode(lyrics), tokenizer.end], len(before), len(lyrics)


def _first_line(lyrics: str) -> int:
    """Where the first line that is sung ends; 0 where nothing follows it."""
    end = 0
    for line in lyrics.split("\n"):
        end += len(line)
        if line and not is_heading(line):
            return end if lyrics[end:].strip() else 0
        end += 1
    return 0


def _songs(songs: Iterable[_Encoded], tokenizer: ForeignTokenizer) -> Part:
    ids: list[int] = []
    targets: list[int] = []
    characters = 0
    for of_song, asked, learnt in songs:
        ids += of_song
        targets += [IGNORE] * asked + of_song[asked:]
        characters += learnt
    return _part(ids, targets, characters, tokenizer)


def _text(text: str, tokenizer: ForeignTokenizer) -> Part:
    ids = [*tokenizer.marks.start, *tokenizer.encode(text)]
    # Nothing asks for the first token.
    unasked = 0 if tokenizer.marks.start else len(tokenizer.decode(ids[:1]))
    return _part(ids, ids, len(text) - unasked, tokenizer)


def _part(ids: Sequence[int], targets: Sequence[int], characters: int, tokenizer: ForeignTokenizer) -> Part:
    dtype = id_type(tokenizer.vocab_size)
    return Part(np.array(ids[:-1], dtype), np.array(targets[1:], dtype), characters, 0)


def _check_way_back(songs: Sequence[Song], tokenizer: ForeignTokenizer) -> None:
    """Say when the tokenizer changes songs; refuse when it changes many of them."""
    changed = [text for text in (song.lyrics for song in songs) if tokenizer.unseen(text)]
    if not changed:
        return
    text, back = changed[0], tokenizer.decode(tokenizer.encode(changed[0]))
    differ = next((place for place, (a, b) in enumerate(zip(text, back, strict=False)) if a != b), len(back))
    lost = f"{text[differ : differ + 12]!r} comes back as {back[differ : differ + 12]!r}"
    if len(changed) > MAX_CHANGED * len(songs):
        raise UserError(
            f"the base's tokenizer does not give these songs back: {lost}", "choose a base whose tokenizer does"
        )
    print(f"note        the base's tokenizer changes {len(changed)} of {len(songs)} songs: {lost}")

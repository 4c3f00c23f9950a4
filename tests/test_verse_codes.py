from collections import Counter
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpus import Corpus, Song
from pretrain.encoder import Encoder
from pretrain.split import split_songs
from pretrain.tokenizer import SPECIAL_TOKENS, Kind, Tokenizer
from pretrain.tokens import encode_split
from pretrain.verse_codes import (
    COUNTS,
    ENOUGH_CODED,
    LEFT,
    MOST_SYLLABLES,
    NEAR_END,
    PLAIN_SHARE,
    VERSE_TOKENS,
    Code,
    coded_lines,
    codes_of,
    known_code,
    plain_share,
)
from prosody.line import Language
from tests.conftest import invent_song

SONGS = [invent_song(number) for number in range(40)]
TEXTS = [song.title + song.lyrics for song in SONGS]
KINDS: dict[Kind, Tokenizer] = {
    kind: Tokenizer.train(TEXTS, kind, size, verse_codes=True)
    for kind, size in (("bpe", 340), ("bpe-char", 120), ("char", None), ("word", None))
}
BPE = KINDS["bpe"]


SIGNS = "".join(map(chr, range(0x4E00, 0x4E00 + len(VERSE_TOKENS))))


NOTHING = dict.fromkeys(map(ord, SIGNS + " "))


def spelt(tokenizer: Tokenizer, ids: list[int]) -> str:
    """What ids spell, each code as its sign."""
    signs = dict(zip(tokenizer.verse_codes, SIGNS, strict=True))
    runs = groupby(ids, key=lambda id_: signs.get(id_, ""))
    return "".join(sign * len(list(run)) if sign else tokenizer.decode(run) for sign, run in runs)


def read(line: str) -> str:
    """A Spanish line that was written from its end, from its beginning."""
    words = "".join(" " if sign in SIGNS[len(COUNTS) :] else sign for sign in line[1:]).split()
    return " ".join(words[::-1]) if line[:1] in SIGNS[: len(COUNTS)] else line


def is_coded(song: Song) -> bool:
    return bool(set(BPE.verse_codes) & set(Encoder(BPE).songs([song], "es").tolist()))


CODED = next(song for song in SONGS if is_coded(song))


def coded(line: str, language: Language) -> str:
    said = coded_lines(line, language, SIGNS)
    for sign, token in zip(SIGNS, VERSE_TOKENS, strict=True):
        said = said.replace(sign, token)
    return said


def test_a_code_is_the_length_the_words_from_the_last_and_what_is_left_to_fill() -> None:
    lyrics = "[Coro]\nEn una noche oscura,\n\ncon ansias, en amores inflamada"
    assert codes_of(lyrics, "es") == [
        None,
        Code(7, ("oscura,", "noche", "una", "En"), (4, 3, 1, None)),
        None,
        Code(11, ("inflamada", "amores", "en", "ansias,", "con"), (7, None, 3, 1, None)),
    ]


@pytest.mark.parametrize(
    ("language", "line", "said"),
    [
        ("es", "¿Y a quién? — dijo.", "<|4 syllables|> dijo.<|2 left|> quién? —<|1 left|> a<|0 left|>¿Y"),
        ("es", "desesperadamente", "<|7 syllables|> desesperadamente<|0 left|>"),
        ("es", "vive la antigua", "<|5 syllables|> antigua<|2 left|> la<|2 left|>vive"),
        ("fr", "Aujourd'hui l'amour", "<|5 syllables|> amour<|3 left|> l'<|3 left|>Aujourd'hui"),
        ("fr", "Que dit-il ?", "<|3 syllables|> il ?<|2 left|> dit-<|1 left|>Que"),
        ("en", "O'er lovers' eyes", "<|4 syllables|> eyes<|3 left|> lovers'<|1 left|>O'er"),
    ],
)
def test_a_line_is_said_word_by_word_from_its_end(language: Language, line: str, said: str) -> None:
    assert coded(line, language) == said


def test_a_line_says_between_words_how_much_is_left_where_it_is_little() -> None:
    assert max(left for left in (codes_of("y " * 14 + "sol", "es")[0] or Code(0, (), ())).left[1:] if left) == NEAR_END
    assert (len(COUNTS), len(LEFT)) == (MOST_SYLLABLES, MOST_SYLLABLES)


def test_prose_has_no_code() -> None:
    assert codes_of("palabra " * 12, "es") == [None]
    assert codes_of("la " * MOST_SYLLABLES, "es")[0] is None  # the last stress adds one
    assert codes_of("... ¡!", "es") == [None]


@pytest.mark.parametrize("kind", KINDS)
def test_read_from_their_beginnings_the_lines_are_as_they_were(kind: Kind) -> None:
    tokenizer = KINDS[kind]
    ids = Encoder(tokenizer).songs([replace(CODED, title="")], "es").tolist()
    lines = spelt(tokenizer, ids).split("\n")
    assert [read(line) for line in lines] == CODED.lyrics.split("\n")
    assert "\n".join(lines) == coded_lines(CODED.lyrics, "es", SIGNS)
    assert tokenizer.special == {tokenizer.backend.token_to_id(token) for token in (*SPECIAL_TOKENS, *VERSE_TOKENS)}
    assert all(tokenizer.spelt[id_] == 0 for id_ in tokenizer.special)


ODD = st.text("aá \n\x02\x1c\ue000\ue005\uefff\t\u2003[]é'’!", max_size=40)


@given(st.lists(ODD, min_size=1, max_size=6))
def test_whatever_a_song_holds_nothing_of_it_is_lost(texts: list[str]) -> None:
    songs = [Song(id=str(number), lyrics=text) for number, text in enumerate(texts)]
    encoder = Encoder(BPE)
    together = encoder.songs(songs, "es").tolist()
    assert together == [id_ for song in songs for id_ in encoder.songs([song], "es").tolist()]
    plain = encoder.songs(songs).tolist()
    assert len(spelt(BPE, together).split("\n")) == len(spelt(BPE, plain).split("\n"))
    for line, as_it_was in zip(spelt(BPE, together).split("\n"), spelt(BPE, plain).split("\n"), strict=True):
        letters, before = (
            Counter(letter for letter in each if letter not in SIGNS + " ") for each in (line, as_it_was)
        )
        assert letters == before
    for song in songs:
        assert encoder.songs([song], "es").tolist() == encoder._odd_song(song, "es").tolist()


def test_some_songs_stay_without_codes_and_which_follows_from_their_lyrics() -> None:
    songs = [invent_song(number) for number in range(400)]
    coded = [is_coded(song) for song in songs]
    assert 0.7 < 1 - sum(coded) / len(coded) < 0.8
    assert coded[:50] == [
        is_coded(Song(id=f"x{n}", title="Otro", lyrics=song.lyrics)) for n, song in enumerate(songs[:50])
    ]


def test_the_held_out_side_has_no_codes_and_no_code_counts_as_text() -> None:
    # Songs that say their language themselves have no codes there either.
    songs = tuple(replace(song, language="es" if number % 2 else "") for number, song in enumerate(SONGS))
    corpus = Corpus(name="nadie", language="es", source="files", songs=songs)
    split = split_songs(corpus, 1)
    plain = Tokenizer.train(TEXTS, "char")
    coded, bare = encode_split(split, KINDS["char"]), encode_split(split, plain)
    assert not set(coded.val.inputs.tolist()) & set(KINDS["char"].verse_codes)
    assert set(coded.train.inputs.tolist()) & set(KINDS["char"].verse_codes)
    assert (coded.train.characters, coded.val.characters) == (bare.train.characters, bare.val.characters)
    assert len(coded.train.inputs) > len(bare.train.inputs)
    assert not plain.verse_codes


def test_only_languages_with_an_analysis_have_codes() -> None:
    assert known_code(CODED, "es") == "es"
    assert known_code(CODED, "de") is None
    assert known_code(Song(id="1", lyrics="x", language="fr"), "mul") == "fr"
    assert Encoder(BPE).songs([CODED], "de").tolist() == Encoder(BPE).songs([CODED]).tolist()


def test_a_large_corpus_has_codes_in_a_part_of_it() -> None:
    assert plain_share(1_000_000) == PLAIN_SHARE
    assert plain_share(1_000_000_000) == pytest.approx(1 - ENOUGH_CODED / 1e9)

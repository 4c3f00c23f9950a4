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
    PLAIN_SHARE,
    VERSE_TOKENS,
    Code,
    coded_lines,
    codes_of,
    known_code,
    parse_codes,
    plain_share,
)
from tests.conftest import invent_song

SONGS = [invent_song(number) for number in range(40)]
TEXTS = [song.title + song.lyrics for song in SONGS]
KINDS: dict[Kind, Tokenizer] = {
    kind: Tokenizer.train(TEXTS, kind, size, verse_codes=True)
    for kind, size in (("bpe", 340), ("bpe-char", 120), ("char", None), ("word", None))
}
BPE = KINDS["bpe"]


def without_codes(tokenizer: Tokenizer, ids: list[int]) -> list[int]:
    return [id_ for id_, coded in parse_codes(ids, tokenizer.verse_codes) if not coded]


def is_coded(song: Song) -> bool:
    return bool(set(BPE.verse_codes) & set(Encoder(BPE).songs([song], "es").tolist()))


CODED = next(song for song in SONGS if is_coded(song))


def test_a_code_is_the_length_and_the_last_word() -> None:
    lyrics = "[Coro]\nEn una noche oscura,\n\ncon ansias, en amores inflamada"
    found = codes_of(lyrics, "es")
    assert found == [
        None,
        Code(7, "oscura", 4, ((2, 3), (6, 2), (12, 0))),
        None,
        Code(11, "inflamada", 7, ((14, 3), (21, 0))),
    ]


def test_a_line_says_near_its_end_how_much_is_left() -> None:
    signs = "".join(map(chr, range(0x4E00, 0x4E00 + len(VERSE_TOKENS))))
    said = coded_lines("con ansias, en amores inflamada", "es", signs)
    for sign, token in zip(signs, VERSE_TOKENS, strict=True):
        said = said.replace(sign, token)
    assert said == "<|11|> inflamada<|+7|>con ansias, en<|+3|> amores<|+0|> inflamada"
    assert codes_of("desesperadamente", "es") == [Code(7, "desesperadamente", 0)]
    assert (len(COUNTS), len(LEFT)) == (MOST_SYLLABLES, MOST_SYLLABLES)


def test_prose_has_no_code() -> None:
    assert codes_of("palabra " * 12, "es") == [None]
    assert codes_of("la " * MOST_SYLLABLES, "es")[0] is None  # the last stress adds one
    assert codes_of("... ¡!", "es") == [None]


@pytest.mark.parametrize("kind", KINDS)
def test_codes_stand_before_their_lines_and_the_lines_are_as_they_were(kind: Kind) -> None:
    tokenizer = KINDS[kind]
    ids = Encoder(tokenizer).songs([CODED], "es").tolist()
    assert without_codes(tokenizer, ids) == Encoder(tokenizer).songs([CODED]).tolist()
    spelt = {id_: token for token, id_ in zip(VERSE_TOKENS, tokenizer.verse_codes, strict=True)}
    runs = groupby(ids, key=lambda id_: spelt.get(id_, ""))
    said = "".join(token or tokenizer.decode(run) for token, run in runs)
    signs = "".join(map(chr, range(0x4E00, 0x4E00 + len(VERSE_TOKENS))))
    coded = coded_lines(CODED.lyrics, "es", signs)
    assert said.endswith("".join(dict(zip(signs, VERSE_TOKENS, strict=True)).get(char, char) for char in coded))
    assert tokenizer.special == {tokenizer.backend.token_to_id(token) for token in (*SPECIAL_TOKENS, *VERSE_TOKENS)}
    assert all(tokenizer.spelt[id_] == 0 for id_ in tokenizer.special)


ODD = st.text("aá \n\x02\x1c\ue000\ue005\uefff\t\u2003[]é'’!", max_size=40)


@given(st.lists(ODD, min_size=1, max_size=6))
def test_whatever_a_song_holds_its_own_text_is_unchanged(texts: list[str]) -> None:
    songs = [Song(id=str(number), lyrics=text) for number, text in enumerate(texts)]
    encoder = Encoder(BPE)
    together = encoder.songs(songs, "es").tolist()
    assert together == [id_ for song in songs for id_ in encoder.songs([song], "es").tolist()]
    assert without_codes(BPE, together) == encoder.songs(songs).tolist()
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

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpus import Song
from core.errors import UserError
from pretrain import encoder as encoder_module
from pretrain.encoder import Encoder, text_pieces
from pretrain.tokenizer import SPECIAL_TOKENS, Kind, Tokenizer
from tests.conftest import invent_song

KINDS = get_args(Kind)
TEXTS = [song.lyrics for song in map(invent_song, range(20))]
TOKENIZERS = {kind: Tokenizer.train(TEXTS, kind) for kind in KINDS}
ENCODERS = {tokenizer: Encoder(tokenizer) for tokenizer in TOKENIZERS.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_was_trained_on_comes_back_to_the_letter(kind: Kind) -> None:
    tokenizer = TOKENIZERS[kind]
    for text in TEXTS:
        assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_bytes_write_any_text(text: str) -> None:
    tokenizer = TOKENIZERS["bpe"]
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.unseen(text) == []


@given(st.text(sorted(set("".join(TEXTS)))))
def test_characters_write_any_text_of_the_alphabet(text: str) -> None:
    for kind in ("bpe-char", "char"):
        tokenizer = TOKENIZERS[kind]
        assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_stream_of_pieces_joins_to_the_whole(text: str) -> None:
    tokenizer = TOKENIZERS["bpe"]
    ids = tokenizer.encode(text)
    assert "".join(tokenizer.stream(ids)) == tokenizer.decode(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_looks_like_a_mark_is_no_mark(kind: Kind) -> None:
    tokenizer = TOKENIZERS[kind]
    marks = {tokenizer.song, tokenizer.title, tokenizer.lyrics, tokenizer.end}
    for token in SPECIAL_TOKENS:
        assert marks.isdisjoint(tokenizer.encode(f"La luna {token} canta"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_song_stands_between_its_marks_and_leaves_them_out_when_read(kind: Kind) -> None:
    tokenizer = TOKENIZERS[kind]
    titled, untitled = Song(id="1", title="La luna", lyrics="La luna canta"), Song(id="2", lyrics="La luna canta")
    encoder = Encoder(tokenizer)
    one, other = (encoder.songs([song]).tolist() for song in (titled, untitled))
    assert one[:2] == [tokenizer.song, tokenizer.title]
    assert other[:2] == [tokenizer.song, tokenizer.lyrics]
    assert one[-1] == other[-1] == tokenizer.end
    assert tokenizer.decode(other) == untitled.lyrics


# All that decides where a tokenizer cuts: white space of every kind, letters, digits, signs, marks, contractions.
SPACES = st.text(" \n\t\r\x0b\x1c\x85\xa0\u2003\u200b\0a\u0301é!0☃'’s<|>,.", max_size=20)
VERSE = st.lists(st.sampled_from(["La luna", "don't", "canta,", "¡ay!", "\n", "\n\n", " ", "   ", "22 años…"])).map(
    "".join
)


@given(SPACES | VERSE)
def test_remembered_words_have_the_ids_of_the_text(text: str) -> None:
    for tokenizer in TOKENIZERS.values():
        encoder = ENCODERS[tokenizer]
        ids = encoder.text(text).tolist()
        assert ids == tokenizer.encode(text)
        assert [id_ for piece in text_pieces(text, 3) for id_ in tokenizer.encode(piece)] == ids
        assert sum(tokenizer.spelt[id_] for id_ in ids) == len(tokenizer.decode(ids))


def test_an_indented_poem_is_looked_up_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = TOKENIZERS["bpe"]
    encoder, asked = Encoder(tokenizer), list[str]()
    encode = tokenizer.encode
    poem = "    La luna canta  \n  y el mar también,\n\n\n    la luna\n "
    monkeypatch.setattr(tokenizer, "encode", lambda text: asked.append(text) or encode(text))
    assert encoder.text(poem).tolist() == encode(poem)
    assert asked
    assert all(len(piece.split()) <= 1 for piece in asked)
    asked.clear()
    assert encoder.text(poem).tolist() == encode(poem)
    assert not asked


@given(st.lists(SPACES | VERSE, min_size=1, max_size=8), st.integers(1, 60))
def test_songs_in_blocks_have_the_ids_of_each(texts: list[str], block: int) -> None:
    tokenizer = TOKENIZERS["bpe"]
    songs = [Song(id=str(number), title=texts[number - 1], lyrics=text) for number, text in enumerate(texts)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_module, "BLOCK", block)
        ids = ENCODERS[tokenizer].songs(songs).tolist()
    apart = [id_ for song in songs for id_ in Encoder(tokenizer)._odd_song(song).tolist()]
    assert ids == apart


def test_what_is_remembered_has_a_limit_and_a_full_table_still_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "BLOCK", 50)
    monkeypatch.setattr(encoder_module, "REMEMBERED", 20)
    monkeypatch.setattr(encoder_module, "_SLOTS", 64)  # so few that words meet in a slot
    encoder, tokenizer = Encoder(TOKENIZERS["bpe"]), TOKENIZERS["bpe"]
    for text in [*TEXTS * 3, " ".join(TEXTS).replace("\n", " ")]:
        assert encoder.text(text).tolist() == tokenizer.encode(text)
        assert encoder._words._count <= 20 + 30


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_read_it_is_the_same(kind: Kind, tmp_path) -> None:
    tokenizer = TOKENIZERS[kind]
    tokenizer.save(tmp_path / "tokenizer.json")
    again = Tokenizer.load(tmp_path / "tokenizer.json")
    assert again.sha256 == tokenizer.sha256
    assert again.encode("La luna <|end|>") == tokenizer.encode("La luna <|end|>")


def test_unseen_names_what_cannot_be_written() -> None:
    assert TOKENIZERS["char"].unseen("luna ☃ Ω") == ["Ω", "☃"]
    assert TOKENIZERS["word"].unseen("La luna zzz") == ["zzz"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_too_large_says_what_it_got(kind: Kind) -> None:
    with pytest.raises(UserError, match=rf"supports a {kind} vocabulary of \d+ tokens, not 90000"):
        Tokenizer.train(TEXTS, kind, 90_000)


@pytest.mark.parametrize("kind", ["bpe", "bpe-char", "char"])
def test_a_vocabulary_smaller_than_the_alphabet_is_refused(kind: Kind) -> None:
    with pytest.raises(UserError, match=r"a vocabulary of 20 is too small"):
        Tokenizer.train(TEXTS, kind, 20)


def test_bpe_char_goes_down_to_its_alphabet() -> None:
    smallest = len(set("".join(TEXTS))) + len(SPECIAL_TOKENS)
    tokenizer = Tokenizer.train(TEXTS, "bpe-char", smallest)
    assert tokenizer.vocab_size == smallest
    assert tokenizer.encode("luna") == Tokenizer.train(TEXTS, "bpe-char", smallest).encode("luna")


@pytest.mark.parametrize("content", ["", "{}", "no json", '{"model": {"type": "BPE"}}'])
def test_a_broken_file_is_an_error_that_names_it(content: str, tmp_path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"tokenizer.json is no tokenizer"):
        Tokenizer.load(path)

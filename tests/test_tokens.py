from hashlib import sha256
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpus import Corpus, Song
from core.errors import UserError
from core.tensors import save_tensors
from pretrain import tokens as tokens_module
from pretrain.encoder import id_type
from pretrain.split import Fingerprints, Split, fingerprint, split_songs
from pretrain.tokenizer import Kind, Tokenizer
from pretrain.tokens import IGNORE, Part, Tokens, encode_split
from tests.conftest import invent_song


def corpus_of(songs: list[Song]) -> Corpus:
    return Corpus(name="nadie", language="es", source="files", songs=tuple(songs))


SONGS = [invent_song(number) for number in range(40)]
LONG_TEXT = "\n\n".join(song.lyrics for song in SONGS)


def train_tokenizer(split: Split, kind: Kind = "char") -> Tokenizer:
    return Tokenizer.train([song.title + song.lyrics for song in split.train], kind)


def marked(tokenizer: Tokenizer, song: Song) -> list[int]:
    title = [tokenizer.title, *tokenizer.encode(song.title)] if song.title else []
    return [tokenizer.song, *title, tokenizer.lyrics, *tokenizer.encode(song.lyrics), tokenizer.end]


def test_each_song_is_on_one_side_and_a_tenth_is_held_out() -> None:
    split = split_songs(corpus_of(SONGS), seed=1)
    assert {song.id for song in split.train} | {song.id for song in split.val} == {song.id for song in SONGS}
    assert (len(split.train), len(split.val)) == (36, 4)


def test_the_split_follows_from_lyrics_and_seed_not_from_order_or_id() -> None:
    held_out = [{song.lyrics for song in split_songs(corpus_of(songs), seed=1).val} for songs in (SONGS, SONGS[::-1])]
    renamed = [Song(id=f"x{n}", lyrics=song.lyrics) for n, song in enumerate(SONGS)]
    held_out.append({song.lyrics for song in split_songs(corpus_of(renamed), seed=1).val})
    assert held_out[0] == held_out[1] == held_out[2]
    assert held_out[0] != {song.lyrics for song in split_songs(corpus_of(SONGS), seed=2).val}


def test_what_a_base_has_learnt_is_never_held_out() -> None:
    base = split_songs(corpus_of(SONGS), seed=1)
    assert base.learnt == set(map(fingerprint, base.train))
    adapted = split_songs(corpus_of(SONGS), seed=9, learnt=base.learnt)
    assert {song.id for song in adapted.val} <= {song.id for song in base.val}
    with pytest.raises(UserError, match="has learnt every song"):
        split_songs(corpus_of(list(base.train)), seed=1, learnt=frozenset(map(fingerprint, SONGS)))


@pytest.mark.parametrize("count", [2, 3, 9])
def test_the_fewest_songs_still_fill_both_sides(count: int) -> None:
    split = split_songs(corpus_of(SONGS[:count]), seed=1)
    assert len(split.val) == 1
    assert len(split.train) == count - 1


def test_one_song_cannot_be_split() -> None:
    with pytest.raises(UserError, match="cannot be split"):
        split_songs(corpus_of(SONGS[:1]), seed=1)


def test_one_long_text_is_cut_at_its_tail() -> None:
    split = split_songs(corpus_of([Song(id="1", title="Todo", lyrics=LONG_TEXT)]), seed=1)
    assert split.document == "text"
    assert split.train[0].lyrics + split.val[0].lyrics == LONG_TEXT
    assert len(split.train[0].lyrics) == int(len(LONG_TEXT) * 0.9)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_targets_are_what_follows_unless_it_should_not_be_learnt(kind: Kind) -> None:
    split = split_songs(corpus_of([*SONGS, Song(id="odd", lyrics="☃ una palabra que nadie cantó")]), seed=1)
    tokenizer = train_tokenizer(split, kind)
    tokens = encode_split(split, tokenizer)
    for part, songs in ((tokens.train, split.train), (tokens.val, split.val)):
        stream = [id_ for song in songs for id_ in marked(tokenizer, song)]
        assert part.inputs.tolist() == stream[:-1]
        unlearnt = (tokenizer.song, tokenizer.unknown)
        assert part.targets.tolist() == [IGNORE if id_ in unlearnt else id_ for id_ in stream[1:]]
        assert part.unknown == stream.count(tokenizer.unknown)
        if not part.unknown:
            assert part.characters == sum(len(song.title) + len(song.lyrics) for song in songs)


def test_a_text_has_no_marks_and_every_character_counts() -> None:
    split = split_songs(corpus_of([Song(id="1", title="Todo", lyrics=LONG_TEXT)]), seed=1)
    tokenizer = train_tokenizer(split)
    tokens = encode_split(split, tokenizer)
    assert tokenizer.decode(tokens.val.inputs) == split.val[0].lyrics[:-1]
    assert tokens.val.characters == len(split.val[0].lyrics) - 1
    assert (tokens.val.targets[:-1] == tokens.val.inputs[1:]).all()


@pytest.mark.parametrize("folder", [None, "."])
def test_a_text_in_pieces_has_the_ids_of_the_whole(folder: str | None, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tokens_module, "PIECE", 100)
    split = split_songs(corpus_of([Song(id="1", lyrics=LONG_TEXT)]), seed=1)
    for kind in get_args(Kind):
        tokenizer = train_tokenizer(split, kind)
        tokens = encode_split(split, tokenizer, tmp_path if folder else None)
        assert tokens.train.inputs.tolist() == tokenizer.encode(split.train[0].lyrics)[:-1]
    assert not list(tmp_path.iterdir())


def test_of_songs_with_the_same_lyrics_the_first_by_id_is_held_out_first() -> None:
    twins = [Song(id=f"{number:02}", lyrics="La luna canta") for number in (*range(25, 0, -1), 26, 27, 28, 29, 30)]
    split = split_songs(corpus_of(twins), seed=1)
    assert {song.id for song in split.val} == {"01", "02", "03"}


def test_songs_are_drawn_in_the_order_of_their_hashes_in_hexadecimal() -> None:
    songs = [invent_song(number) for number in range(700)]
    first = sorted(songs, key=lambda song: sha256(f"3\n{song.lyrics}".encode()).hexdigest())[:70]
    assert {song.id for song in split_songs(corpus_of(songs), seed=3).val} == {song.id for song in first}


def test_two_songs_of_one_id_are_refused() -> None:
    with pytest.raises(UserError, match="1 songs of the corpus share an id"):
        split_songs(corpus_of([*SONGS, Song(id="song-3", lyrics="otra")]), seed=1)


@given(st.sets(st.integers(0, 2**32 - 1)), st.sets(st.integers(0, 2**32 - 1)))
def test_fingerprints_are_a_set(one: set[int], other: set[int]) -> None:
    assert Fingerprints(one) == one
    assert Fingerprints(one) | Fingerprints(other) == one | other
    assert (Fingerprints(one) < Fingerprints(one | other)) == (one < one | other)
    assert all(number in Fingerprints(one) for number in one)
    assert not any(number in Fingerprints(one) for number in other - one)


def test_ids_take_two_bytes_where_they_fit() -> None:
    assert [id_type(size).itemsize for size in (2, 32_767, 32_768, 100_000)] == [2, 2, 4, 4]


def test_tokens_come_back_from_their_file(tmp_path) -> None:
    split = split_songs(corpus_of(SONGS), seed=1)
    tokens = encode_split(split, train_tokenizer(split))
    tokens.save(tmp_path / "tokens.safetensors")
    again = Tokens.load(tmp_path / "tokens.safetensors")
    for name in ("inputs", "targets"):
        assert np.array_equal(getattr(again.train, name), getattr(tokens.train, name))
        assert np.array_equal(getattr(again.val, name), getattr(tokens.val, name))
    assert (again.val.characters, again.learnt, again.document) == (tokens.val.characters, tokens.learnt, "songs")


def test_tokens_are_mapped_and_damage_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tokens.safetensors"
    split = split_songs(corpus_of(SONGS), seed=1)
    encode_split(split, train_tokenizer(split)).save(path)
    whole = path.read_bytes()
    loaded = Tokens.load(path)
    for array in (loaded.train.inputs, loaded.val.targets):
        assert isinstance(array.base, np.memmap)
    kept = loaded.train.targets.copy()
    loaded.train.targets[:] = 7
    assert np.array_equal(Tokens.load(path).train.targets, kept)  # what is written stays in the process
    for damage in (whole[:-1], whole[:100], whole[:-40] + b"\xff" + whole[-39:], whole + b" "):
        path.write_bytes(damage)
        with pytest.raises(UserError, match="truncated or was altered"):
            Tokens.load(path)


def test_tokens_of_an_earlier_version_are_told(tmp_path: Path) -> None:
    ids = np.arange(9, dtype=np.int32)
    names = [f"{side}_{kind}" for side in ("train", "val") for kind in ("inputs", "targets")]
    save_tensors(tmp_path / "tokens.safetensors", dict.fromkeys(names, ids), {"learnt": "00c0ffee"})
    with pytest.raises(UserError, match="earlier version"):
        Tokens.load(tmp_path / "tokens.safetensors")


def test_what_is_learnt_is_counted_however_long_the_part_is(monkeypatch) -> None:
    monkeypatch.setattr(tokens_module, "LOOK", 10)
    targets = np.where(np.arange(95) % 3 == 0, IGNORE, 1).astype(np.int16)
    assert Part(targets, targets, 0, 0).learnt == 63

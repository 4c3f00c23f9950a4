from typing import get_args

import numpy as np
import pytest

from core.corpus import Corpus, Song
from core.errors import UserError
from pretrain.tokenizer import Kind, Tokenizer
from pretrain.tokens import IGNORE, Split, Tokens, encode_split, fingerprint, split_songs
from tests.conftest import invent_song


def corpus_of(songs: list[Song]) -> Corpus:
    return Corpus(name="nadie", language="es", source="files", songs=tuple(songs))


SONGS = [invent_song(number) for number in range(40)]
LONG_TEXT = "\n\n".join(song.lyrics for song in SONGS)


def train_tokenizer(split: Split, kind: Kind = "char") -> Tokenizer:
    return Tokenizer.train([song.title + song.lyrics for song in split.train], kind)


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
    adapted = split_songs(corpus_of(SONGS), seed=9, learnt=frozenset(map(fingerprint, base.train)))
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
        stream = [id_ for ids in tokenizer.encode_songs(songs) for id_ in ids]
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


def test_tokens_come_back_from_their_file(tmp_path) -> None:
    split = split_songs(corpus_of(SONGS), seed=1)
    tokens = encode_split(split, train_tokenizer(split))
    tokens.save(tmp_path / "tokens.safetensors")
    again = Tokens.load(tmp_path / "tokens.safetensors")
    for name in ("inputs", "targets"):
        assert np.array_equal(getattr(again.train, name), getattr(tokens.train, name))
        assert np.array_equal(getattr(again.val, name), getattr(tokens.val, name))
    assert (again.val.characters, again.learnt, again.document) == (tokens.val.characters, tokens.learnt, "songs")

"""A corpus larger than memory: read where it lies, and encoded as it is read."""

import json
import os
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from multiprocessing import active_children
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from core import stored
from core.artifacts import Artifacts
from core.corpus import Corpus, Song, read_corpus, write_corpus
from core.errors import UserError
from core.stored import StoredSongs, open_corpus
from core.words import folded_words
from data import spool
from pretrain import tokenize_data
from pretrain.encoder import Encoder, Ids
from pretrain.phrases import index_split, word_hash
from pretrain.split import split_songs
from pretrain.tokenize_data import TokenizeConfig, sample_texts
from pretrain.tokenizer import Kind, Tokenizer
from pretrain.tokens import Part, Tokens, encode_split
from prosody.line import known_language
from tests.conftest import invent_song


def same(one: Part, other: Part) -> bool:
    return (
        np.array_equal(one.inputs, other.inputs)
        and np.array_equal(one.targets, other.targets)
        and (one.characters, one.unknown) == (other.characters, other.unknown)
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "CHUNK", 3000)


# Songs where they lie


@pytest.mark.usefixtures("small_chunks")
def test_stored_songs_are_the_songs(make_corpus: Callable[..., Corpus]) -> None:
    songs = make_corpus(songs=50).songs
    corpus = open_corpus(Artifacts("nadie").corpus)
    assert isinstance(corpus.songs, StoredSongs)
    assert (corpus.name, corpus.language, corpus.source) == ("nadie", "es", "files")
    assert tuple(corpus.songs) == songs
    assert [corpus.songs[place] for place in (0, 49, -1, 7)] == [songs[place] for place in (0, 49, -1, 7)]
    assert tuple(corpus.songs[5:40:3]) == songs[5:40:3]
    assert tuple(corpus.songs.only([30, 2, 2])) == (songs[30], songs[2], songs[2])
    chunks = list(corpus.songs.chunks())
    assert len(chunks) > 5
    assert [song for chunk in chunks for song in chunk] == list(songs)
    with pytest.raises(IndexError):
        corpus.songs[50]


def test_a_corpus_laid_out_otherwise_is_read_whole(make_corpus: Callable[..., Corpus]) -> None:
    corpus, path = make_corpus(), Artifacts("nadie").corpus
    value = json.loads(path.read_text(encoding="utf-8"))
    for indent in (None, 2, 4):
        path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
        assert open_corpus(path) == corpus


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"lyrics": 3}, r"songs\[2\].lyrics must be str, not int"),
        ({"year": True}, r"songs\[2\].year must be int or null, not bool"),
        ({"lyrics": ""}, r"songs\[2\] has no lyrics"),
        ({"lyrics": "cancio\u0301n"}, r"the lyrics of songs\[2\] are not NFC"),
        ({"title": "\ud800"}, r"songs\[2\] is no Unicode text"),
        ({"id": "song-1"}, r"share an id with another"),
    ],
)
def test_a_stored_song_is_validated_as_strictly_as_one_in_memory(
    damage: dict[str, Any], message: str, make_corpus: Callable[..., Corpus]
) -> None:
    make_corpus()
    path = Artifacts("nadie").corpus
    lines = path.read_text(encoding="utf-8").split("\n")
    place = next(number for number, line in enumerate(lines) if '"song-2"' in line)
    lines[place] = "    " + json.dumps(json.loads(lines[place].strip(" ,")) | damage) + ","
    path.write_text("\n".join(lines), encoding="utf-8")
    for read in (open_corpus, read_corpus):
        with pytest.raises(UserError, match=message):
            split_songs(read(path), seed=1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"id": "song-2"', b'"id" "song-2"', r"corpus.json, line 9, column \d+: Expecting ':'"),
        ("Canción".encode(), b"Canci\xf3n", r"corpus.json, line 7 is not UTF-8 text"),
        (b"\n  ]\n}\n", b"", r"corpus.json, line 36, column \d+: Expecting"),
        (b'"schema": 1', b'"schema": 9', r"has schema 9, not 1"),
        (b'"language": "es",', b"", r"language must be str"),
    ],
)
def test_a_broken_file_is_an_error_that_names_the_place(
    old: bytes, new: bytes, message: str, make_corpus: Callable[..., Corpus]
) -> None:
    make_corpus()
    path = Artifacts("nadie").corpus
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        split_songs(open_corpus(path), seed=1)


def test_a_corpus_without_songs_is_refused(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus.json", Corpus(name="n", language="es", source="files", songs=()))
    with pytest.raises(UserError, match="holds no song"):
        open_corpus(tmp_path / "corpus.json")


def test_a_corpus_that_changes_while_it_is_read_is_told(make_corpus: Callable[..., Corpus]) -> None:
    make_corpus()
    corpus = open_corpus(Artifacts("nadie").corpus)
    make_corpus(first=1)
    with pytest.raises(UserError, match="changed while it was read"):
        split_songs(corpus, seed=1)


# The same split and ids, wherever songs and ids lie


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("kind", get_args(Kind))
def test_split_and_ids_are_those_of_songs_in_memory(
    kind: Kind, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    make_corpus(songs=60)
    path = Artifacts("nadie").corpus
    here, there = (split_songs(corpus, seed=4) for corpus in (read_corpus(path), open_corpus(path)))
    assert (tuple(there.train), tuple(there.val)) == (here.train, here.val)
    assert (there.learnt, there.characters) == (here.learnt, sum(len(song.lyrics) for song in here.train))
    tokenizer = Tokenizer.train(sample_texts(here), kind)
    one, other = encode_split(here, tokenizer), encode_split(there, tokenizer, tmp_path)
    other.save(tmp_path / "tokens.safetensors")
    for tokens in (other, Tokens.load(tmp_path / "tokens.safetensors")):
        assert same(tokens.train, one.train)
        assert same(tokens.val, one.val)
        assert (tokens.learnt, tokens.document) == (one.learnt, one.document)


@pytest.mark.usefixtures("small_chunks")
def test_other_processes_give_the_same_split_and_ids(
    make_corpus: Callable[..., Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_corpus(songs=60)
    path = Artifacts("nadie").corpus
    alone = split_songs(open_corpus(path), seed=4)
    tokenizer = Tokenizer.train(sample_texts(alone), "bpe")
    expected = encode_split(alone, tokenizer)
    monkeypatch.setattr(spool, "PARALLEL_FROM", 2)
    monkeypatch.setattr(spool, "_cores", lambda: 2)
    together = split_songs(open_corpus(path), seed=4)
    assert tuple(together.val) == tuple(alone.val)
    assert same(encode_split(together, tokenizer).train, expected.train)
    with spool.beside(index_split, together, songs=len(together.train)) as index:
        ours = index_split(alone)
        theirs = index()
    assert [part.runs.arrays["rests"].tolist() for part in theirs.parts] == [
        part.runs.arrays["rests"].tolist() for part in ours.parts
    ]
    phrase = [word_hash(word) for word in folded_words(alone.train[0].lyrics)[:4]]
    assert theirs.parts[0].length(phrase, 1, 1) == 2


def test_what_fails_beside_other_work_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "PARALLEL_FROM", 2)
    monkeypatch.setattr(spool, "_cores", lambda: 2)
    with pytest.raises(UserError, match="no verse analysis"), spool.beside(known_language, "de", songs=2) as language:
        language()


def test_who_stops_does_not_wait_for_what_goes_on_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "PARALLEL_FROM", 2)
    monkeypatch.setattr(spool, "_cores", lambda: 2)
    before = set(active_children())
    with pytest.raises(KeyboardInterrupt), spool.beside(time.sleep, 3600, songs=2):
        raise KeyboardInterrupt
    assert set(active_children()) == before
    with pytest.raises(UserError, match="was killed"), spool.beside(os._exit, 1, songs=2) as nothing:
        nothing()


def test_a_tokenizer_learns_from_a_sample_of_much_text(
    make_corpus: Callable[..., Corpus], capsys: pytest.CaptureFixture[str]
) -> None:
    make_corpus(songs=200)
    split = split_songs(open_corpus(Artifacts("nadie").corpus), seed=1)
    assert sample_texts(split) == [text for song in split.train for text in (song.title, song.lyrics)]
    assert not capsys.readouterr().out
    train = [song.lyrics for song in split.train]
    places = [train.index(lyrics) for lyrics in sample_texts(split, split.characters // 9)[1::2]]
    assert {following - place for place, following in pairwise([*places, len(train)])} <= {9, 10}
    assert f"{split.characters // 9:,} of {split.characters:,} characters" in capsys.readouterr().out
    long = Corpus(name="n", language="es", source="files", songs=(Song(id="1", lyrics="La luna\n" * 100_000),))
    of_text = "".join(sample_texts(split_songs(long, seed=1), 200_000))
    assert 100_000 < len(of_text) <= 200_000


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "CHUNK", 20_000)
    monkeypatch.setattr(spool, "PARALLEL_FROM", 10**9)  # other processes' memory would not be seen
    lyrics = [invent_song(number, lines=40).lyrics for number in range(50)]
    tokenizer = Tokenizer.train(lyrics, "bpe")

    def peak(songs: int) -> int:
        """Bytes, to split and encode so many songs of 1.3 KB."""
        path = tmp_path / "corpus.json"
        made = (Song(id=str(number), lyrics=f"{number}\n{lyrics[number % 50]}") for number in range(songs))
        write_corpus(path, Corpus(name="n", language="es", source="files", songs=tuple(made)))
        tracemalloc.start()
        tokens = encode_split(split_songs(open_corpus(path), seed=1), tokenizer, tmp_path)
        tokens.save(tmp_path / "tokens.safetensors")
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(50)  # what is imported and remembered once
    less, more = peak(400), peak(1600)
    assert (tmp_path / "corpus.json").stat().st_size > 2_000_000
    assert more - less < 1200 * 400  # a third of what the songs themselves would take


def test_an_interruption_leaves_the_tokens_that_were_there(
    make_corpus: Callable[..., Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_corpus(songs=40)
    folder = Artifacts("nadie").tokens
    tokenize_data.main(TokenizeConfig(corpus="nadie", kind="char"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(stored, "CHUNK", 3000)
    encode, calls = Encoder.songs, Counter[str]()

    def interrupted(encoder: Encoder, songs: Iterable[Song], language: str | None = None) -> Ids:
        calls["chunks"] += 1
        if calls["chunks"] == 4:
            raise KeyboardInterrupt
        return encode(encoder, songs, language)

    monkeypatch.setattr(Encoder, "songs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tokenize_data.main(TokenizeConfig(corpus="nadie", kind="bpe"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

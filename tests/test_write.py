"""Songs: what a request says, they keep to, whatever is written beside them."""

import dataclasses
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus, read_corpus
from core.errors import UserError
from core.words import folded_words
from generate import sample
from generate.originality import measure
from generate.sampling import Sampling
from generate.write import Request, Song, Writer
from pretrain import tokenize_data, train
from pretrain.checkpoint import Checkpoint, load_checkpoint
from pretrain.phrases import build_index
from pretrain.split import Fingerprints
from pretrain.tokenizer import Kind, Tokenizer
from tests.conftest import make_model

REQUEST = Request(sampling=Sampling(temperature=1.0, top_p=1.0), max_new_tokens=80, seed=3)


@pytest.fixture(params=["char", "bpe"])
def writer(make_corpus: Callable[..., Corpus], request: pytest.FixtureRequest) -> Writer:
    """A model trained for a moment: it has songs' shape, if not their sense."""
    return trained(make_corpus(), request.param)


def trained(corpus: Corpus, kind: Kind, steps: int = 60) -> Writer:
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind=kind))
    train.main(
        train.PretrainConfig(
            corpus="nadie", n_layer=1, n_head=2, n_embd=32, block_size=32, max_steps=steps, eval_interval=steps,
            device="cpu",
        )
    )  # fmt: skip
    checkpoint = load_checkpoint(Artifacts("nadie").run("pretrain", "default"), torch.device("cpu"))
    return Writer(checkpoint, build_index(song.lyrics for song in corpus.songs))


def written(writer: Writer, **changes: object) -> Song:
    return writer.write(dataclasses.replace(REQUEST, **changes))


def test_a_song_follows_from_its_request(writer: Writer) -> None:
    one, same, other = written(writer), written(writer), written(writer, seed=4)
    assert (one.title, one.lyrics) == (same.title, same.lyrics)
    assert one.lyrics != other.lyrics
    given = written(writer, title="La luna", prompt="Canta ")
    assert given.title == "La luna"
    assert given.lyrics.startswith("Canta ")
    for text in (one.title, one.lyrics, other.lyrics, given.lyrics):
        assert "<|" not in text


def test_songs_are_the_same_side_by_side(writer: Writer) -> None:
    """Of all lengths, with all that may be asked for, more of them than there are rows."""
    requests = [
        dataclasses.replace(
            REQUEST,
            seed=seed,
            title="" if seed % 3 else "La luna",
            prompt="La luna" if seed % 4 == 0 else "",
            max_new_tokens=20 + 5 * seed,
            max_copied_words=3 if seed % 2 else None,
            stop=("\n\n",) if seed % 5 == 0 else (),
        )
        for seed in range(12)
    ]
    songs = [writer.song(request) for request in requests]
    for _ in writer.decode(songs, max_rows=5):
        pass
    for song, request in zip(songs, requests, strict=True):
        alone = writer.write(request)
        assert (alone.title, alone.lyrics, alone.finish_reason) == (song.title, song.lyrics, song.finish_reason)


def test_what_was_taken_never_changes(writer: Writer) -> None:
    song = writer.song(dataclasses.replace(REQUEST, max_copied_words=2, banned_words=("la", "luna"), stop=("verde\n",)))
    taken = ""
    for _ in writer.decode([song]):
        taken += song.take()
        assert song.lyrics.startswith(taken) or song.finished
    assert taken + song.take() == song.lyrics


def test_a_song_stops_at_its_end_token(writer: Writer) -> None:
    logits = writer.network._arithmetic.weights.logits.weight  # pyright: ignore[reportPrivateUsage]
    logits[:] = 0.0  # the likeliest is the first that is allowed: in lyrics, the end
    song = written(writer, title="La luna", prompt="Canta", sampling=Sampling(temperature=0.0))
    assert (song.title, song.lyrics, song.finish_reason) == ("La luna", "Canta", "stop")


def test_a_song_that_does_not_end_is_cut(writer: Writer) -> None:
    song = written(writer, max_new_tokens=7, sampling=Sampling(temperature=5.0, top_p=1.0))
    assert (song.tokens, song.finish_reason) == (7, "length")


@pytest.mark.parametrize("stop", [("\n",), ("e", "a"), ("ca", "can"), (" canta en", "x")])
def test_a_stop_string_ends_it(writer: Writer, stop: tuple[str, ...]) -> None:
    whole, cut = written(writer), written(writer, stop=stop)
    at = [place for text in stop if (place := whole.lyrics.find(text)) >= 0]
    assert cut.lyrics == whole.lyrics[: min(at, default=None)]
    if at:
        assert cut.finish_reason == "stop"


def test_a_stop_string_in_the_prompt_ends_nothing(writer: Writer) -> None:
    assert len(written(writer, prompt="La luna\n", stop=("luna",)).lyrics) > len("La luna\n")


def test_banned_words_are_never_said(writer: Writer) -> None:
    free = [folded_words(written(writer, seed=seed).lyrics) for seed in range(8)]
    banned = {word for word, _ in Counter(itertools.chain(*free)).most_common(4)}
    for seed, said in enumerate(free):
        held = written(writer, seed=seed, banned_words=tuple(map(str.upper, banned)))
        assert not set(folded_words(held.lyrics)) & banned
        # Until one of them would have been said, nothing is different.
        same = max(0, len(list(itertools.takewhile(lambda word: word not in banned, said))) - 1)
        assert folded_words(held.lyrics)[:same] == said[:same]


def test_a_word_of_the_prompt_may_stand(writer: Writer) -> None:
    assert written(writer, prompt="La luna la", banned_words=("la",)).lyrics.startswith("La luna la")


def test_where_no_word_may_stand_the_song_ends(writer: Writer) -> None:
    """Every beginning is barred in the end: what is left is what is no word."""
    alphabet = tuple("abcdefghijklmnopqrstuvwxyzáéíóúñ")
    song = written(writer, banned_words=(*alphabet, "la", "en", "los", "el"), max_new_tokens=200)
    assert song.finished


@pytest.mark.parametrize("longest", [1, 3])
def test_no_longer_run_is_copied(make_corpus: Callable[..., Corpus], longest: int) -> None:
    """By a model that has learnt its few songs by heart."""
    corpus = make_corpus(songs=6)
    writer = trained(corpus, "char", steps=150)
    assert writer.index is not None
    requests = [dataclasses.replace(REQUEST, seed=seed, sampling=Sampling(temperature=0.7)) for seed in range(12)]
    free = [measure(writer.index, writer.write(request).lyrics).longest for request in requests]
    assert max(free) > longest
    songs = [writer.song(dataclasses.replace(request, max_copied_words=longest)) for request in requests]
    for _ in writer.decode(songs):
        pass
    texts = [" ".join(folded_words(song.lyrics)) for song in read_corpus(Artifacts("nadie").corpus).songs]
    for song in songs:
        assert measure(writer.index, song.lyrics).longest <= longest
        said = folded_words(song.lyrics)
        for start in range(len(said) - longest):
            run = " ".join(said[start : start + longest + 1])
            assert not any(re.search(rf"\b{run}\b", text) for text in texts)


@pytest.mark.parametrize(("stop", "tokens"), [("s", 99), ("s v", 99), ("", 7)])
def test_a_cut_copies_no_longer_run_either(stop: str, tokens: int) -> None:
    """What is left of a word that a stop string or the length cuts short may be another word, which goes on a run."""
    text = "la lunas va"
    tokenizer = Tokenizer.train([text], "char")
    model = make_model("qwen3", vocab_size=tokenizer.vocab_size)
    writer = Writer(Checkpoint(model, tokenizer, "songs", Fingerprints()), build_index(["la luna va"]))
    song = writer.song(
        Request(title="la", max_copied_words=1, max_new_tokens=tokens, stop=(stop,) if stop else (), logprobs=0)
    )
    for token in tokenizer.encode(text):
        chosen = song.choose(np.where(np.arange(tokenizer.vocab_size) == token, 50, 0).astype(np.float32))
        if chosen is None:
            break
        assert chosen == token
        song.ids.append(token)
    assert (song.lyrics, song.finish_reason) == ("la ", "stop" if stop else "length")
    assert len(song.logprobs) == len(song.lyrics)


def test_copies_cannot_be_forbidden_without_an_index(writer: Writer) -> None:
    writer.index = None
    with pytest.raises(UserError, match="does not know what it has learnt from"):
        writer.song(dataclasses.replace(REQUEST, max_copied_words=3))


def test_logprobs_are_those_of_what_was_chosen(writer: Writer) -> None:
    song = written(writer, logprobs=3, title="La luna", sampling=Sampling(temperature=0.0), max_new_tokens=20)
    assert len(song.logprobs) == song.tokens
    for kept in song.logprobs:
        assert len(kept.likeliest) == 3
        assert kept.logprob == pytest.approx(max(kept.likeliest.values()), abs=1e-5)
        assert sum(map(math.exp, kept.likeliest.values())) <= 1 + 1e-6
    starts = [kept.offset for kept in song.logprobs]
    pieces = [song.lyrics[start:end] for start, end in zip(starts, [*starts[1:], len(song.lyrics)], strict=True)]
    assert "".join(pieces) == song.lyrics


def test_a_prompt_that_was_never_seen_is_an_error_that_names_it(make_corpus: Callable[..., Corpus]) -> None:
    writer = trained(make_corpus(), "char", steps=2)
    for name in ("prompt", "title"):
        with pytest.raises(UserError, match=rf"never saw '☃', which the {name} holds"):
            written(writer, **{name: "luna ☃"})


def test_sample_writes_what_it_prints_with_its_settings(writer: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    config = sample.SampleConfig(corpus="nadie", num_songs=2, max_new_tokens=60, device="cpu", title="La luna")
    outputs = []
    for _ in range(2):
        capsys.readouterr()
        sample.main(config)
        outputs.append(capsys.readouterr().out.rpartition("written")[0])
    files = sorted(Artifacts("nadie").samples.glob("*.txt"))
    assert len(files) == 2
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert texts[0] == texts[1]
    assert outputs[0] == outputs[1]
    assert 'title: "La luna"' in texts[0]
    assert "temperature: 0.8" in texts[0]
    songs = texts[0].partition("\n\n")[2]
    assert songs.count("# La luna") == 2
    printed = re.sub(r"^copied .*$", "", outputs[0], flags=re.MULTILINE)
    assert songs.split() == printed.split()


def test_the_second_song_is_the_first_of_the_next_seed(writer: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    both = sample.SampleConfig(corpus="nadie", num_songs=2, max_new_tokens=60, device="cpu")
    second = sample.SampleConfig(corpus="nadie", seed=2, max_new_tokens=60, device="cpu")
    texts = []
    for config in (both, second):
        capsys.readouterr()
        sample.main(config)
        texts.append(capsys.readouterr().out.rpartition("written")[0].strip())
    assert texts[0].endswith(texts[1])


@pytest.mark.parametrize(
    "options",
    [{"temperature": -1.0}, {"temperature": float("nan")}, {"top_p": 0.0}, {"num_songs": 0}, {"artist": "otra"}],
)
def test_absurd_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|one of"):
        sample.SampleConfig(**{"corpus": "nadie", **options})  # type: ignore[arg-type]

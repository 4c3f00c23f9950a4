"""Decoding, sampling, and the songs that come out."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.artifacts import Artifacts
from core.corpus import Corpus
from core.errors import UserError
from generate import sample
from generate.decoding import decode
from generate.sampling import Sampler, keep_top_k, keep_top_p
from generate.write import Request, Writer
from pretrain import tokenize_data, train
from pretrain.checkpoint import load_checkpoint
from pretrain.model import Architecture
from tests.conftest import make_model

CPU = torch.device("cpu")
NONE = torch.tensor([], dtype=torch.long)


def greedy(logits: torch.Tensor) -> int:
    return int(logits.argmax())


@torch.no_grad()
def test_greedy_decoding_is_the_same_with_and_without_a_cache_beyond_the_block_too(architecture: Architecture) -> None:
    model = make_model(architecture)
    size = model.config.block_size
    window, expected = [1, 2, 3], []
    for _ in range(3 * size):
        if len(window) > size:
            window = window[-(size // 2) :]
        expected.append(greedy(model(torch.tensor([window]))[0, -1]))
        window.append(expected[-1])
    assert list(decode(model, [1, 2, 3], greedy, 3 * size)) == expected


def test_a_prompt_longer_than_the_block_is_read_from_its_end(architecture: Architecture) -> None:
    model = make_model(architecture)
    prompt = [n % 50 for n in range(100)]
    assert list(decode(model, prompt, greedy, 5)) == list(decode(model, prompt[-24:], greedy, 5))


logits = st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=30).map(torch.tensor)


@given(logits, st.integers(1, 40))
def test_top_k_keeps_the_likeliest(values: torch.Tensor, k: int) -> None:
    kept = keep_top_k(values, k).isfinite()
    assert kept.sum() >= min(k, len(values))  # ties stay together
    assert values[kept].min() >= values.sort(descending=True).values[min(k, len(values)) - 1]


@given(logits, st.floats(0.01, 1))
def test_top_p_keeps_the_smallest_set_that_has_the_probability(values: torch.Tensor, p: float) -> None:
    kept = keep_top_p(values, p).isfinite()
    chances = values.softmax(-1)
    assert chances[kept].max() == chances.max()
    assert chances[kept].sum() >= p - 1e-4
    assert chances[kept].sum() - chances[kept].min() <= p + 1e-4


@given(logits, st.integers(0, 2**31))
def test_the_same_seed_draws_the_same_and_never_what_is_banned(values: torch.Tensor, seed: int) -> None:
    one, other = (Sampler(temperature=1.0, top_k=None, top_p=1.0, seed=seed) for _ in range(2))
    banned = torch.tensor([0])
    drawn = [one(values, banned) for _ in range(5)]
    assert drawn == [other(values, banned) for _ in range(5)]
    assert 0 not in drawn


def test_draws_follow_the_probabilities() -> None:
    values = torch.tensor([0.5, 0.3, 0.2]).log()
    sampler = Sampler(temperature=1.0, top_k=None, top_p=1.0, seed=1)
    drawn = torch.tensor([sampler(values, NONE) for _ in range(3000)]).bincount() / 3000
    torch.testing.assert_close(drawn, torch.tensor([0.5, 0.3, 0.2]), atol=0.03, rtol=0)
    assert Sampler(temperature=0.0, top_k=None, top_p=1.0, seed=1)(values, NONE) == 0


@pytest.fixture
def writer(make_corpus: Callable[..., Corpus]) -> Writer:
    """A model trained for a moment: it has songs' shape, if not their sense."""
    make_corpus()
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))
    train.main(
        train.PretrainConfig(
            corpus="nadie", n_layer=1, n_head=2, n_embd=32, block_size=32, max_steps=60, eval_interval=60, device="cpu"
        )
    )
    return Writer(load_checkpoint(Artifacts("nadie").run("pretrain", "default"), CPU))


REQUEST = Request(temperature=1.0, top_k=None, top_p=1.0, max_new_tokens=80, seed=3)


def text_of(writer: Writer, **changes: object) -> tuple[str, str]:
    title, lyrics = writer.write(dataclasses.replace(REQUEST, **changes))
    return title, "".join(lyrics)


def test_a_song_follows_from_its_request(writer: Writer) -> None:
    assert text_of(writer) == text_of(writer)
    assert text_of(writer) != text_of(writer, seed=4)
    title, lyrics = text_of(writer, title="La luna", prompt="Canta ")
    assert title == "La luna"
    assert lyrics.startswith("Canta ")
    for text in (*text_of(writer), lyrics):
        assert "<|" not in text


def test_a_song_stops_at_its_end_token(writer: Writer) -> None:
    with torch.no_grad():
        # Every logit is 0 now, and the likeliest is the first that is allowed: in lyrics, the end.
        writer.model.norm.weight.zero_()
    assert text_of(writer, title="La luna", prompt="Canta", temperature=0.0) == ("La luna", "Canta")


def test_a_prompt_that_was_never_seen_is_an_error_that_names_it(writer: Writer) -> None:
    for name in ("prompt", "title"):
        with pytest.raises(UserError, match=rf"never saw '☃', which the {name} holds"):
            text_of(writer, **{name: "luna ☃"})


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
    assert songs.split() == outputs[0].split()


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

"""Songs from somebody else's model: the same options, sampler and decode loop as for ours."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from core.artifacts import Artifacts
from core.words import folded_words
from finetune.train import main as finetune
from generate.foreign.network import CachedRows
from generate.foreign.writer import ForeignWriter
from generate.sample import SampleConfig
from generate.sample import main as sample
from generate.sampling import Sampling
from generate.write import Request
from pretrain.phrases import load_index
from tests.foreign_bases import BLOCK_SIZE, END, START, choice, llama_tokenizer, save_llama, write_songs

pytest.importorskip("peft", reason="pip install -r requirements-hf.txt")

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pupil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapted model's folder, of a base with Llama 2's kind of tokenizer."""
    folder = tmp_path_factory.mktemp("adapted")
    save_llama(folder / "base", llama_tokenizer())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(folder / "artifacts"))
        write_songs()
        finetune(choice(folder / "base", max_steps=40, batch_size=8))
        return Artifacts("nadie").run("finetune", "default")


@pytest.fixture(scope="module")
def writer(pupil: Path) -> ForeignWriter:
    return ForeignWriter(pupil, CPU, load_index(pupil))


def request(**changes: Any) -> Request:
    settings: dict[str, Any] = {"sampling": Sampling(temperature=0.7, top_k=40), "max_new_tokens": 30, "seed": 3}
    return Request(**{**settings, **changes})


def test_the_script_writes_the_same_song_twice(pupil: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(pupil.parent.parent, Artifacts("nadie").folder)
    options: dict[str, Any] = {"top_k": 30, "top_p": 0.9, "min_p": 0.01, "repetition_penalty": 1.1, "device": "cpu"}
    songs: list[str] = []
    for _ in range(2):
        sample(SampleConfig(corpus="nadie", title="Sol", seed=7, num_songs=2, max_new_tokens=25, **options))
        songs.append(capsys.readouterr().out.partition("written")[0])
    assert songs[0] == songs[1]
    assert songs[0].count("# Sol") == songs[0].count("copied      longest") == 2
    kept = sorted(Artifacts("nadie").samples.iterdir())
    assert kept[0].read_text(encoding="utf-8").startswith('checkpoint: "finetune/default"')


def test_a_song_is_the_same_whatever_is_written_beside_it(writer: ForeignWriter) -> None:
    alone = writer.write(request()).lyrics
    songs = [writer.song(request(seed=seed, max_new_tokens=10 * seed)) for seed in (1, 2, 3)]
    list(writer.decode(songs))
    assert songs[2].lyrics == alone
    assert len({song.lyrics for song in songs}) == 3
    assert writer.network.rows == 0


def test_a_song_begins_with_its_prompt_and_ends_before_its_stop(writer: ForeignWriter) -> None:
    prompt = "La luna canta\nen"
    whole = writer.write(request(prompt=prompt)).lyrics
    assert whole.startswith(prompt)
    assert len(whole) > len(prompt) + 10
    stop = whole[len(prompt) + 8 : len(prompt) + 10]
    cut = writer.write(request(prompt=prompt, stop=(stop,))).lyrics
    assert cut == whole[: whole.index(stop, len(prompt))]


def test_a_song_is_no_longer_than_asked_and_the_likeliest_needs_no_seed(writer: ForeignWriter) -> None:
    song = writer.write(request(max_new_tokens=5))
    assert song.tokens <= 5
    greedy = [writer.write(request(sampling=Sampling(temperature=0), seed=seed)).lyrics for seed in (1, 2)]
    assert greedy[0] == greedy[1]


def test_words_that_are_banned_are_not_said(writer: ForeignWriter) -> None:
    free = writer.write(request(max_new_tokens=60)).lyrics
    banned = tuple(sorted(set(folded_words(free)))[:3])
    assert banned
    other = writer.write(request(max_new_tokens=60, banned_words=banned)).lyrics
    assert other != free
    assert not set(banned) & set(folded_words(other))


def test_no_mark_and_no_unknown_id_is_ever_chosen(writer: ForeignWriter) -> None:
    song = writer.song(request(sampling=Sampling(temperature=50.0, top_p=1.0), max_new_tokens=400, min_new_tokens=400))
    before = len(song.ids)
    list(writer.decode([song]))
    said, known = set(song.ids[before:]), writer.tokenizer.backend.get_vocab()
    assert len(said) > 200
    assert not said & {known[mark] for mark in ("<unk>", START, END)}
    assert max(said) < len(known) < writer.tokenizer.vocab_size


def test_a_song_goes_on_beyond_the_window(writer: ForeignWriter) -> None:
    song = writer.write(request(max_new_tokens=2 * BLOCK_SIZE, min_new_tokens=2 * BLOCK_SIZE))
    assert song.tokens == 2 * BLOCK_SIZE
    assert song.lyrics == writer.write(request(max_new_tokens=2 * BLOCK_SIZE, min_new_tokens=2 * BLOCK_SIZE)).lyrics


# The rows of the decode loop.


@pytest.fixture
def rows(writer: ForeignWriter) -> Iterator[CachedRows]:
    network = cast("CachedRows", writer.network)
    yield network
    while network.rows:
        network.remove(0)


def test_token_by_token_gives_what_all_at_once_gives(rows: CachedRows) -> None:
    ids = list(range(10, 50))
    rows.add(ids[:20])
    rows.add(ids[:20])
    rows.add(ids[:5])
    for place in range(20, 40):
        logits = rows.advance([ids[place], ids[place], ids[place - 15]])
        assert np.abs(logits[0] - rows.read(ids[: place + 1])).max() < 1e-4
        assert np.array_equal(logits[0], logits[1])
        assert np.abs(logits[2] - rows.read([*ids[:5], *ids[5 : place - 14]])).max() < 1e-4


def test_what_is_taken_back_was_never_read(rows: CachedRows) -> None:
    rows.add(list(range(10, 30)))
    assert rows.take_back(0, 6)
    assert rows.length(0) == 14
    assert np.abs(rows.advance([50])[0] - rows.read([*range(10, 24), 50])).max() < 1e-4
    assert not rows.take_back(0, 16)
    assert rows.length(0) == 15


def test_the_last_row_takes_the_place_of_one_that_leaves(rows: CachedRows) -> None:
    for start in (10, 20, 30):
        rows.add([start, start + 1])
    rows.remove(0)
    logits = rows.advance([5, 6])
    for row, ids in enumerate(([30, 31, 5], [20, 21, 6])):
        assert np.abs(logits[row] - rows.read(ids)).max() < 1e-4


def test_a_full_window_has_no_room_and_is_read_from_its_end(rows: CachedRows) -> None:
    ids = [10 + place % 80 for place in range(BLOCK_SIZE + 20)]
    logits = rows.add(ids)
    assert rows.length(0) == BLOCK_SIZE
    assert not rows.has_room(0)
    assert np.abs(logits - rows.read(ids[20:])).max() < 1e-4
    rows.restart(0, [])
    assert rows.has_room(0)

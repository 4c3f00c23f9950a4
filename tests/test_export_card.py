"""The model card: its figures are the checkpoint's, its example runs, its rights are those of what was read."""

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, read_corpus, write_corpus
from core.words import folded_words
from data.sources.songbook import read_songbook
from finetune.train import FinetuneConfig
from finetune.train import main as finetune
from generate.exporting.card import write_card
from generate.exporting.to_transformers import write_transformers
from generate.origin import Origin, origin_of
from generate.sampling import Sampling
from generate.write import Request, Writer
from pretrain.metrics import Metrics
from pretrain.model import Architecture
from pretrain.phrases import PHRASES, build_index, save_index
from pretrain.tokenize_data import TokenizeConfig
from pretrain.tokenize_data import main as tokenize
from tests.conftest import invent_song
from tests.exporting import checkpoint_in, load, train_in


@pytest.fixture
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint_in(tmp_path_factory, "qwen3", "bpe")


def card_of(source: Path, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    write_card(folder, source, load(source), "Nadie", origin_of(source, load(source).learnt))
    return (folder / "README.md").read_text(encoding="utf-8")


def front_matter(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])


def corpus(source: str, name: str = "nadie", songs: tuple[Song, ...] = ()) -> Corpus:
    return Corpus(name=name, language="es", source=source, songs=songs or (invent_song(1),))


def test_figures_are_those_of_the_run(source: Path, tmp_path: Path) -> None:
    card = card_of(source, tmp_path / "out")
    best = min(Metrics(source / "metrics.jsonl").read(), key=lambda facts: facts["val_loss"])
    assert f"**{best['bits_per_char']:.3f} bits per character**" in card
    assert f"{best['val_loss']:.3f} nats per token" in card
    assert f"{load(source).model.count_parameters():,} parameters" in card
    characters = sum(len(invent_song(number).lyrics) for number in range(30))
    assert f"| Nadie | files | es | 30 | {characters:,} | Nadie |" in card
    assert front_matter(card)["language"] == ["es"]
    (picture,) = re.findall(r"!\[.*\]\((.*)\)", card)
    assert (tmp_path / "out" / picture).read_bytes() == (source / "loss.png").read_bytes()


def test_a_checkpoint_without_its_metrics_has_a_card(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copyfile(source / name, copy / name)
    card = card_of(copy, tmp_path / "out")
    assert "bits per character**" in card
    assert "![" not in card
    assert "Not recorded beside the model." in card
    assert "is not recorded beside it" in card
    assert front_matter(card)["license"] == "other"


@pytest.mark.parametrize("model", [("qwen3", "bpe", 30), ("gpt2", "char", 30), ("gpt2", "char", 1)])
def test_the_example_runs_as_it_stands(
    model: tuple[Architecture, Any, int],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    architecture, kind, songs = model
    source = checkpoint_in(tmp_path_factory, architecture, kind, songs=songs)
    folder = tmp_path / "out"
    code = card_of(source, folder).partition("```python\n")[2].partition("```")[0]
    write_transformers(folder, load(source), Sampling(), "")
    monkeypatch.chdir(folder)
    capsys.readouterr()
    for seed in range(3):
        torch.manual_seed(seed)
        exec(compile(code, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.split()) > 3


@pytest.mark.parametrize(
    ("sources", "licence", "said"),
    [
        (("genius",), "other", ["not yours to publish"]),
        (("gutenberg",), None, ["public domain in the United States"]),
        (("huggingface",), "other", ["dataset's own page"]),
        (("files",), "other", ["nothing here says whose they are"]),
        (("songbook",), "other", ["nothing here says whose they are"]),  # songs that are not the bundled ones
        (("gutenberg", "genius"), "other", ["not yours to publish", "public domain in the United States"]),
        (("elsewhere",), "other", ["not recorded"]),
    ],
)
def test_rights_follow_from_every_source(sources: tuple[str, ...], licence: str | None, said: list[str]) -> None:
    origin = Origin(tuple(map(corpus, sources)), complete=True)
    assert origin.licence == licence
    assert len(origin.rights) == len(said)
    assert all(words in paragraph for words, paragraph in zip(said, origin.rights, strict=True))


def test_the_bundled_songs_are_free() -> None:
    songbook = corpus("songbook", songs=tuple(read_songbook())[:5])
    assert Origin((songbook,), complete=True).licence == "cc0-1.0"
    assert Origin((corpus("gutenberg"), songbook), complete=True).licence is None
    assert Origin((songbook,), complete=False).licence == "other"


def origin_in(source: Path) -> tuple[list[str], bool]:
    """Names of the corpora found, and whether these are all."""
    origin = origin_of(source, load(source).learnt)
    return [one.name for one in origin.corpora], origin.complete


def test_a_corpus_is_known_by_its_songs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "artifacts"
    source = train_in(root, "qwen3", "bpe")
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(root))
    tokenize(TokenizeConfig(corpus="nadie", kind="char"))  # for another run: the songs are the same
    assert origin_in(source) == (["Nadie"], True)
    path = Artifacts("nadie").corpus
    songs = read_corpus(path).songs
    write_corpus(path, corpus("files", songs=tuple(songs[:20])))  # some that were learnt are not there any more
    assert origin_in(source)[1] is False
    more = tuple(invent_song(number) for number in range(100, 110))
    write_corpus(path, corpus("files", songs=(*songs, *more)))  # some were never learnt
    assert origin_in(source) == ([], False)
    path.unlink()
    assert origin_in(source) == ([], False)


def test_a_running_text_is_known_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "artifacts"
    source = train_in(root, "gpt2", "char", songs=1)
    assert origin_in(source) == (["Nadie"], True)
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(root))
    path = Artifacts("nadie").corpus
    (text,) = read_corpus(path).songs
    write_corpus(path, corpus("files", songs=(dataclasses.replace(text, lyrics="Otra " + text.lyrics),)))
    assert origin_in(source) == ([], False)


def test_what_a_base_has_read_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "artifacts"
    base = train_in(root, "qwen3", "bpe")
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(root))
    songs = tuple(invent_song(number) for number in range(100, 110))
    write_corpus(Artifacts("otra").corpus, corpus("genius", "Otra", songs))
    finetune(FinetuneConfig(base="nadie", corpus="otra", max_steps=2, batch_size=4, device="cpu"))
    adapted = Artifacts("otra").run("finetune", "default")
    assert origin_in(adapted) == (["Nadie", "Otra"], True)
    assert origin_of(adapted, load(adapted).learnt).sources == ["files", "genius"]
    assert "trained from scratch on Nadie and adapted to Otra" in card_of(adapted, tmp_path / "out")
    shutil.rmtree(base)
    assert origin_in(adapted) == (["Otra"], False)


def test_what_it_copies_is_measured_on_what_it_writes(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    (copy / PHRASES).unlink(missing_ok=True)
    assert "Not measured" in card_of(copy, tmp_path / "out")
    # Had it learnt just what it writes, all of it would be copied, but for songs of a few words.
    written = [Writer(load(copy)).write(Request(seed=seed)).lyrics for seed in range(1, 21)]
    counts = [len(folded_words(lyrics)) for lyrics in written]
    share = sum(count for count in counts if count >= 6) / sum(counts)
    save_index(copy, build_index(written))
    expected = f"has {max(counts)} words; {share:.1%} of all words are in runs of 6 or more"
    assert expected in card_of(copy, tmp_path / "out")
    save_index(copy, build_index(["ninguna palabra que este modelo pueda saber"]))
    assert "; 0.0% of all words" in card_of(copy, tmp_path / "out")

"""The report on a model: its figures, its page, and what it does where something is missing."""

import base64
import dataclasses
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, read_corpus, write_corpus
from core.errors import UserError
from data.sources.songbook import read_songbook
from finetune import train as finetune
from generate import report
from generate.reporting.learnt import facts_of, read_learnt
from generate.reporting.page import Paragraph, Picture, Poem, Report, Section, Table, to_html, to_markdown
from generate.reporting.plots import plot_bits, plot_copied, plot_distinct, plot_lengths, plot_syllables
from pretrain import tokenize_data, train
from pretrain.baselines import ngram_bits_per_char
from pretrain.checkpoint import load_checkpoint, save_model
from pretrain.phrases import PHRASES, index_split, save_index
from pretrain.split import split_songs
from tests.conftest import invent_song

CPU = torch.device("cpu")

SONGS = [song.lyrics for song in read_songbook() if song.language == "es"][:30]

ONE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


# Pictures and pages.


@pytest.mark.parametrize("empty", [False, True])
def test_pictures_are_drawn_of_much_and_of_little(empty: bool, tmp_path: Path) -> None:
    some = [] if empty else [3, 40, 41, 900]
    plot_bits({"this model": 2.0} if empty else {"this model": 2.0, "xz": 3.0}, tmp_path / "a.png")
    plot_lengths({"written": (some, some), "songs learnt": ([1], [1])}, tmp_path / "b.png")
    plot_distinct({"written": {1: 1.0} if empty else {1: 0.3, 2: 0.9, 3: 1.0}}, tmp_path / "c.png")
    plot_copied({"written": [0.0] * 40 if empty else [1.0] * 40}, 6, tmp_path / "d.png")
    plot_syllables({"written": Counter(some), "songs learnt": Counter([8])}, tmp_path / "e.png")
    pictures = sorted(tmp_path.iterdir())
    assert len(pictures) == 5
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


class Page(HTMLParser):
    """What a browser would ask the network for, what a reader reads, and whether all tags close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.wanted: list[str] = []
        self.open: list[str] = []
        self.images = 0
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wanted += [tag] if tag in ("script", "link", "iframe", "object") else []
        self.wanted += [key for key, _ in attrs if key in ("href", "action", "srcset") or key.startswith("on")]
        for key, value in attrs:
            if key == "src":
                head, _, data = str(value).partition(",")
                assert head == "data:image/png;base64"
                assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
                self.images += 1
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


AWKWARD = "<script>alert('x')</script> & `code` | *bold* [Coro](http://a.b) # \\ &amp;"


def test_what_a_model_writes_cannot_harm_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(ONE_PIXEL)
    blocks = [
        Paragraph(AWKWARD),
        Table([AWKWARD, "b"], [[AWKWARD, "1"]]),
        Picture("a.png", AWKWARD),
        Poem(AWKWARD, f"# {AWKWARD}\n\n{AWKWARD}", AWKWARD),
    ]
    made = Report(AWKWARD, AWKWARD, [Section("All", blocks, {AWKWARD: "3"})])
    page = Page(to_html(made, tmp_path))
    assert (page.wanted, page.open, page.images) == ([], [], 1)
    assert page.text.count(AWKWARD) == 11
    markdown = to_markdown(made)
    outside = [line for line in markdown.split("\n") if not line.startswith("    ")]
    assert not re.search(r"(?<!\\)<|(?<!\\)`|(?<!\\)\*|(?<![\\!])\[C", "\n".join(outside))
    rows = [line for line in outside if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {3}


# From a checkpoint to a report.


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts of "nadie": a model trained for a moment, and "otra", adapted from it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(folder))
        for name, first in (("nadie", 0), ("otra", 25)):
            songs = [invent_song(number) for number in range(first, first + 30)]
            write_corpus(Artifacts(name).corpus, Corpus(name=name, language="es", source="files", songs=songs))
        tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))
        size = {"n_layer": 1, "n_head": 2, "n_embd": 32, "block_size": 32}
        train.main(train.PretrainConfig(corpus="nadie", **size, max_steps=60, eval_interval=20, device="cpu"))
        finetune.main(finetune.FinetuneConfig(base="nadie", corpus="otra", max_steps=10, device="cpu"))
        split = split_songs(read_corpus(Artifacts("nadie").corpus), seed=1)
        save_index(Artifacts("nadie").run("pretrain", "default"), index_split(split))
    return folder


@pytest.fixture
def checkpoint(trained: Path, artifacts: Path) -> Path:
    """A checkpoint folder in this test's own artifacts, everything beside it."""
    shutil.copytree(trained, artifacts)
    return Artifacts("nadie").run("pretrain", "default")


CONFIG = report.ReportConfig(corpus="nadie", num_songs=3, max_new_tokens=150, device="cpu")


def report_of(folder: Path, **changes: object) -> tuple[Page, str]:
    report.main(dataclasses.replace(CONFIG, corpus="", checkpoint=str(folder), **changes))
    page = Page((folder / "report" / "report.html").read_text(encoding="utf-8"))
    assert (page.wanted, page.open) == ([], [])
    markdown = (folder / "report" / "report.md").read_text(encoding="utf-8")
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", markdown):
        assert (folder / "report" / picture).exists()
    return page, markdown


def test_a_report_shows_what_was_measured(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, markdown = report_of(checkpoint)
    split = split_songs(read_corpus(Artifacts("nadie").corpus), seed=1)
    ngram = ngram_bits_per_char([song.lyrics for song in split.train], [song.lyrics for song in split.val])
    bits = facts_of(checkpoint)["bits_per_char"]
    assert page.images == 6
    for said in (f"{bits:.3f}", "lines rhyme", "words in the longest copy", "distinct pairs", "3 songs it wrote"):
        assert said in page.text
        assert said in markdown
    out = capsys.readouterr().out
    assert f"{bits:.3f} bits per character" in out
    assert "written     " in out
    assert "missing" not in markdown
    assert f"| order-5 n-gram | {ngram:.3f} |" in markdown
    assert markdown.count("### ") == 3


def test_the_same_settings_make_the_same_report(checkpoint: Path) -> None:
    assert report_of(checkpoint, num_songs=2)[1] == report_of(checkpoint, num_songs=2)[1]


def test_songs_are_divided_as_they_were_for_the_training(checkpoint: Path) -> None:
    split = split_songs(read_corpus(Artifacts("nadie").corpus), seed=1)
    learnt = read_learnt(checkpoint, load_checkpoint(checkpoint, CPU))
    assert learnt.train == [song.lyrics for song in split.train]
    assert learnt.held_out == [song.lyrics for song in split.val]
    assert learnt.earlier == learnt.missing == []


def test_an_adapted_model_knows_its_base_s_songs_too(checkpoint: Path) -> None:
    folder = Artifacts("otra").run("finetune", "default")
    base = read_learnt(checkpoint, load_checkpoint(checkpoint, CPU))
    learnt = read_learnt(folder, load_checkpoint(folder, CPU))
    assert learnt.corpus is not None
    assert learnt.corpus.name == "otra"
    assert learnt.earlier == base.train
    assert not set(learnt.held_out) & {*learnt.earlier, *learnt.train}
    every = [song.lyrics for song in read_corpus(Artifacts("otra").corpus).songs]
    assert sorted([*learnt.train, *learnt.held_out]) == sorted(every)
    shutil.rmtree(Artifacts("nadie").folder)
    alone = read_learnt(folder, load_checkpoint(folder, CPU))
    assert (alone.train, alone.held_out, alone.earlier) == (learnt.train, learnt.held_out, [])
    assert "base's corpus" in alone.missing[0]


def test_of_an_adapted_model_only_the_base_s_corpus_may_be_left(checkpoint: Path) -> None:
    folder = Artifacts("otra").run("finetune", "default")
    Artifacts("otra").corpus.unlink()
    learnt = read_learnt(folder, load_checkpoint(folder, CPU))
    assert learnt.corpus is None
    assert learnt.train == learnt.held_out == []
    assert "The corpus is not beside" in learnt.missing[0]


def test_a_corpus_of_other_songs_is_not_compared_with(checkpoint: Path) -> None:
    corpus = read_corpus(Artifacts("nadie").corpus)
    others = [invent_song(number) for number in range(100, 130)]
    write_corpus(Artifacts("nadie").corpus, dataclasses.replace(corpus, songs=others))
    page, _ = report_of(checkpoint)
    assert "not as it was" in page.text
    assert "songs learnt" not in page.text.replace("in the songs learnt", "")


def test_a_checkpoint_that_lies_elsewhere_is_reported_on(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lent = tmp_path / "lent"
    shutil.copytree(checkpoint, lent)
    for name in ("metrics.jsonl", "run.json", PHRASES):
        (lent / name).unlink()
    page, _ = report_of(lent)
    for said in ("The corpus is not beside", "metrics.jsonl is missing", "no index", "language of the songs is not"):
        assert said in page.text
    assert "note        The corpus is not beside" in capsys.readouterr().out
    page, _ = report_of(lent, language="es")
    assert "lines that rhyme" in page.text


def test_a_model_that_writes_nothing(checkpoint: Path) -> None:
    loaded = load_checkpoint(checkpoint, CPU)
    with torch.no_grad():
        # Every logit is 0 now, and the likeliest is the first that is allowed: in lyrics, the end.
        loaded.model.norm.weight.zero_()
    save_model(checkpoint, loaded.model, loaded.learnt, facts_of(checkpoint))
    page, _ = report_of(checkpoint, temperature=0.0)
    assert "The model wrote nothing" in page.text
    assert page.text.count("(nothing)") == 3
    Artifacts("nadie").corpus.unlink()
    page, _ = report_of(checkpoint, temperature=0.0)
    assert "There is nothing to measure." in page.text


def test_one_long_text(artifacts: Path) -> None:
    text = "\n\n".join(invent_song(number).lyrics for number in range(40))
    corpus = Corpus(name="larga", language="es", source="files", songs=[Song(id="larga", lyrics=text)])
    write_corpus(Artifacts("larga").corpus, corpus)
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="larga", kind="char"))
    size = {"n_layer": 1, "n_head": 2, "n_embd": 32, "block_size": 32}
    train.main(train.PretrainConfig(corpus="larga", **size, max_steps=20, device="cpu"))
    folder = Artifacts("larga").run("pretrain", "default")
    learnt = read_learnt(folder, load_checkpoint(folder, CPU))
    split = split_songs(corpus, seed=1)
    assert "\n".join(learnt.train) == split.train[0].lyrics
    assert "\n".join(learnt.held_out).strip() == split.val[0].lyrics.strip()
    page, _ = report_of(folder)
    assert "text held out" in page.text
    assert "3 texts it wrote" in page.text


@pytest.mark.parametrize(
    "options", [{"num_songs": 0}, {"max_new_tokens": 0}, {"temperature": -1.0}, {"artist": "otra"}]
)
def test_absurd_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|one of"):
        dataclasses.replace(CONFIG, **options)


def test_an_unknown_language_is_said_before_anything_is_written(checkpoint: Path) -> None:
    with pytest.raises(UserError, match="no verse analysis for language 'xx'"):
        report.main(dataclasses.replace(CONFIG, language="xx"))
    assert not (checkpoint / "report").exists()


def test_of_a_large_corpus_songs_are_drawn_evenly(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from generate.reporting import learnt as module

    loaded = load_checkpoint(checkpoint, CPU)
    whole = read_learnt(checkpoint, loaded)
    characters = sum(map(len, [*whole.train, *whole.held_out]))
    monkeypatch.setattr(module, "MOST", characters // 3)
    part = read_learnt(checkpoint, loaded)
    assert len(part.train) == 9
    assert len(part.held_out) == 1
    assert is_subsequence(part.train, whole.train)
    assert "drawn evenly" in part.missing[0]


def is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)

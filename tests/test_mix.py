"""Mixing: the mean of what one base became, knowing all that its parents know; anything else is refused."""

import json
import re
from pathlib import Path

import pytest
import torch
from conftest import invent_song

from core.artifacts import Artifacts, write_run_json
from core.corpus import Corpus, write_corpus
from core.errors import UserError
from core.files import read_json, write_json
from core.tensors import load_tensors
from core.words import folded_words
from finetune.alphabet import with_characters
from finetune.lora import AdapterWriter, LoraGPT
from finetune.mix import MixConfig, main, parse_mix
from generate.originality import RunLengths
from pretrain.checkpoint import ADAPTER, MODEL, load_checkpoint, save_model, start_folder
from pretrain.lexicon import build_lexicon, load_lexicon, save_lexicon
from pretrain.phrases import build_index, load_index, save_index
from pretrain.split import Fingerprints, fingerprint
from tests.adapting import write_base

CPU = torch.device("cpu")


def adapt(base: Path, name: str, song: int) -> Path:
    """What adapting to one song would leave: other weights, and that song's words beside the base's."""
    checkpoint = load_checkpoint(base, CPU)
    folder = Artifacts(name).run("finetune", "default")
    songs = [invent_song(song)]
    generator = torch.Generator().manual_seed(song)
    for weight in checkpoint.model.parameters():
        weight.data += 0.1 * torch.randn(weight.shape, generator=generator)
    start_folder(folder, checkpoint.model.config, checkpoint.tokenizer, "songs")
    write_run_json(folder, MixConfig(mix="", corpus=name), [base / MODEL])
    save_index(folder, build_index([songs[0].lyrics], load_index(base)))
    save_lexicon(folder, load_lexicon(base) + build_lexicon(songs, "es"))
    learnt = checkpoint.learnt | Fingerprints(map(fingerprint, songs))
    save_model(folder, checkpoint.model, learnt, {"val_loss": 2.0})
    return folder


@pytest.fixture
def parents() -> list[Path]:
    base = write_base()
    return [adapt(base, "ana", 100), adapt(base, "beto", 200)]


def mixed(name: str = "mezcla") -> Path:
    return Artifacts(name).run("finetune", "default")


def test_weights_are_the_mean_by_shares_and_shares_need_not_sum_to_one(parents: list[Path]) -> None:
    main(MixConfig(mix="ana=0.7, beto=0.3", corpus="mezcla"))
    main(MixConfig(mix="ana=7,beto=3", corpus="otra"))
    one, other = (load_checkpoint(folder, CPU).model.state_dict() for folder in parents)
    for name, weight in load_checkpoint(mixed(), CPU).model.state_dict().items():
        assert torch.allclose(weight, 0.7 * one[name] + 0.3 * other[name], atol=1e-6)
        assert torch.allclose(weight, load_checkpoint(mixed("otra"), CPU).model.state_dict()[name], atol=1e-6)


def test_the_mix_knows_all_songs_words_and_runs_of_its_parents(parents: list[Path]) -> None:
    main(MixConfig(mix="ana=1,beto=1", corpus="mezcla"))
    learnt = load_checkpoint(mixed(), CPU).learnt
    index, base = load_index(mixed()), load_index(Artifacts("libro").run("pretrain", "default"))
    for number in (0, 100, 200):
        song = invent_song(number)
        assert fingerprint(song) in learnt
        words = folded_words(song.lyrics)
        assert RunLengths(index).of_new(words)[-1] >= 30
    assert len(index.parts) == len(base.parts) + 2
    words, both = load_lexicon(mixed()).of("es"), [load_lexicon(folder).of("es") for folder in parents]
    assert words.counts == both[0].counts | both[1].counts
    assert words.ends["ventana"] <= sum(each.ends["ventana"] for each in both)


def test_the_mix_is_measured_on_what_its_parents_never_saw(
    parents: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    main(MixConfig(mix="ana=1,beto=1", corpus="otra"))
    assert "the mix was not measured" in capsys.readouterr().out
    for folder, name, first in zip(parents, ("ana", "beto"), (400, 500), strict=True):
        songs = tuple(invent_song(first + number) for number in range(4))
        write_corpus(Artifacts(name).corpus, Corpus(name=name, language="es", source="files", songs=songs))
        record = read_json(folder / "run.json")
        write_json(folder / "run.json", record | {"val_ids": [songs[0].id, songs[1].id]})
    main(MixConfig(mix="ana=1,beto=1", corpus="mezcla"))
    printed = capsys.readouterr().out
    facts = json.loads(load_tensors(mixed() / MODEL)[1]["facts"])
    shown = [float(bits) for bits in re.findall(r"(?:ana|beto): (\d+\.\d+) bits/char of its held-out", printed)]
    assert min(shown) - 0.001 <= facts["bits_per_char"] <= max(shown) + 0.001
    assert len(shown) == 2


def test_the_base_can_be_mixed_in_and_a_mix_mixed_again(parents: list[Path]) -> None:
    main(MixConfig(mix="ana=1,libro=1", corpus="mezcla"))
    main(MixConfig(mix="mezcla=2,beto=1", corpus="otra"))
    base = load_checkpoint(Artifacts("libro").run("pretrain", "default"), CPU).model.state_dict()
    one, other = (load_checkpoint(folder, CPU).model.state_dict() for folder in parents)
    for name, weight in load_checkpoint(mixed("otra"), CPU).model.state_dict().items():
        assert torch.allclose(weight, (base[name] + one[name] + other[name]) / 3, atol=1e-6)


def test_an_adapter_is_mixed_beside_its_base_and_refused_beside_another(
    parents: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Artifacts("libro").run("pretrain", "default")
    model = LoraGPT(load_checkpoint(folder, CPU).model, rank=2, alpha=4.0, matrices="all", seed=1)
    for weight in model.thin().values():
        weight.data += 0.1
    AdapterWriter(folder)(parents[0], model, Fingerprints([7]), {"val_loss": 1.0})
    adapter = parents[0] / ADAPTER
    with pytest.raises(UserError, match="needs the model it was learnt beside"):
        main(MixConfig(mix=f"{adapter}=1", corpus="mezcla"))
    main(MixConfig(mix=f"{adapter}=1", base="libro", corpus="mezcla"))
    one, other = (load_checkpoint(each, CPU).model.state_dict() for each in (parents[0], mixed()))
    assert all(torch.equal(one[name], other[name]) for name in one)
    alone = parents[0].parent.parent / ADAPTER
    alone.write_bytes(adapter.read_bytes())
    capsys.readouterr()
    main(MixConfig(mix=f"{alone}=1", base="libro", corpus="otra"))
    assert "what must not be copied from its songs is not known" in capsys.readouterr().out
    write_base("vecino", change=0.1)
    with pytest.raises(UserError, match="learnt beside another base"):
        main(MixConfig(mix=f"{adapter}=1", base="vecino", corpus="nada"))
    assert not mixed("nada").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"change": 0.1}, "were adapted from different bases"),
        ({"architecture": "gpt2"}, "of different architecture or size"),
        ({"alphabet": "\N{SNOWMAN}"}, "of different architecture or size"),
    ],
)
def test_what_has_another_base_is_refused_and_nothing_is_written(
    parents: list[Path], change: dict[str, str], message: str
) -> None:
    adapt(write_base("vecino", **change), "carla", 300)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        main(MixConfig(mix="ana=1,carla=1", corpus="mezcla"))
    assert not mixed().exists()


def test_what_was_extended_by_other_characters_is_refused(parents: list[Path]) -> None:
    base = Artifacts("libro").run("pretrain", "default")
    for name, char in (("carla", "é"), ("dora", "☃")):
        folder = adapt(base, name, 300)
        checkpoint = load_checkpoint(folder, CPU)
        model, tokenizer = with_characters(checkpoint.model, checkpoint.tokenizer, [char])
        start_folder(folder, model.config, tokenizer, "songs")
        write_run_json(folder, MixConfig(mix="", corpus=name), [base / MODEL])
        save_model(folder, model, checkpoint.learnt, {"val_loss": 2.0})
    with pytest.raises(UserError, match="carla and dora have different tokenizers"):
        main(MixConfig(mix="carla=1,dora=1", corpus="mezcla"))


def test_a_mix_is_not_overwritten_unasked(parents: list[Path]) -> None:
    main(MixConfig(mix="ana=1,beto=1", corpus="mezcla"))
    before = (mixed() / MODEL).read_bytes()
    with pytest.raises(UserError, match="holds a run already"):
        main(MixConfig(mix="ana=1,beto=2", corpus="mezcla"))
    assert (mixed() / MODEL).read_bytes() == before
    main(MixConfig(mix="ana=1,beto=2", corpus="mezcla", overwrite=True))
    assert (mixed() / MODEL).read_bytes() != before
    with pytest.raises(UserError, match="cannot be mixed into itself"):
        main(MixConfig(mix="mezcla=1,beto=2", corpus="mezcla", overwrite=True))


@pytest.mark.parametrize(
    "text", ["ana", "ana=", "=0.5", "ana=zero", "ana=0", "ana=-1", "ana=inf", "ana=nan", "ana=1,,"]
)
def test_what_is_no_mix_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UserError, match="is no name=share"):
        parse_mix(text)


def test_a_name_stands_in_a_mix_once() -> None:
    with pytest.raises(UserError, match="twice"):
        parse_mix("ana=1,ana=2")

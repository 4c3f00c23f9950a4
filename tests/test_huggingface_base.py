"""Adapting somebody else's model: what is learnt, and what stays as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, write_corpus
from core.errors import Interrupted
from core.files import read_json
from finetune.huggingface.adapted import Adapted, shape_of
from finetune.huggingface.encoding import encode_for
from finetune.train import main as finetune
from generate import sample
from generate.foreign.base import find_base, load_model
from generate.foreign.folder import AdapterConfig, add_lora
from generate.foreign.tokenizer import ForeignTokenizer, Marks, read_tokenizer
from pretrain.metrics import Metrics
from pretrain.tokens import IGNORE, Part, split_songs
from tests.conftest import invent_song
from tests.foreign_bases import (
    adapted,
    choice,
    contents,
    gpt_tokenizer,
    llama_tokenizer,
    resumed,
    save_gpt2,
    write_songs,
)
from tests.trainings import assert_equal_runs, stop_at

pytest_plugins = ["tests.foreign_fixtures"]

pytest.importorskip("peft", reason="pip install -r requirements-hf.txt")


def test_the_loss_falls_the_base_is_only_read_and_the_folder_says_which_it_is(llama: Path) -> None:
    before = contents(llama)
    write_songs()
    finetune(choice(llama))
    lines = Metrics(adapted() / "metrics.jsonl").read()
    assert lines[0]["step"] == 0
    assert lines[-1]["val_loss"] < lines[0]["val_loss"] - 0.1
    assert contents(llama) == before
    settings = read_json(adapted() / "config.json")
    assert (settings["base"], settings["revision"], settings["rank"]) == (str(llama), None, 8)
    assert (adapted() / "loss.png").stat().st_size > 1000
    record = read_json(adapted() / "run.json")
    assert len(record["val_ids"]) == 2
    assert record["libraries"].keys() == {"transformers", "peft"}


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft's affair
def test_what_is_learnt_is_small_and_peft_makes_the_same_model_of_it(llama: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from generate.foreign.writer import ForeignWriter

    write_songs()
    finetune(choice(llama))
    assert (adapted() / "model.safetensors").stat().st_size < (llama / "model.safetensors").stat().st_size / 3
    base = AutoModelForCausalLM.from_pretrained(llama)
    model = PeftModel.from_pretrained(base, adapted() / "peft").eval()
    ids = list(range(5, 40))
    with torch.no_grad():
        theirs = model(input_ids=torch.tensor([ids])).logits[0, -1].numpy()
    ours = ForeignWriter(adapted(), torch.device("cpu")).network.read(ids)
    assert abs(theirs - ours).max() < 1e-4


@pytest.mark.parametrize("step", [0, 5])
def test_interrupted_and_resumed_it_ends_as_if_never_stopped(
    step: int, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_songs()
    finetune(choice(llama, run="whole", eval_interval=4, seed=5))
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(Interrupted):
            finetune(choice(llama, run="parts", eval_interval=4, seed=5))
    finetune(resumed(llama, run="parts"))
    assert_equal_runs(adapted("whole"), adapted("parts"))


def test_dropout_is_for_learning_only(llama: Path) -> None:
    base = find_base(str(llama))
    settings = AdapterConfig(
        base=base.name, revision=None, fingerprint=base.fingerprint, quantised=False, rank=2, alpha=2.0, dropout=0.5,
        document="songs", language="es", marks=read_tokenizer(base).marks,
    )  # fmt: skip
    network = add_lora(load_model(base, torch.device("cpu"), quantise=False), settings, seed=1)
    model, ids = Adapted(network, shape_of(base, 8, 0.5)), torch.arange(5, 13)[None]
    for parameter in model.parameters():
        torch.nn.init.ones_(parameter)
    assert not torch.equal(model.train()(ids), model(ids))
    assert torch.equal(model.eval()(ids), model(ids))


def test_gpt2_is_adapted_and_sampled_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_gpt2(tmp_path / "gpt2", gpt_tokenizer())
    write_songs()
    finetune(choice(tmp_path / "gpt2", learning_rate=3e-2))
    lines = Metrics(adapted() / "metrics.jsonl").read()
    assert lines[-1]["val_loss"] < lines[0]["val_loss"]
    capsys.readouterr()
    sample.main(sample.SampleConfig(corpus="nadie", max_new_tokens=90, device="cpu"))  # more than the window
    assert "written" in capsys.readouterr().out


def test_one_long_text_is_learnt_without_requests(llama: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(invent_song(number).lyrics for number in range(40))
    corpus = Corpus(name="nadie", language="es", source="files", songs=(Song(id="poema", lyrics=text),))
    write_corpus(Artifacts("nadie").corpus, corpus)
    finetune(choice(llama, max_steps=2))
    capsys.readouterr()
    sample.main(sample.SampleConfig(corpus="nadie", prompt="La luna", max_new_tokens=5, device="cpu"))
    assert capsys.readouterr().out.startswith("La luna")


# What is learnt of a song.


@pytest.mark.parametrize("make", [gpt_tokenizer, llama_tokenizer])
def test_all_that_is_scored_on_validation_is_the_lyrics(make: Callable[[], Any]) -> None:
    tokenizer, split = _tokenizer(make()), _split()
    part = encode_for(split, tokenizer).val
    learnt = [id_ for id_ in part.targets.tolist() if id_ != IGNORE]
    assert learnt.count(tokenizer.end) == len(split.val)
    assert tokenizer.decode(learnt) == "".join(song.lyrics for song in split.val)
    assert part.characters == sum(len(song.lyrics) for song in split.val)


def test_songs_are_asked_for_with_and_without_title_and_first_line() -> None:
    tokenizer, split = _tokenizer(gpt_tokenizer()), _split(60)
    part = encode_for(split, tokenizer).train
    requests = _asked(part, tokenizer)
    assert len(requests) == len(split.train)
    kinds = {("titulada" in request, "siga a este verso" in request) for request in requests}
    assert len(kinds) == 4
    for request, song in zip(requests, split.train, strict=True):
        given = request.partition(":\n\n")[2]
        assert song.lyrics.startswith(given)
        assert bool(given) == ("siga a este verso" in request)
        assert (song.title in request) == ("titulada" in request)


@pytest.mark.parametrize("make", [gpt_tokenizer, llama_tokenizer])
def test_tokens_alone_spell_what_they_spell_in_a_text(make: Callable[[], Any]) -> None:
    tokenizer = _tokenizer(make())
    pieces = [tokenizer.decode([id_]) for id_ in range(tokenizer.vocab_size)]
    for text in ("La luna canta\nen la ventana", " y vuelve", "</s>\n\n[Coro]"):
        ids = tokenizer.encode(text)
        assert "".join(pieces[id_] for id_ in ids) == text
        assert tokenizer.end not in ids
    assert pieces[-1] == ""
    assert tokenizer.decode(tokenizer.encode("ñandú 🌙")) == "ñandú 🌙"


def _tokenizer(backend: Any) -> ForeignTokenizer:
    known = backend.get_vocab()
    marks = Marks(start=(known["<s>"],), end=known["</s>"], special=(known["<s>"],))
    return ForeignTokenizer(backend, marks, len(known) + 3)


def _split(songs: int = 24) -> Any:
    return split_songs(
        Corpus(name="nadie", language="es", source="files", songs=tuple(map(invent_song, range(songs)))), seed=1
    )


def _asked(part: Part, tokenizer: ForeignTokenizer) -> list[str]:
    """What stands before each answer; the stream's first id has no target."""
    requests: list[str] = []
    ids: list[int] = []
    for id_, target in zip(part.inputs.tolist(), [IGNORE, *part.targets.tolist()], strict=False):
        if target == IGNORE:
            ids.append(id_)
        elif ids:
            requests.append(tokenizer.decode(ids))
            ids = []
    return requests

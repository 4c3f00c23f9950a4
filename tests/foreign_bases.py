"""Somebody else's models, made on the spot: tiny, random, in every layout that matters here."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import tokenizers
import torch
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from core.artifacts import Artifacts
from core.corpus import Corpus, write_corpus
from finetune.train import FinetuneConfig
from tests.conftest import invent_song

START, END = "<s>", "</s>"

BLOCK_SIZE = 96


def texts() -> list[str]:
    return [invent_song(number).lyrics for number in range(30)]


def gpt_tokenizer() -> tokenizers.Tokenizer:
    """Bytes behind a mask of letters, as GPT-2's and Llama 3's."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(texts(), trainer)
    return backend


def llama_tokenizer() -> tokenizers.Tokenizer:
    """A space before each text, "▁" for spaces, and bytes for what has no token: Llama 2's."""
    spaces = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained = tokenizers.Tokenizer(models.BPE())
    trained.normalizer = spaces
    trained.pre_tokenizer = pre_tokenizers.Split("\n", behavior="isolated")
    special = ["<unk>", START, END]
    trained.train_from_iterator(
        texts(), trainers.BpeTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    )
    learnt: dict[str, Any] = json.loads(trained.to_str())["model"]
    kept = sorted(learnt["vocab"].items(), key=lambda item: item[1])
    tokens = special + [f"<0x{byte:02X}>" for byte in range(256)]
    tokens += [token for token, _ in kept if token not in {*special, "\n"}]
    backend = tokenizers.Tokenizer(
        models.BPE(
            vocab={token: id_ for id_, token in enumerate(tokens)},
            merges=[tuple(pair) for pair in learnt["merges"]],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    backend.add_special_tokens(special)
    backend.normalizer = spaces
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{START} $A", special_tokens=[(START, backend.token_to_id(START))]
    )
    return backend


def save_tokenizer(folder: Path, backend: tokenizers.Tokenizer, **marks: str) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=backend, **marks).save_pretrained(folder)


def save_model(folder: Path, model: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder)


def save_llama(folder: Path, backend: tokenizers.Tokenizer) -> None:
    """Two layers of width 64, with more ids than the tokenizer has, as many models have."""
    from transformers import LlamaConfig, LlamaForCausalLM

    save_tokenizer(folder, backend, bos_token=START, eos_token=END)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=backend.get_vocab_size() + 6,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=BLOCK_SIZE,
        bos_token_id=0,
        eos_token_id=1,
    )
    save_model(folder, LlamaForCausalLM(config))


def save_gpt2(folder: Path, backend: tokenizers.Tokenizer) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    save_tokenizer(folder, backend, eos_token=END)
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=backend.get_vocab_size(), n_positions=64, n_embd=32, n_layer=1, n_head=2)
    save_model(folder, GPT2LMHeadModel(config))


def write_songs(songs: int = 24, name: str = "nadie") -> None:
    invented = tuple(invent_song(number, lines=8) for number in range(songs))
    write_corpus(Artifacts(name).corpus, Corpus(name=name, language="es", source="files", songs=invented))


def choice(base: Path | str, **changes: Any) -> FinetuneConfig:
    settings: dict[str, Any] = {"corpus": "nadie", "max_steps": 12, "batch_size": 4, "learning_rate": 1e-2}
    settings["eval_interval"] = 6
    return FinetuneConfig(base=f"hf:{base}", device="cpu", **{**settings, **changes})


def resumed(base: Path | str, **changes: Any) -> FinetuneConfig:
    """`--resume` without a word more than is needed."""
    return FinetuneConfig(base=f"hf:{base}", corpus="nadie", device="cpu", resume=True, **changes)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def copy_of(folder: Path, to: Path, without: str = "") -> Path:
    shutil.copytree(folder, to)
    if without:
        (to / without).unlink()
    return to


def adapted(run: str = "default") -> Path:
    return Artifacts("nadie").run("finetune", run)

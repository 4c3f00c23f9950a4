"""Somebody's large model learns from one artist: LoRA through `peft`, in the training loop that all models share."""

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from core.artifacts import Artifacts, shown, slug, write_run_json
from core.corpus import Corpus
from core.errors import UserError
from core.files import read_json
from finetune.huggingface.adapted import Adapted, shape_of
from finetune.huggingface.encoding import encode_for
from generate.foreign.base import PREFIX, Base, find_base, load_model, quantises
from generate.foreign.folder import PEFT, AdapterConfig, add_lora, is_adapter, read_adapter_config, write_peft
from generate.foreign.libraries import library, quiet
from generate.foreign.tokenizer import read_tokenizer
from pretrain.checkpoint import MODEL, RUN, start_folder
from pretrain.loop import Result, Training
from pretrain.model import GPT, ModelConfig
from pretrain.parallel import World
from pretrain.phrases import index_split, save_index
from pretrain.runs import begin, hold
from pretrain.sizing import settle_batch
from pretrain.tokens import Tokens, split_songs
from pretrain.trackers import check_tracker
from pretrain.watching import watching

if TYPE_CHECKING:  # it imports this module
    from finetune.train import FinetuneConfig

# Tokens of a sequence: two or three songs.
LENGTH = 512

# AdamW's peak for LoRA in a base of this width, a 7B's (Dettmers et al. 2023, "QLoRA", table 9). Others take it
# inversely to theirs (Yang et al. 2022, arXiv 2203.03466). English songs to Burns in 100 steps, 128 wide: 0.001 came
# to 2.389 bits per character on validation, 0.004 to 2.337, 0.016 to 2.327.
LEARNING_RATE, WIDTH = 2e-4, 4096

# Options that say how models of ours are adapted.
OURS = ("base_run", "matrices", "extend_tokenizer", "weight_decay")


def adapt(config: "FinetuneConfig", corpus: Corpus, world: World) -> None:
    """Adapt any causal language model of `transformers` to an artist.

    Writes artifacts/<corpus>/finetune/<run>/: what was learnt, which base it belongs to, and the base's tokenizer.
    The base's own folder is only read. Raises UserError when the base cannot be had or used, is not the one that a
    run to be resumed began with, or the folder holds another run.
    """
    check_tracker(config.tracker)
    _refuse_ours(config)
    library("peft")
    paths = Artifacts(config.corpus)
    folder = paths.run("finetune", config.run)
    base = _find_base(config, folder)
    tokenizer = read_tokenizer(base)
    split = split_songs(corpus, _seed(config, folder))
    tokens = encode_for(split, tokenizer)
    length = min(base.block_size, LENGTH, len(tokens.train.inputs))
    inputs = [paths.corpus]
    with hold(folder, world):
        config = begin(folder, config, inputs, lambda given: _settle(given, base, length, world), world)
        if config.resume:
            settings = read_adapter_config(folder)
        else:
            settings = AdapterConfig(
                base=base.name,
                revision=base.revision,
                fingerprint=base.fingerprint,
                quantised=quantises(base, world.device),
                rank=config.rank,
                alpha=config.alpha,
                dropout=config.dropout,
                document=split.document,
                language=corpus.language,
                marks=tokenizer.marks,
            )
        network = add_lora(_prepared(base, settings, world), settings, config.seed)
        model = Adapted(network, shape_of(base, length, settings.dropout))
        if not config.resume and world.first:
            # The loop's files are the same whatever the model: start_folder asks of a config that it has fields.
            start_folder(folder, cast("ModelConfig", settings), tokenizer, tokens.document)
            shutil.rmtree(folder / PEFT, ignore_errors=True)
            facts = {"parameters": model.count_parameters(), "val_ids": [song.id for song in split.val]}
            libraries = {name: library(name).__version__ for name in ("transformers", "peft")}
            write_run_json(folder, config, inputs, **facts, libraries=libraries)
            save_index(folder, index_split(split))
        _describe(base, settings, model)
        result = _train(folder, model, tokens, config, world)
    print(result)
    print(f"written     {shown(folder)}/  (loss.png shows the curve; {PEFT}/ is for other programs)")
    print(f"next        python generate/sample.py --corpus {slug(config.corpus)}")


def _train(folder: Path, model: Adapted, tokens: Tokens, config: "FinetuneConfig", world: World) -> Result:
    command = f"python finetune/train.py --base {config.base} --corpus {slug(config.corpus)} --run {config.run}"
    with watching(folder, config) as watch:
        # The loop asks of a model what Adapted has: forward, config, matrices, and its parameters.
        ours = cast("GPT", model)
        training = Training(folder, ours, tokens, config, world, judge_start=True, after_evaluation=watch)
        training.describe()
        try:
            return training.run(f"{command} --resume")
        finally:
            if world.first and (folder / MODEL).exists():
                write_peft(folder, model.network)


def _refuse_ours(config: "FinetuneConfig") -> None:
    for field in dataclasses.fields(config):
        if field.name in OURS and getattr(config, field.name) != field.default:
            raise UserError(f"--{field.name} is for bases that were trained here", f"leave it out with {PREFIX}")


def _settle(config: "FinetuneConfig", base: Base, length: int, world: World) -> "FinetuneConfig":
    learning_rate = config.learning_rate or LEARNING_RATE * WIDTH / base.width
    # AdamW takes no decay here: the matrices begin small, and few steps are taken.
    return settle_batch(dataclasses.replace(config, learning_rate=learning_rate, weight_decay=0.0), length, world)


def _find_base(config: "FinetuneConfig", folder: Path) -> Base:
    """The base asked for; raises UserError when a run to be resumed began with another."""
    name = config.base.removeprefix(PREFIX)
    if not (config.resume and is_adapter(folder)):
        return find_base(name)
    settings = read_adapter_config(folder)
    # What the Hub has of it by now may be another commit.
    base = find_base(name, settings.revision)
    if settings.fingerprint != base.fingerprint:
        raise UserError(
            f"{base.name} is not the model that this run began with",
            "give the one from then, or start over with --overwrite",
        )
    return base


def _seed(config: "FinetuneConfig", folder: Path) -> int:
    """The seed; of a run to be resumed, the one that it began with."""
    if config.resume and (folder / RUN).exists():
        return int(read_json(folder / RUN)["config"]["seed"])
    return config.seed


def _prepared(base: Base, settings: AdapterConfig, world: World) -> nn.Module:
    """The frozen base; in four bits, with what training beside such weights needs."""
    model = load_model(base, world.device, quantise=settings.quantised)
    if not settings.quantised:
        return model
    with quiet():
        how = {"use_reentrant": False}
        return library("peft").prepare_model_for_kbit_training(model, gradient_checkpointing_kwargs=how)


def _describe(base: Base, settings: AdapterConfig, model: Adapted) -> None:
    network: Any = model.network
    learnt, together = network.get_nb_trainable_parameters()
    where = f"{base.name} at {base.revision[:8]}" if base.revision else base.name
    how = "4 bits" if settings.quantised else str(network.dtype).removeprefix("torch.")
    print(f"base        {where}: {together - learnt:,} parameters in {how}, which stay as they are")
    print(f"adapter     LoRA of rank {settings.rank}, alpha {settings.alpha:g}: {learnt:,} parameters")

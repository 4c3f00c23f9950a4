"""Stage 4: artists adapted from one base become one model, their weights averaged.

Models that went on learning from the same weights stay near each other: what lies between them writes, too,
in between (Wortsman et al. 2022, "Model soups", arXiv 2203.05482). The base itself may be one of them.
"""

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, cast

import torch
from torch.nn import functional as F  # noqa: N812

from core.artifacts import Artifacts, find_checkpoint, shown, slug, write_run_json
from core.cli import run
from core.corpus import Song, read_corpus
from core.errors import UserError
from core.files import read_json, sha256
from core.lock import locked
from finetune.lora import apply_adapter
from pretrain.checkpoint import ADAPTER, MODEL, RUN, STATE, Checkpoint, load_checkpoint, save_model, start_folder
from pretrain.evaluation import evaluate
from pretrain.lexicon import LEXICON, Lexicon, Words, load_lexicon, save_lexicon
from pretrain.metrics import bits_per_char
from pretrain.model import GPT
from pretrain.parallel import World
from pretrain.phrases import PHRASES, Part, PhraseIndex, load_index, save_index
from pretrain.split import Split
from pretrain.tokens import IGNORE, encode_split
from pretrain.tokens import Part as TokenPart

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    mix: str
    """What to mix, and how much of each: martin-fierro=0.7,ruben-dario=0.3. A name of a corpus, a checkpoint
    folder, or an adapter.safetensors; the base itself may be among them."""
    corpus: str
    """Name of the mix: it comes into artifacts/<corpus>/finetune/<run>/."""
    run: str = "default"
    """Name of the run."""
    base: str = ""
    """The base of an adapter.safetensors: a checkpoint folder, or the name of its corpus."""
    base_run: str = ""
    """Which run of the base's corpus, where there are several."""
    overwrite: bool = False
    """Start over in a folder that holds a run already."""


@dataclass(frozen=True)
class Ingredient:
    """A model of a mix."""

    folder: Path
    """Where its index of phrases and its lexicon are."""
    share: float
    checkpoint: Checkpoint
    base_sha256: str
    """Of the weights that it was adapted from."""


def main(config: MixConfig) -> None:
    """Mix artists that were adapted from one base.

    Averages the weights of their checkpoints and writes artifacts/<corpus>/finetune/<run>/, a checkpoint
    folder like any other: it knows the words of all of them, and what may not be copied from any.
    """
    folder = Artifacts(config.corpus).run("finetune", config.run)
    shares = parse_mix(config.mix)
    if not config.overwrite and any((folder / name).exists() for name in (MODEL, STATE)):
        raise UserError(f"{shown(folder)} holds a run already", "--overwrite, or --run ANOTHER_NAME")
    ingredients = [_read(what, share, config) for what, share in shares]
    if any(one.folder.resolve() == folder.resolve() for one in ingredients):
        raise UserError(f"{shown(folder)} cannot be mixed into itself", "choose another --run")
    _check_alike(ingredients, [what for what, _ in shares])
    first = ingredients[0].checkpoint
    model = average(ingredients).eval()
    loss, bits = _measure(model, ingredients, [what for what, _ in shares])
    with locked(folder):
        for stale in ("metrics.jsonl", "loss.png"):
            (folder / stale).unlink(missing_ok=True)
        start_folder(folder, first.model.config, first.tokenizer, first.document)
        write_run_json(folder, config, [], base_sha256=ingredients[0].base_sha256, parents=_parents(ingredients))
        _merge_words(folder, ingredients)
        learnt = reduce(or_, (one.checkpoint.learnt for one in ingredients))
        facts = {"step": 0, "minutes": 0.0, "epochs": 0.0, "val_loss": loss, "bits_per_char": bits}
        save_model(folder, model, learnt, facts | {"mixed": config.mix})
    print(f"written     {shown(folder)}/")
    print(f"next        python generate/sample.py --corpus {slug(config.corpus)}")


def parse_mix(text: str) -> list[tuple[str, float]]:
    """Names and their shares of "a=0.7,b=0.3"; shares are made to sum to 1, so that a=7,b=3 is the same.

    Raises UserError when it is written otherwise, or when there is nothing to mix.
    """
    parts: list[tuple[str, float]] = []
    for item in text.split(","):
        name, _, number = item.strip().rpartition("=")
        try:
            share = float(number)
        except ValueError:
            share = 0.0
        if not name or not 0 < share < float("inf"):
            raise UserError(f"--mix {text}: {item.strip() or 'nothing'!r} is no name=share", "--mix a=0.7,b=0.3")
        parts.append((name, share))
    if len({name for name, _ in parts}) < len(parts):
        raise UserError(f"--mix {text}: a name stands there twice", "give each its whole share")
    total = sum(share for _, share in parts)
    return [(name, share / total) for name, share in parts]


def average(ingredients: Sequence[Ingredient]) -> GPT:
    """A model with the mean of the weights, each by its share."""
    states = [(one.share, one.checkpoint.model.state_dict()) for one in ingredients]
    model = GPT(ingredients[0].checkpoint.model.config)
    model.load_state_dict(
        {name: cast("torch.Tensor", sum(share * state[name] for share, state in states)) for name in states[0][1]}
    )
    return model


def _measure(model: GPT, ingredients: Sequence[Ingredient], names: Sequence[str]) -> tuple[float, float]:
    """Print what the songs that were held out from each cost the mix; nats a token and bits a character of all."""
    losses = characters = learnt = 0.0
    for one, name in zip(ingredients, names, strict=True):
        songs = _held_out(one)
        if not songs:
            print(f"{one.share:>10.0%}  {name}")
            continue
        checkpoint = one.checkpoint
        split = Split(songs, songs, checkpoint.document, checkpoint.learnt, 0)
        part = encode_split(split, checkpoint.tokenizer).val
        mixed, own = (_nats(each, part) for each in (model, checkpoint.model))
        bits = [bits_per_char(nats, part) for nats in (mixed, own)]
        print(f"{one.share:>10.0%}  {name}: {bits[0]:.3f} bits/char of its held-out songs, alone {bits[1]:.3f}")
        losses, characters, learnt = losses + mixed * part.learnt, characters + part.characters, learnt + part.learnt
    if not learnt:
        print("note        no songs that were held out are at hand: the mix was not measured")
        return math.nan, math.nan
    return losses / learnt, losses / characters / math.log(2)


def _held_out(one: Ingredient) -> tuple[Song, ...]:
    """The songs that an adapted model was judged on, where its corpus is beside it."""
    run_json, corpus = one.folder / RUN, one.folder.parent.parent / "corpus.json"
    if not run_json.exists() or not corpus.exists():
        return ()
    ids = set(cast("dict[str, Any]", read_json(run_json)).get("val_ids", []))
    return tuple(song for song in read_corpus(corpus).songs if song.id in ids)


def _nats(model: GPT, part: TokenPart) -> float:
    """A token of a part."""

    def loss(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=IGNORE, reduction="sum")

    with torch.no_grad():
        return evaluate(loss, part, min(model.config.block_size, len(part.inputs)), World(CPU))


def _read(what: str, share: float, config: MixConfig) -> Ingredient:
    if Path(what).name == ADAPTER:
        return _read_adapter(Path(what).expanduser(), share, config)
    folder = find_checkpoint(what)
    return Ingredient(folder, share, load_checkpoint(folder, CPU), _base_of(folder))


def _read_adapter(path: Path, share: float, config: MixConfig) -> Ingredient:
    if not config.base:
        raise UserError(f"{shown(path)} needs the model it was learnt beside", "say which with --base")
    base = find_checkpoint(config.base, config.base_run)
    checkpoint = load_checkpoint(base, CPU)
    model, learnt = apply_adapter(path, checkpoint.model, base)
    beside = path.parent if (path.parent / PHRASES).exists() else base
    if beside == base:
        print(f"note        beside {shown(path)} is no {PHRASES}: what must not be copied from its songs is not known")
    return Ingredient(beside, share, dataclasses.replace(checkpoint, model=model, learnt=learnt), sha256(base / MODEL))


def _base_of(folder: Path) -> str:
    """By which a checkpoint's base is known: of an adapted one what its run.json says, else itself."""
    record = cast("dict[str, Any]", read_json(folder / RUN)) if (folder / RUN).exists() else {}
    if "base_sha256" in record:  # a mix
        return record["base_sha256"]
    return record.get("inputs", {}).get(MODEL) or sha256(folder / MODEL)


def _check_alike(ingredients: Sequence[Ingredient], names: Sequence[str]) -> None:
    """Raise UserError unless all have one architecture and size, one tokenizer, and one base."""
    first = ingredients[0]
    for other, name in zip(ingredients[1:], names[1:], strict=True):
        pair = f"{names[0]} and {name}"
        one, two = (dataclasses.replace(each.checkpoint.model.config, dropout=0.0) for each in (first, other))
        if one != two:
            raise UserError(f"{pair} are models of different architecture or size", "mix adaptations of one base")
        if first.checkpoint.tokenizer.sha256 != other.checkpoint.tokenizer.sha256:
            raise UserError(f"{pair} have different tokenizers", "mix adaptations of one base, none of them extended")
        if first.base_sha256 != other.base_sha256:
            raise UserError(f"{pair} were adapted from different bases", "adapt both from the same one")


def _parents(ingredients: Sequence[Ingredient]) -> list[str]:
    return [str(one.folder.resolve()) for one in ingredients]


def _merge_words(folder: Path, ingredients: Sequence[Ingredient]) -> None:
    """What the models know of words: the lexicon, and which runs of words are somebody's."""
    with_index = [load_index(one.folder) for one in ingredients if (one.folder / PHRASES).exists()]
    if len(with_index) == len(ingredients):
        save_index(folder, joined_index(with_index))
    else:
        print(f"note        not all of them have {PHRASES}: the mix cannot tell what is copied")
    lexicons = [load_lexicon(one.folder) for one in ingredients if (one.folder / LEXICON).exists()]
    if lexicons:
        save_lexicon(folder, joined_lexicon(lexicons))


def joined_index(indexes: Iterable[PhraseIndex]) -> PhraseIndex:
    """The index of all songs; what several have from their base stands there once."""
    indexes = list(indexes)
    parts = {_digest(part): part for index in indexes for part in index.parts}
    return PhraseIndex(tuple(parts.values()), min(index.share for index in indexes))


def _digest(part: Part) -> bytes:
    digest = hashlib.sha256()
    for hashes in (part.runs, part.forks):
        for name in ("starts", "rests"):
            digest.update(hashes.arrays[name].tobytes())
    return digest.digest()


def joined_lexicon(lexicons: Iterable[Lexicon]) -> Lexicon:
    """The words of all; each counts as in the one that has it most often, since all have their base's."""
    joined = Lexicon()
    for lexicon in lexicons:
        for code, words in lexicon.languages.items():
            so_far = joined.of(code)
            joined.languages[code] = Words(so_far.counts | words.counts, so_far.ends | words.ends)
    return joined


if __name__ == "__main__":
    run(main, MixConfig)

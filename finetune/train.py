"""Stage 4: a model goes on learning from one artist."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.artifacts import Artifacts, find_checkpoint, shown, slug, write_run_json
from core.cli import run
from core.corpus import Corpus, Song, read_corpus
from core.errors import UserError
from core.files import read_json
from core.words import folded_words
from finetune.alphabet import check_alphabet, missing_characters, with_characters
from finetune.blending import blend, learnt_weights
from finetune.huggingface.adapt import adapt as adapt_foreign
from finetune.lora import AdapterWriter, LoraGPT, Matrices
from generate.foreign.base import PREFIX
from generate.originality import RunLengths, covers
from pretrain.checkpoint import CONFIG, MODEL, RUN, TOKENIZER, Checkpoint, load_checkpoint, save_model, start_folder
from pretrain.config import LoopConfig
from pretrain.lexicon import LEXICON, lexicon_of_split, load_lexicon, save_lexicon
from pretrain.loop import Training
from pretrain.model import GPT, ModelConfig
from pretrain.parallel import World, join_world, restarts
from pretrain.phrases import PHRASES, PhraseIndex, index_split, load_index, save_index
from pretrain.runs import begin, hold
from pretrain.sizing import LEARNING_RATE, REFERENCE, settle_batch
from pretrain.split import Fingerprints, Split, fingerprint
from pretrain.tokens import Part, encode_split, split_songs
from pretrain.trackers import check_tracker
from pretrain.verdict import verdict
from pretrain.watching import watching

Method = Literal["full", "lora"]

# With fewer there is nothing to learn a manner from: one song is held out.
FEWEST_SONGS = 3

# Of a song's words, how many in runs of so many that the base has learnt make it a near copy. Three of Burns's songs
# are in a base of English songs, in other versions: with 0.31 to 0.51 of their words; of all others not one run is.
NEAR_COPY, NEAR_RUN = 0.2, 12

# Of what pretraining peaks at: enough to move, too little to forget; thin matrices begin at zero and need more. From
# Spanish poetry to a fifth of a gaucho poem, in 100 steps and blended: an eighth came to 2.153 bits per character, a
# quarter to 2.128, a half to 2.134, LoRA at twice the rate to 2.209. To all of it in 200 steps: a quarter 2.025, a
# half 2.036. Rates that fall from layer to layer, or a quarter of each batch from the base's own songs, gave nothing.
RATE_SHARE = {"full": 0.25, "lora": 2.0}
# Decay is for the matrices that Muon has; thin ones are AdamW's.
WEIGHT_DECAY = {"full": 0.1, "lora": 0.0}

# A corpus below so many characters is read so often, and not in fewer steps than these: longer is worse. Of 17,000
# characters of Darío, 11 readings in 80 steps left nothing that was better than the base, but for the blend.
FEW_CHARACTERS, READINGS, FEWEST_STEPS = 60_000, 8, 60


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(LoopConfig):
    base: str
    """What to start from: a checkpoint folder, the name of the corpus it was trained on, or somebody's large model:
    hf: and an id on the Hugging Face Hub or a folder (by LoRA; pip install -r requirements-hf.txt)."""
    base_run: str = ""
    """Which run of the base's corpus, where there are several: default, or pretrain/default."""
    corpus: str
    """What to adapt to: folder under artifacts/, or an artist's name."""
    run: str = "default"
    """Name of the run: its folder is artifacts/<corpus>/finetune/<run>/."""
    method: Method = "full"
    """full: all weights go on learning: for models of this size best, or as good, however few the songs. lora: they
    stay, and thin matrices beside them learn; these are kept as adapter.safetensors, a small file, and merged into
    model.safetensors."""
    rank: int = 8
    """lora: rows of the thin matrices. More can change more, and forget more."""
    alpha: float = 16.0
    """lora: what is learnt counts alpha / rank times."""
    matrices: Matrices = "all"
    """lora: which matrices of a block get thin ones beside them."""
    dropout: float = 0.1
    """Share of activations dropped: one artist is little text, read many times."""
    extend_tokenizer: bool = False
    """Give characters that the base cannot write a token each. Without it they are left out, and more than 2 %
    of them are an error."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rank", "alpha"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


def main(config: FinetuneConfig) -> None:
    """Adapt a trained model to an artist.

    Reads artifacts/<corpus>/corpus.json with the base's own tokenizer, goes on training at a lower
    rate, and writes artifacts/<corpus>/finetune/<run>/, a checkpoint folder like any other. The
    first line it prints is the base as it was; the best by validation is kept. With few songs that may
    lie between the base and the end of the training: there it is looked for last.

    finetune/mix.py makes one model of several that were adapted from one base.
    """
    with join_world(config.device) as world:
        if not config.base.startswith(PREFIX):
            return _adapt(config, world)
        corpus = read_corpus(Artifacts(config.corpus).corpus)
        _check_enough(corpus)
        return adapt_foreign(config, corpus, world)


def _adapt(config: FinetuneConfig, world: World) -> None:
    check_tracker(config.tracker)
    paths = Artifacts(config.corpus)
    folder = paths.run("finetune", config.run)
    base = find_checkpoint(config.base, config.base_run)
    if base.resolve() == folder.resolve():
        raise UserError(f"{shown(folder)} cannot be its own base", "choose another --run")
    inputs = [paths.corpus, *(base / name for name in (MODEL, CONFIG, TOKENIZER, PHRASES) if (base / name).exists())]
    corpus = read_corpus(paths.corpus)
    _check_enough(corpus)
    checkpoint = load_checkpoint(base, world.device)
    begun = _as_begun(folder, config)
    split = split_songs(corpus, begun.seed, checkpoint.learnt | near_copies(corpus, base))
    checkpoint, extended = _with_alphabet(checkpoint, split, extend=begun.extend_tokenizer)
    tokens = encode_split(split, checkpoint.tokenizer)
    tokens = dataclasses.replace(tokens, learnt=tokens.learnt | checkpoint.learnt)
    with hold(folder, world):
        config = begin(
            folder, config, inputs, lambda given: settle(given, tokens.train, checkpoint.model.config, world), world
        )
        model, save = learner(checkpoint.model, config, base, extended=extended)
        start = learnt_weights(model)
        if not config.resume and world.first:
            start_folder(folder, model.config, checkpoint.tokenizer, tokens.document)
            facts = {"parameters": checkpoint.model.count_parameters(), "val_ids": [song.id for song in split.val]}
            write_run_json(folder, config, inputs, **facts)
            save_index(folder, index_split(split, load_index(base) if (base / PHRASES).exists() else None))
            if (base / LEXICON).exists():
                save_lexicon(folder, load_lexicon(base) + lexicon_of_split(split))
        print(f"base        {shown(base)}")
        with watching(folder, config) as watch:
            training = Training(
                folder, model, tokens, config, world, judge_start=True, after_evaluation=watch, save=save
            )
            training.describe()
            if isinstance(model, LoraGPT):
                print(f"lora        rank {config.rank}, {model.count_learnt():,} weights are learnt, the others stay")
            command = f"python finetune/train.py --base {config.base} --corpus {slug(config.corpus)} --run {config.run}"
            print(training.run(f"{command} --resume"))
            if (better := blend(training, start)) is not None:
                print(better)
    print("advice      " + verdict(training.metrics.read(), model.count_parameters(), tokens.document))
    print(f"written     {shown(folder)}/  (loss.png shows the curve)")
    print(f"next        python generate/sample.py --corpus {slug(config.corpus)}")


def near_copies(corpus: Corpus, base: Path) -> Fingerprints:
    """The songs of which much stands word for word in what the checkpoint in `base` has learnt.

    Songs go by other titles and in other versions; held out, they would flatter. Takes 8 seconds per million words.
    """
    if len(corpus.songs) == 1 or not (base / PHRASES).exists():
        return Fingerprints()
    index = load_index(base)
    return Fingerprints(fingerprint(song) for song in corpus.songs if copied_share(index, song) > NEAR_COPY)


def copied_share(index: PhraseIndex, song: Song) -> float:
    """Of a song's words, how many are in runs of NEAR_RUN and more that stand in the songs of the index."""
    lengths = RunLengths(index).of_new(folded_words(song.lyrics))
    return sum(length >= NEAR_RUN for length in covers(lengths)) / max(1, len(lengths))


def settle(config: FinetuneConfig, part: Part, model: ModelConfig, world: World) -> FinetuneConfig:
    """Fill in what was left open."""
    config = dataclasses.replace(
        config,
        learning_rate=config.learning_rate or RATE_SHARE[config.method] * LEARNING_RATE,
        weight_decay=WEIGHT_DECAY[config.method] if config.weight_decay is None else config.weight_decay,
    )
    length = min(model.block_size, len(part.inputs))
    return _enough_steps(settle_batch(config, length, world), part, length)


def _enough_steps(config: FinetuneConfig, part: Part, length: int) -> FinetuneConfig:
    """A budget in steps for few songs, unless what is asked for is less: after that they are learnt by heart."""
    assert config.batch_size
    if part.characters >= FEW_CHARACTERS or config.max_steps is not None:
        return config
    tokens = config.batch_size * length
    steps = max(FEWEST_STEPS, round(READINGS * len(part.inputs) / tokens))
    if config.minutes is not None and 60 * config.minutes * REFERENCE < steps * tokens:
        return config
    print(f"suggested   {steps} steps  ({part.characters:,} characters: more would be learning them by heart)")
    return dataclasses.replace(config, minutes=None, max_steps=steps)


def learner(
    base: GPT, config: FinetuneConfig, folder: Path, *, extended: bool = False
) -> tuple[GPT, Callable[..., None]]:
    """What is trained of the base in `folder`, which may be `extended` by characters, and what saves it."""
    base.set_dropout(config.dropout)
    if config.method == "full":
        return base, save_model
    model = LoraGPT(
        base,
        rank=config.rank,
        alpha=config.alpha,
        matrices=config.matrices,
        seed=config.seed,
        embedding=extended,
    )
    return model, AdapterWriter(folder)


def _as_begun(folder: Path, config: FinetuneConfig) -> FinetuneConfig:
    """`config` with what decides on the tokens as the run has it that goes on."""
    if not (config.resume or restarts()) or not (folder / RUN).exists():
        return config
    stored: dict[str, Any] = read_json(folder / RUN)["config"]
    return dataclasses.replace(
        config, **{name: stored[name] for name in ("seed", "extend_tokenizer") if name in stored}
    )


def _with_alphabet(checkpoint: Checkpoint, split: Split, *, extend: bool) -> tuple[Checkpoint, bool]:
    """The base, able to write the songs as far as it should; and whether it had to be extended."""
    missing, share = missing_characters(split, checkpoint.tokenizer)
    if not extend:
        check_alphabet(missing, share)
    if not extend or not missing:
        return checkpoint, False
    model, tokenizer = with_characters(checkpoint.model, checkpoint.tokenizer, missing)
    print(f"extended    the tokenizer, by {len(missing)} characters ({share:.2%} of the text): {' '.join(missing)}")
    return dataclasses.replace(checkpoint, model=model, tokenizer=tokenizer), True


def _check_enough(corpus: Corpus) -> None:
    if 1 < len(corpus.songs) < FEWEST_SONGS:
        raise UserError(
            f"{len(corpus.songs)} songs are too few to adapt to: one of them is held out",
            f"give at least {FEWEST_SONGS}, or one long text",
        )


if __name__ == "__main__":
    run(main, FinetuneConfig)

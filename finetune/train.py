"""Stage 4: a model goes on learning from one artist."""

import dataclasses
from dataclasses import dataclass

from core.artifacts import Artifacts, find_checkpoint, shown, slug, write_run_json
from core.cli import run
from core.corpus import read_corpus
from core.errors import UserError
from pretrain.checkpoint import CONFIG, MODEL, TOKENIZER, load_checkpoint, start_folder
from pretrain.config import LoopConfig
from pretrain.lexicon import LEXICON, build_lexicon, load_lexicon, save_lexicon
from pretrain.loop import Training
from pretrain.parallel import World, join_world
from pretrain.phrases import PHRASES, index_split, load_index, save_index
from pretrain.runs import begin, hold
from pretrain.sizing import LEARNING_RATE, settle_batch
from pretrain.tokenizer import Tokenizer
from pretrain.tokens import Split, encode_split, split_songs
from pretrain.trackers import check_tracker
from pretrain.verdict import verdict
from pretrain.watching import watching

# Of the characters that a base may not be able to write before its adapting makes no sense.
MAX_UNSEEN = 0.02

# Of what pretraining peaks at: enough to move, too little to forget. From Spanish poetry to one gaucho
# poem in three minutes, a quarter came to 1.994 bits per character on validation, an eighth to 2.003.
RATE_SHARE = 0.25
WEIGHT_DECAY = 0.1


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(LoopConfig):
    base: str
    """What to start from: a checkpoint folder, or the name of the corpus it was trained on."""
    base_run: str = ""
    """Which run of the base's corpus, where there are several: default, or pretrain/default."""
    corpus: str
    """What to adapt to: folder under artifacts/, or an artist's name."""
    run: str = "default"
    """Name of the run: its folder is artifacts/<corpus>/finetune/<run>/."""
    dropout: float = 0.1
    """Share of activations dropped: one artist is little text, read many times."""


def main(config: FinetuneConfig) -> None:
    """Adapt a trained model to an artist.

    Reads artifacts/<corpus>/corpus.json with the base's own tokenizer, goes on training at a lower
    rate, and writes artifacts/<corpus>/finetune/<run>/, a checkpoint folder like any other. The
    first line it prints is the base as it was; the best by validation is kept.
    """
    with join_world(config.device) as world:
        _adapt(config, world)


def _adapt(config: FinetuneConfig, world: World) -> None:
    check_tracker(config.tracker)
    paths = Artifacts(config.corpus)
    folder = paths.run("finetune", config.run)
    base = find_checkpoint(config.base, config.base_run)
    if base.resolve() == folder.resolve():
        raise UserError(f"{shown(folder)} cannot be its own base", "choose another --run")
    inputs = [paths.corpus, *(base / name for name in (MODEL, CONFIG, TOKENIZER))]
    corpus = read_corpus(paths.corpus)
    checkpoint = load_checkpoint(base, world.device)
    model = checkpoint.model
    split = split_songs(corpus, config.seed, checkpoint.learnt)
    _check_alphabet(split, checkpoint.tokenizer)
    tokens = encode_split(split, checkpoint.tokenizer)
    tokens = dataclasses.replace(tokens, learnt=tokens.learnt | checkpoint.learnt)
    length = min(model.config.block_size, len(tokens.train.inputs))
    with hold(folder, world):
        config = begin(folder, config, inputs, lambda given: _settle(given, length, world), world)
        model.set_dropout(config.dropout)
        if not config.resume and world.first:
            start_folder(folder, model.config, checkpoint.tokenizer, tokens.document)
            facts = {"parameters": model.count_parameters(), "val_ids": [song.id for song in split.val]}
            write_run_json(folder, config, inputs, **facts)
            save_index(folder, index_split(split, load_index(base) if (base / PHRASES).exists() else None))
            if (base / LEXICON).exists():
                save_lexicon(folder, load_lexicon(base) + build_lexicon(split.train, split.language))
        print(f"base        {shown(base)}")
        with watching(folder, config) as watch:
            training = Training(folder, model, tokens, config, world, judge_start=True, after_evaluation=watch)
            training.describe()
            command = f"python finetune/train.py --base {config.base} --corpus {slug(config.corpus)} --run {config.run}"
            result = training.run(f"{command} --resume")
    print(result)
    print("advice      " + verdict(training.metrics.read(), model.count_parameters(), tokens.document))
    print(f"written     {shown(folder)}/  (loss.png shows the curve)")
    print(f"next        python generate/sample.py --corpus {slug(config.corpus)}")


def _settle(config: FinetuneConfig, length: int, world: World) -> FinetuneConfig:
    learning_rate = config.learning_rate or RATE_SHARE * LEARNING_RATE
    weight_decay = WEIGHT_DECAY if config.weight_decay is None else config.weight_decay
    return settle_batch(
        dataclasses.replace(config, learning_rate=learning_rate, weight_decay=weight_decay), length, world
    )


def _check_alphabet(split: Split, tokenizer: Tokenizer) -> None:
    """Say which characters the base cannot write; refuse when they are many."""
    characters = tokenizer.characters
    if characters is None:
        return
    text = "".join(song.lyrics for song in (*split.train, *split.val))
    missing = sorted(set(text) - characters)
    share = sum(text.count(char) for char in missing) / len(text)
    if share > MAX_UNSEEN:
        raise UserError(
            f"the base's tokenizer cannot write {share:.1%} of this corpus: {' '.join(missing)}",
            "adapt a base of the same language, or one with a bpe tokenizer, which writes everything",
        )
    if missing:
        print(f"note        not in the base's alphabet, left out ({share:.2%}): {' '.join(missing)}")


if __name__ == "__main__":
    run(main, FinetuneConfig)

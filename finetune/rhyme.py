"""Stage 4: a model learns to rhyme, from what it writes itself."""

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.artifacts import Artifacts, find_checkpoint, shown, slug, write_run_json
from core.cli import run
from core.corpus import Song, read_corpus
from core.errors import UserError
from finetune.tuning.loop import MOST_COST, Tuning
from finetune.tuning.settings import Material, Method, Settings
from pretrain.checkpoint import CONFIG, MODEL, TOKENIZER, Checkpoint, load_checkpoint, start_folder
from pretrain.config import LoopConfig
from pretrain.lexicon import LEXICON, load_lexicon
from pretrain.parallel import World, join_world
from pretrain.phrases import PHRASES, load_index
from pretrain.runs import begin, hold
from pretrain.sizing import LEARNING_RATE, settle_batch
from pretrain.tokens import Tokens, encode_split, split_songs
from prosody.line import Language, known_language
from prosody.rhyming import analyse

# Of what pretraining peaks at.
RATE_SHARE = 0.2
WEIGHT_DECAY = 0.1

# Songs that tell how short a line may be.
LOOKED_AT = 50

# Where no budget is given.
MINUTES = 15.0


@dataclass(frozen=True, kw_only=True)
class RhymeConfig(LoopConfig):
    base: str
    """What to start from: a checkpoint folder, or the name of the corpus it was trained on."""
    base_run: str = ""
    """Which run of the base's corpus, where there are several: default, or pretrain/default."""
    corpus: str = ""
    """Songs to learn beside its own, so that the model forgets nothing. Left out: those the base was trained on."""
    run: str = "verse"
    """Name of the run: its folder is artifacts/<corpus>/finetune/<run>/."""
    method: Method = "expert"
    """expert: the ends of lines that rhyme are learnt. gflownet: every line's end is learnt from, good or bad, so that
    its odds become the prior's times exp(beta · points)."""
    tries: int = 8
    """Of a line, at most; for gflownet, in every second song."""
    beta: float = 4.0
    """What a point is worth, in nats; for gflownet."""
    drafts: int = 64
    """Songs written between two rounds of learning."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("tries", 2), ("drafts", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.beta > 0:
            raise ValueError(f"beta must be above 0, got {self.beta}")


def main(config: RhymeConfig) -> None:
    """Teach a trained model to rhyme when nobody asks for it.

    The model writes songs; each line gets points for rhyming with a line of its stanza and for having its length; the
    model learns from the lines that got them, with real songs in between. Writes artifacts/<corpus>/finetune/<run>/, a
    checkpoint folder like any other: of the models whose bits per character on held-out songs grew by 5 % at most, the
    one that rhymes best. rhyme.png shows the course. Ctrl-C saves; --resume goes on.
    """
    with join_world(config.device) as world:
        if world.size > 1:
            raise UserError("tuning for verse knows one process only", "run it without torchrun")
        _tune(config, world)


def _tune(config: RhymeConfig, world: World) -> None:
    base = find_checkpoint(config.base, config.base_run)
    if not config.base_run and not Path(config.base).expanduser().is_dir():
        # Once this run has a model, the corpus has several: the name alone would not do for --resume.
        config = dataclasses.replace(config, base_run=f"{base.parent.name}/{base.name}")
    paths = Artifacts(config.corpus or _corpus_of(base))
    folder = paths.run("finetune", config.run)
    if base.resolve() == folder.resolve():
        raise UserError(f"{shown(folder)} cannot be its own base", "choose another --run")
    inputs = [paths.corpus, *(base / name for name in (MODEL, CONFIG, TOKENIZER))]
    checkpoint = load_checkpoint(base, world.device)
    material = _material(base, paths, checkpoint, config.seed)
    length = min(checkpoint.model.config.block_size, len(material.tokens.train.inputs))
    with hold(folder, world):
        config = begin(folder, config, inputs, lambda given: _settle(given, length, world), world)
        if not config.resume:
            beside = [path for name in (PHRASES, LEXICON) if (path := base / name).exists()]
            start_folder(folder, checkpoint.model.config, checkpoint.tokenizer, checkpoint.document, beside)
            write_run_json(folder, config, inputs, parameters=checkpoint.model.count_parameters())
        print(f"base        {shown(base)}")
        print(f"tuning      {_budget(config)}, {config.method}: {config.drafts} songs a round, {_pressure(config)}")
        tuning = Tuning(folder, material, _settings(config), resume=config.resume)
        best = tuning.run(_resume_command(config))
    print(
        f"best        {best['rhyme_rate']:.0%} of lines rhyme, {best['full_rate']:.0%} in full, {best['cost']:+.1%} "
        f"bits per character held out, at step {best['step']:,} of {tuning.progress.step:,}"
    )
    if best["tuned_share"] < 1:
        print(
            f"note        its weights are {best['tuned_share']:.0%} tuned, the rest the base's: else it cost too much"
        )
    if not best["step"]:
        print(f"note        no later model rhymed better at {MOST_COST:.0%} more bits: this is the base as it was")
    print(f"written     {shown(folder)}/  (rhyme.png shows the course)")
    print(f"next        python generate/sample.py --corpus {slug(paths.name)} --run finetune/{slug(config.run)}")


def _corpus_of(base: Path) -> str:
    """The corpus that the base lies with."""
    folder = base.resolve().parent.parent
    if Artifacts(folder.name).corpus.resolve() != (folder / "corpus.json"):
        raise UserError(f"which songs {shown(base)} was trained on is not known", "say --corpus")
    return folder.name


def _material(base: Path, paths: Artifacts, checkpoint: Checkpoint, seed: int) -> Material:
    """What the tuning goes by; raises UserError where base or songs give no verse."""
    corpus = read_corpus(paths.corpus)
    if checkpoint.document == "text":
        raise UserError(f"{shown(base)} was trained on one running text: it writes no stanzas", "tune a base of songs")
    language = known_language(corpus.language)
    words = load_lexicon(base).of(language)
    if not words.ends:
        raise UserError(f"the base has learnt no words in {language}", "tune it with songs in its own language")
    split = split_songs(corpus, seed, checkpoint.learnt)
    if split.document == "text":
        raise UserError(f"{shown(paths.corpus)} is one running text: it has no stanzas", "give a corpus of songs")
    tokens = _tokens_there(paths, checkpoint) or encode_split(split, checkpoint.tokenizer)
    titles = [checkpoint.tokenizer.encode(song.title) for song in split.train]
    index = load_index(base) if (base / PHRASES).exists() else None
    return Material(checkpoint, tokens, titles, language, words, index, _shortest(split.train, language))


def _shortest(songs: Sequence[Song], language: Language) -> int:
    """Syllables that all but a tenth of the lines have at least."""
    drawn = [songs[place] for place in range(0, len(songs), max(1, len(songs) // LOOKED_AT))]
    lines = [analyse(line, language).syllables for song in drawn for line in song.lyrics.split("\n")]
    return int(np.quantile([syllables for syllables in lines if syllables] or [1], 0.1))


def _tokens_there(paths: Artifacts, checkpoint: Checkpoint) -> Tokens | None:
    """The tokens that the base was trained on, where these are its songs: making them anew takes a while."""
    stored = paths.tokens / "tokens.safetensors"
    if not stored.exists():
        return None
    tokens = Tokens.load(stored)
    same = tokens.tokenizer_sha256 == checkpoint.tokenizer.sha256
    return tokens if same and tokens.learnt == checkpoint.learnt else None


def _settle(config: RhymeConfig, length: int, world: World) -> RhymeConfig:
    open_ended = config.minutes is None and config.max_steps is None
    settled = dataclasses.replace(
        config,
        minutes=MINUTES if open_ended else config.minutes,
        learning_rate=config.learning_rate or RATE_SHARE * LEARNING_RATE,
        weight_decay=WEIGHT_DECAY if config.weight_decay is None else config.weight_decay,
    )
    return settle_batch(settled, length, world)


def _settings(config: RhymeConfig) -> Settings:
    fields = [field.name for field in dataclasses.fields(Settings)]
    return Settings(**{name: getattr(config, name) for name in fields})


def _resume_command(config: RhymeConfig) -> str:
    given = {name: getattr(config, name) for name in ("base", "base_run", "corpus", "run")}
    options = " ".join(f"--{name} {shlex.quote(value)}" for name, value in given.items() if value)
    return f"python finetune/rhyme.py {options} --resume"


def _budget(config: RhymeConfig) -> str:
    return f"{config.minutes:g} minutes" if config.minutes is not None else f"{config.max_steps:,} steps"


def _pressure(config: RhymeConfig) -> str:
    return f"up to {config.tries} tries a line" if config.method == "expert" else f"beta {config.beta:g}"


if __name__ == "__main__":
    run(main, RhymeConfig)

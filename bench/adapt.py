"""What adapting to an artist is worth: by method, and by how many of the artist's songs there are.

    python bench/adapt.py --base es-poesia-pd --corpus martin-fierro

The validation songs are the same in all rows. `--manner` also asks whose manner the adapted model writes in.
"""

import contextlib
import dataclasses
import io
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.manner import learn_manner
from core.artifacts import Artifacts, find_checkpoint
from core.cli import run
from core.corpus import Song, read_corpus
from core.errors import UserError
from core.files import write_json
from finetune.blending import blend, learnt_weights
from finetune.train import FinetuneConfig, learner, near_copies, settle
from generate.decoding import decode
from generate.sampling import Sampling
from generate.write import Request, Writer
from pretrain.checkpoint import Checkpoint, load_checkpoint, start_folder
from pretrain.loop import Training
from pretrain.parallel import join_world
from pretrain.sizing import LEARNING_RATE
from pretrain.split import Fingerprints, Split, fingerprint
from pretrain.tokens import encode_split, split_songs

CPU = torch.device("cpu")

# What is compared, and the options of finetune/train.py that make it. From scratch, a model learns at pretraining's
# rate, and needs more against learning few songs by heart.
METHODS: dict[str, dict[str, Any]] = {
    "scratch": {"learning_rate": LEARNING_RATE, "dropout": 0.2, "weight_decay": 0.2},
    "full": {"method": "full"},
    "lora": {"method": "lora"},
    "replay": {"method": "full"},
}

# With replay, so much of what is learnt are songs of the base.
REPLAYED = 0.25

# Of a song that is written to be judged.
SONG_TOKENS, TEMPERATURE = 300, 0.8

# Times that a training looks at the validation songs, besides before its first step; the best look counts. From
# scratch, a model may be at its best long before its last step.
EVALUATIONS, OF_SCRATCH = 2, 12


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    base: str
    """What is adapted: a checkpoint folder, or the name of its corpus."""
    base_run: str = ""
    """Which run of the base's corpus, where there are several."""
    corpus: str
    """The artist: a folder under artifacts/."""
    shares: tuple[float, ...] = (0.05, 0.2, 1.0)
    """Of the artist's songs that are learnt; never fewer than two of them."""
    methods: tuple[str, ...] = tuple(METHODS)
    """Any of these."""
    max_steps: int = 120
    """Steps of adapting."""
    scratch_steps: int = 600
    """Steps of training the same model from new weights: the base's and the adapting's together, or as many as it
    takes until it gets no better."""
    manner: int = 0
    """Songs that the model adapted to all songs writes, to be told from those of others."""
    output: Path | None = None
    """The results as JSON, written after every training."""
    seed: int = 1
    """Of the split, the training and the songs written."""


@dataclass(frozen=True)
class Row:
    """One training."""

    corpus: str
    share: float
    songs: int
    characters: int
    method: str
    start_bits: float
    """Bits per character of the validation songs before the first step,"""
    trained_bits: float
    """at the best evaluation,"""
    bits: float
    """and of the model that is kept,"""
    base_share: float
    """which has so much of its base in it."""
    best_step: int
    steps: int
    cpu_seconds: float

    def __str__(self) -> str:
        return (
            f"| {self.corpus} | {self.share:.0%}: {self.songs} songs, {self.characters:,} characters | {self.method} "
            f"| {self.start_bits:.3f} | {self.trained_bits:.3f} | {self.best_step} of {self.steps} | {self.bits:.3f} "
            f"| {self.base_share:.0%} | {self.cpu_seconds:.0f} |"
        )


@dataclass(frozen=True)
class Judged:
    """Whose manner the songs of a model have."""

    corpus: str
    method: str
    right: float
    """Share of pieces of unseen real songs, the artist's and others', that the judge tells right."""
    real: float
    """Of the artist's own validation songs, how many pieces it takes for the artist's."""
    adapted: float
    """The same of the adapted model's songs,"""
    base: float
    """and of the base's."""

    def __str__(self) -> str:
        return (
            f"\nmanner      {self.corpus}, {self.method}: the artist's are {self.adapted:.1%} of the songs of the "
            f"adapted model, {self.base:.1%} of the base's, {self.real:.1%} of the artist's own; "
            f"the judge is right on {self.right:.1%}\n"
        )


HEAD = (
    "| artist | learnt | method | begins with | trained | at step | kept: bits/char | base in it | CPU seconds |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def main(config: AdaptConfig) -> None:
    """Adapt a base in several ways, and print what each makes of it."""
    if unknown := set(config.methods) - METHODS.keys():
        raise UserError(f"no method {', '.join(sorted(unknown))}", f"there are: {', '.join(METHODS)}")
    torch.set_num_threads(1)
    found: list[dict[str, Any]] = []
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for row in _rows(config, Path(scratch)):
            print(row, flush=True)
            found.append(dataclasses.asdict(row))
            if config.output:
                write_json(config.output, found)


def some_of(split: Split, share: float, seed: int) -> Split:
    """The same validation songs, and a share of the others; a smaller share is part of a larger one."""
    order = np.random.default_rng(seed).permutation(len(split.train))
    songs = tuple(split.train[place] for place in order[: max(2, round(share * len(order)))])
    characters = sum(len(song.lyrics) for song in songs)
    return dataclasses.replace(split, train=songs, learnt=Fingerprints(map(fingerprint, songs)), characters=characters)


def _with_replay(split: Split, base: Path, seed: int) -> Split:
    """The same, with songs that the base has learnt among the others."""
    songs = list(split_songs(read_corpus(base.parent.parent / "corpus.json"), seed).train)
    left = split.characters * REPLAYED / (1 - REPLAYED)
    replayed: list[Song] = []
    for place in np.random.default_rng(seed).permutation(len(songs)):
        if left <= 0:
            break
        replayed.append(songs[place])
        left -= len(songs[place].lyrics)
    return dataclasses.replace(split, train=(*split.train, *replayed))


def _rows(config: AdaptConfig, scratch: Path) -> Iterator[Row | Judged]:
    base = find_checkpoint(config.base, config.base_run)
    corpus = read_corpus(Artifacts(config.corpus).corpus)
    whole = split_songs(corpus, config.seed, load_checkpoint(base, CPU).learnt | near_copies(corpus, base))
    for share in config.shares:
        split = some_of(whole, share, config.seed)
        for method in config.methods:
            folder = scratch / f"{method}-{share}"
            yield _train(config, base, split, share, method, folder=folder)
            if config.manner and share == max(config.shares) and method != "scratch":
                yield _judge(config, base, folder, split, method)


def _train(config: AdaptConfig, base: Path, split: Split, share: float, method: str, *, folder: Path) -> Row:
    """Train as finetune/train.py does, in a folder of its own."""
    began = time.process_time()
    steps = config.scratch_steps if method == "scratch" else config.max_steps
    options = FinetuneConfig(
        base=config.base,
        corpus=config.corpus,
        device="cpu",
        seed=config.seed,
        max_steps=steps,
        eval_interval=-(-steps // (OF_SCRATCH if method == "scratch" else EVALUATIONS)),
        **METHODS[method],
    )
    with join_world("cpu") as world, _silence():
        checkpoint = load_checkpoint(base, world.device)
        read = _with_replay(split, base, config.seed) if method == "replay" else split
        tokens = encode_split(read, checkpoint.tokenizer)
        if method == "scratch":
            checkpoint.model.init_weights(torch.Generator().manual_seed(config.seed))
        options = settle(options, tokens.train, checkpoint.model.config, world)
        model, save = learner(checkpoint.model, options, base)
        start = learnt_weights(model)
        start_folder(folder, model.config, checkpoint.tokenizer, "songs")
        training = Training(folder, model, tokens, options, world, save=save)
        result = training.run("")
        better = None if method == "scratch" else blend(training, start)
    return Row(
        corpus=config.corpus,
        share=share,
        songs=len(split.train),
        characters=split.characters,
        method=method,
        start_bits=training.metrics.read()[0]["bits_per_char"],
        trained_bits=result.best_bits_per_char,
        bits=better.bits_per_char if better else result.best_bits_per_char,
        base_share=1 - better.part if better else float(method != "scratch" and not result.best_step),
        best_step=result.best_step,
        steps=result.step,
        cpu_seconds=time.process_time() - began,
    )


def _judge(config: AdaptConfig, base: Path, folder: Path, split: Split, method: str) -> Judged:
    """Let the adapted model and its base write, and say how much of it a judge takes for the artist's."""
    others = split_songs(read_corpus(base.parent.parent / "corpus.json"), config.seed)
    known = [[song.lyrics for song in songs] for songs in (split.train, others.train, split.val, others.val)]
    manner = learn_manner(known[0], known[1], (known[2], known[3]))
    shares = [manner.share(_songs(load_checkpoint(each, CPU), config)) for each in (folder, base)]
    return Judged(config.corpus, method, manner.right, manner.share(known[2]), *shares)


def _songs(checkpoint: Checkpoint, config: AdaptConfig) -> list[str]:
    writer = Writer(checkpoint)
    sampling = Sampling(temperature=TEMPERATURE)
    requests = [
        Request(seed=config.seed + number, sampling=sampling, max_new_tokens=SONG_TOKENS, min_new_tokens=SONG_TOKENS)
        for number in range(config.manner)
    ]
    songs = [writer.song(request) for request in requests]
    for _ in decode(writer.network, songs):
        pass
    return [song.lyrics for song in songs]


@contextmanager
def _silence() -> Generator[None]:
    """What a training says is not what is measured."""
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


if __name__ == "__main__":
    run(main, AdaptConfig)

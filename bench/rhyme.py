"""What tuning for verse changes: free writing, held-out songs, and composing in a form, from the same seeds.

    python bench/rhyme.py --base C --tuned T1 T2 --corpus corpus.json --songs 200 --form "ABBA 8"

A line rhymes if another of its stanza, at most 4 lines away, ends on another word of the same sound, in full or in the
vowels; both words must stand in the songs. Vowels agree by chance: the rate of real held-out songs is printed, and of
the same lines in random order.
"""

import dataclasses
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.verse_figures import unknown_words
from core.cli import run
from core.stored import open_corpus
from finetune.tuning.figures import FreeWriting, held_out_loss, write_freely
from finetune.tuning.verse import Rhyming, rhyming
from generate import decoding
from generate.compose import Composition
from generate.originality import measure
from generate.verse.composer import Composer
from generate.verse.line_search import Candidate
from generate.verse.plan import ComposedLine, Plan
from generate.write import Request, Writer
from pretrain.checkpoint import Checkpoint, load_checkpoint
from pretrain.lexicon import Words, load_lexicon
from pretrain.metrics import Metrics, bits_per_char
from pretrain.phrases import PHRASES, load_index
from pretrain.split import split_songs
from pretrain.tokens import encode_split
from prosody.form import parse_form
from prosody.line import Language, known_language

# Tokens of a song, and rhyme pairs that diversity is measured on.
LENGTH, PAIRS = 200, 300


@dataclass(frozen=True, kw_only=True)
class RhymeBenchConfig:
    base: Path
    """The model before."""
    tuned: tuple[Path, ...]
    """Models that came of it."""
    corpus: Path
    """The songs that the base was trained on."""
    songs: int = 200
    """Written freely by each."""
    form: str = "ABBA 8"
    """To compose in; empty composes nothing."""
    poems: int = 10
    """Composed by each."""


def main(config: RhymeBenchConfig) -> None:
    """Print the figures of each model, beside those of real songs."""
    torch.set_num_threads(1)
    corpus = open_corpus(config.corpus)
    language = known_language(corpus.language)
    before = _load(config.base)
    words = load_lexicon(config.base).of(language)
    split = split_songs(corpus, 1, before.learnt)
    texts = [song.lyrics for song in split.val]
    print(f"{'real':<24}{_rhymes(rhyming(texts, language, words.counts))}")
    print(f"{'real, lines shuffled':<24}{_rhymes(rhyming(_shuffled(texts), language, words.counts))}", flush=True)
    part = encode_split(dataclasses.replace(split, train=split.val[:1]), before.tokenizer).val
    loss = 0.0
    for folder in (config.base, *config.tuned):
        checkpoint = _load(folder)
        name = f"{folder.parent.name}/{folder.name}"
        free = write_freely(checkpoint, language, words.counts, songs=config.songs, length=LENGTH)
        print(f"{name:<24}{_rhymes(free.rhyming)}", flush=True)
        for line in _figures(folder, free, words, language):
            print(f"{'':<24}{line}", flush=True)
        here = held_out_loss(checkpoint.model, part)
        loss = loss or here
        print(
            f"{'':<24}{bits_per_char(here, part):.4f} bits per character held out, {here / loss - 1:+.2%}", flush=True
        )
        if config.form:
            print(f"{'':<24}{_composing(checkpoint, folder, config, language)}", flush=True)


def _load(folder: Path) -> Checkpoint:
    return load_checkpoint(folder, torch.device("cpu"))


def _rhymes(found: Rhyming) -> str:
    pairs = found.distinct_pairs(PAIRS)
    shown = "too few" if pairs is None else f"{pairs:.1%} of {PAIRS}"
    return (
        f"{found.rate:.1%} of {found.lines:,} lines rhyme, {found.full_rate:.1%} in full; {found.metre_rate:.1%} have "
        f"a neighbour's length, {found.syllables:g} syllables in the middle; distinct pairs: {shown}"
    )


def _shuffled(texts: list[str]) -> list[str]:
    """All lines dealt out anew, over songs of the same shape."""
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    random.Random(1).shuffle(lines)  # noqa: S311 -- nobody's secret
    return ["\n".join(lines.pop() if line.strip() else "" for line in text.split("\n")) for text in texts]


def _figures(folder: Path, free: FreeWriting, words: Words, language: Language) -> Iterator[str]:
    unknown = unknown_words(free.texts, words, language)
    distinct = "too few words" if free.distinct_3 is None else f"{free.distinct_3:.3f}"
    yield f"distinct-3 {distinct}; {unknown:.2%} of words are none"
    if (folder / PHRASES).exists():
        index = load_index(folder)
        found = [measure(index, text) for text in free.texts]
        share = sum(each.share for each in found) / len(found)
        yield f"copied: {share:.2%} of words, longest run {max(each.longest for each in found)} words"
    lines = [facts for facts in Metrics(folder / "metrics.jsonl").read() if "writing_seconds" in facts]
    if lines:
        last = lines[-1]
        yield (
            f"cost: {last['writing_seconds']:.0f} s of CPU writing drafts, {last['learning_seconds']:.0f} s learning, "
            f"{last['judging_seconds']:.0f} s judging, {last['step']:,} steps; kept the model of step "
            f"{max(lines, key=lambda facts: (facts['cost'] <= 0.05, facts['rhyme_rate']))['step']:,}"
        )


def _composing(checkpoint: Checkpoint, folder: Path, config: RhymeBenchConfig, language: Language) -> str:
    """How many candidates a line of a form takes, and how long a poem."""
    composer = Composer(Writer(checkpoint), load_lexicon(folder), language)
    form = parse_form(config.form, language)
    tried = finished = lines = kept = 0
    start = time.process_time()
    for seed in range(config.poems):
        poem = Composition(composer, Request(seed=seed), Plan(form=form))
        for step in poem.steps():
            if isinstance(step, ComposedLine):
                lines += step.verse is not None
                continue
            for _ in decoding.decode(composer.writer.network, step, 32):
                pass
            candidates = [one for one in step if isinstance(one, Candidate)]
            tried += len(candidates)
            finished += sum(one.finished for one in candidates)
        kept += not poem.failure
    seconds = (time.process_time() - start) / config.poems
    return (
        f"{config.form}: {tried / max(1, lines):.1f} candidates a line, {finished / max(1, tried):.1%} of them end "
        f"well; {seconds:.2f} s of CPU a poem, {kept} of {config.poems} finished"
    )


if __name__ == "__main__":
    run(main, RhymeBenchConfig)

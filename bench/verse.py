"""How well verse is written in a form: what is asked, what is heard, what it costs.

    python bench/verse.py --checkpoint C --judge J --corpus corpus.json --forms "ABBA 8" "ABAB 11" --stanzas 1000

`judge` is a checkpoint trained on the same songs without verse codes (tokenize_data.py --no_verse_codes).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.espeak import Judge
from bench.verse_figures import (
    bits_per_char,
    copied,
    counted_alike,
    heard,
    in_rhythm,
    kept,
    pairs_of_form,
    pairs_of_songs,
    repeated,
    unknown_words,
)
from core.cli import run
from core.corpus import Song
from core.stored import open_corpus
from generate.compose import Composition
from generate.decoding import decode
from generate.originality import COPIED
from generate.sampling import Sampling, cuts
from generate.verse.composer import Composer
from generate.verse.growing_line import GrowingLine
from generate.verse.line_search import Candidate
from generate.verse.plan import Plan
from generate.write import Request, Writer
from pretrain.checkpoint import Checkpoint, load_checkpoint
from pretrain.lexicon import load_lexicon
from pretrain.phrases import load_index
from pretrain.split import split_songs
from pretrain.tokenizer import Tokenizer
from pretrain.verse_codes import NEAR_END
from prosody.form import Form, format_form, parse_form
from prosody.rhyming import analyse


@dataclass(frozen=True, kw_only=True)
class VerseConfig:
    checkpoint: Path
    """The model that composes."""
    judge: Path
    """Another of the same songs."""
    corpus: Path
    """Their corpus.json."""
    forms: tuple[str, ...] = ("ABBA 8", "ABAB 11")
    """What is asked."""
    stanzas: int = 1000
    """Poems of each form."""
    temperature: float = 0.8
    """Of composed and of free lines."""
    show: int = 20
    """Poems of each form that are printed."""
    seed: int = 1
    """Of the first poem; each other has the next."""


# Songs that are written freely.
FREE = 200


class Unaided(Candidate):
    """A line that has its codes and nothing else: what the model writes is not looked at."""

    def __init__(self, tokenizer: Tokenizer, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._tokenizer = tokenizer
        self._words: list[list[int]] = []
        """Ids of each, from the last."""
        self._told = False

    @property
    def text(self) -> str:
        """The line as it is."""
        return " ".join(self._tokenizer.decode(word).strip(" ") for word in reversed(self._words))

    def _go_on(self, line: GrowingLine, logits: np.ndarray) -> int | None:
        self._words = self._words or [self._tokenizer.encode(f" {line.end_word}")]
        logits = logits.copy()
        logits[list(self.grammar.counts)] = -np.inf
        if len(self._words) == 1 and not self._told:
            # That the last word is complete was drawn already.
            logits = np.where(np.isin(np.arange(len(logits)), self.grammar.behind_word), logits, -np.inf)
        likely = np.flatnonzero(logits >= cuts(logits, self.sampling, 0.0)[0])
        scores = (logits + self._noise.of(len(logits)))[likely]
        for chosen in likely[np.argsort(-scores)].tolist():
            piece = self.grammar.pieces[chosen]
            if not self._told and (piece.kind == "left" or piece.spaced):
                left = self.syllables - analyse(self.text, self.grammar.language).syllables
                if 0 <= left <= NEAR_END or len(self._words) == 1:
                    self._told = True
                    return self.grammar.left[left]
            if piece.kind == "left":
                continue
            if piece.kind == "newline":
                return None
            if piece.spaced or self._told:
                self._words.append([])
            self._words[-1].append(chosen)
            self._told = False
            return chosen
        return None


def main(config: VerseConfig) -> None:
    """Compose poems, and print what becomes of them."""
    torch.set_num_threads(1)
    checkpoint, judge = (load_checkpoint(path, torch.device("cpu")) for path in (config.checkpoint, config.judge))
    writer = Writer(checkpoint, load_index(config.checkpoint))
    composer = Composer(writer, load_lexicon(config.checkpoint))
    parts = split_songs(open_corpus(config.corpus), 1)
    songs, free = list(parts.train), _free(composer, config)
    real = [song.lyrics for song in parts.val]
    for text in config.forms:
        form = parse_form(text, composer.language)
        print(f"\n## {format_form(form)}\n")
        for name, figure in _unaided(composer, form, songs, config):
            print(f"{name:<12}{figure}", flush=True)
        poems, seconds = _compose(composer, form, config)
        figures = _figures(composer, form, [poem for poem in poems if not poem.failure], songs)
        finished = sum(not poem.failure for poem in poems) / len(poems)
        print(f"{'finished':<12}{finished:.1%}, {seconds:.2f} s of CPU a poem of {form.lines} lines")
        texts = [poem.text for poem in poems if not poem.failure]
        for name, figure in (*figures, *_against(composer, judge, texts, free, real)):
            print(f"{name:<12}{figure}", flush=True)


def _free(composer: Composer, config: VerseConfig) -> list[str]:
    """Songs that nobody asked anything of, the first lines of each."""
    sampling = Sampling(temperature=config.temperature)
    requests = [Request(seed=config.seed + number, sampling=sampling, max_new_tokens=120) for number in range(FREE)]
    songs = [composer.writer.song(request) for request in requests]
    for _ in decode(composer.writer.network, songs):
        pass
    return ["\n".join(song.lyrics.split("\n")[:-1]) for song in songs]


def _unaided(composer: Composer, form: Form, songs: list[Song], config: VerseConfig) -> Iterator[tuple[str, str]]:
    """Codes only, for the first line of a song: how many have the asked length, the asked sound, and both."""
    verses = [verse for stanza in form.stanzas for verse in stanza]
    chance = np.random.default_rng(config.seed)
    tokenizer, lines = composer.writer.tokenizer, list[Unaided]()
    openers = composer.rhymes.openers(2, assonant=False, sounds=set(), used=set(), spare=4)
    grammar = Composition(composer, Request(), Plan(form=form)).grammar
    for number in range(config.stanzas):
        title = tokenizer.encode(songs[chance.integers(len(songs))].title)
        prompt = [tokenizer.song, tokenizer.title, *title, tokenizer.lyrics]
        key = composer.rhymes.endings[openers[chance.integers(len(openers))]].consonant
        words = composer.rhymes.rhyming(key, assonant=False, used=set())
        ends = composer.ends(words)
        settings = {"sampling": Sampling(temperature=config.temperature), "seed": [config.seed, number]}
        lines.append(Unaided(tokenizer, prompt, grammar, verses[number % len(verses)].syllables, ends, **settings))
    for _ in decode(composer.writer.network, lines):
        pass
    hits: list[tuple[bool, bool]] = []
    for line in lines:
        made = analyse(line.text, composer.language)
        ends = [composer.rhymes.ending(word).consonant for word in (made.last_word, line.end_word)]
        hits.append((made.syllables == line.syllables, bool(line.end_word) and ends[0] == ends[1]))
    length, sounds, both = (sum(column) / len(hits) for column in zip(*((*hit, all(hit)) for hit in hits), strict=True))
    yield "unaided", f"{length:.1%} of the asked length, {sounds:.1%} of the sound, {both:.1%} both"


def _compose(composer: Composer, form: Form, config: VerseConfig) -> tuple[list[Composition], float]:
    """Poems, some of them printed, and the seconds that each took."""
    poems: list[Composition] = []
    start = time.process_time()
    for number in range(config.stanzas):
        request = Request(seed=config.seed + number, sampling=Sampling(temperature=config.temperature))
        poem = Composition(composer, request, Plan(form=form))
        for _ in poem:
            pass
        poems.append(poem)
        if number < config.show or poem.failure:
            print("\n".join([f"# {poem.title}", poem.text, poem.failure]), flush=True)
    return poems, (time.process_time() - start) / config.stanzas


def _figures(composer: Composer, form: Form, poems: list[Composition], songs: list[Song]) -> Iterator[tuple[str, str]]:
    """What our analysis and espeak's say of poems, and of the songs."""
    language, judge = composer.language, Judge(composer.language)
    lines = [[line.text for line in poem.lines] for poem in poems]
    stanzas = [[line for line in each if line] for each in lines]
    yield "kept", f"{sum(kept(form, each, language) for each in lines) / len(lines):.1%} by our own analysis"
    yield "rhymes", f"{heard(form, stanzas, judge):.1%} heard by espeak"
    for name, some in (
        ("lengths", [line for each in stanzas for line in each]),
        ("", _lines_like(form, songs, composer)),
    ):
        mean, spread = counted_alike(some, judge)
        counted = f"{mean:+.2f} ± {spread:.2f} syllables from ours by espeak"
        yield name, f"{'songs: ' * (not name)}{counted}, {in_rhythm(some, language):.1%} in rhythm"
    for name, pairs in (
        ("pairs", pairs_of_form(form, stanzas, language)),
        ("", pairs_of_songs((song.lyrics for song in songs), language)),
    ):
        shares = f"{pairs.distinct:.0f} distinct of 1,000, {pairs.suffixes(language):.1%} on suffixes"
        yield name, f"{'songs: ' * (not name)}{shares}, {pairs.same():,} of a word with itself"


def _against(
    composer: Composer, judge: Checkpoint, texts: list[str], free: list[str], real: list[str]
) -> Iterator[tuple[str, str]]:
    """What poems cost another model, what they copy and repeat, and what is no word, against songs written freely.

    `real` are songs that neither model has learnt from; of all, as many lines are read as the poems have.
    """
    lines = texts[0].count("\n") + 1
    costs = [
        bits_per_char(judge, ["\n".join(text.split("\n")[:lines]) for text in some]) for some in (texts, free, real)
    ]
    yield "natural", f"{costs[0]:.3f} bits/char, free {costs[1]:.3f}, songs not learnt {costs[2]:.3f}"
    assert composer.writer.index is not None
    shares = [copied(composer.writer.index, some) for some in (texts, free)]
    yield "copied", f"{shares[0]:.2%} of words in runs of {COPIED} and more, free {shares[1]:.2%}"
    yield "repeated", f"{repeated(texts):.2%} of runs of four words, free {repeated(free):.2%}"
    words = composer.lexicon.of(composer.language)
    unknown = [unknown_words(some, words, composer.language) for some in (texts, free)]
    yield "unknown", f"{unknown[0]:.2%} of words, free {unknown[1]:.2%}"


def _lines_like(form: Form, songs: list[Song], composer: Composer) -> list[str]:
    wanted = {verse.syllables for stanza in form.stanzas for verse in stanza}
    lines = [line for song in songs[:: max(1, len(songs) // 400)] for line in song.lyrics.split("\n") if line]
    return [line for line in lines if analyse(line, composer.language).syllables in wanted]


if __name__ == "__main__":
    run(main, VerseConfig)

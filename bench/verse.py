"""How well verse is written in a form: what is asked, what is heard, what it costs.

    python bench/verse.py --checkpoint C --judge J --corpus corpus.json --forms "ABBA 8" "ABAB 11" --stanzas 1000

`judge` is a checkpoint trained on the same songs without verse codes (tokenize_data.py --no-verse_codes).
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.espeak import Judge
from bench.verse_figures import (
    Pairs,
    bits_per_char,
    counted_alike,
    heard,
    kept,
    pairs_of_form,
    pairs_of_songs,
    repeated,
    unknown_words,
)
from core.cli import run
from core.corpus import Song
from core.stored import open_corpus
from generate.compose import Composition, Plan
from generate.composer import Composer
from generate.decoding import decode
from generate.growing_line import GrowingLine
from generate.line_search import Candidate
from generate.rhyme_words import EndWords
from generate.sampling import Sampling, cuts
from generate.write import Request, Writer
from pretrain.checkpoint import Checkpoint, load_checkpoint
from pretrain.lexicon import load_lexicon
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


class Unaided(Candidate):
    """A line that has its codes and nothing else: what the model writes is not looked at."""

    def __init__(self, tokenizer: Tokenizer, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._tokenizer = tokenizer
        self._reminded = False

    def _go_on(self, line: GrowingLine, logits: np.ndarray) -> int | None:
        logits = logits.copy()
        logits[list(self.grammar.counts)] = -np.inf
        for chosen in next(iter(self._by_draw(logits))):
            piece = self.grammar.pieces[chosen]
            if not self._reminded and self.said and (piece.kind == "left" or piece.spaced):
                text = f"{self._tokenizer.decode(self.said)} {self.end_word}"
                left = self.syllables - analyse(text, self.grammar.language).syllables
                if 0 <= left <= NEAR_END:
                    self._reminded = True
                    return self.grammar.left[left]
            if piece.kind != "left":
                self.said.append(chosen)
                return None if piece.kind == "newline" else chosen
        return None


def main(config: VerseConfig) -> None:
    """Compose poems, and print what becomes of them."""
    torch.set_num_threads(1)
    checkpoint, judge = (load_checkpoint(path, torch.device("cpu")) for path in (config.checkpoint, config.judge))
    composer = Composer(Writer(checkpoint), load_lexicon(config.checkpoint))
    corpus = open_corpus(config.corpus)
    songs = list(split_songs(corpus, 1).train)
    free = list(_free(composer, config))
    for text in config.forms:
        form = parse_form(text, composer.language)
        print(f"\n## {format_form(form)}\n")
        _unaided(composer, form, songs, config)
        _composed(composer, form, judge, songs, free, config)


def _free(composer: Composer, config: VerseConfig) -> Iterator[str]:
    """Songs that nobody asked anything of, a few lines of each."""
    sampling = Sampling(temperature=config.temperature)
    count = min(200, config.stanzas)
    songs = [
        composer.writer.song(Request(seed=config.seed + number, sampling=sampling, max_new_tokens=120))
        for number in range(count)
    ]
    for _ in decode(composer.writer.network, songs):
        pass
    for song in songs:
        yield "\n".join(song.lyrics.split("\n")[:-1])


def _unaided(composer: Composer, form: Form, songs: list[Song], config: VerseConfig) -> None:
    """Codes only: of lines behind real lines, those of the asked length, sound, and both."""
    verses = [verse for stanza in form.stanzas for verse in stanza]
    chance = random.Random(config.seed)
    tokenizer, lines = composer.writer.tokenizer, list[Unaided]()
    openers = composer.rhymes.openers(2, assonant=False, keys=set(), used=set(), spare=4)
    composition = Composition(composer, Request(), Plan(form=form))
    for number in range(config.stanzas):
        title = tokenizer.encode(chance.choice(songs).title)
        prompt = [tokenizer.song, tokenizer.title, *title, tokenizer.lyrics]
        syllables = verses[number % len(verses)].syllables
        assert syllables is not None
        key = composer.rhymes.endings[chance.choice(openers)].consonant
        words = composer.rhymes.rhyming(key, assonant=False, used=set())
        ends = EndWords((composer.spelt(word), word) for word in words)
        sampling = Sampling(temperature=config.temperature)
        lines.append(
            Unaided(
                tokenizer, prompt, composition.grammar, syllables, ends, sampling=sampling, seed=[config.seed, number]
            )
        )
    for _ in decode(composer.writer.network, lines):
        pass
    length, sound, both = 0, 0, 0
    for line in lines:
        made = analyse(tokenizer.decode(line.said), composer.language)
        fits = made.syllables == line.syllables
        rhymes = bool(line.end_word) and made.consonant == composer.rhymes.endings[line.end_word].consonant
        length, sound, both = length + fits, sound + rhymes, both + (fits and rhymes)
    total = len(lines)
    print(
        f"unaided     {length / total:.1%} of the asked length, {sound / total:.1%} of the sound, {both / total:.1%} both"
    )


def _composed(
    composer: Composer, form: Form, judge: Checkpoint, songs: list[Song], free: list[str], config: VerseConfig
) -> None:
    language = composer.language
    poems: list[list[str]] = []
    failures: list[str] = []
    start = time.process_time()
    for number in range(config.stanzas):
        request = Request(seed=config.seed + number, sampling=Sampling(temperature=config.temperature))
        poem = Composition(composer, request, Plan(form=form))
        lines = [line.text for line in poem]
        if poem.failure:
            failures.append(poem.failure)
        else:
            poems.append(lines)
        if number < config.show:
            print("\n".join([f"# {poem.title}", *lines, poem.failure, ""]))
    seconds = (time.process_time() - start) / config.stanzas
    stanzas = [[line for line in lines if line] for lines in poems]
    espeak = Judge(language)
    texts = ["\n".join(lines) for lines in poems]
    corpus = pairs_of_songs((song.lyrics for song in songs), language)
    mine = pairs_of_form(form, poems, language)
    print(
        f"finished    {len(poems) / config.stanzas:.1%}, {seconds:.2f} s of CPU a poem, {form.lines} lines {failures[:3]}"
    )
    print(f"kept        {sum(kept(form, lines, language) for lines in poems) / max(1, len(poems)):.1%}")
    print(f"espeak      hears {heard(form, stanzas, espeak):.1%} of the rhymes")
    print(
        f"            counts {_counts([line for each in stanzas for line in each], espeak)}; songs {_counts(_lines_like(form, songs, composer), espeak)}"
    )
    print(f"pairs       {_pairs(mine, composer)}; songs {_pairs(corpus, composer)}")
    costs = [bits_per_char(judge, group) for group in (texts, free)]
    print(f"natural     {costs[0]:.3f} bits/char, free {costs[1]:.3f}: {costs[0] / costs[1] - 1:+.1%}")
    print(f"repeated    {repeated(texts):.2%}, free {repeated(free):.2%}")
    words = composer.lexicon.of(language)
    print(
        f"unknown     {unknown_words(texts, words, language):.2%} of words, free {unknown_words(free, words, language):.2%}",
        flush=True,
    )


def _counts(lines: list[str], judge: Judge) -> str:
    mean, spread = counted_alike(lines, judge)
    return f"{mean:+.2f} ± {spread:.2f} syllables from ours"


def _lines_like(form: Form, songs: list[Song], composer: Composer) -> list[str]:
    wanted = {verse.syllables for stanza in form.stanzas for verse in stanza}
    lines = [line for song in songs[:: max(1, len(songs) // 400)] for line in song.lyrics.split("\n") if line]
    return [line for line in lines if analyse(line, composer.language).syllables in wanted]


def _pairs(pairs: Pairs, composer: Composer) -> str:
    return f"{pairs.distinct:.0f} distinct of 1,000, {pairs.suffixes(composer.language):.1%} on suffixes, {pairs.same()} with itself"


if __name__ == "__main__":
    run(main, VerseConfig)

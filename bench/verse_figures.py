"""Figures of verse: whatever wrote it, lines in and shares out."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812

from bench.espeak import Judge
from core.words import folded_words
from generate.originality import measure
from pretrain.checkpoint import Checkpoint
from pretrain.lexicon import Words
from pretrain.phrases import PhraseIndex
from prosody.checking import check
from prosody.form import Form
from prosody.line import Language
from prosody.rhyming import analyse, rhyme_kind
from prosody.rhythm import stumbles

# Endings that rhyme without anybody's effort: verbs, participles, abstract nouns, adverbs.
_SUFFIXES: dict[Language, re.Pattern[str]] = {
    "es": re.compile(
        "(?:[aei]r|[ai]d[oa]s?|[ai]ndo|ci[oó]n(?:es)?|mente|[aei]ba[ns]?|ía[ns]?|[aei]ste|dad(?:es)?|[aio]ron)$"
    ),
    "fr": re.compile("(?:er|ées?|és?|ant[es]*|tions?|ments?|aient|ait|ais|ie?s?|té|eurs?|euses?)$"),
    "en": re.compile("(?:ing|ed|ly|ness|tion|ty|est|eth|er)$"),
}

# Lines between which a rhyme is looked for in songs whose scheme nobody wrote down.
NEAR = 4


@dataclass(frozen=True)
class Pairs:
    """Rhyme pairs."""

    words: list[tuple[str, str]]

    @property
    def distinct(self) -> float:
        """Different pairs in each 1,000, as many as there are being drawn evenly."""
        drawn = self.words[:: max(1, len(self.words) // 1000)][:1000]
        return 1000 * len({tuple(sorted(pair)) for pair in drawn}) / max(1, len(drawn))

    def suffixes(self, language: Language) -> float:
        """Share of pairs that rhyme on the same kind of ending."""
        pattern = _SUFFIXES[language]
        found = [[pattern.search(word) for word in pair] for pair in self.words]
        alike = [one is not None and other is not None for one, other in found]
        return sum(alike) / max(1, len(alike))

    def same(self) -> int:
        """Pairs of a word with itself."""
        return sum(one == other for one, other in self.words)


def pairs_of_form(form: Form, stanzas: Iterable[Sequence[str]], language: Language) -> Pairs:
    """Each line's end with that of the line before it that it has to rhyme with."""
    verses = [verse for stanza in form.stanzas for verse in stanza]
    found: list[tuple[str, str]] = []
    for lines in stanzas:
        ends = [analyse(line, language).last_word for line in lines if line]
        last: dict[str, str] = {}
        for verse, end in zip(verses, ends, strict=True):
            if verse.rhyme is not None:
                if verse.rhyme in last:
                    found.append((last[verse.rhyme], end))
                last[verse.rhyme] = end
    return Pairs(found)


def pairs_of_songs(lyrics: Iterable[str], language: Language) -> Pairs:
    """Each line's end with the nearest before it, in its stanza, that it rhymes with in full."""
    found: list[tuple[str, str]] = []
    for text in lyrics:
        for stanza in text.split("\n\n"):
            lines = [analyse(line, language) for line in stanza.split("\n")]
            for place, line in enumerate(lines):
                for other in reversed(lines[max(0, place - NEAR) : place]):
                    if line.words and other.words and rhyme_kind(other, line, language) == "consonant":
                        found.append((other.last_word, line.last_word))
                        break
    return Pairs(found)


def kept(form: Form, lines: Sequence[str], language: Language) -> bool:
    """Whether a poem keeps its form by our own analysis."""
    return not any(check(form, lines, language))


def heard(form: Form, stanzas: Sequence[Sequence[str]], judge: Judge) -> float:
    """Share of the rhymes that espeak hears."""
    assonant = any(verse.assonant for stanza in form.stanzas for verse in stanza)
    pairs = pairs_of_form(form, stanzas, judge.language).words
    judge.listen([word for pair in pairs for word in pair])
    hear = judge.vowels if assonant else judge.rime
    return sum(hear(one) == hear(other) for one, other in pairs) / max(1, len(pairs))


def counted_alike(lines: Sequence[str], judge: Judge) -> tuple[float, float]:
    """How far espeak's count is from ours: the mean difference, and its mean absolute distance from that mean."""
    judge.listen(lines)
    off = [judge.syllables(line) - analyse(line, judge.language).syllables for line in lines]
    mean = sum(off) / max(1, len(off))
    return mean, sum(abs(one - mean) for one in off) / max(1, len(off))


def in_rhythm(lines: Iterable[str], language: Language) -> float:
    """Share of lines that do not go against the rhythm of their length; in English, of feet of two syllables."""
    off = [stumbles(analyse(line, language), language) for line in lines]
    return sum(not each for each in off) / max(1, len(off))


def unknown_words(texts: Iterable[str], words: Words, language: Language) -> float:
    """Share of words that do not stand in the songs."""
    said = [word for text in texts for line in text.split("\n") for word in analyse(line, language).words]
    return sum(word not in words.counts for word in said) / max(1, len(said))


def copied(index: PhraseIndex, texts: Iterable[str]) -> float:
    """Share of words in long runs that stand so in the songs learnt; a text counts by its words."""
    found = [(measure(index, text).share, len(folded_words(text))) for text in texts]
    return sum(share * words for share, words in found) / max(1, sum(words for _, words in found))


def repeated(texts: Iterable[str], size: int = 4) -> float:
    """Share of runs of `size` words that their own text has said before."""
    again = total = 0
    for text in texts:
        words = text.lower().split()
        runs = Counter(tuple(words[start : start + size]) for start in range(len(words) - size + 1))
        total += runs.total()
        again += runs.total() - len(runs)
    return again / max(1, total)


@torch.inference_mode()
def bits_per_char(judge: Checkpoint, texts: Iterable[str]) -> float:
    """What texts cost a model, in bits per character: what is likely reads naturally.

    Each begins as a song's lyrics; of a text longer than the model's window the rest is left out.
    """
    bits = characters = 0.0
    size = judge.model.config.block_size
    for text in texts:
        ids = [judge.tokenizer.song, judge.tokenizer.lyrics, *judge.tokenizer.encode(text + "\n")][: size + 1]
        spelt = judge.tokenizer.spelt
        logits = judge.model(torch.tensor([ids[:-1]]))[0]
        losses = F.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
        bits += float(losses[1:].sum()) / math.log(2)
        characters += sum(spelt[id_] for id_ in ids[2:])
    return bits / max(1.0, characters)

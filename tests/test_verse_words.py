from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from generate.verse.line_choice import dangles, worth
from generate.verse.rhyme_words import ANSWERS_IN, FEW, FEWEST_ANSWERS, RhymeWords
from generate.verse.title import Title
from generate.write import Request
from pretrain.lexicon import Words
from prosody.line import Language
from tests.test_compose import composer_of


def rhymes(language: Language, text: str) -> RhymeWords:
    words = Counter(text.split())
    return RhymeWords(Words(words, words), language)


def test_french_plurals_rhyme_among_themselves_while_there_are_enough() -> None:
    plural = "colombes tombes bombes trombes plombes surplombes succombes incombes"
    assert len(plural.split()) == FEW
    known = rhymes("fr", f"{plural} ombre tombe bombe")
    key = known.ending("tombe").consonant
    assert known.ending("tombes").consonant == key
    found = known.rhyming(key, assonant=False, used={"x"}, like="tombes")
    assert sorted(found) == sorted(plural.split())
    assert "tombe" in known.rhyming(key, assonant=False, used={"bombes"}, like="tombes")
    assert "colombes" in known.rhyming(key, assonant=False, used=set(), like="tombe")
    assert "colombes" in known.rhyming(key, assonant=False, used=set())


@pytest.mark.parametrize(
    ("language", "word", "alike", "other"),
    [
        ("fr", "couché", "coucher", "péché"),
        ("fr", "mère", "maire", "terre"),
        ("en", "sea", "see", "tree"),
        ("en", "night", "knight", "delight"),
        ("es", "casa", "caza", "brasa"),
    ],
)
def test_a_word_does_not_rhyme_with_one_that_sounds_the_same(
    language: Language, word: str, alike: str, other: str
) -> None:
    known = rhymes(language, f"{word} {alike} {other}")
    key = known.ending(word).consonant
    assert {known.ending(each).consonant for each in (alike, other)} == {key}
    assert known.rhyming(key, assonant=False, used={word}) == [other]
    openers = known.openers(1, assonant=False, sounds=set(), used={word}, spare=1)
    assert openers == [other]


def test_of_many_answers_some_are_drawn_and_each_in_its_turn() -> None:
    beginnings = [letter + vowel for letter in "bcdfglmnprst" for vowel in "aeiou"]
    known = rhymes("es", " ".join(f"{beginning}{end}" for beginning in beginnings for end in ("luna", "muna")))
    key = known.ending("laluna").consonant
    everything = known.rhyming(key, assonant=False, used=set())
    assert len(everything) > ANSWERS_IN * FEWEST_ANSWERS
    chance = np.random.default_rng(1)
    drawn = [known.rhyming(key, assonant=False, used=set(), chance=chance) for _ in range(40)]
    for some in drawn:
        assert FEWEST_ANSWERS <= len(some) <= len(everything) // 2
        assert [word for word in everything if word in some] == some
    assert {word for some in drawn for word in some} == set(everything)
    used = set(everything[FEWEST_ANSWERS:])
    few = known.rhyming(key, assonant=False, used=used)
    assert 0 < len(few) <= FEWEST_ANSWERS
    assert known.rhyming(key, assonant=False, used=used, chance=chance) == few


def said(text: str) -> Any:
    composer = composer_of("es")
    ids = composer.writer.tokenizer.encode(text)
    return SimpleNamespace(text=text, said=ids, end_word=text.rsplit(maxsplit=1)[-1])


def test_of_lines_as_likely_that_is_worth_more_which_says_something() -> None:
    composer = composer_of("es")
    counts = composer.lexicon.of("es").counts
    rare, usual = min(counts, key=lambda word: (counts[word], word)), max(counts, key=lambda word: counts[word])
    # The same nats for a rare word before the end and for one that stands everywhere.
    worths = [
        worth(line, [*[0.0] * (len(line.said) - 1), -20.0], composer, []) * len(line.text)
        for line in (said(f"{word} luna") for word in (rare, usual))
    ]
    assert worths[0] > worths[1]


def test_a_word_that_no_line_ends_on_is_the_rarest_of_ends() -> None:
    known = rhymes("es", "luna cuna luna")
    assert known.ending("duna").consonant == known.ending("luna").consonant
    assert known.ending("duna").logprob < known.ending("cuna").logprob < known.ending("luna").logprob


@pytest.mark.parametrize(
    ("line", "expected"), [("y el mar,", True), ("el mar:", True), ("el mar.", False), ("", False)]
)
def test_a_comma_promises_more(line: str, expected: bool) -> None:
    assert dangles(line) == expected


@pytest.mark.parametrize(("text", "expected"), [("La luna", 0), ("LA LUNA", 0), ("La lunta", 1), ("?", 1), ("", 1)])
def test_a_title_of_words_that_exist_is_better(text: str, expected: int) -> None:
    composer = composer_of("es")
    title = Title(composer, Request(), 0)
    title.ids += composer.writer.tokenizer.encode(text)
    assert title.text == text
    assert title.unknown == expected

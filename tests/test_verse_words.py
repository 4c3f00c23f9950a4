from collections import Counter
from copy import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.corpus import Song
from generate.verse.composer import Composer
from generate.verse.line_choice import AVOIDED, COPYING, SEEN, avoided, dangles, worth
from generate.verse.rhyme_words import (
    ANSWERS_IN,
    FEW,
    FEWEST_ANSWERS,
    FEWEST_OPENERS,
    MOST_OF_SOUND,
    RhymeWords,
)
from generate.verse.title import Title
from generate.write import Request
from pretrain.lexicon import Words, build_lexicon
from pretrain.phrases import build_index
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


def test_rhymes_begin_on_other_words_each_time_and_not_on_a_suffix_alone() -> None:
    consonants = [one + vowel + other for one in "bcdfglmnpst" for vowel in "aeiou" for other in "bdlmnpt"]
    words = [f"{beginning}ado" for beginning in consonants]
    words += [f"{one}{vowel}{end}" for end in ("uno", "eso", "oja", "illo") for one in "bdflmnpt" for vowel in "ae"]
    known = rhymes("es", " ".join(words))
    everything = known.openers(2, assonant=False, sounds=set(), used=set(), spare=2)
    suffix = known.ending("banado").consonant

    def on_suffix(some: list[str]) -> float:
        return sum(known.ending(word).consonant == suffix for word in some) / len(some)

    chance = np.random.default_rng(1)
    drawn = [known.openers(2, assonant=False, sounds=set(), used=set(), spare=2, chance=chance) for _ in range(100)]
    assert on_suffix(everything) > 0.8
    assert sum(map(on_suffix, drawn)) / len(drawn) == pytest.approx(MOST_OF_SOUND / (MOST_OF_SOUND + 64), abs=0.05)
    for some in drawn:
        assert len(some) == FEWEST_OPENERS
        assert [word for word in everything if word in some] == some
    assert len({word for some in drawn for word in some}) > 0.9 * len(everything)


def value(composer: Composer, text: str, likely: float = -20.0) -> float:
    """Nats that a line is worth if it is so likely, all of it at its end."""
    ids = composer.writer.tokenizer.encode(text)
    line: Any = SimpleNamespace(text=text, end_word=text.rsplit(maxsplit=1)[-1])
    return worth(line, ids, [*[0.0] * (len(ids) - 1), likely], composer, []) * len(text)


def test_of_lines_as_likely_that_is_worth_more_which_says_something() -> None:
    composer = composer_of("es")
    counts = composer.lexicon.of("es").counts
    rare, usual = min(counts, key=lambda word: (counts[word], word)), max(counts, key=lambda word: counts[word])
    # The same nats for a rare word before the end and for one that stands everywhere.
    assert value(composer, f"{rare} luna") > value(composer, f"{usual} luna")


def test_what_the_songs_avoid_counts_against_a_line() -> None:
    known = composer_of("es")
    composer = copy(known)
    composer.writer = copy(known.writer)
    assert not composer.pairs("de del mar")  # without an index nobody knows
    songs = ["la luna del mar\nla casa de la luna\nel mar de la casa del mar\nde la luna"] * 4
    composer.writer.index = build_index(songs)
    lexicon = build_lexicon([Song(id=str(n), lyrics=text, language="es") for n, text in enumerate(songs)], "es")
    composer = Composer(composer.writer, lexicon, "es")
    assert avoided(composer.pairs("la casa del mar")) == 0
    assert avoided(composer.pairs("de del mar")) > 0  # each stands everywhere, and never so
    assert avoided(composer.pairs("luna zorzal")) == 0  # no wonder
    blind = copy(composer)
    blind.writer = copy(composer.writer)
    blind.writer.index = None
    dearer = value(blind, "de del zorzal") - value(composer, "de del zorzal")
    assert dearer == pytest.approx(AVOIDED * avoided(composer.pairs("de del zorzal")))


def test_a_line_is_worth_more_whose_last_two_words_the_songs_have() -> None:
    composer = copy(composer_of("es"))
    composer.writer = copy(composer.writer)
    composer.writer.index = None
    blind = value(composer, "la luna"), value(composer, "luna mar")
    composer.writer.index = build_index(["la luna del mar\nla casa de la luna"])
    assert value(composer, "la luna") == pytest.approx(blind[0] + SEEN)
    assert value(composer, "luna mar") == pytest.approx(blind[1])


def test_a_line_that_the_songs_have_is_worth_less() -> None:
    composer = copy(composer_of("es"))
    composer.writer = copy(composer.writer)
    copied, other = "la luna del mar de la casa", "la casa del mar de la luna"
    worths: list[tuple[float, float]] = []
    for song in (copied, other):
        composer.writer.index = build_index([f"{song}\nla casa\nla luna"])
        worths.append((value(composer, copied), value(composer, other)))
    assert worths[0][0] == pytest.approx(worths[1][0] - COPYING)
    assert worths[0][1] - COPYING == pytest.approx(worths[1][1])


def test_no_line_ends_on_a_word_that_is_longer() -> None:
    known = rhymes("es", "cantaba miraba esperaba daba")
    key = known.ending("daba").consonant
    assert sorted(known.rhyming(key, assonant=False, used=set(), room=3)) == ["cantaba", "daba", "miraba"]
    assert known.openers(1, assonant=False, sounds=set(), used=set(), spare=1, room=2) == ["daba"]
    assert not known.openers(2, assonant=False, sounds=set(), used=set(), spare=1, room=2)


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

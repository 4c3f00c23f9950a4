"""What a text costs without a neural network."""

import math
import random
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrain.baselines import UNICODE, NGram, ngram_bits_per_char, xz_bits_per_char

FIGURES = [ngram_bits_per_char, xz_bits_per_char]

SOME_TEXTS = st.lists(st.text("abñ\n ", max_size=40), max_size=4)


def random_text(alphabet: str, length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


@given(SOME_TEXTS, st.text("abñz𝄞", max_size=9), st.integers(1, 5))
def test_after_every_history_the_probabilities_of_all_characters_sum_to_one(
    texts: list[str], history: str, order: int
) -> None:
    model = NGram(texts, order)
    seen = sorted(set("".join(texts)))
    after = model.log2_probabilities([history + character for character in [*seen, "\U0010fffd"]])
    *known, unknown = 2 ** after[len(history) :: len(history) + 1]
    assert sum(known) + (UNICODE - len(seen)) * unknown == pytest.approx(1)
    assert unknown > 0


def test_a_history_ends_where_its_text_begins() -> None:
    model = NGram(["mar y cielo", "mar y luna"])
    apart, together = model.log2_probabilities(["y ", "m"]), model.log2_probabilities(["y m"])
    assert np.array_equal(apart[:2], together[:2])
    assert apart[2] > together[2]  # both songs begin with an m, and none has it behind "y "


def test_only_the_given_number_of_characters_is_looked_back_on() -> None:
    model = NGram([random_text("abc", 3000, 1)], 5)
    near, far = (model.log2_probabilities([start + "abcabc"]) for start in ("a", "c"))
    assert near[-1] == far[-1]
    assert near[-2] != far[-2]


@pytest.mark.parametrize("letters", [2, 8, 32])
def test_random_characters_cost_what_they_must(letters: int) -> None:
    alphabet = string.ascii_letters[:letters]
    train, val = random_text(alphabet, 200_000, 1), random_text(alphabet, 20_000, 2)
    # Where most histories are new, chance repeats look like habits.
    assert math.log2(letters) < ngram_bits_per_char([train], [val]) < 1.08 * math.log2(letters)
    assert math.log2(letters) <= xz_bits_per_char([train], [val]) < 1.4 * math.log2(letters)


@pytest.mark.parametrize("figure", FIGURES)
def test_what_was_learnt_word_for_word_is_cheap(figure: object) -> None:
    assert callable(figure)
    song, other = (random_text(string.ascii_lowercase, 4000, seed) for seed in (1, 2))
    assert figure([song], [song]) < 0.7
    assert figure([song], [other]) > 4


@pytest.mark.parametrize("figure", FIGURES)
def test_more_of_the_same_kind_makes_it_cheaper(figure: object) -> None:
    assert callable(figure)
    words = [random_text(string.ascii_lowercase, 5, seed) for seed in range(50)]
    songs = [" ".join(random.Random(seed).choices(words, k=100)) for seed in range(30)]
    assert figure(songs[:25], songs[25:]) < figure(songs[:3], songs[25:]) - 0.2


def test_xz_finds_what_it_has_read_however_long_ago() -> None:
    song = random_text(string.printable, 5000, 1)
    far = [song, random_text(string.printable, 100_000, 2)]
    assert xz_bits_per_char(far, [song]) < 0.1


def test_a_character_nobody_has_seen_costs_about_as_much_as_naming_it() -> None:
    text = "agua clara " * 200
    (cost,) = -NGram([text]).log2_probabilities(["雪"])
    assert math.log2(UNICODE) < cost < math.log2(UNICODE) + 12
    assert ngram_bits_per_char([text], ["agua 雪"]) < math.inf


def test_bits_are_charged_per_character_not_per_byte() -> None:
    train, val = random_text("ab", 20_000, 1), random_text("ab", 2000, 2)
    in_kanji = str.maketrans("ab", "雪月")
    plain = ngram_bits_per_char([train], [val])
    assert ngram_bits_per_char([train.translate(in_kanji)], [val.translate(in_kanji)]) == pytest.approx(plain)

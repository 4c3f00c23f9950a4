"""What a line of verse is worth, and what counts as a rhyme."""

from collections import Counter

import numpy as np

from finetune.tuning.reward import COPY, FULL, METRE, SHORT, UNKNOWN, VOWELS, Judge, Worth, odds_of
from finetune.tuning.verse import rhyming
from pretrain.phrases import PhraseIndex, build_index

LINES = [
    "canta la luna en el río",
    "duerme la noche en la arena",
    "vuelve cantando mi pena",
    "tiembla la rama de frío",
]
WORDS = {word for line in LINES for word in line.split()} | {"mía", "día", "cantaba", "llegaba", "casa", "frío"}


def judge(lines: list[str], *, odds: dict[str, float] | None = None, index: PhraseIndex | None = None) -> list[Worth]:
    """Each line's worth, the others before it kept."""
    one = Judge("es", WORDS, index, odds or {}, np.random.default_rng(1))
    found: list[Worth] = []
    for line in lines:
        worth, stanza = one.judge(line)
        one.keep(line, stanza)
        if worth:
            found.append(worth)
    return found


def test_a_quatrain_gets_its_points_where_it_rhymes_and_says_when_a_rhyme_is_due() -> None:
    first, second, third, fourth = judge(LINES)
    assert [worth.must for worth in (first, second, third, fourth)] == [False, False, True, True]
    assert [worth.rhyme for worth in (first, second, third, fourth)] == [0, 0, FULL, FULL]
    assert third.points == FULL + METRE * third.metre
    assert all(worth.clean for worth in (first, second, third, fourth))


def test_vowels_alone_are_worth_less() -> None:
    assert judge(["vuelve a la casa", "duerme la rama"])[1].rhyme == VOWELS


def test_a_word_that_does_not_exist_rhymes_with_nothing_and_costs() -> None:
    worth = judge([*LINES[:2], "vuelve la ñena"])[2]
    assert worth.rhyme == 0
    assert worth.points == METRE * worth.metre - UNKNOWN
    assert not worth.good


def test_a_word_that_ended_a_line_of_the_song_does_not_rhyme_again() -> None:
    assert judge(["noche mía", "canta el día", "la noche mía"])[2].rhyme == 0
    assert judge(["noche mía", "canta el día", "", "la noche mía", "vuelve el día"])[3].rhyme == 0


def test_a_stanza_s_end_ends_its_rhymes() -> None:
    for between in ("", "[Coro]"):
        worth = judge([LINES[0], LINES[1], between, LINES[2], LINES[3]])
        assert [each.rhyme for each in worth] == [0, 0, 0, 0]
        assert [each.must for each in worth] == [False] * 4


def test_a_copied_run_costs_and_is_told_in_every_wording() -> None:
    index = build_index(["la luna canta en el río y duerme"])
    copied, free = judge(["la luna canta en el río", "y duerme la casa"], index=index)
    assert not copied.clean
    assert copied.points == METRE - COPY
    assert not free.clean, "its first words go on with the run"
    one = Judge("es", WORDS, index, {}, np.random.default_rng(1))
    wordings = ["la luna canta en el río", "la luna canta en el frío", "la luna canta en el río"]
    assert [one.judge(wording)[0].clean for wording in wordings] == [False, True, False]  # type: ignore[union-attr]


def test_a_word_that_is_said_too_often_stops_paying() -> None:
    real = Counter({"día": 10, "mía": 10, "casa": 980})
    odds = odds_of(Counter({"día": 300, "casa": 700, "rama": 1}), real)
    assert odds.keys() == {"día"}
    assert 0.03 < odds["día"] < 0.1
    paid = [judge(["noche mía", "canta el día"], odds={"día": share})[1].rhyme > 0 for share in (1.0, 0.0)]
    assert paid == [True, False]


def test_rhymes_are_counted_as_defined() -> None:
    text = "\n".join(["[Coro]", *LINES, "", "vuelve cantando mi pena", "", "noche mía", "luna mía"])
    found = rhyming([text], "es")
    assert (found.lines, found.rhyming, found.full) == (7, 4, 4)
    assert found.pairs == (("arena", "pena"), ("frío", "río"))
    assert found.rate == 4 / 7
    assert found.distinct_pairs(3) is None
    assert found.distinct_pairs(2) == 1


def test_four_lines_away_is_heard_and_five_is_not() -> None:
    between = ["canta", "duerme aquí", "la sombra", "el tren"]
    for count, rate in ((3, 2), (4, 0)):
        lines = ["vuelve la arena", *between[:count], "vuelve mi pena"]
        assert rhyming(["\n".join(lines)], "es").full == rate


def test_a_rhyme_on_a_word_that_does_not_exist_is_not_counted() -> None:
    text = "duerme la arena\nvuelve la ñena"
    assert rhyming([text], "es").rate == 1
    assert rhyming([text], "es", WORDS).rate == 0


def test_a_line_shorter_than_the_songs_are_is_not_learnt() -> None:
    found = {
        shortest: Judge("es", WORDS, None, {}, np.random.default_rng(1), shortest=shortest).judge("canta la luna")[0]
        for shortest in (5, 6)
    }
    long, short = found[5], found[6]
    assert long
    assert short
    assert (long.clean, short.clean) == (True, False)
    assert short.points == long.points - SHORT

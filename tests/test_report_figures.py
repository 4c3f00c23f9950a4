"""The figures of a report: lengths, variety, verse."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.words import folded_words
from data.sources.songbook import read_songbook
from generate.reporting.diversity import distinct, habits, spread
from generate.reporting.learnt import evenly
from generate.reporting.verse_figures import verse_figures

SONGS = [song.lyrics for song in read_songbook() if song.language == "es"][:30]


def test_lengths_and_repetitions_of_songs() -> None:
    songs = ["[Coro]\nuno dos tres\n…\nUno, dos, tres\ncuatro\n\n[Coro]\nuno dos tres", "", "cinco"]
    found = habits(songs)
    assert found.lines == [4, 0, 1]
    assert found.characters == [12, 14, 6, 12, 5]
    assert found.repeated_lines == pytest.approx(2 / 5)
    # Ten words have seven runs of four: uno dos tres uno, dos tres uno dos, tres uno dos tres, …
    assert found.repeated_phrases == 0
    assert habits(["a b c d e " * 4]).repeated_phrases == pytest.approx(12 / 17)
    assert habits([]).repeated_lines == habits(["…"]).repeated_phrases == 0


def test_a_spread_is_what_eight_in_ten_are_in() -> None:
    found = spread(range(101))
    assert found is not None
    assert (found.low, found.median, found.high) == (10, 50, 90)
    assert spread([]) is None


def test_distinct_counts_different_runs_of_as_many_words() -> None:
    different, same = [" ".join(f"w{number}" for number in range(40))], ["la " * 40]
    for n in (1, 2, 3):
        assert distinct(different, n, 30) == 1
        assert distinct(same, n, 30) == pytest.approx(1 / (31 - n))
    assert distinct(["a b", "a c"], 2, 4) == 1  # no run goes from song to song
    assert distinct(["a b"], 1, 3) is None
    assert distinct(["a b"], 3, 2) is None
    assert distinct([], 1, 0) is None


@given(st.lists(st.text("ab ", max_size=20), min_size=1, max_size=5), st.integers(1, 3))
def test_distinct_does_not_depend_on_the_order_of_songs_that_are_all_counted(texts: list[str], n: int) -> None:
    count = sum(len(folded_words(text)) for text in texts)
    one, other = distinct(texts, n, count), distinct(texts[::-1], n, count)
    assert one == other or one == pytest.approx(other)
    assert one is None or 0 < one <= 1


REDONDILLA = (
    "Me vendió un bayo Crisanto,\nme lo vendió por ligero,\ny corre más que el pampero\ncuando lo asusta el espanto."
)


def test_a_redondilla_is_all_rhyme_and_one_length() -> None:
    found = verse_figures([REDONDILLA, f"[Verso]\n{REDONDILLA}"], "es")
    assert found is not None
    assert (found.lines, found.songs, found.rhymed, found.fully, found.regular) == (8, 2, 1, 1, 1)
    assert found.syllables == Counter({8: 8})
    assert found.forms == Counter(redondilla=2)


def test_a_line_that_is_repeated_does_not_rhyme_with_itself() -> None:
    found = verse_figures(["El tren se va\nel tren se va\nel tren se va"], "es")
    assert found is not None
    assert (found.rhymed, found.fully, found.by_chance) == (0, 0, 0)


def test_verse_of_nothing_and_of_an_unknown_language() -> None:
    assert verse_figures(["", "[Coro]", "…"], "es") is None
    assert verse_figures([], "es") is None
    with pytest.raises(UserError, match="no verse analysis"):
        verse_figures(["la luna"], "xx")


def test_real_songs_rhyme_more_than_their_shuffled_lines() -> None:
    found = verse_figures(SONGS, "es")
    assert found is not None
    assert found.by_chance + 0.2 < found.rhymed < 1
    assert found.fully < found.rhymed
    assert found.syllables.total() == found.lines
    assert found.forms.total() <= found.songs == len(SONGS)


@given(st.lists(st.integers(), max_size=50), st.floats(0, 1))
def test_what_is_drawn_evenly_keeps_its_order_and_share(items: list[int], share: float) -> None:
    drawn = evenly(list(enumerate(items)), share)
    assert drawn == sorted(set(drawn))
    assert bool(drawn) == bool(items)
    assert len(drawn) == max(min(1, len(items)), round(share * len(items)))
    assert evenly(items, 1.0) == items

"""The figures of a corpus, and the page that shows them."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpus import Song
from data.report import Counts, Dropped, Report, count_songs, draw_sample, histogram, make_report, stop_words
from data.reportpage import report_page

SONGS = [
    Song(id="1", title="Uno", artist="Ana", year=1984, lyrics="[Verso 1]\nla luna y el río\n\n[Coro x2]\n¡Luna, LUNA!"),
    Song(id="2", title="Dos", artist="Ana", year=1999, lyrics="[Verso 2]\nel río y la luna"),
    Song(id="3", title="Tres", lyrics="l'amour de loin"),
]
DROPPED = [
    Dropped("Uno (En vivo)", "Ana", "live"),
    Dropped("Uno & <b>dos</b>", "Ana", "near-duplicate", "93% of …", 0.93),
    Dropped("", "", "no lyrics"),
]


def report_of(*songs: Song, dropped: list[Dropped] = DROPPED, languages: dict[str, int] | None = None) -> Report:
    return make_report(
        count_songs(songs),
        read=len(songs) + len(dropped) + 2,
        not_selected=2,
        dropped=dropped,
        languages={"es": 2, "fr": 1} if languages is None else languages,
        sample=draw_sample(len(songs), lambda number: songs[number].lyrics),
    )


def test_a_corpus_is_counted() -> None:
    report = report_of(*SONGS)
    assert (report.read, report.not_selected, report.kept) == (8, 2, 3)
    assert report.reasons == {"live": 1, "near-duplicate": 1, "no lyrics": 1}
    assert (report.lines, report.words, report.distinct_words) == (4, 15, 8)
    assert report.characters == sum(len(song.lyrics) for song in SONGS)
    assert report.sections == {"Verso": 2, "Coro": 1}
    assert report.years == {"1984": 1, "1999": 1}
    assert report.artists == {"Ana": 2}
    assert report.languages == {"es": 2, "fr": 1}
    assert list(report.frequent_words.items()) == [("luna", 4), ("río", 2), ("amour", 1), ("loin", 1)]


def test_counts_of_parts_add_up() -> None:
    whole, parts = count_songs(SONGS), Counts()
    for song in SONGS:
        parts.add(count_songs([song]))
    assert parts == whole


def test_stop_words_are_those_of_the_languages() -> None:
    assert {"que", "de"} <= stop_words(["es"])
    assert "the" not in stop_words(["es"])
    assert {"the", "que", "les"} <= stop_words(["und"])


def test_a_sample_is_ten_lines_of_the_songs_and_always_the_same() -> None:
    songs = [f"[Coro]\nverso {number}\n\notro {number}" for number in range(50)]
    sample = draw_sample(50, songs.__getitem__)
    assert len(sample) == 10
    assert all(re.fullmatch(r"(verso|otro) \d+", line) for line in sample)
    assert draw_sample(50, songs.__getitem__) == sample
    assert draw_sample(1, lambda _: "uno solo") == ["uno solo"]


@given(st.lists(st.integers(1, 100_000), min_size=1))
def test_a_histogram_holds_every_song_once(lengths: list[int]) -> None:
    bars = histogram(lengths)
    assert sum(songs for *_, songs in bars) == len(lengths)
    assert len(bars) <= 40
    assert all(end == start for (_, end, _), (start, _, _) in pairwise(bars))


class Page(HTMLParser):
    """What a browser would ask the network for, what a reader reads, and whether all tags close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.wanted: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wanted += [f"{tag} {key}" for key, _ in attrs if key in ("src", "href", "action", "onload", "onclick")]
        self.wanted += [tag] if tag in ("script", "link", "iframe", "img") else []
        if tag not in ("meta", "br", "rect", "line") or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "report",
    [
        report_of(*SONGS),
        report_of(SONGS[2], dropped=[], languages={}),
        report_of(*SONGS, dropped=[Dropped(f"t{number}", "", "live") for number in range(500)]),
        report_of(*(Song(id=str(year), year=year, lyrics="la " * year) for year in range(1100, 2020, 7))),
        report_of(*(Song(id=str(year), year=year, lyrics="la") for year in range(1930, 2020))),
    ],
    ids=["usual", "one", "many dropped", "centuries", "decades"],
)
def test_the_page_shows_the_figures_and_wants_nothing_from_the_network(report: Report) -> None:
    page = Page(report_page(report, name="Ana <Nadie> & Cía.", language="es", source="files"))
    assert page.wanted == []
    assert page.open == []
    assert "Ana <Nadie> & Cía." in page.text
    assert f"{report.characters:,}" in page.text
    for song in report.dropped[:100]:
        assert song.title in page.text
    assert all(word in page.text for word in report.frequent_words)
    assert "http" not in page.text

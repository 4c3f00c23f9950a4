"""Books of Project Gutenberg: unwrapped, split, fetched once."""

import re
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from gutenberg_files import LAYOUTS, POEMS, WRAPPINGS, indented, novel, verse, wrapped
from hypothesis import given
from hypothesis import strategies as st

from core.artifacts import Artifacts
from core.corpus import Song, read_corpus
from core.errors import UserError
from data.prepare import PrepareConfig, main
from data.report import Dropped
from data.sources.gutenberg import LISTS, check_books, read_gutenberg
from data.sources.gutenberg_download import Server
from data.sources.gutenberg_prose import plain_prose, sentences
from data.sources.gutenberg_text import blocks_of, read_book
from data.sources.gutenberg_verse import split_poems


def save(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    return path


def read(path: Path, *wanted: str, **options: int) -> tuple[list[Song], list[Dropped]]:
    dropped: list[Dropped] = []
    return list(read_gutenberg(wanted, cache=path / "no", drop=dropped.append, path=path, **options)), dropped


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_nothing_of_any_wrapping_is_left_and_nothing_of_the_book_is_lost(
    tmp_path: Path, wrapping: str, encoding: str
) -> None:
    songs, _ = read(save(tmp_path / "77.txt", wrapped(verse("centred"), wrapping), encoding))
    assert {song.title: song.lyrics for song in songs} == POEMS
    assert {(song.artist, song.album, song.url) for song in songs} == {
        ("Ana Nadie", "Un libro", "https://www.gutenberg.org/ebooks/77")
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_book_of_verse_is_split_where_its_poems_begin(tmp_path: Path, layout: str) -> None:
    songs, dropped = read(save(tmp_path / "77.txt", wrapped(verse(layout), "2005")))
    assert [song.lyrics for song in songs] == list(POEMS.values())
    titles = [song.title.upper() for song in songs]
    assert titles == ([""] * len(POEMS) if layout == "numerals" else list(POEMS))
    assert len({song.id for song in songs}) == len(songs)
    assert {one.reason for one in dropped} <= {"contents, notes or index"}


def test_parts_prefaces_notes_and_epigraphs_are_no_poems(tmp_path: Path) -> None:
    first, second, third, *_ = POEMS
    preface = "\n\n\n\nPRÓLOGO\n\n\n" + novel(1, 4)
    parts = f"\n\n\n\n{first}\n\n\nI\n\n{POEMS[first]}\n\n\nII\n\n{POEMS[second]}\n"
    epigraph = (
        f"\n\n\n\n{third}\n\n        Qué lejos está el mar.\n            OTRO AUTOR.\n\n\n{indented(POEMS[third])}\n"
    )
    notes = "\n  [1] Esta nota explica lo que el poema calla.\n\n"
    body = preface + parts + epigraph + notes + verse("numeral and title")
    songs, dropped = read(save(tmp_path / "77.txt", wrapped(body, "2005")))
    by_title = {song.title: song.lyrics for song in songs[:2]}
    assert by_title == {first: f"{POEMS[first]}\n\n{POEMS[second]}", third: POEMS[third]}
    assert [one.reason for one in dropped] == ["prose in a book of verse"]


def test_marks_of_typists_are_not_part_of_a_verse(tmp_path: Path) -> None:
    first, second, *_ = POEMS
    lines = POEMS[first].split("\n")
    lines[0], lines[3] = f"_{lines[0]}_", f"{lines[3]}           5"
    lines[1] += "[2]"
    body = verse("centred").replace(indented(POEMS[first]), indented("\n".join(lines)))
    body = body.replace(indented(POEMS[second]), "    [Illustration: Una barca]\n\n" + indented(POEMS[second]))
    songs, _ = read(save(tmp_path / "77.txt", wrapped(body, "2005")))
    assert [song.lyrics for song in songs] == list(POEMS.values())


def test_prose_becomes_chunks_of_so_many_sentences(tmp_path: Path) -> None:
    path = save(tmp_path / "77.txt", wrapped(novel(), "2007, no space"))
    songs, _ = read(path, sentences=20)
    said = [sentence for song in sorted(songs, key=lambda song: song.id) for sentence in sentences(song.lyrics)]
    assert sorted(len(list(sentences(song.lyrics))) for song in songs)[1:] == [20] * (len(songs) - 1)
    # Three sentences a paragraph and one line of dialogue, each once and in order.
    assert [re.findall(r"\d+-\d+(?:-[abc])?", one)[0] for one in said] == [
        f"{chapter}-{paragraph}{end}"
        for chapter in (1, 2, 3)
        for paragraph in range(12)
        for end in ("-a", "-b", "-c", "")
    ]
    text = "".join(song.lyrics for song in songs)
    assert not re.search("--|—|  |\n|Capítulo", text)
    assert read(path)[0] == songs
    assert read(path, sentences=7)[0] != songs


def test_chunks_are_shuffled_by_the_seed_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "77.txt", wrapped(novel(), "2005"))
    orders = {seed: [song.id for song in read(path, sentences=4, seed=seed)[0]] for seed in (1, 2)}
    assert orders[1] != orders[2]
    assert orders[1] != sorted(orders[1])
    assert sorted(orders[1]) == sorted(orders[2])
    assert orders[1] == [song.id for song in read(path, sentences=4, seed=1)[0]]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Llegó el Sr. D. Juan. ¿Quién? Nadie.", ["Llegó el Sr. D. Juan.", "¿Quién?", "Nadie."]),
        ("«¡Basta!» Y calló... Después, nada", ["«¡Basta!»", "Y calló...", "Después, nada"]),
        ("Son las 3.45 y llueve. Vd. dirá.", ["Son las 3.45 y llueve.", "Vd. dirá."]),
    ],
)
def test_a_sentence_ends_where_a_reader_ends_it(text: str, parts: list[str]) -> None:
    assert list(sentences(text)) == parts


@given(st.text("aB .!?«»—-\n", max_size=80))
def test_cutting_sentences_loses_no_letter(text: str) -> None:
    plain = plain_prose(text)
    assert "--" not in plain
    assert "  " not in plain
    assert " ".join(sentences(plain)) == plain


@given(st.lists(st.sampled_from([*"aB ,.*[]_-IX1", "\n", "\n\n\n\n", "verso largo", "[1] nota"]), max_size=120))
def test_any_text_is_a_book(parts: list[str]) -> None:
    poems = split_poems(blocks_of(read_book("".join(parts)).text), lambda title, reason: None)
    assert all(poem.lyrics.count("\n") for poem in poems)


def test_an_unmarked_file_is_all_text(tmp_path: Path) -> None:
    songs, _ = read(save(tmp_path / "mi libro.txt", verse("centred").lstrip()))
    assert [song.lyrics for song in songs] == list(POEMS.values())


def test_books_are_found_in_a_folder_by_what_their_headers_say(tmp_path: Path) -> None:
    save(tmp_path / "a.txt", wrapped(verse("centred"), "2005", number=5, title="Cinco"))
    save(tmp_path / "deep/b.txt", wrapped(verse("centred"), "1998", number=6, title="Seis"))
    save(tmp_path / "pg7.txt", verse("centred"))
    assert {song.album for song in read(tmp_path, "6")[0]} == {"Seis"}
    assert len(read(tmp_path, "7", "5")[0]) == 2 * len(POEMS)
    assert len({song.id for song in read(tmp_path)[0]}) == 3 * len(POEMS)
    with pytest.raises(UserError, match="lacks the books 8, 9"):
        read(tmp_path, "8", "5", "9")


def test_words_that_are_neither_number_nor_list_are_refused() -> None:
    assert check_books(("2000", "littera", "2000")) == (2000, 17073, 17340, 320)
    assert all(len(set(numbers)) == len(numbers) for numbers in LISTS.values())
    for word in ("quijote", "0", "-5", "12345678"):
        with pytest.raises(UserError, match="neither a book's number nor a list") as caught:
            check_books((word,))
        assert "spanish-poetry" in caught.value.hint


class Site(ThreadingHTTPServer):
    """Gutenberg's far side: answers in turn for each path, and a list of what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, list[tuple[int, bytes, dict[str, str]]]] = {}
        self.asked: list[str] = []

    @property
    def server(self) -> Server:
        return Server(site=f"http://127.0.0.1:{self.server_port}", pause=0, first_wait=0.01, attempts=4)

    def serve(self, path: str, *answers: tuple[int, bytes] | tuple[int, bytes, dict[str, str]]) -> None:
        self.answers[path] = [(answer[0], answer[1], answer[2] if len(answer) > 2 else {}) for answer in answers]


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = self.server.answers.get(self.path, [(404, b"", {})])
        status, content, headers = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Generator[Site]:
    site = Site()
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield site
    site.shutdown()
    site.server_close()
    thread.join()


BOOK = wrapped(verse("centred"), "2005").encode()
PLACE = "/cache/epub/77/pg77.txt"


def fetch(site: Site, cache: Path, *wanted: str) -> list[Song]:
    return list(read_gutenberg(wanted or ("77",), cache=cache, drop=lambda _: None, server=site.server))


def test_a_book_is_fetched_once(site: Site, tmp_path: Path) -> None:
    site.serve(PLACE, (200, BOOK))
    songs = fetch(site, tmp_path)
    assert fetch(site, tmp_path) == songs
    assert site.asked == [PLACE]
    assert (tmp_path / "77.txt").read_bytes() == BOOK


def test_older_books_are_found_under_their_older_names(site: Site, tmp_path: Path) -> None:
    site.serve("/files/77/77-8.txt", (200, BOOK.decode().encode("latin-1")))
    assert [song.lyrics for song in fetch(site, tmp_path)] == list(POEMS.values())


def test_what_passes_is_tried_again(site: Site, tmp_path: Path) -> None:
    cut = (200, BOOK[:500], {"Content-Length": str(len(BOOK))})
    site.serve(PLACE, (503, b""), (429, b"", {"Retry-After": "0"}), cut, (200, BOOK))
    assert len(fetch(site, tmp_path)) == len(POEMS)
    assert len(site.asked) == 4


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, b""), "answer 503, 4 attempts"),
        ((403, b""), "refused"),
        ((200, b"<!DOCTYPE html><p>Are you a robot?"), "a web page"),
        ((404, b""), "no book 77 as plain text"),
    ],
)
def test_what_stays_is_one_line_with_a_remedy(site: Site, tmp_path: Path, answer: tuple[int, bytes], said: str) -> None:
    site.serve("/cache/epub/5/pg5.txt", (200, BOOK))
    site.serve(PLACE, answer)
    with pytest.raises(UserError, match=said) as caught:
        fetch(site, tmp_path, "5", "77")
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["5.txt"]


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    nowhere = Server(site="http://127.0.0.1:9", pause=0, first_wait=0.01, attempts=2)
    with pytest.raises(UserError, match="cannot be read") as caught:
        list(read_gutenberg(("77",), cache=tmp_path, drop=lambda _: None, server=nowhere))
    assert "folder of files" in caught.value.hint


def test_prepare_makes_a_corpus_of_books(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "books/5.txt", wrapped(verse("centred"), "2005", number=5))
    save(tmp_path / "books/6.txt", wrapped(novel(), "2005", number=6, title="Novela"))
    main(PrepareConfig(path=tmp_path / "books", gutenberg=("5", "6")))
    corpus = read_corpus(Artifacts("gutenberg-5-6").corpus)
    assert (corpus.source, corpus.language) == ("gutenberg", "es")
    assert {song.album for song in corpus.songs} == {"Un libro", "Novela"}
    assert [song.lyrics for song in corpus.songs if song.album == "Un libro"] == list(POEMS.values())
    assert "next" in capsys.readouterr().out


def test_prepare_refuses_what_it_cannot_mean(tmp_path: Path) -> None:
    for config in (PrepareConfig(source="gutenberg"), PrepareConfig(gutenberg=("5",), sentences=-1)):
        with pytest.raises(UserError) as caught:
            main(config)
        assert caught.value.hint

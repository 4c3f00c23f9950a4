"""The page: a real browser on the real server; and the HTML of a song."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="serving is not installed: requirements-serve.txt")

from bench.serve import server
from core.artifacts import ROOT
from generate.serving.page_words import ENGLISH, PAGES, SPANISH
from generate.serving.verse_html import ShownSong, message_html, song_html, songs_html
from pretrain.phrases import build_index
from tests.serving import ENDLESS, NAME, make_checkpoint

COPLA = "Me vendió un bayo Crisanto,\nme lo vendió por ligero,\ny corre, sí, pero cuando\nlo persigue el aguacero."


def plain(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


def test_rhymes_are_coloured_and_syllables_counted() -> None:
    html = song_html(ShownSong(1, "Copla", COPLA, finished=True), "es", None, SPANISH)
    assert re.findall(r'class="syllables">(\d+)<', html) == ["8", "8", "8", "8"]
    assert re.findall(r'<span class="(rhyme-\d)">(\w+)</span>', html) == [
        ("rhyme-0", "Crisanto"),
        ("rhyme-1", "ligero"),
        ("rhyme-0", "cuando"),
        ("rhyme-1", "aguacero"),
    ]
    assert re.findall(r'class="letter rhyme-\d">(\w)<', html) == ["a", "B", "a", "B"]


def test_the_line_that_is_being_written_is_not_counted_yet() -> None:
    html = song_html(ShownSong(1, "", COPLA[:40]), "es", None, SPANISH)
    assert len(re.findall('class="syllables"', html)) == 1


def test_copied_words_are_underlined_from_line_to_line() -> None:
    index = build_index(["Dijo: me lo vendió por ligero, y corre, sí, pero nunca"])
    html = song_html(ShownSong(1, "", COPLA, finished=True), "es", index, SPANISH)
    copied = [plain(piece) for piece in re.findall(r'<span class="[^"]*copied">([^<]*)</span>', html)]
    assert "".join(copied) == "me lo vendió por ligero,y corre, sí, pero"
    assert "9 palabras seguidas" in html


def test_nothing_that_was_written_becomes_part_of_the_page() -> None:
    evil = '<script>alert(1)</script>\n"><img src=x onerror=alert(1)> &amp; amor\n[<b>Coro</b>]'
    for finished in (False, True):
        song = ShownSong(1, evil, evil, finished=finished)
        html = songs_html([song], "es", build_index([evil]), ENGLISH)
        assert not re.search(r"<(script|img|b)\b", html)
        assert plain(html).count("&lt;script&gt;") == 2
    assert "<i>" not in message_html("<i>")


def test_every_page_says_everything() -> None:
    for words in PAGES:
        assert all(vars(words).values())
    differing = [name for name, value in vars(SPANISH).items() if value != vars(ENGLISH)[name]]
    assert {"lead", "generate", "stop", "copy", "empty", "legend", "copied_sentence"} <= set(differing)


# In a browser from here on.


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("artifacts")
    make_checkpoint(folder)
    make_checkpoint(folder, "libro", songs=1, lines=400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(folder))
        command = [sys.executable, str(ROOT / "generate/serve.py"), "--corpus", "nadie", "--port", "0"]
        with server([*command, "--max_tokens", "100000", "--max_prompt", "2000"]) as (_, url):
            yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page that is open, and what it asked for and complained of."""

    def __init__(self, browser: Any, url: str, path: str, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.goto(url + path)
        self.page.wait_for_selector("#generate")
        self.page.wait_for_function("document.querySelector('#model input')?.value")

    def choose(self, model: str) -> None:
        self.page.click("#model input")
        self.page.get_by_role("option", name=model).click()

    def settle(self, number: int, value: str) -> None:
        """Set one of the settings' sliders."""
        field = self.page.locator("#more input[type=number]").nth(number)
        field.fill(value)
        field.press("Tab")

    def generate(self, *, title: str = "", first: str = "") -> None:
        self.page.locator("#title").locator("input, textarea").fill(title)
        self.page.locator("#first").locator("input, textarea").fill(first)
        self.page.click("#generate")

    def finished(self) -> Any:
        """The songs, when they are written."""
        self.page.wait_for_function("document.querySelector('.song') && !document.querySelector('.song.writing')")
        return self.page.locator(".song")


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Any]:
    visits: list[Visit] = []

    def open_page(path: str = "/es/", **context: Any) -> Visit:
        visits.append(Visit(browser, url, path, **context))
        return visits[-1]

    yield open_page
    for one in visits:
        one.context.close()
        # Nothing is fetched from another machine, and nothing goes wrong unseen.
        assert {address.split("/")[2] for address in one.asked if address.startswith("http")} == {url.split("/")[2]}
        assert one.complaints == []


def test_a_song_is_written_with_its_title_and_first_line(visit: Any) -> None:
    one = visit()
    one.generate(title="Luna <script>alert(1)</script>".replace("<", "").replace(">", ""), first="La luna")
    song = one.finished()
    assert song.locator("h2").inner_text() == "Luna scriptalert(1)/script" or song.count() == 1


def test_words_appear_as_they_are_made_and_stop_keeps_them(visit: Any) -> None:
    one = visit()
    one.choose(ENDLESS)
    one.page.click("#more button")
    one.settle(2, "1000")
    one.generate(first="La luna")
    lengths = []
    for _ in range(3):
        before = lengths[-1] if lengths else 0
        one.page.wait_for_function(f"(document.querySelector('.song')?.textContent.length || 0) > {before}")
        lengths.append(one.page.locator(".song").evaluate("song => song.textContent.length"))
    assert one.page.locator(".song.writing").count() == 1
    one.page.click("#stop")
    song = one.finished()
    assert song.locator(".row .text").first.inner_text().startswith("La luna")
    assert not one.page.locator("#stop").is_enabled()
    length = song.evaluate("song => song.textContent.length")
    one.page.wait_for_timeout(400)
    assert song.evaluate("song => song.textContent.length") == length >= lengths[-1]

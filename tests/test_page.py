"""The page: a real browser on the real server; and the HTML of a song."""

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="serving is not installed: requirements-serve.txt")

from generate.serving.page_words import ENGLISH, PAGES, SPANISH
from generate.serving.verse_html import ShownSong, message_html, song_html, songs_html
from pretrain.phrases import build_index
from tests.serving import LONG, NAME

pytest_plugins = ["tests.browsing", "tests.serving_fixtures"]
CHECKPOINTS = (NAME, LONG)
OPTIONS = ("--max_prompt", "2000")

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


def test_a_song_is_written_with_its_title_and_first_line(visit: Any) -> None:
    one = visit()
    one.generate(title="La luna", first="La calle canta")
    song = one.finished()
    assert song.count() == 1
    assert song.locator("h2").inner_text() == "La luna"
    assert song.locator(".row .text").first.inner_text() == "La calle canta"
    assert song.locator(".syllables").first.inner_text() == "5"
    assert "Semilla" in song.locator(".note").inner_text()


STOP_AT_THIRD_GROWTH = """() => {
    window.lengths = [];
    new MutationObserver(() => {
        const length = document.querySelector(".songs")?.textContent.length || 0;
        if (window.lengths.length == 3 || length <= (window.lengths.at(-1) || 0)) return;
        if (window.lengths.push(length) < 3) return;
        const stop = document.querySelector("#stop");
        window.couldStop = !stop.disabled && stop.checkVisibility();
        window.couldGenerate = !document.querySelector("#generate").disabled;
        stop.click();
    }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


def test_words_appear_as_they_are_made_and_stop_keeps_them(visit: Any) -> None:
    one = visit()
    one.choose(LONG)
    one.open_settings()
    one.settle(0, "4")
    one.settle(2, "1000")
    # The page itself stops at the third time that words have come: seen from outside, a quick song is over before that.
    one.page.evaluate(STOP_AT_THIRD_GROWTH)
    one.generate(first="La luna")
    one.page.wait_for_function("window.lengths.length >= 3")
    assert one.page.evaluate("window.couldStop && !window.couldGenerate")
    songs = one.finished()
    assert songs.count() == 4
    kept = one.page.locator(".songs").evaluate("songs => songs.textContent.length")
    assert kept >= one.page.evaluate("window.lengths.at(-1)")
    one.page.wait_for_selector("#generate:enabled")
    assert not one.page.locator("#stop").is_enabled()
    one.page.wait_for_timeout(400)
    assert one.page.locator(".songs").evaluate("songs => songs.textContent.length") == kept


def test_versions_stand_side_by_side_and_are_copied_and_downloaded(visit: Any, tmp_path: Path) -> None:
    one = visit("/en/", permissions=["clipboard-read", "clipboard-write"], viewport={"width": 1200, "height": 800})
    one.open_settings()
    one.settle(0, "2")
    one.generate(title="La luna", first="La calle canta")
    songs = one.finished()
    boxes = [songs.nth(number).bounding_box() for number in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    second = songs.nth(1)
    lines = second.locator(".row .text").all_text_contents()
    text = "# La luna\n\n" + "\n".join(lines).strip() + "\n"
    second.locator(".copy").click()
    one.page.wait_for_function("[...document.querySelectorAll('.copy')].some(one => one.textContent == 'Copied')")
    assert one.page.evaluate("navigator.clipboard.readText()") == text
    with one.page.expect_download() as download:
        second.locator(".download").click()
    assert download.value.suggested_filename == "La luna.txt"
    download.value.save_as(tmp_path / "song.txt")
    assert (tmp_path / "song.txt").read_text(encoding="utf-8") == text


def test_what_cannot_be_written_is_told(visit: Any) -> None:
    one = visit("/en/")
    one.generate(first="luna ☃")
    said = one.page.locator(".message[role=alert]")
    said.wait_for()
    assert "never saw '☃'" in said.inner_text()
    one.generate(first="la " * 1000)
    one.page.wait_for_function("document.querySelector('.message')?.textContent.includes('at most 2000')")
    one.generate(first="La luna")
    assert one.finished().count() == 1


def test_what_somebody_wrote_stays_text(visit: Any) -> None:
    one = visit()
    one.page.on("dialog", lambda dialog: one.complaints.append(dialog.message))
    one.choose(LONG)
    title = "<script>alert(1)</script><img src=x onerror=alert(2)> ${alert(3)} {{4}}"
    one.generate(title=title, first="<b>luna</b>")
    song = one.finished()
    assert song.locator("h2").inner_text() == title
    assert song.locator(".row .text").first.inner_text() == "<b>luna</b>"
    assert song.locator("script, img, b").count() == 0


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_page_speaks_its_readers_language(visit: Any, language: str) -> None:
    words, other = (SPANISH, ENGLISH) if language == "es" else (ENGLISH, SPANISH)
    one = visit("/", locale={"es": "es-AR", "en": "en-GB"}[language])
    assert one.page.url.endswith(f"/{language}/")
    assert one.page.locator("html").get_attribute("lang") == language
    assert one.page.locator("#generate").inner_text() == words.generate
    assert words.lead in one.page.inner_text("body")
    one.leave()
    one.page.get_by_role("link", name=other.name).click()
    one.page.wait_for_function(f"document.querySelector('#generate')?.textContent.includes('{other.generate}')")


def test_it_fits_a_phone(visit: Any) -> None:
    one = visit("/es/", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    one.open_settings()
    one.settle(0, "2")
    one.generate(title="La luna canta en la puerta de la calle", first="La calle canta")
    songs = one.finished()
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 360
    first, second = (songs.nth(number).bounding_box() for number in range(2))
    assert first["x"] >= 0
    assert first["x"] + first["width"] <= 360
    assert second["y"] >= first["y"] + first["height"]
    assert one.page.locator("#generate").bounding_box()["height"] >= 40

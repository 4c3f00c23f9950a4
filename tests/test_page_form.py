"""Verse in a form on the page: asked for in a real browser, and as HTML."""

import re
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="serving is not installed: requirements-serve.txt")

from generate.serving.page_form import named_forms
from generate.serving.page_words import ENGLISH, SPANISH
from generate.serving.verse_html import ShownSong, message_html, song_html
from generate.verse.plan import ComposedLine
from prosody.checking import check
from prosody.form import parse_form
from tests.serving import NAME, VERSE

pytest_plugins = ["tests.browsing", "tests.serving_fixtures"]
CHECKPOINTS = (NAME, VERSE)

QUATRAIN = [
    "Me vendió un bayo Crisanto,",
    "me lo vendió por ligero,",
    "y corre con el dinero",
    "lo mismo que con el llanto.",
]


def asked(form: str) -> list[ComposedLine]:
    return [ComposedLine(line, verse) for line, verse in zip(QUATRAIN, parse_form(form).stanzas[0], strict=True)]


def letters(html: str) -> list[str]:
    return re.findall(r'class="letter[^>]*>(.?)<', html)


def test_a_verse_has_the_letter_of_its_form_before_its_rhyme_has_come() -> None:
    song = ShownSong(1, lyrics=f"{QUATRAIN[0]}\n{QUATRAIN[1]}\n", form=asked("ABBA 8")[:2])
    assert letters(song_html(song, "es", None, SPANISH)) == ["A", "B"]
    song = ShownSong(1, lyrics="\n".join(QUATRAIN), form=asked("a-a- 8"), finished=True)
    assert letters(song_html(song, "es", None, SPANISH)) == ["a", "", "a", ""]


def test_lines_that_return_and_headings_are_shown_with_those_of_the_form() -> None:
    song = ShownSong(1, lyrics="[Coro]\nMe vendió un bayo Crisanto,", form=[ComposedLine("[Coro]"), asked("AAAA 8")[0]])
    html = song_html(song, "es", None, SPANISH)
    assert "heading" in html
    song.finished = True
    assert letters(song_html(song, "es", None, SPANISH)) == ["A"]


def test_why_a_form_was_not_kept_is_told_below_the_lines_that_stand() -> None:
    song = ShownSong(1, lyrics=QUATRAIN[0], form=asked("ABBA 8")[:1], finished=True, failure="line 2: <nothing>")
    html = song_html(song, "es", None, SPANISH)
    assert html.index("Crisanto") < html.index("line 2: &lt;nothing&gt;")
    assert 'role="alert"' in html


def test_a_message_points_at_the_character() -> None:
    html = message_html("no letter (character 3)\n    AB<Z 8\n      ^\nforms look otherwise")
    first, second = re.findall(r"<pre>(.*?)</pre>", html)
    assert (first, second) == ("AB&lt;Z 8", "  ^")
    assert "<p>forms look otherwise</p>" in html


def test_named_forms_can_be_read() -> None:
    for words in (SPANISH, ENGLISH):
        assert named_forms("es", words)[0] == (words.free, "")
        for language in ("es", "fr", "en"):
            for _, name in named_forms(language, words)[1:]:
                assert parse_form(name, language).name == name


def ready(visit: Any, path: str = "/es/", **context: Any) -> Any:
    """A page on the model that writes verse."""
    one = visit(path, **context)
    one.choose(VERSE)
    # The list of forms follows the model.
    one.page.wait_for_timeout(1500)
    return one


def verses(song: Any) -> list[str]:
    return song.locator(".row .text").all_text_contents()


def test_a_named_form_is_written_verse_by_verse(visit: Any) -> None:
    one = ready(visit)
    one.page.locator("#form input").click()
    one.page.get_by_role("option", name="redondilla").click()
    one.page.locator("#reading", has_text="4 versos: ABBA 8").wait_for()
    one.page.locator("#stanzas input").fill("3")
    one.generate(title="La casa")
    counts: set[int] = set()
    while "writing" in (
        one.page.locator(".song").first.get_attribute("class") if one.page.locator(".song").count() else "writing"
    ):
        counts.add(one.page.locator(".song .syllables").count())
        one.page.wait_for_timeout(50)
    assert len(counts) > 4
    song = one.finished()
    assert song.locator("h2").inner_text() == "La casa"
    assert song.locator(".syllables").all_text_contents() == ["8"] * 12
    assert song.locator(".letter").all_text_contents() == list("ABBA" * 3)
    assert song.locator(".text .rhyme-0").count() == 6
    assert not any(check(parse_form("ABBA 8"), verses(song), "es"))


def test_a_form_that_is_typed_is_written_in_several_versions_until_stop(visit: Any) -> None:
    one = ready(visit, viewport={"width": 1200, "height": 800})
    one.ask_form("aa 7 5")
    one.page.locator("#reading", has_text="2 versos: aa 7 5").wait_for()
    one.open_settings()
    one.settle(0, "2")
    one.page.locator("#more input[placeholder*=coro]").fill("verso coro verso coro")
    one.generate(first="La luna")
    songs = one.finished()
    boxes = [songs.nth(number).bounding_box() for number in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    for number in range(2):
        lines = verses(songs.nth(number))
        assert [line for line in lines if line.startswith("[")] == ["[Verso 1]", "[Coro]", "[Verso 2]", "[Coro]"]
        assert lines[1].startswith("La luna")
        assert not any(check(parse_form("aa 7 5"), lines, "es"))
    one.page.locator("#stanzas input").fill("8")
    one.generate()
    one.page.wait_for_function("document.querySelectorAll('.song.writing .syllables').length > 3")
    one.page.click("#stop")
    songs = one.finished()
    kept = songs.locator(".syllables").count()
    assert 3 < kept < 2 * 2 * 8 * 2
    one.page.wait_for_selector("#generate:enabled")
    one.page.wait_for_timeout(600)
    assert songs.locator(".syllables").count() == kept
    assert not one.page.locator("#stop").is_enabled()


def test_what_a_form_does_not_need_cannot_be_set(visit: Any) -> None:
    one = ready(visit)
    one.open_settings()
    stanzas, length = one.page.locator("#stanzas input"), one.page.locator("#more input[type=number]").nth(2)
    sections = one.page.locator("#more input[placeholder*=coro]")

    def can_be_set() -> tuple[bool, bool, bool]:
        return stanzas.is_enabled(), sections.is_enabled(), length.is_enabled()

    assert can_be_set() == (False, False, True)
    one.ask_form("ABAB 8")
    one.page.locator("#reading", has_text="ABAB 8").wait_for()
    assert can_be_set() == (True, True, False)
    stanzas.fill("2")
    one.ask_form("soneto")
    one.page.locator("#reading", has_text="14 versos").wait_for()
    assert can_be_set() == (False, True, False)
    assert stanzas.input_value() == "1"
    one.ask_form("")
    one.page.locator("#reading", has_text=SPANISH.form_hint).wait_for()
    assert can_be_set() == (False, False, True)
    one.generate(first="La luna")
    assert one.finished().count() == 1


def test_a_form_that_cannot_be_had_is_told(visit: Any) -> None:
    one = ready(visit, "/en/")
    one.ask_form("ABZA 8")
    one.page.locator("#reading .message", has_text="C here, not Z").wait_for()
    notation, caret = one.page.locator("#reading pre").all_text_contents()
    assert notation[caret.index("^")] == "Z"
    one.generate()
    one.page.locator("#songs .message", has_text="C here, not Z").wait_for()
    one.ask_form(f"{'A' * 50} 2")
    one.generate()
    song = one.finished()
    assert "The form could not be kept. line" in song.locator(".failed").inner_text()
    one.choose(NAME)
    one.ask_form("ABBA 8")
    one.generate()
    one.page.locator("#songs .message", has_text="without verse codes").wait_for()


def test_a_form_fits_a_phone(visit: Any) -> None:
    one = ready(visit, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    form, stanzas = (one.page.locator(name).bounding_box() for name in ("#form", "#stanzas"))
    assert form["x"] + form["width"] <= stanzas["x"]
    assert abs(form["y"] - stanzas["y"]) < 30
    assert stanzas["x"] + stanzas["width"] <= 360
    one.ask_form("ABBA 8")
    one.page.locator("#reading", has_text="ABBA 8").wait_for()
    one.generate(title="La casa")
    one.finished()
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 360

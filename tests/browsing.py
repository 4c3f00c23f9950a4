"""A browser on the page of the real server; a module that wants it says `pytest_plugins = ["tests.browsing"]`."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest


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
        self.page.set_default_timeout(90_000)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self._open: set[Any] = set()
        self.page.on("request", self._began)
        self.page.on("requestfinished", self._ended)
        self.page.on("requestfailed", self._ended)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.goto(url + path)
        self.page.wait_for_selector("#generate")
        self.page.wait_for_function("document.querySelector('#model input')?.value")

    def _began(self, request: Any) -> None:
        self.asked.append(request.url)
        if "heartbeat" not in request.url:  # open as long as the page is
            self._open.add(request)

    def _ended(self, request: Any) -> None:
        self._open.discard(request)

    def leave(self) -> None:
        """Wait for what the page still asks for: whoever leaves in the middle of an answer makes it complain."""
        quiet = 0
        for _ in range(600):
            self.page.wait_for_timeout(100)
            quiet = 0 if self._open else quiet + 1
            if quiet == 5:
                return
        raise AssertionError(f"still open: {[request.url for request in self._open]}")

    def choose(self, model: str) -> None:
        self.page.click("#model input")
        self.page.get_by_role("option", name=model).click()

    def open_settings(self) -> None:
        self.page.click("#more > button")
        self.page.locator("#more input[type=number]").first.wait_for()

    def ask_form(self, form: str) -> None:
        """Type a form as somebody would, or its name."""
        field = self.page.locator("#form input")
        field.click()
        field.fill(form)
        field.press("Enter")

    def settle(self, number: int, value: str) -> None:
        """Set one of the settings' sliders."""
        field = self.page.locator("#more input[type=number]").nth(number)
        field.fill(value)
        field.press("Tab")

    def generate(self, *, title: str = "", first: str = "") -> None:
        self.page.locator("#title").locator("input, textarea").fill(title)
        self.page.locator("#first").locator("input, textarea").fill(first)
        self.page.evaluate("document.querySelectorAll('.song, .message').forEach(one => one.classList.add('before'))")
        self.page.click("#generate")

    def finished(self) -> Any:
        """The songs of the last press, when they are written."""
        self.page.wait_for_function(
            "document.querySelector('.song:not(.before)') && !document.querySelector('.song.writing, .song.before')"
        )
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

"""The page: a song written in the browser, word by word."""

import os
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from typing import Any

# Gradio reads it when it is imported: nothing is reported to anybody.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from gradio.themes import Base, Font, colors, sizes

from generate.serving.api import Service
from generate.serving.engine import Job
from generate.serving.errors import ApiError
from generate.serving.page_form import connect, form_fields
from generate.serving.page_songs import Wishes, begin, written
from generate.serving.page_words import PAGES, PageWords
from generate.serving.verse_html import message_html

VERSIONS = 4
LONGEST = 1000

# A P in the page's own colours.
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#8a2d23"/>'
    '<text x="16" y="24" font-family="serif" font-size="24" text-anchor="middle" fill="#faf7f1">P</text></svg>'
)

_HERE = Path(__file__).parent
_STYLE, _SCRIPT = _HERE / "page.css", _HERE / "page.js"


def mount_page(app: FastAPI, service: Service) -> None:
    """Put the page into the server, in each of its languages; / leads to the one that the browser prefers."""

    @app.get("/", include_in_schema=False)
    async def front(request: Request) -> RedirectResponse:  # pyright: ignore[reportUnusedFunction]
        return RedirectResponse(f"/{preferred(request.headers.get('accept-language', ''))}/")

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:  # pyright: ignore[reportUnusedFunction]
        return Response(_ICON, media_type="image/svg+xml")

    for words in PAGES:
        gr.mount_gradio_app(
            app,
            make_page(service, words),
            path=f"/{words.code}",
            theme=_theme(),
            css=_STYLE.read_text(encoding="utf-8"),
            head=f"<script>document.documentElement.lang = '{words.code}'</script>",
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            enable_monitoring=False,
            # Nothing is ever uploaded.
            max_file_size=1,
        )


def preferred(accept_language: str) -> str:
    """The page's language for a browser's Accept-Language header: the first that we speak, or else English."""
    for part in accept_language.split(","):
        code = part.strip()[:2].lower()
        if any(words.code == code for words in PAGES):
            return code
    return "en"


def make_page(service: Service, words: PageWords) -> gr.Blocks:
    """The page in one language."""
    with gr.Blocks(title="Payador", analytics_enabled=False, fill_width=True) as page:
        gr.HTML(_head(words))
        with gr.Row(elem_id="desk"):
            with gr.Column(scale=1, min_width=280, elem_id="wishes"):
                model = gr.Dropdown(label=words.model, elem_id="model")
                title = gr.Textbox("", label=words.title, placeholder=words.title_hint, elem_id="title", max_lines=1)
                first = gr.Textbox("", label=words.first_line, placeholder=words.first_line_hint, elem_id="first")
                form = form_fields(words)
                with gr.Row(elem_id="buttons"):
                    go = gr.Button(words.generate, variant="primary", elem_id="generate", min_width=120)
                    stop = gr.Button(words.stop, interactive=False, elem_id="stop", min_width=90)
                settings = _settings(words, min(LONGEST, service.limits.max_tokens))
            with gr.Column(scale=3, min_width=300, elem_id="paper"):
                empty = f'<p class="empty">{escape(words.empty)}</p>'
                songs = gr.HTML(empty, elem_id="songs", js_on_load=_script(words))
                gr.HTML(f'<p class="legend">{escape(words.legend)}</p>')
        write, end = _handlers(service, words)
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        # Of all that the page asks for, only songs come through Gradio's queue: a stream that is closed behind one
        # answer takes along the answer to whatever was asked at that moment.
        at_once: dict[str, Any] = quiet | {"queue": False}
        fields = [model, title, first, form.form, form.stanzas, form.language, *settings]
        *_, structure = settings
        connect(service, words, form, model=model, structure=structure, length=settings[2])
        wanted = [go.click, title.submit, first.submit]
        writing = gr.on(wanted, write, fields, [songs, go, stop], concurrency_limit=None, **quiet)
        # Not in `write` itself: what is pressed before an answer has ended is dropped without a word.
        writing.then(lambda: _buttons(writing=False), None, [go, stop], **at_once)
        stop.click(end, None, None, **at_once)
        page.load(lambda: _choices(service), None, model, **at_once)
    page.queue(api_open=False)
    return page


def _settings(words: PageWords, longest: int) -> list[Any]:
    """The fields that are seldom changed, in the order of Wishes."""
    with gr.Accordion(words.more, open=False, elem_id="more"):
        return [
            gr.Slider(1, VERSIONS, 1, step=1, label=words.versions),
            gr.Slider(0, 2, 0.8, step=0.05, label=words.temperature, info=words.temperature_hint),
            gr.Slider(1, longest, min(400, longest), step=1, label=words.length, info=words.length_hint),
            gr.Slider(0, 20, 0, step=1, label=words.max_copied, info=words.max_copied_hint),
            gr.Textbox("", label=words.banned, placeholder=words.banned_hint),
            gr.Textbox("", label=words.seed, placeholder=words.seed_hint, max_lines=1),
            gr.Textbox("", label=words.structure, placeholder=words.structure_hint, interactive=False, max_lines=1),
        ]


def _handlers(service: Service, words: PageWords) -> tuple[Any, Any]:
    """What Generate and Stop do."""
    jobs: dict[str | None, Job] = {}

    async def write(browser: gr.Request, *given: Any) -> AsyncIterator[tuple[Any, Any, Any]]:
        """What stands on the page, and whether Generate and Stop can be pressed."""
        yield f'<p class="empty">{escape(words.waiting)}</p>', gr.Button(interactive=False), gr.skip()
        try:
            model, job = await begin(service, words, Wishes(*given))
        except ApiError as error:
            yield message_html(error.message), gr.skip(), gr.skip()
            return
        jobs[browser.session_hash] = job
        try:
            async for html in written(model, job, words):
                yield html, *_buttons(writing=True)
        finally:
            # A page that is closed ends here, too.
            job.close()
            del jobs[browser.session_hash]

    def end(browser: gr.Request) -> None:
        """What is written stays."""
        if job := jobs.get(browser.session_hash):
            job.close()

    return write, end


def _buttons(*, writing: bool) -> tuple[Any, Any]:
    """Generate and Stop: one at a time has something to do."""
    return gr.Button(interactive=not writing), gr.Button(interactive=writing)


def _choices(service: Service) -> Any:
    """The models that there are when the page is opened."""
    names = sorted(service.models.folders())
    value = service.models.default or (names[0] if names else None)
    return gr.Dropdown(choices=names, value=value, visible=len(names) != 1)


def _head(words: PageWords) -> str:
    links = (f'<a href="/{other.code}/" lang="{other.code}">{other.name}</a>' for other in PAGES if other != words)
    return (
        f'<header id="top"><div><h1>Payador</h1><p>{escape(words.lead)}</p></div><nav>{"".join(links)}</nav></header>'
    )


def _script(words: PageWords) -> str:
    said = escape(words.copied_now).replace("'", "\\'")
    return _SCRIPT.read_text(encoding="utf-8").replace("COPIED_NOW", f"'{said}'")


def _theme() -> Base:
    """Fonts of the system alone; what is not the page's own business stays as Gradio has it."""
    return Base(
        primary_hue=colors.stone,
        neutral_hue=colors.stone,
        font=[Font(name) for name in ("ui-sans-serif", "system-ui", "sans-serif")],
        font_mono=[Font(name) for name in ("ui-monospace", "monospace")],
        radius_size=sizes.radius_sm,
    )

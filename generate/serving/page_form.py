"""The page's fields that ask for verse in a form."""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from core.errors import UserError
from generate.serving.api import Service
from generate.serving.errors import ApiError, explained
from generate.serving.models import languages_of
from generate.serving.page_words import LANGUAGE_NAMES, PageWords
from generate.serving.verse_html import message_html
from prosody.form import Form, format_form, parse_form
from prosody.forms import NAMED
from prosody.line import Language

MOST_STANZAS = 8


@dataclass(frozen=True)
class FormFields:
    """The fields that have to do with forms, and what is said of the form that stands there."""

    form: Any
    stanzas: Any
    language: Any
    reading: Any


def form_fields(words: PageWords) -> FormFields:
    """The fields, for free verse at first."""
    with gr.Row(elem_id="forms"):
        form = gr.Dropdown(
            choices=named_forms(words.code, words),
            value="",
            label=words.form,
            allow_custom_value=True,
            elem_id="form",
            scale=3,
            min_width=180,
        )
        stanzas = gr.Number(
            1, label=words.stanzas, precision=0, minimum=1, maximum=MOST_STANZAS, interactive=False, elem_id="stanzas"
        )
    reading = gr.HTML(_paragraph(words.form_hint), elem_id="reading")
    language = gr.Dropdown(label=words.language, visible=False, elem_id="language")
    return FormFields(form, stanzas, language, reading)


def named_forms(language: Language, words: PageWords) -> list[tuple[str, str]]:
    """The forms of a language by name, behind free verse: what is shown and what is meant."""
    return [(words.free, ""), *((name, name) for name in NAMED[language])]


def connect(service: Service, words: PageWords, fields: FormFields, *, model: Any, structure: Any, length: Any) -> None:
    """Let the fields follow the model and the form: what does not count cannot be set."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}

    def of_model(name: str | None) -> Any:
        known = _languages(service, name)
        value = words.code if words.code in known else next(iter(known), None)
        choices = [(LANGUAGE_NAMES[code], code) for code in known]
        return gr.Dropdown(choices=choices, value=value, visible=len(known) > 1)

    def of_language(code: Language | None) -> Any:
        return gr.Dropdown(choices=named_forms(code or words.code, words))

    def of_form(text: str | None, code: Language | None) -> tuple[Any, Any, Any, str]:
        try:
            form = parse_form(text, code or words.code) if text and text.strip() else None
            said = _paragraph(_reading(form, words) if form else words.form_hint)
        except UserError as error:
            form, said = None, message_html(explained(error).message)
        repeats = form is not None and len(form.stanzas) == 1
        stanzas = gr.Number(interactive=True) if repeats else gr.Number(1, interactive=False)
        return stanzas, gr.Textbox(interactive=form is not None), gr.Slider(interactive=form is None), said

    def of_form_again(text: str | None, code: Language | None) -> tuple[Any, Any, Any, Any]:
        # Free verse is the same in every language: what somebody may be setting is left alone.
        return of_form(text, code) if text and text.strip() else (gr.skip(), gr.skip(), gr.skip(), gr.skip())

    said, follow = [fields.form, fields.language], [fields.stanzas, structure, length, fields.reading]
    model.change(of_model, model, fields.language, **quiet)
    fields.language.change(of_language, fields.language, fields.form, **quiet)
    fields.form.change(of_form, said, follow, **quiet)
    fields.language.change(of_form_again, said, follow, **quiet)


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _reading(form: Form, words: PageWords) -> str:
    notation = format_form(form).removeprefix(form.name).strip()
    return words.reads.format(lines=form.lines, notation=notation)


def _languages(service: Service, name: str | None) -> list[Language]:
    """Those that a model has learnt; none where nobody can say."""
    try:
        return languages_of(service.models.folders()[service.models.find(name)])
    except (ApiError, UserError):
        return []

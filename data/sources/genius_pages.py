"""A song's page on Genius: which parts of it hold the words, and the words in them."""

import json
import re
from dataclasses import dataclass
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from bs4.filter import SoupStrainer
from lyricsgenius.utils import decode_js_string

_CONTAINER = SoupStrainer("div", attrs={"data-lyrics-container": "true"})
_PLACEHOLDER = SoupStrainer("div", class_=re.compile("LyricsPlaceholder"))

# The page's own data: a JSON text in a JavaScript string in a script.
_STATE = re.compile(r"window\.__PRELOADED_STATE__\s*=\s*JSON\.parse\('((?:[^'\\]|\\.)*)'\)", re.DOTALL)

_BLOCKS = ["p", "div", "section", "blockquote", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"]
_UNREAD = ["script", "style", "noscript", "template", "iframe", "button", "svg"]

# No text holds these: they mark where <br> and a block's edge stood.
_BREAK, _EDGE = "\x01", "\x02"
_AROUND_BREAK = re.compile(f"[ \t]*\n?[ \t]*{_BREAK}[ \t]*\n?[ \t]*")
_AROUND_EDGES = re.compile(f"[ \t\n]*{_EDGE}[ \t\n{_EDGE}]*")


@dataclass(frozen=True)
class Page:
    """What is kept of a page: its HTML is a hundred times as long as its words."""

    html: list[str]
    """The elements that hold the words, as they came."""
    notice: str = ""
    """What stands in place of the words, such as "This song is an instrumental"."""


def read_page(page: str) -> Page:
    """The parts of a page that hold words; neither html nor notice where there is nothing of the kind."""
    # A container within a container comes once, inside the outer one.
    containers = [str(tag) for tag in BeautifulSoup(page, "html.parser", parse_only=_CONTAINER).children]
    for html in (containers, _embedded(page)):
        if read_words(html):
            return Page(html)
    placeholder = BeautifulSoup(page, "html.parser", parse_only=_PLACEHOLDER)
    return Page([], " ".join(placeholder.get_text(" ").split()))


def read_words(html: list[str]) -> str:
    """The words of these elements, line by line; where one element ends, so does a line."""
    return "\n".join(filter(None, map(_words, html)))


def _words(html: str) -> str:
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(_is_no_part_of_the_song):
        # Not twice: what was inside one is gone with it.
        if not tag.decomposed:
            tag.decompose()
    for tag in soup.find_all("br"):
        tag.replace_with(NavigableString(_BREAK))
    for tag in soup.find_all(_BLOCKS):
        tag.insert_before(_EDGE)
        tag.insert_after(_EDGE)
    # A newline in HTML is no line break where <br> stands beside it; where none does, better a line too many.
    text = _AROUND_EDGES.sub("\n", soup.get_text())
    return _AROUND_BREAK.sub("\n", text).strip()


def _is_no_part_of_the_song(tag: Tag) -> bool:
    # Both are needed: older pages mark their head by its class alone.
    is_head = any("LyricsHeader" in name for name in tag.get_attribute_list("class") if name)
    return is_head or tag.get("data-exclude-from-selection") == "true" or tag.name in _UNREAD


def _embedded(page: str) -> list[str]:
    if not (state := _STATE.search(page)):
        return []
    try:
        value: Any = json.loads(decode_js_string(state[1]))
        html = value["songPage"]["lyricsData"]["body"]["html"]
    except (ValueError, KeyError, TypeError):
        return []
    return [html] if isinstance(html, str) else []

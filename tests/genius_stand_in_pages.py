"""The songs of the stand-in, and their pages as Genius makes them, with all that stands in and around the words."""

import html
import json
import random
from dataclasses import dataclass
from typing import Literal

from core.artifacts import slug

ARTISTS = {5001: "Vidala Ñandú", 5002: "Los Faroles del Canal", 5003: "Elvira Quiroga"}
STRANGERS = {9001: "Genius Traducciones al Español", 9002: "Los Faroleros"}

Kind = Literal[
    "words", "embedded", "old", "instrumental", "notice", "unreleased", "incomplete", "stranger", "wordless", "gone"
]
# Of twenty songs by each artist; the rest have words.
KINDS: tuple[Kind, ...] = ("instrumental", "notice", "unreleased", "incomplete", "stranger", "wordless", "gone")
REASONS = {
    "instrumental": "instrumental",
    "notice": "instrumental",
    "unreleased": "lyrics not complete",
    "incomplete": "lyrics not complete",
    "stranger": "other primary artist",
    "wordless": "not fetched",
    "gone": "not fetched",
}


@dataclass(frozen=True)
class SungSong:
    id: int
    artist: int
    kind: Kind
    title: str
    stanzas: list[list[str]]

    @property
    def path(self) -> str:
        return f"/{slug((ARTISTS | STRANGERS)[self.artist])}-{slug(self.title)}-{self.id}-lyrics"

    @property
    def verses(self) -> list[str]:
        return [line for stanza in self.stanzas for line in stanza if not line.startswith("[")]


def _words(text: str, between: str = " ") -> list[str]:
    return text.split(between)


NOUNS = _words(
    "luna lluvia puerta guitarra sombra ventana calle carta hermana cocina madrugada campana bicicleta azotea "
    "vereda tormenta llave cuchara maleta radio tijera escalera lámpara almohada"
)
VERBS = _words(
    "canta espera duerme vuelve arde cruza pregunta tiembla despierta cose guarda olvida respira llueve baila calla"
)
PLACES = _words(
    "en el puerto|sobre la mesa|detrás del río|por el camino|junto al tren|bajo el parral|frente a la plaza|"
    "entre los sauces|cerca del muelle|hasta el domingo|sin ningún apuro|con un perro viejo|desde la montaña|"
    "contra el viento|hacia el verano|después del baile",
    "|",
)
OPENINGS = _words("La|Mi|Tu|Aquella|Otra|Esta|Nuestra|Cada", "|")

# Everything below stands on pages of users' complaints, in other words.
HEADER = (
    '<div data-exclude-from-selection="true" class="LyricsHeader__Container-sc-5e4b7146-1 hFsUgC">'
    "<div>{contributors} Contributors</div><div>Translations<ul><li>English</li><li>Português</li></ul></div>"
    "<h2>{title} Lyrics</h2><p>Sobre esta canción se ha escrito mucho… <span>Read More</span></p></div>"
)
ASIDE = (
    '<div class="InreadContainer__Container-sc-cbdd0c43-0"><div class="PrimisPlayer">Advertisement</div></div>'
    '<div class="RightSidebar__Container-sc-1">You might also like<a href="/otra-lyrics">Otra</a></div>'
)
LIKE = '<div data-exclude-from-selection="true" class="Inline-sc-2"><h3>You might also like</h3><a>Otra</a></div>'
FOOT = '<div class="EmbedButton__Container-sc-3">3Embed</div><div class="About">About: letra, música</div>'
NOTICE = '<div class="LyricsPlaceholder__Message-sc-14c8db1d-2">This song is an instrumental</div>'


def invent_stanzas(number: int) -> tuple[str, list[list[str]]]:
    """A title and a song that no other number gives; a chorus comes back, and one line is alike to nothing else."""
    chance = random.Random(number)

    def line() -> str:
        return " ".join(map(chance.choice, (OPENINGS, NOUNS, VERBS, PLACES)))

    title = f"{chance.choice(NOUNS).capitalize()} {chance.choice(PLACES)} {number % 1000}"
    chorus = [line() + "," for _ in range(3)] + [line() + " (eh)"]
    verses = [[line() for _ in range(4)] for _ in range(3)]
    return title, [["[Verso 1]", *verses[0]], ["[Coro]", *chorus], ["[Verso 2]", *verses[1]], ["[Outro]", *verses[2]]]


def song_page(song: SungSong) -> str:
    """The page of a song."""
    body = NOTICE if song.kind == "notice" else ""
    state = ""
    if song.kind == "words":
        body = _containers(song)
    elif song.kind == "old":
        body = _old_containers(song)
    elif song.kind == "embedded":
        state = _state(song)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><title>{html.escape(song.title)} Lyrics | Genius</title>'
        '<meta property="og:site_name" content="Genius"/><style>div{color:red}</style></head>\n<body>'
        f'<nav>Charts<br/>Videos</nav><div id="application"><main><div id="lyrics-root">{body}{FOOT}</div></main></div>'
        f"<script>{state}</script></body>\n</html>\n"
    )


def _line(text: str, number: int) -> str:
    """Each third line is annotated, some are in italics: markup within markup."""
    text = html.escape(text)
    if number % 3 == 1:
        return f'<a href="/1/x" class="ReferentFragment-desktop__ClickTarget-sc-1"><span class="Sc-2">{text}</span></a>'
    return f"<i>{text[:5]}<b>{text[5:]}</b></i>" if number % 5 == 2 else text


def _stanza(lines: list[str]) -> str:
    return "<br/>".join(_line(text, number) for number, text in enumerate(lines))


def _container(inside: str) -> str:
    return (
        '<div data-lyrics-container="true" data-exclude-from-selection="false" '
        f'class="Lyrics__Container-sc-cbdd0c43-1 kRPPOQ">{inside}</div>'
    )


def _containers(song: SungSong) -> str:
    """Cut in the middle of a stanza, and right after "(eh)"; a referent over two lines; one container in another."""
    first, second, third, last = song.stanzas
    header = HEADER.format(contributors=song.id % 40, title=html.escape(song.title))
    over_lines = f'<a href="/2/y"><span><i>{_line(third[1], 0)}<br/>{_line(third[2], 0)}</i></span></a>'
    return (
        _container(f"{header}{_stanza(first)}<br/><br/>{LIKE}{_stanza(second)}")
        + ASIDE
        + _container(f"{third[0]}<br/>{over_lines}<br/>\n{_stanza(third[3:4])}")
        + ASIDE
        + _container(_stanza(third[4:]) + "<br/><br/>" + _container(_stanza(last)))
    )


def _old_containers(song: SungSong) -> str:
    """As text was read for years: head and tail within the words, and advertisement in their middle."""
    first, second, third, last = map(_stanza, song.stanzas)
    title = html.escape(song.title)
    head = f"{song.id % 40} ContributorsTranslationsEnglish{title} Lyrics"
    tickets = "See Los Faroles LiveGet tickets as low as $45You might also like"
    return _container(f"{head}{first}<br/><br/>{second}{tickets}") + _container(
        f"{third}<br/><br/>{last}{song.id % 9 + 1}Embed"
    )


def _state(song: SungSong) -> str:
    """The page's data as a JavaScript string: newlines are layout, <br> ends a line."""
    words = "<br>\n<br>\n".join("<br>\n".join(map(html.escape, stanza)) for stanza in song.stanzas)
    value = {"songPage": {"lyricsData": {"body": {"html": f"<p>{words}</p>\n\n<p></p>"}, "title": "it's"}}}
    text = json.dumps(value).replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")
    return f"window.__PRELOADED_STATE__ = JSON.parse('{text}');"

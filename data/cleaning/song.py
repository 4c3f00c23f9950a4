"""A song as a source leaves it, to a song as corpus.json promises it. The rules live in the modules beside this one."""

import dataclasses

from core.corpus import Song
from data.cleaning.characters import (
    clean_line,
    clean_running_text,
    compose,
    decode_entities,
    drop_invisible,
    drop_trailing_spaces,
    mend_mojibake,
    separate_stanzas,
    straighten_quotes,
    unify_line_ends,
    unify_spaces,
    until_stable,
)
from data.cleaning.headings import bracket_headings, name_headings, separate_headings, space_headings
from data.cleaning.leftovers import drop_leftovers, drop_markup
from data.cleaning.repetition import expand_repetitions
from data.cleaning.titles import parse_title


def clean_text(text: str, title: str = "", artist: str = "") -> str:
    """All rules for lyrics, in order; text that is clean comes through unchanged."""
    return until_stable(lambda dirty: _clean_once(dirty, title, artist), text)


def _clean_once(text: str, title: str, artist: str) -> str:
    for rule in (decode_entities, mend_mojibake, unify_line_ends, drop_invisible, drop_markup, unify_spaces):
        text = rule(text)
    text = drop_leftovers(straighten_quotes(compose(text)), title, artist)
    text = bracket_headings(separate_headings(text))
    return separate_stanzas(space_headings(drop_trailing_spaces(text)))


def clean_song(song: Song, *, running_text: bool = False) -> Song:
    """The song with every text in it clean; its id stays, and so does a running text's layout."""
    names = {key: clean_line(getattr(song, key)) for key in ("title", "artist", "album", "url", "language", "form")}
    if running_text:
        return dataclasses.replace(song, lyrics=clean_running_text(song.lyrics), **names)
    title = parse_title(names["title"])
    guests = f"feat. {title.guests}" if title.guests else ""
    performers = "; ".join(filter(None, (clean_line(song.performers), guests)))
    lyrics = clean_text(song.lyrics, names["title"], names["artist"])
    return dataclasses.replace(song, lyrics=lyrics, **names | {"title": title.name, "performers": performers})


def finish_song(song: Song, language: str, *, expand: bool = False) -> Song:
    """Headings in the words of its language, performers apart, and what is sung again written out if asked for."""
    lyrics, performers = name_headings(song.lyrics, language)
    known = [part for part in (*song.performers.split("; "), *performers.split("; ")) if part]
    if expand:
        lyrics = separate_stanzas(expand_repetitions(lyrics))
    return dataclasses.replace(song, lyrics=lyrics, performers="; ".join(dict.fromkeys(known)))

"""Records with columns of many names, to songs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from core.corpus import Song
from core.errors import UserError
from data.cleaning.characters import clean_line, fold

# What a column may be called, the likeliest first; accents, case, spaces and underscores do not count.
ALIASES: dict[str, tuple[str, ...]] = {
    "lyrics": (
        *("lyrics", "lyric", "songlyrics", "letra", "letras", "paroles", "poem", "poema", "poeme"),
        *("text", "texto", "texte", "content", "contenido", "contenu", "body", "verses", "versos"),
    ),
    "title": (
        *("title", "titulo", "titre", "songtitle", "tracktitle", "songname", "trackname", "name", "nombre", "nom"),
        *("song", "cancion", "chanson", "track", "poemtitle", "poemname"),
    ),
    "artist": (
        *("artist", "artista", "artiste", "artistname", "artists", "trackartist", "author", "autor", "auteur"),
        *("singer", "cantante", "chanteur", "band", "banda", "groupe", "grupo", "poet", "poeta", "poete", "writer"),
    ),
    "album": ("album", "albumname", "albumtitle", "trackalbumname", "disco", "disque", "book", "libro", "livre"),
    "year": ("year", "ano", "anio", "annee", "releaseyear", "releasedate", "date", "fecha"),
    "url": ("url", "link", "href", "enlace", "lien", "songurl"),
    "language": ("language", "lang", "idioma", "lengua", "langue"),
    "form": ("form",),
    "id": ("id", "songid", "trackid"),
}

_YEAR = re.compile(r"(?<!\d)(1\d{3}|20\d{2})(?!\d)")
_LANGUAGE = re.compile(r"([a-z]{2,3})([-_][a-z]+)?", re.IGNORECASE)

# A header row that is no header may hold a whole poem.
_SHOWN_COLUMNS = 12
_SHOWN_LETTERS = 30


def find_columns(names: Iterable[str]) -> dict[str, str]:
    """Which of these columns is the lyrics, the title, the artist, …: our name → theirs."""
    theirs = {fold(name).replace(" ", ""): name for name in reversed(list(names))}
    found = {ours: [theirs[alias] for alias in aliases if alias in theirs] for ours, aliases in ALIASES.items()}
    return {ours: candidates[0] for ours, candidates in found.items() if candidates}


def songs_from_records(origin: str, records: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Song]:
    """Songs of records that come from `origin`, each with its place ("songs.jsonl, line 3"); ids are unique.

    A record without lyrics becomes a song without lyrics, for the report to name. Raises UserError
    when lyrics are no text, or when no record has a column for them.
    """
    ids = _UniqueIds()
    columns_seen: dict[str, None] = {}
    has_lyrics = False
    for number, (where, record) in enumerate(records, 1):
        columns = _find_columns_of_many(tuple(record))
        has_lyrics = has_lyrics or "lyrics" in columns
        if not has_lyrics:
            columns_seen.update(dict.fromkeys(record))
        yield _song(where, number, {ours: record[theirs] for ours, theirs in columns.items()}, ids)
    if columns_seen and not has_lyrics:
        raise no_lyrics_column(origin, columns_seen)


def no_lyrics_column(origin: str, columns: Iterable[str]) -> UserError:
    """The error for a source whose columns are these."""
    names = [clean_line(name) for name in columns]
    listed = ", ".join(
        f"{name[:_SHOWN_LETTERS]}…" if len(name) > _SHOWN_LETTERS else name for name in names[:_SHOWN_COLUMNS]
    )
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    return UserError(
        f"{origin} has no lyrics column; its columns: {listed}{more}",
        f"call the column that holds the text lyrics (or {', '.join(ALIASES['lyrics'][3:10])}, …)",
    )


def json_kind(value: object) -> str:
    """What a value is called by those who know JSON and no Python."""
    names = {"bool": "true or false", "int": "a number", "float": "a number", "str": "text", "list": "a list"}
    return "null" if value is None else names.get(type(value).__name__, "an object")


# Records of one source mostly have the same names.
_find_columns_of_many = lru_cache(1024)(find_columns)


def _song(where: str, number: int, fields: dict[str, Any], ids: "_UniqueIds") -> Song:
    lyrics = fields.pop("lyrics", None)
    if lyrics is not None and not isinstance(lyrics, str):
        raise UserError(
            f"{where}: lyrics must be text, not {json_kind(lyrics)}",
            r"write them as one string, with \n between the lines",
        )
    texts = {ours: _text(value) for ours, value in fields.items()}
    year = _YEAR.search(texts.pop("year", ""))
    language = _LANGUAGE.fullmatch(texts.pop("language", "").strip())
    given = clean_line(texts.pop("id", ""))
    names = [fold(texts.get(key, "")).replace(" ", "-") for key in ("artist", "title")]
    return Song(
        id=ids.claim(given or "/".join(filter(None, names)) or f"song-{number}"),
        lyrics=lyrics or "",
        year=int(year[1]) if year else None,
        language=language[1].lower() if language else "",
        **texts,
    )


def _text(value: Any) -> str:
    """A name, whether it comes as text, a number, a list of names, or an object that has one."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, cast("list[Any]", value))))
    if isinstance(value, tuple):  # data/sources/files.py reads JSON objects as pairs
        return _text(dict(cast("tuple[tuple[str, Any], ...]", value)).get("name"))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None or isinstance(value, bool) else str(value)


class _UniqueIds:
    """Ids given out so far: a second "balada" becomes "balada-2"."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._count: dict[str, int] = {}

    def claim(self, wanted: str) -> str:
        unique = wanted
        while unique in self._taken:
            self._count[wanted] = self._count.get(wanted, 1) + 1
            unique = f"{wanted}-{self._count[wanted]}"
        self._taken.add(unique)
        return unique

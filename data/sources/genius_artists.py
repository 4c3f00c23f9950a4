"""Which artist on Genius is meant: found by name, shown, and asked about where the name is another."""

import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from core.errors import UserError
from core.files import read_json, write_json
from data.cleaning.characters import clean_line, fold
from data.sources.genius_client import GeniusClient

Json = dict[str, Any]


def cached(path: Path, ask: Callable[[], Any]) -> Any:
    """What the file holds; where there is none yet, what `ask` answers, which it holds from then on."""
    if path.exists():
        return read_json(path)
    answer = ask()
    write_json(path, answer)
    return answer


def find_artists(
    names: Sequence[str], ids: Sequence[int], raw: Path, connect: Callable[[], GeniusClient]
) -> dict[int, Json]:
    """The artists of these names and ids, by id, in order; who was found is printed.

    An id also settles a name: of the artists found under the name it is that one. Raises UserError
    when a name is nobody's on Genius, and no terminal is there to ask who is meant.
    """
    chosen = dict.fromkeys([_find(name, ids, raw, connect) for name in names] + list(ids))
    artists: dict[int, Json] = {}
    for artist_id in chosen:
        artist = _get(artist_id, raw, connect)
        # An artist whose page was merged with another's answers under the other's id.
        artists[artist["id"]] = artist
        print(f"found       {shown_artist(artist)}")
    return artists


def shown_artist(artist: Json) -> str:
    """An artist on one line: Almendra (id 366235, https://genius.com/artists/Almendra)."""
    return f"{clean_line(artist['name'])} (id {artist['id']}, {artist.get('url', 'no page')})"


def _get(artist_id: int, raw: Path, connect: Callable[[], GeniusClient]) -> Json:
    return cached(raw / "artists" / f"{artist_id}.json", lambda: connect().get_artist(artist_id))


def _find(name: str, ids: Collection[int], raw: Path, connect: Callable[[], GeniusClient]) -> int:
    path = raw / "searches" / f"{quote(fold(name) or name, safe='')}.json"
    search = cached(path, lambda: {"asked": name, "found": _search(name, connect)})
    found: list[Json] = search["found"]
    if settled := [artist["id"] for artist in found if artist["id"] in ids]:
        return settled[0]
    if "chosen" in search:
        return search["chosen"]
    namesakes = [artist for artist in found if _same(artist["name"], name)]
    for other in namesakes[1:]:
        print(f"not taken   {shown_artist(other)}: --artist_id {other['id']}, if you mean this one")
    if namesakes:
        return namesakes[0]["id"]
    chosen = _ask(name, found)["id"]
    write_json(path, search | {"chosen": chosen})
    return chosen


def _search(name: str, connect: Callable[[], GeniusClient]) -> list[Json]:
    found = connect().find_artists(name)
    if not found:
        raise UserError(
            f"Genius has no artist called {name!r}",
            "check the spelling, or give the number in the page's address in the app: --artist_id 1234",
        )
    return found


def _same(one: str, other: str) -> bool:
    """R.E.M. is REM; The Who are not Who."""
    one_folded, other_folded = (fold(name).replace(" ", "") or name for name in (one, other))
    return one_folded == other_folded


def _ask(name: str, found: list[Json]) -> Json:
    if not sys.stdin.isatty():
        first, *others = found
        more = "".join(f", {artist['id']} for {clean_line(artist['name'])}" for artist in others)
        raise UserError(
            f"Genius has no artist called {name!r}; the nearest is {shown_artist(first)}",
            f"if you mean that one, add --artist_id {first['id']}{f'  ({more[2:]})' if more else ''}",
        )
    print(f"Genius has no artist called {name!r}, but:")
    for number, artist in enumerate(found, 1):
        print(f"  {number}  {shown_artist(artist)}")
    try:
        answer = input(f"Which one do you mean? 1 to {len(found)}, or Enter for none: ").strip()
    except EOFError:
        answer = ""
    if answer not in map(str, range(1, len(found) + 1)):
        raise UserError(f"no artist chosen for {name!r}", "give another --artist, or an --artist_id")
    return found[int(answer) - 1]

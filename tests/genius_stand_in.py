"""A stand-in for Genius: real HTTP on 127.0.0.1, answers shaped like the real ones, and faults on demand.

Everything sung here is put together by chance from a few words.
"""

import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlsplit

from genius_stand_in_pages import ARTISTS, KINDS, REASONS, STRANGERS, SungSong, invent_stanzas, song_page

from data.cleaning.characters import fold

TOKEN = "Sekret-7f3a9c_TOKEN-never-to-be-seen"


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of an answer."""

    kind: Literal["status", "stall", "reset", "cut", "half", "bare", "odd"]
    status: int = 0
    retry_after: str = ""
    text: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Request:
    what: str
    """"web/7", "songs/7", "artists/5001", "lists/5001-2", "search/…"."""
    time: float
    token: bool
    """Whether the token came with it."""
    cached: bool
    """Whether the client had kept the answer before it asked."""


@dataclass
class StandIn:
    raw: Path
    """Where the client keeps answers."""
    songs_each: int = 100
    faults: dict[str, Iterator[Fault]] = field(default_factory=dict[str, Iterator[Fault]])
    requests: list[Request] = field(default_factory=list[Request])
    songs: dict[int, SungSong] = field(default_factory=dict[int, SungSong])

    def __post_init__(self) -> None:
        for artist in ARTISTS:
            for number in range(self.songs_each):
                song_id = artist * 1000 + number
                kind = KINDS[number % 20] if number % 20 < len(KINDS) else ("embedded", "old", "words")[number % 3]
                title, stanzas = invent_stanzas(song_id)
                primary = 9001 if kind == "stranger" else artist
                self.songs[song_id] = SungSong(song_id, primary, kind, title, stanzas)
        self.lists = {artist: [song for song in self.songs if song // 1000 == artist] for artist in ARTISTS}
        # A singer's list holds some songs of the band.
        self.lists[5003] += self.lists[5002][-self.songs_each // 10 :]
        self._paths = {song.path: song for song in self.songs.values()}
        assert len(self._paths) == len(self.songs)

    @property
    def wanted(self) -> dict[int, SungSong]:
        return {song.id: song for song in self.songs.values() if song.kind not in REASONS}

    @property
    def reasons(self) -> dict[str, str]:
        """Why the others are no part of a corpus, by title."""
        return {song.title: REASONS[song.kind] for song in self.songs.values() if song.kind in REASONS}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def counts(self) -> Counter[str]:
        return Counter(request.what for request in self.requests)

    def inject(self, seed: int, share: float = 0.3, stall: float = 1.0) -> None:
        """Faults that pass, on a share of what may be asked; one 429 in each ten says how long to wait."""
        chance = random.Random(seed)
        kinds = [
            *(Fault("status", 403), Fault("status", 429), Fault("status", 503), Fault("status", 500)),
            *(Fault("reset"), Fault("cut"), Fault("half"), Fault("bare"), Fault("odd", text="[]")),
        ]
        places = [f"{part}/{song}" for song in self.songs for part in ("songs", "web")]
        places += [f"lists/{artist}-1" for artist in ARTISTS] + [f"artists/{artist}" for artist in ARTISTS]
        for place in chance.sample(places, round(share * len(places))):
            self.faults[place] = iter(chance.choices(kinds, k=chance.choice([1, 1, 2])))
        slow = chance.sample(places, 6)
        for place in slow[:4]:
            self.faults[place] = iter([Fault("stall", seconds=stall)])
        for place in slow[4:]:
            self.faults[place] = iter([Fault("status", 429, retry_after="1")])

    def note(self, what: str, *, token: bool) -> None:
        """Write down a request."""
        part, _, name = what.partition("/")
        if part == "lists":
            artist, _, page = name.partition("-")
            name = f"{artist}-{int(page):03}"
        elif part == "search":
            name = quote(fold(name), safe="")
        folder = {"web": "songs", "search": "searches"}.get(part, part)
        cached = (self.raw / folder / f"{name}.json").exists()
        self.requests.append(Request(what, time.monotonic(), token, cached))

    def always(self, place: str, fault: Fault) -> None:
        self.faults[place] = repeat(fault)

    def __enter__(self) -> "StandIn":
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[str, Any]:
        """The name of what is asked for, and the answer: JSON, HTML, or None where there is nothing."""
        match path.strip("/").split("/"):
            case ["api", "artists", number]:
                known = int(number) in ARTISTS | STRANGERS
                return f"artists/{number}", {"artist": _artist(int(number))} if known else None
            case ["api", "artists", number, "songs"]:
                page, per_page = int(query["page"][0]), int(query["per_page"][0])
                songs = self.lists.get(int(number), [])
                start, end = (page - 1) * per_page, page * per_page
                listed = [self._entry(self.songs[song]) for song in songs[start:end]]
                return f"lists/{number}-{page}", {"songs": listed, "next_page": page + 1 if end < len(songs) else None}
            case ["api", "songs", number]:
                return f"songs/{number}", {"song": self._full(self.songs[int(number)])}
            case ["public", "search", "multi"]:
                return f"search/{query['q'][0]}", _search(query["q"][0])
            case ["web", *rest] if song := self._paths.get("/" + "/".join(rest)):
                return f"web/{song.id}", None if song.kind == "gone" else song_page(song)
            case _:
                return f"unknown/{path}", None

    def _entry(self, song: SungSong) -> dict[str, Any]:
        return {
            "annotation_count": 3,
            "api_path": f"/songs/{song.id}",
            "artist_names": (ARTISTS | STRANGERS)[song.artist],
            "full_title": f"{song.title} by\u00a0{(ARTISTS | STRANGERS)[song.artist]}",
            "id": song.id,
            "instrumental": song.kind == "instrumental",
            "lyrics_owner_id": 1,
            "lyrics_state": song.kind if song.kind in ("unreleased", "incomplete") else "complete",
            "path": song.path,
            "primary_artist": _artist(song.artist),
            "pyongs_count": None,
            "release_date_components": {"year": 1970 + song.id % 50, "month": 5, "day": None},
            "title": song.title,
            "title_with_featured": song.title,
            "url": f"https://genius.com{song.path}",
        }

    def _full(self, song: SungSong) -> dict[str, Any]:
        return self._entry(song) | {
            "album": {"id": song.id // 10, "name": f"Álbum {song.id // 10}", "artist": _artist(song.artist)},
            "description": {"plain": "?"},
            "language": "es",
            "release_date": f"{1970 + song.id % 50}-05-01",
            "translation_songs": [],
            "writer_artists": [],
        }


def _artist(number: int) -> dict[str, Any]:
    name = (ARTISTS | STRANGERS)[number]
    return {
        "api_path": f"/artists/{number}",
        "header_image_url": "https://images.genius.com/0.png",
        "id": number,
        "image_url": "https://images.genius.com/0.png",
        "is_meme_verified": False,
        "is_verified": False,
        "name": name,
        "url": f"https://genius.com/artists/{name.replace(' ', '-')}",
    }


def _search(words: str) -> dict[str, Any]:
    """Artists with a word in common, the namesakes first; among songs, which the client must not take for artists."""
    asked = set(words.casefold().split())
    known = ARTISTS | STRANGERS
    found = sorted(known, key=lambda number: -len(asked & set(known[number].casefold().split())))
    hits = [_artist(number) for number in found if asked & set(known[number].casefold().split())]
    songs = [{"index": "song", "type": "song", "result": {"id": 1, "title": words, "_type": "song"}}]
    artists = [{"index": "artist", "type": "artist", "result": hit} for hit in hits]
    top = {"type": "top_hit", "hits": artists[:1] or songs}
    return {"sections": [top, {"type": "song", "hits": songs}, {"type": "artist", "hits": artists}]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body: two would wait for each other
    stand_in: StandIn

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        what, answer = self.stand_in.answer(place.path, parse_qs(place.query))
        self.stand_in.note(what, token=TOKEN in str(self.headers))
        is_api = place.path.startswith("/api/")
        if is_api and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            # The worst a server can do with a token.
            return self._send(401, json.dumps({"meta": {"status": 401, "message": str(self.headers)}}))
        fault = next(self.stand_in.faults.get(what, iter(())), None)
        if fault and fault.kind == "status":
            return self._send(fault.status, f"<html>no: {self.headers}</html>", retry_after=fault.retry_after)
        if fault and fault.kind == "stall":
            time.sleep(fault.seconds)
        if fault and fault.kind == "reset":
            return self._reset()
        if answer is None:
            return self._send(404, "<html>no such page</html>")
        text = answer if isinstance(answer, str) else json.dumps({"meta": {"status": 200}, "response": answer})
        if fault and fault.kind == "bare" and isinstance(answer, str):
            text = "<html><body>Just a moment...</body></html>"
        if fault and fault.kind == "odd":
            text = fault.text
        if fault and fault.kind == "half":
            text = text[: len(text) * 2 // 3]
        return self._send(200, text, missing=50 if fault and fault.kind == "cut" else 0)

    def _send(self, status: int, text: str, *, retry_after: str = "", missing: int = 0) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html")  # without a charset, as a trap
        self.send_header("Content-Length", str(len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body[: len(body) - missing])
        self.close_connection = self.close_connection or missing > 0

    def _reset(self) -> None:
        # No farewell: what the other side reads is "connection reset by peer".
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Tests look at `requests` instead."""

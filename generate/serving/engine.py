"""The engine: one thread that writes all songs, those of concurrent requests in one batch.

A request becomes a job. Its songs join the running batch of their model as soon as there is room, and
leave it when they end, when their client leaves, or when their time is up. Between two steps of the songs
the poems go on by one.
"""

import asyncio
import contextlib
import logging
import math
import queue
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from generate.decoding import MAX_ROWS, Decoder
from generate.serving.errors import ApiError, Busy, Stopped, TooSlow
from generate.serving.poems import Desk, Poem
from generate.write import Logprob, Song, Writer

# Seconds for each song between two looks at what was written, so that looking costs the same share of the time
# however many there are; and at least so many.
LOOK_EVERY, LOOK_AT_LEAST = 0.004, 0.03

# How much a song that has just ended counts in the mean time that one takes.
NEWEST = 0.1

_log = logging.getLogger("payador.engine")


@dataclass(frozen=True)
class Piece:
    """What came to a song since the last piece of it."""

    index: int
    """Which of the job's songs."""
    title: str
    text: str
    logprobs: Sequence[Logprob]
    tokens: int
    """Chosen so far."""
    finish_reason: Literal["stop", "length"] | None
    failure: str = ""
    """Why a form was not kept to the end."""


class Job:
    """Songs that were asked for together. Iterate over it for what is written."""

    def __init__(self, engine: "Engine", writer: Writer, songs: Sequence[Song | Poem], deadline: float) -> None:
        self.writer, self.songs, self.deadline = writer, songs, deadline
        self.loop = asyncio.get_running_loop()
        self._engine = engine
        self._news: asyncio.Queue[list[Piece] | ApiError | None] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[list[Piece]]:
        """What came since the last look, until all songs have ended or the job is closed.

        Raises ApiError when its time is up, or the server ends.
        """
        going = len(self.songs)
        while going and (news := await self._news.get()) is not None:
            if isinstance(news, ApiError):
                raise news
            going -= sum(piece.finish_reason is not None for piece in news)
            yield news

    def close(self) -> None:
        """Nobody reads on: free its places."""
        self.tell(None)
        self._engine.drop(self)

    def tell(self, news: list[Piece] | ApiError | None) -> None:
        """Hand on what has come; within the job's event loop."""
        self._news.put_nowait(news)


class _Place:
    """A song's place in the engine."""

    def __init__(self, job: Job, index: int) -> None:
        self.job, self.index = job, index
        self.begun = time.monotonic()
        self.title = ""
        self.characters = self.logprobs = 0
        """How many were handed on."""


@dataclass
class _Room:
    """How many songs, or poems, there are and may be."""

    capacity: int
    side_by_side: int
    taken: int = 0
    seconds: float = 1.0
    """Mean time that one takes."""

    @property
    def wait(self) -> int:
        """Seconds after which there may be room again."""
        return min(60, math.ceil(self.seconds * self.taken / self.side_by_side))


class Engine:
    """Writes songs and poems in a thread of its own."""

    def __init__(
        self, *, max_rows: int = MAX_ROWS, max_waiting: int = 64, max_poems: int = 16, timeout: float = 120.0
    ) -> None:
        """Up to `max_rows` songs of a model side by side, `max_waiting` more wait; `timeout` in seconds for a job.

        Up to `max_poems` take turns.
        """
        self.max_rows, self.timeout = max_rows, timeout
        self._rooms = {
            Song: _Room(max_rows + max_waiting, max_rows),
            Poem: _Room(max_poems, max_poems),
        }
        self._orders: queue.SimpleQueue[tuple[Literal["add", "drop"], Job] | None] = queue.SimpleQueue()
        self._decoders: dict[Writer, Decoder[Song]] = {}
        self._desk = Desk()
        self._places: dict[Song | Poem, _Place] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    @property
    def songs(self) -> int:
        """Songs and poems that are being written, or wait for it."""
        return sum(room.taken for room in self._rooms.values())

    @property
    def capacity(self) -> int:
        """Songs that there is room for."""
        return self._rooms[Song].capacity

    def submit(self, writer: Writer, songs: Sequence[Song] | Sequence[Poem]) -> Job:
        """Have songs or poems written; within the event loop that will read them.

        Raises Busy when too many wait already. A job of more songs than there is room for at all is the
        caller's mistake.
        """
        room = self._room(songs[0])
        assert len(songs) <= room.capacity
        with self._lock:
            if self._closed:
                raise Stopped("the server is stopping")
            if room.taken + len(songs) > room.capacity:
                raise Busy(room.wait)
            room.taken += len(songs)
            job = Job(self, writer, songs, time.monotonic() + self.timeout)
            self._orders.put(("add", job))
        return job

    def drop(self, job: Job) -> None:
        """Have a job's songs forgotten."""
        self._orders.put(("drop", job))

    def close(self) -> None:
        """End the thread; songs that are not finished end with an error."""
        with self._lock:
            self._closed = True
            self._orders.put(None)
        self._thread.join()

    def _work(self) -> None:
        next_look = 0.0
        while self._obey():
            ended = self._compose()
            for writer, decoder in list(self._decoders.items()):
                ended |= self._step(writer, decoder)
            if ended or time.monotonic() >= next_look:
                self._hand_on()
                next_look = time.monotonic() + max(LOOK_AT_LEAST, LOOK_EVERY * len(self._places))
        for job in {place.job for place in self._places.values()}:
            self._fail(job, Stopped("the server is stopping"))

    def _obey(self) -> bool:
        """Carry out what was ordered, waiting for an order when there is nothing to do; false at the end."""
        while True:
            try:
                order = self._orders.get(block=not self._places)
            except queue.Empty:
                return True
            if order is None:
                return False
            what, job = order
            if what == "drop":
                self._forget(job)
                continue
            for index, song in enumerate(job.songs):
                self._places[song] = _Place(job, index)
                if isinstance(song, Poem):
                    self._desk.add(song)
                else:
                    decoder = Decoder[Song](job.writer.network, self.max_rows)
                    self._decoders.setdefault(job.writer, decoder).add(song)

    def _step(self, writer: Writer, decoder: Decoder[Song]) -> bool:
        """One token for each of a model's songs; whether any of them ended."""
        try:
            return bool(decoder.step())
        except Exception:
            # One song that cannot be written must not silence the server for all others to come.
            _log.exception("a step failed")
            del self._decoders[writer]
            for row in reversed(range(writer.network.rows)):
                writer.network.remove(row)
            for job in {place.job for place in self._places.values() if place.job.writer is writer}:
                self._fail(job, ApiError(500, "the song could not be written", code="internal_error"))
            return False

    def _compose(self) -> bool:
        """One step of a poem; whether it has gone on."""
        poem = self._desk.current
        try:
            return self._desk.step()
        except Exception:
            assert poem is not None
            _log.exception("a poem failed")
            self._fail(self._places[poem].job, ApiError(500, "the poem could not be written", code="internal_error"))
            return False

    def _hand_on(self) -> None:
        """Tell every job what came to its songs since the last time."""
        news: defaultdict[Job, list[Piece]] = defaultdict(list)
        for song, place in list(self._places.items()):
            text, title = song.take(), "" if song.thinking else song.title
            if text or title != place.title or song.finished or len(song.logprobs) > place.logprobs:
                place.title = title
                news[place.job].append(self._piece(song, place, text))
            if song.finished:
                self._leave(song, place)
        for job, pieces in news.items():
            _tell(job, pieces)
        now = time.monotonic()
        for job in {place.job for place in self._places.values() if place.job.deadline < now}:
            self._fail(job, TooSlow(self.timeout))

    def _piece(self, song: Song | Poem, place: _Place, text: str) -> Piece:
        place.characters += len(text)
        # A token whose text may still be taken back may be taken back itself.
        known = [kept for kept in song.logprobs[place.logprobs :] if song.finished or kept.offset < place.characters]
        place.logprobs += len(known)
        failure = song.failure if isinstance(song, Poem) else ""
        return Piece(place.index, place.title, text, known, song.tokens, song.finish_reason, failure)

    def _leave(self, song: Song | Poem, place: _Place) -> None:
        room = self._room(song)
        room.seconds += NEWEST * (time.monotonic() - place.begun - room.seconds)
        self._free([song], place.job)

    def _forget(self, job: Job) -> None:
        songs = [song for song in job.songs if song in self._places]
        decoder = self._decoders.get(job.writer)
        for song in songs:
            if isinstance(song, Poem):
                self._desk.remove(song)
            elif decoder:
                decoder.remove(song)
        self._free(songs, job)

    def _free(self, songs: Sequence[Song | Poem], job: Job) -> None:
        for song in songs:
            del self._places[song]
            with self._lock:
                self._room(song).taken -= 1
        decoder = self._decoders.get(job.writer)
        if decoder and not decoder.live and not decoder.waiting:
            # The model may be put away now.
            del self._decoders[job.writer]

    def _room(self, song: Song | Poem) -> _Room:
        return self._rooms[Poem if isinstance(song, Poem) else Song]

    def _fail(self, job: Job, error: ApiError) -> None:
        self._forget(job)
        _tell(job, error)


def _tell(job: Job, news: list[Piece] | ApiError) -> None:
    # The loop may have ended with its server.
    with contextlib.suppress(RuntimeError):
        job.loop.call_soon_threadsafe(job.tell, news)

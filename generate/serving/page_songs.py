"""What happens when somebody presses Generate: from the page's fields to songs as HTML."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from generate.serving.api import Service
from generate.serving.engine import Job
from generate.serving.errors import ApiError
from generate.serving.models import Loaded
from generate.serving.page_words import PageWords
from generate.serving.poems import Poem
from generate.serving.schema import make_request
from generate.serving.verse_html import ShownSong, message_html, songs_html
from generate.write import Song
from prosody.line import Language

# Seconds between two looks of the page: faster than anybody reads.
SHOW_EVERY = 0.12


@dataclass(frozen=True)
class Wishes:
    """What stands in the page's fields, in their order."""

    model: str | None
    title: str
    first_line: str
    form: str | None
    stanzas: int | None
    language: str | None
    versions: int
    temperature: float
    length: int
    max_copied: int
    banned: str
    seed: str
    structure: str

    @property
    def in_form(self) -> bool:
        """Whether a form is asked for."""
        return bool(self.form and self.form.strip())

    def fields(self, *, songs: bool) -> dict[str, Any]:
        """Those of a request; raises ApiError when the seed is no number."""
        # A first line is a whole one; a running text, and a verse in a form, go on in the middle of it.
        whole = songs and self.first_line.strip() and not self.in_form
        prompt = self.first_line.rstrip() + "\n" if whole else self.first_line
        fields: dict[str, Any] = {
            "model": self.model,
            "title": self.title,
            "prompt": prompt,
            "n": self.versions,
            "temperature": self.temperature,
            "max_tokens": self.length,
            "max_copied_words": self.max_copied or None,
            "banned_words": self.banned.split(),
        }
        if self.in_form:
            fields |= {
                "form": self.form,
                "stanzas": self.stanzas,
                "structure": self.structure,
                "language": self.language,
            }
        if self.seed.strip():
            try:
                fields["seed"] = int(self.seed)
            except ValueError:
                raise ApiError(400, f"seed {self.seed[:20]!r} is no whole number", param="seed") from None
        return fields


async def begin(service: Service, words: PageWords, wishes: Wishes) -> tuple[Loaded, Job]:
    """Have the songs written; raises ApiError as `Service.begin`."""
    if not service.models.folders():
        raise ApiError(503, words.no_models)
    model = await service.load(wishes.model)
    fields = wishes.fields(songs=model.writer.document == "songs")
    return await service.begin(make_request(fields, service.limits))


async def written(model: Loaded, job: Job, words: PageWords) -> AsyncIterator[str]:
    """The songs as HTML, whenever something came to them."""
    shown = [_shown(song) for song in job.songs]
    language, message = _language(job) or model.language or words.code, ""
    last = time.monotonic()
    try:
        async for pieces in job:
            for piece in pieces:
                song = shown[piece.index]
                song.title, song.finished = piece.title, piece.finish_reason is not None
                song.lyrics += piece.text
                song.failure = piece.failure
            if time.monotonic() - last >= SHOW_EVERY:
                last = time.monotonic()
                yield songs_html(shown, language, model.writer.index, words)
    except ApiError as error:
        message = message_html(error.message)
    for song in shown:
        song.finished = True
    yield songs_html(shown, language, model.writer.index, words) + message


def _shown(song: Song | Poem) -> ShownSong:
    # A composition adds its lines to this list as it goes.
    lines = song.composition.lines if isinstance(song, Poem) else ()
    return ShownSong(seed=song.request.seed, form=lines)


def _language(job: Job) -> Language | None:
    """That of a poem is known."""
    song = job.songs[0]
    return song.composition.composer.language if isinstance(song, Poem) else None

"""The API: OpenAI's completions and list of models, and a sign of health."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from core.errors import UserError
from generate.serving.doors import Doors, left, read_body
from generate.serving.engine import Engine, Job
from generate.serving.errors import ApiError, explained
from generate.serving.forms import poems_of
from generate.serving.logprobs import EchoedSong
from generate.serving.models import Loaded, Models
from generate.serving.replies import Reply
from generate.serving.schema import CompletionRequest, Limits, parse_request, to_requests

ENDPOINTS = "POST /v1/completions, GET /v1/models, GET /health, and the page at /"


class Service:
    """What the API and the page have in common."""

    def __init__(self, models: Models, engine: Engine, limits: Limits) -> None:
        self.models, self.engine, self.limits = models, engine, limits

    async def load(self, name: str | None) -> Loaded:
        """The model that is meant; raises ApiError when there is none."""
        return await asyncio.to_thread(self.models.load, self.models.find(name))

    async def begin(self, request: CompletionRequest) -> tuple[Loaded, Job]:
        """Have a request's songs written, or its poems.

        Raises ApiError when there is no such model, no room, or nothing that could be written.
        """
        model = await self.load(request.model)
        if request.form:
            poems = await asyncio.to_thread(poems_of, self.models, model, request, self.limits)
            return model, self.engine.submit(poems[0].writer, poems)
        writer = model.writer
        if request.title and writer.document == "text":
            raise ApiError(400, f"{model.name} writes running text, which has no titles", param="title")
        try:
            songs = [writer.song(one) for one in to_requests(request)]
            if request.echo and request.logprobs is not None:
                songs = [EchoedSong(writer, song.request) for song in songs]
        except UserError as error:
            raise explained(error) from error
        return model, self.engine.submit(writer, songs)


def make_app(service: Service, api_key: str = "", hosts: Collection[str] | None = None) -> FastAPI:
    """The server's application, for who has the key and asks for one of the hosts; the page is mounted in it later."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await asyncio.to_thread(service.engine.close)

    # FastAPI's own pages about an API fetch their scripts from elsewhere.
    app = FastAPI(title="Payador", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(Doors, api_key=api_key, hosts=hosts)
    app.add_exception_handler(ApiError, _say)
    app.add_exception_handler(HTTPException, _say_http)
    app.add_exception_handler(Exception, _say_broken)

    @app.get("/health")
    async def health() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        return {"status": "ok", "songs": service.engine.songs, "capacity": service.engine.capacity}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        return {"object": "list", "data": await asyncio.to_thread(service.models.described)}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        full = service.models.find(name)
        return next(one for one in service.models.described() if one["id"] == full)

    @app.post("/v1/completions")
    async def completions(request: Request) -> Any:  # pyright: ignore[reportUnusedFunction]
        return await _complete(service, request)

    return app


async def _complete(service: Service, request: Request) -> Any:
    asked = parse_request(await read_body(request), service.limits)
    model, job = await service.begin(asked)
    reply = Reply(job, model.name, echo=asked.echo)
    # Whoever leaves, in the queue or in the middle of a song, frees his places at once.
    leaving = asyncio.create_task(left(request))
    leaving.add_done_callback(lambda _: job.close())
    if asked.stream:
        usage = asked.stream_options is not None and asked.stream_options.include_usage
        events = _events(reply, leaving, usage=usage)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
    try:
        whole = await reply.whole()
        if leaving.done():
            raise ClientDisconnect
        return JSONResponse(whole)
    finally:
        leaving.cancel()


async def _events(reply: Reply, leaving: asyncio.Task[None], *, usage: bool) -> AsyncIterator[str]:
    """The answer as server-sent events."""
    try:
        async for chunk in reply.chunks():
            yield _event(chunk | {"usage": None} if usage else chunk)
        if usage:
            yield _event(reply.last())
        yield "data: [DONE]\n\n"
    except ApiError as error:
        yield _event(error.body)
    finally:
        leaving.cancel()


def _event(value: Any) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


async def _say(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body, error.status, error.headers)


async def _say_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    said = ApiError(
        error.status_code, f"{request.method} {request.url.path[:100]}: {error.detail}; there are {ENDPOINTS}"
    )
    return JSONResponse(said.body, said.status, error.headers)


async def _say_broken(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse(ApiError(500, "something went wrong; the server's log says what").body, 500)

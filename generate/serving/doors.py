"""What stands before the server: keys, names, headers, and how much of a body is read, and for how long."""

import asyncio
import base64
import binascii
import hmac
import json
from collections.abc import Collection
from urllib.parse import urlsplit

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from generate.serving.errors import ApiError

# A request is a few lines of text; 64 KB hold the longest prompt in any script.
MOST_BYTES = 1 << 16
READ_SECONDS = 15.0

# What a browser may load: nothing from anywhere but here. Gradio's own scripts and styles stand within its page.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'self'; form-action 'self'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Doors:
    """Lets in who has the key, if there is one, and tells browsers to ask nobody else for anything.

    Where nobody needs a key, a page of somebody else's can give its own name this machine's address, and then read
    what the server answers (DNS rebinding). But the browser says which name it asked for.
    """

    def __init__(self, app: ASGIApp, api_key: str = "", hosts: Collection[str] | None = None) -> None:
        """`hosts` are the names that the server answers to; left out, any."""
        self._app, self._key, self._hosts = app, api_key.encode(), hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        if self._hosts is not None and _host(scope) not in self._hosts:
            names = ", ".join(sorted(self._hosts))
            await _refuse(send_with_headers, ApiError(421, f"this server answers to {names} alone", code="wrong_host"))
        elif self._key and scope["path"] != "/health" and not self._knows_key(scope):
            error = ApiError(
                401,
                "a key is needed: Authorization: Bearer <the server's key>",
                code="invalid_api_key",
                headers={"www-authenticate": 'Basic realm="Payador", charset="UTF-8"'},
            )
            await _refuse(send_with_headers, error)
        else:
            await self._app(scope, receive, send_with_headers)

    def _knows_key(self, scope: Scope) -> bool:
        """Programs show the key as a bearer token, browsers as the password that they ask for, under any name."""
        given = dict(scope["headers"]).get(b"authorization", b"")
        kind, _, value = given.partition(b" ")
        if kind.lower() == b"basic":
            try:
                value = base64.b64decode(value, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif kind.lower() != b"bearer":
            return False
        return hmac.compare_digest(value.strip(), self._key)


def _host(scope: Scope) -> str | None:
    """The name by which the server was asked, without the port."""
    given = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    try:
        return urlsplit(f"//{given}").hostname
    except ValueError:
        return None


async def _refuse(send: Send, error: ApiError) -> None:
    given = {"content-type": "application/json", **error.headers}
    headers = [(name.encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(error.body).encode()})


async def read_body(request: Request) -> bytes:
    """The whole body.

    Raises ApiError when it is too long, or does not come.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    raise ApiError(413, f"the body is longer than {MOST_BYTES} bytes", headers={"Connection": "close"})
    except TimeoutError:
        message = f"the body did not come within {READ_SECONDS:g} s"
        raise ApiError(408, message, code="timeout", headers={"Connection": "close"}) from None
    return bytes(body)


async def left(request: Request) -> None:
    """Returns when the client has gone; its body was read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass

"""What a client is told when something is wrong, in the shape that OpenAI's clients read."""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`param` is the field of the request that is wrong, `code` a name that programs look for."""
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
        kind = kinds.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


class Busy(ApiError):
    """As many songs wait as may."""

    def __init__(self, seconds: int) -> None:
        """`seconds` after which to try again."""
        super().__init__(
            429,
            f"too many songs are being written; try again in {seconds} s",
            code="rate_limit_exceeded",
            headers={"Retry-After": str(seconds)},
        )


class TooSlow(ApiError):
    """A request took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(504, f"not written within {seconds:g} s; ask for fewer tokens or songs", code="timeout")


class Stopped(ApiError):
    """The server ends, or the writing went wrong."""

    def __init__(self, why: str) -> None:
        super().__init__(503, why, code="service_unavailable")

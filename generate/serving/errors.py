"""What a client is told when something is wrong, in the shape that OpenAI's clients read."""

from collections.abc import Mapping
from typing import Any

from core.errors import UserError


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


def explained(error: UserError, param: str | None = None) -> ApiError:
    """What a script tells its user, told to a client."""
    # Where a place is pointed at, the line below the caret is free.
    between = "\n" if "\n" in error.message else "; "
    # Options of scripts are fields here.
    hint = error.hint.replace("say --", "say ")
    return ApiError(400, f"{error.message}{between}{hint}".removesuffix(between), param=param)


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
        super().__init__(504, f"not written within {seconds:g} s; ask for less", code="timeout")


class FormNotKept(ApiError):
    """Nothing was found that keeps the form."""

    def __init__(self, failure: str) -> None:
        """`failure` says where."""
        hint = "try another seed, a form with more common rhymes, or words any"
        super().__init__(422, f"the form could not be kept: {failure}; {hint}", param="form", code="form_not_kept")


class Stopped(ApiError):
    """The server ends, or the writing went wrong."""

    def __init__(self, why: str) -> None:
        super().__init__(503, why, code="service_unavailable")

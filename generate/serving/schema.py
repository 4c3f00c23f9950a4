"""What a client may ask for: OpenAI's completion request, with some fields of our own."""

import secrets
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from generate.sampling import Sampling
from generate.serving.errors import ApiError
from generate.write import Request

# More logprobs than this OpenAI gives nobody either.
MOST_LOGPROBS = 5

# What else a form takes, and what none can: it says itself how long a text is, and each line is the best of many.
_OF_FORMS = ("structure", "stanzas", "words", "language")
_NOT_IN_FORMS = ("stop", "min_tokens", "logprobs", "presence_penalty", "frequency_penalty", "repetition_penalty")

# A generator takes seeds from 0 on; OpenAI's are signed.
SEEDS = 2**63

StopText = Annotated[str, Field(min_length=1, max_length=100)]
Word = Annotated[str, Field(min_length=1, max_length=100)]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one request may ask for."""

    max_tokens: int = 2000
    max_songs: int = 16
    """Prompts times n."""
    max_prompt: int = 8000
    """Characters of a prompt."""
    max_lines: int = 100
    """Lines of a poem in a form."""


class StreamOptions(BaseModel):
    """OpenAI's options of a stream."""

    model_config = ConfigDict(extra="ignore", strict=True)
    include_usage: bool = False


class CompletionRequest(BaseModel):
    """The body of POST /v1/completions. What is null counts as left out."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True, frozen=True)

    model: str | None = None
    prompt: str | Annotated[list[str], Field(min_length=1)] = ""
    max_tokens: Annotated[int, Field(ge=0)] = 600
    """Ignored in a form, which ends with its last line."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    n: Annotated[int, Field(ge=1)] = 1
    stream: bool = False
    stream_options: StreamOptions | None = None
    stop: StopText | Annotated[list[StopText], Field(max_length=4)] = []
    seed: Annotated[int, Field(ge=-SEEDS, lt=SEEDS)] | None = None
    logprobs: Annotated[int, Field(ge=0, le=MOST_LOGPROBS)] | None = None
    echo: bool = False
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    user: str = ""
    """Ignored."""

    title: Annotated[str, Field(max_length=200)] = ""
    """Empty: the model thinks of one."""
    min_tokens: Annotated[int, Field(ge=0)] = 0
    """Length before which a song does not end."""
    top_k: Annotated[int, Field(ge=1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    repetition_penalty: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    max_copied_words: Annotated[int, Field(ge=1)] | None = None
    banned_words: Annotated[list[Word], Field(max_length=100)] = []
    form: Annotated[str, Field(max_length=200)] = ""
    """Verse in a form, as `FormChoice` reads it with the fields below; a prompt is how the first line begins."""
    structure: Annotated[str, Field(max_length=1000)] = ""
    stanzas: Annotated[int, Field(ge=1)] = 1
    words: Literal["known", "any"] = "known"
    language: Annotated[str, Field(max_length=20)] = ""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: Any) -> Any:
        return {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else body

    @property
    def prompts(self) -> list[str]:
        """What the songs begin with; n songs of each."""
        given = [self.prompt] if isinstance(self.prompt, str) else self.prompt
        return [_plain(prompt) for prompt in given]


def parse_request(body: bytes, limits: Limits) -> CompletionRequest:
    """Read a request's body.

    Raises ApiError when it is no JSON in UTF-8, or asks for what cannot be had or is too much.
    """
    try:
        request = CompletionRequest.model_validate_json(body)
    except ValidationError as error:
        raise _explained(error) from error
    return checked(request, limits)


def make_request(fields: dict[str, Any], limits: Limits) -> CompletionRequest:
    """The same of values that did not come as JSON."""
    try:
        request = CompletionRequest.model_validate(fields)
    except ValidationError as error:
        raise _explained(error) from error
    return checked(request, limits)


def checked(request: CompletionRequest, limits: Limits) -> CompletionRequest:
    """The request, if it keeps to the limits; raises ApiError otherwise."""
    _check_form(request)
    songs = len(request.prompts) * request.n
    longest = max(map(len, request.prompts))
    if request.max_tokens > limits.max_tokens:
        raise ApiError(400, f"max_tokens is {request.max_tokens}; at most {limits.max_tokens}", param="max_tokens")
    if songs > limits.max_songs:
        raise ApiError(400, f"n times prompts is {songs} songs; at most {limits.max_songs}", param="n")
    if longest > limits.max_prompt:
        raise ApiError(
            400,
            f"the prompt has {longest} characters; at most {limits.max_prompt}",
            param="prompt",
            code="context_length_exceeded",
        )
    return request


def _check_form(request: CompletionRequest) -> None:
    """Raises ApiError for what is asked of a form where there is none, and for what no form can."""
    if not request.form:
        for name in sorted(request.model_fields_set.intersection(_OF_FORMS)):
            raise ApiError(400, f"{name} needs a form", param=name)
        return
    for name in _NOT_IN_FORMS:
        if getattr(request, name) != CompletionRequest.model_fields[name].default:
            raise ApiError(400, f"{name} cannot be had in a form", param=name)


def to_requests(request: CompletionRequest) -> list[Request]:
    """The songs to write: n of each prompt, a seed behind the other."""
    seed = secrets.randbits(31) if request.seed is None else request.seed % (2 * SEEDS)
    sampling = Sampling(
        temperature=request.temperature,
        top_k=request.top_k,
        top_p=request.top_p,
        min_p=request.min_p,
        repetition_penalty=request.repetition_penalty,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
    )
    prompts = [prompt for prompt in request.prompts for _ in range(request.n)]
    return [
        Request(
            title=_plain(request.title).replace("\n", " ").strip(),
            prompt=prompt.strip() if request.form else prompt,
            sampling=sampling,
            max_new_tokens=request.max_tokens,
            min_new_tokens=request.min_tokens,
            seed=seed + number,
            stop=(request.stop,) if isinstance(request.stop, str) else tuple(request.stop),
            banned_words=tuple(request.banned_words),
            max_copied_words=request.max_copied_words,
            logprobs=request.logprobs,
        )
        for number, prompt in enumerate(prompts)
    ]


def _plain(text: str) -> str:
    """As corpora are written: composed letters, line feeds alone."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def _explained(error: ValidationError) -> ApiError:
    """The first thing that is wrong with a request, with all that is said of that field."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    where = faults[0]["loc"][:1]
    if not where:
        return ApiError(400, f"the body is no request: {faults[0]['msg']}")
    name = str(where[0])[:100]
    if faults[0]["type"] == "extra_forbidden":
        return ApiError(400, f"unknown field {name!r}", param=name, code="unknown_parameter")
    said = dict.fromkeys(fault["msg"].removeprefix("Input ") for fault in faults if fault["loc"][:1] == where)
    return ApiError(400, f"{name} {', or '.join(said)}", param=name, code="invalid_value")

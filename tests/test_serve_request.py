"""What may be asked of the server, and what is answered when it may not."""

import json
import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="serving is not installed: requirements-serve.txt")

from fastapi.testclient import TestClient

from core.errors import UserError
from generate.serving.errors import ApiError
from generate.serving.schema import Limits, parse_request, to_requests
from generate.write import Writer
from tests.serving import NAME, bodies

pytest_plugins = ["tests.serving_fixtures"]
pytestmark = pytest.mark.usefixtures("served")
CHECKPOINTS = (NAME,)

# Ten thousand take a minute.
BODIES = int(os.environ.get("BODIES", "1500"))


everywhere = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def test_whatever_is_asked_is_understood_or_explained(writer: Writer) -> None:
    kinds = {"songs": 0, "errors": 0}

    @settings(max_examples=BODIES, database=None, suppress_health_check=everywhere)
    @given(bodies())
    def ask(body: bytes) -> None:
        try:
            requests = to_requests(parse_request(body, Limits()))
        except ApiError as error:
            kinds["errors"] += error.status == 400
            return
        for request in requests:
            with suppress(UserError):
                writer.song(request)
        kinds["songs"] += 1

    ask()
    # Random as they are, bodies of both sorts were among them.
    assert min(kinds.values()) > BODIES / 20
    assert sum(kinds.values()) >= BODIES


def test_no_body_breaks_the_server(client: TestClient) -> None:
    @settings(max_examples=BODIES // 10, database=None, suppress_health_check=everywhere)
    @given(bodies(), st.sampled_from(["application/json", "text/plain", "multipart/form-data; boundary=x"]))
    def ask(body: bytes, kind: str) -> None:
        answer = client.post("/v1/completions", content=body, headers={"content-type": kind})
        assert answer.status_code in (200, 400, 404, 413)
        if answer.status_code != 200:
            error = answer.json()["error"]
            assert error["message"]
            assert {"message", "type", "param", "code"} == set(error)

    ask()
    assert client.get("/health").json()["songs"] == 0


WRONG = [
    (b'{"prompt": "La luna"', None, "no request"),
    (b'{"prompt": "La l\xff\xfe"}', None, "no request"),
    (b'{"prompt": "\\ud800"}', None, "no request"),
    (b"[1, 2]", None, "no request"),
    (b"", None, "no request"),
    (b"[" * 60_000, None, "no request"),
    (b'{"temperature": NaN}', "temperature", "finite"),
    (b'{"temperature": -1}', "temperature", "greater than or equal to 0"),
    (b'{"temperature": "hot"}', "temperature", "number"),
    (b'{"top_p": 0}', "top_p", "greater than 0"),
    (b'{"n": 1000000}', "n", "at most 16"),
    (b'{"n": 0}', "n", "greater than or equal to 1"),
    (b'{"max_tokens": 1000000}', "max_tokens", "at most 2000"),
    (b'{"max_tokens": 1.5}', "max_tokens", "integer"),
    (b'{"prompt": []}', "prompt", "at least 1"),
    (b'{"prompt": [1, 2]}', "prompt", "string"),
    (b'{"prompt": "luna \xe2\x98\x83"}', None, "never saw"),
    (b'{"stop": ""}', "stop", "at least 1"),
    (b'{"stop": ["a", "b", "c", "d", "e"]}', "stop", "at most 4"),
    (b'{"logprobs": 50}', "logprobs", "less than or equal to 5"),
    (b'{"best_of": 3}', "best_of", "unknown field"),
    (json.dumps({"prompt": "la " * 4000}).encode(), "prompt", "12000 characters; at most 8000"),
]


@pytest.mark.parametrize(("body", "param", "said"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_cannot_be_asked_is_told_in_openais_shape(
    client: TestClient, body: bytes, param: str | None, said: str
) -> None:
    answer = client.post("/v1/completions", content=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert said in error["message"]
    assert len(error["message"]) < 300


def test_a_body_without_end_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/completions", content=(b"x" * 10_000 for _ in range(100)))
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_what_is_null_counts_as_left_out() -> None:
    names = ["model", "max_tokens", "stop", "seed", "logprobs", "user", "temperature", "n", "stream", "stream_options"]
    assert parse_request(json.dumps(dict.fromkeys(names)).encode(), Limits()) == parse_request(b"{}", Limits())


def test_line_ends_and_accents_are_written_as_in_corpora() -> None:
    request = parse_request('{"prompt": "acción\\r\\nluz"}'.encode(), Limits())
    assert request.prompts == ["acción\nluz"]


def test_the_songs_of_a_request_have_a_seed_behind_the_other() -> None:
    body = b'{"prompt": ["a", "b"], "n": 2, "seed": 5}'
    assert [(song.prompt, song.seed) for song in to_requests(parse_request(body, Limits()))] == [
        ("a", 5),
        ("a", 6),
        ("b", 7),
        ("b", 8),
    ]
    drawn = [to_requests(parse_request(b"{}", Limits()))[0].seed for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_an_unknown_model_is_answered_with_those_there_are(client: TestClient) -> None:
    for name in ("nobody", "../../nobody", "/etc/passwd", "☃", "nadie/pretrain", ".."):
        answer = client.post("/v1/completions", json={"model": name})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "model_not_found"
        assert NAME in answer.json()["error"]["message"]


def test_a_model_is_known_by_its_corpus_too(client: TestClient) -> None:
    for name in (NAME, "nadie", "Nadie", None):
        answer = client.post("/v1/completions", json={"model": name, "max_tokens": 3})
        assert answer.json()["model"] == NAME
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == [NAME]
    assert client.get("/v1/models/nadie").json()["id"] == NAME
    assert client.get("/v1/models/nobody").status_code == 404


def test_other_paths_and_methods_are_errors_in_the_same_shape(client: TestClient) -> None:
    assert client.post("/v1/chat/completions", json={}).status_code == 404
    answer = client.get("/v1/completions")
    assert answer.status_code == 405
    assert "POST /v1/completions" in answer.json()["error"]["message"]

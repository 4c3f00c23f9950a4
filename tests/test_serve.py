"""Songs over the API: the same as without it, whoever else asks; places that are freed; and OpenAI's own client."""

import asyncio
import base64
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="serving is not installed: requirements-serve.txt")

from fastapi.testclient import TestClient

from core.errors import UserError
from generate import serve
from generate.decoding import TakeBack
from generate.serving import doors
from generate.serving.api import make_app
from generate.serving.errors import ApiError, TooSlow
from generate.serving.models import Models
from generate.write import Request, Song, Writer
from tests.serving import BOOK, NAME, make_checkpoint, make_service, wait_for_songs

pytest_plugins = ["tests.serving_fixtures"]
pytestmark = pytest.mark.usefixtures("served")
CHECKPOINTS = (NAME, BOOK)


def complete(client: TestClient | httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/completions", json={"model": NAME, "max_tokens": 40, "seed": 3, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def streamed(client: TestClient, **fields: Any) -> list[dict[str, Any]]:
    """The chunks of an answer that is streamed."""
    body = {"model": NAME, "max_tokens": 40, "seed": 3, "stream": True, **fields}
    with client.stream("POST", "/v1/completions", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert events.pop() == "[DONE]"
    return [json.loads(event) for event in events]


def test_the_api_writes_the_song_that_the_model_writes_without_it(client: TestClient, writer: Writer) -> None:
    song = writer.write(Request(prompt="La luna", title="Luna", max_new_tokens=40, seed=3))
    answer = complete(client, prompt="La luna", title="Luna", echo=True)
    [choice] = answer["choices"]
    assert (choice["text"], choice["finish_reason"]) == (song.lyrics, song.finish_reason)
    assert answer["object"] == "text_completion"
    prompt = len(writer.tokenizer.encode("La luna"))
    assert answer["usage"] == {
        "prompt_tokens": prompt,
        "completion_tokens": song.tokens,
        "total_tokens": prompt + song.tokens,
    }
    [choice] = complete(client, prompt="La luna", title="Luna")["choices"]
    assert choice["text"] == song.lyrics.removeprefix("La luna")


def test_songs_are_the_same_whoever_asks_beside(client: TestClient) -> None:
    alone = [complete(client, seed=seed, prompt="La ")["choices"][0]["text"] for seed in range(12)]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda seed: complete(client, seed=seed, prompt="La "), range(12)))
    assert [answer["choices"][0]["text"] for answer in together] == alone
    assert len(set(alone)) > 6
    several = complete(client, n=12, seed=0, prompt="La ")["choices"]
    assert [choice["text"] for choice in several] == alone


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prompt": ["La luna", "La calle"], "n": 2},
        {"prompt": "La luna", "echo": True, "logprobs": 2},
        {"prompt": "La luna", "stop": ["n", "as"], "logprobs": 0},
        {"prompt": "La luna", "max_copied_words": 1, "banned_words": ["espera", "en"], "logprobs": 1},
        {"prompt": "La luna", "max_tokens": 0},
    ],
)
def test_a_stream_gives_the_same_as_one_answer(client: TestClient, fields: dict[str, Any]) -> None:
    whole = complete(client, **fields)
    chunks = streamed(client, **fields, stream_options={"include_usage": True})
    assert chunks.pop()["usage"] == whole["usage"]
    for choice in whole["choices"]:
        pieces = [piece for chunk in chunks for piece in chunk["choices"] if piece["index"] == choice["index"]]
        assert "".join(piece["text"] for piece in pieces) == choice["text"]
        assert [piece["finish_reason"] for piece in pieces][-1] == choice["finish_reason"]
        assert {piece["finish_reason"] for piece in pieces[:-1]} <= {None}
        if choice["logprobs"]:
            for name, values in choice["logprobs"].items():
                assert [value for piece in pieces for value in piece["logprobs"][name]] == values


def test_a_running_text_has_no_titles(client: TestClient) -> None:
    assert complete(client, model=BOOK, prompt="La luna", logprobs=0, echo=True)["choices"][0]["logprobs"]
    answer = client.post("/v1/completions", json={"model": BOOK, "title": "Luna"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "title")


def test_a_song_ends_before_what_stops_it(client: TestClient) -> None:
    without = complete(client, prompt="La luna", max_tokens=200)["choices"][0]["text"]
    stop = without[10:12]
    [choice] = complete(client, prompt="La luna", max_tokens=200, stop=stop)["choices"]
    assert choice["text"] == without[: without.index(stop)]
    assert choice["finish_reason"] == "stop"


def test_logprobs_tell_each_token_and_where_it_stands(client: TestClient) -> None:
    [choice] = complete(client, prompt="La luna", echo=True, logprobs=3)["choices"]
    logprobs = choice["logprobs"]
    assert "".join(logprobs["tokens"]) == choice["text"]
    for token, offset, likeliest in zip(
        logprobs["tokens"], logprobs["text_offset"], logprobs["top_logprobs"], strict=True
    ):
        assert choice["text"][offset:].startswith(token)
        assert len(likeliest) == 3
    assert all(value <= 0 for value in logprobs["token_logprobs"])


def test_a_text_that_is_echoed_is_as_likely_as_when_it_was_written(client: TestClient) -> None:
    [written] = complete(client, prompt="La luna", title="Luna", echo=True, logprobs=1)["choices"]
    [read] = complete(client, prompt=written["text"], title="Luna", echo=True, logprobs=1, max_tokens=0)["choices"]
    assert read["text"] == written["text"]
    assert read["logprobs"]["tokens"] == written["logprobs"]["tokens"]
    np.testing.assert_allclose(
        read["logprobs"]["token_logprobs"], written["logprobs"]["token_logprobs"], atol=1e-3, rtol=0
    )


def test_whoever_comes_when_all_places_are_taken_is_told_when_to_come_again() -> None:
    with make_service(max_rows=1, max_waiting=1) as service, TestClient(make_app(service)) as client:
        with ThreadPoolExecutor(2) as pool:
            long = [pool.submit(complete, client, max_tokens=1500, min_tokens=1500) for _ in range(2)]
            wait_for_songs(client, 2)
            answer = client.post("/v1/completions", json={"model": NAME, "max_tokens": 1})
            assert answer.status_code == 429
            assert answer.json()["error"]["type"] == "rate_limit_error"
            assert int(answer.headers["retry-after"]) >= 1
            assert all(song.result()["choices"] for song in long)
        assert complete(client, max_tokens=1)["choices"]


class Endless(Song):
    """A song that never ends."""

    def choose(self, logits: np.ndarray) -> int | TakeBack | None:
        return int(logits.argmax())


class Broken(Song):
    """A song that cannot be written."""

    def choose(self, logits: np.ndarray) -> int | TakeBack | None:
        raise ZeroDivisionError


def test_a_song_whose_time_is_up_ends_with_an_error(writer: Writer) -> None:
    async def ask() -> None:
        with make_service(timeout=0.2) as service:
            job = service.engine.submit(writer, [Endless(writer, Request())])
            with pytest.raises(TooSlow):
                async for _ in job:
                    pass
            assert service.engine.songs == 0

    asyncio.run(ask())


def test_a_song_that_breaks_does_not_silence_the_others_to_come(writer: Writer) -> None:
    expected = writer.write(Request(max_new_tokens=20)).lyrics

    async def ask() -> None:
        with make_service() as service:
            for _ in range(2):
                songs = [Endless(writer, Request()), Broken(writer, Request()), Endless(writer, Request())]
                with pytest.raises(ApiError, match="could not be written"):
                    async for _ in service.engine.submit(writer, songs):
                        pass
            after = service.engine.submit(writer, [writer.song(Request(max_new_tokens=20))])
            assert "".join([piece.text async for pieces in after for piece in pieces]) == expected
            assert service.engine.songs == 0

    asyncio.run(ask())


def test_songs_that_are_being_written_end_with_the_server(writer: Writer) -> None:
    async def ask() -> None:
        with make_service() as service:
            job = service.engine.submit(writer, [Endless(writer, Request())])
            service.engine.close()
            with pytest.raises(ApiError, match="stopping"):
                async for _ in job:
                    pass
            with pytest.raises(ApiError, match="stopping"):
                service.engine.submit(writer, [Endless(writer, Request())])

    asyncio.run(ask())


def test_a_model_that_was_trained_again_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(tmp_path))
    folder = make_checkpoint(tmp_path)
    models = Models(device="cpu")
    first = models.load(NAME)
    assert models.load(NAME) is first
    (folder / "model.safetensors").touch()
    assert models.load(NAME) is not first
    (folder / "model.safetensors").write_bytes(b"nothing of the kind")
    with make_service() as service, TestClient(make_app(service)) as client:
        answer = client.post("/v1/completions", json={})
        assert answer.status_code == 503
        assert "cannot be loaded" in answer.json()["error"]["message"]
    with pytest.raises(UserError, match="cannot be loaded"):
        serve.main(serve.ServeConfig(corpus="nadie", port=0))


def test_without_the_key_nothing_is_told() -> None:
    with make_service() as service, TestClient(make_app(service, "llave ñ")) as client:
        assert client.get("/health").status_code == 200
        basic = base64.b64encode("anybody:llave ñ".encode()).decode()
        for given in (None, "Bearer wrong", "Bearer", "Basic !!", "llave ñ".encode(), f"Basic {basic}x"):
            answer = client.get("/v1/models", headers={"authorization": given} if given else {})
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
        for given in ("Bearer llave ñ".encode(), f"Basic {basic}".encode()):
            assert client.get("/v1/models", headers={"authorization": given}).status_code == 200


def test_a_server_without_a_key_answers_to_its_own_names_alone() -> None:
    with make_service() as service, TestClient(make_app(service, hosts={"localhost", "127.0.0.1", "::1"})) as client:
        for name in ("localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]", "[::1]:8000"):
            assert client.get("/v1/models", headers={"host": name}).status_code == 200
        for name in (
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
            "[::1",
            "☃",
        ):
            answer = client.get("/v1/models", headers={"host": name.encode()})
            assert answer.status_code == 421
            assert answer.json()["error"]["code"] == "wrong_host"
    with make_service() as service, TestClient(make_app(service, "llave")) as client:
        headers = {"authorization": "Bearer llave", "host": "songs.example"}
        assert client.get("/v1/models", headers=headers).status_code == 200


def test_others_are_let_in_with_a_key_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(serve.API_KEY, raising=False)
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org"):
        with pytest.raises(UserError, match="there is no key"):
            serve.main(serve.ServeConfig(host=host))
    for host in ("127.0.0.1", "::1", "localhost"):
        assert serve.ServeConfig(host=host).key == ""
    monkeypatch.setenv(serve.API_KEY, "llave")
    assert serve.ServeConfig(host="0.0.0.0").key == "llave"


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UserError, match="cannot listen") as told:
        serve.main(serve.ServeConfig(port=taken.getsockname()[1]))
    assert "--port" in told.value.hint


def test_without_its_packages_serving_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UserError, match="serving needs uvicorn") as told:
        serve.main(serve.ServeConfig(port=0))
    assert "requirements-serve.txt" in told.value.hint


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "READ_SECONDS", 0.1)

    async def never() -> Any:
        await asyncio.Event().wait()

    with pytest.raises(ApiError) as told:
        asyncio.run(doors.read_body(doors.Request({"type": "http", "headers": []}, never)))
    assert told.value.status == 408

"""A real server: OpenAI's own client, clients that leave or hang, and Ctrl-C."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("gradio", reason="serving is not installed: requirements-serve.txt")

from bench.serve import server
from core.artifacts import ROOT
from tests.serving import BOOK, NAME, make_checkpoint, wait_for_songs

SERVE = [sys.executable, str(ROOT / "generate/serve.py")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    make_checkpoint(folder)
    make_checkpoint(folder, "libro", songs=1, lines=400)
    return folder


@pytest.fixture(autouse=True)
def artifacts(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The trained model's, instead of each test's own."""
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(trained))
    return trained


@pytest.fixture(scope="module")
def url(trained: Path) -> Iterator[str]:
    """A real server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(trained))
        with server([*SERVE, "--corpus", "nadie", "--port", "0", "--max_tokens", "100000"]) as (_, url):
            yield url


def test_openais_own_client_works_unchanged(url: str) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
    assert [model.id for model in client.models.list()] == [BOOK, NAME]
    asked = {"model": NAME, "prompt": "La luna", "max_tokens": 30, "seed": 3, "temperature": 0.7, "user": "ana"}
    answer = client.completions.create(**asked, n=2, logprobs=2, stop=["["], presence_penalty=0.5, echo=True, top_p=0.9)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[0].text.startswith("La luna")
    assert "".join(answer.choices[0].logprobs.tokens) == answer.choices[0].text
    whole = client.completions.create(**asked).choices[0].text
    pieces = [chunk.choices[0].text for chunk in client.completions.create(**asked, stream=True)]
    assert "".join(pieces) == whole
    ours = client.completions.create(**asked, extra_body={"title": "Luna", "top_k": 1})
    assert ours.choices[0].title == "Luna"
    with pytest.raises(openai.NotFoundError, match=NAME):
        client.completions.create(model="nobody", prompt="")
    with pytest.raises(openai.BadRequestError, match="at most 16"):
        client.completions.create(model=NAME, prompt="", n=1000)


def test_a_client_that_leaves_frees_its_place(url: str) -> None:
    long = {"model": NAME, "max_tokens": 100_000, "min_tokens": 100_000, "n": 4}
    with httpx.Client(base_url=url, timeout=30) as http:
        with http.stream("POST", "/v1/completions", json={**long, "stream": True}) as answer:
            # The iterator is kept: when it goes, the connection is closed.
            lines = answer.iter_lines()
            next(lines)
            assert http.get("/health").json()["songs"] == 4
        wait_for_songs(http, 0)
        with pytest.raises(httpx.ReadTimeout):
            http.post("/v1/completions", json=long, timeout=0.3)
        wait_for_songs(http, 0)


def test_clients_that_hang_hinder_nobody(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    body = json.dumps({"model": NAME, "max_tokens": 2000, "min_tokens": 2000, "stream": True}).encode()
    asked = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    hanging = [socket.create_connection((host, int(port))) for _ in range(30)]
    try:
        for number, connection in enumerate(hanging):
            # Half a head, a head without its body, or an answer that nobody reads.
            connection.sendall((head, head + b"\r\n", asked)[number % 3])
        with httpx.Client(base_url=url, timeout=60) as http:
            assert http.post("/v1/completions", json={"model": NAME, "max_tokens": 5}).json()["choices"]
            wait_for_songs(http, 0, 60)
    finally:
        for connection in hanging:
            connection.close()


def test_ctrl_c_ends_the_server_even_in_the_middle_of_a_song(trained: Path) -> None:
    with server([*SERVE, "--corpus", "nadie", "--port", "0", "--max_tokens", "100000"]) as (process, url):
        heard: list[httpx.Response] = []

        def hear() -> None:
            body = {"max_tokens": 100_000, "min_tokens": 100_000}
            heard.append(httpx.post(f"{url}/v1/completions", json=body, timeout=60))

        listener = threading.Thread(target=hear)
        listener.start()
        with httpx.Client(base_url=url) as http:
            wait_for_songs(http, 1)
    # The server was told to end when the block was left.
    listener.join()
    assert process.returncode == 130
    assert heard[0].status_code == 503
    assert "stopping" in heard[0].json()["error"]["message"]

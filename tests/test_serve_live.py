"""A real server: OpenAI's own client, clients that leave or hang, and Ctrl-C."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("gradio", reason="serving is not installed: requirements-serve.txt")

from bench.serve import server
from prosody.checking import check
from prosody.form import parse_form
from tests.serving import BOOK, NAME, VERSE, wait_for_songs
from tests.serving_fixtures import SERVE

pytest_plugins = ["tests.serving_fixtures"]
pytestmark = pytest.mark.usefixtures("served")
CHECKPOINTS = (NAME, BOOK, VERSE)


def test_openais_own_client_works_unchanged(url: str) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
    assert [model.id for model in client.models.list()] == [VERSE, BOOK, NAME]
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


def test_openais_own_client_gets_verse_in_a_form(url: str) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)

    def ask(form: str, **more: Any) -> Any:
        body = {"form": form, "stanzas": 2}
        return client.completions.create(model=VERSE, prompt="", seed=3, extra_body=body, **more)

    answer = ask("-a-a 8", n=2)
    assert [choice.finish_reason for choice in answer.choices] == ["stop", "stop"]
    for choice in answer.choices:
        assert not any(check(parse_form("-a-a 8"), choice.text.split("\n"), "es"))
    pieces = [chunk.choices[0] for chunk in ask("-a-a 8", stream=True)]
    assert "".join(piece.text for piece in pieces) == answer.choices[0].text
    assert len([piece for piece in pieces if piece.text]) == 8
    with pytest.raises(openai.BadRequestError, match="character 3"):
        ask("ABZ 8")
    with pytest.raises(openai.UnprocessableEntityError, match="could not be kept"):
        ask(f"{'A' * 50} 2")
    with pytest.raises(openai.APIError, match="could not be kept"):
        list(ask(f"{'A' * 50} 2", stream=True))


def test_a_client_that_leaves_a_poem_frees_its_place(url: str) -> None:
    asked = {"model": VERSE, "form": "ABBA 8", "stanzas": 25, "n": 2, "stream": True}
    with httpx.Client(base_url=url, timeout=30) as http:
        with http.stream("POST", "/v1/completions", json=asked) as answer:
            lines = answer.iter_lines()
            next(lines)
            assert http.get("/health").json()["songs"] == 2
        wait_for_songs(http, 0)
        with pytest.raises(httpx.ReadTimeout):
            http.post("/v1/completions", json={**asked, "stream": False}, timeout=0.3)
        wait_for_songs(http, 0)


def test_a_page_that_calls_itself_this_machine_learns_nothing(url: str) -> None:
    assert httpx.get(f"{url}/health", headers={"host": "evil.example"}).status_code == 421
    assert httpx.get(f"{url}/health", headers={"host": "localhost:8000"}).status_code == 200


def test_the_server_calls_nobody(url: str, calls: Path, tmp_path: Path) -> None:
    with httpx.Client(base_url=url, timeout=60, follow_redirects=True) as http:
        page = http.get("/")
        assert "Payador" in page.text
        for path in re.findall(r'(?:src|href)="\.?(/[^"]+\.(?:js|css))"', page.text):
            assert http.get(f"/es{path}").status_code == 200
        assert http.post("/v1/completions", json={"model": NAME, "max_tokens": 5}).json()["choices"]
        assert http.post("/v1/completions", json={"model": VERSE, "form": "AA 8"}).json()["choices"]
    assert calls.read_text(encoding="utf-8") == ""
    # Whoever does call is noticed.
    heard = tmp_path / "heard"
    ask = "import socket; socket.socket().connect_ex(('localhost', 1))"
    subprocess.run([sys.executable, "-c", ask], env={**os.environ, "CALLS": str(heard)}, check=True)
    assert "socket.connect" in heard.read_text(encoding="utf-8")


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
    head = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    body = json.dumps({"model": NAME, "max_tokens": 2000, "min_tokens": 2000, "stream": True}).encode()
    asked = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
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


def test_ctrl_c_ends_the_server_even_in_the_middle_of_a_song() -> None:
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

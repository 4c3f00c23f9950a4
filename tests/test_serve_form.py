"""Verse in a form over the API: the same as without it, line by line, and what is said where it cannot be had."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="serving is not installed: requirements-serve.txt")

from fastapi.testclient import TestClient

from generate.choice import FormChoice
from generate.compose import Composition
from generate.sampling import Sampling
from generate.serving.api import make_app
from generate.serving.errors import ApiError, FormNotKept, TooSlow
from generate.serving.models import Models
from generate.serving.poems import Poem
from generate.serving.replies import Reply
from generate.verse.composer import Composer
from generate.write import Request
from prosody.checking import check
from prosody.form import parse_form
from tests.serving import BOOK, NAME, VERSE, make_service, wait_for_songs

pytest_plugins = ["tests.serving_fixtures"]
pytestmark = pytest.mark.usefixtures("served")
CHECKPOINTS = (VERSE, NAME, BOOK)

# The sounds of no words in the bundled songs go so far.
HARD = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA 2"


@pytest.fixture(scope="module")
def composer(trained: Any) -> Composer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYADOR_ARTIFACTS", str(trained))
        models = Models(device="cpu")
        return models.composer(models.load(VERSE))


def poem(composer: Composer, form: str, seed: int = 3, **request: Any) -> Poem:
    plan = FormChoice(form=form).plan("es")
    assert plan is not None
    sampling = Sampling(temperature=0.8, top_p=0.95)
    return Poem(Composition(composer, Request(seed=seed, sampling=sampling, **request), plan))


def complete(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/completions", json={"model": VERSE, "form": "ABBA 8", "seed": 3, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/completions", json={"model": VERSE, "form": "ABBA 8", "seed": 3, **fields})
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def streamed(client: TestClient, **fields: Any) -> list[dict[str, Any]]:
    """The events of an answer that is streamed, but for the last."""
    body = {"model": VERSE, "form": "ABBA 8", "seed": 3, "stream": True, **fields}
    with client.stream("POST", "/v1/completions", json=body) as answer:
        return [json.loads(line[6:]) for line in answer.iter_lines() if line and line != "data: [DONE]"]


def test_the_api_writes_the_poem_that_is_composed_without_it(client: TestClient, composer: Composer) -> None:
    without = poem(composer, "ABBA 8", title="La casa", prompt="La luna").composition
    lines = [line.text for line in without]
    assert lines[0].startswith("La luna")
    answer = complete(client, title="La casa", prompt="La luna ", echo=True, max_tokens=1)
    [choice] = answer["choices"]
    assert (choice["text"], choice["title"], choice["finish_reason"]) == (without.text, "La casa", "stop")
    assert "failure" not in choice
    assert not any(check(parse_form("ABBA 8"), choice["text"].split("\n"), "es"))
    encode = composer.writer.tokenizer.encode
    assert answer["usage"]["total_tokens"] == len(encode(without.text))
    assert answer["usage"]["prompt_tokens"] == len(encode("La luna"))
    [choice] = complete(client, title="La casa", prompt="La luna")["choices"]
    assert "La luna" + choice["text"] == without.text


def test_a_poem_is_the_same_whoever_asks_beside(client: TestClient) -> None:
    alone = [complete(client, form="AA 8", seed=seed)["choices"][0]["text"] for seed in range(3)]
    with ThreadPoolExecutor(8) as pool:
        songs = [pool.submit(complete, client, form=None, model=NAME, seed=seed, min_tokens=2) for seed in range(4)]
        poems = [pool.submit(complete, client, form="AA 8", seed=seed) for seed in range(3)]
        together = [one.result()["choices"][0]["text"] for one in poems]
        assert all(song.result()["choices"][0]["text"] for song in songs)
    assert together == alone
    assert len(set(alone)) == 3
    assert [choice["text"] for choice in complete(client, form="AA 8", n=3, seed=0)["choices"]] == alone


def test_a_poem_is_streamed_line_by_line(client: TestClient) -> None:
    fields: dict[str, Any] = {"form": "AA 8", "n": 2, "structure": "verso coro verso coro"}
    whole = complete(client, **fields)
    *chunks, usage = streamed(client, **fields, stream_options={"include_usage": True})
    assert usage["usage"] == whole["usage"]
    for choice in whole["choices"]:
        pieces = [piece for chunk in chunks for piece in chunk["choices"] if piece["index"] == choice["index"]]
        assert "".join(piece["text"] for piece in pieces) == choice["text"]
        assert [piece["finish_reason"] for piece in pieces if piece["finish_reason"]] == ["stop"]
        # Each of the new lines comes when it stands, and always whole.
        assert len([piece for piece in pieces if piece["text"]]) >= 6
        assert all(piece["text"].endswith("\n") for piece in pieces[:-1] if piece["text"])
        sections = choice["text"].split("\n\n")
        assert sections[1] == sections[3]
        assert sections[0] != sections[2]


def test_a_form_that_cannot_be_read_is_pointed_at(client: TestClient) -> None:
    error = refused(client, form="ABZA 8")
    assert (error["param"], error["type"]) == ("form", "invalid_request_error")
    said, notation, caret, *_ = error["message"].split("\n")
    assert "C here, not Z" in said
    assert notation[caret.index("^")] == "Z"
    error = refused(client, structure="verso corro")
    _, notation, caret, *_ = error["message"].split("\n")
    assert notation[caret.index("^") :] == "corro"


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"form": " "}, "form", "empty form"),
        ({"form": "ABBA"}, "form", "without counts"),
        ({"form": "ABBA 29"}, "form", "29 syllables"),
        ({"form": "A" * 201}, "form", "at most 200"),
        ({"form": "soneto", "stanzas": 2}, "stanzas", "several"),
        ({"stanzas": 0}, "stanzas", "greater than or equal to 1"),
        ({"stanzas": 26}, "form", "104 lines are asked for; at most 100"),
        ({"structure": "verso " * 26}, "form", "104 lines"),
        ({"words": "all"}, "words", "known"),
        ({"language": "fr"}, "form", "no words in fr"),
        ({"language": "xx"}, "form", "no verse analysis"),
        ({"prompt": "La luna\nsale"}, "form", "several lines"),
        ({"model": NAME}, "form", "without verse codes"),
        ({"model": BOOK}, "form", "without verse codes"),
        ({"stop": ["x"]}, "stop", "cannot be had in a form"),
        ({"min_tokens": 5}, "min_tokens", "cannot be had in a form"),
        ({"logprobs": 0}, "logprobs", "cannot be had in a form"),
        ({"presence_penalty": 0.1}, "presence_penalty", "cannot be had in a form"),
        ({"frequency_penalty": 0.1}, "frequency_penalty", "cannot be had in a form"),
        ({"repetition_penalty": 1.1}, "repetition_penalty", "cannot be had in a form"),
        ({"form": None, "structure": "verso coro"}, "structure", "needs a form"),
        ({"form": "", "stanzas": 2}, "stanzas", "needs a form"),
    ],
)
def test_what_a_form_cannot_have_is_told(client: TestClient, fields: dict[str, Any], param: str, said: str) -> None:
    error = refused(client, **fields)
    assert error["param"] == param
    assert said in error["message"]


def test_what_asks_for_nothing_is_no_wish(client: TestClient) -> None:
    # As clients send it that always send everything.
    fields: dict[str, Any] = {"stop": None, "presence_penalty": 0, "logprobs": None, "max_tokens": 16, "top_p": 0.95}
    assert complete(client, **fields)["choices"] == complete(client)["choices"]


def test_a_form_that_cannot_be_kept_is_an_error_behind_the_lines_that_stand(client: TestClient) -> None:
    answer = client.post("/v1/completions", json={"model": VERSE, "form": HARD, "seed": 3})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("form_not_kept", "form")
    assert "line " in error["message"]
    *chunks, last = streamed(client, form=HARD)
    assert last == {"error": error}
    [end] = [choice for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert end["finish_reason"] == "length"
    assert end["failure"] in error["message"]


def test_one_version_that_fails_takes_nothing_from_the_others(composer: Composer) -> None:
    async def ask(*forms: str) -> dict[str, Any]:
        with make_service() as service:
            poems = [poem(composer, form, title="La casa") for form in forms]
            return await Reply(service.engine.submit(composer.writer, poems), VERSE, echo=False).whole()

    good, bad = asyncio.run(ask("ABBA 8", HARD))["choices"]
    assert (good["finish_reason"], bad["finish_reason"]) == ("stop", "length")
    assert good["text"].count("\n") == 3
    assert bad["failure"].startswith("line ")
    with pytest.raises(FormNotKept):
        asyncio.run(ask(HARD, HARD))


def test_whoever_comes_when_too_many_poems_are_written_is_told_when_to_come_again() -> None:
    with make_service(max_poems=1) as service, TestClient(make_app(service)) as client:
        with ThreadPoolExecutor(1) as pool:
            long = pool.submit(complete, client, stanzas=4)
            wait_for_songs(client, 1)
            answer = client.post("/v1/completions", json={"model": VERSE, "form": "ABBA 8"})
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) >= 1
            # Songs have places of their own.
            assert client.post("/v1/completions", json={"model": NAME, "max_tokens": 3}).status_code == 200
            assert long.result()["choices"][0]["text"].count("\n\n") == 3
        assert complete(client)["choices"]


def test_whoever_leaves_frees_a_poems_place(composer: Composer) -> None:
    async def ask() -> None:
        with make_service() as service:
            poems = [poem(composer, "ABBA 8", seed) for seed in range(2)]
            job = service.engine.submit(composer.writer, poems)
            async for _ in job:
                job.close()
            while service.engine.songs:
                await asyncio.sleep(0.01)
            # In the middle of a line as well, nothing of it is left in the way of the next.
            after = service.engine.submit(composer.writer, [poem(composer, "ABBA 8")])
            text = "".join([piece.text async for pieces in after for piece in pieces])
        without = poem(composer, "ABBA 8").composition
        assert text == "\n".join(line.text for line in without)

    asyncio.run(ask())


class Broken(Poem):
    """A poem that cannot be written."""

    def go_on(self) -> None:
        if self.composition.lines:
            raise ZeroDivisionError
        super().go_on()


def test_a_poem_whose_time_is_up_or_that_breaks_ends_with_an_error(composer: Composer) -> None:
    async def ask() -> None:
        with make_service() as service:
            service.engine.timeout = 0.05
            with pytest.raises(TooSlow):
                async for _ in service.engine.submit(composer.writer, [poem(composer, "soneto")]):
                    pass
            service.engine.timeout = 60
            broken = [poem(composer, "ABBA 8"), Broken(poem(composer, "ABBA 8").composition)]
            with pytest.raises(ApiError, match="could not be written"):
                async for _ in service.engine.submit(composer.writer, broken):
                    pass
            after = service.engine.submit(composer.writer, [poem(composer, "ABBA 8")])
            assert [piece async for pieces in after for piece in pieces][-1].finish_reason == "stop"
            assert service.engine.songs == 0
            job = service.engine.submit(composer.writer, [poem(composer, "soneto")])
            service.engine.close()
            with pytest.raises(ApiError, match="stopping"):
                async for _ in job:
                    pass

    asyncio.run(ask())

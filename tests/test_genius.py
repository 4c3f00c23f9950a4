"""The Genius source, in this process, against a stand-in over real HTTP."""

import io
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from genius_stand_in import TOKEN, Fault, StandIn
from genius_stand_in_pages import ARTISTS

from core.artifacts import Artifacts
from core.corpus import Song, read_corpus
from core.errors import UserError
from data.prepare import PrepareConfig, main
from data.report import Dropped
from data.sources import genius_client
from data.sources.genius import FAILURES_IN_A_ROW, read_genius
from data.sources.genius_client import FEW_ATTEMPTS, GeniusClient

# A hundredth of every wait: timeouts of 0.15 s.
PATIENCE = 0.01
BAND, SINGER = "Los Faroles del Canal", "Elvira Quiroga"
BLOCKED = Fault("status", 403)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def genius(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "raw", songs_each=16) as stand_in:
        yield stand_in


@dataclass
class Read:
    songs: list[Song]
    dropped: list[Dropped] = field(default_factory=list[Dropped])

    @property
    def ids(self) -> list[int]:
        return [int(song.id.removeprefix("genius-")) for song in self.songs]

    @property
    def reasons(self) -> dict[str, str]:
        return {song.title: song.reason for song in self.dropped}


def read(genius: StandIn, *artists: str, ids: Sequence[int] = (), token: str = TOKEN) -> Read:
    result = Read([])
    result.songs.extend(
        read_genius(
            artists=artists,
            artist_ids=ids,
            raw=genius.raw,
            drop=result.dropped.append,
            connect=lambda: GeniusClient(token, url=genius.url, patience=PATIENCE),
        )
    )
    return result


def verses(song: Song) -> list[str]:
    return [line for line in song.lyrics.split("\n") if line and not line.startswith("[")]


def test_each_song_comes_once_with_its_verses_and_the_rest_with_a_reason(genius: StandIn) -> None:
    result = read(genius, *ARTISTS.values())
    assert sorted(result.ids) == sorted(genius.wanted)
    for number, song in zip(result.ids, result.songs, strict=True):
        sung = genius.songs[number]
        assert (song.title, song.artist, song.language) == (sung.title, ARTISTS[sung.artist], "es")
        assert (song.year, song.album) == (1970 + number % 50, f"Álbum {number // 10}")
        if sung.kind != "old":  # what stands within the words is for data/cleaning.py
            assert verses(song) == sung.verses
    assert result.reasons == genius.reasons


def test_what_is_kept_is_not_asked_for_again(genius: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    first = read(genius, BAND, SINGER)
    shown = capsys.readouterr().out
    wordless = {f"{part}/{song.id}" for song in genius.songs.values() for part in ("web", "songs")} - {
        f"{part}/{number}" for number in first.ids for part in ("web", "songs")
    }
    genius.requests.clear()
    second = read(genius, BAND, SINGER)
    assert (second.songs, second.dropped) == (first.songs, first.dropped)
    assert genius.counts.keys() <= wordless
    assert f"found       {BAND} (id 5002, https://genius.com/artists/Los-Faroles-del-Canal)\n" in shown


def test_a_song_that_is_deleted_is_fetched_again_alone(genius: StandIn) -> None:
    genius.songs = {number: song for number, song in genius.songs.items() if number in genius.wanted}
    genius.lists = {artist: [song for song in songs if song in genius.songs] for artist, songs in genius.lists.items()}
    first = read(genius, BAND)
    (genius.raw / "songs" / f"{first.ids[3]}.json").unlink()
    genius.requests.clear()
    assert read(genius, BAND).songs == first.songs
    assert genius.counts == {f"web/{first.ids[3]}": 1, f"songs/{first.ids[3]}": 1}
    genius.requests.clear()
    assert read(genius, BAND, token="not even a token is needed").songs == first.songs
    assert not genius.requests


def test_the_token_goes_to_the_api_alone_and_into_no_file_log_or_message(
    genius: StandIn, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    genius.inject(seed=3, share=0.1, stall=0)
    read(genius, BAND)
    assert {request.what.partition("/")[0] for request in genius.requests if request.token} == {
        "artists",
        "lists",
        "songs",
    }
    with pytest.raises(UserError) as caught:
        read(genius, ids=[4], token=TOKEN + "x")
    assert "does not accept the token" in caught.value.message
    said = capsys.readouterr()
    everything = [caplog.text, said.out, said.err, str(caught.value), caught.value.hint]
    everything += [path.read_text(encoding="utf-8") for path in genius.raw.rglob("*.json")]
    assert not any(TOKEN in text for text in everything)


def test_who_asks_to_wait_is_waited_for_and_who_asks_for_an_hour_is_left_alone(genius: StandIn) -> None:
    song = min(genius.wanted)
    genius.faults[f"web/{song}"] = iter([Fault("status", 429, retry_after="1")])
    assert song in read(genius, ARTISTS[5001]).ids
    times = [request.time for request in genius.requests]
    first = next(number for number, request in enumerate(genius.requests) if request.what == f"web/{song}")
    assert times[first + 1] - times[first] >= 1
    genius.always("artists/5002", Fault("status", 429, retry_after="3600"))
    genius.requests.clear()
    with pytest.raises(UserError, match="stay away for 60 minutes"):
        read(genius, ids=[5002])
    assert genius.counts == {"artists/5002": 1}


def test_one_page_that_is_refused_is_listed_and_the_next_run_tries_it_again(genius: StandIn) -> None:
    song = min(genius.wanted)
    genius.always(f"web/{song}", BLOCKED)
    result = read(genius, ARTISTS[5001])
    assert song not in result.ids
    assert ("not fetched", "refused (403)") in {(dropped.reason, dropped.detail) for dropped in result.dropped}
    assert genius.counts[f"web/{song}"] == 2 * FEW_ATTEMPTS
    del genius.faults[f"web/{song}"]
    assert set(read(genius, ARTISTS[5001]).ids) == {song} | set(result.ids)


def test_when_blocked_the_run_stops_says_how_to_go_on_and_goes_on(genius: StandIn) -> None:
    whole = sorted(song for song in genius.wanted if song // 1000 == 5001)
    for song in whole[5:]:
        genius.always(f"web/{song}", BLOCKED)
    with pytest.raises(UserError) as caught:
        read(genius, ARTISTS[5001])
    assert "403" in caught.value.message
    assert "the same command goes on" in caught.value.hint
    kept = len(list((genius.raw / "songs").iterdir()))
    assert f"{kept} of {len(whole) + 3} songs are in " in caught.value.hint
    assert sum(genius.counts[f"web/{song}"] for song in whole[5:]) == FAILURES_IN_A_ROW * FEW_ATTEMPTS
    genius.faults.clear()
    assert read(genius, ARTISTS[5001]).ids == whole
    assert not any(request.cached for request in genius.requests)


def test_some_pages_that_are_refused_for_good_do_not_keep_the_others_from_a_corpus(genius: StandIn) -> None:
    wanted = sorted(song for song in genius.wanted if song // 1000 == 5001)
    refused = wanted[::2]
    assert len(refused) > FAILURES_IN_A_ROW
    for song in refused:
        genius.always(f"web/{song}", BLOCKED)
    result = read(genius, ARTISTS[5001])
    assert result.ids == wanted[1::2]
    assert {genius.songs[song].title for song in refused} <= result.reasons.keys()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("reset"), "no connection"),
        (Fault("status", 503), "out of order (503)"),
        (Fault("half"), "half an answer"),
        (Fault("cut"), "half an answer"),
        (Fault("stall", seconds=0.3), "no answer in time"),
        *((Fault("odd", text=text), "not the answer") for text in ("[]", "null", '{"response": {"sections": [1]}}')),
    ],
)
def test_an_outage_is_said_in_plain_words(genius: StandIn, fault: Fault, says: str) -> None:
    genius.always("search/Elvira Quiroga", fault)
    with pytest.raises(UserError) as caught:
        read(genius, SINGER)
    assert says in caught.value.message


def test_a_long_outage_is_waited_for_longer_and_longer_and_long_waits_are_announced(
    genius: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(genius_client, "ANNOUNCED_WAIT", 8 * PATIENCE)
    monkeypatch.setattr(time, "sleep", waits.append)
    genius.always("search/Elvira Quiroga", Fault("status", 503))
    with pytest.raises(UserError):
        read(genius, SINGER)
    long_waits = [wait / PATIENCE for wait in waits if wait > 0.9 * PATIENCE]
    assert len(long_waits) == genius_client.ATTEMPTS - 1
    assert all(2**number <= wait <= 2**number + 1 for number, wait in enumerate(long_waits))
    assert capsys.readouterr().err.count("out of order (503)") == 2


def test_a_name_that_is_nobodys_is_answered_with_the_nearest_and_an_id_settles_it(genius: StandIn) -> None:
    with pytest.raises(UserError) as caught:
        read(genius, "Faroles del Canal")
    assert f"the nearest is {BAND} (id 5002, " in caught.value.message
    assert "--artist_id 5002" in caught.value.hint
    assert {song // 1000 for song in read(genius, "Faroles del Canal", ids=[5002]).ids} == {5002}
    assert {song // 1000 for song in read(genius, "vidala nandu", ids=[5003]).ids} == {5001, 5003}
    with pytest.raises(UserError, match="no artist called 'Zzz'"):
        read(genius, "Zzz")
    with pytest.raises(UserError, match="no artist of that id"):
        read(genius, ids=[77])


def test_a_number_instead_of_a_name_takes_a_name_for_the_corpus(
    genius: StandIn, artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("PAYADOR_GENIUS_URL", genius.url)
    monkeypatch.setenv("PAYADOR_GENIUS_PATIENCE", str(PATIENCE))
    with pytest.raises(UserError, match="--name"):
        main(PrepareConfig(artist_id=(5003,)))
    main(PrepareConfig(artist_id=(5003,), name="Quiroga y los suyos"))
    corpus = read_corpus(Artifacts("Quiroga y los suyos").corpus)
    assert (corpus.name, corpus.source, corpus.language) == ("Quiroga y los suyos", "genius", "es")
    assert {song.artist for song in corpus.songs} == {SINGER}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_at_a_terminal_the_question_is_asked_once(
    genius: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("\n"))
    with pytest.raises(UserError, match="no artist chosen"):
        read(genius, "Elvira")
    monkeypatch.setattr(sys, "stdin", Terminal("1\n"))
    asked = read(genius, "Elvira")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert read(genius, "Elvira").songs == asked.songs
    shown = capsys.readouterr().out
    assert f"1  {SINGER} (id 5003, " in shown
    assert {song // 1000 for song in asked.ids} == {5003}


def test_without_a_token_or_with_a_broken_one_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genius_client, "ENV_FILE", tmp_path / ".env")
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", "")
    with pytest.raises(UserError, match="takes a token"):
        genius_client.connect()
    (tmp_path / ".env").write_text(f"GENIUS_ACCESS_TOKEN='{TOKEN}'\n", encoding="utf-8")
    assert genius_client.connect()._genius.access_token == f"Bearer {TOKEN}"
    for broken in (f"{TOKEN}\nx", f"{TOKEN} x", f"{TOKEN}ñ"):
        monkeypatch.setenv("GENIUS_ACCESS_TOKEN", broken)
        with pytest.raises(UserError) as caught:
            genius_client.connect()
        assert TOKEN not in str(caught.value) + caught.value.hint
    monkeypatch.setenv("PAYADOR_GENIUS_PATIENCE", "much")
    with pytest.raises(UserError, match="PATIENCE"):
        genius_client.connect()

"""The Genius source as people run it: python data/prepare.py --artist …, with faults, and killed again and again."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from genius_stand_in import TOKEN, Fault, StandIn
from genius_stand_in_pages import ARTISTS

from core.artifacts import ROOT, Artifacts
from core.corpus import read_corpus

CORPUS = "Vidala Ñandú"
# A fiftieth of every wait: timeouts of 0.3 s.
PATIENCE = 0.02
SECONDS = 120

# KILLS=50 pytest tests/test_genius_resumes.py: the whole demonstration, on 300 songs.
KILLS = int(os.environ.get("KILLS", "4"))
SONGS_EACH = 100 if KILLS >= 50 else 20


def start(genius: StandIn, *options: str) -> "subprocess.Popen[str]":
    script = [sys.executable, str(ROOT / "data" / "prepare.py")]
    own = {
        "GENIUS_ACCESS_TOKEN": TOKEN,
        "PAYADOR_GENIUS_URL": genius.url,
        "PAYADOR_GENIUS_PATIENCE": str(PATIENCE),
        "NO_PROXY": "127.0.0.1",
        "PYTHONUTF8": "1",
    }
    return subprocess.Popen(
        [*script, "--artist", *ARTISTS.values(), *options],
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def finish(genius: StandIn, *options: str) -> tuple[int, str]:
    """Exit code and what was printed."""
    process = start(genius, *options)
    said, _ = process.communicate(timeout=SECONDS)
    return process.returncode, said


def kill_somewhere(genius: StandIn, chance: random.Random) -> tuple[int, str]:
    """Start a run and SIGKILL it: some requests after its start, or at any moment at all.

    Returns its exit code and what it printed.
    """
    before, process = len(genius.requests), start(genius)
    if chance.random() < 0.8:
        wanted = before + chance.randint(1, 20)
        deadline = time.monotonic() + SECONDS
        while len(genius.requests) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.03))
    else:
        time.sleep(chance.uniform(0, 3))
    process.kill()
    said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode in (-signal.SIGKILL, 0)
    return process.returncode, said


def fetched_again(genius: StandIn) -> list[str]:
    """What was asked for although it was kept."""
    return [request.what for request in genius.requests if request.cached]


def holders_of_the_token(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if TOKEN.encode() in path.read_bytes()]


def written() -> tuple[dict[int, Any], list[dict[str, str]]]:
    """The corpus by number on Genius, and the report's dropped songs."""
    paths = Artifacts(CORPUS)
    songs = read_corpus(paths.corpus).songs
    report = json.loads(paths.corpus_report.read_text(encoding="utf-8"))
    return {int(song.id.removeprefix("genius-")): song for song in songs}, report["dropped"]


def test_every_song_that_can_be_had_is_there_once_and_the_rest_are_listed(artifacts: Path) -> None:
    with StandIn(Artifacts(CORPUS).raw, SONGS_EACH) as genius:
        genius.inject(seed=1, share=0.2, stall=0.6)
        refused = max(genius.wanted)
        genius.always(f"web/{refused}", Fault("status", 403))
        code, said = finish(genius)
        assert code == 0, said
        songs, dropped = written()
        assert sorted(songs) == sorted(genius.wanted.keys() - {refused})
        for number, song in songs.items():
            lines = [line for line in song.lyrics.split("\n") if line and not line.startswith("[")]
            assert lines == genius.songs[number].verses
        expected = Counter(list(genius.reasons.values())) + Counter(["not fetched"])
        assert Counter(song["reason"] for song in dropped) == expected
        assert {song["title"] for song in dropped} == genius.reasons.keys() | {genius.songs[refused].title}
        assert len(songs) + len(dropped) == len(genius.songs) == 3 * SONGS_EACH
        assert "refused (403)" in {song["detail"] for song in dropped}
        assert not fetched_again(genius)
        assert TOKEN not in said
        assert not holders_of_the_token(artifacts)
        assert "found       Elvira Quiroga (id 5003, https://genius.com/artists/Elvira-Quiroga)" in said


def test_killed_anywhere_the_next_run_goes_on_from_there(
    artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(KILLS)
    with StandIn(Artifacts(CORPUS).raw, SONGS_EACH) as genius:
        genius.inject(seed=2, share=0.1, stall=0.6)
        codes, said = zip(*(kill_somewhere(genius, chance) for _ in range(KILLS)), strict=True)
        kept = len(list((genius.raw / "songs").glob("*.json")))
        code, last = finish(genius)
        assert code == 0, last
        songs, dropped = written()
        assert sorted(songs) == sorted(genius.wanted)
        assert {song["title"] for song in dropped} == genius.reasons.keys()
        assert not fetched_again(genius)
        assert not any(TOKEN in text for text in [*said, last])
        assert not holders_of_the_token(artifacts)
        assert not list(Artifacts(CORPUS).raw.rglob(".*.tmp"))
    killed = Artifacts(CORPUS).corpus.read_bytes()
    print(f"{codes.count(-signal.SIGKILL)} runs of {KILLS} killed, {kept} songs kept by then, {len(songs)} in the end")
    monkeypatch.setenv("PAYADOR_ARTIFACTS", str(tmp_path / "whole"))
    with StandIn(Artifacts(CORPUS).raw, SONGS_EACH) as genius:
        assert finish(genius)[0] == 0
    assert Artifacts(CORPUS).corpus.read_bytes() == killed


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(artifacts: Path) -> None:
    with StandIn(Artifacts(CORPUS).raw, songs_each=20) as genius:
        process = start(genius)
        deadline = time.monotonic() + SECONDS
        while genius.counts.total() < 30 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, said
    assert "songs are in" in said
    assert "hint:  the same command goes on from there" in said
    assert "Traceback" not in said

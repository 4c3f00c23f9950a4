"""`python -m prosody`: what it prints, and how it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

from prosody.report import report, songs_of

ROOT = Path(__file__).resolve().parent.parent

SONG = """# El puente

[Verso 1]
El tren se llevó la tarde
por el puente de madera;
yo lo vi desde la acera
como una hoguera cobarde.

[Coro]
La luna entera se vio
"""


def prosody(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "prosody", *arguments], cwd=ROOT, input=stdin, capture_output=True, check=False
    )


def test_a_song_is_printed_with_its_figures(tmp_path: Path) -> None:
    path = tmp_path / "canción.txt"
    path.write_text(SONG, encoding="utf-8")
    result = prosody(str(path), "--language", "es")
    assert result.returncode == 0, result.stderr
    rows = result.stdout.decode().splitlines()
    assert rows[:4] == ["# El puente", "", "[Verso 1]", "El tren se llevó la tarde    8  A"]
    assert [row.split()[-1] for row in rows[3:7]] == ["A", "B", "B", "A"]
    assert rows[-2:] == ["lines       5: 5 of 8 syllables", "form        none that has a name"]
    assert b"\x1b" not in result.stdout


def test_what_is_piped_in_is_read_with_its_mark_and_line_ends() -> None:
    result = prosody("-", stdin=b"\xef\xbb\xbf" + SONG.partition("[Coro]")[0].replace("\n", "\r\n").encode())
    assert "form        redondilla (ABBA 8), 1 of 1 stanzas" in result.stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["nowhere.txt"], b"", "no file nowhere.txt"),
        (["."], b"", "no file ."),
        (["-"], b"uno\ndos \xf1", "- is not UTF-8 (line 2)"),
        (["-"], b" \n\n", "-: no text"),
        (["-", "--language", "de"], b"uno", "no verse analysis for language 'de'"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(arguments: list[str], stdin: bytes, message: str) -> None:
    result = prosody(*arguments, stdin=stdin)
    error = result.stderr.decode().splitlines()
    assert result.returncode == 2
    assert error[0] == f"error: {message}"
    assert error[1].startswith("hint:  ")
    assert len(error) == 2


def test_songs_are_told_apart_by_their_titles() -> None:
    assert [len(song) for song in songs_of("uno\n# Dos\ndos\n\n# Tres\ntres")] == [1, 3, 2]
    assert songs_of(" \n") == []


def test_a_licence_that_gives_the_form_its_length_is_named() -> None:
    lines = [
        "El tren se llevó la tarde",
        "por el puente de madera;",
        "yo vi la luna entera",
        "como una hoguera cobarde.",
    ]
    rows = report(lines, "es").splitlines()
    assert rows[2] == "yo vi la luna entera         7  B  (8 with hiatus in “luna entera”)"
    assert "(" not in rows[3]
    assert rows[-1] == "form        redondilla (ABBA 8), 1 of 1 stanzas"


def test_colours_are_for_terminals() -> None:
    lines = ["la casa", "una masa", "el río"]
    assert "\x1b[31mA\x1b[0m" in report(lines, "es", colour=True)
    assert "\x1b" not in report(lines, "es")
    assert report(lines, "es", colour=True).count("\x1b[0m") == 2


def test_a_text_without_verses_has_no_figures() -> None:
    assert report(["[Coro]", "", "…"], "es").splitlines() == ["[Coro]", "", "…", "", "lines       none"]

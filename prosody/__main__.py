"""`python -m prosody song.txt --language es`: the syllables, rhymes and form of songs."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from core.cli import Positional, UserError, run
from prosody.line import known_language
from prosody.report import report, songs_of


@dataclass(frozen=True, kw_only=True)
class ProsodyConfig:
    file: Positional[str]
    """A text in UTF-8, a verse line per line; - reads what is piped in. A line "# Title" begins a song."""
    language: str = "es"
    """es, fr or en."""


def main(config: ProsodyConfig) -> None:
    """Print songs with the syllables and the rhyme letter of each line, and the form that they keep."""
    language = known_language(config.language)
    songs = songs_of(read_text(config.file))
    if not songs:
        raise UserError(f"{config.file}: no text", "a verse line per line, a blank line between stanzas")
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print("\n\n".join(report(song, language, colour=colour) for song in songs))


def read_text(name: str) -> str:
    """A file's text, or what is piped in for "-".

    Raises:
        UserError: there is no such file, or it is not UTF-8.
    """
    path = Path(name)
    if name != "-" and not path.is_file():
        raise UserError(f"no file {name}", "give the path of a text, or - for what is piped in")
    content = sys.stdin.buffer.read() if name == "-" else path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{name} is not UTF-8 (line {line})", "save it as UTF-8") from error


if __name__ == "__main__":
    run(main, ProsodyConfig)

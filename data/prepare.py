"""Stage 1: a source becomes a corpus of clean songs."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from core.artifacts import Artifacts, shown, slug
from core.cli import Positional, UserError, run
from core.corpus import Corpus, Song, write_corpus
from core.files import write_json
from data.cleaning import clean_line, clean_song
from data.deduplication import drop_exact_duplicates
from data.report import Dropped, Report, make_report
from data.selection import Field, select
from data.sources.files import read_files
from data.sources.songbook import SONGBOOK, read_songbook

# Seconds before a progress bar appears: what is quick needs none.
PATIENCE = 2

SHOWN_ARTISTS = 4


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    source: Literal["files", "songbook"]
    """files: lyrics you have, at PATH. songbook: the songs that come with this project."""
    path: Positional[Path | None] = None
    """A .json, .jsonl, .csv or .tsv of songs, a folder of .txt (file name = title), or one long text;
    with --source songbook, another folder of albums than the bundled one."""
    name: str | None = None
    """Names the corpus and its folder under artifacts/; else the artist does, else the file."""
    artist: str | None = None
    """Keep this artist's songs; where no song says whose it is, all are theirs. Accents and case do not count."""
    album: str | None = None
    """Keep this album's songs, likewise."""
    language: str | None = None
    """Keep the songs in this language (ISO 639-1, such as es), likewise."""


def main(config: PrepareConfig) -> None:
    """Turn a source into a corpus of clean songs.

    Writes artifacts/<corpus>/corpus.json and corpus-report.json (what was dropped, and why).
    """
    _check(config)
    read = list(_progress("reading", _read(config)))
    selected = _select(config, read)
    # One song alone is a long text to every later stage: it is split at its tail, not song by song.
    alone = len(selected) == 1
    cleaned = [clean_song(song, running_text=alone) for song in _progress("cleaning", selected)]
    empty = [Dropped.of(song, "no lyrics") for song in cleaned if not song.lyrics.strip()]
    worded = [song for song in cleaned if song.lyrics.strip()]
    songs, duplicates = drop_exact_duplicates(_progress("comparing", worded))
    if not songs:
        raise UserError(f"no song to keep: of {len(read):,} read, none has lyrics", "give a source with lyrics in it")
    corpus = Corpus(
        name=_name(config, songs), language=_language(config, songs), source=config.source, songs=tuple(songs)
    )
    report = make_report(
        _progress("counting", songs),
        read=len(read),
        not_selected=len(read) - len(selected),
        dropped=empty + duplicates,
    )
    paths = Artifacts(corpus.name)
    write_corpus(paths.corpus, corpus)
    write_json(paths.corpus_report, {"settings": _settings(config), **dataclasses.asdict(report)})

    _show(report)
    print(f"written     {shown(paths.corpus)}, {shown(paths.corpus_report)}")
    print(f"next        python pretrain/tokenize_data.py --corpus {slug(corpus.name)}")


def _progress(what: str, songs: Iterable[Song]) -> Iterable[Song]:
    return tqdm(songs, what, unit=" songs", delay=PATIENCE, leave=False)


def _check(config: PrepareConfig) -> None:
    if config.source == "files" and config.path is None:
        raise UserError("--source files needs a path", "python data/prepare.py --source files songs.csv")
    if config.language is not None and not re.fullmatch("[a-z]{2,3}", config.language):
        raise UserError(f"{config.language!r} is no language code", "two small letters, such as --language es")
    for option in ("name", "artist", "album"):
        if getattr(config, option) is not None and not clean_line(getattr(config, option)):
            raise UserError(f"--{option} is empty", f"give it a value, or leave --{option} out")


def _read(config: PrepareConfig) -> Iterator[Song]:
    if config.source == "songbook":
        return read_songbook(config.path or SONGBOOK)
    assert config.path is not None  # _check saw to it
    return read_files(config.path)


def _select(config: PrepareConfig, songs: list[Song]) -> list[Song]:
    fields: tuple[Field, ...] = ("language", "artist", "album")
    for field in fields:
        wanted = getattr(config, field)
        if wanted is not None and songs:
            songs = select(songs, field, wanted)
    return songs


def _name(config: PrepareConfig, songs: list[Song]) -> str:
    if config.name is not None:
        return clean_line(config.name)
    if config.artist is not None:
        return songs[0].artist
    if config.source == "songbook":
        return "songbook"
    assert config.path is not None  # _check saw to it
    return clean_line(config.path.resolve().stem)


def _language(config: PrepareConfig, songs: list[Song]) -> str:
    said = {song.language for song in songs if song.language}
    return config.language or ("und" if not said else said.pop() if len(said) == 1 else "mul")


def _settings(config: PrepareConfig) -> dict[str, str | None]:
    return {key: None if value is None else str(value) for key, value in dataclasses.asdict(config).items()}


def _show(report: Report) -> None:
    reasons = Counter(dropped.reason for dropped in report.dropped)
    dropped = f" ({', '.join(f'{count:,} {reason}' for reason, count in reasons.most_common())})" if reasons else ""
    others = f", {report.not_selected:,} not asked for" if report.not_selected else ""
    print(f"songs       {report.read:,} read{others}, {len(report.dropped):,} dropped{dropped}, {report.kept:,} kept")
    print(
        f"text        {report.characters:,} characters ({report.distinct_characters:,} distinct), "
        f"{report.lines:,} lines, {report.words:,} words ({report.distinct_words:,} distinct)"
    )
    if report.artists:
        most = ", ".join(f"{artist} ({count:,})" for artist, count in list(report.artists.items())[:SHOWN_ARTISTS])
        print(f"artists     {len(report.artists):,}: {most}{', …' if len(report.artists) > SHOWN_ARTISTS else ''}")


if __name__ == "__main__":
    run(main, PrepareConfig)

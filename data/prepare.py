"""Stage 1: a source becomes a corpus of clean songs."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from tqdm import tqdm

from core.artifacts import Artifacts, artifacts_root, shown, slug
from core.cli import Positional, UserError, run
from core.corpus import Song, write_song_lines
from core.files import write_json, write_text
from data.cleaning.characters import clean_line, fold
from data.refining import Refined, Rules, finish, load, refine, store
from data.report import Counts, Dropped, count_reasons, draw_sample, essentials, listed, make_report
from data.reportpage import report_page
from data.selection import Field, select
from data.sources.files import read_files
from data.sources.gutenberg import read_gutenberg
from data.sources.huggingface import read_dataset
from data.sources.songbook import SONGBOOK, read_songbook
from data.spool import Spool, nearest_folder

Item = TypeVar("Item")
Source = Literal["genius", "gutenberg", "huggingface", "files", "songbook"]

# Seconds before a progress bar appears: what is quick needs none.
PATIENCE = 2


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    source: Source | None = None
    """genius: all songs of --artist, from genius.com; what you get without PATH. gutenberg: books of Project
    Gutenberg. huggingface: a dataset. files: lyrics you have, at PATH. songbook: the songs that come with this
    project. Left out, it follows from the options given."""
    path: Positional[Path | None] = None
    """A .json, .jsonl, .csv or .tsv of songs, a folder of .txt (file name = title), or one long text;
    with --source songbook, another folder of albums than the bundled one; with --source gutenberg, a folder of
    books as Project Gutenberg has them."""
    name: str | None = None
    """Names the corpus and its folder under artifacts/; else the first artist does, else the file."""
    artist: tuple[str, ...] = ()
    """Whose songs to fetch from Genius; several artists go into one corpus. From other sources, keep their songs;
    where no song says whose it is, all are theirs. Accents and case do not count."""
    artist_id: tuple[int, ...] = ()
    """Artists on Genius by number: where a name is not enough to say who is meant, or instead of names."""
    album: str | None = None
    """Keep this album's songs, likewise."""
    language: str | None = None
    """Keep the songs in this language (ISO 639-1, such as es). Where a song does not say, its words tell;
    songs too short to tell stay."""
    gutenberg: tuple[str, ...] = ()
    """Books by number, or a list: spanish-poetry, french-poetry, littera. Verse becomes poems, prose chunks.
    A PATH to books goes before this option; without one they are fetched, once."""
    sentences: int | None = None
    """Cut every book into chunks of so many sentences; 0 takes every book for verse. Left out, each book is
    looked at, and prose is cut into chunks of 20."""
    dataset: str | None = None
    """A dataset of Hugging Face, such as andreamorgar/spanish_poetry, or a folder that holds one."""
    lyrics_column: str | None = None
    """The dataset's column of texts, where its name does not tell."""
    keep_versions: bool = False
    """Keep live, acoustic and demo recordings, remixes and covers. They go by default, since most repeat a song."""
    expand_choruses: bool = False
    """Write out what is sung again: "(x2)", "[Coro x3]", a "[Coro]" with no words below it."""


def main(config: PrepareConfig) -> None:
    """Turn a source into a corpus of clean songs.

    Writes artifacts/<corpus>/corpus.json, corpus-report.json (what was dropped, and why), corpus-report.html.
    """
    source = _source(config)
    config = dataclasses.replace(config, source=source)
    _check(config)
    dropped: list[Dropped] = []
    folder = nearest_folder(artifacts_root())
    with Spool(folder) as raw, Spool(folder) as clean:
        heads = _store(_progress("reading", _read(config, dropped.append)), raw, selecting=_selects(config))
        read = len(raw) + len(dropped)
        numbers, labels = _select(config, heads, len(raw))
        rules = Rules(
            language=config.language or "",
            labels=labels,
            keep_versions=config.keep_versions,
            expand_choruses=config.expand_choruses,
            # One song alone is a long text to every later stage: it is split at its tail, not song by song.
            running_text=len(numbers) == 1,
        )
        with tqdm(total=len(numbers), desc="cleaning", unit=" songs", delay=PATIENCE, leave=False, disable=None) as bar:
            refined = refine(raw, numbers, clean, rules, bar.update)
        dropped += refined.dropped
        if not refined.kept:
            raise _nothing_left(read, dropped)
        name = _name(config, refined)
        paths = Artifacts(name)
        counts = Counts()
        lines = _counted(_progress("writing", finish(clean, refined, rules)), counts)
        write_song_lines(paths.corpus, lines, name=name, language=refined.language, source=source)
        sample = draw_sample(len(refined.kept), lambda number: load(clean[refined.kept[number].place]).lyrics)
    report = make_report(
        counts,
        read=read,
        not_selected=read - len(refined.kept) - len(dropped),
        dropped=dropped,
        languages=refined.languages,
        sample=sample,
    )
    write_json(paths.corpus_report, {"settings": _settings(config), **dataclasses.asdict(report)})
    page = report_page(report, name=name, language=refined.language, source=source)
    write_text(paths.corpus_page, page)

    print(*essentials(report), sep="\n")
    print(f"written     {shown(paths.corpus)}, {shown(paths.corpus_report)}, {shown(paths.corpus_page)}")
    print(f"next        python pretrain/tokenize_data.py --corpus {slug(name)}")


def _progress(what: str, items: Iterator[Item]) -> Iterator[Item]:
    return iter(tqdm(items, what, delay=PATIENCE, leave=False, disable=None))


def _source(config: PrepareConfig) -> Source:
    """The source that was named, or that the other options mean."""
    if config.source:
        return config.source
    if config.gutenberg:
        return "gutenberg"
    if config.dataset:
        return "huggingface"
    if config.path:
        return "files"
    if config.artist or config.artist_id:
        return "genius"
    raise UserError("no source: whose songs?", "--artist NAME fetches them from Genius; --help shows every source")


def _check(config: PrepareConfig) -> None:
    if config.source == "genius" and not (config.artist or (config.artist_id and config.name)):
        raise UserError("--source genius needs --artist, or --artist_id and --name", "--artist 'Name of the artist'")
    if config.source == "files" and config.path is None:
        raise UserError("--source files needs a path", "python data/prepare.py --source files songs.csv")
    if config.source == "gutenberg" and not config.gutenberg and config.path is None:
        raise UserError("--source gutenberg needs books", "--gutenberg 2000, or a folder of books as PATH")
    if config.source == "huggingface" and not config.dataset:
        raise UserError("--source huggingface needs a dataset", "--dataset andreamorgar/spanish_poetry")
    if config.sentences is not None and config.sentences < 0:
        raise UserError("--sentences is negative", "--sentences 20, or 0 for verse")
    if config.language is not None and not re.fullmatch("[a-z]{2,3}", config.language):
        raise UserError(f"{config.language!r} is no language code", "two small letters, such as --language es")
    given = {"name": config.name, "album": config.album}
    for option, value in [*given.items(), *(("artist", artist) for artist in config.artist)]:
        if value is not None and not clean_line(value):
            raise UserError(f"--{option} is empty", f"give it a value, or leave --{option} out")


def _read(config: PrepareConfig, drop: Callable[[Dropped], None]) -> Iterator[Song]:
    """The raw songs of the source; what it leaves out itself goes to `drop`."""
    if config.source == "genius":
        from data.sources.genius import read_genius  # lyricsgenius takes longer to import than most corpora to read

        raw = Artifacts(config.name or config.artist[0]).raw
        return read_genius(artists=config.artist, artist_ids=config.artist_id, raw=raw, drop=drop)
    if config.source == "songbook":
        return read_songbook(config.path or SONGBOOK)
    if config.source == "gutenberg":
        cache = Artifacts(_name_asked(config)).raw
        return read_gutenberg(config.gutenberg, cache=cache, drop=drop, path=config.path, sentences=config.sentences)
    if config.dataset is not None:
        cache = Artifacts(_name_asked(config)).raw
        return read_dataset(config.dataset, cache=cache, lyrics_column=config.lyrics_column)
    assert config.path is not None  # _check saw to it
    return read_files(config.path)


def _store(songs: Iterator[Song], raw: Spool, *, selecting: bool) -> list[Song]:
    """Put the songs into the spool; what is needed to select among them stays in memory."""
    heads: list[Song] = []
    for song in songs:
        raw.append(store(song))
        if selecting:
            heads.append(dataclasses.replace(song, lyrics=""))
    return heads


def _selects(config: PrepareConfig) -> bool:
    return bool(config.artist or config.album or config.language)


def _select(config: PrepareConfig, heads: list[Song], songs: int) -> tuple[list[int], tuple[tuple[str, str], ...]]:
    """Numbers of the songs asked for, and what those that do not say are labelled with."""
    if not _selects(config):
        return list(range(songs)), ()
    number = {head.id: place for place, head in enumerate(heads)}
    labels: dict[str, str] = {}
    if config.language and heads:
        # A song that does not say is judged by its words, later.
        some = [head for head in heads if head.language in ("", config.language)]
        heads = some or select(heads, "language", config.language)
    # Genius was asked for them already, and may spell them another way.
    named = () if config.source == "genius" else config.artist
    wanted: dict[Field, tuple[str, ...]] = {"artist": named, "album": (config.album,) if config.album else ()}
    for field, names in wanted.items():
        if names and heads:
            if not any(getattr(head, field) for head in heads):
                labels[field] = names[0]
            heads = select(heads, field, *names)
    return [number[head.id] for head in heads], tuple(labels.items())


def _name(config: PrepareConfig, refined: Refined) -> str:
    if config.name is None and config.artist:
        # As the songs spell it.
        spelt = (song.head.artist for song in refined.kept if fold(song.head.artist) == fold(config.artist[0]))
        return next(spelt, _name_asked(config))
    return _name_asked(config)


def _name_asked(config: PrepareConfig) -> str:
    """The name of the corpus as far as the options tell it, before any song is read."""
    if config.name or config.artist:
        return clean_line(config.name or config.artist[0])
    if config.source == "songbook":
        return "songbook"
    if config.dataset is not None:
        return clean_line(Path(config.dataset).resolve().name)
    if config.gutenberg:
        return "-".join((*(["gutenberg"] if config.gutenberg[0].isdigit() else []), *config.gutenberg))
    assert config.path is not None  # _check saw to it
    return clean_line(config.path.resolve().stem)


def _counted(chunks: Iterator[tuple[list[str], Counts]], counts: Counts) -> Iterator[str]:
    """The lines of all chunks; what was counted in them is added up in `counts`."""
    for lines, some in chunks:
        counts.add(some)
        yield from lines


def _nothing_left(read: int, dropped: list[Dropped]) -> UserError:
    reasons = {song.reason for song in dropped}
    if reasons <= {"no lyrics"}:
        return UserError(f"no song to keep: of {read:,} read, none has lyrics", "give a source with lyrics in it")
    hint = "--keep_versions keeps live recordings, demos, remixes and covers; " if reasons - {"no lyrics"} else ""
    return UserError(
        f"no song to keep: of {read:,} read, all were dropped ({listed(count_reasons(dropped))})",
        f"{hint}check --language, or give another source",
    )


def _settings(config: PrepareConfig) -> dict[str, str | bool | list[str] | None]:
    return {
        key: list(value) if isinstance(value, tuple) else value if isinstance(value, bool | None) else str(value)
        for key, value in dataclasses.asdict(config).items()
    }


if __name__ == "__main__":
    run(main, PrepareConfig)

"""Raw songs in a spool, through cleaning and deduplication, to lines of corpus.json: never all in memory at once."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from core.corpus import OPTIONAL, Song, song_to_json
from data.cleaning.language import detect_language, language_of_corpus
from data.cleaning.nonsongs import non_song
from data.cleaning.song import clean_song, finish_song
from data.cleaning.titles import version_rank
from data.deduplication import Sketch, explain, find_twins, sketch
from data.report import Counts, Dropped
from data.spool import Spool, map_chunks

Chunk = list[tuple[int, bytes]]

# Shows that so many more songs are done.
Tick = Callable[[int], object]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What was asked for."""

    language: str = ""
    """Songs in another language go; "" keeps all."""
    labels: tuple[tuple[str, str], ...] = ()
    """Field and value for songs that do not say: (("artist", "Ana"),)."""
    keep_versions: bool = False
    expand_choruses: bool = False
    running_text: bool = False
    """One text alone: its layout stays, and it is what it is."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A song after its own cleaning, before it is compared with the others."""

    head: Song
    """The song without its lyrics."""
    characters: int
    language: str
    """As the source says or the words tell; "" when neither does."""
    line: bytes
    """The song as JSON; empty when it was dropped."""
    dropped: Dropped | None
    sketch: Sketch | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A song that stays: where its text is, and what the others must know of it."""

    place: int
    """Its number in the clean spool."""
    head: Song
    language: str


@dataclass(frozen=True)
class Refined:
    """What stays, in the source's order, and what does not."""

    kept: list[Kept]
    dropped: list[Dropped]
    language: str
    """Of the corpus."""
    languages: dict[str, int]
    """Songs of each; "und" where nobody knows."""


def load(line: bytes) -> Song:
    """A song from a spool."""
    return Song(**json.loads(line))


def store(song: Song) -> bytes:
    """A song for a spool. Half a character is no UTF-8, so JSON writes it as an escape."""
    return json.dumps(dataclasses.asdict(song)).encode()


def refine(raw: Spool, numbers: Sequence[int], clean: Spool, rules: Rules, tick: Tick) -> Refined:
    """Clean the songs of these numbers in `raw` into `clean`, and settle which of them stay."""
    kept: list[Kept] = []
    dropped: list[Dropped] = []
    sketches: list[Sketch] = []
    characters: Counter[str] = Counter()
    for results in map_chunks(partial(clean_chunk, rules), raw.chunks(numbers), songs=len(numbers)):
        for result in results:
            if result.dropped:
                dropped.append(result.dropped)
                continue
            assert result.sketch is not None
            kept.append(Kept(len(clean), result.head, result.language))
            sketches.append(result.sketch)
            characters[result.language] += result.characters
            clean.append(result.line)
        tick(len(results))
    twins = find_twins(sketches, lambda number: load(clean[kept[number].place]).lyrics)
    dropped += [explain(kept[number].head, kept[twin.of].head, twin) for number, twin in sorted(twins.items())]
    staying = [song for number, song in enumerate(kept) if number not in twins]
    said = {song.head.language for song in staying if song.head.language}
    language = rules.language or (_one(said) if said else language_of_corpus(characters))
    languages = Counter(song.language or rules.language or "und" for song in staying)
    return Refined(staying, dropped, language, dict(languages))


def clean_chunk(rules: Rules, chunk: Chunk) -> list[Cleaned]:
    """Clean some songs, each by itself: a task for any process."""
    return [_clean_one(rules, load(line)) for _, line in chunk]


def _clean_one(rules: Rules, song: Song) -> Cleaned:
    song = dataclasses.replace(song, **{field: value for field, value in rules.labels if not getattr(song, field)})
    rank = version_rank(song.title, song.album)
    song = clean_song(song, running_text=rules.running_text)
    reason = non_song(song, keep_versions=rules.keep_versions) if not rules.running_text else ""
    reason = reason or ("" if song.lyrics.strip() else "no lyrics")
    detail = ""
    language = song.language or ("" if reason else detect_language(song.lyrics, rules.language))
    if not reason and rules.language and language not in ("", rules.language):
        reason, detail = "other language", f"{language}, not {rules.language}"
    if reason:
        return Cleaned(dataclasses.replace(song, lyrics=""), 0, language, b"", Dropped.of(song, reason, detail), None)
    if not rules.running_text:
        song = finish_song(song, language, expand=rules.expand_choruses)
    head = dataclasses.replace(song, lyrics="")
    return Cleaned(head, len(song.lyrics), language, store(song), None, sketch(song, rank))


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What is known once all songs are."""

    language: str
    labelled: bool
    """Songs say their language: it was asked for, or they have several."""
    absent: tuple[str, ...]
    rules: Rules


def finish(clean: Spool, refined: Refined, rules: Rules) -> Iterator[tuple[list[str], Counts]]:
    """Lines of corpus.json, a chunk at a time, with what was counted in them."""
    some = refined.kept
    labelled = bool(rules.language) or refined.language == "mul"
    has = {
        "language": labelled or any(song.head.language for song in some),
        "form": any(song.head.form for song in some),
        "performers": any(song.head.performers for song in some),
    }
    absent = tuple(name for name in OPTIONAL if not has[name])
    what = Finish(language=refined.language, labelled=labelled, absent=absent, rules=rules)
    places = [song.place for song in some]
    known = {song.place: song.language for song in some}
    chunks = ([(known[place], line) for place, line in chunk] for chunk in clean.chunks(places))
    yield from map_chunks(partial(finish_chunk, what), chunks, songs=len(some))


def finish_chunk(what: Finish, chunk: Iterable[tuple[str, bytes]]) -> tuple[list[str], Counts]:
    """Settle what hangs on the whole corpus, write and count some songs: a task for any process."""
    counts = Counts()
    lines: list[str] = []
    for language, line in chunk:
        song = load(line)
        if not language and not what.rules.running_text:
            # Too short to tell its language: its headings are named like the others'.
            song = finish_song(song, what.language, expand=what.rules.expand_choruses)
        if what.labelled and not song.language:
            song = dataclasses.replace(song, language=language or what.rules.language)
        counts.add_song(song)
        lines.append(song_to_json(song, what.absent))
    return lines, counts


def _one(languages: set[str]) -> str:
    return next(iter(languages)) if len(languages) == 1 else "mul"

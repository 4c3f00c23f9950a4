"""What came in, what was dropped and why, what is left."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.corpus import Song
from data.cleaning.headings import is_heading, parse_heading

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")

_FREQUENT = 40
_SAMPLE_LINES = 10
_SAMPLE_SEED = 1
_BARS = 24

# In the terminal.
_SHOWN_NAMES = 4
_SHOWN_WORDS = 12

# Languages that glue small words to the next one: l'amour, dell'alba.
_ELIDING = frozenset({"fr", "it", "ca"})


@dataclass(frozen=True)
class Dropped:
    """A song that is not in the corpus."""

    title: str
    artist: str
    reason: str
    """One of few, to count by: "no lyrics", "duplicate"."""
    detail: str = ""
    """What this very song has: which song it repeats."""
    similarity: float | None = None
    """Of a duplicate: share of the shorter one that stands in the other, 0 to 1."""

    @classmethod
    def of(cls, song: Song, reason: str, detail: str = "", *, similarity: float | None = None) -> "Dropped":
        """Drop a song."""
        return cls(song.title, song.artist, reason, detail, similarity)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The figures of corpus-report.json; read = not_selected + kept + len(dropped)."""

    read: int
    not_selected: int
    """Songs of an artist, album or language that was not asked for."""
    kept: int
    reasons: dict[str, int]
    """Dropped songs by reason, most first."""
    characters: int
    distinct_characters: int
    lines: int
    """Verse lines: no blank lines, no headings."""
    words: int
    distinct_words: int
    """Whatever their case."""
    artists: dict[str, int]
    """Songs of each, most first."""
    languages: dict[str, int]
    """Songs of each, as the source says or the words tell; "und" where neither does."""
    years: dict[str, int]
    """Songs of each, the earliest first."""
    sections: dict[str, int]
    """Headings, without their numbers, most first."""
    lengths: list[tuple[int, int, int]]
    """Histogram of song lengths: from, below (characters), songs; the last bar takes all the longer ones."""
    longest: int
    frequent_words: dict[str, int]
    """The most frequent, without the words that every text has."""
    sample: list[str]
    """Ten lines drawn at random, always the same ten."""
    dropped: list[Dropped]


@dataclass
class Counts:
    """What is counted song by song; counts of parts add up."""

    characters: int = 0
    lines: int = 0
    alphabet: set[str] = field(default_factory=set[str])
    words: Counter[str] = field(default_factory=Counter[str])
    sections: Counter[str] = field(default_factory=Counter[str])
    artists: Counter[str] = field(default_factory=Counter[str])
    years: Counter[int] = field(default_factory=Counter[int])
    lengths: list[int] = field(default_factory=list[int])

    def add_song(self, song: Song) -> None:
        """Count one song."""
        verses: list[str] = []
        for line in song.lyrics.split("\n"):
            if is_heading(line):
                self.sections[_section(line)] += 1
            elif line:
                verses.append(line)
        self.characters += len(song.lyrics)
        self.lengths.append(len(song.lyrics))
        self.lines += len(verses)
        self.alphabet.update(song.lyrics)
        self.words.update(_WORD.findall("\n".join(verses).casefold()))
        if song.artist:
            self.artists[song.artist] += 1
        if song.year:
            self.years[song.year] += 1

    def add(self, other: "Counts") -> None:
        """Count what another has counted."""
        self.characters += other.characters
        self.lines += other.lines
        self.alphabet |= other.alphabet
        self.words.update(other.words)
        self.sections.update(other.sections)
        self.artists.update(other.artists)
        self.years.update(other.years)
        self.lengths += other.lengths


def make_report(
    counts: Counts,
    *,
    read: int,
    not_selected: int,
    dropped: list[Dropped],
    languages: dict[str, int],
    sample: list[str],
) -> Report:
    """The figures, from what was counted."""
    return Report(
        read=read,
        not_selected=not_selected,
        kept=len(counts.lengths),
        reasons=count_reasons(dropped),
        characters=counts.characters,
        distinct_characters=len(counts.alphabet),
        lines=counts.lines,
        words=counts.words.total(),
        distinct_words=len(counts.words),
        artists=dict(counts.artists.most_common()),
        languages=dict(sorted(languages.items(), key=lambda item: -item[1])),
        years={str(year): songs for year, songs in sorted(counts.years.items())},
        sections=dict(counts.sections.most_common()),
        lengths=histogram(counts.lengths),
        longest=max(counts.lengths, default=0),
        frequent_words=_frequent_words(counts.words, languages),
        sample=sample,
        dropped=dropped,
    )


def essentials(report: Report) -> Iterator[str]:
    """The report in a few lines for the terminal."""
    dropped = f" ({listed(report.reasons)})" if report.reasons else ""
    others = f", {report.not_selected:,} not asked for" if report.not_selected else ""
    yield f"songs       {report.read:,} read{others}, {len(report.dropped):,} dropped{dropped}, {report.kept:,} kept"
    yield (
        f"text        {report.characters:,} characters ({report.distinct_characters:,} distinct), "
        f"{report.lines:,} lines, {report.words:,} words ({report.distinct_words:,} distinct)"
    )
    if report.kept > 1:
        yield f"length      {report.characters // report.kept:,} characters a song, {report.longest:,} the longest"
    tables = {"artists": report.artists, "languages": report.languages, "sections": report.sections}
    for what, counts in tables.items():
        if counts:
            most = ", ".join(f"{name} ({count:,})" for name, count in list(counts.items())[:_SHOWN_NAMES])
            yield f"{what:<11} {len(counts):,}: {most}{', …' if len(counts) > _SHOWN_NAMES else ''}"
    if report.years:
        yield f"years       {min(report.years)} to {max(report.years)}"
    if report.frequent_words:
        yield f"words       {', '.join(list(report.frequent_words)[:_SHOWN_WORDS])}"


def count_reasons(dropped: Iterable[Dropped]) -> dict[str, int]:
    """Dropped songs by reason, most first."""
    return dict(Counter(song.reason for song in dropped).most_common())


def listed(counts: dict[str, int]) -> str:
    """Say counts in a sentence: "2 live, 1 duplicate"."""
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())


def count_songs(songs: Iterable[Song]) -> Counts:
    """Count what the songs hold."""
    counts = Counts()
    for song in songs:
        counts.add_song(song)
    return counts


def draw_sample(songs: int, lyrics: Callable[[int], str]) -> list[str]:
    """Ten lines of `songs` songs, seeded; `lyrics` gives those of a number."""
    chance = random.Random(_SAMPLE_SEED)  # noqa: S311 -- nobody's secret
    numbers = (
        chance.sample(range(songs), songs) if songs <= _SAMPLE_LINES else chance.sample(range(songs), _SAMPLE_LINES)
    )
    sample: list[str] = []
    for number in (numbers * _SAMPLE_LINES)[:_SAMPLE_LINES]:
        lines = [line.strip() for line in lyrics(number).split("\n") if line.strip() and not is_heading(line)]
        sample += [chance.choice(lines)] if lines else []
    return list(dict.fromkeys(sample))


def histogram(lengths: Sequence[int]) -> list[tuple[int, int, int]]:
    """Bars of equal, round width: from, below, songs. The longest hundredth shares the last bar."""
    if not lengths:
        return []
    ordered = sorted(lengths)
    most = ordered[int(0.99 * (len(ordered) - 1))]
    width = _round_up(max(1, -(-most // _BARS)))
    bars = Counter(min(length, most) // width for length in lengths)
    return [(bar * width, (bar + 1) * width, bars[bar]) for bar in range(max(bars) + 1)]


def _round_up(width: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …."""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if step * scale >= width:
                return step * scale
        scale *= 10


def _section(line: str) -> str:
    """A heading's words without number or repetition, so that all verses count together."""
    inside = line.strip()[1:-1].strip()
    parsed = parse_heading(inside)
    return re.sub(r"\s*(?:\d+|x\d+)$", "", inside) if parsed else inside


def _frequent_words(words: Counter[str], languages: dict[str, int]) -> dict[str, int]:
    """The most frequent words that are not in a list of stop-words of the corpus's languages."""
    stop = stop_words(languages)
    eliding = bool(_ELIDING & languages.keys())
    found: Counter[str] = Counter()
    # Elided articles may join a few counts; nobody needs the tail for that.
    for word, count in words.most_common(50 * _FREQUENT):
        bare = word.replace("’", "'")
        if eliding and bare.partition("'")[2]:
            bare = bare.rpartition("'")[2]
        if len(bare) > 1 and bare not in stop:
            found[bare] += count
    return dict(found.most_common(_FREQUENT))


def stop_words(languages: Iterable[str]) -> frozenset[str]:
    """Words that every text in these languages has; nothing for a language that nobody made a list for."""
    from stop_words import LANGUAGE_MAPPING, get_stop_words

    known: Any = LANGUAGE_MAPPING
    lists = [get_stop_words(language) for language in languages if language in known]
    # In a corpus whose language nobody knows, the three we know best are a fair guess.
    return frozenset(word for words in (lists or map(get_stop_words, ("es", "fr", "en"))) for word in words)

"""Songs as HTML: rhymes coloured, syllables counted, copied words underlined. Whatever somebody wrote is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from core.errors import UserError
from core.words import words
from generate.originality import measure
from generate.serving.page_words import PageWords
from generate.verse.plan import ComposedLine
from pretrain.phrases import PhraseIndex
from prosody.checking import analyse_verses
from prosody.form import Verse
from prosody.line import Language, Line
from prosody.recognition import recognise
from prosody.report import rhyme_letters
from prosody.rhyming import LETTERS, UNRHYMED

# Colours of rhymes in the style sheet.
COLOURS = 8

Span = tuple[int, int]


@dataclass
class ShownSong:
    """A song on the page, as far as it is written."""

    seed: int
    title: str = ""
    lyrics: str = ""
    finished: bool = False
    form: Sequence[ComposedLine] = ()
    """The lines, where they are written in a form."""
    failure: str = ""
    """Why the form was not kept to the end."""
    html: str = ""
    """Kept when the song is finished."""


def song_html(song: ShownSong, language: Language, index: PhraseIndex | None, page: PageWords) -> str:
    """One song as an article. What is copied shows when it is finished."""
    if song.html:
        return song.html
    lines = song.lyrics.split("\n")
    analysed = _analysed(lines, language)
    letters = _letters(song, analysed, language) or [UNRHYMED] * len(lines)
    copied: list[Span] = []
    note = page.seeded.format(song.seed)
    if song.finished and index is not None:
        found = measure(index, song.lyrics)
        places = words(song.lyrics)
        copied = [(places[run.start].start, places[run.start + run.length - 1].end) for run in found.runs]
        note = f"{page.copied(found.longest, found.share)} {note}"
    rows: list[str] = []
    start = 0
    for number, line in enumerate(lines):
        # The line that is being written is not counted yet.
        whole = song.finished or number < len(lines) - 1
        syllables = analysed[number].syllables if analysed and whole and analysed[number].words else None
        rows.append(_row(line, syllables, letters[number] if whole else UNRHYMED, _within(copied, start, len(line))))
        start += len(line) + 1
    title = f"<h2>{escape(song.title)}</h2>" if song.title else ""
    failed = f'<p class="failed" role="alert">{escape(page.not_kept.format(song.failure))}</p>' if song.failure else ""
    state = "" if song.finished else " writing"
    html = (
        f'<article class="song{state}">{title}<div class="verses">{"".join(rows)}</div>{failed}<footer>'
        f'<span class="note">{escape(note)}</span><button type="button" class="copy">{escape(page.copy)}</button>'
        f'<button type="button" class="download">{escape(page.download)}</button></footer></article>'
    )
    if song.finished:
        song.html = html
    return html


def songs_html(songs: Sequence[ShownSong], language: Language, index: PhraseIndex | None, page: PageWords) -> str:
    """Songs side by side."""
    shown = "".join(song_html(song, language, index, page) for song in songs)
    return f'<div class="songs songs-{len(songs)}" aria-live="off">{shown}</div>'


def message_html(text: str) -> str:
    """What is said instead of a song; lines that begin with spaces point at a character."""
    lines = "".join(
        f"<pre>{escape(line[4:])}</pre>" if line.startswith("    ") else f"<p>{escape(line)}</p>"
        for line in text.split("\n")
    )
    return f'<div class="message" role="alert">{lines}</div>'


def _letters(song: ShownSong, analysed: Sequence[Line], language: Language) -> list[str]:
    """The rhyme letter of each line: that of its form, or through the whole song where it keeps one that asks it."""
    if song.form:
        # Known from the first line on: what is found in the lines so far changes with each that comes.
        asked = [_letter(line.verse) for line in song.form[: song.lyrics.count("\n") + 1]]
        return asked + [UNRHYMED] * (song.lyrics.count("\n") + 1 - len(asked))
    if not analysed:
        return []
    found = recognise(analysed, language)
    return rhyme_letters(analysed, language, whole=found is not None and found.whole)


def _letter(verse: Verse | None) -> str:
    if verse is None or verse.rhyme is None:
        return UNRHYMED
    return verse.rhyme.lower() if verse.assonant else verse.rhyme


def _analysed(lines: Sequence[str], language: Language) -> list[Line]:
    """The lines' syllables and rhymes; nothing where the package that a language needs is missing."""
    try:
        return analyse_verses(lines, language)
    except UserError:
        return []


def _row(line: str, syllables: int | None, letter: str, copied: Sequence[Span]) -> str:
    if not line.strip():
        return '<p class="row gap"><span class="text"></span></p>'
    if syllables is None:
        kind = "heading" if line.lstrip().startswith("[") else "plain"
        return f'<p class="row {kind}"><span class="text">{_marked(line, (0, 0), "", copied)}</span></p>'
    last = words(line)
    colour = "" if letter == UNRHYMED else f"rhyme-{LETTERS.index(letter.upper()) % COLOURS}"
    end = (last[-1].start, last[-1].end) if last and colour else (0, 0)
    shown = f'<span class="letter {colour}">{letter}</span>' if colour else '<span class="letter"></span>'
    text = _marked(line, end, colour, copied)
    return f'<p class="row"><span class="text">{text}</span><span class="syllables">{syllables}</span>{shown}</p>'


def _marked(line: str, rhyme: Span, colour: str, copied: Sequence[Span]) -> str:
    """A line's text, its rhyme coloured and what is copied underlined."""
    cuts = sorted({0, len(line), *rhyme, *(place for span in copied for place in span)})
    html = ""
    for start, end in pairwise(cuts):
        kinds = [colour] if rhyme[0] <= start < rhyme[1] else []
        if any(first <= start < last for first, last in copied):
            kinds.append("copied")
        text = escape(line[start:end])
        html += f'<span class="{" ".join(kinds)}">{text}</span>' if kinds else text
    return html


def _within(spans: Sequence[Span], start: int, length: int) -> list[Span]:
    """Of spans of a text, what lies in a line of it, counted from the line's start."""
    cut = [(max(0, first - start), min(length, last - start)) for first, last in spans]
    return [(first, last) for first, last in cut if first < last]

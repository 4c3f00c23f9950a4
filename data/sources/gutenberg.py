"""Books of Project Gutenberg, by number or by list: verse becomes its poems, prose chunks of some sentences."""

import random
import re
from collections.abc import Callable, Iterator
from itertools import dropwhile
from pathlib import Path

from core.artifacts import shown
from core.corpus import Song
from core.errors import UserError
from data.cleaning.characters import fold
from data.plaintext import read_plain_text
from data.report import Dropped
from data.sources.gutenberg_download import Server, fetch_books
from data.sources.gutenberg_layout import is_heading, is_prose, is_verse, wrap_width
from data.sources.gutenberg_prose import chunks
from data.sources.gutenberg_text import Block, Book, blocks_of, read_book
from data.sources.gutenberg_verse import split_poems

LISTS: dict[str, tuple[int, ...]] = {
    # Antonio Machado, Rosalía de Castro, Garcilaso, Almafuerte, Urbina, Samaniego, Iriarte, the Romancero of the Cid,
    # Zorrilla (2), an anthology of the 15th to 19th centuries, Martín Fierro (2), Rubén Darío (6).
    "spanish-poetry": (
        *(68525, 70984, 68131, 63823, 63378, 55206, 29497, 57648, 55480, 58275, 65880, 14765, 15066),
        *(47650, 50341, 51711, 51569, 51458, 53867),
    ),
    # Hugo: Les Contemplations (2); Baudelaire: Les Fleurs du mal, Les Épaves; Verlaine: Poésies religieuses.
    "french-poetry": (29843, 29844, 6099, 26710, 61039),
    # Don Quijote, La Regenta, Marianela, Lazarillo de Tormes. LitteraGPT's fifth book, El árbol de la ciencia,
    # is left out: its author died in 1956, so that it is not in the public domain everywhere.
    "littera": (2000, 17073, 17340, 320),
}

SENTENCES = 20

_CHAPTER = re.compile(
    r"\W*(?:cap[íi]tulo|chapter|chapitre|tratado|tercera|segunda|primera|parte|libro|livre|tomo|fin)\b", re.IGNORECASE
)
_FILE_NUMBER = re.compile(r"(?:^|pg|[_-])(\d{1,6})(?:-[08]|-0)?(?:[_.]|$)")
_NOTE = re.compile(r"\s*\[(?:\d+|[A-Z]|footnote[^\]]*)[\]:]", re.IGNORECASE)


def check_books(wanted: tuple[str, ...]) -> tuple[int, ...]:
    """The numbers that numbers and names of lists stand for, each once; raises UserError for any other word."""
    numbers: dict[int, None] = {}
    for word in wanted:
        if word.casefold() in LISTS:
            numbers.update(dict.fromkeys(LISTS[word.casefold()]))
        elif re.fullmatch(r"[1-9]\d{0,6}", word):
            numbers[int(word)] = None
        else:
            raise UserError(
                f"--gutenberg {word!r} is neither a book's number nor a list",
                f"numbers stand at www.gutenberg.org; the lists are {', '.join(LISTS)}",
            )
    return tuple(numbers)


def read_gutenberg(
    wanted: tuple[str, ...],
    *,
    cache: Path,
    drop: Callable[[Dropped], None],
    path: Path | None = None,
    sentences: int | None = None,
    seed: int = 1,
    server: Server | None = None,
) -> Iterator[Song]:
    """The poems of books of verse in their order, then the chunks of books of prose, shuffled by `seed`.

    Books are taken from `path`, a file or a folder of files as Project Gutenberg has them (all of them
    when `wanted` is empty); without a path they are fetched into `cache`, once. `sentences` cuts every
    book into chunks of so many, 0 takes every book for verse; None looks at each book. What is no poem
    is told to `drop`. Raises UserError when a book cannot be had.
    """
    numbers = check_books(wanted)
    files = _local(path, numbers) if path else fetch_books(numbers, cache, server or Server())
    prose: list[Song] = []
    for place, file in files:
        book = read_book(read_plain_text(file))
        blocks = blocks_of(book.text)
        if not blocks:
            drop(Dropped(book.title or file.name, book.author, "no lyrics", shown(file)))
        elif is_verse(blocks) if sentences is None else sentences == 0:
            yield from _poems(str(place), book, blocks, drop)
        else:
            prose += _chunks(str(place), book, file, blocks, sentences or SENTENCES)
    # Neighbours tell the same scene; LitteraGPT's paragraphs stand in random order too.
    random.Random(seed).shuffle(prose)  # noqa: S311  (no secret)
    yield from prose


def _poems(place: str, book: Book, blocks: list[Block], drop: Callable[[Dropped], None]) -> Iterator[Song]:
    poems = split_poems(blocks, lambda title, reason: drop(Dropped(title, book.author, reason, book.title)))
    for number, poem in enumerate(poems, 1):
        name = fold(poem.title or poem.lyrics.partition("\n")[0]).replace(" ", "-")
        yield _song(f"{place}/{number:03}-{name}", book, poem.title, poem.lyrics)


def _chunks(place: str, book: Book, file: Path, blocks: list[Block], size: int) -> Iterator[Song]:
    width = wrap_width(blocks)
    # Up to the first paragraph there are titles, names and places of print.
    text = dropwhile(lambda block: not is_prose(block, width), blocks)
    prose = [block for block in text if not (_is_chapter(block) or _NOTE.match(block.lines[0]))]
    for number, chunk in enumerate(chunks(prose, size), 1):
        yield _song(f"{place}/{number:04}", book, book.title or file.stem, chunk)


def _is_chapter(block: Block) -> bool:
    """A chapter's number or title: capitals, a numeral, or words like "Capítulo" after a wide gap."""
    return is_heading(block) or (block.gap >= 2 and len(block.lines) <= 4 and bool(_CHAPTER.match(block.text)))


def _song(place: str, book: Book, title: str, lyrics: str) -> Song:
    return Song(
        id=place,
        title=title,
        artist=book.author,
        album=book.title,
        url=f"https://www.gutenberg.org/ebooks/{book.number}" if book.number else "",
        lyrics=lyrics,
        language=book.language,
    )


def _local(path: Path, numbers: tuple[int, ...]) -> Iterator[tuple[str, Path]]:
    """Files under `path`, each with a name of its own: the book's number, with the file's name where two share it."""
    if not path.exists():
        raise UserError(
            f"{shown(path)} does not exist", "give a book, or a folder of books, as Project Gutenberg has them"
        )
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*.txt") if not file.name.startswith("."))
    if not files:
        raise UserError(f"{shown(path)} holds no .txt file", "put the plain text files of Project Gutenberg there")
    found: dict[str, Path] = {}
    for file in files:
        number = _number(file)
        name = fold(file.stem).replace(" ", "-")
        found[str(number) if number and str(number) not in found else f"{number or 'book'}-{name}"] = file
    if missing := [str(number) for number in numbers if str(number) not in found]:
        there = ", ".join(name for name in found if name.isdigit()) or "none with a number"
        raise UserError(f"{shown(path)} lacks the books {', '.join(missing)}", f"it has: {there}")
    for place in map(str, numbers) if numbers else found:
        yield place, found[place]


def _number(file: Path) -> int | None:
    """The number that the header says, or else the file's name."""
    number = read_book(read_plain_text(file)).number
    named = _FILE_NUMBER.search(file.name)
    return number or (int(named[1]) if named else None)

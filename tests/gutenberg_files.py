"""Invented books in the wrappings that Project Gutenberg has used over the years."""

import random
import textwrap

LICENCE = "This file may be copied under the terms of the Project Gutenberg License.\n" * 3

FIELDS = "Title: {title}\n\nAuthor: {author}\n\nRelease Date: May 1, 2005 [EBook #{number}]\n\nLanguage: {language}\n\n"

OLD_HEADER = (
    "*The Project Gutenberg Etext of {title}, by {author}*\n\nCopyright laws are changing all over the world.\n\n"
    "April, 1998  [Etext #{number}]\n\n" + LICENCE + "\n"
    "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n\n\n"
)
MODERN_HEADER = "The Project Gutenberg EBook of {title}, by {author}\n\n" + LICENCE + "\n" + FIELDS

# Each with what stands before the book and after it.
WRAPPINGS = {
    "1998": (OLD_HEADER, "\n\n\nEnd of The Project Gutenberg Etext of {title}, by {author}\n"),
    "1995, without an end": (OLD_HEADER, ""),
    "2003, licence first": (
        MODERN_HEADER + "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*\n\n"
        "*** START OF THE PROJECT GUTENBERG EBOOK {title} ***\n\n\nThis eBook was produced by Nadie Conocido\n\n\n\n",
        "\n\n\n*** END OF THE PROJECT GUTENBERG EBOOK {title} ***\n\n" + LICENCE,
    ),
    "2003, licence last": (
        MODERN_HEADER + "*** START OF THE PROJECT GUTENBERG EBOOK, {title} ***\n\n\n\n",
        "\n\n\n*** END OF THE PROJECT GUTENBERG EBOOK, {title} ***\n\n"
        + LICENCE
        + "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*\n",
    ),
    "2005": (
        MODERN_HEADER
        + "*** START OF THIS PROJECT GUTENBERG EBOOK {title} ***\n\n\n\n\nProduced by Nadie Conocido and the\n"
        "Distributed Proofreading Team at http://example.org\n\n\n\n\n",
        "\n\n\n\nEnd of Project Gutenberg's {title}, by {author}\n\n"
        "*** END OF THIS PROJECT GUTENBERG EBOOK {title} ***\n" + LICENCE,
    ),
    "2007, no space": (
        MODERN_HEADER
        + "***START OF THE PROJECT GUTENBERG EBOOK {title}***\n\n\nE-text prepared by Nadie Conocido\n\n\n\n",
        "\n\n\n***END OF THE PROJECT GUTENBERG EBOOK {title}***\n\n" + LICENCE,
    ),
    "2021, title over two lines": (
        MODERN_HEADER + "*** START OF THE PROJECT GUTENBERG EBOOK {title}\n(SEGUNDA PARTE) ***\n\n"
        "NOTA DE TRANSCRIPCIÓN\n\n  * Los errores han sido corregidos.\n\n  * La cubierta es nueva.\n\n\n\n\n",
        "\n\n\n\n*** END OF THE PROJECT GUTENBERG EBOOK {title}\n(SEGUNDA PARTE) ***\n\n" + LICENCE,
    ),
}

SYLLABLES = ("la", "ro", "mi", "cer", "ta", "no", "via", "lu", "pen", "do", "que", "sal", "gra", "ven", "tor", "ni")

WORDS = ("luna", "niebla", "sombra", "abuela", "barca", "rueda")

TITLES = ("CANCIÓN DE LA LUNA", "NIEBLA", "A UNA SOMBRA", "LA ABUELA", "BARCA VIEJA", "LA RUEDA")


def poem(word: str) -> str:
    """Three stanzas in no language, which no other word gives."""
    chance = random.Random(word)
    lines = [
        " ".join("".join(chance.choices(SYLLABLES, k=chance.randint(1, 3))) for _ in range(chance.randint(3, 6)))
        for _ in range(12)
    ]
    return "\n\n".join(",\n".join(lines[start : start + 4]) + "." for start in (0, 4, 8))


POEMS = {title: poem(word) for title, word in zip(TITLES, WORDS, strict=True)}

SENTENCE = (
    "El {} llegó tarde a la estación y nadie, ni el jefe ni su perro, quiso decirle a qué hora había salido el {} tren."
)


def novel(chapters: int = 3, paragraphs: int = 12) -> str:
    """Prose wrapped at 72 columns, with chapter headings and dialogue."""
    parts: list[str] = []
    for chapter in range(1, chapters + 1):
        parts.append(f"\n\n\nCapítulo {chapter}\n\n")
        for paragraph in range(paragraphs):
            text = " ".join(SENTENCE.format(f"viajero {chapter}-{paragraph}-{number}", number) for number in "abc")
            parts.append(textwrap.fill(text, 72) + "\n")
            parts.append(f"--Señor --dijo el mozo {chapter}-{paragraph}--, ya  es  tarde.\n")
    return "\n".join(parts)


def verse(style: str) -> str:
    """The same poems in the layouts of different typists."""
    if style == "numerals":
        return "".join(f"\n\n\n\n{roman}\n\n\n{text}\n" for roman, text in zip(ROMANS, POEMS.values(), strict=True))
    if style == "numeral and title":
        return "".join(
            f"\n\n\n\n{roman}\n\n{title}\n\n\n{text}\n\nParís, octubre 1842.\n"
            for roman, (title, text) in zip(ROMANS, POEMS.items(), strict=True)
        )
    if style == "centred":
        return "".join(f"\n\n\n\n{title.center(70)}\n\n{indented(text)}\n" for title, text in POEMS.items())
    if style == "italics":
        return "".join(
            f"\n\n_{number}. {title.capitalize()}_\n\n{indented(text)}\n"
            for number, (title, text) in enumerate(POEMS.items(), 1)
        )
    contents = "Contents\n\n" + "\n".join(title.title() for title in POEMS) + "\n"
    return contents + "".join(f"\n{title.title()}\n\n{text}\n" for title, text in POEMS.items())


LAYOUTS = ("numerals", "numeral and title", "centred", "italics", "flat")

ROMANS = ("I", "II", "III", "IV", "V", "VI")


def indented(text: str) -> str:
    """Four spaces before every line."""
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n"))


def wrapped(body: str, wrapping: str, *, number: int = 77, title: str = "Un libro", author: str = "Ana Nadie") -> str:
    """A whole file."""
    before, after = WRAPPINGS[wrapping]
    names = {"number": number, "title": title, "author": author, "language": "Spanish"}
    return before.format(**names) + body + after.format(**names)

"""What Genius and other lyrics sites leave in a text, and how it goes without a word of the song going with it.

The shapes are those that users of lyricsgenius reported (issues 96 to 317 of the library) and those
that today's pages give. Every rule wants words that only the site writes, spelt as the site spells them.
"""

import re

from data.cleaning.characters import fold

# "27 Contributors", "1 Contributor", "1.2K Contributors", with the next words glued on.
_CONTRIBUTORS = re.compile(r"\s*\d[\d.,]*K? ?Contributors?(?![a-z])")
_TRANSLATIONS = re.compile(r"\s*Translations?(?![a-z])")
_LANGUAGES = (
    *("English", "Español", "Português", "Français", "Deutsch", "Italiano", "Türkçe", "Русский (Russian)", "Русский"),
    *("Polski", "Svenska", "Nederlands", "Dansk", "Norsk", "Suomi", "Magyar", "Čeština", "Română", "Ελληνικά", "Greek"),
    *("Українська", "العربية", "Arabic", "עברית", "Hebrew", "فارسی", "हिन्दी", "日本語", "한국어", "中文", "Català"),
    *("Azərbaycan", "Shqip", "Српски", "srpski", "Hrvatski", "Slovenčina", "Bahasa Indonesia", "Tiếng Việt", "ไทย"),
    *("Romanization", "Romanized", "Spanish", "French", "German", "Italian", "Portuguese", "Turkish", "Russian"),
)  # fmt: skip
_LANGUAGE = re.compile(r"\s*(?:" + "|".join(map(re.escape, sorted(_LANGUAGES, key=len, reverse=True))) + ")")

# How far into a page its header reaches, at most.
_HEADER = 3_000  # characters
_LONGEST_TITLE = 200

_READ_MORE = re.compile(r"(?:…|\.\.\.|&hellip;) ?Read More(?![a-z])\s*")
_READ_MORE_AFTER_HEADER = re.compile(r"\s?Read More(?![a-z])\s*")
_ANY_HEADING = re.compile(r"^\s*\[[^\[\]\n]+\]", re.MULTILINE)

# "[Letra de "Balada"]", "[Paroles de "Balade" ft. Ana]", "[Lyrics for "Ballad"]": the title again, as a heading.
_TITLE_HEADING = re.compile(
    r"^\[(?:letra(?: oficial| original)?(?: de)?|paroles de|lyrics (?:for|to|of)|songtext zu|testo di|текст песни)\b"
    r"[^\[\]\n]*\]\s*$\n*",
    re.IGNORECASE | re.MULTILINE,
)
_CREDITS = re.compile(
    r"^\[(?:produced by|prod\.?|producido por|produit par|written by|escrit[ao] por|video ?clip|lyrics by)\b"
    r"[^\[\]\n]*\]\s*$\n*",
    re.IGNORECASE | re.MULTILINE,
)

# Glued to the words before it, or opening a line and not going on like a verse ("You might also like my shoes").
_SUGGESTED = re.compile(
    r"(?<=[\w.,;:!?…)\]»-])You might also like"
    r"|(?<=[\"'])You might also like(?=[A-ZÁÉÍÓÚÑ¿¡\[]| *$)"
    r"|^ *You might also like(?=[^\s,.;:'a-z]| *$)",
    re.MULTILINE,
)
_TICKETS = re.compile(r"(?:See [^\n\[\]]{1,80}? Live)?\s*Get tickets as low as [$€£]\s?\d[\d.,]*(?<=\d)")
_SEE_LIVE = re.compile(r"^See (.{1,80}) Live$\n?", re.MULTILINE)

# The count of likes is glued between the last word and "Embed": "mar3Embed". A year before it stays a year.
_EMBED = re.compile(
    r"(?:(?<=[^\s\d])|^|(?<=[ \n])(?=\d)|(?<=\b(?:1[5-9]|20)\d\d))"
    r"(?:\d{1,3}|\d[\d.]*K|)Embed(?:Share URLCopyEmbedCopy|Copy)?\s*\Z"
)
_SHARE = re.compile(r"(?:^|\n)(?:Share URL|Copy|CopyEmbed|EmbedShare URLCopyEmbedCopy)\s*\Z")

_END = 100  # characters; what stands at the end of a page is shorter

_LINE_BREAKS = re.compile(r"<br ?/?>\n?", re.IGNORECASE)
_MARKUP = re.compile(r"</?(?:i|b|u|em|strong|p|span|div|a|small|center|font)(?: [^<>\n]*)?>", re.IGNORECASE)


def drop_markup(text: str) -> str:
    """Line breaks of HTML become newlines, its other tags go: "uno<br>dos" → two lines."""
    return _MARKUP.sub("", _LINE_BREAKS.sub("\n", text)) if "<" in text else text


def drop_page_header(text: str, title: str = "") -> str:
    """The head ("27 ContributorsTranslationsEnglishBalada Lyrics") and the description that ends in "Read More" go."""
    head = _CONTRIBUTORS.match(text)
    start = head.end() if head else 0
    if head and (translations := _TRANSLATIONS.match(text, start)):
        start = translations.end()
        while language := _LANGUAGE.match(text, start):
            start = language.end()
    end = _end_of_title_line(text, start, title, sure=bool(head))
    text = text[end:]
    if head or end:
        text = text.lstrip()
    return _drop_description(text, sure=bool(head))


def _end_of_title_line(text: str, start: int, title: str, *, sure: bool) -> int:
    """Where "<Title> Lyrics" ends, if the text goes on with it from `start`."""
    place = text.find(" Lyrics", start, start + _LONGEST_TITLE)
    while place >= 0:
        line = text[start:place]
        after = text[place + len(" Lyrics") :]
        same = bool(title) and fold(line) == fold(title)
        # The site knows where the title ends, we may not: then it must end the line, or stop at a heading.
        ends = not after or after[0] in "\n[" or not after[0].islower()
        if (same and ends) or (sure and ends and "\n" not in line.strip()):
            return place + len(" Lyrics")
        place = text.find(" Lyrics", place + 1, start + _LONGEST_TITLE)
    return start


def _drop_description(text: str, *, sure: bool) -> str:
    end = (_READ_MORE_AFTER_HEADER if sure else _READ_MORE).search(text, 0, _HEADER)
    if end is None:
        return text
    # A description is one paragraph; where a stanza or a heading stands before the words, they are sung.
    verses = "\n\n" in text[: end.start()] or _ANY_HEADING.search(text, 0, end.start())
    return text if verses else text[end.end() :]


def drop_title_headings(text: str) -> str:
    """What is about the song, not in it, goes: "[Letra de "Balada"]", "[Produced by Ana]"."""
    return _CREDITS.sub("", _TITLE_HEADING.sub("", text)) if "[" in text else text


def drop_tickets(text: str, artist: str = "") -> str:
    """Wherever "See Ana LiveGet tickets as low as $45" stands, it goes; alone, "See … Live" must name the artist."""
    text = _cut(_TICKETS, text) if "Get tickets" in text else text

    def judge(match: "re.Match[str]") -> str:
        return "" if artist and fold(match[1]) == fold(artist) else match[0]

    return _SEE_LIVE.sub(judge, text) if " Live" in text else text


def drop_suggestions(text: str) -> str:
    """What "You might also like" was glued between falls apart; the song goes on behind it."""
    return _cut(_SUGGESTED, text) if "You might also like" in text else text


def _cut(pattern: "re.Pattern[str]", text: str) -> str:
    """Take out what matches, with one line end on each side where there is one, and leave one in its place."""
    return re.sub(rf"\n?(?:{pattern.pattern})\n?", "\n", text, flags=re.MULTILINE)


def drop_embed(text: str) -> str:
    """At the end, "3Embed" goes."""
    if not text[-_END:].rstrip().endswith(("Embed", "Copy", "Share URL")):
        return text
    return text[:-_END] + _SHARE.sub("", _EMBED.sub("", text[-_END:]))


def drop_leftovers(text: str, title: str = "", artist: str = "") -> str:
    """Every rule, in an order in which none hides what another looks for."""
    text = drop_page_header(text, title)
    text = drop_tickets(text, artist)
    text = drop_suggestions(text)
    return drop_title_headings(drop_embed(text))

"""Every rule as a table of before and after, and what holds for any text."""

import re
import string
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.corpus import Song
from data.cleaning.characters import (
    clean_line,
    clean_running_text,
    decode_entities,
    fold,
    fold_lines,
    mend_mojibake,
    straighten_quotes,
)
from data.cleaning.headings import parse_heading
from data.cleaning.song import clean_song, clean_text, finish_song
from tests.tables import table

TITLE, ARTIST = "Balada del farol", "Los Ñandúes"


@table(
    [
        ("uno\r\ndos\rtres\n", "uno\ndos\ntres"),
        ("\n\n  sangría\n", "  sangría"),
        ("uno\n \n\t\n\ndos", "uno\n\ndos"),
        ("¡Ay\u202f! mi\u00a0amor\u2005", "¡Ay ! mi amor"),
        ("a\u200bmo\ufeffr\u00ad\x07", "amor"),
        ("cafe\u0301", "café"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("medio \ud83d emoji", "medio  emoji"),
        ("¡NO ME GRITES, JUAN!", "¡NO ME GRITES, JUAN!"),
        ("uno<br>dos<br/>\n<i>tres</i>", "uno\ndos\ntres"),
    ]
)
def test_characters(before: str, after: str) -> None:
    assert clean_text(before) == after


@table(
    [
        ("Tom &amp; Ana", "Tom & Ana"),
        ("don&#39;t, don&#x27;t", "don't, don't"),
        ("&iquest;Qu&eacute;?", "¿Qué?"),
        ("&amp;quot;s&iacute;&amp;quot;", '"sí"'),
        ("Shall we never more, &c.", "Shall we never more, &c."),
        ("Q&A; R&B", "Q&A; R&B"),
        ("&nosuchname;", "&nosuchname;"),
    ]
)
def test_entities(before: str, after: str) -> None:
    assert decode_entities(before) == after


@table(
    [
        ("canciÃ³n del corazÃ³n", "canción del corazón"),
        ("Â¿QuÃ© mÃ¡s?", "¿Qué más?"),
        ("donâ€™t â€“ no", "don’t – no"),
        ("lâ€™Ã©tÃ©", "l’été"),
        ("línea buena\ncanciÃ³n", "línea buena\ncanción"),
        ("SÃO PAULO", "SÃO PAULO"),
        ("Él, Ángel, Ñandú, ¿Ámbar?", "Él, Ángel, Ñandú, ¿Ámbar?"),
        ("Âme, Île, Être, À l’œuvre", "Âme, Île, Être, À l’œuvre"),
        ("un «â» y un “î”", "un «â» y un “î”"),
    ]
)
def test_mojibake(before: str, after: str) -> None:
    assert mend_mojibake(before) == after


@table(
    [
        ("“hola”, ‘sí’", "\"hola\", 'sí'"),
        ("l’amour, don’t, ’cause", "l'amour, don't, 'cause"),
        ("l´amour, don`t", "l'amour, don't"),
        ("«no» — …", "«no» — …"),
    ]
)
def test_quotes(before: str, after: str) -> None:
    assert straighten_quotes(before) == after


PAGE = (
    "27 ContributorsTranslationsEnglishFrançaisBalada del farol Lyrics“Balada del farol” abre el disco y habla de…"
    "\u00a0Read More\u00a0[Letra de “Balada del farol” ft. Ana]\r\n\r\n[Verso 1: Ana]\r\n"
    "La luna\u200b cae&#39;n el r\u00edo\r\n"
    "y canciÃ³n no hay (eh)[Chorus: Ana & Bruno]\r\n¡QUÉ NOCHE!\r\nSee Los Ñandúes LiveGet tickets as low as $45"
    "You might also like[Puente]\r\nsin ti, mi\u00a0amor\r\n[Chorus]\r\n¡QUÉ NOCHE! (x2)7Embed"
)
CLEAN = (
    "[Verso 1]\nLa luna cae'n el río\ny canción no hay (eh)\n\n[Coro]\n¡QUÉ NOCHE!\n\n[Puente]\nsin ti, mi amor\n\n"
    "[Coro]\n¡QUÉ NOCHE!\n¡QUÉ NOCHE!"
)


def test_a_page_with_everything_on_it() -> None:
    song = finish_song(clean_song(Song(id="1", title=TITLE, artist=ARTIST, lyrics=PAGE)), "es", expand=True)
    assert song.lyrics == CLEAN
    assert song.performers == "Verso 1: Ana; Coro: Ana & Bruno"
    assert finish_song(clean_song(song), "es", expand=True) == song


@pytest.mark.parametrize(
    ("before", "after", "performers"),
    [
        ("Canción (feat. Ana Ñú) [Remastered 2011]", "Canción", "feat. Ana Ñú"),
        ("Muchacha (Ojos de papel)", "Muchacha (Ojos de papel)", ""),
        ("Todo ft. Ana (En vivo)", "Todo (En vivo)", "feat. Ana"),
        ("Otra - 2011 Remaster", "Otra", ""),
        ("EL GRITO", "EL GRITO", ""),
        ("Feat of Clay", "Feat of Clay", ""),
        ("(Remastered)", "(Remastered)", ""),
    ],
)
def test_titles_keep_accents_and_case_and_lose_guests_and_remasters(before: str, after: str, performers: str) -> None:
    song = clean_song(Song(id="1", title=before, lyrics="la"))
    assert (song.title, song.performers) == (after, performers)
    assert clean_song(song) == song


def test_a_running_text_keeps_its_layout_its_quotes_and_what_looks_like_a_site() -> None:
    text = "ACTO I\n\n\nANA:\n  ‘Y’  \n\nCoro:\nYou might also like\n[Coro]fin (x2)\n3Embed"
    assert clean_song(Song(id="a", lyrics=text + "\n"), running_text=True).lyrics == text


# What sites leave is built of these; texts without them must come through.
MARKS = ("Contributor", "Lyrics", "Read More", "You might also like", "Live", "Embed", "Copy", "Share", "<", "&")
MOJIBAKE = "ÂÃÄÅâïð"
SITE_HEADINGS = (
    "letra",
    "paroles",
    "lyrics",
    "songtext",
    "testo",
    "текст",
    "produc",
    "prod",
    "written",
    "escrit",
    "video",
)


@given(st.text())
@example("a \u0301\n \n\n\r\nb\u200c\u0644\u200c\u200c\x85\u2028")
@example("&am\u200bp;amp;quot; 3Emb\u200bed")
@example("uno[Coro]You might also like[Coro]12Embed")
@example("Ã\x83Â³ [Coro[Coro]]")
def test_cleaning_is_idempotent_and_keeps_its_promises(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean
    assert unicodedata.is_normalized("NFC", clean)
    assert "\n\n\n" not in clean
    assert all(line == line.rstrip(" ") for line in clean.split("\n"))
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in clean.replace("\n", ""))
    assert not any(unicodedata.category(char) == "Zs" for char in clean.replace(" ", ""))
    assert clean_line(clean_line(text)) == clean_line(text)
    assert clean_running_text(clean_running_text(text)) == clean_running_text(text)
    clean.encode("utf-8")


junk = st.sampled_from(
    [
        *(
            "27 ContributorsTranslationsEnglish",
            "Balada del farol Lyrics",
            "… Read More ",
            "You might also like",
            "3Embed",
        ),
        *(
            "See Ana Live",
            "Get tickets as low as $45",
            "[Coro]",
            "[Coro: Ana x2]",
            "(Coro)",
            "Coro:",
            "(x2)",
            "[x3]",
            "\n",
            "\n\n",
        ),
        *(
            "&amp;",
            "&quot;",
            "Ã³",
            "â€™",
            "\u200b",
            "\u00a0",
            "’",
            "<br>",
            "[Letra de “Balada”]",
            "la luna",
            "El mar",
            " ",
            "1999",
        ),
    ]
)


@given(st.lists(junk, max_size=12).map("".join))
def test_any_mixture_of_leftovers_is_clean_after_one_go(text: str) -> None:
    song = finish_song(clean_song(Song(id="1", title=TITLE, artist="Ana", lyrics=text)), "es")
    assert finish_song(clean_song(song), "es") == song
    # What stands before "Read More", or between the count of contributors and "Lyrics", describes the song.
    if "Read More" not in text and not re.search("Contributors.*la luna.*Lyrics", text):
        assert song.lyrics.count("la luna") == text.count("la luna")


@given(st.text())
def test_cleaning_loses_no_word(text: str) -> None:
    assume(not any(mark in some for mark in (*MARKS, *MOJIBAKE) for some in (text, clean_line(text))))
    assume(not any(mark in text.lower() for mark in SITE_HEADINGS))
    visible = "".join(char for char in clean_text(text) if char.isalnum())
    assert visible == "".join(char for char in unicodedata.normalize("NFC", text) if char.isalnum())


verse = (
    st.text(string.ascii_letters + "áéñÑü ,.;!¡¿?'\"«»—-…()0123456789", min_size=1).map(str.rstrip).filter(str.strip)
)


@given(st.lists(verse, min_size=1))
def test_plain_verse_comes_through_unchanged(lines: list[str]) -> None:
    text = "\n".join(lines)
    assume(not any(mark in text for mark in MARKS))
    assume(not any(parse_heading(line.strip("(): ")) for line in lines))
    song = finish_song(clean_song(Song(id="1", title=TITLE, artist=ARTIST, lyrics=text)), "es")
    assert song.lyrics == text


@given(st.lists(verse, min_size=2, max_size=8), st.lists(junk, min_size=1, max_size=4))
def test_leftovers_take_no_verse_with_them(lines: list[str], leftovers: list[str]) -> None:
    assume(not any(mark in line for line in lines for mark in MARKS))
    assume(not any(parse_heading(line.strip("(): ")) for line in lines))
    lines = [f"Y {line.strip()}." for line in lines]
    page = f"27 Contributors{TITLE} Lyrics\n{lines[0]}\nYou might also like\n" + "\n".join(lines[1:]) + "\n3Embed"
    kept = clean_song(Song(id="1", title=TITLE, artist=ARTIST, lyrics=page)).lyrics.split("\n")
    assert kept == lines


def test_folding_leaves_the_words_alone() -> None:
    assert fold(" ¡Qué  _ÑANDÚ_,\nmás… ") == "que nandu mas"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]) | st.just("\n")))
def test_lines_fold_as_one_by_one(text: str) -> None:
    assert fold_lines(text) == [fold(line) for line in text.split("\n")]

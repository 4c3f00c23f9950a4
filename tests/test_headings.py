"""Section headings and repetitions: each rule as a table of before and after."""

import pytest

from core.corpus import Song
from data.cleaning.headings import bracket_headings, name_headings, separate_headings, space_headings
from data.cleaning.repetition import expand_repetitions
from data.cleaning.song import clean_song, finish_song
from tests.tables import table


@table(
    [
        ("coro (eh)[Outro]\nfin", "coro (eh)\n[Outro]\nfin"),
        ("uno[Coro]dos", "uno\n[Coro]\ndos"),
        ("[Verso 1: Ana]La luna", "[Verso 1: Ana]\nLa luna"),
        ("uno [Coro]", "uno \n[Coro]"),
        ("me lo dijo [inaudible] y se fue", "me lo dijo [inaudible] y se fue"),
        ("uno[sic] dos", "uno[sic] dos"),
        ("cantan el [Coro] y el viento", "cantan el [Coro] y el viento"),
    ]
)
def test_headings_that_a_site_glued_to_a_verse(before: str, after: str) -> None:
    assert separate_headings(before) == after


@table(
    [
        ("(Coro)\nla", "[Coro]\nla"),
        ("Coro:\nla", "[Coro]\nla"),
        ("CHORUS:\nla", "[CHORUS]\nla"),
        ("Verso 2:\nla", "[Verso 2]\nla"),
        ("CORO.\nla", "CORO.\nla"),
        ("Coro\nla", "Coro\nla"),
        ("(Colorado)\nla", "(Colorado)\nla"),
        ("Verso: lo que digo", "Verso: lo que digo"),
    ]
)
def test_headings_in_other_dress(before: str, after: str) -> None:
    assert bracket_headings(before) == after


def test_a_heading_has_a_blank_line_before_it_and_none_behind() -> None:
    assert space_headings("uno\n[Coro]\n\ndos\n\n[sic]\ntres") == "uno\n\n[Coro]\ndos\n\n[sic]\ntres"


@pytest.mark.parametrize(
    ("before", "language", "after", "performers"),
    [
        ("[VERSE 1]", "es", "[Verso 1]", ""),
        ("[verso1]", "es", "[Verso 1]", ""),
        ("[Chorus: Ana & Bruno]", "es", "[Coro]", "Coro: Ana & Bruno"),
        ("[Pre Coro]", "es", "[Pre-Coro]", ""),
        ("[Estribillo]", "es", "[Estribillo]", ""),
        ("[Introducción]", "es", "[Intro]", ""),
        ("[Solo de guitarra]", "es", "[Solo]", ""),
        ("[Coro x3]", "es", "[Coro x3]", ""),
        ("[Coro (x2)]", "es", "[Coro x2]", ""),
        ("[Verso 2 - Ana]", "es", "[Verso 2]", "Verso 2: Ana"),
        ("[Puente (Ana)]", "es", "[Puente]", "Puente: Ana"),
        ("[Refrain]", "fr", "[Refrain]", ""),
        ("[Chorus]", "fr", "[Refrain]", ""),
        ("[Pré-refrain : Léo]", "fr", "[Pré-Refrain]", "Pré-Refrain: Léo"),
        ("[Couplet 2]", "fr", "[Couplet 2]", ""),
        ("[pont]", "fr", "[Pont]", ""),
        ("[Hook]", "en", "[Chorus]", ""),
        ("[Prechorus]", "en", "[Pre-Chorus]", ""),
        ("[Refrain]", "en", "[Refrain]", ""),
        ("[Coro: Ana]", "", "[Coro]", "Coro: Ana"),
        ("[Ritornello: Ana]", "it", "[Ritornello: Ana]", ""),
        ("[inaudible]", "es", "[inaudible]", ""),
    ],
)
def test_headings_have_one_name_for_each_section_and_no_performer(
    before: str, language: str, after: str, performers: str
) -> None:
    assert name_headings(before, language) == (after, performers)
    assert name_headings(after, language) == (after, "")


@table(
    [
        ("uno (x2)\ndos", "uno\nuno\ndos"),
        ("uno x3", "uno\nuno\nuno"),
        ("uno [2x]\ndos (bis)", "uno\nuno\ndos\ndos"),
        ("uno\ndos\n(x2)\n\ntres", "uno\ndos\n\nuno\ndos\n\ntres"),
        ("uno\ndos\n\n[x2]", "uno\ndos\n\nuno\ndos"),
        ("[Coro]\nla\n\n[Verso]\nuno\n\n[Coro]", "[Coro]\nla\n\n[Verso]\nuno\n\n[Coro]\nla"),
        ("[Coro]\nla\n\n[Coro]\n\n[Coro]\n\n[Outro]\nfin", "[Coro]\nla\n\n[Coro]\nla\n\n[Coro]\nla\n\n[Outro]\nfin"),
        ("[Coro x3]\nla", "[Coro]\nla\n\nla\n\nla"),
        ("[Coro]\nla\n\n[Coro x2]", "[Coro]\nla\n\n[Coro]\nla\n\nla"),
        ("[Coro]\n\n[Solo]", "[Coro]\n\n[Solo]"),
        ("uno (x2)\n\n[Solo]\n\n[Verso]\ndos", "uno\nuno\n\n[Solo]\n\n[Verso]\ndos"),
        ("son 12 x 3 y algo", "son 12 x 3 y algo"),
        ("el bis", "el bis"),
        ("vi la x2y", "vi la x2y"),
    ]
)
def test_repetitions_are_written_out_on_demand(before: str, after: str) -> None:
    assert expand_repetitions(before) == after
    assert expand_repetitions(after) == after


def test_unless_asked_repetitions_stay_as_they_are() -> None:
    text = "[Coro x3]\nla (x2)\n\n[Coro]"
    assert finish_song(clean_song(Song(id="1", lyrics=text)), "es").lyrics == text
    assert finish_song(Song(id="1", lyrics="(x2) la\nuno (x2)"), "es", expand=True).lyrics == "(x2) la\nuno\nuno"

"""English syllables and rhyme: each case shows a rule, none is a line of the sets that accuracy is measured on."""

import unicodedata
from importlib import util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from data.sources.songbook import read_songbook
from prosody import analyse, rhyme, scheme
from prosody.checking import check
from prosody.english import sound
from prosody.english_words import dictionary, is_known, pronounce
from prosody.form import parse_form


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("river", 2), ("moon", 1), ("beautiful", 3), ("aren't", 1),
        # What verse says in fewer syllables than speech
        ("fire", 1), ("hour", 1), ("power", 1), ("fiery", 2), ("glorious", 2), ("wandering", 2), ("memory", 2),
        ("heaven", 1), ("heavenly", 2), ("opening", 2), ("trembling", 2),
        ("higher", 2), ("lower", 2), ("cruel", 2), ("trial", 2), ("being", 2), ("radio", 3), ("evening", 2),
        # An e that is said, or is not
        ("loved", 1), ("lov'd", 1), ("belovèd", 3), ("beloved", 3), ("bless'd", 1), ("wanted", 2),
        # Letters left out
        ("o'er", 1), ("e'en", 1), ("'tis", 1), ("heav'n", 1), ("gath'ring", 2), ("ev'ry", 2), ("pris'ner", 2),
        ("singin'", 2), ("'neath", 1), ("th'eternal", 3), ("know'st", 1),
        # Words that no dictionary of today has
        ("loveth", 2), ("speakest", 2), ("moonglade", 2), ("pipeclayed", 2), ("colour", 2), ("unsung", 2),
    ],
)  # fmt: skip
def test_a_words_syllables(word: str, syllables: int) -> None:
    assert sound(word).syllables == syllables


@pytest.mark.parametrize(
    ("line", "syllables"),
    [
        ("The moon is on the river", 7),
        ("I've walked full many a mile", 6),  # many a: two syllables
        ("'Twas night—the half-lit harbour slept", 8),
        ("“’Tis late,” she said", 4),
        ("the 'lonely' ship", 4),
        ("", 0),
        ("... 1999!", 0),
    ],
)
def test_a_lines_syllables(line: str, syllables: int) -> None:
    assert analyse(line, "en").syllables == syllables


def test_licences_say_what_would_change_the_count() -> None:
    line = analyse("The open fire, the wounded heart", "en")
    assert line.syllables == 8
    assert {(licence.name, licence.place, licence.change) for licence in line.licences} == {
        ("elision", "the open", -1),
        ("diaeresis", "fire", 1),
    }
    assert {licence.name for licence in analyse("she loved", "en").licences} == {"sounded -ed"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("night", "light"), ("rope", "soap"), ("queue", "blue"), ("heard", "bird"), ("river", "quiver"),
        ("singing", "bringing"), ("midnight", "daylight"), ("here", "dear"), ("ticket", "cricket"),
        ("fire", "desire"), ("café", "away"),
        ("memory", "free"), ("happiness", "confess"), ("wonderful", "pull"),  # promoted
        ("o'er", "shore"), ("singin'", "bringin'"), ("lov'd", "shoved"), ("colour", "duller"),
        ("again", "rain"),
        ("again", "men"), ("wind", "kind"), ("wind", "sinned"),  # said in two ways
        ("love", "prove"), ("far", "war"), ("good", "mood"), ("immortality", "sky"), ("brow", "mow"),  # by tradition
        ("placenta", "I meant a"), ("leave her", "fever"),  # mosaic
    ],
)  # fmt: skip
def test_words_that_rhyme(first: str, second: str) -> None:
    assert rhyme(first, second, "en").kind == "consonant"
    assert rhyme(second, first, "en").kind == "consonant"


@pytest.mark.parametrize(
    ("first", "second"),
    [("night", "line"), ("love", "live long"), ("singing", "walking"), ("river", "over"), ("free", "sky"),
     ("me", "be in"), ("rope", "ropes"), ("", "night"), ("", "")],
)  # fmt: skip
def test_words_that_do_not(first: str, second: str) -> None:
    assert rhyme(first, second, "en").kind is None


def test_keys_stand_for_sound_alone() -> None:
    assert analyse("a rope", "en").consonant == analyse("some soap", "en").consonant
    assert analyse("my memory", "en").consonant == analyse("the sea", "en").consonant
    assert analyse("love", "en").consonant != analyse("prove", "en").consonant


@pytest.mark.parametrize(("word", "stress"), [("alone", 1), ("river", 2), ("memory", 3), ("the", 1), ("midnight", 1)])
def test_the_stress_of_the_last_word(word: str, stress: int) -> None:
    assert analyse(f"say {word}", "en").stress == stress


def test_a_word_that_the_dictionary_lacks_is_said_as_its_likes_are() -> None:
    assert not is_known("brillation")
    assert rhyme("brillation", "nation", "en").kind == "consonant"
    assert sound("brillation").syllables == 3


def test_quotes_are_no_letters_left_out() -> None:
    assert analyse("'the river' and ''tis'", "en").words == ("the", "river", "and", "'tis")
    assert rhyme("the 'night'", "a night", "en").same_word


def test_a_stanzas_scheme() -> None:
    stanza = ["The barges rode against the tide", "And every lamp was lit", "My mother called from either side",
              "And no one heard a bit"]  # fmt: skip
    assert scheme(stanza, "en") == "ABAB"
    assert [analyse(line, "en").syllables for line in stanza] == [8, 6, 8, 6]


def test_the_songbook_keeps_its_forms() -> None:
    songs = [song for song in read_songbook() if song.language == "en" and song.form]
    lines = faulty = 0
    for song in songs:
        findings = check(parse_form(song.form, "en"), song.lyrics.splitlines(), "en")
        lines += sum(bool(line) and not line.startswith("[") for line in song.lyrics.splitlines())
        faulty += sum(any(finding.fault != "same word" for finding in own) for own in findings)
    assert lines > 200
    assert faulty / lines < 0.02


def test_a_missing_package_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_phyme(name: str) -> object:
        return None if name == "Phyme" else util.find_spec(name)

    dictionary.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("prosody.english_words.find_spec", without_phyme)
        with pytest.raises(UserError, match="Phyme") as caught:
            dictionary()
    assert caught.value.hint == "pip install Phyme"
    assert dictionary()


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_has_an_analysis(text: str) -> None:
    line = analyse(text, "en")
    assert line.text == unicodedata.normalize("NFC", text)
    assert (line.consonant != "") == bool(line.words)
    assert line.syllables in line.possible_counts


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=14))
def test_any_word_is_said_somehow(word: str) -> None:
    assert all(phones for phones in pronounce(word))
    assert sound(word).keys

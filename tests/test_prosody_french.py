"""French syllables and rhyme: each case shows a rule, none is a line of the sets that accuracy is measured on."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from data.sources.songbook import read_songbook
from prosody import analyse, rhyme, scheme
from prosody.checking import check
from prosody.form import parse_form
from prosody.french_sounds import endings
from prosody.french_syllables import begins_with_vowel, count


@pytest.mark.parametrize(
    ("line", "syllables"),
    [
        ("La lune brille sur le toit", 8),  # mute e before a consonant
        ("La lune éclaire une maison", 8),  # and before a vowel
        ("Les lunes éclairent un mur", 8),  # never lost in -es and -ent
        ("Elle ouvre la porte", 5),  # nor counted at the end
        ("Ils chantent souvent", 5),  # -ent of a verb is mute, of an adverb it is not
        ("Une hache, une herbe", 5),  # h aspiré keeps the e, another h does not
        ("Le onze mai", 4),
        ("Une yeuse, une yole", 6),
        ("La vie passe et la joie revient", 8),  # lost after a vowel
        ("Ils voyaient venir la pluie", 7),
        ("L'amour qu'il avait jusqu'ici", 8),
        ("L’amour qu’il avait jusqu’ici", 8),
        ("aujourd'hui", 3),
        ("J'suis parti d'bonn' heure", 5),
        ("Dis-moi, peut-être", 4),
        ("", 0),
        ("… !", 0),
    ],
)
def test_a_lines_syllables(line: str, syllables: int) -> None:
    assert analyse(line, "fr").syllables == syllables


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        # Diaeresis
        ("passion", 3), ("cruel", 2), ("lion", 2), ("ouvrier", 3), ("prière", 2), ("oublier", 3), ("étudier", 4),
        ("précieux", 3), ("science", 2), ("violon", 3), ("nuage", 2), ("poète", 2), ("poésie", 3), ("ruine", 2),
        ("alouette", 3), ("inquiet", 3), ("hier", 2), ("société", 4), ("jouer", 2), ("voudriez", 3),
        # Syneresis
        ("ciel", 1), ("pied", 1), ("dieu", 1), ("adieu", 2), ("monsieur", 2), ("bien", 1), ("chrétien", 2),
        ("première", 2), ("aimiez", 2), ("aimerions", 3), ("amitié", 3), ("nuit", 1), ("lui", 1), ("oui", 1),
        ("diable", 1), ("pierre", 1), ("siècle", 1), ("janvier", 2), ("loin", 1), ("viande", 1),
        # Vowels that spelling joins or parts
        ("eau", 1), ("oiseau", 2), ("chaos", 2), ("haïr", 2), ("naïf", 2), ("aïeul", 2), ("pays", 2), ("royal", 2),
        ("soleil", 2), ("veiller", 2), ("orgueil", 2), ("cœur", 1), ("œil", 1), ("août", 1), ("paon", 1),
        ("mangeait", 2), ("asseoir", 2), ("longue", 1), ("fatiguer", 3), ("aigu", 2), ("aiguë", 2), ("musique", 2),
        ("oubliera", 3), ("dévouement", 3), ("gaieté", 2), ("européen", 4), ("maïs", 2), ("noël", 2),
    ],
)  # fmt: skip
def test_a_words_syllables_without_a_mute_end(word: str, syllables: int) -> None:
    assert count(word).syllables == syllables


@pytest.mark.parametrize(
    ("word", "vowel"),
    [
        ("homme", True), ("heure", True), ("hiver", True), ("haleine", True), ("héroïne", True), ("œil", True),
        ("yeux", True), ("un", True), ("ouïe", True), ("haine", False), ("hibou", False), ("héros", False),
        ("huit", False), ("onze", False), ("oui", False), ("yacht", False), ("table", False),
    ],
)  # fmt: skip
def test_a_mute_e_is_lost_before_a_vowel_and_an_h_that_is_mute(word: str, vowel: bool) -> None:
    assert begins_with_vowel(word) == vowel


def test_licences_say_what_would_shorten_the_line() -> None:
    line = analyse("La passion me rend heureux", "fr")
    assert line.syllables == 8
    assert {(licence.name, licence.place, licence.change) for licence in line.licences} == {
        ("syneresis", "passion", -1),
        ("mute e", "me", -1),
    }
    assert list(line.possible_counts) == [6, 7, 8]


@pytest.mark.parametrize(("word", "stress"), [("jour", 1), ("aimé", 1), ("vie", 2), ("chantent", 2), ("table", 2)])
def test_feminine_lines_end_on_a_mute_e(word: str, stress: int) -> None:
    assert analyse(f"voilà {word}", "fr").stress == stress


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("maison", "chanson", "consonant"),
        ("plaine", "haleine", "consonant"),
        ("maître", "fenêtre", "consonant"),
        ("vent", "souvent", "consonant"),
        ("temps", "printemps", "consonant"),
        ("cœur", "douleur", "consonant"),
        ("chantent", "plante", "consonant"),
        ("bas", "soldats", "consonant"),
        ("amitié", "pitié", "consonant"),
        ("vie", "folie", "consonant"),  # a monosyllable has no more to offer
        ("fils", "jadis", "consonant"),  # fils is said in two ways
        ("fils", "avril", "consonant"),
        ("chanté", "donné", "assonant"),  # -é wants the consonant before it
        ("chanté", "bonté", "consonant"),
        ("parti", "fini", "assonant"),
        ("mer", "amère", "assonant"),  # the ear alone
        ("vert", "cochère", "assonant"),
        ("aimé", "jamais", None),
        ("moi", "pas", None),
        ("jour", "nuit", None),
        ("loy", "moy", "consonant"),  # old spelling
        ("doulce", "douce", "consonant"),
        ("yeulx", "cieux", "consonant"),
    ],
)
def test_rhymes(first: str, second: str, kind: str | None) -> None:
    assert rhyme(f"ici {first}", f"là {second}", "fr").kind == kind


def test_the_keys_of_full_rhymes_are_equal_and_tell_feminine_from_masculine() -> None:
    assert analyse("une maison", "fr").consonant == analyse("ma chanson", "fr").consonant
    masculine, feminine = analyse("la mer", "fr"), analyse("la mère", "fr")
    assert masculine.consonant != feminine.consonant
    assert masculine.assonant == feminine.assonant


def test_an_elided_word_does_not_hide_that_the_word_is_the_same() -> None:
    assert rhyme("parler d'amour", "tout l'amour", "fr").same_word
    assert not rhyme("parler d'amour", "un tambour", "fr").same_word


def test_a_stanzas_scheme() -> None:
    stanza = ["Le soir descend sur la rivière", "Un merle chante dans le bois", "Je vois trembler une lumière",
              "Et j'entends au loin une voix"]  # fmt: skip
    assert scheme(stanza, "fr") == "ABAB"
    assert [analyse(line, "fr").syllables for line in stanza] == [8, 8, 8, 8]


def test_the_songbook_keeps_its_forms() -> None:
    songs = [song for song in read_songbook() if song.language == "fr" and song.form]
    lines = faulty = 0
    for song in songs:
        findings = check(parse_form(song.form, "fr"), song.lyrics.splitlines(), "fr")
        lines += sum(bool(line) and not line.startswith("[") for line in song.lyrics.splitlines())
        faulty += sum(any(finding.fault != "same word" for finding in own) for own in findings)
    assert lines > 100
    assert faulty / lines < 0.02


def test_a_missing_package_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from prosody import french_sounds

    french_sounds._frhyme.cache_clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setitem(sys.modules, "frhyme", None)
    with pytest.raises(UserError, match="frhyme") as caught:
        endings("introuvablement")
    assert caught.value.hint == "pip install frhyme"


@given(st.text(max_size=60))
def test_any_text_has_an_analysis(text: str) -> None:
    line = analyse(text, "fr")
    assert line.text == unicodedata.normalize("NFC", text)
    assert (line.consonant != "") == bool(line.words)
    assert line.syllables >= 0
    assert line.stress in (1, 2)

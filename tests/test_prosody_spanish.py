"""Spanish syllables and rhyme: each case shows a rule, none is a line of the sets that accuracy is measured on."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from data.sources.songbook import read_songbook
from prosody import analyse, rhyme, scheme
from prosody.checking import check
from prosody.form import parse_form
from prosody.rhyming import words_of
from prosody.spanish import word_sound


def syllables(line: str) -> int:
    return analyse(line, "es").syllables


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("casa", 2), ("tierra", 2), ("país", 2), ("aéreo", 3), ("buey", 1), ("queso", 2), ("guitarra", 3),
        ("pingüino", 3), ("averigüéis", 4), ("ahora", 3), ("hielo", 2), ("leyes", 2), ("muy", 1),
        ("viuda", 2), ("cuidado", 3), ("huir", 2), ("construido", 4), ("ruido", 2), ("poeta", 3), ("línea", 2),
        ("héroe", 2), ("criado", 3), ("confianza", 4), ("propio", 2), ("cambio", 2), ("riendo", 3), ("süave", 3),
        ("cruel", 2), ("oído", 3), ("rehúye", 3), ("alcohol", 3), ("chaqueño", 3), ("veía", 3), ("baúl", 2),
    ],
)  # fmt: skip
def test_a_words_syllables(word: str, count: int) -> None:
    assert word_sound(word).syllables == count


@pytest.mark.parametrize(
    ("word", "stress"),
    [
        ("cantor", 1), ("canción", 1), ("estoy", 1), ("robots", 1), ("voz", 1), ("feliz", 1), ("canta", 2),
        ("cantan", 2), ("lápiz", 2), ("imagen", 2), ("pájaro", 3), ("dígamelo", 4), ("fácilmente", 2), ("caimán", 1),
        ("maíz", 1), ("rehusa", 2), ("Paraguay", 1),
    ],
)  # fmt: skip
def test_the_stress_of_the_last_word(word: str, stress: int) -> None:
    assert analyse(f"dijo {word}", "es").stress == stress


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("Cantaba la lechuza", 7),
        ("Cantaba el ruiseñor", 7),  # synalepha, and an oxytone's one more
        ("Cantaba en lo más pálido", 7),  # and a proparoxytone's one less
        ("la harina y el aceite", 7),  # across h, and through y before a consonant
        ("canta y ama", 4),  # y between vowels is a consonant
        ("blanco o amarillo", 6),
        ("hoy es domingo", 5),
        ("la hierba de hueso", 6),  # hie-, hue- begin with a consonant
        ("llegó por fin la hora", 7),  # hiatus before the last stress
        ("un anillo de oro", 6),  # but not after de
        ("Pa' qué te lo digo, m'hijo", 8),
        ("", 0),
        ("¡…!", 0),
        ("mm, dijo D. Luis", 6),
    ],
)
def test_a_lines_syllables(line: str, count: int) -> None:
    assert syllables(line) == count


def test_an_alexandrine_is_counted_by_halves() -> None:
    # Seven and seven: the first half ends on an oxytone, which counts one more.
    line = analyse("La noche del pastor cerraba su ventana", "es")
    assert line.syllables == 14
    assert [licence.change for licence in line.licences if licence.name == "caesura"] == [-1]


def test_licences_say_what_would_change_the_count() -> None:
    line = analyse("la luna entera", "es")
    assert line.syllables == 5
    assert [(licence.name, licence.place, licence.change) for licence in line.licences] == [
        ("hiatus", "luna entera", 1)
    ]
    assert list(line.possible_counts) == [5, 6]
    assert list(analyse("su poeta", "es").possible_counts) == [3, 4]
    assert list(analyse("había sol", "es").possible_counts) == [4, 5]
    # After the last stress nothing changes the count.
    assert list(analyse("sol había", "es").possible_counts) == [4]
    assert list(analyse("otra línea", "es").possible_counts) == [4]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("la casa", "la caza"), ("el pollo", "el poyo"), ("breve", "bebe nieve"), ("cielo", "velo"),
        ("va", "allá"), ("deja", "vieja"), ("gente", "fácilmente"), ("ley", "buey"), ("dije", "elige"),
        ("rehúsa", "musa"), ("yo quiero", "acero"), ("ciencia", "esencia"), ("echo", "hecho"),
    ],
)  # fmt: skip
def test_full_rhymes(a: str, b: str) -> None:
    assert rhyme(a, b, "es").kind == "consonant"


@pytest.mark.parametrize(
    ("a", "b"),
    [("casa", "cama"), ("cielo", "fuego"), ("pájaro", "mano"), ("canción", "amor"), ("historia", "sola"),
     ("fácil", "aire"), ("aire", "madre"), ("gracias", "casas blandas")],
)  # fmt: skip
def test_assonances(a: str, b: str) -> None:
    assert rhyme(a, b, "es").kind == "assonant"


@pytest.mark.parametrize(
    ("a", "b"), [("casa", "cosa"), ("amor", "amores"), ("canta", "cantar"), ("casa", ""), ("", ""), ("cara", "será")]
)
def test_no_rhyme(a: str, b: str) -> None:
    assert rhyme(a, b, "es").kind is None


def test_a_word_with_itself_is_a_rhyme_that_is_told_apart() -> None:
    assert rhyme("la luna", "otra Luna.", "es").same_word
    assert not rhyme("la luna", "la cuna", "es").same_word


@pytest.mark.parametrize(
    ("ends", "letters"),
    [
        ("mesa cosa rosa pesa", "ABBA"),
        ("mesa cosa pesa rosa", "ABAB"),
        ("libro casa monte rama verde plata", "-a-a-a"),
        ("mesa luz árbol", "---"),
        ("mar pan pena mano", "aa--"),
        # Two that rhyme in full stay so, even where another, next to them, is assonant.
        ("rosa luna mesa cuna pluma", "-B-B-".replace("B", "A")),
    ],
)
def test_schemes(ends: str, letters: str) -> None:
    assert scheme([f"dice {end}" for end in ends.split()], "es") == letters


def test_a_romance_is_assonant_though_two_of_its_lines_rhyme_in_full() -> None:
    ends = ["libro", "casa", "monte", "masa", "verde", "plata"]
    assert scheme(ends, "es") == "-a-a-a"


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("¡Ay, que la víspera, don Juan!", "es"),
        ("L’amour d'aujourd’hui qu'on chante", "fr"),
        ("'Tis o'er, I've won'", "en"),
    ],
)
def test_words_alone_are_those_of_the_analysis(line: str, language: str) -> None:
    for text in (line, unicodedata.normalize("NFD", line), "", "…"):
        assert words_of(text, language) == analyse(text, language).words


def test_accents_may_be_characters_of_their_own() -> None:
    line = "Cantó una canción de melón"
    assert analyse(unicodedata.normalize("NFD", line), "es") == analyse(line, "es")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UserError, match="'qu'") as refusal:
        analyse("Nina wasi", "qu")
    assert "es (Spanish)" in refusal.value.hint


@given(st.text(max_size=60))
def test_any_text_has_an_analysis(text: str) -> None:
    line = analyse(text, "es")
    assert line.syllables in line.possible_counts
    assert bool(line.words) == bool(line.consonant)


@given(st.text(alphabet="abcdefghijklmnñopqrstuvwxyzáéíóúü", min_size=1, max_size=12))
def test_a_word_is_stressed_on_one_of_its_syllables(word: str) -> None:
    sound = word_sound(word)
    assert 1 <= sound.stress <= max(1, sound.syllables)
    assert len(sound.assonant) <= 2


def test_the_songbook_keeps_its_forms() -> None:
    songs = [song for song in read_songbook() if song.language == "es" and song.form]
    lines = faulty = 0
    for song in songs:
        findings = check(parse_form(song.form, "es"), song.lyrics.splitlines(), "es")
        lines += sum(bool(line) and not line.startswith("[") for line in song.lyrics.splitlines())
        faulty += sum(any(finding.fault != "same word" for finding in own) for own in findings)
    assert lines > 1000
    assert faulty / lines < 0.01

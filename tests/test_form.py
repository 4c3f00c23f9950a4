"""The notation of forms and structures, and poems against them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from data.sources.songbook import read_songbook
from prosody.checking import check
from prosody.form import Form, Verse, format_form, parse_form
from prosody.forms import NAMED
from prosody.line import LANGUAGES
from prosody.recognition import recognise
from prosody.structure import format_structure, parse_structure

SONGS = [song for song in read_songbook() if song.form and song.language == "es"]

REDONDILLA = [
    "El tren se llevó la tarde",
    "por el puente de madera;",
    "yo lo vi desde la acera",
    "como una hoguera cobarde.",
]


def faults(form: str, lines: list[str], language: str = "es") -> list[list[str]]:
    return [[finding.fault for finding in own] for own in check(parse_form(form, language), lines, language)]


@pytest.mark.parametrize(
    ("text", "schemes", "counts"),
    [
        ("ABBA 8", ["ABBA"], [8] * 4),
        ("abab 11", ["abab"], [11] * 4),
        ("-a-a 8", ["-a-a"], [8] * 4),
        ("xaxa", ["-a-a"], [None] * 4),
        ("ABBA ABBA CDC DCD 11", ["ABBA", "ABBA", "CDC", "DCD"], [11] * 14),
        ("-a-a 7 5 7 5", ["-a-a"], [7, 5, 7, 5]),
        ("ballad -A-A 8 6 8 6", ["-A-A"], [8, 6, 8, 6]),
        ("AAB CCB 8 8 4", ["AAB", "CCB"], [8, 8, 4] * 2),
        ("8a 6b 8a 6b", ["abab"], [8, 6, 8, 6]),
        ("a8 -6 / b8 b6", ["a-", "bb"], [8, 6, 8, 6]),
        ("soneto", ["ABBA", "ABBA", "CDC", "DCD"], [11] * 14),
        ("DECIMA", ["ABBAACCDDC"], [8] * 10),
        ("copla de pie quebrado", ["ABCABC"], [8, 8, 4, 8, 8, 4]),
        ("copla -A-A 6", ["-A-A"], [6] * 4),
    ],
)
def test_a_notation_is_read(text: str, schemes: list[str], counts: list[int | None]) -> None:
    form = parse_form(text)
    letters = [
        "".join((v.rhyme.lower() if v.assonant else v.rhyme) if v.rhyme else "-" for v in stanza)
        for stanza in form.stanzas
    ]
    assert letters == schemes
    assert [verse.syllables for stanza in form.stanzas for verse in stanza] == counts


def test_a_name_means_what_its_language_means() -> None:
    assert format_form(parse_form("sonnet", "en")) == "sonnet ABAB CDCD EFEF GG 10"
    assert format_form(parse_form("sonnet", "fr")).endswith(" 12")
    assert parse_form("soneto", "en").name == "soneto"


@pytest.mark.parametrize(
    ("text", "at", "reason"),
    [
        ("ABQA 8", 2, "a new rhyme would be C"),
        ("sonetto", 0, "did you mean soneto"),
        ("AB?A 8", 2, "no rhyme letter"),
        ("ABBA 0", 5, "1 to 30 syllables"),
        ("ABBA 99999", 5, "1 to 30 syllables"),
        ("ABBA 8 6", 7, "2 counts for 4 lines"),
        ("8 ABBA", 0, "counts stand after"),
        ("11", 0, "without a rhyme scheme"),
        ("AaBB 8", 1, "a rhyme is full or in vowels"),
        ("8a 6b /", 6, "an empty stanza"),
        ("/ 8a 6b", 0, "an empty stanza"),
        ("8a 60b", 3, "1 to 30 syllables"),
    ],
)
def test_an_error_points_at_the_character(text: str, at: int, reason: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse_form(text)
    message, shown, caret = refusal.value.message.splitlines()
    assert reason in message
    assert f"(character {at + 1})" in message
    assert shown.strip() == text
    assert shown[caret.index("^")] == text[at]
    assert refusal.value.hint


def test_an_empty_form_is_refused() -> None:
    with pytest.raises(UserError, match="empty form"):
        parse_form("  ")


LETTERS = st.text(alphabet="ABCDEFGH-", min_size=1, max_size=8)


@st.composite
def forms(draw: st.DrawFn) -> Form:
    case: dict[str, tuple[str, bool]] = {}
    counted = draw(st.booleans())
    stanzas: list[tuple[Verse, ...]] = []
    for letters in draw(st.lists(LETTERS, min_size=1, max_size=4)):
        stanza: list[Verse] = []
        for letter in letters:
            syllables = draw(st.integers(1, 30)) if counted else None
            if letter == "-":
                stanza.append(Verse(None, False, syllables))
                continue
            if letter not in case:
                case[letter] = string.ascii_uppercase[len(case)], draw(st.booleans())
            stanza.append(Verse(*case[letter], syllables))
        stanzas.append(tuple(stanza))
    return Form(tuple(stanzas))


@given(forms())
def test_what_is_written_reads_as_the_same_form(form: Form) -> None:
    assert parse_form(format_form(form)) == form


@given(st.text(max_size=20) | st.text(alphabet="ABCabc-x/ 0123456789", max_size=20))
def test_any_text_is_a_form_or_a_user_error(text: str) -> None:
    try:
        form = parse_form(text)
    except UserError:
        return
    assert parse_form(format_form(form)) == form


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_is_a_form_that_reads_back(language: str) -> None:
    for name, notations in NAMED[language].items():  # pyright: ignore[reportArgumentType]
        for notation in notations:
            form = parse_form(f"{name} {notation}", language)
            assert form.name == name
            assert parse_form(format_form(form), language) == form


def test_a_stanza_that_keeps_its_form_is_clean() -> None:
    assert faults("ABBA 8", REDONDILLA) == [[]] * 4
    assert faults("redondilla", ["[Verso 1]", *REDONDILLA, "", "[Coro]", *REDONDILLA]) == [[]] * 11


def test_each_fault_is_found_where_it_is() -> None:
    lines = ["El tren se llevó la noche", *REDONDILLA[1:]]
    assert faults("ABBA 8", lines) == [[], [], [], ["rhyme"]]
    assert faults("ABBA 7", REDONDILLA) == [["length"]] * 4
    assert faults("ABBA 8", [*REDONDILLA[:3], "que se fue de tarde en tarde"]) == [[], [], [], ["same word"]]
    assert faults("ABBA 8", REDONDILLA[:3]) == [[], [], ["lines"]]
    assert faults("ABBA 8", [*REDONDILLA, "y se apagó en la pradera"]) == [[], [], [], [], ["lines"]]


def test_a_finding_says_how_far_off_and_from_what() -> None:
    (first, _, _, last) = check(parse_form("ABBA 9"), ["El tren se llevó la noche", *REDONDILLA[1:]], "es")
    assert (first[0].off, first[0].licensed) == (-1, False)
    rhyme = next(finding for finding in last if finding.fault == "rhyme")
    assert rhyme.other == 0
    assert "arde" in rhyme.message
    assert "noche" in rhyme.message


def test_a_licence_is_told_from_a_fault() -> None:
    (findings,) = check(parse_form("- 6"), ["la luna entera"], "es")
    assert (findings[0].off, findings[0].licensed) == (-1, True)


def test_small_letters_ask_for_vowels_alone() -> None:
    lines = ["Cae la lluvia en el campo", "y se apaga la candela"]
    assert faults("aa", [lines[0], "por el camino más largo"]) == [[], []]
    assert faults("AA", [lines[0], "por el camino más largo"]) == [[], ["rhyme"]]
    assert faults("aa", lines) == [[], ["rhyme"]]


def test_a_romance_goes_on_with_one_rhyme_and_couplets_with_others() -> None:
    romance = ["libro", "casa", "monte", "rama", "verde", "plata", "norte", "cosa"]
    assert faults("-a-a", romance) == [[]] * 7 + [["rhyme"]]
    assert faults("AA", ["casa", "masa", "monte", "horizonte"]) == [[]] * 4


def test_the_stanzas_of_a_sonnet_share_their_rhymes() -> None:
    quatrain = ["rosa", "plata", "gata", "cosa"]
    whole = ["ABBA ABBA", [*quatrain, "", "hermosa", "lata", "corbata", "losa"]]
    assert faults(*whole) == [[]] * 9  # pyright: ignore[reportArgumentType]
    assert faults("ABBA ABBA", [*quatrain, "", "monte", "lata", "corbata", "losa"])[5] == ["rhyme"]
    assert faults("ABBA ABBA", [*quatrain, "hermosa", "lata", "corbata", "losa"]) == [[]] * 8
    assert faults("ABB AAB", ["rosa", "plata", "", "gata", "cosa", "losa", "lata"])[-1] == ["lines"]


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song.id)
def test_a_song_of_the_songbook_keeps_what_it_declares(song: object) -> None:
    lines = song.lyrics.splitlines()  # pyright: ignore
    findings = check(parse_form(song.form), lines, "es")  # pyright: ignore
    broken = [own for own in findings for finding in own if not finding.licensed and finding.fault != "same word"]
    assert not broken


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song.id)
def test_a_songs_form_is_recognised(song: object) -> None:
    found = recognise(song.lyrics.splitlines(), "es")  # pyright: ignore
    assert found
    assert found.name == song.form.split()[0]  # pyright: ignore


def test_free_verse_has_no_form() -> None:
    assert recognise(["Llueve.", "", "Nadie en la estación salvo el reloj,", "que tampoco espera."], "es") is None
    assert recognise([], "es") is None


def test_a_haiku_is_recognised_by_its_lengths() -> None:
    found = recognise(["Sobre la mesa", "la sombra de una copa", "cruza el mantel"], "es")
    assert found
    assert found.name == "haiku"


def test_a_chorus_returns_and_a_verse_does_not() -> None:
    sections = parse_structure("verso coro Verso coro puente coro")
    assert [(s.name, s.number, s.repeats) for s in sections] == [
        ("verso", 1, None), ("coro", 1, None), ("verso", 2, None), ("coro", 1, 1), ("puente", 1, None), ("coro", 1, 1),
    ]  # fmt: skip
    assert parse_structure(format_structure(sections)) == sections


def test_an_unknown_section_is_pointed_at() -> None:
    with pytest.raises(UserError) as refusal:
        parse_structure("verso corro verso")
    message, _, caret = refusal.value.message.splitlines()
    assert "did you mean coro" in message
    assert caret.index("^") - 4 == len("verso ")
    with pytest.raises(UserError, match="empty structure"):
        parse_structure(" ")

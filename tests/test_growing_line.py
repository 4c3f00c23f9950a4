import pytest

from generate.verse.growing_line import Grammar, GrowingLine
from generate.verse.pieces import Piece
from generate.verse.rhyme_words import WordList
from prosody.line import Language
from prosody.rhyming import analyse

SPANISH = ("la", "el", "y", "de", "noche", "luna", "casa", "antigua", "corazón")
WORDS = WordList([*SPANISH, "a", "l'", "amour", "la", "mer", "beau", "don't", "we", "go", "so"])


def piece_of(text: str) -> Piece:
    if text == "\n":
        return Piece("newline")
    kind = "sign" if text.strip() and text.strip()[0] in "¡¿—,.;:!?…-" else "word"
    return Piece(kind, text.startswith(" "), text.removeprefix(" ").encode())


def growing(
    syllables: int, end: str, language: Language = "es", words: WordList | None = WORDS, beginning: str = ""
) -> GrowingLine:
    return GrowingLine(Grammar(language, (), words, (), ()), syllables, end, beginning)


def takes(line: GrowingLine, *texts: str) -> bool:
    """Whether it takes all pieces but the last, and then the last; "|" is where it says what is left."""
    for text in texts[:-1]:
        taken = line.remind(Piece("left")) is not None if text == "|" else line.take(piece_of(text))
        assert taken, text
    return line.take(piece_of(texts[-1]))


def test_a_line_begins_where_it_has_its_length() -> None:
    line = growing(8, "noche")
    for text in (",", "|", " antigua", "|", " la", "|", " y", "|", " casa", "|", "La", "\n"):
        assert not line.finished
        assert takes(line, text) if text != "|" else line.remind(Piece("left")) is not None, text
    assert line.finished
    assert (line.text, analyse(line.text, "es").syllables) == ("La casa y la antigua noche,", 8)


@pytest.mark.parametrize(
    "texts",
    [
        ("\n",),  # too short
        (" casa", "\n"),
        (" casa", "La"),  # two in one, or the first without what is left
        (" casa", "|", "la"),  # the first too soon
        (" casa", "|", " noche", " y"),  # its word again
        (" casa", "|", " la", "|", " corazón"),  # no room
        (" zas",),  # no word
        (" lun", " y"),  # not yet a word
        (" lu", "Na"),  # a capital within
        ("s",),  # the last word is as it is
        (",", ","),
        ("¿",),
        (" ,",),
        (" ¡", ","),
        (" casa", ",", "s"),
    ],
)
def test_what_may_not_come_next_is_not_taken(texts: tuple[str, ...]) -> None:
    line = growing(7, "noche")
    assert not takes(line, *texts)
    assert line.text.endswith("noche") or "noche," in line.text


@pytest.mark.parametrize("texts", [(" ¡", "casa"), (" casa", ",", " ¡", "luna"), (" lu", "na"), (" —", "¡", "La")])
def test_signs_and_parts_of_words_stand_where_they_may(texts: tuple[str, ...]) -> None:
    assert takes(growing(8, "noche"), *texts)


def test_behind_the_last_word_and_near_its_beginning_it_says_how_much_is_left() -> None:
    line = growing(8, "noche")
    left = Piece("left")
    assert line.remind(piece_of(",")) is None  # still of the word
    assert line.remind(piece_of(" luna")) == 6
    assert line.remind(left) is None  # said
    assert not line.take(piece_of("La"))  # too long before its beginning
    assert takes(line, " luna")
    assert line.remind(piece_of("a")) is None  # the word goes on
    assert line.remind(left) is None  # 4 are left
    assert takes(line, " la")
    assert line.remind(piece_of(" y")) == 3
    assert not line.take(piece_of("\n"))
    assert takes(line, " de")
    assert line.remind(left) == 2
    assert takes(line, "Ca", "sa")
    assert line.remind(left) is None  # it has begun
    assert not line.take(piece_of(" la"))
    assert takes(line, "\n")
    assert line.text == "Casa de la luna noche"


def test_a_line_of_one_word_is_complete_with_it() -> None:
    line = growing(2, "noche")
    assert line.remind(piece_of("\n")) == 0
    assert not line.take(piece_of("¡"))  # of a word that has no room
    assert takes(line, "\n")
    assert not growing(1, "noche").complete


def test_where_no_syllable_is_left_only_what_melts_into_the_line_may_begin_it() -> None:
    line = growing(5, "noche")
    assert takes(line, " antigua", "|", "La", "\n")
    line = growing(4, "noche")
    assert takes(line, " casa")
    assert line.remind(Piece("left")) is None  # nothing can begin it any more
    line = growing(2, "amour", "fr")
    assert takes(line, "|", "L'", "\n")
    assert line.text == "L'amour"


def test_elided_words_stand_before_the_next_without_a_space() -> None:
    line = growing(5, "mer", "fr")
    assert takes(line, "|", " la", " a", "|", " amour", "|", "L", "'", "\n")
    assert line.text == "L'amour a la mer"
    line = growing(3, "mer", "fr")
    assert takes(line, "|", " Amour", "|", "L'", "\n")  # a name, too
    assert not takes(growing(2, "mer", "fr"), "|", " beau", "|", "L'", "\n")  # but before a vowel only
    line = growing(6, "mer", "fr")
    assert not line.take(piece_of("-"))
    assert takes(line, "|", " la", " a", "|", " amour", "|", "Beau", "-", "\n")
    assert line.text == "Beau-amour a la mer"
    line = growing(4, "so", "en")
    assert takes(line, "|", " go", "|", " we", "|", "Don", "'", "t", "\n")


def test_a_line_comes_to_the_words_that_it_is_to_begin_with() -> None:
    line = growing(8, "noche", beginning="Hola,")
    assert not takes(line, " antigua", "|", " la", "\n")
    assert line.text == "Hola, la antigua noche"
    assert analyse(line.text, "es").syllables == 7
    assert not line.finished
    line = growing(7, "noche", beginning="Hola,")
    assert not takes(line, " antigua", "|", "La")
    assert takes(line, " la", "\n")
    assert line.finished


def test_a_letter_in_two_pieces_is_one_letter() -> None:
    line = growing(6, "noche")
    first, second = Piece("word", True, b"coraz" + b"\xc3"), Piece("word", False, b"\xb3n")
    assert line.take(first)
    assert not line.take(piece_of(" y"))
    assert line.take(second)
    assert line.text == "corazón noche"
    assert not growing(5, "noche").take(Piece("word", True, b"coraz\xc5"))


def test_without_a_word_list_any_word_will_do() -> None:
    assert takes(growing(5, "noche", words=None), " zork", "|", "Xu", "lo", "ta", "\n") is False
    assert takes(growing(5, "noche", words=None), " zork", "|", "Xu", "lo", "\n")

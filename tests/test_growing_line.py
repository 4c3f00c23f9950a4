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


def growing(syllables: int, end: str, language: Language = "es", words: WordList | None = WORDS) -> GrowingLine:
    left = syllables - analyse(end, language).syllables
    return GrowingLine(Grammar(language, (), words, (), ()), syllables, end, left)


def takes(line: GrowingLine, *texts: str) -> bool:
    """Whether it takes all pieces but the last, and then the last."""
    for text in texts[:-1]:
        assert line.take(piece_of(text)), text
    return line.take(piece_of(texts[-1]))


def test_a_line_ends_on_its_word_at_its_length() -> None:
    line = growing(8, "noche")
    for text in ("La", " casa", " y", " la", " antigua", " no", "che", ",", "\n"):
        assert not line.finished
        assert line.take(piece_of(text)), text
    assert line.finished
    assert (line.text, analyse(line.text, "es").syllables) == ("La casa y la antigua noche,", 8)


@pytest.mark.parametrize(
    "texts",
    [
        ("La", " casa", "\n"),  # not at its end
        ("La", " noche", "\n"),  # too short
        ("La", " noche", " y"),  # its word too soon
        ("La", " casa", " y", " la", " antigua", " casa"),  # no room
        ("La", " zas"),  # no word
        ("La", " lun", " y"),  # not yet a word
        ("La", "Ca"),  # a capital within
        ("La", "casa"),  # two in one
        (",",),
        ("La", ",", ","),
        ("La", ",", "casa"),
        ("La", "¿"),
        ("La", " ,"),
        ("¡", " La"),
        (" La",),
        ("La", " casa", " y", " la", " antigua", " noche", " ¡"),
    ],
)
def test_what_may_not_follow_is_not_taken(texts: tuple[str, ...]) -> None:
    line = growing(8, "noche")
    text_before = line.text
    assert not takes(line, *texts)
    assert line.text.startswith(text_before)


@pytest.mark.parametrize(
    "texts", [("¡", "La"), ("La", ",", " ¡", "casa"), ("La", " lu", "na"), ("La", " casa", ","), ("—", "La")]
)
def test_signs_and_parts_of_words_stand_where_they_may(texts: tuple[str, ...]) -> None:
    assert takes(growing(8, "noche"), *texts)


def test_near_its_end_it_says_between_words_how_much_is_left() -> None:
    line = growing(8, "noche")
    left = Piece("left")
    assert line.remind(left) is None  # nothing is said yet
    assert line.take(piece_of("La"))
    assert line.remind(piece_of(" casa")) is None  # 5 are left
    assert takes(line, " casa", " y")
    assert line.remind(piece_of("a")) is None  # the word goes on
    assert line.remind(piece_of(" la")) == 3
    assert line.remind(piece_of(" la")) is None  # said
    assert not line.take(piece_of("a"))  # now another word begins
    assert takes(line, " la", " luna")
    assert line.remind(left) == 0
    assert not line.take(piece_of(" casa"))
    assert takes(line, " noche", "\n")


def test_elided_words_stand_before_the_next_without_a_space() -> None:
    line = growing(5, "mer", "fr")
    assert takes(line, "L", "'", "amour", " a", " la", " mer", "\n")
    assert line.text == "L'amour a la mer"
    line = growing(6, "mer", "fr")
    assert not line.take(piece_of("-"))
    assert takes(line, "Beau", "-", "amour", " a", " la", " mer", "\n")
    line = growing(4, "so", "en")
    assert takes(line, "Don", "'", "t", " we", " go", " so", "\n")


def test_a_letter_in_two_pieces_is_one_letter() -> None:
    line = growing(6, "noche")
    first, second = Piece("word", True, b"coraz" + b"\xc3"), Piece("word", False, b"\xb3n")
    assert line.take(piece_of("Y"))
    assert line.take(first)
    assert not line.take(piece_of(" noche"))
    assert line.take(second)
    assert line.text == "Y corazón"
    assert not growing(5, "noche").take(Piece("word", False, b"coraz\xc5"))


def test_without_a_word_list_any_word_will_do() -> None:
    assert takes(growing(5, "noche", words=None), "Xul", " zork", " noche", "\n") is False
    assert takes(growing(5, "noche", words=None), "Xu", "lo", " zork", " noche", "\n")

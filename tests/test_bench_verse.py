import pytest

from bench.verse_figures import Pairs, bits_per_char, kept, pairs_of_form, pairs_of_songs, repeated, unknown_words
from pretrain.checkpoint import Checkpoint
from pretrain.lexicon import build_lexicon
from pretrain.split import Fingerprints
from pretrain.tokenizer import Tokenizer
from prosody.form import parse_form
from tests.conftest import invent_song, make_model

REDONDILLA = [
    "Hombres necios que acusáis",
    "a la mujer sin razón,",
    "sin ver que sois la ocasión",
    "de lo mismo que culpáis",
]


def test_pairs_are_told_apart_by_their_words_not_their_order() -> None:
    pairs = Pairs([("luna", "cuna"), ("cuna", "luna"), ("cantar", "amar"), ("mar", "mar")])
    assert pairs.distinct == 750
    assert pairs.suffixes("es") == 0.5
    assert pairs.same() == 1


def test_rhymes_of_a_form_and_of_songs_are_found() -> None:
    form = parse_form("ABBA 8")
    assert kept(form, REDONDILLA, "es")
    assert not kept(form, REDONDILLA[::-1][:2] + REDONDILLA[:2], "es")
    found = {("razón", "ocasión"), ("acusáis", "culpáis")}
    assert set(pairs_of_form(form, [REDONDILLA], "es").words) == found
    assert set(pairs_of_songs(["\n".join(REDONDILLA)], "es").words) == found


def test_what_is_repeated_and_what_is_no_word() -> None:
    assert repeated(["a b c d e", "a b c d"]) == 0
    assert repeated(["a b c d a b c d"]) == pytest.approx(1 / 5)
    words = build_lexicon([invent_song(1)], "es").of("es")
    assert unknown_words(["La luna", "xilxu"], words, "es") == pytest.approx(1 / 3)


def test_bits_are_those_of_the_lyrics() -> None:
    tokenizer = Tokenizer.train([invent_song(number).lyrics for number in range(9)], "char")
    checkpoint = Checkpoint(make_model("qwen3", vocab_size=tokenizer.vocab_size), tokenizer, "songs", Fingerprints())
    cost = bits_per_char(checkpoint, ["la luna", "la sombra"])
    assert cost > 0
    assert cost == pytest.approx(bits_per_char(checkpoint, ["la sombra", "la luna"]))
    assert cost != pytest.approx(bits_per_char(checkpoint, ["la luna"]))


def test_espeak_hears_rhymes() -> None:
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("phonemizer")
    from bench.espeak import Judge

    spanish, french, english = Judge("es"), Judge("fr"), Judge("en")
    assert spanish.rime("corriente") == spanish.rime("dulcemente") != spanish.rime("noche")
    assert spanish.vowels("lágrimas") == spanish.vowels("ventana")
    assert french.rime("folie") == french.rime("vie") != french.rime("amour")
    assert english.rime("love") == english.rime("above") != english.rime("move")
    assert spanish.syllables("la casa blanca") == 5

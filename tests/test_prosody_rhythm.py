import pytest

from data.sources.songbook import read_songbook
from prosody.line import Language
from prosody.rhyming import analyse
from prosody.rhythm import stumbles


def off(line: str, language: Language, foot: int = 2) -> int:
    return stumbles(analyse(line, language), language, foot)


@pytest.mark.parametrize(
    ("line", "syllables", "stumbling"),
    [
        ("la tarde va cayendo sobre el río", 11, 0),  # on the sixth
        ("la tarde cae lenta junto al mar", 11, 0),
        ("las manos de la reina de la plata", 11, 0),
        ("la música de los álamos verdes", 11, 1),  # second, seventh, tenth
        ("todo lo que me dijiste se fue", 11, 1),
        ("la tarde de los pueblos y la luna dormida", 14, 0),
        ("música", 2, 0),
        ("", 0, 0),
    ],
)
def test_lines_of_eleven_bear_a_stress_within(line: str, syllables: int, stumbling: int) -> None:
    assert analyse(line, "es").syllables == syllables
    assert off(line, "es") == stumbling


@pytest.mark.parametrize(
    ("line", "syllables", "stumbling"),
    [
        ("Le matin se levait sur la ville endormie", 12, 0),
        ("Je regarde la lune et le fleuve qui dort", 12, 0),  # lune loses its e
        ("Le soleil sur les montagnes s'est endormi", 12, 1),
        ("Il s'en allait chercher les montagnes du sud", 12, 0),
        ("Nous avons vu dans le jardin de notre enfance", 12, 1),  # nobody rests behind "le"
        ("Le matin se levait", 6, 0),
    ],
)
def test_an_alexandrine_rests_in_its_middle(line: str, syllables: int, stumbling: int) -> None:
    assert analyse(line, "fr").syllables == syllables
    assert off(line, "fr") == stumbling


@pytest.mark.parametrize(
    ("line", "foot", "stumbling"),
    [
        ("The river runs below the hill", 2, 0),
        ("Under the bridge the water sings", 2, 0),  # the first word may turn its foot round
        ("The people of the water's edge", 2, 0),
        ("I wonder at the open sea", 2, 0),
        ("We saw a river and the sea", 2, 0),
        ("When the soul of a sister is gone", 2, 2),
        ("When the soul of a sister is gone", 3, 0),
        ("The river runs below the hill", 3, 1),
        ("", 2, 0),
    ],
)
def test_english_words_bear_their_stress_on_a_beat(line: str, foot: int, stumbling: int) -> None:
    assert off(line, "en", foot) == stumbling


@pytest.mark.parametrize(("language", "length"), [("es", 11), ("fr", 12)])
def test_songs_that_declare_long_lines_keep_their_rhythm(language: Language, length: int) -> None:
    lines = [
        line
        for song in read_songbook()
        if song.language == language and song.form
        for line in song.lyrics.split("\n")
        if line and analyse(line, language).syllables == length
    ]
    assert len(lines) > 40
    assert sum(off(line, language) for line in lines) < 0.1 * len(lines)

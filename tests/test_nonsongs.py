"""What is no song goes with its reason, on clear evidence only; and which language a song is in."""

import pytest

from core.corpus import Song
from data.cleaning.language import detect_language, language_of_corpus
from data.cleaning.nonsongs import VERSIONS, non_song
from data.cleaning.titles import parse_title, version_rank


def reason(title: str, lyrics: str = "la luna sale\ny se va", artist: str = "Ana") -> str:
    return non_song(Song(id="1", title=title, lyrics=lyrics, artist=artist))


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        *[
            (f"Balada {ending}", "live")
            for ending in ("(En Vivo)", "- En vivo", "[En vivo en Obras]", "(Live)", "(En directo)")
        ],
        *[(f"Balada {ending}", "live") for ending in ("(Live at Wembley)", "- Live in Rosario, 1990", "(Live 1985)")],
        *[
            (f"Balada {ending}", "live")
            for ending in ("(MTV Unplugged)", "(Versión en vivo)", "(En concert)", "(feat. Bruno) [En Vivo]")
        ],
        *[
            (f"Balada {ending}", "acoustic")
            for ending in ("(Acústico)", "- Acústica", "(Acoustic Version)", "(Version acoustique)")
        ],
        *[
            (f"Balada {ending}", "remix")
            for ending in ("(Remix)", "(DJ Tal Remix)", "- Club Mix", "(Remix feat. Bruno)")
        ],
        *[(f"Balada {ending}", "demo") for ending in ("(Demo)", "(Demo 1983)", "- Home Demo", "(Maqueta)")],
        *[(f"Balada {ending}", "cover") for ending in ("(Cover)", "(Bruno Cover)", "(Cover de Bruno)")],
        *[(f"Balada {ending}", "karaoke") for ending in ("(Karaoke)", "(Karaoke Version)", "- Versión Karaoke")],
        *[
            (f"Balada {ending}", "instrumental")
            for ending in ("(Instrumental)", "- Instrumental", "(Versión instrumental)")
        ],
        *[(f"Balada {ending}", "translation") for ending in ("(English Translation)", "(Traducción al Español)")],
        *[(f"Balada {ending}", "translation") for ending in ("(Traduction Française)", "(Romanized)")],
        *[(f"Balada {ending}", "tracklist") for ending in ("[Tracklist]", "(Tracklist + Album Art)", "(Credits)")],
        *[(f"Balada {ending}", "snippet") for ending in ("[Snippet]", "(Preview)")],
        ("Balada (Entrevista)", "interview"),
    ],
)
def test_versions_and_pages_are_known_by_their_titles(title: str, kind: str) -> None:
    assert reason(title) == kind
    song = Song(id="1", title=title, lyrics="la")
    assert non_song(song, keep_versions=True) == ("" if kind in VERSIONS else kind)


@pytest.mark.parametrize(
    "title",
    [
        *(
            "Vivo",
            "En vivo",
            "Vivo en el margen",
            "Live and let go",
            "Live",
            "Long Live",
            "Alive",
            "Olive",
            "We live in Rosario",
        ),
        *(
            "Vivir (Live and Let Go)",
            "Instrumental",
            "Cover",
            "Cover Me (Run for Cover)",
            "Take Cover",
            "Demo",
            "Democracia",
        ),
        *("Remix", "Mi demo de amor", "Acústico", "La entrevista", "Entrevista con el diablo", "Traducción", "Karaoke"),
        *("Oda (traducción de Horacio)", "Fragmento (fragmento)", "Muchacha (Ojos de papel)", "Credit", "Snippet"),
        *(
            "El remix",
            "Preview of Life",
            "Balada (Vivo)",
            "Balada - Parte II",
            "1985 (Uno)",
            "Adiós - a Dios",
            "Discover",
        ),
        *("Cover (Duck and Cover)", "Interview", "Track list", "Balada (Demonios)", "Balada (Livemont)", "Live/Vida"),
    ],
)
def test_songs_that_only_sound_like_it_stay(title: str) -> None:
    assert reason(title) == ""


@pytest.mark.parametrize(
    ("lyrics", "kind"),
    [
        ("", "no lyrics"),
        ("[Intro]\n\n[Solo]", "no lyrics"),
        ("[Instrumental]", "instrumental"),
        ("Instrumental", "instrumental"),
        ("(Tema instrumental)", "instrumental"),
        ("This song is an instrumental.", "instrumental"),
        (
            "Lyrics for this song have yet to be released. Please check back once the song has been released.",
            "unreleased",
        ),
        ("1. Balada\n2. Otra\n3. Tercera\n4. Cuarta (3:45)\n5. Quinta", "tracklist"),
        ("Instrumental\nes mi voz", ""),
        ("1. Uno\n2. Dos\ny tres", ""),
        ("la", ""),
    ],
)
def test_texts_without_a_song_in_them(lyrics: str, kind: str) -> None:
    assert reason("Balada", lyrics) == kind


def test_an_interview_is_prose_under_a_title_that_says_so() -> None:
    prose = "\n".join(["—Bueno, yo diría que el disco nació en una cocina, " * 4] * 6)
    assert reason("Entrevista con Ana Nadie", prose) == "interview"
    assert reason("Entrevista con el diablo", "me preguntó\ny no supe\nqué decir") == ""
    assert reason("La cocina", prose) == ""


def test_translations_are_filed_under_accounts_of_their_own() -> None:
    assert reason("Balada", artist="Genius English Translations") == "translation"
    assert reason("Balada", artist="Genius Traducciones al Español") == "translation"
    assert reason("Balada", artist="Genius") == ""


@pytest.mark.parametrize(
    ("title", "album", "rank"),
    [
        ("Balada", "Uno", 0),
        ("Balada (feat. Ana)", "", 0),
        ("Balada", "Vivo", 0),
        ("Balada", "Olive", 0),
        ("Balada (Remastered 2011)", "", 1),
        ("Balada - Single Version", "", 1),
        ("Balada", "Uno (Remastered)", 1),
        ("Balada (En vivo)", "", 2),
        ("Balada", "En vivo en el Coliseo", 2),
        ("Balada", "MTV Unplugged", 2),
        ("Balada", "Live at Home", 2),
    ],
)
def test_the_studio_comes_before_the_reissue_and_the_stage(title: str, album: str, rank: int) -> None:
    assert version_rank(title, album) == rank


def test_a_title_comes_apart() -> None:
    assert parse_title("Balada (feat. Ana & Eva) [Live] - Remastered") == ("Balada [Live]", "Ana & Eva", "live", True)


VERSES = {
    "es": """Camino del molino van las mulas
cargadas de silencio y de maíz,
y el viejo que las lleva va contando
las cosas que no quiso nunca oír.""",
    "fr": """Sur le chemin du moulin vont les mules
qui portent le silence et le maïs,
et le vieux qui les mène se rappelle
ce qu'il n'a jamais voulu entendre ici.""",
    "en": """Along the road the mules go to the mill
and carry corn and silence on their backs;
the old man counts the things he would not hear
and all the stones he lays along the tracks.""",
}


@pytest.mark.parametrize("language", VERSES)
def test_a_song_tells_its_language(language: str) -> None:
    assert detect_language(VERSES[language]) == language
    assert detect_language(VERSES[language].upper()) == language
    assert detect_language("[Chorus]\nOh baby, oh baby!\n\n" + VERSES[language]) == language
    assert detect_language(VERSES[language], wanted="xx") == language


@pytest.mark.parametrize(
    "lyrics", ["", "la la la", "la la la\n" * 100, "oh yeah, baby", "[Chorus]\n" * 30, "1 2 3 " * 90]
)
def test_what_is_too_short_stays_undecided(lyrics: str) -> None:
    assert detect_language(lyrics) == ""


def test_a_corpus_has_the_language_of_most_of_its_words() -> None:
    assert language_of_corpus({"es": 950, "en": 50, "": 900}) == "es"
    assert language_of_corpus({"es": 500, "en": 500}) == "mul"
    assert language_of_corpus({"": 10}) == "und"
    assert language_of_corpus({}) == "und"

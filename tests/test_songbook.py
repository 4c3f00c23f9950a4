"""The bundled songs: how many, how whole, and whether they keep the form they declare."""

import re
import unicodedata
from collections import Counter, defaultdict

import pytest

from core.corpus import Song
from data.sources.songbook import SONGBOOK, read_songbook
from tests.spelling import assonance, last_word, rhyme_part

SONGS = list(read_songbook(SONGBOOK))

HEADINGS = {
    "es": {"Verso", "Pre-Coro", "Coro", "Puente", "Intro", "Outro", "Interludio", "Estribillo", "Recitado"},
    "fr": {"Couplet", "Pré-Refrain", "Refrain", "Pont", "Intro", "Outro"},
    "en": {"Verse", "Pre-Chorus", "Chorus", "Bridge", "Intro", "Outro"},
}

DECLARED = [song for song in SONGS if song.form]


def lines_of(song: Song) -> list[str]:
    """Verses, without headings."""
    return [line for line in song.lyrics.splitlines() if line and not line.startswith("[")]


def stanzas_of(song: Song) -> list[list[str]]:
    """Verses by stanza; a heading or a blank line ends one."""
    pieces = re.split(r"\n\n|(?m:^\[.*\]$)", song.lyrics)
    return [piece.strip().splitlines() for piece in pieces if piece.strip()]


def words(line: str) -> str:
    return " ".join(re.findall(r"\w+", line.lower()))


def test_the_book_is_as_large_as_it_should_be() -> None:
    languages = Counter(song.language for song in SONGS)
    assert len(SONGS) >= 100
    assert languages["es"] >= 80
    assert languages["fr"] >= 10
    assert languages["en"] >= 10
    assert sum(len(song.lyrics) for song in SONGS) >= 110_000
    assert max(Counter(song.artist for song in SONGS).values()) >= 25


def test_every_song_says_whose_it_is() -> None:
    for song in SONGS:
        assert song.title, song.id
        assert song.artist, song.id
        assert song.album, song.id
        assert song.year, song.id
    assert len({song.id for song in SONGS}) == len(SONGS)
    assert len({(song.artist, song.title) for song in SONGS}) == len(SONGS)


def test_the_text_is_clean() -> None:
    for song in SONGS:
        assert unicodedata.is_normalized("NFC", song.lyrics), song.id
        assert song.lyrics == "\n".join(line.rstrip() for line in song.lyrics.strip("\n").splitlines()), song.id
        assert "\n\n\n" not in song.lyrics, song.id
        assert not re.search("[\t\u200b\u00a0“”‘’]|\\.\\.\\.", song.lyrics), song.id


def test_headings_are_those_of_the_language() -> None:
    for song in SONGS:
        for line in song.lyrics.splitlines():
            if "[" in line or "]" in line:
                heading = re.fullmatch(r"\[(.+?)(?: \d+)?\]", line)
                assert heading, (song.id, line)
                assert heading[1] in HEADINGS[song.language], (song.id, line)


def test_no_line_is_shared_by_songs_beyond_what_happens() -> None:
    songs_with: defaultdict[str, set[str]] = defaultdict(set)
    pairs: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for song in SONGS:
        verses = [words(line) for line in lines_of(song)]
        for verse in verses:
            songs_with[verse].add(song.id)
        for three in zip(verses, verses[1:], verses[2:], strict=False):
            pairs[three].add(song.id)
    assert not {verse: ids for verse, ids in songs_with.items() if len(ids) > 2}
    assert not {three: ids for three, ids in pairs.items() if len(ids) > 1}


def test_choruses_return_word_for_word() -> None:
    for song in SONGS:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for heading, text in re.findall(
            r"\[(Coro|Refrain|Chorus|Estribillo)\]\n(.+?)(?:\n\n\[|\Z)", song.lyrics, re.DOTALL
        ):
            found[heading].add(text)
        for heading, texts in found.items():
            # A last chorus may grow by a line; it begins as the others do.
            shortest = min(texts, key=len).splitlines()[:2]
            assert all(text.splitlines()[:2] == shortest for text in texts), (song.id, heading)


def test_enough_spanish_songs_declare_a_form() -> None:
    spanish = [song for song in DECLARED if song.language == "es"]
    assert len(spanish) >= 30
    names = {song.form.split()[0] for song in DECLARED}
    assert names >= {"copla", "romance", "redondilla", "décima", "soneto", "alexandrins", "ballad"}
    assert len(DECLARED) < len(SONGS)


def parse_form(form: str) -> tuple[list[str], list[int]]:
    match = re.fullmatch(r"\S+((?: [A-Za-z-]+)+)((?: \d+)+)", form)
    assert match, form
    return match[1].split(), [int(number) for number in match[2].split()]


@pytest.mark.parametrize("song", DECLARED, ids=lambda song: song.id)
def test_a_declared_form_is_kept(song: Song) -> None:
    schemes, syllables = parse_form(song.form)
    stanzas = stanzas_of(song)
    if len(schemes) > 1:
        assert len(stanzas) == len(schemes)
    assert all(4 <= number <= 16 for number in syllables)
    rhymes: dict[str, str] = {}
    for number, stanza in enumerate(stanzas):
        scheme = schemes[number] if len(schemes) > 1 else schemes[0]
        assert len(stanza) == len(scheme), stanza
        if len(schemes) == 1:
            rhymes = {}
        rhyming = [(letter, last_word(line)) for letter, line in zip(scheme, stanza, strict=True) if letter != "-"]
        assert len(set(rhyming)) == len(rhyming), f"a word rhymes with itself: {stanza}"
        if song.language == "es":
            for letter, word in rhyming:
                sound = rhyme_part(word) if letter.isupper() else assonance(rhyme_part(word))
                assert rhymes.setdefault(letter, sound) == sound, (word, stanza)


def test_spelling_knows_what_rhymes() -> None:
    for one, other in (("cantar", "mar"), ("río", "frío"), ("botella", "huella"), ("caza", "casa"), ("ruido", "cuido")):
        assert rhyme_part(one) == rhyme_part(other)
    for one, other in (
        ("hoy", "soy"),
        ("guitarra", "barra"),
        ("ciudad", "verdad"),
        ("agua", "fragua"),
        ("aire", "baile"),
    ):
        assert assonance(rhyme_part(one)) == assonance(rhyme_part(other))
    for one, other in (("cantar", "cantor"), ("mesa", "misa"), ("árbol", "mármol"), ("pared", "sed")):
        assert (rhyme_part(one) == rhyme_part(other)) == (one == "pared")

"""Who is the same song, who stays, and that nothing of it reaches validation."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpus import Corpus, Song
from data.cleaning.characters import fold
from data.deduplication import NEAR, drop_duplicates, find_twins, similarity, sketch
from pretrain.tokens import split_songs
from tests.conftest import NOUNS

WORDS = [
    f"{start}{middle}{end}" for start in ("ca", "lu", "mo", "ri", "te") for middle in NOUNS for end in ("n", "s", "do")
]


def invent(number: int, lines: int = 20) -> Song:
    """A song of rare words: no two numbers share a line."""
    chance = random.Random(number)
    verses = [" ".join(chance.choices(WORDS, k=6)) for _ in range(lines)]
    return Song(id=f"s{number}", title=f"Canción {number}", lyrics="\n".join(verses))


def with_other_words(song: Song, changes: int, seed: int = 0) -> str:
    """The lyrics with so many words replaced."""
    chance = random.Random(seed)
    words = song.lyrics.split(" ")
    for place in chance.sample(range(len(words)), changes):
        words[place] = words[place].replace(words[place].strip(), "otra")
    return " ".join(words)


def variant(song: Song, id_: str, **changes: object) -> Song:
    return Song(**({"id": id_, "title": song.title, "lyrics": song.lyrics} | changes))  # type: ignore[arg-type]


def settle(*songs: Song) -> tuple[list[str], dict[str, str]]:
    """Ids that stay, and reason by title and detail of the others."""
    kept, dropped = drop_duplicates(songs)
    return [song.id for song in kept], {song.detail: song.reason for song in dropped}


def test_of_songs_with_the_same_words_the_first_stays() -> None:
    texts = ["Sí, más", "no", "si\nMAS!", "¿?", "!"]
    songs = [Song(id=str(number), title=f"t{number}", lyrics=text) for number, text in enumerate(texts)]
    kept, dropped = drop_duplicates(songs)
    assert [song.id for song in kept] == ["0", "1", "3", "4"]
    assert [(song.title, song.reason, song.similarity) for song in dropped] == [("t2", "duplicate", 1.0)]
    assert "t0" in dropped[0].detail


SONG = invent(1)
LINES = SONG.lyrics.split("\n")


@pytest.mark.parametrize(
    "lyrics",
    [
        SONG.lyrics.upper(),
        SONG.lyrics.replace(" ", ", "),
        with_other_words(SONG, 2),
        with_other_words(SONG, 6),
        "\n".join(LINES[10:] + LINES[:10]),
        "\n".join(f"{one} {other}" for one, other in zip(LINES[::2], LINES[1::2], strict=True)),
        "\n".join(LINES[:10]),
        "\n".join(LINES + LINES[4:8] + LINES[4:8]),
        "[Verso 1]\n" + "\n\n".join(LINES),
        "\n".join(LINES[:15] + invent(2).lyrics.split("\n")[:5]),
    ],
    ids=["case", "commas", "two words", "six words", "order", "line breaks", "half", "chorus again", "layout", "end"],
)
def test_a_song_is_known_again(lyrics: str) -> None:
    kept, dropped = drop_duplicates([SONG, variant(SONG, "again", lyrics=lyrics), *map(invent, range(50, 80))])
    assert len(kept) == 31
    assert dropped[0].similarity is not None
    assert dropped[0].similarity >= NEAR


@pytest.mark.parametrize(
    "lyrics",
    [
        invent(3).lyrics,
        "\n".join(LINES[:8] + invent(3).lyrics.split("\n")[:12]),  # the chorus of another, and verses of its own
        "\n".join(LINES[:2]) + "\n" + invent(3).lyrics,
    ],
    ids=["other", "chorus", "quotation"],
)
def test_a_song_that_shares_less_is_another(lyrics: str) -> None:
    assert drop_duplicates([SONG, variant(SONG, "other", lyrics=lyrics)])[1] == []


def test_the_fullest_studio_version_stays_wherever_it_stands() -> None:
    live = variant(
        SONG, "live", title="Canción 1 (En vivo)", lyrics=SONG.lyrics + "\n¡gracias, gracias, buenas noches!"
    )
    album = variant(SONG, "album", album="En vivo en el Coliseo", lyrics=SONG.lyrics + "\n¡gracias, gracias!")
    remaster = variant(SONG, "remaster", album="Todo (Remastered 2011)")
    part = variant(SONG, "part", lyrics="\n".join(LINES[:12]))
    again = variant(SONG, "again", year=1984, lyrics=with_other_words(SONG, 1))
    songs = [live, album, remaster, part, again, SONG]
    for seed in range(6):
        random.Random(seed).shuffle(songs)
        kept, dropped = drop_duplicates(songs)
        assert [song.id for song in kept] in (["s1"], ["again"])  # both are whole and of the studio
        assert len(dropped) == 5
        assert all(song.similarity for song in dropped)


def test_nobody_goes_for_the_sake_of_one_who_went() -> None:
    lyrics = SONG.lyrics
    chain = [variant(SONG, "0")]
    for step in range(1, 12):
        lines = lyrics.split("\n")
        lyrics = "\n".join([*lines[2:], *invent(100 + step).lyrics.split("\n")[:2]])
        chain.append(variant(SONG, str(step), lyrics=lyrics))
    twins = find_twins([sketch(song) for song in chain], lambda number: chain[number].lyrics)
    stay = [number for number in range(len(chain)) if number not in twins]
    assert {twin.of for twin in twins.values()} <= set(stay)
    assert len(stay) > 1
    assert all(similarity(chain[a].lyrics, chain[b].lyrics) < NEAR for a in stay for b in stay if a < b)


@given(st.lists(st.text("abé ,\n")))
@settings(deadline=None)
def test_deduplication_is_idempotent_and_accounts_for_every_song(texts: list[str]) -> None:
    songs = [Song(id=str(number), lyrics=text) for number, text in enumerate(texts)]
    kept, dropped = drop_duplicates(songs)
    assert len(kept) + len(dropped) == len(songs)
    assert len({fold(song.lyrics) or song.lyrics for song in kept}) == len(kept)
    assert drop_duplicates(kept) == (kept, [])


@given(st.text("abé \n"), st.text("abé \n"))
def test_likeness_has_no_direction(one: str, other: str) -> None:
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, one) == 1


def test_nothing_in_validation_has_a_near_duplicate_in_train() -> None:
    songs = [invent(number) for number in range(60)]
    for number, song in enumerate(songs[:40]):
        twins = (with_other_words(song, 3, number), "\n".join(song.lyrics.split("\n")[:12]), song.lyrics.upper())
        songs += [variant(song, f"{song.id}-{place}", lyrics=text) for place, text in enumerate(twins)]
    kept, _ = drop_duplicates(songs)
    assert len(kept) == 60
    for seed in range(3):
        split = split_songs(Corpus(name="n", language="es", source="files", songs=tuple(kept)), seed)
        assert all(similarity(val.lyrics, train.lyrics) < NEAR for val in split.val for train in split.train)
    leaky = split_songs(Corpus(name="n", language="es", source="files", songs=tuple(songs)), 1)
    assert any(similarity(val.lyrics, train.lyrics) >= NEAR for val in leaky.val for train in leaky.train)


def test_many_versions_of_one_song_take_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        songs = [variant(SONG, str(number), lyrics=with_other_words(SONG, 3, number)) for number in range(count)]
        sketches = [sketch(song) for song in songs]
        start = time.perf_counter()
        assert len(find_twins(sketches, lambda number: songs[number].lyrics)) == count - 1
        return time.perf_counter() - start

    seconds(50)
    assert seconds(1600) < 16 * max(seconds(200), 0.01)  # twice what eight times as many should take

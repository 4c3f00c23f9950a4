from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import stored
from core.artifacts import Artifacts
from core.corpus import Corpus, Song
from core.errors import UserError
from core.stored import open_corpus
from data import spool
from data.sources.songbook import read_songbook
from generate.verse.rhyme_words import EndWords, RhymeWords, WordList, is_clear
from pretrain import lexicon as lexicon_module
from pretrain.lexicon import LEXICON, Lexicon, build_lexicon, lexicon_of_split, load_lexicon, save_lexicon
from pretrain.split import split_songs
from prosody.line import Language
from prosody.rhyming import analyse, rhyme


def songbook(language: Language) -> Lexicon:
    return build_lexicon([song for song in read_songbook() if song.language == language], language)


def test_a_lexicon_counts_words_and_line_ends_by_language(tmp_path: Path) -> None:
    songs = [
        Song(id="1", lyrics="[Coro]\nla noche larga\nla noche", language="es"),
        Song(id="2", lyrics="the night", language="en"),
        Song(id="3", lyrics="die Nacht", language="de"),
    ]
    lexicon = build_lexicon(songs, "mul")
    assert lexicon.of("es").counts == {"la": 2, "noche": 2, "larga": 1}
    assert lexicon.of("es").ends == {"larga": 1, "noche": 1}
    assert set(lexicon.languages) == {"es", "en"}
    save_lexicon(tmp_path, lexicon)
    assert load_lexicon(tmp_path) == lexicon
    assert (lexicon + build_lexicon(songs[:1], "es")).of("es").counts["noche"] == 4
    assert lexicon + Lexicon() == lexicon
    assert analyse("la noche", "es").last_word in lexicon.of("es").ends


def test_other_processes_count_the_same_words(
    make_corpus: Callable[..., Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    songs = make_corpus(songs=60).songs
    monkeypatch.setattr(stored, "CHUNK", 3000)
    alone = build_lexicon(open_corpus(Artifacts("nadie").corpus).songs, "es")
    assert alone == build_lexicon(songs, "es")
    monkeypatch.setattr(spool, "PARALLEL_FROM", 2)
    monkeypatch.setattr(spool, "_cores", lambda: 2)
    assert build_lexicon(open_corpus(Artifacts("nadie").corpus).songs, "es") == alone


def test_of_much_text_songs_from_all_of_it_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [f"z{chr(97 + number // 20)}{chr(97 + number % 20)}" for number in range(200)]
    songs = tuple(Song(id=word, lyrics=f"La luna\n{word}") for word in own)
    split = split_songs(Corpus(name="n", language="es", source="files", songs=songs), seed=1)
    assert lexicon_of_split(split).of("es").counts["luna"] == 180
    monkeypatch.setattr(lexicon_module, "ENOUGH", split.characters // 9)
    counted = lexicon_of_split(split).of("es").counts
    places = [place for place, song in enumerate(split.train) if song.id in counted]
    assert {following - place for place, following in pairwise([*places, 180])} == {9}
    assert counted["luna"] == len(places) == 20


@pytest.mark.parametrize("content", ['["la"]', '{"es": {"la": 1}}', '{"es": {"la": ["x", 0]}}', "{"])
def test_a_damaged_lexicon_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match="has no lexicon"):
        load_lexicon(tmp_path)
    (tmp_path / LEXICON).write_text(content)
    with pytest.raises(UserError):
        load_lexicon(tmp_path)


@pytest.mark.parametrize("language", ["es", "fr", "en"])
def test_words_of_a_key_rhyme_and_words_to_begin_on_have_company(language: Language) -> None:
    known = RhymeWords(songbook(language).of(language), language)
    openers = known.openers(2, assonant=False, sounds=set(), used=set(), spare=2)
    assert len(openers) > 100
    for word in openers[::25]:
        others = known.rhyming(known.endings[word].consonant, assonant=False, used={word})
        assert len(others) >= 3
        assert word not in others
        assert all(rhyme(word, other, language).kind == "consonant" for other in others)


def test_words_to_begin_on_sound_unlike_what_was_said() -> None:
    known = RhymeWords(songbook("es").of("es"), "es")
    sounds = {(False, known.endings["noche"].consonant), (True, known.endings["casa"].assonant)}
    openers = known.openers(1, assonant=False, sounds=sounds, used={"luna"}, spare=1)
    said = [analyse(word, "es") for word in openers]
    assert openers
    assert "luna" not in openers
    assert all(line.consonant != analyse("noche", "es").consonant and line.assonant != "aa" for line in said)


def test_nothing_rhymes_on_words_that_are_said_in_two_ways_or_that_lean_on_the_next() -> None:
    assert [is_clear(word, "es") for word in ("noche", "que", "y", "de", "ayer")] == [True, False, False, False, True]
    assert [is_clear(word, "en") for word in ("night", "wind", "mavourneenly")] == [True, False, False]
    assert [is_clear(word, "fr") for word in ("jour", "l'")] == [True, False]


WORDS = st.lists(st.text("abñé'", min_size=1, max_size=5), max_size=20)


@given(WORDS, st.text("abñé'", max_size=5).map(str.encode), st.integers(0, 3))
def test_a_word_list_finds_what_begins_so(words: list[str], beginning: bytes, cut: int) -> None:
    beginning = beginning[: len(beginning) - cut]  # perhaps in the middle of a letter
    matching = {word for word in words if word.encode().startswith(beginning)}
    known = WordList(words)
    assert known.begins(beginning) == bool(matching)
    found = known.beginning(beginning, 4)
    assert found is None if len(matching) > 4 else set(found or ()) == matching


@given(st.dictionaries(st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple), st.text(min_size=1), max_size=9))
def test_end_words_follow_the_ids_that_spell_them(spelt: dict[tuple[int, ...], str]) -> None:
    ends = EndWords(sorted((ids, word) for ids, word in spelt.items()))
    for ids in [(), *spelt]:
        follow, word = ends.after(ids)
        longer = {other[len(ids)] for other in spelt if other[: len(ids)] == ids and len(other) > len(ids)}
        assert set(follow.tolist()) == longer
        assert word == spelt.get(ids)

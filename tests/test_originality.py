"""What of a text stands in the songs learnt, told by an index of hashes."""

import dataclasses
import json
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpus import Corpus, Song
from core.errors import UserError
from core.tensors import load_tensors, save_tensors
from core.words import folded_words, words
from data.sources.songbook import read_songbook
from generate.originality import COPIED, CopyGuard, RunLengths, find_sources, maximal_runs, measure
from pretrain import phrases
from pretrain.hashset import HashSet
from pretrain.phrases import LONGEST, PHRASES, PhraseIndex, build_index, index_split, load_index, save_index
from pretrain.split import split_songs

SONGBOOK = [song.lyrics for song in read_songbook() if song.language == "es"]

SOME_WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=40)


def searched(songs: Sequence[Sequence[str]], text: Sequence[str]) -> list[int]:
    """The longest run that ends with each word, found by comparing with every place of every song."""
    found: list[int] = []
    for end in range(1, len(text) + 1):
        runs = [list(text[start:end]) for start in range(end)]
        stands = [any(run == song[i : i + len(run)] for song in songs for i in range(len(song))) for run in runs]
        found.append(max((len(run) for run, there in zip(runs, stands, strict=True) if there), default=0))
    return found


def index_of(songs: Sequence[Sequence[str]]) -> PhraseIndex:
    return build_index(" ".join(song) for song in songs)


@given(st.text() | st.text("aÁ\u0301ß_'’ \n[]ñ<\u0338İŉΐ1"))
def test_both_ways_to_find_words_agree_and_places_are_right(text: str) -> None:
    found = words(text)
    assert [word.text for word in found] == folded_words(text)
    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(folded_words(text[word.start : word.end]) == [word.text] for word in found)


@given(st.lists(st.text("aé '[]_", max_size=12)))
def test_each_line_gives_its_own_words(lines: list[str]) -> None:
    assert folded_words("\n".join(lines)) == [word for line in lines for word in folded_words(line)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("¿Qué? ¡QUÉ, Luna!", "qué qué luna"),
        ("cancio\u0301n", "canción"),
        ("l’amour l'amour", "l'amour l'amour"),
        ("pa' que 'tis", "pa que tis"),
        ("[Verso 1]\nel mar\n  [Coro] \nla mar", "el mar la mar"),
        ("[Coro] la [luna]", "coro la luna"),
        ("_el_ año 1984", "el año 1984"),
        ("Straße", "strasse"),
        ("… — !", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert folded_words(text) == expected.split()


@given(st.lists(SOME_WORDS, max_size=5), SOME_WORDS)
def test_runs_are_those_that_a_search_finds(songs: list[list[str]], text: list[str]) -> None:
    assert RunLengths(index_of(songs)).of_new(text) == searched(songs, text)


@given(st.integers(0, 10**6), st.sampled_from([2, 3, 10, 100]))
def test_runs_across_songs_that_quote_each_other(seed: int, vocabulary: int) -> None:
    chance = random.Random(seed)
    every = [f"w{number}" for number in range(vocabulary)]
    songs = [chance.choices(every, k=chance.randrange(60)) for _ in range(4)]
    for song in songs:
        other, place = chance.choice(songs), chance.randrange(len(song) + 1)
        start = chance.randrange(len(other) + 1)
        song[place:place] = other[start : start + chance.randrange(45)]
    text: list[str] = []
    while len(text) < 60:
        song = chance.choice(songs)
        start = chance.randrange(len(song) + 1)
        text += [*song[start : start + chance.randrange(50)], *chance.choices([*every, "never"], k=1)]
    for found, expected in zip(RunLengths(index_of(songs)).of_new(text), searched(songs, text), strict=True):
        assert found == expected or found > expected >= LONGEST


def test_every_song_is_one_run_of_itself_and_no_run_goes_from_song_to_song() -> None:
    index = build_index(SONGBOOK)
    for song in SONGBOOK:
        assert RunLengths(index).of_new(folded_words(song)) == list(range(1, len(folded_words(song)) + 1))
    one, other = "el mar de la tarde clara", "ya no vuelve por aquí nadie"
    assert measure(build_index([one, other]), f"{one} {other}").longest == 6


def test_case_punctuation_and_lines_do_not_hide_a_copy() -> None:
    index = build_index(["[Verso 1]\nVuelve el tren\na la estación,\n\n[Coro]\ncon la lluvia"])
    found = measure(index, "Dicen: «VUELVE\nEL TREN\n[Coro]\na la estacio\u0301n... con la lluvia», ayer")
    assert (found.longest, found.share) == (9, pytest.approx(9 / 11))
    assert str(found) == "longest 9 words, 82 %"
    assert [(run.start, run.length) for run in found.runs] == [(1, 9)]


def test_nothing_is_no_copy() -> None:
    for songs, text in (([], "la luna"), (["la luna"], ""), (["[Coro]"], "[Coro]"), (["la luna"], "el mar")):
        assert str(measure(build_index(songs), text)) == "longest 0 words, 0 %"
    assert str(measure(build_index(["la luna"]), "mi luna")) == "longest 1 word, 0 %"


@given(SOME_WORDS, SOME_WORDS)
def test_maximal_runs_cover_what_is_copied_and_none_lies_within_another(song: list[str], text: list[str]) -> None:
    lengths = searched([song], text)
    runs = maximal_runs(lengths)
    assert {place for run in runs for place in range(run.start, run.start + run.length)} == {
        place for end, length in enumerate(lengths) for place in range(end + 1 - length, end + 1)
    }
    spans = [(run.start, run.start + run.length) for run in runs]
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(spans))


def babble(index: PhraseIndex, max_words: int, seed: int, count: int = 150) -> list[str]:
    """A text by the crudest writer there is, which copies wherever it is let: each word of what follows another."""
    chance = random.Random(seed)
    source = [folded_words(song) for song in SONGBOOK]
    guard, text = CopyGuard(index, max_words), list[str]()
    while len(text) < count:
        song = chance.choice(source)
        start = chance.randrange(len(song))
        for word in song[start : start + 12]:
            if not guard.allows([*text, word]):
                break
            text.append(word)
    return text


@pytest.mark.parametrize("max_words", [1, 3, 6])
def test_a_guarded_text_never_copies_more_than_it_may(max_words: int) -> None:
    index = build_index(SONGBOOK)
    songs = [f" {' '.join(folded_words(song))} " for song in SONGBOOK]
    for seed in range(5):
        text = babble(index, max_words, seed)
        runs = [" ".join(text[end - max_words - 1 : end]) for end in range(max_words + 1, len(text) + 1)]
        assert not any(f" {run} " in song for run in runs for song in songs)
        assert measure(index, " ".join(text)).longest == max_words


@given(st.lists(SOME_WORDS, max_size=3), SOME_WORDS, st.randoms(use_true_random=False), st.integers(1, 4))
def test_a_guard_remembers_nothing_that_was_taken_back(
    songs: list[list[str]], text: list[str], chance: random.Random, max_words: int
) -> None:
    index = index_of(songs)
    guard = CopyGuard(index, max_words)
    for _ in range(8):
        part = ["a", *text[: chance.randrange(len(text) + 1)]]
        chance.shuffle(part)
        # Several words may be new; asked again, it says the same.
        assert guard.allows(part) == guard.allows(part) == (searched(songs, part)[-1] <= max_words)


def test_a_prompt_may_be_a_copy_but_is_not_gone_on_with() -> None:
    guard = CopyGuard(build_index(["vuelve el tren a la vieja estación del sur"]), 3)
    assert not guard.allows(["vuelve", "el", "tren", "a", "la", "vieja"])
    assert guard.allows(["vuelve", "el", "tren", "a", "la", "luna"])
    assert guard.allows(["vuelve", "el", "tren", "a", "la", "luna", "vieja", "estación"])


def test_a_tuned_model_s_index_answers_for_its_base_too() -> None:
    base = build_index(["vuelve el tren a la estación vieja"])
    both = build_index(["canta la lluvia en la puerta de casa"], base)
    assert measure(both, "vuelve el tren a la estación vieja").longest == 7
    assert measure(both, "canta la lluvia en la puerta de casa").longest == 8
    assert measure(base, "canta la lluvia en la puerta de casa").longest == 1


def test_large_parts_are_indexed_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = build_index(SONGBOOK)
    monkeypatch.setattr(phrases, "PART", 5000)
    parts = build_index(SONGBOOK)
    assert len(parts.parts) > 3
    text = folded_words(" ".join(line for song in SONGBOOK for line in song.split("\n")[1::3]))
    assert RunLengths(whole).of_new(text) == RunLengths(parts).of_new(text)


@pytest.mark.parametrize("count", [1, 40])
def test_of_too_much_text_an_even_part_is_indexed(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(f"w{number} x{number} y{number} z{number}" for number in range(4000))
    lines = text.split("\n")
    songs = ["\n".join(lines[start::count][:100]) for start in range(count)] if count > 1 else [text]
    corpus = Corpus(
        name="a", language="es", source="files", songs=[Song(id=str(n), lyrics=song) for n, song in enumerate(songs)]
    )
    split = split_songs(corpus, seed=1)
    assert index_split(split).share == 1
    monkeypatch.setattr(phrases, "MOST", split.characters // 4)
    monkeypatch.setattr(phrases, "PIECE", 2000)
    index = index_split(split)
    assert index.share == pytest.approx(0.25, rel=0.01)
    learnt = "\n".join(song.lyrics for song in split.train)
    known = [measure(index, line).longest == 4 for line in learnt.split("\n")]
    assert sum(known) / len(known) == pytest.approx(0.25, abs=0.05)
    half = len(known) // 2
    assert sum(known[:half]) == pytest.approx(sum(known[half:]), rel=0.3)


def test_validation_is_not_indexed() -> None:
    songs = [Song(id=str(number), lyrics=song) for number, song in enumerate(SONGBOOK[:30])]
    split = split_songs(Corpus(name="a", language="es", source="files", songs=songs), seed=1)
    index = index_split(split)
    assert all(measure(index, song.lyrics).share == 1 for song in split.train)
    assert all(measure(index, song.lyrics).share < 0.5 for song in split.val)


def test_an_index_comes_back_as_it_was_and_holds_no_text(tmp_path: Path) -> None:
    index = build_index(SONGBOOK[:40], build_index(SONGBOOK[40:]))
    save_index(tmp_path, dataclasses.replace(index, share=0.3))
    back = load_index(tmp_path)
    assert back.share == 0.3
    text = folded_words("\n".join(SONGBOOK[30:50]))
    assert RunLengths(index).of_new(text) == RunLengths(back).of_new(text)
    content = (tmp_path / PHRASES).read_bytes().lower()
    long_words = {word for song in SONGBOOK for word in folded_words(song) if len(word) > 5}
    assert not [word for word in long_words if word.encode() in content]


def test_a_missing_damaged_or_foreign_index_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing"):
        load_index(tmp_path)
    save_index(tmp_path, build_index(SONGBOOK[:3]))
    path = tmp_path / PHRASES
    whole = path.read_bytes()
    for content in (whole[:-5], whole[:-1] + bytes([whole[-1] ^ 1]), b"", b"la luna"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"truncated or was altered"):
            load_index(tmp_path)
    path.write_bytes(whole)
    arrays, metadata = load_tensors(path)
    save_tensors(path, arrays, metadata | {"version": "0"})
    with pytest.raises(UserError, match="another version"):
        load_index(tmp_path)


def test_the_same_songs_give_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        save_index(tmp_path / name, build_index(SONGBOOK))
    assert (tmp_path / "one" / PHRASES).read_bytes() == (tmp_path / "other" / PHRASES).read_bytes()


@given(st.lists(st.integers(0, 2**64 - 1), max_size=300), st.lists(st.integers(0, 2**64 - 1)))
def test_a_hash_set_never_denies_what_it_was_given(given_: list[int], others: list[int]) -> None:
    hashes = HashSet.of(np.array(given_, np.uint64))
    assert all(value in hashes for value in given_)
    asked = np.array([*given_, *others], np.uint64)
    assert hashes.holds(asked).tolist() == [value in hashes for value in [*given_, *others]]


def test_a_hash_set_hardly_ever_claims_what_it_was_not_given() -> None:
    numbers = np.random.default_rng(1).integers(0, 2**64, 1_100_000, np.uint64)
    hashes = HashSet.of(numbers[:100_000])
    assert len(hashes) == 100_000
    assert hashes.holds(numbers).sum() == 100_000
    assert sum(array.nbytes for array in hashes.arrays.values()) < 4.5 * 100_000


def test_the_song_that_a_run_comes_from() -> None:
    songs = [Song(id="1", lyrics="[Coro]\nVuelve el tren,\nvuelve"), Song(id="2", lyrics="el tren vuelve")]
    runs = [folded_words(run) for run in ("tren vuelve", "vuelve el tren", "el trenes", "el tren vuelve")]
    found = find_sources(songs, runs)
    assert [song.id if song else None for song in found] == ["1", "1", None, "1"]
    assert find_sources(songs, [["vuel", "ve"]]) == [None]
    assert find_sources([], [["el"]]) == [None]


def test_a_run_counts_as_copied_from_six_words_on() -> None:
    song = " ".join(f"w{number}" for number in range(20))
    index = build_index([song])
    for length in (COPIED - 1, COPIED):
        text = " ".join([*song.split()[:length], "never", *song.split()[-length:]])
        assert measure(index, text).longest == length
        assert (measure(index, text).share > 0) == (length == COPIED)
    assert json.dumps(dataclasses.asdict(measure(index, song)))

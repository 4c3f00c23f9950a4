"""The bench of adapting: what is compared is comparable, and the judge of manners can judge."""

from pathlib import Path

import pytest
from conftest import invent_song

from bench.adapt import AdaptConfig, main, some_of
from bench.manner import PIECE, learn_manner, pieces
from core.artifacts import Artifacts
from core.corpus import Corpus, write_corpus
from core.errors import UserError
from core.files import read_json
from data.sources.songbook import read_songbook
from pretrain.split import split_songs
from tests.adapting import write_base


def corpus(songs: int, lines: int = 12) -> Corpus:
    invented = tuple(invent_song(100 + number, lines) for number in range(songs))
    return Corpus(name="nadie", language="es", source="files", songs=invented)


def test_a_smaller_share_is_part_of_a_larger_one_and_validation_stays() -> None:
    whole = split_songs(corpus(60), seed=1)
    parts = [some_of(whole, share, seed=1) for share in (0.01, 0.2, 1.0)]
    ids = [{song.id for song in part.train} for part in parts]
    assert ids[0] < ids[1] < ids[2] == {song.id for song in whole.train}
    assert [len(each) for each in ids] == [2, round(0.2 * 54), 54]
    assert all(part.val == whole.val for part in parts)
    for part in parts:
        assert len(part.learnt) == len(part.train)
        assert part.characters == sum(len(song.lyrics) for song in part.train)


def test_the_judge_tells_an_artist_from_others_and_nobody_from_himself() -> None:
    artist = [invent_song(number, lines=24).lyrics for number in range(40)]
    others = [song.lyrics for song in read_songbook() if song.artist in ("Ramal Sur", "Nieves Altamira")]
    manner = learn_manner(artist[10:], others[20:], (artist[:5], others[:10]))
    assert manner.right == 1
    assert manner.share(artist[5:10]) == 1
    assert manner.share(others[10:20]) == 0
    same = learn_manner(artist[20:], artist[10:20], (artist[:5], artist[5:10]))
    assert 0.1 < same.right < 0.9


def test_a_text_is_cut_into_pieces_and_a_short_end_left_out() -> None:
    long, short = "a" * (2 * PIECE + PIECE // 2), "b" * (PIECE // 2 - 1)
    assert pieces([long, short]) == ["a" * PIECE, "a" * PIECE, "a" * (PIECE // 2)]


def test_a_bench_compares_every_method_with_every_share(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    base = write_base()
    write_corpus(
        Artifacts("libro").corpus,
        Corpus(name="libro", language="es", source="files", songs=tuple(invent_song(n, 24) for n in range(60))),
    )
    write_corpus(Artifacts("nadie").corpus, corpus(40, lines=24))
    out = tmp_path / "adapt.json"
    main(
        AdaptConfig(
            base=str(base), corpus="nadie", shares=(0.1, 1.0), methods=("full", "scratch"), max_steps=6,
            scratch_steps=4, manner=6, output=out,
        )
    )  # fmt: skip
    found = read_json(out)
    rows = [row for row in found if "bits" in row]
    assert [(row["share"], row["method"], row["steps"]) for row in rows] == [
        (0.1, "full", 6), (0.1, "scratch", 4), (1.0, "full", 6), (1.0, "scratch", 4),
    ]  # fmt: skip
    by = {(row["share"], row["method"]): row for row in rows}
    assert by[0.1, "full"]["start_bits"] == by[1.0, "full"]["start_bits"]
    assert by[0.1, "scratch"]["start_bits"] != by[0.1, "full"]["start_bits"]
    assert all(row["bits"] <= row["trained_bits"] <= row["start_bits"] for row in rows)
    (judged,) = (row for row in found if "adapted" in row)
    assert judged["method"] == "full"
    printed = capsys.readouterr().out
    assert printed.count("| nadie |") == 4
    assert "manner      nadie, full" in printed


def test_a_method_that_is_none_is_an_error() -> None:
    with pytest.raises(UserError, match="no method magic"):
        main(AdaptConfig(base="libro", corpus="nadie", methods=("magic",)))

from functools import lru_cache

import pytest
import torch

from core.errors import UserError
from data.sources.songbook import read_songbook
from generate.compose import Composition, compose_all
from generate.sampling import Sampling
from generate.verse.composer import Composer
from generate.verse.pieces import pieces_of
from generate.verse.plan import Plan
from generate.write import Request, Writer
from pretrain.checkpoint import Checkpoint
from pretrain.lexicon import Lexicon, Words, build_lexicon
from pretrain.split import Fingerprints
from pretrain.tokenizer import Kind, Tokenizer
from prosody.checking import check
from prosody.form import parse_form
from prosody.line import Language
from prosody.rhyming import analyse
from prosody.structure import parse_structure
from tests.conftest import make_model

SONGS = list(read_songbook())


@lru_cache(maxsize=8)
def composer_of(language: Language, kind: Kind = "bpe", architecture: str = "qwen3") -> Composer:
    """A model that has learnt nothing: whatever keeps the form, it is not the model's doing."""
    songs = [song for song in SONGS if song.language == language]
    texts = [text for song in songs for text in (song.title, song.lyrics)]
    tokenizer = Tokenizer.train(texts, kind, verse_codes=True)
    model = make_model("gpt2" if architecture == "gpt2" else "qwen3", vocab_size=tokenizer.vocab_size, block_size=64)
    checkpoint = Checkpoint(model, tokenizer, "songs", Fingerprints())
    return Composer(Writer(checkpoint), build_lexicon(songs, language))


def compose(composer: Composer, form: str, seed: int = 1, prompt: str = "", structure: str = "") -> Composition:
    plan = Plan(form=parse_form(form, composer.language), structure=parse_structure(structure) if structure else ())
    request = Request(title="La casa", prompt=prompt, seed=seed, sampling=Sampling(temperature=0.7))
    composition = Composition(composer, request, plan)
    list(composition)
    return composition


def faults(composition: Composition) -> list[str]:
    lines = [line.text for line in composition.lines]
    return [
        finding.message
        for line in check(composition.plan.form, lines, composition.composer.language)
        for finding in line
    ]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("form", ["ABBA 8", "-a-a 7 5 7 5", "abab 11", "AAB CCB 6", "--- 5 7 5"])
def test_what_is_written_keeps_the_form_with_words_that_exist(form: str, seed: int) -> None:
    composer = composer_of("es")
    composition = compose(composer, form, seed)
    assert not composition.failure
    assert not faults(composition)
    verses = [line for line in composition.lines if line.verse]
    assert len(verses) == composition.plan.form.lines
    words = [word for line in verses for word in analyse(line.text, "es").words]
    assert set(words) <= set(composer.lexicon.of("es").counts)
    ends = [analyse(line.text, "es").last_word for line in verses]
    assert len(ends) == len(set(ends))
    assert all(analyse(line.text, "es").syllables == line.verse.syllables for line in verses if line.verse)


@pytest.mark.parametrize(("language", "form"), [("fr", "ABAB 8"), ("en", "AABB 8")])
def test_other_languages_keep_it_as_well(language: Language, form: str) -> None:
    composition = compose(composer_of(language), form)
    assert not composition.failure
    assert not faults(composition)


@pytest.mark.parametrize(
    ("kind", "architecture"), [("bpe-char", "qwen3"), ("char", "qwen3"), ("word", "qwen3"), ("bpe", "gpt2")]
)
def test_every_kind_of_tokenizer_and_model_keeps_it(kind: Kind, architecture: str) -> None:
    composition = compose(composer_of("es", kind, architecture), "AABB 8")
    assert not composition.failure
    assert not faults(composition)


def test_the_same_seed_writes_the_same_and_another_another() -> None:
    texts = [compose(composer_of("es"), "ABAB 8", seed).text for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]


def test_a_chorus_returns_word_for_word_and_verses_have_rhymes_of_their_own() -> None:
    composition = compose(composer_of("es"), "AA 6", structure="verso coro verso coro")
    blocks = composition.text.split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == ["[Verso 1]", "[Coro]", "[Verso 2]", "[Coro]"]
    assert blocks[1] == blocks[3]
    assert len({analyse(block, "es").consonant for block in blocks[:3]}) == 3


def test_a_prompt_is_how_the_first_line_begins() -> None:
    composition = compose(composer_of("es"), "AA 11", prompt="El zorzal Quetzalcóatl")
    assert composition.lines[0].text.startswith("El zorzal Quetzalcóatl")
    assert not faults(composition)
    with pytest.raises(UserError, match="several lines"):
        compose(composer_of("es"), "AA 8", prompt="uno\ndos")


def test_poems_side_by_side_are_each_what_was_asked_and_have_titles_of_their_own() -> None:
    composer = composer_of("es")
    forms = ["AA 8", "ABAB 6", "--- 5 7 5"]
    poems = [Composition(composer, Request(seed=seed), Plan(form=parse_form(form))) for seed, form in enumerate(forms)]
    lines = list(compose_all(poems))
    for number, poem in enumerate(poems):
        assert [line for of, line in lines if of == number] == poem.lines
        assert not faults(poem)
        assert len(poem.lines) == poem.plan.form.lines
    assert len({poem.title for poem in poems}) == 3


def test_what_cannot_be_satisfied_is_said() -> None:
    known = composer_of("es")
    few = Lexicon(
        {"es": Words(*(type(known.lexicon.of("es").counts)({"noche": 1, "luna": 1, "la": 1}) for _ in range(2)))}
    )
    composition = compose(Composer(known.writer, few), "AA 8")
    assert composition.failure == "line 1: no word has 1 other to rhyme with"
    composition = compose(known, "AA 3", prompt="Esta frase es más larga")
    assert "line 1: nothing of 3 syllables" in composition.failure


def test_no_phrase_of_the_songs_is_longer_than_is_allowed() -> None:
    composer = composer_of("es")
    with pytest.raises(UserError, match="does not know what it has learnt"):
        Composition(composer, Request(max_copied_words=4), Plan(form=parse_form("AA 8")))


def test_models_without_codes_and_lines_too_long_are_refused() -> None:
    composer = composer_of("es")
    with pytest.raises(UserError, match="lines of 19 syllables"):
        Composition(composer, Request(), Plan(form=parse_form("AA 19")))
    with pytest.raises(UserError, match="without counts"):
        Composition(composer, Request(), Plan(form=parse_form("AA")))
    plain = Tokenizer.train([song.lyrics for song in SONGS[:9]], "bpe")
    checkpoint = Checkpoint(make_model("qwen3", vocab_size=plain.vocab_size), plain, "songs", Fingerprints())
    with pytest.raises(UserError, match="without verse codes"):
        Composer(Writer(checkpoint), composer.lexicon)
    with pytest.raises(UserError, match="no words in fr"):
        Composer(composer.writer, composer.lexicon, "fr")
    with pytest.raises(UserError, match="songs in en, es"):
        Composer(composer.writer, composer.lexicon + composer_of("en").lexicon)


def test_pieces_spell_what_tokens_spell() -> None:
    tokenizer = composer_of("es").writer.tokenizer
    for id_, piece in enumerate(pieces_of(tokenizer)):
        if piece.kind in ("word", "sign") and "�" not in tokenizer.decode([id_]):
            assert tokenizer.decode([id_]) == " " * piece.spaced + piece.text.decode()
        elif piece.kind == "newline":
            assert tokenizer.decode([id_]) == "\n"


torch.set_num_threads(1)

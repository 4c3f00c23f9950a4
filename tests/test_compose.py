from copy import copy
from functools import lru_cache

import numpy as np
import pytest
import torch

from core.errors import UserError
from data.sources.songbook import read_songbook
from generate import sampling as sampling_module
from generate.compose import Composition, compose_all
from generate.network import Network
from generate.originality import measure
from generate.sampling import Sampling
from generate.verse import line_search
from generate.verse.composer import Composer
from generate.verse.pieces import pieces_of
from generate.verse.plan import Plan
from generate.write import Request, Writer
from pretrain.checkpoint import Checkpoint
from pretrain.lexicon import Lexicon, Words, build_lexicon
from pretrain.model import GPT
from pretrain.phrases import build_index
from pretrain.split import Fingerprints
from pretrain.tokenizer import Kind, Tokenizer
from prosody.checking import check
from prosody.form import parse_form
from prosody.line import Language
from prosody.rhyming import analyse
from prosody.structure import parse_structure
from tests.conftest import make_model

SONGS = list(read_songbook())
MODELS: dict[str, GPT] = {}
"""The first of each language."""


@lru_cache(maxsize=8)
def composer_of(language: Language, kind: Kind = "bpe", architecture: str = "qwen3") -> Composer:
    """A model that has learnt nothing: whatever keeps the form, it is not the model's doing."""
    songs = [song for song in SONGS if song.language == language]
    texts = [text for song in songs for text in (song.title, song.lyrics)]
    tokenizer = Tokenizer.train(texts, kind, verse_codes=True)
    model = make_model("gpt2" if architecture == "gpt2" else "qwen3", vocab_size=tokenizer.vocab_size, block_size=64)
    checkpoint = Checkpoint(model, tokenizer, "songs", Fingerprints())
    MODELS.setdefault(language, model)
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
@pytest.mark.parametrize("form", ["ABBA 8", "AABB 2", "-a-a 7 5 7 5", "abab 11", "AAB CCB 6", "--- 5 7 5"])
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
    alone = [Composition(composer, poem.request, poem.plan) for poem in poems]
    lines = list(compose_all(poems))
    for number, poem in enumerate(poems):
        assert list(alone[number]) == poem.lines
        assert [line for of, line in lines if of == number] == poem.lines
        assert not faults(poem)
        assert len(poem.lines) == poem.plan.form.lines
    assert len({poem.title for poem in poems}) == 3


class Unsteady(Network):
    """Logits that are a little off, each time otherwise, as they are beside other sequences."""

    def __init__(self, model: GPT, seed: int, most: float) -> None:
        super().__init__(model)
        self._chance, self._most = np.random.default_rng(seed), most

    def add(self, ids: list[int]) -> np.ndarray:
        return self._shaken(super().add(ids))

    def advance(self, ids: list[int]) -> np.ndarray:
        return self._shaken(super().advance(ids))

    def _shaken(self, logits: np.ndarray) -> np.ndarray:
        return logits + self._chance.uniform(-self._most, self._most, logits.shape).astype(np.float32)


@pytest.mark.parametrize("sampling", [Sampling(top_p=1.0, min_p=0.2), Sampling(temperature=0.0)], ids=["drawn", "best"])
def test_rounding_does_not_decide_what_a_line_becomes(sampling: Sampling, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is doubtful is made more, so that a few lines are enough to meet it.
    for module in (line_search, sampling_module):
        monkeypatch.setattr(module, "DOUBT", 0.5)
    steady = composer_of("es")
    texts: set[str] = set()
    for seed in range(3):
        writer = copy(steady.writer)
        writer.network = Unsteady(MODELS["es"], seed, 0.2)
        composer = copy(steady)
        composer.writer = writer
        poem = Composition(composer, Request(title="La casa", sampling=sampling), Plan(form=parse_form("AA 6")))
        list(poem)
        assert len(poem.lines) == 2
        texts.add(poem.text)
    assert len(texts) == 1


def test_a_prompt_that_is_a_whole_verse_stays_as_it_is_and_gives_the_rhyme() -> None:
    composition = compose(composer_of("es"), "ABAB 8", prompt="Se va la noche del río")
    assert composition.lines[0].text.rstrip(",.;:!?…") == "Se va la noche del río"
    assert not composition.failure
    assert not faults(composition)
    composition = compose(composer_of("es"), "AA 8", prompt="Una mujer con un álbum")
    assert composition.failure == "line 2: no other word that rhymes with álbum"


def test_no_run_of_words_is_longer_than_allowed_across_lines_and_a_chorus_that_returns() -> None:
    lyrics = [song.lyrics for song in SONGS if song.language == "es"]
    known = composer_of("es")
    index = build_index(lyrics)
    composer = copy(known)
    composer.writer = copy(known.writer)
    composer.writer.index = index
    plan = Plan(form=parse_form("AABB 8"), structure=parse_structure("verso coro verso coro"))
    longest: list[int] = []
    for most in (None, 1):
        poem = Composition(composer, Request(title="La casa", seed=3, max_copied_words=most), plan)
        list(poem)
        assert not poem.failure
        longest.append(measure(index, poem.text).longest)
    assert longest[0] > 1 == longest[1]


def test_of_copies_the_prompt_is_the_users_own() -> None:
    line = next(line for song in SONGS if song.language == "es" for line in song.lyrics.split("\n") if len(line) > 20)
    prompt = " ".join(line.split()[:3])
    known = composer_of("es")
    composer = copy(known)
    composer.writer = copy(known.writer)
    composer.writer.index = build_index([song.lyrics for song in SONGS])
    request = Request(title="La casa", prompt=prompt, max_copied_words=2)
    for structure in ("", "verso coro"):
        plan = Plan(form=parse_form("AA 14"), structure=parse_structure(structure) if structure else ())
        poem = Composition(composer, request, plan)
        list(poem)
        assert not poem.failure
        assert prompt in poem.text


def test_the_last_line_does_not_promise_another() -> None:
    for seed in range(4):
        assert not compose(composer_of("es"), "AA 6", seed).text.endswith((",", ";", ":", "—"))


def test_what_cannot_be_satisfied_is_said() -> None:
    known = composer_of("es")
    few = Lexicon(
        {"es": Words(*(type(known.lexicon.of("es").counts)({"noche": 1, "luna": 1, "la": 1}) for _ in range(2)))}
    )
    composition = compose(Composer(known.writer, few), "AA 8")
    assert composition.failure == "line 1: no word has 1 other to rhyme with"
    composition = compose(known, "AA 3", prompt="Esta frase es más larga")
    assert composition.failure == (
        "line 1: nothing of 3 syllables that begins with “Esta frase es más larga” was found"
    )


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

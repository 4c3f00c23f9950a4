"""What a base cannot write: said, refused, or added to it."""

import pytest
import torch

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, write_corpus
from core.errors import UserError
from finetune.alphabet import with_characters
from finetune.train import FinetuneConfig, Method
from finetune.train import main as finetune
from pretrain.checkpoint import load_checkpoint
from pretrain.tokenizer import Kind, Tokenizer
from tests.adapting import write_base
from tests.conftest import invent_song

CPU = torch.device("cpu")
TUNE = {"base": "libro", "corpus": "nadie", "max_steps": 10, "batch_size": 4, "device": "cpu"}


def test_a_corpus_the_base_cannot_write_is_refused_and_a_rare_letter_is_not() -> None:
    write_base()
    songs = [invent_song(number) for number in range(200, 206)]
    cyrillic = [Song(id=song.id, lyrics=song.lyrics.replace("a", "я")) for song in songs]
    write_corpus(Artifacts("nadie").corpus, Corpus(name="nadie", language="es", source="files", songs=tuple(cyrillic)))
    with pytest.raises(UserError, match=r"cannot write \d+\.\d% of this corpus: я"):
        finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]
    assert not Artifacts("nadie").run("finetune", "default").exists()
    rare = [*songs, Song(id="rare", lyrics=songs[0].lyrics + "☃")]
    write_corpus(Artifacts("nadie").corpus, Corpus(name="nadie", language="es", source="files", songs=tuple(rare)))
    finetune(FinetuneConfig(**TUNE))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_characters_the_base_lacks_are_added_when_asked(method: Method, capsys: pytest.CaptureFixture[str]) -> None:
    base = load_checkpoint(write_base(), CPU)
    songs = [invent_song(number) for number in range(200, 206)]
    accents = tuple(Song(id=song.id, lyrics=song.lyrics.replace("a", "à").replace("o", "☃")) for song in songs)
    write_corpus(Artifacts("nadie").corpus, Corpus(name="nadie", language="es", source="files", songs=accents))
    finetune(FinetuneConfig(**TUNE, method=method, extend_tokenizer=True))  # type: ignore[arg-type]
    assert "extended    the tokenizer, by 2 characters" in capsys.readouterr().out
    adapted = load_checkpoint(Artifacts("nadie").run("finetune", "default"), CPU)
    assert adapted.model.config.vocab_size == adapted.tokenizer.vocab_size == base.tokenizer.vocab_size + 2
    text = accents[0].lyrics
    assert adapted.tokenizer.decode(adapted.tokenizer.encode(text)) == text
    assert adapted.tokenizer.encode("luna") == base.tokenizer.encode("luna")
    finetune(FinetuneConfig(base="libro", corpus="nadie", resume=True))  # it knows that it was extended


def test_a_new_letter_begins_as_the_one_it_is_like() -> None:
    base = load_checkpoint(write_base(), CPU)
    model, tokenizer = with_characters(base.model, base.tokenizer, ["à", "☃"])
    rows, old = model.token_embedding.weight, base.model.token_embedding.weight
    letter, snowman, plain = (tokenizer.encode(char)[0] for char in ("à", "☃", "a"))
    assert torch.equal(rows[: len(old)], old)
    assert torch.equal(rows[letter], old[plain])
    assert torch.equal(rows[snowman], old.mean(0))
    ids = torch.tensor([tokenizer.encode("la luna")])
    assert torch.equal(model(ids)[..., : len(old)], base.model(ids))


@pytest.mark.parametrize("kind", ["char", "bpe-char"])
def test_an_extended_tokenizer_writes_the_new_characters_and_the_old_text_as_before(kind: Kind) -> None:
    text = invent_song(1, lines=40).lyrics
    tokenizer = Tokenizer.train([text], kind, verse_codes=True)
    extended = tokenizer.extended(["é", "☃"])
    assert extended.vocab_size == tokenizer.vocab_size + 2
    assert extended.encode(text) == tokenizer.encode(text)
    assert extended.decode(extended.encode("la é☃luna☃")) == "la é☃luna☃"
    assert extended.special == tokenizer.special
    assert Tokenizer.from_json(extended.to_json()).sha256 == extended.sha256


def test_characters_cannot_be_added_to_whole_words() -> None:
    tokenizer = Tokenizer.train([invent_song(1).lyrics], "word")
    with pytest.raises(UserError, match="whole words"):
        tokenizer.extended(["é"])

"""Exports as GGUF: what transformers and llama.cpp read is what we have."""

from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.errors import UserError
from generate.export import ExportConfig
from generate.export import main as export
from generate.exporting.to_gguf import OutType, check_gguf
from pretrain.model import Architecture
from pretrain.tokenizer import Kind, Tokenizer
from tests.conftest import invent_song
from tests.exporting import BLOCK, checkpoint_in, load, ours, prompt_ids, song_prompt, texts_for, train_in

KINDS: list[Kind] = ["bpe", "bpe-char", "char"]


def exported(source: Path, out: Path, outtype: OutType = "f32") -> Path:
    export(ExportConfig(checkpoint=str(source), to="gguf", outtype=outtype, out=str(out)))
    return out


@pytest.fixture(params=KINDS)
def source(
    request: pytest.FixtureRequest, architecture: Architecture, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkpoint of each architecture, with each kind of tokenizer that GGUF knows."""
    return checkpoint_in(tmp_path_factory, architecture, request.param)


@pytest.fixture
def spanish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint_in(tmp_path_factory, "qwen3", "bpe-char")


@torch.no_grad()
def test_transformers_reads_our_logits_tokens_and_greedy_text(source: Path, tmp_path: Path) -> None:
    path, checkpoint = exported(source, tmp_path / "model.gguf"), load(source)
    model: Any = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
    tokenizer: Any = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    special = checkpoint.tokenizer.special
    assert len(special) > 5  # the marks of verse, too
    text = [id_ for id_ in range(checkpoint.tokenizer.vocab_size) if id_ not in special]
    written = [*text, checkpoint.tokenizer.end]
    ids = torch.randint(checkpoint.tokenizer.vocab_size, (4, BLOCK), generator=torch.Generator().manual_seed(1))
    theirs, expected = model(ids).logits, checkpoint.model(ids)
    assert (theirs - expected)[..., written].abs().max() <= 1e-4
    hidden = sorted(special.difference(written))
    assert (theirs[..., hidden].amax(-1) <= theirs[..., text].amax(-1)).all()

    for text in texts_for(checkpoint):
        ids = checkpoint.tokenizer.encode(text)
        # A mark first, as in every prompt for a song.
        assert tokenizer("<|lyrics|>" + text)["input_ids"] == [checkpoint.tokenizer.lyrics, *ids]
        assert tokenizer.decode([checkpoint.tokenizer.lyrics, *ids], skip_special_tokens=True) == text

    prompt = tokenizer(song_prompt(), return_tensors="pt")
    assert prompt["input_ids"][0].tolist() == prompt_ids(checkpoint)
    assert tokenizer.eos_token_id == checkpoint.tokenizer.end
    song = model.generate(**prompt, do_sample=False, max_length=BLOCK)[0]
    written = song[prompt["input_ids"].size(1) :]
    assert len(written) > 5
    assert tokenizer.decode(written, skip_special_tokens=True) == ours(checkpoint, prompt_ids(checkpoint))


@torch.no_grad()
def test_smaller_types_cost_little_and_are_smaller(source: Path, tmp_path: Path) -> None:
    checkpoint = load(source)
    ids = torch.randint(checkpoint.tokenizer.vocab_size, (4, BLOCK), generator=torch.Generator().manual_seed(1))
    written = sorted(set(range(checkpoint.tokenizer.vocab_size)) - checkpoint.tokenizer.special)
    expected = checkpoint.model(ids)[..., written]
    errors, sizes = [], []
    for outtype in ("f32", "f16", "q8_0"):
        path = exported(source, tmp_path / f"{outtype}.gguf", outtype)
        model: Any = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name)
        errors.append(float((model(ids).logits[..., written] - expected).std() / expected.std()))
        sizes.append(path.stat().st_size)
    assert errors[0] < errors[1] < 1e-3 < errors[2] < 0.03
    assert sizes == sorted(sizes, reverse=True)


def test_rows_that_are_no_blocks_of_32_become_f16(tmp_path: Path) -> None:
    source = train_in(tmp_path / "artifacts", "gpt2", "char", n_embd=24)
    reader = GGUFReader(exported(source, tmp_path / "model.gguf", "q8_0"))
    types = {tensor.name: tensor.tensor_type for tensor in reader.tensors}
    assert types["blk.0.attn_qkv.weight"] == GGMLQuantizationType.F16  # rows of 24
    assert types["blk.0.ffn_down.weight"] == GGMLQuantizationType.Q8_0  # rows of 96
    assert types["blk.0.attn_norm.weight"] == types["position_embd.weight"] == GGMLQuantizationType.F32
    down = next(tensor for tensor in reader.tensors if tensor.name == "blk.0.ffn_down.weight")
    ours_down = load(source).model.state_dict()["blocks.0.feed_forward.out.weight"]
    assert abs(gguf.dequantize(down.data, down.tensor_type) - ours_down.numpy()).max() < 0.01


def field(reader: GGUFReader, name: str) -> Any:
    return reader.fields[name].contents()


def test_the_file_says_what_it_is_and_how_it_is_sampled(source: Path, tmp_path: Path) -> None:
    reader, checkpoint = GGUFReader(exported(source, tmp_path / "model.gguf")), load(source)
    assert field(reader, "general.name") == "payador-nadie"
    assert field(reader, "general.languages") == ["es"]
    assert field(reader, "general.license") == "other"
    assert "nothing here says whose they are" in field(reader, "general.description")
    assert field(reader, "general.sampling.temp") == pytest.approx(0.8)
    assert field(reader, "general.sampling.top_p") == pytest.approx(0.95)
    suppressed = checkpoint.tokenizer.special - {checkpoint.tokenizer.end}
    assert field(reader, "tokenizer.ggml.suppress_tokens") == sorted(suppressed)


def test_a_word_tokenizer_is_refused(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    source = checkpoint_in(tmp_path_factory, "qwen3", "word")
    with pytest.raises(UserError, match="GGUF knows no word tokenizers"):
        exported(source, tmp_path / "out" / "model.gguf")
    assert not (tmp_path / "out").exists()


def test_an_alphabet_with_the_sign_for_spaces_is_refused_where_characters_are_tokens() -> None:
    texts = [invent_song(1).lyrics + "▁"]
    with pytest.raises(UserError, match="which is a character of this model"):
        check_gguf(Tokenizer.train(texts, "char"))
    check_gguf(Tokenizer.train(texts, "bpe"))


def test_an_earlier_file_is_replaced_and_nothing_else(spanish: Path, tmp_path: Path) -> None:
    path = exported(spanish, tmp_path / "model.gguf", "q8_0")
    small = path.stat().st_size
    assert exported(spanish, path).stat().st_size > small
    whole = path.read_bytes()
    writer = gguf.GGUFWriter(tmp_path / "other.gguf", "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for content in (
        b"",
        b"my own notes, for long enough to be a header",
        whole[:400],
        (tmp_path / "other.gguf").read_bytes(),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match="no earlier export"):
            exported(spanish, path)
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("model", "notes"),
    [
        (("qwen3", "bpe", 30), []),
        (("gpt2", "bpe", 30), ["behind 64 tokens"]),
        (("qwen3", "char", 30), ["never saw"]),
        (("qwen3", "bpe-char", 30), ["never saw", "two spaces"]),
        (("gpt2", "char", 1), ["behind 64 tokens", "never saw", "puts a space"]),
    ],
)
def test_what_others_do_differently_is_said(
    model: tuple[Architecture, Kind, int],
    notes: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    architecture, kind, songs = model
    source = checkpoint_in(tmp_path_factory, architecture, kind, songs=songs)
    capsys.readouterr()
    exported(source, tmp_path / "model.gguf")
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note ")]
    assert len(said) == len(notes)
    assert all(note in line for note, line in zip(notes, said, strict=True))


class Llama:
    """llama.cpp with one file."""

    def __init__(self, path: Path) -> None:
        llama_cpp = pytest.importorskip("llama_cpp")
        self.model: Any = llama_cpp.Llama(str(path), n_ctx=BLOCK, n_threads=1, verbose=False)

    def __enter__(self) -> "Llama":
        return self

    def __exit__(self, *_: object) -> None:
        self.model.close()

    def tokenize(self, text: str) -> list[int]:
        return self.model.tokenize(text.encode(), add_bos=True, special=True)

    def greedy(self, prompt: str) -> str:
        tokens = BLOCK - len(self.tokenize(prompt))
        answer = self.model.create_completion(prompt, max_tokens=tokens, temperature=0, repeat_penalty=1)
        return answer["choices"][0]["text"]


def test_llama_cpp_writes_our_greedy_text(source: Path, tmp_path: Path) -> None:
    checkpoint = load(source)
    own = checkpoint.tokenizer
    with Llama(exported(source, tmp_path / "model.gguf")) as llama:
        for text in texts_for(checkpoint):
            assert llama.tokenize("<|lyrics|>" + text) == [own.lyrics, *own.encode(text)]
            assert llama.tokenize(text) == own.encode(text)
        assert llama.tokenize(song_prompt()) == prompt_ids(checkpoint)
        assert llama.model.token_eos() == own.end
        assert llama.greedy(song_prompt()) == ours(checkpoint, prompt_ids(checkpoint))


def test_llama_cpp_puts_nothing_before_a_running_text(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    source = checkpoint_in(tmp_path_factory, "gpt2", "char", songs=1)
    with Llama(exported(source, tmp_path / "model.gguf")) as llama:
        assert llama.tokenize("La luna") == load(source).tokenizer.encode("La luna")


def test_llama_cpp_joins_characters_as_our_bpe_does(spanish: Path, tmp_path: Path) -> None:
    own = load(spanish).tokenizer
    assert own.characters is not None
    letters = st.sampled_from(sorted(own.characters - {" "}))
    with Llama(exported(spanish, tmp_path / "model.gguf")) as llama:

        @settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.lists(st.text(letters, min_size=1, max_size=12), min_size=1, max_size=8).map(" ".join))
        def same(text: str) -> None:
            assert llama.tokenize(text) == own.encode(text)

        same()

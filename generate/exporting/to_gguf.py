"""A checkpoint as one GGUF file for llama.cpp and what builds on it; transformers reads it, too.

Its tokenizer is one of two that all of them know:

bpe        "gpt2": byte-level BPE behind GPT-2's own splitting into words, which is what ours is.
others     "llama", as SentencePiece's BPE: characters, a space written ▁, pairs joined in the order of their
           scores, with no splitting into words. No token of ours stands in two words, so what is joined is
           the same but for runs of spaces.

The format: github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import gguf
from gguf import GGMLQuantizationType, GGUFValueType, GGUFWriter, LlamaFileType, TokenType

from core.errors import UserError
from core.tensors import Array
from generate.exporting.renaming import Names, renamed
from generate.exporting.to_transformers import LAYER_NORM_EPSILON, suppressed
from generate.sampling import Sampling
from pretrain.checkpoint import Checkpoint
from pretrain.model import RMS_EPSILON, ROPE_THETA, ModelConfig
from pretrain.tokenizer import PIECES, Tokenizer

About = Mapping[str, str | list[str]]
OutType = Literal["f32", "f16", "q8_0"]

# What SentencePiece writes for a space.
SPACE = "▁"

# llama.cpp makes room for a multiple of so many tokens, whether there are as many positions or not.
CONTEXT_UNIT = 256

_FILE_TYPES = {
    "f32": (LlamaFileType.ALL_F32, GGMLQuantizationType.F32),
    "f16": (LlamaFileType.MOSTLY_F16, GGMLQuantizationType.F16),
    "q8_0": (LlamaFileType.MOSTLY_Q8_0, GGMLQuantizationType.Q8_0),
}

NAMES: dict[str, Names] = {
    "gpt2": {
        "token_embedding": ("token_embd",),
        "position_embedding": ("position_embd",),
        "norm": ("output_norm",),
        "blocks.*.attention_norm": ("blk.*.attn_norm",),
        "blocks.*.attention.qkv": ("blk.*.attn_qkv",),
        "blocks.*.attention.out": ("blk.*.attn_output",),
        "blocks.*.feed_forward_norm": ("blk.*.ffn_norm",),
        "blocks.*.feed_forward.into": ("blk.*.ffn_up",),
        "blocks.*.feed_forward.out": ("blk.*.ffn_down",),
    },
    "qwen3": {
        "token_embedding": ("token_embd",),
        "norm": ("output_norm",),
        "blocks.*.attention_norm": ("blk.*.attn_norm",),
        "blocks.*.attention.qkv": ("blk.*.attn_q", "blk.*.attn_k", "blk.*.attn_v"),
        "blocks.*.attention.q_norm": ("blk.*.attn_q_norm",),
        "blocks.*.attention.k_norm": ("blk.*.attn_k_norm",),
        "blocks.*.attention.out": ("blk.*.attn_output",),
        "blocks.*.feed_forward_norm": ("blk.*.ffn_norm",),
        "blocks.*.feed_forward.into": ("blk.*.ffn_gate", "blk.*.ffn_up"),
        "blocks.*.feed_forward.out": ("blk.*.ffn_down",),
    },
}


def check_gguf(tokenizer: Tokenizer) -> None:
    """Raise UserError when the tokenizer is none that GGUF can hold."""
    backend = _backend(tokenizer)
    if backend["model"]["type"] == "WordLevel" and backend["pre_tokenizer"]["pattern"] == {"Regex": PIECES}:
        raise UserError(
            "GGUF knows no word tokenizers", "--to transformers, or train with --kind bpe, bpe-char or char"
        )
    if tokenizer.characters is not None and SPACE in tokenizer.characters:
        raise UserError(f"GGUF writes a space as {SPACE}, which is a character of this model", "--to transformers")


def gguf_notes(checkpoint: Checkpoint) -> list[str]:
    """What other programs do differently with this model, a line each."""
    config, notes = checkpoint.model.config, list[str]()
    if config.architecture == "gpt2" and config.block_size % CONTEXT_UNIT:
        notes.append(f"llama.cpp stops with an error behind {config.block_size} tokens: ask it for fewer, with -n")
    if checkpoint.tokenizer.characters is None:
        return notes
    notes.append("llama.cpp stops with an error at a character that the model never saw")
    if checkpoint.document == "text":
        notes.append("transformers puts a space before the prompt when it reads the file; --to transformers does not")
    if _backend(checkpoint.tokenizer)["model"]["type"] == "BPE":
        notes.append("two spaces or more before a word become other tokens than here")
    return notes


def write_gguf(path: Path, checkpoint: Checkpoint, sampling: Sampling, outtype: OutType, about: About) -> None:
    """Write the model with its weights as `outtype`; `about` holds further keys; what is empty is left out.

    q8_0 takes rows of 32 weights; matrices with other rows are f16. Vectors and positions stay f32, as
    llama.cpp's own converter leaves them.
    """
    config = checkpoint.model.config
    file_type, wanted = _FILE_TYPES[outtype]
    writer = GGUFWriter(path, config.architecture)
    writer.add_file_type(file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for name, value in about.items():
        if value:
            writer.add_key_value(name, value, GGUFValueType.get_type(value))
    _add_sizes(writer, config)
    _add_sampling(writer, sampling)
    _add_tokenizer(writer, checkpoint.tokenizer)
    writer.add_array("tokenizer.ggml.suppress_tokens", suppressed(checkpoint.tokenizer))
    for name, array in _tensors(checkpoint):
        kind = _type_of(name, array, wanted)
        writer.add_tensor(name, gguf.quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(checkpoint: Checkpoint) -> Iterator[tuple[str, Array]]:
    """All weights, and an output of their own for logits.

    Marks that are never written have the mean of the text tokens' logits there, which the likeliest text token
    is never below: so they are not written by programs either that do not heed suppress_tokens.
    """
    model, special = checkpoint.model, checkpoint.tokenizer.special
    for name, array in renamed(model, NAMES[model.config.architecture]):
        yield name, array
        if name == "token_embd.weight":
            output = array.copy()
            text = [id_ for id_ in range(len(array)) if id_ not in special]
            output[suppressed(checkpoint.tokenizer)] = array[text].mean(axis=0)
            yield "output.weight", output


def _type_of(name: str, array: Array, wanted: GGMLQuantizationType) -> GGMLQuantizationType:
    if array.ndim == 1 or name.startswith("position_embd"):
        return GGMLQuantizationType.F32
    if wanted is GGMLQuantizationType.Q8_0 and array.shape[-1] % 32:
        return GGMLQuantizationType.F16
    return wanted


def _add_sizes(writer: GGUFWriter, config: ModelConfig) -> None:
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.block_size)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(config.n_inner)
    writer.add_block_count(config.n_layer)
    writer.add_head_count(config.n_head)
    if config.architecture == "gpt2":
        writer.add_layer_norm_eps(LAYER_NORM_EPSILON)
        # transformers (5.23) takes the count of positions from nowhere else, and every key wherever it finds it.
        writer.add_uint32("t5.context_length", config.block_size)
        return
    writer.add_head_count_kv(config.n_head)
    writer.add_key_length(config.head_size)
    writer.add_value_length(config.head_size)
    writer.add_layer_norm_rms_eps(RMS_EPSILON)
    writer.add_rope_freq_base(ROPE_THETA)
    # Likewise the size of a head.
    writer.add_uint32("gemma2.attention.key_length", config.head_size)


def _add_sampling(writer: GGUFWriter, sampling: Sampling) -> None:
    writer.add_sampling_temp(sampling.temperature)
    writer.add_sampling_top_k(sampling.top_k or 0)
    writer.add_sampling_top_p(sampling.top_p)
    writer.add_sampling_min_p(sampling.min_p)


def _add_tokenizer(writer: GGUFWriter, tokenizer: Tokenizer) -> None:
    in_bytes, model = tokenizer.characters is None, _backend(tokenizer)["model"]
    vocab: dict[str, int] = model["vocab"]
    tokens = sorted(vocab, key=vocab.__getitem__)
    merges: list[tuple[str, str]] = [(left, right) for left, right in model.get("merges", ())]
    if not in_bytes:
        tokens = [_spelt(token) for token in tokens]
        merges = [(_spelt(left), _spelt(right)) for left, right in merges]
        # SentencePiece joins the pair that makes the token of the highest score: the earliest merge's.
        score = {left + right: -float(rank) for rank, (left, right) in enumerate(merges)}
        writer.add_token_scores([score.get(token, 0.0) for token in tokens])
    writer.add_tokenizer_model("gpt2" if in_bytes else "llama")
    writer.add_tokenizer_pre("gpt-2" if in_bytes else "default")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [TokenType.CONTROL if id_ in tokenizer.special else TokenType.NORMAL for id_ in range(len(tokens))]
    )
    writer.add_token_merges([f"{left} {right}" for left, right in merges])
    writer.add_bos_token_id(tokenizer.song)
    writer.add_eos_token_id(tokenizer.end)
    writer.add_pad_token_id(tokenizer.end)
    writer.add_unk_token_id(tokenizer.unknown)
    # The prompt says all: where a song begins, and that a line begins with no space.
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)


def _backend(tokenizer: Tokenizer) -> dict[str, Any]:
    return json.loads(tokenizer.to_json())


def _spelt(token: str) -> str:
    return token.replace(" ", SPACE)

"""A checkpoint as a folder that Hugging Face transformers loads with no code of ours."""

from pathlib import Path
from typing import Any

from core.files import write_json
from core.tensors import Array, save_tensors
from generate.exporting.renaming import Names, renamed
from generate.sampling import Sampling
from pretrain.checkpoint import CONFIG, MODEL, TOKENIZER, Checkpoint
from pretrain.model import RMS_EPSILON, ROPE_THETA, ModelConfig
from pretrain.tokenizer import END, SONG, UNKNOWN, Tokenizer

# In an export's metadata, the SHA-256 of what was exported: by this name an export is known again.
SOURCE = "exported_model_sha256"

# PyTorch's own.
LAYER_NORM_EPSILON = 1e-5

# transformers' GPT2LMHeadModel and Qwen3ForCausalLM.
NAMES: dict[str, Names] = {
    "gpt2": {
        "token_embedding": ("transformer.wte",),
        "position_embedding": ("transformer.wpe",),
        "norm": ("transformer.ln_f",),
        "blocks.*.attention_norm": ("transformer.h.*.ln_1",),
        "blocks.*.attention.qkv": ("transformer.h.*.attn.c_attn",),
        "blocks.*.attention.out": ("transformer.h.*.attn.c_proj",),
        "blocks.*.feed_forward_norm": ("transformer.h.*.ln_2",),
        "blocks.*.feed_forward.into": ("transformer.h.*.mlp.c_fc",),
        "blocks.*.feed_forward.out": ("transformer.h.*.mlp.c_proj",),
    },
    "qwen3": {
        "token_embedding": ("model.embed_tokens",),
        "norm": ("model.norm",),
        "blocks.*.attention_norm": ("model.layers.*.input_layernorm",),
        "blocks.*.attention.qkv": tuple(f"model.layers.*.self_attn.{part}_proj" for part in "qkv"),
        "blocks.*.attention.q_norm": ("model.layers.*.self_attn.q_norm",),
        "blocks.*.attention.k_norm": ("model.layers.*.self_attn.k_norm",),
        "blocks.*.attention.out": ("model.layers.*.self_attn.o_proj",),
        "blocks.*.feed_forward_norm": ("model.layers.*.post_attention_layernorm",),
        "blocks.*.feed_forward.into": tuple(f"model.layers.*.mlp.{part}_proj" for part in ("gate", "up")),
        "blocks.*.feed_forward.out": ("model.layers.*.mlp.down_proj",),
    },
}


def write_transformers(folder: Path, checkpoint: Checkpoint, sampling: Sampling, source: str) -> None:
    """Write config, generation config with `sampling` as its defaults, tokenizer and weights into `folder`.

    `source` is the SHA-256 of the checkpoint's model.safetensors.
    """
    config, tokenizer = checkpoint.model.config, checkpoint.tokenizer
    ids = {"bos_token_id": tokenizer.song, "eos_token_id": tokenizer.end, "pad_token_id": tokenizer.end}
    sizes = _gpt2_config(config) if config.architecture == "gpt2" else _qwen3_config(config)
    write_json(folder / CONFIG, {**sizes, "vocab_size": config.vocab_size, **ids, "dtype": "float32"})
    write_json(folder / "generation_config.json", {**ids, **_generation(checkpoint, sampling)})
    tokenizer.save(folder / TOKENIZER)
    write_json(folder / "tokenizer_config.json", _tokenizer_config(tokenizer, config))
    arrays = dict(renamed(checkpoint.model, NAMES[config.architecture]))
    if config.architecture == "gpt2":
        arrays = {name: _conv1d(name, array) for name, array in arrays.items()}
    save_tensors(folder / MODEL, arrays, {SOURCE: source})


def suppressed(tokenizer: Tokenizer) -> list[int]:
    """Ids of the marks that are never written, as our own decoding writes none of them: all but the end."""
    return sorted(tokenizer.special - {tokenizer.end})


def _conv1d(name: str, array: Array) -> Array:
    """GPT-2's linear layers are transposed in transformers; embeddings are not."""
    return array.T if array.ndim == 2 and ".h." in name else array


def _gpt2_config(config: ModelConfig) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_positions": config.block_size,
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_inner": config.n_inner,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": LAYER_NORM_EPSILON,
        **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), config.dropout),
    }


def _qwen3_config(config: ModelConfig) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": ROPE_THETA}
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "max_position_embeddings": config.block_size,
        "hidden_size": config.n_embd,
        "intermediate_size": config.n_inner,
        "num_hidden_layers": config.n_layer,
        "num_attention_heads": config.n_head,
        "num_key_value_heads": config.n_head,
        "head_dim": config.head_size,
        "rms_norm_eps": RMS_EPSILON,
        "attention_dropout": config.dropout,
        "tie_word_embeddings": True,
        # Under both names: the first is that of versions before 5.
        "rope_theta": ROPE_THETA,
        "rope_parameters": rope,
    }


def _generation(checkpoint: Checkpoint, sampling: Sampling) -> dict[str, Any]:
    return {
        "do_sample": sampling.temperature > 0,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k or 0,  # left out, it would be their 50
        "top_p": sampling.top_p,
        "suppress_tokens": suppressed(checkpoint.tokenizer),
        # Positions end here: gpt2 has no more of them, and qwen3 has learnt no more.
        "max_length": checkpoint.model.config.block_size,
    }


def _tokenizer_config(tokenizer: Tokenizer, config: ModelConfig) -> dict[str, Any]:
    named = {tokenizer.song, tokenizer.end, tokenizer.unknown}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SONG,
        "eos_token": END,
        "pad_token": END,
        "unk_token": UNKNOWN,
        "additional_special_tokens": [tokenizer.backend.id_to_token(id_) for id_ in sorted(tokenizer.special - named)],
        "model_max_length": config.block_size,
        "model_input_names": ["input_ids", "attention_mask"],
        # It would drop the space before a comma or a question mark.
        "clean_up_tokenization_spaces": False,
    }

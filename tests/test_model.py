import math

import pytest
import torch
from torch import Tensor

from pretrain.model import GPT, Architecture, ModelConfig
from tests.conftest import make_model


def random_ids(*shape: int) -> Tensor:
    return torch.randint(50, shape, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_changing_a_token_leaves_every_earlier_output_untouched(architecture: Architecture) -> None:
    model = make_model(architecture)
    ids = random_ids(1, 20)
    before = model(ids)
    for position in range(20):
        changed = ids.clone()
        changed[0, position] = (changed[0, position] + 1) % 50
        after = model(changed)
        assert torch.equal(after[0, :position], before[0, :position])
        assert not torch.allclose(after[0, position], before[0, position])


@torch.no_grad()
def test_order_matters_beyond_the_last_token(architecture: Architecture) -> None:
    model = make_model(architecture)
    one, other = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[2, 1, 3, 4]])
    assert not torch.allclose(model(one)[0, -1], model(other)[0, -1])


def test_gpt2_gives_the_logits_of_transformers() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = make_model("gpt2", n_head=4)
    c = model.config
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=c.vocab_size,
            n_positions=c.block_size,
            n_embd=c.n_embd,
            n_layer=c.n_layer,
            n_head=c.n_head,
            bos_token_id=0,
            eos_token_id=0,
        )
    ).eval()
    names = {
        "transformer.wte.weight": "token_embedding.weight",
        "transformer.wpe.weight": "position_embedding.weight",
        "transformer.ln_f": "norm",
        "lm_head.weight": "token_embedding.weight",
    }
    parts = {"ln_1": "attention_norm", "ln_2": "feed_forward_norm", "attn.c_attn": "attention.qkv"}
    parts |= {"attn.c_proj": "attention.out", "mlp.c_fc": "feed_forward.into", "mlp.c_proj": "feed_forward.out"}
    for layer in range(c.n_layer):
        names |= {f"transformer.h.{layer}.{part}": f"blocks.{layer}.{ours}" for part, ours in parts.items()}
    state = model.state_dict()
    theirs.load_state_dict({name: _theirs(name, names, state) for name in theirs.state_dict()})
    _compare(model, theirs)


def _theirs(name: str, names: dict[str, str], state: dict[str, Tensor]) -> Tensor:
    """Their Conv1D holds the transpose of a Linear."""
    if name in names:
        return state[names[name]]
    stem, _, kind = name.rpartition(".")
    value = state[f"{names[stem]}.{kind}"]
    return value.T if kind == "weight" and value.dim() == 2 else value


def test_qwen3_gives_the_logits_of_transformers() -> None:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    model = make_model("qwen3", n_head=4)
    c = model.config
    theirs = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=c.vocab_size,
            max_position_embeddings=c.block_size,
            hidden_size=c.n_embd,
            intermediate_size=c.n_inner,
            num_hidden_layers=c.n_layer,
            num_attention_heads=c.n_head,
            num_key_value_heads=c.n_head,
            head_dim=c.head_size,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        )
    ).eval()
    ours = model.state_dict()
    state = {"model.embed_tokens.weight": ours["token_embedding.weight"], "model.norm.weight": ours["norm.weight"]}
    state["lm_head.weight"] = ours["token_embedding.weight"]
    for layer in range(c.n_layer):
        theirs_at, ours_at = f"model.layers.{layer}.", f"blocks.{layer}."
        q, k, v = ours[ours_at + "attention.qkv.weight"].chunk(3)
        gate, up = ours[ours_at + "feed_forward.into.weight"].chunk(2)
        state |= {
            theirs_at + "self_attn.q_proj.weight": q,
            theirs_at + "self_attn.k_proj.weight": k,
            theirs_at + "self_attn.v_proj.weight": v,
            theirs_at + "self_attn.o_proj.weight": ours[ours_at + "attention.out.weight"],
            theirs_at + "self_attn.q_norm.weight": ours[ours_at + "attention.q_norm.weight"],
            theirs_at + "self_attn.k_norm.weight": ours[ours_at + "attention.k_norm.weight"],
            theirs_at + "mlp.gate_proj.weight": gate,
            theirs_at + "mlp.up_proj.weight": up,
            theirs_at + "mlp.down_proj.weight": ours[ours_at + "feed_forward.out.weight"],
            theirs_at + "input_layernorm.weight": ours[ours_at + "attention_norm.weight"],
            theirs_at + "post_attention_layernorm.weight": ours[ours_at + "feed_forward_norm.weight"],
        }
    theirs.load_state_dict(state)
    _compare(model, theirs)


@torch.no_grad()
def _compare(ours: GPT, theirs: torch.nn.Module) -> None:
    ids = random_ids(3, 24)
    assert (ours(ids) - theirs(ids).logits).abs().max() <= 1e-4


def test_dropout_drops_in_training_only(architecture: Architecture) -> None:
    model = make_model(architecture)
    model.set_dropout(0.5)
    ids = random_ids(1, 10)
    assert torch.equal(model(ids), model(ids))
    model.train()
    assert not torch.equal(model(ids), model(ids))


def test_initial_weights_follow_from_the_seed_and_guess_evenly(architecture: Architecture) -> None:
    config = ModelConfig(architecture=architecture, vocab_size=64, block_size=16, n_layer=3, n_head=2, n_embd=32)
    one, other, third = GPT(config), GPT(config), GPT(config)
    for model, seed in ((one, 1), (other, 1), (third, 2)):
        model.init_weights(torch.Generator().manual_seed(seed))
    ids = random_ids(2, 16)
    assert torch.equal(one(ids), other(ids))
    assert not torch.equal(one(ids), third(ids))
    others = torch.randint(64, (32,), generator=torch.Generator().manual_seed(3))
    loss = torch.nn.functional.cross_entropy(one(ids).flatten(0, 1), others)
    assert abs(loss.item() - math.log(64)) < 0.2


@pytest.mark.parametrize(
    "changes", [{"n_head": 3}, {"n_layer": 0}, {"dropout": 1.0}, {"n_head": 32, "architecture": "qwen3"}]
)
def test_a_model_that_cannot_be_is_refused(changes: dict[str, int | str]) -> None:
    sizes = {"architecture": "gpt2", "vocab_size": 50, "block_size": 24, "n_layer": 2, "n_head": 2, "n_embd": 32}
    with pytest.raises(ValueError, match=r"must be|does not divide"):
        ModelConfig(**(sizes | changes))

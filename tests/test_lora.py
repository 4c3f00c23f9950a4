"""LoRA: it begins as the base, merges to what it is, and fits no other base."""

from pathlib import Path

import pytest
import torch
from conftest import make_model

from core.errors import UserError
from finetune.lora import AdapterWriter, LoraGPT, Matrices, apply_adapter
from pretrain.checkpoint import ADAPTER, MODEL, load_checkpoint
from pretrain.model import Architecture
from pretrain.optimizer import Optimizer
from pretrain.split import Fingerprints
from tests.adapting import write_base

CPU = torch.device("cpu")
IDS = torch.arange(20)[None]


def adapted(architecture: Architecture = "qwen3", matrices: Matrices = "all") -> LoraGPT:
    """As if something had been learnt."""
    return learn(LoraGPT(make_model(architecture), rank=3, alpha=6.0, matrices=matrices, seed=1))


def learn(model: LoraGPT) -> LoraGPT:
    generator = torch.Generator().manual_seed(4)
    for weight in model.thin().values():
        weight.data += 0.1 * torch.randn(weight.shape, generator=generator)
    return model.eval()


def test_it_begins_as_the_base(architecture: Architecture) -> None:
    base = make_model(architecture)
    model = LoraGPT(base, rank=3, alpha=6.0, matrices="all", seed=1).eval()
    assert torch.equal(model(IDS), base(IDS))


def test_merged_it_does_the_same(architecture: Architecture) -> None:
    model = adapted(architecture)
    with torch.no_grad():
        before, after = model(IDS), model.merged().eval()(IDS)
    assert (before - make_model(architecture)(IDS)).abs().max() > 0.1
    assert torch.allclose(before, after, atol=1e-4)


@pytest.mark.parametrize(
    ("matrices", "moved"),
    [("all", {"attention", "feed_forward"}), ("attention", {"attention"}), ("mlp", {"feed_forward"})],
)
def test_a_step_moves_the_thin_matrices_that_were_asked_for_and_nothing_else(
    architecture: Architecture, matrices: Matrices, moved: set[str]
) -> None:
    model = adapted(architecture, matrices)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    optimizer = Optimizer(model, 1e-2, 0.1)
    model(IDS).square().mean().backward()
    optimizer.step(1.0)
    after = model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == set(model.thin())
    assert {name.split(".")[2] for name in changed} == moved
    assert {name.rpartition(".")[2] for name in changed} == {"a", "b"}


def test_an_adapter_makes_of_its_base_what_was_saved(tmp_path: Path) -> None:
    folder = write_base()
    base = load_checkpoint(folder, CPU)
    model = learn(LoraGPT(base.model, rank=3, alpha=6.0, matrices="attention", seed=1))
    there = write_base("copia")  # what stays the same in a run's folder
    AdapterWriter(folder)(there, model, Fingerprints([1, 2]), {"val_loss": 1.0})
    applied, learnt = apply_adapter(there / ADAPTER, base.model, folder)
    saved = load_checkpoint(there, CPU)
    assert set(learnt) == {1, 2} == set(saved.learnt)
    for name, weight in saved.model.state_dict().items():
        assert torch.equal(applied.state_dict()[name], weight)
    assert (there / ADAPTER).stat().st_size < (there / MODEL).stat().st_size


def test_an_adapter_of_another_base_is_refused_and_so_is_what_is_none(tmp_path: Path) -> None:
    folder, other = write_base(), write_base("otro", change=0.1)
    model = learn(LoraGPT(load_checkpoint(folder, CPU).model, rank=3, alpha=6.0, matrices="all", seed=1))
    there = write_base("copia")
    AdapterWriter(folder)(there, model, Fingerprints(), {"val_loss": 1.0})
    with pytest.raises(UserError, match="learnt beside another base"):
        apply_adapter(there / ADAPTER, load_checkpoint(other, CPU).model, other)
    with pytest.raises(UserError, match="is no adapter"):
        apply_adapter(there / MODEL, load_checkpoint(folder, CPU).model, folder)

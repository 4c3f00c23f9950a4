"""Muon and AdamW: which weights are whose, and what a step does."""

import pytest
import torch
from conftest import make_model

from pretrain.model import Architecture
from pretrain.optimizer import Muon, Optimizer, optimizer_tensors, orthogonalise, restore_optimizer


@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 24, 64), (2, 64, 24)])
def test_directions_keep_the_singular_vectors_and_even_out_the_values(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, s, v = torch.linalg.svd(matrices, full_matrices=False)
    matrices = u @ torch.diag_embed(s.clamp(min=0.2 * float(s.max()))) @ v
    inside = u.mT @ orthogonalise(matrices) @ v.mT
    values = inside.diagonal(dim1=-2, dim2=-1)
    assert values.min() > 0.15
    assert values.max() < 2
    assert (inside - torch.diag_embed(values)).abs().max() < 1e-3


def test_a_weight_of_several_matrices_moves_as_they_would_alone() -> None:
    generator = torch.Generator().manual_seed(2)
    whole = torch.nn.Parameter(torch.randn(24, 8, generator=generator))
    parts = [torch.nn.Parameter(part.clone()) for part in whole.detach().chunk(3)]
    whole.grad = torch.randn(24, 8, generator=generator)
    for part, gradient in zip(parts, whole.grad.chunk(3), strict=True):
        part.grad = gradient.clone()
    Muon({whole: 3}, 0.1, 0.5).step()
    Muon(dict.fromkeys(parts, 1), 0.1, 0.5).step()
    assert torch.allclose(whole, torch.cat(list(parts)), atol=1e-5)


def test_weight_decay_pulls_by_rate_times_decay() -> None:
    weight = torch.nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.zeros(4, 4)
    Muon({weight: 1}, 0.1, 0.5).step()
    assert torch.allclose(weight, torch.full((4, 4), 0.95))


def test_every_weight_is_moved_once_and_its_memory_survives(architecture: Architecture) -> None:
    model = make_model(architecture)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def step(optimizer: Optimizer) -> None:
        model(torch.arange(20)[None]).square().mean().backward()
        optimizer.step(1.0)

    optimizer = Optimizer(model, 1e-3, 0.1)
    step(optimizer)
    assert not [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
    saved = {name: value.clone() for name, value in optimizer_tensors(optimizer, model).items()}
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    step(optimizer)
    after = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(weights)
    another = Optimizer(model, 1e-3, 0.1)
    restore_optimizer(another, model, saved)
    step(another)
    assert all(torch.equal(value, after[name]) for name, value in model.state_dict().items())

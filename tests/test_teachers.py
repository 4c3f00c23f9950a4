"""Distillation: what teachers expect, what a pupil learns from it, and how its budget is shared out."""

import dataclasses
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_model
from torch.nn import functional as F  # noqa: N812
from trainings import RESUME, TINY, assert_equal_runs, folder_of

from core.artifacts import Artifacts
from core.corpus import Corpus
from core.errors import Interrupted, UserError
from pretrain import teachers, tokenize_data
from pretrain.batches import Batches
from pretrain.checkpoint import MODEL, load_checkpoint
from pretrain.gradients import Gradients
from pretrain.loop import Training
from pretrain.model import GPT
from pretrain.parallel import World
from pretrain.teachers import Expectations, budgets, check_size, distillation_loss, expect
from pretrain.tokens import IGNORE, Part, Tokens
from pretrain.train import PretrainConfig
from pretrain.train import main as train

CPU = torch.device("cpu")
WORLD = World(CPU)
TAUGHT = dataclasses.replace(TINY, teachers=2, max_steps=40, eval_interval=5)


@pytest.fixture
def tokens(make_corpus: Callable[..., Corpus]) -> Tokens:
    make_corpus()
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))
    return Tokens.load(Artifacts("nadie").tokens / "tokens.safetensors")


def invent_part(count: int) -> Part:
    stream = np.random.default_rng(5).integers(50, size=count).astype(np.int16)
    targets = np.roll(stream, -1)
    targets[::7] = IGNORE
    return Part(stream, targets, count, 0)


def another_model(seed: int) -> GPT:
    """Of the same size, with other weights."""
    model = make_model("qwen3")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model


@pytest.mark.parametrize("count", [1, 2, 5])
def test_teachers_and_pupil_take_the_whole_budget(count: int) -> None:
    for minutes in (0.5, 30.0):
        config = dataclasses.replace(TINY, max_steps=None, minutes=minutes)
        teacher, pupil = budgets(config, count)
        assert teacher.minutes is not None
        assert pupil.minutes is not None
        assert count * teacher.minutes + pupil.minutes == pytest.approx(minutes)
        assert pupil.minutes == pytest.approx(2 * teacher.minutes)
    for steps in (40, 41, 1000):
        teacher, pupil = budgets(dataclasses.replace(TINY, max_steps=steps), count)
        assert teacher.max_steps is not None
        assert pupil.max_steps is not None
        assert count * teacher.max_steps + pupil.max_steps == steps
        assert pupil.max_steps >= 2 * teacher.max_steps


@pytest.mark.parametrize(("count", "length"), [(200, 24), (97, 7), (24, 24), (10, 1)])
def test_a_teacher_is_asked_about_every_place_and_has_seen_half_a_window(
    count: int, length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teachers, "EVAL_TOKENS", 3 * length)
    part, models = invent_part(count), [make_model("qwen3"), another_model(3)]
    rows = expect(models, part, length, tmp_path).at(np.arange(count), CPU).float()
    assert rows.shape == (count, 50)
    for place in range(count):
        # Which of the windows that have seen enough it was is not said; one of them gave these numbers.
        answers: list[torch.Tensor] = []
        for seen in range(length // 2 + 1, length + 1):
            ids = torch.from_numpy(part.inputs[np.arange(place - seen + 1, place + 1) % count].astype(np.int64))[None]
            with torch.no_grad():
                answers.append(torch.stack([model(ids)[0, -1].softmax(-1) for model in models]).mean(0))
        assert any(torch.allclose(rows[place], answer, atol=1e-3) for answer in answers)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_to_learn_for_who_knows_the_mixture() -> None:
    targets = torch.tensor([3, IGNORE, 0, 4])
    expected = torch.rand(4, 5, generator=torch.Generator().manual_seed(1)).softmax(-1)
    mixture = 0.5 * F.one_hot(targets.clamp(min=0), 5) + 0.5 * expected
    mixture[1] = torch.tensor([1.0, 0, 0, 0, 0])  # not asked for: whatever is said there costs nothing
    logits = mixture.clamp(min=1e-9).log().requires_grad_()
    whole, songs = distillation_loss(logits, targets, expected.half())
    whole.backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-3
    assert songs.item() == pytest.approx(F.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="sum").item())
    other = torch.randn(4, 5, generator=torch.Generator().manual_seed(2))
    assert distillation_loss(other, targets, expected.half())[0] > whole


@pytest.mark.parametrize("passes", [2, 3, 4])
def test_several_passes_give_the_gradients_of_one(passes: int, tmp_path: Path) -> None:
    part = invent_part(300)
    expectations = expect([another_model(3)], part, 24, tmp_path)
    losses: list[float] = []
    gradients: list[torch.Tensor] = []
    for count, asked in ((1, expectations), (passes, expectations), (1, None)):
        model = make_model("qwen3")
        step = Gradients(model, Batches(part, 24, 5, 1, CPU), WORLD, 1, asked)
        step.passes = count
        losses.append(step.compute(2).item())
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]))
    assert losses == [pytest.approx(losses[0], rel=1e-5)] * 3  # what is reported is about the songs, teachers or not
    assert torch.allclose(gradients[0], gradients[1], atol=1e-6)
    assert not torch.allclose(gradients[0], gradients[2], atol=1e-4)


def test_a_pupil_comes_to_expect_what_its_teacher_does(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further from the songs, nearer to the teacher than one who read them only."""
    monkeypatch.setattr(teachers, "SONGS_SHARE", 0.0)
    train(dataclasses.replace(TINY, run="alone", dropout=0.0, max_steps=80))
    train(dataclasses.replace(TINY, run="taught", dropout=0.0, max_steps=120, teachers=1))
    ids = torch.from_numpy(tokens.val.inputs[: 16 * 8].astype(np.int64)).view(8, 16)
    folders = (folder_of("taught") / "teachers" / "1", folder_of("taught"), folder_of("alone"))
    with torch.no_grad():
        teacher, pupil, alone = (load_checkpoint(folder, CPU).model(ids).log_softmax(-1) for folder in folders)
    near, far = (F.kl_div(other, teacher, log_target=True, reduction="batchmean") for other in (pupil, alone))
    assert near < 0.7 * far


def test_each_teacher_is_a_run_of_its_own_and_the_pupil_a_checkpoint_like_any(tokens: Tokens) -> None:
    train(TAUGHT)
    folder = folder_of("default")
    assert sorted(path.name for path in (folder / "teachers").iterdir()) == ["1", "2"]
    one, other, pupil = (load_checkpoint(f, CPU).model for f in (*sorted((folder / "teachers").iterdir()), folder))
    assert one.config == other.config == pupil.config
    assert not torch.equal(one.token_embedding.weight, other.token_embedding.weight)
    train(dataclasses.replace(TINY, run="alone", max_steps=20, eval_interval=5))
    alone = load_checkpoint(folder_of("alone"), CPU).model
    assert not torch.equal(alone.token_embedding.weight, pupil.token_embedding.weight)


def stop_in(monkeypatch: pytest.MonkeyPatch, name: str, step: int, config: PretrainConfig) -> None:
    """Train, and press Ctrl-C while the run in the folder `name` computes this step."""
    before = Training._step

    def step_and_stop(self: Training) -> torch.Tensor:
        if self.folder.name == name and self.progress.step == step:
            signal.raise_signal(signal.SIGINT)
        return before(self)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_step", step_and_stop)
        with pytest.raises(Interrupted):
            train(config)


@pytest.mark.parametrize("steps", [(0, 0, 0), (4, 8, 18)])
def test_whoever_is_interrupted_resumes_to_the_same_pupil(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch, steps: tuple[int, int, int]
) -> None:
    """Stopped while the first teacher learns, then while the second does, then while the pupil does."""
    train(dataclasses.replace(TAUGHT, run="whole"))
    config = dataclasses.replace(TAUGHT, run="stopped")
    for name, step in zip(("1", "2", "stopped"), steps, strict=True):
        stop_in(monkeypatch, name, step, config)
        config = dataclasses.replace(RESUME, run="stopped")
    train(config)
    assert_equal_runs(folder_of("whole"), folder_of("stopped"))
    for name in ("1", "2"):
        assert_equal_runs(*(folder_of(run) / "teachers" / name for run in ("whole", "stopped")))


def test_a_finished_run_goes_on_with_a_longer_budget_and_the_same_teachers(tokens: Tokens) -> None:
    train(TAUGHT)
    teacher = folder_of("default") / "teachers" / "1" / MODEL
    before = teacher.read_bytes()
    train(dataclasses.replace(RESUME, max_steps=80))
    assert teacher.read_bytes() == before
    assert load_checkpoint(folder_of("default"), CPU).model.config.n_embd == 16


def test_what_cannot_be_shared_out_or_stored_is_said(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="give minutes or max_steps"):
        PretrainConfig(corpus="nadie", teachers=1)
    with pytest.raises(ValueError, match="must not be below 0"):
        dataclasses.replace(TINY, teachers=-1)
    with pytest.raises(UserError, match=r"of 1,165,892 tokens would take 6\.9 GB"):
        check_size(dataclasses.replace(tokens.train, inputs=np.broadcast_to(np.int16(0), 1_165_892)), 2944)
    monkeypatch.setattr(teachers, "LARGEST", 1000)
    with pytest.raises(UserError, match="what teachers expect of"):
        train(TAUGHT)
    assert not folder_of("default").exists()


def test_places_are_those_of_the_inputs(tokens: Tokens) -> None:
    batches = Batches(tokens.train, 16, 4, 1, CPU)
    told = Expectations((np.arange(len(tokens.train.inputs))[:, None] % 512).astype(np.float16))
    for step in (0, 3, 50):
        inputs, _ = batches.at(step)
        places = batches.places(step)
        assert np.array_equal(tokens.train.inputs[places], inputs.numpy())
        assert np.array_equal(told.at(places, CPU)[..., 0].numpy(), places % 512)

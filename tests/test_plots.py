"""The picture of a training: readable whatever the training was."""

import math
from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread

from core.errors import UserError
from pretrain.metrics import Metrics
from pretrain.plots import loss_limits, plot_losses, train_curve, validation_curve


def falling(count: int, *, start: float = 6.5, end: float = 3.0, minutes: float = 2.0) -> list[dict[str, Any]]:
    """A training that begins at step 0 and falls fast, then slowly."""
    lines: list[dict[str, Any]] = []
    for number in range(count):
        share = number / max(1, count - 1)
        loss = end + (start - end) * math.exp(-8 * share)
        lines.append(
            {
                "step": 10 * number,
                "minutes": minutes * share,
                "tokens": 10_240 * number,
                "epochs": 0.4 * number,
                "train_loss": loss - 0.1 if number else None,
                "val_loss": loss,
                "bits_per_char": loss * 0.7,
                "learning_rate": 1e-3 * (1 - share),
            }
        )
    return lines


def drawn(path: Path, lines: list[dict[str, Any]]) -> Any:
    plot_losses(lines, path)
    return imread(path)


@pytest.mark.parametrize("count", [1, 2, 500])
def test_any_number_of_evaluations_is_drawn(tmp_path: Path, count: int) -> None:
    picture = drawn(tmp_path / "loss.png", falling(count))
    assert picture.shape[:2] == (576, 960)
    blue = (picture[..., 2] > 0.6) & (picture[..., 0] < 0.3)
    assert blue.sum() > 50  # validation, or at least its best point


@pytest.mark.parametrize("changes", [{"minutes": 0.0}, {"tokens": 0, "epochs": 0.0}, {"val_loss": math.nan}])
def test_what_is_the_same_at_every_evaluation_or_is_no_number_is_drawn_too(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert drawn(tmp_path / "loss.png", [line | changes for line in falling(4)]).size


def test_keys_of_a_newer_version_change_nothing(tmp_path: Path) -> None:
    lines = falling(6)
    metrics = Metrics(tmp_path / "metrics.jsonl")
    for line in lines:
        metrics.append(line | {"later": {"than": "this"}, "grad_norm": None})
    assert (drawn(tmp_path / "a.png", lines) == drawn(tmp_path / "b.png", metrics.read())).all()


def test_a_first_loss_that_is_huge_does_not_flatten_the_rest() -> None:
    lines = falling(20, start=60.0)
    low, high = loss_limits(train_curve(lines), validation_curve(lines))
    losses = [line["val_loss"] for line in lines]
    assert low < min(losses) - 0.1
    later = losses[3:]
    assert max(later) < high < losses[1]
    assert max(later) - min(later) > 0.5 * (high - low)


def test_the_base_of_an_adaptation_and_a_validation_that_rises_stay_in_the_picture() -> None:
    adapting = falling(20, start=3.3, end=3.1)
    for line in adapting[10:]:
        line["val_loss"] += 0.02 * line["step"] / 10
    low, high = loss_limits(train_curve(adapting), validation_curve(adapting))
    losses = [line["val_loss"] for line in adapting]
    assert low < min(losses)
    assert max(losses) < high


def test_few_points_are_all_shown() -> None:
    lines = falling(3)
    low, high = loss_limits(train_curve(lines), validation_curve(lines))
    assert low < 3.0
    assert high > 6.5


def test_a_train_loss_stands_in_the_middle_of_what_it_is_the_mean_of() -> None:
    lines = falling(3)
    assert [tokens for tokens, _ in train_curve(lines)] == [5_120, 15_360]
    assert [tokens for tokens, _ in validation_curve(lines)] == [0, 10_240, 20_480]


def test_a_loss_that_is_no_number_is_written_as_null_and_drawn_around(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    for number, line in enumerate(falling(6)):
        metrics.append(line | ({"val_loss": math.nan, "train_loss": math.inf} if number == 3 else {}))
    assert "NaN" not in metrics.path.read_text()
    read = metrics.read()
    assert read[3]["val_loss"] is None
    assert len(validation_curve(read)) == 5
    assert drawn(tmp_path / "loss.png", read).size


@pytest.mark.parametrize("damage", ['{"step": 3, "val', "[1, 2]", '{"minutes": 1}', "\ufffd"])
def test_a_damaged_line_is_named_and_one_cut_short_by_a_kill_is_left_out(tmp_path: Path, damage: str) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    metrics.append(falling(2)[0])
    metrics.path.write_text(metrics.path.read_text() + '{"step": 10, "val_lo')
    assert [line["step"] for line in metrics.read()] == [0]
    metrics.path.write_text(metrics.path.read_text().replace('{"step": 10, "val_lo', f"{damage}\n"))
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2 is damaged"):
        metrics.read()

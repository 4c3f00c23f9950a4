"""What would have helped a training: the advice follows from its curves."""

import dataclasses
import math
import random
from typing import Any

import pytest
from trainings import TINY

from core.artifacts import Artifacts
from core.corpus import Corpus, Song, write_corpus
from pretrain import tokenize_data
from pretrain.metrics import Metrics
from pretrain.train import main as train
from pretrain.verdict import second_half, verdict

PARAMETERS = 100_000


def curve(train: list[float | None], validation: list[float | None], *, tokens: int = 500_000) -> list[dict[str, Any]]:
    """A training of 30 epochs, evaluated at even distances."""
    shares = [number / (len(validation) - 1) for number in range(len(validation))]
    return [
        {
            "step": round(500 * share),
            "tokens": round(tokens * share),
            "epochs": 30 * share,
            "train_loss": train_loss,
            "val_loss": val_loss,
        }
        for share, train_loss, val_loss in zip(shares, train, validation, strict=True)
    ]


def falling(count: int = 21, *, start: float = 6.0, end: float = 3.0) -> list[float | None]:
    return [end + (start - end) * math.exp(-3 * number / (count - 1)) for number in range(count)]


def turning(count: int = 21, *, rise: float) -> list[float | None]:
    """Falls to 4.0 at a quarter, then moves by `rise` in all."""
    quarter = count // 4
    return [
        6.0 - 2.0 * number / quarter if number < quarter else 4.0 + rise * (number - quarter) / (count - 1 - quarter)
        for number in range(count)
    ]


def test_losses_that_fall_together_ask_for_minutes() -> None:
    told = verdict(curve(falling(), falling()), PARAMETERS)
    assert told.startswith("More minutes would have helped most")
    assert "5.0 tokens seen per parameter" in told


def test_losses_that_fall_together_over_many_tokens_per_parameter_ask_for_a_bigger_model() -> None:
    told = verdict(curve(falling(), falling(), tokens=6_000_000), PARAMETERS)
    assert told.startswith("A bigger model would have helped most")
    assert "60.0 tokens seen per parameter" in told


def test_a_validation_that_turns_asks_for_songs_and_says_when_it_was_best() -> None:
    told = verdict(curve(falling(), turning(rise=0.6)), PARAMETERS)
    assert told.startswith("More songs would have helped most")
    assert "validation rose by 0.40" in told
    assert "read 30.0 times, and was best after 7.5" in told


def test_the_little_that_a_falling_rate_gives_at_the_end_is_no_reason_for_minutes() -> None:
    """Validation is best at the very end, as it is after nearly every schedule that ends at zero."""
    told = verdict(curve(falling(), turning(rise=-0.1)), PARAMETERS)
    assert told.startswith("More songs would have helped most")
    assert "best after" not in told


def test_one_long_text_asks_for_text() -> None:
    assert verdict(curve(falling(), turning(rise=0.6)), PARAMETERS, "text").startswith("More text would")


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5])
def test_few_evaluations_tell_nothing(count: int) -> None:
    lines = curve(falling(21), falling(21))[:count]
    assert verdict(lines, PARAMETERS).startswith("Cannot tell")
    assert second_half(lines) is None


def test_a_training_loss_that_does_not_move_tells_nothing() -> None:
    told = verdict(curve(falling(start=3.01), falling(start=3.01)), PARAMETERS)
    assert told.startswith("Cannot tell")
    assert "learning_rate" in told


def test_a_first_line_without_training_and_a_validation_that_was_no_number_are_passed_over() -> None:
    training, validation = falling(), falling()
    clean = verdict(curve(training, validation), PARAMETERS)
    training[0], validation[3] = None, None
    assert verdict(curve(training, validation), PARAMETERS) == clean


def test_the_slope_is_what_was_gained_over_the_second_half() -> None:
    straight: list[float | None] = [6.0 - 0.1 * number for number in range(21)]
    trend = second_half(curve(straight, straight))
    assert trend is not None
    assert trend.train == trend.validation == pytest.approx(1.0)


def test_a_model_that_reads_noise_over_and_over_asks_for_songs() -> None:
    chance = random.Random(1)
    songs = tuple(
        Song(id=f"{number}", title=f"Nada {number}", lyrics="".join(chance.choice("abcdefgh ") for _ in range(120)))
        for number in range(8)
    )
    write_corpus(Artifacts("nadie").corpus, Corpus(name="nadie", language="es", source="files", songs=songs))
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))
    train(dataclasses.replace(TINY, n_embd=48, batch_size=8, max_steps=200, eval_interval=20, dropout=0.0))
    metrics = Metrics(Artifacts("nadie").run("pretrain", "default") / "metrics.jsonl").read()
    assert verdict(metrics, PARAMETERS).startswith("More songs would have helped most")

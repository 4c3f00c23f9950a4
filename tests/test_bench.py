"""The side-by-side comparisons: both sides judged alike, timed alike, in turns."""

import json
import math
import os
import pickle
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import tyro
from conftest import make_model
from nanogpt_stand_in import write_checkout
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

from bench import cost, nanogpt, payador
from bench.evaluation import load_nanogpt, whole_loss
from bench.processes import Line, run_program
from bench.table import Measurement, as_table
from bench.train import BenchConfig, Task, main, round_of_songs, round_of_text
from core.artifacts import ROOT, Artifacts
from core.corpus import Corpus
from core.errors import UserError
from pretrain.metrics import Metrics
from pretrain.tokens import IGNORE, Part, Tokens


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like nanoGPT."""
    folder = tmp_path / "nanogpt"
    write_checkout(folder)
    return folder


def invent_part(length: int, vocab_size: int, seed: int) -> Part:
    stream = np.random.default_rng(seed).integers(vocab_size, size=length + 1).astype(np.int32)
    targets = stream[1:].copy()
    targets[::5] = IGNORE
    return Part(stream[:-1], targets, characters=length, unknown=0)


def test_a_checkpoint_of_nanogpt_is_judged_window_by_window_every_target_once(checkout: Path, tmp_path: Path) -> None:
    sys.path.insert(0, str(checkout))
    try:
        from model import GPT, GPTConfig
    finally:
        sys.path.remove(str(checkout))
        sys.modules.pop("model", None)
    model = GPT(GPTConfig())
    # torch.compile names weights like this.
    weights = {f"_orig_mod.{name}": value for name, value in model.state_dict().items()}
    torch.save({"model": weights, "model_args": {"block_size": 8, "vocab_size": 7}, "iter_num": 60}, tmp_path / "c.pt")
    forward, length, step = load_nanogpt(checkout, tmp_path / "c.pt", torch.device("cpu"))
    assert (length, step) == (8, 60)

    part = invent_part(299, 7, 1)
    total, count = 0.0, 0
    for start in range(0, len(part.inputs), 8):
        ids, targets = (torch.from_numpy(a[start : start + 8]).long() for a in (part.inputs, part.targets))
        with torch.no_grad():
            logits, _ = model(ids[None], ids[None])
        total += float(F.cross_entropy(logits[0], targets, ignore_index=IGNORE, reduction="sum"))
        count += int((targets != IGNORE).sum())
    assert whole_loss(forward, part, length, torch.device("cpu")) == pytest.approx(total / count)
    assert whole_loss(forward, part, 4, torch.device("cpu")) != pytest.approx(total / count, rel=1e-3)


def test_a_missing_checkpoint_is_said(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nanoGPT left no .*none\.pt"):
        load_nanogpt(checkout, tmp_path / "none.pt", torch.device("cpu"))


def test_nanogpt_gets_our_ids_in_order(tmp_path: Path) -> None:
    train, val = invent_part(300, 7, 1), invent_part(301, 7, 2)  # one ends in a target that is not learnt
    nanogpt.write_data(tmp_path, train, val, 7, "cpu")
    for name, part in (("train", train), ("val", val)):
        ids = np.fromfile(tmp_path / f"{name}.bin", np.uint16)
        last = [part.targets[-1]] if part.targets[-1] != IGNORE else []
        assert ids.tolist() == [*part.inputs, *last]
    assert pickle.loads((tmp_path / "meta.pkl").read_bytes()) == {"vocab_size": 7}
    with pytest.raises(UserError, match="less than nanoGPT's context of 256"):
        nanogpt.write_data(tmp_path, train, invent_part(255, 7, 2), 7, "cuda")


def test_the_time_of_a_step_leaves_evaluations_out() -> None:
    lines, at = [Line(0.0, "tokens per iteration will be: 768")], 0.0
    for step in range(101):
        if step % 50 == 0:
            at += 7
            lines.append(Line(at, f"step {step}: train loss 3.1, val loss 3.2"))
        at += 0.25
        if step % 10 == 0:
            lines.append(Line(at, f"iter {step}: loss 3.0, time 250.00ms, mfu 0.1%"))
    assert nanogpt.step_seconds(lines) == pytest.approx(0.25)
    with pytest.raises(UserError, match="too few steps"):
        nanogpt.step_seconds(lines[:3])


@pytest.mark.parametrize("seconds", [1, 59.9, 300])
def test_steps_fill_the_minutes_and_end_with_an_evaluation(seconds: float) -> None:
    steps = nanogpt.steps_for(seconds, 0.06, 10)
    assert steps % 10 == 0
    assert seconds - 0.6 < steps * 0.06 <= max(seconds, 0.6)
    plan = nanogpt.settings(Path("/data"), nanogpt.Plan(steps, 10, 0.2), "cpu")
    assert plan["max_iters"] == plan["lr_decay_iters"] == 10 * int(plan["eval_interval"])
    assert plan["dropout"] == 0.2
    # Where the warm-up ends as the decay does, nanoGPT divides by zero.
    assert int(plan["warmup_iters"]) < steps


def test_only_a_single_evaluation_keeps_the_last_weights_rather_than_the_best() -> None:
    assert nanogpt.settings(Path(), nanogpt.Plan(2000, 1), "cpu")["always_save_checkpoint"] is True
    several = nanogpt.settings(Path(), nanogpt.Plan(5000, 20), "cuda")
    assert several["always_save_checkpoint"] is False
    assert several["eval_interval"] == 250
    assert "n_layer" not in several
    assert "compile" not in several


class Recorder:
    """Stands where a Bench does, and writes down who trains in which order and how long."""

    def __init__(self, **settings: Any) -> None:
        self.config = SimpleNamespace(device="cpu", steps=None, minutes=5.0, **settings)
        self.calls: list[tuple[str, int, Any]] = []

    def run_nanogpt(self, system: str, repeat: int, plan: nanogpt.Plan) -> SimpleNamespace:
        self.calls.append((system, repeat, plan))
        return SimpleNamespace(seconds=120.0 + repeat)

    def run_ours(self, system: str, repeat: int, minutes: float) -> None:
        self.calls.append((system, repeat, pytest.approx(minutes)))

    def plan_songs(self, dropout: float) -> float:
        return dropout


def test_sides_take_turns_and_ours_gets_its_share_of_the_time_just_measured() -> None:
    text, songs = Recorder(), Recorder()
    for repeat in (1, 2):
        round_of_text(text, repeat)  # type: ignore[arg-type]
        round_of_songs(songs, repeat)  # type: ignore[arg-type]
    recipe = nanogpt.Plan(2000, 1)
    assert text.calls == [
        ("nanogpt", 1, recipe),
        ("payador sixth", 1, 121 / 360),
        ("payador", 1, 121 / 60),
        ("nanogpt", 2, recipe),
        ("payador sixth", 2, 122 / 360),
        ("payador", 2, 122 / 60),
    ]
    assert songs.calls[:4] == [
        ("payador", 1, 5.0),
        ("nanogpt dropout 0", 1, 0.0),
        ("nanogpt dropout 0.2", 1, 0.2),
        ("payador", 2, 5.0),
    ]


def test_the_table_gives_medians_and_every_run() -> None:
    runs = [
        Measurement(
            system=system,
            repeat=repeat,
            val_loss=loss,
            bits_per_char=2 * loss,
            seconds=10 * loss,
            steps=1000,
            process_seconds=9,
            cpu_seconds=8,
        )
        for repeat, losses in enumerate([(1.5, 1.0), (9.0, 1.25), (1.75, 0.5)], 1)
        for system, loss in zip(("theirs", "ours"), losses, strict=True)
    ]
    first, second = as_table(runs).splitlines()[2:]
    assert first == "| theirs | 1.7500 | 3.5000 | 17.5 | 8 | 1,000 | 3.0000, 18.0000, 3.5000 |"
    assert second.startswith("| ours | 1.0000 | 2.0000 |")


def test_options_are_read_and_wrong_ones_refused(tmp_path: Path) -> None:
    given = ["--nanogpt", str(tmp_path), "--corpus", "songbook", "--task", "songs", "--threads", "2"]
    config = tyro.cli(BenchConfig, args=given)
    assert (config.task, config.threads, config.repeats, config.device) == ("songs", 2, 3, "cpu")
    with pytest.raises(ValueError, match="repeats must be above 0"):
        BenchConfig(nanogpt=tmp_path, corpus="x", repeats=0)
    with pytest.raises(ValueError, match=r"sizes are 0\.8M, .* not 7B"):
        cost.CostConfig(sizes=("3M", "7B"))


def test_what_is_missing_is_said_in_two_lines(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.train", "--nanogpt", ".", "--corpus", "x"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "error: . is no checkout of nanoGPT: it has no train.py",
        "hint:  git clone it, and give the folder",
    ]


@pytest.mark.parametrize(
    ("task", "corpus", "error"),
    [
        ("shakespeare", "x.txt", r"no text at x\.txt"),
        ("songs", "x.jsonl", r"no songs at x\.jsonl"),
        ("songs", "nobody", "no corpus at .*nobody"),
    ],
)
def test_a_corpus_that_is_not_there_is_named(task: Task, corpus: str, error: str, checkout: Path) -> None:
    with pytest.raises(UserError, match=error):
        main(BenchConfig(nanogpt=checkout, task=task, corpus=corpus))


def test_a_comparison_in_turns_and_ctrl_c_keeps_what_was_measured(checkout: Path, tmp_path: Path) -> None:
    words = ["luna", "río", "tren", "vino", "calle"]
    text = " ".join(random.Random(1).choices(words, k=4000))
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    command = [sys.executable, str(ROOT / "bench" / "train.py"), "--nanogpt", str(checkout), "--corpus", "text.txt"]
    command += ["--steps", "40", "--repeats", "2", "--threads", "1", "--output", "results.json"]
    printed: list[str] = []
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if line.startswith("1/2  payador sixth"):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert any(line.startswith("| payador sixth |") for line in printed)

    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    first, sixth = results["measurements"]
    assert (first["system"], sixth["system"]) == ("nanogpt", "payador sixth")
    assert 40 * 0.005 < first["seconds"] < first["process_seconds"] - 0.4
    assert first["cpu_seconds"] > 0
    assert all(0.3 < bits < 1.5 for bits in results["baselines_bits_per_char"].values())

    paths = Artifacts(payador.PREFIX + "text")
    best = min(row["val_loss"] for row in Metrics(paths.run("pretrain", "payador sixth") / "metrics.jsonl").read())
    assert sixth["val_loss"] == pytest.approx(best, rel=1e-5)
    assert sixth["bits_per_char"] == pytest.approx(best / math.log(2), rel=1e-5)  # one token a character


def test_songs_are_tokenized_apart_from_the_runs_of_their_corpus(make_corpus: Callable[..., Corpus]) -> None:
    make_corpus("nadie")
    paths = payador.song_corpus("nadie")
    assert paths.name == "bench-nadie"
    assert len(Tokens.load(paths.tokens / "tokens.safetensors").train.inputs) > 100
    assert not Artifacts("nadie").tokens.exists()


def test_what_a_program_says_of_its_failure_is_passed_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; print('1'); sys.exit('no luck today')"]
    with pytest.raises(UserError, match="no luck today"):
        run_program(command, tmp_path / "log", lambda _: None)


def test_steps_are_timed_without_evaluations_and_saves() -> None:
    start, step, fixed = 4.0, 0.02, 0.5
    marks = [(50, start), (100, start + 50 * step + fixed), (110, start + 60 * step + 2 * fixed)]
    assert cost.step_minutes(marks) == pytest.approx(step)
    with pytest.raises(UserError, match="too busy"):
        cost.step_minutes([(50, 1.0), (100, 2.0), (110, 4.0)])


def test_operations_agree_with_a_count_of_them() -> None:
    model = make_model("qwen3", vocab_size=600, block_size=64, n_layer=4, n_head=4, n_embd=128)
    ids = torch.zeros((2, 64), dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(ids).sum().backward()
    formula = cost.flops_per_token(model.count_parameters(), n_layer=4, n_embd=128, block_size=64)
    assert counter.get_total_flops() / ids.numel() == pytest.approx(formula, rel=0.1)


def test_memory_held_for_a_moment_is_seen(tmp_path: Path) -> None:
    peaks: list[int] = []
    for megabytes in (0, 300):
        script = tmp_path / "script.py"
        script.write_text(f"import sys\nx = bytearray({megabytes} * 10**6)\ndel x\nsys.exit(3)\n", encoding="utf-8")
        command = [sys.executable, str(ROOT / "bench" / "memory.py"), str(tmp_path / "peak.json"), str(script)]
        assert subprocess.run(command, env=os.environ, check=False).returncode == 3
        peaks.append(json.loads((tmp_path / "peak.json").read_text(encoding="utf-8"))["host_bytes"])
    assert 250e6 < peaks[1] - peaks[0] < 350e6

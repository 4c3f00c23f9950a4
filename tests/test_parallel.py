"""Several processes that train one model, as torchrun starts them."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from trainings import TINY, options, weights

from core.artifacts import ROOT, Artifacts
from core.corpus import Corpus
from pretrain import tokenize_data
from pretrain.checkpoint import MODEL, STATE
from pretrain.metrics import Metrics
from pretrain.train import PretrainConfig
from pretrain.train import main as train

CONFIG = dataclasses.replace(TINY, n_layer=2, batch_size=8, max_steps=50, dropout=0.0, learning_rate=1e-3)


@pytest.fixture(autouse=True)
def tokens(make_corpus: Callable[..., Corpus]) -> None:
    make_corpus()
    tokenize_data.main(tokenize_data.TokenizeConfig(corpus="nadie", kind="char"))


def torchrun(config: PretrainConfig, *extra: str) -> list[str]:
    script = [str(ROOT / "pretrain/train.py"), *options(config)]
    return [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", *extra, "--", *script]


def folder(run: str) -> Path:
    return Artifacts("nadie").run("pretrain", run)


def losses(run: str) -> list[float]:
    return [facts[key] for facts in Metrics(folder(run) / "metrics.jsonl").read() for key in ("train_loss", "val_loss")]


def lose_one(process: subprocess.Popen[str]) -> None:
    """Kill one of the processes that torchrun started, once there is a state to go on from."""
    while process.poll() is None and not (folder("two") / STATE).exists():
        time.sleep(0.02)
    lost = subprocess.run(["pgrep", "-P", str(process.pid)], check=False, capture_output=True, text=True).stdout.split()
    os.kill(int(lost[-1]), signal.SIGKILL)


def assert_the_same(one: str, other: str) -> None:
    assert losses(one)[1:] == pytest.approx(losses(other)[1:], abs=1e-4)
    left, right = (weights(folder(run), MODEL) for run in (one, other))
    assert all((left[name].float() - right[name].float()).abs().max() < 1e-3 for name in left)


@pytest.mark.parametrize("sharded", ["0", "1"])
def test_two_processes_learn_what_one_learns(sharded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    train(dataclasses.replace(CONFIG, run="one"))
    monkeypatch.setenv("PAYADOR_SHARD", sharded)
    done = subprocess.run(
        torchrun(dataclasses.replace(CONFIG, run="two"), "--standalone"), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\ntraining    ") == 1, "only the first process speaks"
    assert_the_same("one", "two")
    # What they saved, one process goes on from.
    train(PretrainConfig(corpus="nadie", run="two", resume=True, max_steps=60, device="cpu"))
    assert losses("two")[-1] < losses("one")[-1]


def test_when_a_process_is_lost_torchrun_goes_on_from_the_last_save() -> None:
    config = dataclasses.replace(CONFIG, max_steps=400, eval_interval=20)
    train(dataclasses.replace(config, run="one"))
    command = torchrun(dataclasses.replace(config, run="two"), "--standalone", "--max_restarts=3")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lose_one(process)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert output.count("\ntraining    ") >= 2
    # Nothing twice, nothing left out; over 400 steps roundings grow larger than over 50.
    assert losses("two")[1:] == pytest.approx(losses("one")[1:], abs=0.03)


def test_a_lost_process_ends_the_others_with_one_line() -> None:
    command = torchrun(dataclasses.replace(CONFIG, run="two", max_steps=100_000), "--standalone", "--max_restarts=0")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lose_one(process)
    _, errors = process.communicate()
    assert process.returncode
    assert "error: process 0 of 2 lost the others" in errors
    assert "Traceback" not in errors.partition("torch/distributed/elastic")[0]


def test_sequences_that_do_not_divide_are_refused() -> None:
    done = subprocess.run(
        torchrun(dataclasses.replace(CONFIG, batch_size=3), "--standalone"), check=False, capture_output=True, text=True
    )
    assert done.returncode
    assert done.stderr.count("error: 3 sequences a step do not divide among 2 processes\nhint:  --batch_size 4") == 1


@contextmanager
def two_hosts() -> Generator[tuple[str, str]]:
    """Two network namespaces joined by a cable; yields their names."""
    names = ("payador-a", "payador-b")
    steps = [
        *(f"ip netns add {name}" for name in names),
        "ip link add payador-va netns payador-a type veth peer name payador-vb netns payador-b",
        *(
            f"ip -n {name} {command}"
            for number, name in enumerate(names, 1)
            for command in (
                "link set lo up",
                f"addr add 10.99.0.{number}/24 dev payador-v{name[-1]}",
                f"link set payador-v{name[-1]} up",
            )
        ),
    ]
    try:
        for step in steps:
            done = subprocess.run(step.split(), check=False, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"no network of our own here: {step}: {done.stderr.strip()}")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="network namespaces are root's, with iproute2")
def test_two_hosts_learn_what_one_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    train(dataclasses.replace(CONFIG, run="one"))
    config = dataclasses.replace(CONFIG, run="two")
    with two_hosts() as names:
        processes: list[subprocess.Popen[str]] = []
        for rank, name in enumerate(names):
            rendezvous = [f"--node_rank={rank}", "--nnodes=2", "--master_addr=10.99.0.1", "--master_port=29511"]
            command = torchrun(config, *rendezvous)
            command[command.index("--nproc_per_node=2")] = "--nproc_per_node=1"
            processes.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", name, *command],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env=os.environ | {"GLOO_SOCKET_IFNAME": f"payador-v{name[-1]}"},
                )
            )
        for process in processes:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors
    assert_the_same("one", "two")

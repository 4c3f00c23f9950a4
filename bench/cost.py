"""What training costs by size of model: tokens per second, share of the machine's arithmetic, memory."""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from bench.machine import machine
from bench.nanogpt import Device
from bench.payador import song_corpus
from bench.processes import run_program
from core.artifacts import ROOT, Artifacts, shown
from core.cli import run
from core.errors import UserError
from core.files import read_json, write_json
from pretrain.device import find_device
from pretrain.metrics import Metrics

# Layers and width, by roughly how many parameters that makes.
SIZES = {"0.8M": (4, 128), "3M": (6, 192), "10M": (6, 384), "40M": (12, 512)}

BLOCK_SIZE = 256
BATCH_SIZE = {"cpu": 4, "cuda": 64}

# Square matrices that a device multiplies at its best.
MATRIX = {"cpu": 1024, "cuda": 8192}
DTYPE = {"cpu": torch.float32, "cuda": torch.bfloat16}
PRODUCTS = 20

# What share of the peak a step is expected to reach: it only decides how many steps are timed.
GUESS = 0.3
FEWEST_STEPS, MOST_STEPS = 5, 2000


@dataclass(frozen=True, kw_only=True)
class CostConfig:
    corpus: str = "songbook"
    """The bundled songs, a file of songs, or a corpus under artifacts/: what matters is the vocabulary they make."""
    sizes: tuple[str, ...] = tuple(SIZES)
    """Which models, by their parameters."""
    seconds: float = 10.0
    """Of each stretch that is timed; a run takes about two and a half."""
    threads: int | None = None
    """OMP_NUM_THREADS. Left out, PyTorch takes all cores."""
    device: Device = "cpu"
    """On cuda, matrices are multiplied in bfloat16, on a CPU in float32."""
    output: Path | None = None
    """The results as JSON. Left out: beside the corpus, cost.json."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.sizes) - set(SIZES))
        if unknown:
            raise ValueError(f"sizes are {', '.join(SIZES)}, not {', '.join(unknown)}")
        for name in ("seconds", "threads"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a model of one size costs to train."""

    size: str
    parameters: int
    tokens_per_second: float
    utilisation: float
    """Arithmetic of the model per second, as a share of what a matrix product reaches."""
    cores: float
    """CPU seconds of the program in a second; well below the threads it was given, the machine was busy."""
    host_bytes: int
    device_bytes: int | None

    def __str__(self) -> str:
        device = "–" if self.device_bytes is None else f"{self.device_bytes / 1e6:,.0f} MB"
        return (
            f"| {self.parameters / 1e6:.1f} M | {self.tokens_per_second:,.0f} | {self.utilisation:.0%} "
            f"| {self.cores:.2f} | {self.host_bytes / 1e6:,.0f} MB | {device} |"
        )


HEAD = "| parameters | tokens/s | utilisation | cores busy | peak memory | of the GPU |\n|---|---|---|---|---|---|"


def main(config: CostConfig) -> None:
    """Train models of several sizes for a few seconds each, and print what a token costs.

    Every model is a run of pretrain/train.py of its own: forward, backward and step as it makes them.
    """
    find_device(config.device)
    paths = song_corpus(config.corpus)
    output = config.output or paths.folder / "cost.json"
    peak = matmul_peak(config.device, config.threads)
    print(f"peak        {peak / 1e9:,.0f} GFLOP/s in matrix products of {DTYPE[config.device]}\n\n{HEAD}", flush=True)
    costs: list[Cost] = []
    for size in config.sizes:
        costs.append(measure(config, paths, size, peak))
        print(costs[-1], flush=True)
        results = {
            "machine": machine(config.device),
            "threads": config.threads,
            "peak_flops": peak,
            "costs": [asdict(cost) for cost in costs],
        }
        write_json(output, results)
    print(f"\nwritten     {shown(output)}")


def measure(config: CostConfig, paths: Artifacts, size: str, peak: float) -> Cost:
    """Train one model in a process of its own."""
    n_layer, n_embd = SIZES[size]
    batch_size = BATCH_SIZE[config.device]
    roughly = flops_per_token(12 * n_layer * n_embd**2, n_layer, n_embd, BLOCK_SIZE)
    steps = config.seconds * GUESS * peak / (roughly * batch_size * BLOCK_SIZE)
    interval = min(MOST_STEPS, max(FEWEST_STEPS, int(steps)))
    last = 2 * interval + max(1, interval // 5)
    name = f"cost-{size}"
    options: dict[str, Any] = {
        "corpus": paths.name,
        "run": name,
        "max_steps": last,
        "eval_interval": interval,
        "n_layer": n_layer,
        "n_embd": n_embd,
        "block_size": BLOCK_SIZE,
        "batch_size": batch_size,
        "device": config.device,
    }
    folder = paths.run("pretrain", name)
    record = paths.folder / "logs" / f"{name}.json"
    command = [sys.executable, str(ROOT / "bench" / "memory.py"), str(record.resolve())]
    command += [str(ROOT / "pretrain" / "train.py"), "--overwrite"]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    program = run_program(command, record.with_suffix(".log"), lambda _: None, threads=config.threads)
    minutes = {row["step"]: row["minutes"] for row in Metrics(folder / "metrics.jsonl").read()}
    per_step = 60 * step_minutes([(step, minutes[step]) for step in (interval, 2 * interval, last)])
    parameters = int(read_json(folder / "run.json")["parameters"])
    tokens_per_second = batch_size * BLOCK_SIZE / per_step
    memory = read_json(record)
    return Cost(
        size=size,
        parameters=parameters,
        tokens_per_second=tokens_per_second,
        utilisation=tokens_per_second * flops_per_token(parameters, n_layer, n_embd, BLOCK_SIZE) / peak,
        cores=program.cpu_seconds / program.seconds,
        host_bytes=memory["host_bytes"],
        device_bytes=memory["device_bytes"],
    )


def step_minutes(marks: list[tuple[int, float]]) -> float:
    """Time of a step, from three moments (step, minutes) that each follow an evaluation and a save.

    Both stretches hold one evaluation and one save, so their difference holds steps alone.
    """
    (step0, time0), (step1, time1), (step2, time2) = marks
    minutes, steps = (time1 - time0) - (time2 - time1), (step1 - step0) - (step2 - step1)
    if minutes <= 0:
        raise UserError("the machine was too busy to time so few steps", "give more --seconds, or wait")
    return minutes / steps


def flops_per_token(parameters: int, n_layer: int, n_embd: int, block_size: int) -> float:
    """Operations of forward and backward for a token, without recomputation.

    Chowdhery et al. 2022, "PaLM", arXiv 2204.02311, appendix B: six for each parameter, twelve for
    each layer, channel and position looked at. That attention is causal is not counted, as there.
    """
    return 6 * parameters + 12 * n_layer * n_embd * block_size


def matmul_peak(device: Device, threads: int | None) -> float:
    """Operations per second of the best of several products of large square matrices."""
    if threads is not None:
        torch.set_num_threads(threads)
    size = MATRIX[device]
    left, right = (torch.randn(size, size, device=device, dtype=DTYPE[device]) for _ in range(2))
    best = float("inf")
    for _ in range(PRODUCTS):
        start = time.perf_counter()
        product = left @ right
        product[0, 0].item()  # a GPU answers when it is done
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


if __name__ == "__main__":
    run(main, CostConfig)

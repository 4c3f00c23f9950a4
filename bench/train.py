"""Our training against nanoGPT's: same text, same split, same device, same threads, in turns."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bench import nanogpt, payador
from bench.machine import machine
from bench.nanogpt import Device
from bench.processes import run_program
from bench.table import Measurement, as_table
from core.artifacts import ROOT, Artifacts, shown
from core.cli import run
from core.corpus import read_corpus
from core.files import write_json
from pretrain.baselines import ngram_bits_per_char, xz_bits_per_char
from pretrain.device import find_device
from pretrain.tokenize_data import TokenizeConfig
from pretrain.tokenizer import Tokenizer
from pretrain.tokens import Tokens, split_songs

Task = Literal["shakespeare", "songs"]

# Ours has to reach nanoGPT's loss in this share of its time.
SHARE = 1 / 6

# Over songs, nanoGPT looks for its best checkpoint this often; over the GPU recipe's text, as often as
# that recipe does; over the CPU recipe's, its loss falls to the end.
SONG_EVALUATIONS = 10
TEXT_EVALUATIONS = {"cpu": 1, "cuda": 20}

# Few songs are learnt by heart without dropout, and hardly learnt with too much: the better one counts.
DROPOUTS = (0.0, 0.2)

# Steps that tell how many of them fill the minutes.
CALIBRATION_STEPS = {"cpu": 100, "cuda": 300}


@dataclass(frozen=True, kw_only=True)
class BenchConfig:
    nanogpt: Path
    """A checkout of nanoGPT."""
    corpus: str
    """For shakespeare, the path of a text; for songs, a file of them, a corpus under artifacts/, or songbook:
    the songs that come with the project."""
    task: Task = "shakespeare"
    """shakespeare: nanoGPT's recipe for characters, then ours in a sixth of its time and in all of it.
    songs: BPE, the same minutes for both, and what a text costs without a neural network."""
    repeats: int = 3
    """Rounds; all sides run once in each, and the median counts."""
    minutes: float = 5.0
    """Budget of each training on songs."""
    steps: int | None = None
    """Of nanoGPT on shakespeare. Left out, its recipe's: 2,000 on a CPU, 5,000 on a GPU."""
    threads: int | None = None
    """OMP_NUM_THREADS of both sides. Left out, both are left to themselves."""
    device: Device = "cpu"
    """On cuda, nanoGPT follows its GPU recipe: 6 × 384, compiled."""
    output: Path | None = None
    """The results as JSON, written after every training. Left out: beside the corpus, <task>.json."""

    def __post_init__(self) -> None:
        for name in ("repeats", "minutes", "steps", "threads"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")


class Bench:
    """What has been measured so far, and what every measurement needs."""

    def __init__(self, config: BenchConfig, paths: Artifacts) -> None:
        self.config, self.paths = config, paths
        self.tokens = Tokens.load(paths.tokens / "tokens.safetensors")
        self.vocab_size = Tokenizer.load(paths.tokens / "tokenizer.json").vocab_size
        self.output = config.output or paths.folder / f"{config.task}.json"
        self.baselines: dict[str, float] = {}
        self.measured: list[Measurement] = []

    def measure_baselines(self) -> None:
        """Add what the validation side costs without a neural network."""
        split = split_songs(read_corpus(self.paths.corpus), TokenizeConfig(corpus=self.paths.name).seed)
        train, val = ([song.lyrics for song in side] for side in (split.train, split.val))
        self.baselines = {
            "n-gram of order 5": ngram_bits_per_char(train, val),
            "xz after the training text": xz_bits_per_char(train, val),
        }
        for name, bits in self.baselines.items():
            print(f"{name:<28} {bits:.4f} bits/char")
        self._write()

    def run_nanogpt(self, system: str, repeat: int, plan: nanogpt.Plan) -> nanogpt.Trained:
        """Train nanoGPT and add its measurement."""
        trained = self._train_nanogpt(system, plan)
        self._add(system, repeat, trained, self.config.nanogpt)
        return trained

    def run_ours(self, system: str, repeat: int, minutes: float) -> None:
        """Train ours and add its measurement."""
        trained = payador.train(self.paths, system, minutes, self.config.device, self.config.threads)
        self._add(system, repeat, trained, None)

    def plan_songs(self, dropout: float) -> nanogpt.Plan:
        """So many steps that nanoGPT takes the minutes given: it has no such budget of its own."""
        steps = CALIBRATION_STEPS[self.config.device]
        trial = self._train_nanogpt("calibration", nanogpt.Plan(steps, 1, dropout))
        fitting = nanogpt.steps_for(60 * self.config.minutes, trial.seconds / steps, SONG_EVALUATIONS)
        return nanogpt.Plan(fitting, SONG_EVALUATIONS, dropout)

    def _train_nanogpt(self, system: str, plan: nanogpt.Plan) -> nanogpt.Trained:
        config = self.config
        folder = self.paths.folder / "nanogpt" / system.replace(" ", "-")
        nanogpt.write_data(folder, self.tokens.train, self.tokens.val, self.vocab_size, config.device)
        return nanogpt.train(config.nanogpt, folder, plan, config.device, config.threads)

    def _add(self, system: str, repeat: int, trained: nanogpt.Trained | payador.Trained, checkout: Path | None) -> None:
        judged = self._judge(trained.checkpoint, checkout)
        measurement = Measurement(
            system=system,
            repeat=repeat,
            val_loss=judged["val_loss"],
            bits_per_char=judged["bits_per_char"],
            seconds=trained.seconds,
            steps=trained.steps,
            process_seconds=trained.process.seconds,
            cpu_seconds=trained.process.cpu_seconds,
        )
        self.measured.append(measurement)
        self._write()
        print(f"{repeat}/{self.config.repeats}  {measurement}", flush=True)

    def _judge(self, checkpoint: Path, checkout: Path | None) -> dict[str, Any]:
        tokens = self.paths.tokens / "tokens.safetensors"
        command = [sys.executable, str(ROOT / "bench" / "evaluation.py"), "--device", self.config.device]
        # Whatever folder the command runs in, the paths hold.
        command += ["--checkpoint", str(checkpoint.resolve()), "--tokens", str(tokens.resolve())]
        if checkout is not None:
            command += ["--nanogpt", str(checkout.resolve())]
        log = self.paths.folder / "logs" / "evaluation.log"
        return json.loads(run_program(command, log, lambda _: None, threads=self.config.threads).lines[-1].text)

    def _write(self) -> None:
        results = {
            "settings": {
                name: str(value) if isinstance(value, Path) else value for name, value in asdict(self.config).items()
            },
            "machine": machine(self.config.device),
            "nanogpt_commit": nanogpt.commit_of(self.config.nanogpt),
            "baselines_bits_per_char": self.baselines,
            "measurements": [asdict(measurement) for measurement in self.measured],
        }
        write_json(self.output, results)


def main(config: BenchConfig) -> None:
    """Train nanoGPT and ours in turns, and compare them over the whole validation part.

    Prints a table and writes it as JSON, after every training: Ctrl-C keeps what was measured.
    """
    nanogpt.check_checkout(config.nanogpt)
    find_device(config.device)
    task = TASKS[config.task]
    paths = (
        payador.text_corpus(Path(config.corpus)) if config.task == "shakespeare" else payador.song_corpus(config.corpus)
    )
    bench = Bench(config, paths)
    try:
        bench.measure_baselines()
        for repeat in range(1, config.repeats + 1):
            task(bench, repeat)
    finally:
        if bench.measured:
            print("\n" + as_table(bench.measured))
            print(f"\nwritten     {shown(bench.output)}")


def round_of_text(bench: Bench, repeat: int) -> None:
    """First nanoGPT by its recipe; then ours in a sixth of the time that it took, and in as much."""
    evaluations = TEXT_EVALUATIONS[bench.config.device]
    steps = bench.config.steps or nanogpt.RECIPE_STEPS[bench.config.device]
    peer = bench.run_nanogpt("nanogpt", repeat, nanogpt.Plan(max(1, steps // evaluations) * evaluations, evaluations))
    bench.run_ours("payador sixth", repeat, SHARE * peer.seconds / 60)
    bench.run_ours("payador", repeat, peer.seconds / 60)


def round_of_songs(bench: Bench, repeat: int) -> None:
    """Ours, and nanoGPT with each dropout, for the same minutes."""
    bench.run_ours("payador", repeat, bench.config.minutes)
    for dropout in DROPOUTS:
        bench.run_nanogpt(f"nanogpt dropout {dropout:g}", repeat, bench.plan_songs(dropout))


TASKS: dict[Task, Callable[[Bench, int], None]] = {"shakespeare": round_of_text, "songs": round_of_songs}


if __name__ == "__main__":
    run(main, BenchConfig)

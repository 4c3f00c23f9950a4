"""Decoding against nanoGPT, transformers and llama.cpp: one stream each, random weights of one size, in turns."""

import dataclasses
import importlib.util
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from bench.machine import machine
from core.cli import run
from core.errors import UserError
from core.files import write_json
from generate.sampling import Sampling
from generate.write import Request, Writer
from pretrain.checkpoint import Checkpoint
from pretrain.model import GPT, ModelConfig
from pretrain.split import Fingerprints
from pretrain.tokenizer import Tokenizer

# Layers, width, heads.
SIZES = {"4x128": (4, 128, 4), "6x384": (6, 384, 6)}
BLOCK_SIZE = 256

# As many characters as TinyShakespeare has.
ALPHABET = "\n !$&',-.3:;?" + "".join(map(chr, range(65, 91))) + "".join(map(chr, range(97, 123)))

SAMPLING = Sampling(temperature=1.0, top_k=40, top_p=1.0)


@dataclass(frozen=True, kw_only=True)
class DecodeConfig:
    nanogpt: Path | None = None
    """A checkout of nanoGPT; left out, it is not measured."""
    sizes: tuple[str, ...] = tuple(SIZES)
    """Layers and width."""
    tokens: int = 250
    """Written by each stream."""
    songs: int = 16
    """Of ours, side by side."""
    rounds: int = 5
    """All sides run once in each; the median counts."""
    threads: int = 1
    """Of all sides but ours, which finds out by itself, among as many."""
    output: Path | None = None
    """The results as JSON."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.sizes) - set(SIZES))
        if unknown:
            raise ValueError(f"sizes are {', '.join(SIZES)}, not {', '.join(unknown)}")
        for name in ("tokens", "songs", "rounds", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class Speed:
    """One run of one side."""

    side: str
    size: str
    tokens_per_second: float
    tokens_per_cpu_second: float


# Writes so many tokens.
Side = Callable[[int], None]


def main(config: DecodeConfig) -> None:
    """Time a token of each side, and print how many times ours they take."""
    torch.set_num_threads(config.threads)
    measured: list[Speed] = []
    for size in config.sizes:
        with tempfile.TemporaryDirectory() as folder:
            sides = _sides(config, size, Path(folder))
            for write in sides.values():
                write(20)  # what is made once, and pages that were never touched
            for number in range(config.rounds):
                for name, write in sides.items():
                    count = config.songs if name == f"ours, {config.songs} songs" else 1
                    measured.append(_time(name, size, write, config.tokens, count))
                print(f"round {number + 1} of {config.rounds}, {size}", file=sys.stderr)
    print(table(measured))
    if config.output:
        write_json(
            config.output,
            {
                "config": {**asdict(config), "nanogpt": str(config.nanogpt), "output": str(config.output)},
                "machine": machine("cpu"),
                "measured": [asdict(speed) for speed in measured],
            },
        )


def _time(name: str, size: str, write: Side, tokens: int, count: int) -> Speed:
    start, cpu = time.perf_counter(), time.process_time()
    write(tokens)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return Speed(name, size, count * tokens / seconds, count * tokens / cpu_seconds)


def _sides(config: DecodeConfig, size: str, folder: Path) -> dict[str, Side]:
    checkpoint = random_checkpoint(size)
    sides = {
        "ours": ours(checkpoint, 1),
        f"ours, {config.songs} songs": ours(checkpoint, config.songs),
        "transformers": of_transformers(checkpoint, folder),
    }
    if config.nanogpt:
        sides["nanoGPT"] = of_nanogpt(config.nanogpt, checkpoint.model.config)
    if importlib.util.find_spec("llama_cpp"):
        sides["llama.cpp"] = of_llama_cpp(checkpoint, folder, config.threads)
    return sides


def random_checkpoint(size: str) -> Checkpoint:
    """Characters, weights as large as trained ones, and an end that never comes."""
    tokenizer = Tokenizer.train([ALPHABET], "char")
    n_layer, n_embd, n_head = SIZES[size]
    model = GPT(
        ModelConfig(
            architecture="qwen3", vocab_size=tokenizer.vocab_size, block_size=BLOCK_SIZE,
            n_layer=n_layer, n_head=n_head, n_embd=n_embd,
        )
    )  # fmt: skip
    generator = torch.Generator().manual_seed(1)
    model.init_weights(generator)
    with torch.no_grad():
        for matrix in model.matrices():
            matrix.normal_(0, 0.5 * n_embd**-0.5, generator=generator)
    return Checkpoint(model.eval(), tokenizer, "songs", Fingerprints())


def ours(checkpoint: Checkpoint, songs: int) -> Side:
    """Songs as generate/sample.py writes them."""
    writer = Writer(checkpoint)

    def write(tokens: int) -> None:
        # Random weights may end a song: in a comparison all write as much.
        request = Request(title="A", sampling=SAMPLING, min_new_tokens=tokens, max_new_tokens=tokens)
        written = [writer.song(dataclasses.replace(request, seed=seed)) for seed in range(songs)]
        for _ in writer.decode(written):
            pass
        assert all(song.tokens == tokens for song in written)

    return write


def of_transformers(checkpoint: Checkpoint, folder: Path) -> Side:
    """`generate` with its cache, on our export."""
    from transformers import AutoModelForCausalLM

    from generate.exporting.to_transformers import write_transformers

    write_transformers(folder, checkpoint, SAMPLING, "")
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    prompt = torch.tensor([[checkpoint.tokenizer.song]])

    def write(tokens: int) -> None:
        model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=True, top_k=SAMPLING.top_k, top_p=1.0,
            temperature=1.0, min_new_tokens=tokens, max_new_tokens=tokens,
        )  # fmt: skip

    return write


def of_nanogpt(checkout: Path, config: ModelConfig) -> Side:
    """Its `generate`, which sample.py calls, on its own model of the same size."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", checkout / "model.py")
    if spec is None or spec.loader is None or not (checkout / "model.py").exists():
        raise UserError(f"{checkout} is no checkout of nanoGPT", "git clone https://github.com/karpathy/nanoGPT")
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    sizes = {name: getattr(config, name) for name in ("vocab_size", "block_size", "n_layer", "n_head", "n_embd")}
    model = module.GPT(module.GPTConfig(**sizes, dropout=0.0, bias=False)).eval()

    def write(tokens: int) -> None:
        with torch.no_grad():
            model.generate(torch.zeros(1, 1, dtype=torch.long), tokens, temperature=1.0, top_k=SAMPLING.top_k)

    return write


def of_llama_cpp(checkpoint: Checkpoint, folder: Path, threads: int) -> Side:
    """llama-cpp-python on our GGUF file, float32."""
    import llama_cpp  # pyright: ignore[reportMissingImports]

    from generate.exporting.to_gguf import write_gguf

    path = folder / "model.gguf"
    write_gguf(path, checkpoint, SAMPLING, "f32", {"general.name": "random"})
    model: Any = llama_cpp.Llama(str(path), n_ctx=BLOCK_SIZE + 8, n_threads=threads, verbose=False)

    def write(tokens: int) -> None:
        model.reset()
        stream = model.generate(
            [checkpoint.tokenizer.song], top_k=SAMPLING.top_k, top_p=1.0, min_p=0.0, temp=1.0, repeat_penalty=1.0
        )
        assert len(list(itertools.islice(stream, tokens))) == tokens

    return write


def table(measured: list[Speed]) -> str:
    """Medians, in Markdown, and how many times as fast as transformers and llama.cpp."""
    lines = [
        "| size | side | tokens/s | per CPU second | times transformers | times llama.cpp |",
        "|---|---|---|---|---|---|",
    ]
    medians = {
        (one.size, one.side): tuple(
            statistics.median(
                getattr(other, name) for other in measured if (other.size, other.side) == (one.size, one.side)
            )
            for name in ("tokens_per_second", "tokens_per_cpu_second")
        )
        for one in measured
    }
    for (size, side), (speed, per_cpu) in medians.items():
        ratios = [medians.get((size, peer)) for peer in ("transformers", "llama.cpp")]
        shown = " | ".join(f"{per_cpu / ratio[1]:.1f}" if ratio else "–" for ratio in ratios)
        lines.append(f"| {size} | {side} | {speed:,.0f} | {per_cpu:,.0f} | {shown} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main, DecodeConfig)

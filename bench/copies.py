"""What forbidding copies costs: the same songs with and without --max_copied_words, in turns."""

import dataclasses
import statistics
import time
from dataclasses import dataclass

import torch
from tqdm import tqdm

from core.cli import run
from generate.choice import CheckpointChoice
from generate.originality import measure
from generate.write import Request, Song, Writer
from pretrain.checkpoint import load_checkpoint
from pretrain.phrases import load_index

# Songs that are written with and without before the next ones are.
BATCH = 16


@dataclass(frozen=True, kw_only=True)
class CopiesConfig(CheckpointChoice):
    songs: int = 1000
    """To be written both ways."""
    max_copied_words: int = 4
    """The longest run that is allowed."""
    max_new_tokens: int = 200
    """Of each song."""


@dataclass(frozen=True)
class Side:
    """What one way of writing took and gave."""

    name: str
    request: Request
    cpu_seconds: list[float]
    tokens: list[int]
    longest: list[int]
    """Copied run of each song, in words."""
    shares: list[float]
    """Of each song's words that are in copied runs."""

    @property
    def microseconds(self) -> float:
        """Of CPU for a token: the median of the batches."""
        return 1e6 * statistics.median(cpu / tokens for cpu, tokens in zip(self.cpu_seconds, self.tokens, strict=True))

    def __str__(self) -> str:
        return (
            f"{self.name:<10} longest {max(self.longest)} words, {statistics.mean(self.longest):.2f} on average, "
            f"{100 * statistics.mean(self.shares):.1f} % of words copied, {self.microseconds:.0f} µs of CPU a token"
        )


def main(config: CopiesConfig) -> None:
    """Write songs freely and without copies, and compare both."""
    folder = config.folder
    index = load_index(folder)
    writer = Writer(load_checkpoint(folder, torch.device("cpu")), index)
    free = Request(max_new_tokens=config.max_new_tokens)
    held = dataclasses.replace(free, max_copied_words=config.max_copied_words)
    sides = [Side(name, request, [], [], [], []) for name, request in (("free", free), ("forbidden", held))]
    for first in tqdm(range(0, config.songs, BATCH), unit=" batches"):
        for side in sides if first // BATCH % 2 else reversed(sides):
            start = time.process_time()
            songs = _write(writer, side.request, range(first, min(first + BATCH, config.songs)))
            side.cpu_seconds.append(time.process_time() - start)
            side.tokens.append(sum(song.tokens for song in songs))
            copied = [measure(index, song.lyrics) for song in songs]
            side.longest.extend(one.longest for one in copied)
            side.shares.extend(one.share for one in copied)
    print(*sides, sep="\n")
    print(f"slower by {100 * (sides[1].microseconds / sides[0].microseconds - 1):.1f} %")


def _write(writer: Writer, request: Request, seeds: range) -> list[Song]:
    songs = [writer.song(dataclasses.replace(request, seed=seed)) for seed in seeds]
    for _ in writer.decode(songs, BATCH):
        pass
    return songs


if __name__ == "__main__":
    run(main, CopiesConfig)

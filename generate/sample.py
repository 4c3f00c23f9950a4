"""Stage 5: a model writes songs."""

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch

from core.artifacts import CHECKPOINT_STAGES, find_checkpoint, shown
from core.cli import Positional, run
from core.files import write_text
from generate.write import Request, Writer
from pretrain.checkpoint import load_checkpoint
from pretrain.device import Device, find_device


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    checkpoint: Positional[str] = ""
    """A checkpoint folder; or say which with --corpus (or --artist) and --run."""
    corpus: str = ""
    """Folder under artifacts/."""
    artist: str = ""
    """The same, by the artist's name."""
    run: str = ""
    """Which run, where the corpus has several: default, or finetune/default."""
    title: str = ""
    """Title of the song; the model thinks of one when it is left out."""
    prompt: str = ""
    """How the lyrics begin."""
    num_songs: int = 1
    """Songs to write; the second has the seed after the first's."""
    temperature: float = 0.8
    """Below 1 the likely becomes likelier; 0 always takes the likeliest."""
    top_k: int | None = None
    """Choose among the k likeliest tokens only."""
    top_p: float = 0.95
    """Choose among the likeliest tokens that make up this probability: small models ramble in the tail."""
    max_new_tokens: int = 600
    """Length at which a song that does not end by itself is cut."""
    seed: int = 1
    """The same seed and settings write the same song."""
    device: Device = "auto"
    """auto takes cuda, then mps, then cpu."""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.checkpoint, self.corpus, self.artist))) != 1:
            raise ValueError("give one of: a checkpoint folder, --corpus, --artist")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"temperature must not be below 0, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, got {self.top_p}")
        for name in ("num_songs", "top_k", "max_new_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")


def main(config: SampleConfig) -> None:
    """Write songs with a trained model.

    Words appear as they are made; the songs also go to artifacts/<corpus>/samples/, with the
    settings that write them again.
    """
    folder = find_checkpoint(config.checkpoint or config.corpus or config.artist, config.run)
    device = find_device(config.device)
    if device.type == "cpu":
        # A song is made token by token: too little work at a time for two threads to share.
        torch.set_num_threads(1)
    writer = Writer(load_checkpoint(folder, device))
    request = Request(
        title=config.title,
        prompt=config.prompt,
        temperature=config.temperature,
        top_k=config.top_k,
        top_p=config.top_p,
        max_new_tokens=config.max_new_tokens,
        seed=config.seed,
    )
    songs: list[str] = []
    try:
        for number in range(config.num_songs):
            songs.append("")
            for piece in _pieces(writer, dataclasses.replace(request, seed=config.seed + number)):
                songs[-1] += piece
                print(piece, end="", flush=True)
            print("\n")
    finally:
        # Ctrl-C in the middle of a song loses none of what was read.
        if any(songs):
            print(f"written     {shown(_save(config, folder, songs))}")


def _pieces(writer: Writer, request: Request) -> Iterator[str]:
    """A song as it is shown: its title as a heading, an empty line, its lyrics."""
    title, lyrics = writer.write(request)
    if title:
        yield f"# {title}\n\n"
    yield from lyrics


def _save(config: SampleConfig, checkpoint: Path, songs: list[str]) -> Path:
    """Write the songs under their settings, in artifacts/<corpus>/samples/ or in a folder copied elsewhere."""
    at_home = checkpoint.parent.name in CHECKPOINT_STAGES
    folder = (checkpoint.parent.parent if at_home else checkpoint) / "samples"
    # Of the options only those that shape the text: which words said where the model is does not.
    settings = {"checkpoint": f"{checkpoint.parent.name}/{checkpoint.name}"} | {
        name: getattr(config, name)
        for name in ("title", "prompt", "temperature", "top_k", "top_p", "max_new_tokens", "seed", "num_songs")
    }
    head = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in settings.items())
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S-%f}-seed-{config.seed}"
    path = folder / f"{stem}.txt"
    write_text(path, head + "\n" + "\n\n".join(song.strip("\n") for song in songs) + "\n")
    return path


if __name__ == "__main__":
    run(main, SampleConfig)

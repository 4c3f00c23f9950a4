"""Stage 5: a model writes songs."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.artifacts import CHECKPOINT_STAGES, shown
from core.cli import run
from core.errors import UserError
from core.files import write_text
from generate.choice import CheckpointChoice, FormChoice
from generate.compose import Composition
from generate.foreign.folder import is_adapter
from generate.foreign.writer import ForeignWriter
from generate.originality import measure
from generate.sampling import Sampling
from generate.verse.composer import Composer
from generate.write import Request, Song, Writer
from pretrain.checkpoint import load_checkpoint
from pretrain.device import Device, find_device
from pretrain.lexicon import load_lexicon
from pretrain.phrases import PHRASES, load_index

# Options that verse in a form has no use for: it knows its length, and repeats no rhyme.
FREE_ONLY = ("max_new_tokens", "stop", "repetition_penalty", "presence_penalty", "frequency_penalty")


@dataclass(frozen=True, kw_only=True)
class SampleConfig(Sampling, FormChoice, CheckpointChoice):
    title: str = ""
    """Title of the song; the model thinks of one when it is left out."""
    prompt: str = ""
    """How the lyrics begin."""
    num_songs: int = 1
    """Songs to write, side by side; the second has the seed after the first's."""
    max_new_tokens: int = 600
    """Length at which a song that does not end by itself is cut."""
    max_copied_words: int | None = None
    """Never write more words in a row than this that stand so in a song it was trained on."""
    banned_words: tuple[str, ...] = ()
    """Words that it may not say: --banned_words corazón amor."""
    stop: tuple[str, ...] = ()
    """End before the first of these: --stop "[Coro]"."""
    seed: int = 1
    """The same seed and settings write the same song."""
    device: Device = "auto"
    """auto takes cuda, then mps, then cpu."""

    def __post_init__(self) -> None:
        CheckpointChoice.__post_init__(self)
        Sampling.__post_init__(self)
        FormChoice.__post_init__(self)
        for name in ("num_songs", "max_new_tokens", "max_copied_words"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        idle = [name for name in FREE_ONLY if getattr(self, name) != defaults[name]]
        if (self.form or self.structure) and idle:
            raise ValueError(
                f"{' and '.join(idle)} would do nothing in a form: leave it out; temperature, top_p, banned_words and "
                "max_copied_words hold in a form, too"
            )


def main(config: SampleConfig) -> None:
    """Write songs with a trained model.

    Words appear as they are made; with --form, verse by verse. The songs also go to
    artifacts/<corpus>/samples/, with the settings that write them again. A line at the end says how
    much of each stands in the songs that the model was trained on.
    """
    folder = config.folder
    index = load_index(folder) if (folder / PHRASES).exists() else None
    device = find_device(config.device)
    if is_adapter(folder):
        if config.form or config.structure:
            raise UserError("verse in a form needs a model trained here", "leave --form out, or choose another --run")
        writer = ForeignWriter(folder, device, index)
    else:
        writer = Writer(load_checkpoint(folder, device), index)
    requests = [_request(config, config.seed + number) for number in range(config.num_songs)]
    if config.form or config.structure:
        composer = Composer(writer, load_lexicon(folder), config.language)
        plan = config.plan(composer.language)
        assert plan is not None, "a form is asked for"
        songs = [Composition(composer, request, plan) for request in requests]
        pieces = _verses(songs)
    else:
        songs = [writer.song(request) for request in requests]
        pieces = _pieces(writer, songs)
    try:
        for piece in pieces:
            print(piece, end="", flush=True)
    finally:
        # Ctrl-C in the middle of a song loses none of what was read.
        if any(_lyrics(song) for song in songs):
            print(f"written     {shown(_save(config, folder, songs))}")
    failures = [song.failure for song in songs if isinstance(song, Composition) and song.failure]
    if failures:
        raise UserError(failures[0], "another --seed, a --form with more common rhymes, or --words any")


def _request(config: SampleConfig, seed: int) -> Request:
    return Request(
        title=config.title,
        prompt=config.prompt,
        sampling=Sampling(**{field.name: getattr(config, field.name) for field in dataclasses.fields(Sampling)}),
        max_new_tokens=config.max_new_tokens,
        max_copied_words=config.max_copied_words,
        banned_words=config.banned_words,
        stop=config.stop,
        seed=seed,
    )


def _pieces(writer: Writer, songs: list[Song]) -> Iterator[str]:
    """The songs one behind the other, each as it grows, though all are written side by side."""
    steps = writer.decode(songs)
    for song in songs:
        headed = False
        while True:
            if not headed and not song.thinking:
                headed = True
                yield f"# {song.title}\n\n" if song.title else ""
            yield song.take()
            if song.finished:
                break
            next(steps)
        yield "\n\n"
        yield from _copied(writer, song.lyrics)


def _verses(poems: Sequence[Composition]) -> Iterator[str]:
    """Poems one behind the other, line by line."""
    for poem in poems:
        for number, line in enumerate(poem):
            yield f"# {poem.title}\n\n" if poem.title and not number else ""
            yield f"{line.text}\n"
        yield "\n"
        yield from _copied(poem.composer.writer, poem.text)


def _copied(writer: Writer, lyrics: str) -> Iterator[str]:
    if writer.index and lyrics:
        yield f"copied      {measure(writer.index, lyrics)}\n\n"


def _save(config: SampleConfig, checkpoint: Path, songs: Sequence[Song | Composition]) -> Path:
    """Write the songs under their settings, in artifacts/<corpus>/samples/ or in a folder copied elsewhere."""
    at_home = checkpoint.parent.name in CHECKPOINT_STAGES
    folder = (checkpoint.parent.parent if at_home else checkpoint) / "samples"
    # Of the options only those that shape the text: which words said where the model is does not.
    settings = {"checkpoint": f"{checkpoint.parent.name}/{checkpoint.name}"} | {
        name: getattr(config, name)
        for name in (field.name for field in dataclasses.fields(config))
        if name not in {"device", *(field.name for field in dataclasses.fields(CheckpointChoice))}
    }
    head = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in settings.items())
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S-%f}-seed-{config.seed}"
    path = folder / f"{stem}.txt"
    write_text(path, head + "\n" + "\n\n".join(map(_whole, songs)) + "\n")
    return path


def _whole(song: Song | Composition) -> str:
    lyrics = _lyrics(song).strip("\n")
    return f"# {song.title}\n\n{lyrics}" if song.title else lyrics


def _lyrics(song: Song | Composition) -> str:
    return song.lyrics if isinstance(song, Song) else song.text


if __name__ == "__main__":
    run(main, SampleConfig)

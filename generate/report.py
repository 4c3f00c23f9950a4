"""Stage 5: a report on a model: how well it has learnt, what it writes, what of that is copied."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from core.artifacts import CHECKPOINT_STAGES, shown
from core.cli import run
from core.files import write_text
from generate.choice import CheckpointChoice
from generate.reporting.content import (
    copies_section,
    form_section,
    loss_section,
    songs_section,
    variety_section,
    verse_section,
)
from generate.reporting.learnt import Learnt, read_learnt
from generate.reporting.material import Material
from generate.reporting.page import Paragraph, Report, Section, to_html, to_markdown
from generate.sampling import Sampling
from generate.write import Request, Song, Writer
from pretrain.checkpoint import Checkpoint, load_checkpoint
from pretrain.device import Device, find_device
from pretrain.phrases import PHRASES, load_index
from prosody.line import LANGUAGES, known_language


@dataclass(frozen=True, kw_only=True)
class ReportConfig(Sampling, CheckpointChoice):
    num_songs: int = 20
    """Songs to write. Twenty are some thousand words: enough to tell manners from chance."""
    max_new_tokens: int = 1500
    """Length at which a song that does not end by itself is cut: beyond what songs have, since lengths are compared."""
    max_copied_words: int | None = None
    """Forbid longer runs of words that stand so in a song learnt, as when sampling."""
    language: str = ""
    """Of the verse: es, fr or en. Left out, it is the corpus's."""
    seed: int = 1
    """Of the first song; the second has the seed after it."""
    device: Device = "auto"
    """auto takes cuda, then mps, then cpu."""

    def __post_init__(self) -> None:
        CheckpointChoice.__post_init__(self)
        Sampling.__post_init__(self)
        for name in ("num_songs", "max_new_tokens", "max_copied_words"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")


def main(config: ReportConfig) -> None:
    """Have a model write songs, and report on them and on how it learnt.

    Writes report.md, report.html (one file, to open or to send) and their pictures to report/ in the
    checkpoint's folder.
    """
    language = known_language(config.language) if config.language else ""
    source = config.folder
    checkpoint = load_checkpoint(source, find_device(config.device))
    index = load_index(source) if (source / PHRASES).exists() else None
    learnt = read_learnt(source, checkpoint)
    if not language and learnt.corpus and learnt.corpus.language in LANGUAGES:
        language = learnt.corpus.language
    songs = _write_songs(Writer(checkpoint, index), config)
    folder = source / "report"
    folder.mkdir(exist_ok=True)
    material = Material(source, folder, songs, learnt, index, language, checkpoint.document)
    report = _report(material, checkpoint, config)
    write_text(folder / "report.md", to_markdown(report))
    write_text(folder / "report.html", to_html(report, folder))
    for what, value in report.tiles.items():
        print(f"{value:>11} {what}")
    for note in _notes(material):
        print(f"note        {note}")
    print(f"written     {shown(folder / 'report.html')}, {shown(folder / 'report.md')}")


def _write_songs(writer: Writer, config: ReportConfig) -> list[Song]:
    sampling = Sampling(**{field.name: getattr(config, field.name) for field in dataclasses.fields(Sampling)})
    songs = [
        writer.song(
            Request(
                sampling=sampling,
                max_new_tokens=config.max_new_tokens,
                max_copied_words=config.max_copied_words,
                seed=config.seed + number,
            )
        )
        for number in range(config.num_songs)
    ]
    with tqdm(total=len(songs), desc="writing", unit=" songs", leave=False, disable=None) as bar:
        for ended in writer.decode(songs):
            bar.update(len(ended))
    return songs


def _report(material: Material, checkpoint: Checkpoint, config: ReportConfig) -> Report:
    makers: list[tuple[str, Callable[[Material], Section]]] = [
        ("learning", loss_section),
        ("verse", verse_section),
        ("copies", copies_section),
        ("variety", variety_section),
        ("lengths", form_section),
        ("songs", songs_section),
    ]
    sections: list[Section] = []
    bar = tqdm(makers, leave=False, disable=None)
    for what, make in bar:
        bar.set_description(what)
        sections.append(make(material))
    if notes := _notes(material):
        sections.insert(0, Section("What is missing", [Paragraph(note) for note in notes]))
    return Report(_title(material.source, material.learnt), _under(checkpoint, config), sections)


def _notes(material: Material) -> list[str]:
    nothing = [] if material.written else ["The model wrote nothing: there is no word in any of its songs."]
    return [*material.learnt.missing, *nothing]


def _title(source: Path, learnt: Learnt) -> str:
    """Whose model it is."""
    at_home = source.parent.name in CHECKPOINT_STAGES
    name = f"{source.parent.name}/{source.name}" if at_home else source.name
    return f"{learnt.corpus.name}: {name}" if learnt.corpus else name


def _under(checkpoint: Checkpoint, config: ReportConfig) -> str:
    """What the model is, and how it was asked to write."""
    model = checkpoint.model.config
    neutral = {field.name: field.default for field in dataclasses.fields(Sampling)} | {"max_copied_words": None}
    asked = {name: getattr(config, name) for name in neutral}
    shown_always = ("temperature", "top_p")
    settings = [f"{name} {value}" for name, value in asked.items() if name in shown_always or value != neutral[name]]
    return (
        f"{model.architecture}, {model.n_layer} layers × {model.n_embd}, {checkpoint.model.count_parameters():,} "
        f"parameters. {config.num_songs} songs with {', '.join(settings)}, seeds from {config.seed} on."
    )


if __name__ == "__main__":
    run(main, ReportConfig)

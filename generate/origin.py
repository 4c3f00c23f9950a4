"""What a checkpoint has read, and what that means for whoever passes the model on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.artifacts import find_checkpoint
from core.corpus import Corpus
from core.errors import UserError
from core.files import read_json, sha256
from core.stored import open_corpus
from data.sources.songbook import read_songbook
from pretrain.checkpoint import MODEL, RUN

# By the source that a corpus names.
RIGHTS = {
    "songbook": "The songs of the bundled songbook are in the public domain (CC0 1.0): anybody may use and publish the "
    "model, and what it writes, for anything.",
    "gutenberg": "Project Gutenberg's books are in the public domain in the United States. In most other countries the "
    "rights of authors and translators last until seventy years after their death: see whose books these are before "
    "you publish the model there. It may repeat passages word for word.",
    "genius": "Lyrics on Genius are copyrighted: they belong to those who wrote them. The songs of an artist who is "
    "alive, or died less than seventy years ago, are not yours to publish, and this model may repeat lines of them "
    "word for word. Keep the model and what it writes to yourself, unless the authors or the law of your country "
    "allow more.",
    "huggingface": "The dataset's own page says under which terms it may be used. Those terms do not free texts that "
    "belong to somebody else: publish the model only where the authors of the texts allow it, or their rights have "
    "ended. It may repeat lines word for word.",
    "files": "The texts came from whoever trained the model, and nothing here says whose they are. Publish the model "
    "only if you wrote them, their authors allow it, or their rights have ended: it may repeat lines word for word.",
}

UNRECORDED = (
    "What this model has read, or a part of it, is not recorded beside it. As long as nobody knows better, treat it "
    "as made of texts that belong to somebody else, do not publish it, and expect it to repeat lines word for word."
)

# Sources whose texts nobody has rights in, somewhere at least.
_FREE = {"songbook", "gutenberg"}


@dataclass(frozen=True)
class Origin:
    """The corpora that a checkpoint learnt from."""

    corpora: tuple[Corpus, ...]
    """The base's first, what it was adapted to last."""
    complete: bool
    """Whether these are all of them."""

    @property
    def sources(self) -> list[str]:
        """The sources of the corpora, each once."""
        return sorted({_source(corpus) for corpus in self.corpora})

    @property
    def languages(self) -> list[str]:
        """ISO 639-1 codes, the last corpus's first."""
        languages = [corpus.language for corpus in reversed(self.corpora)]
        return [language for language in dict.fromkeys(languages) if language not in ("und", "mul")]

    @property
    def licence(self) -> str | None:
        """Hugging Face's name for the terms of the model; None where they are its maker's to choose."""
        if not self.complete or set(self.sources) - _FREE:
            return "other"
        return "cc0-1.0" if self.sources == ["songbook"] else None

    @property
    def rights(self) -> list[str]:
        """What those texts allow to do with the model: a paragraph for each source."""
        paragraphs = [RIGHTS.get(source, UNRECORDED) for source in self.sources]
        return paragraphs if self.complete else list(dict.fromkeys([*paragraphs, UNRECORDED]))


def origin_of(folder: Path) -> Origin:
    """Look for the corpora that a checkpoint folder's run.json names.

    A corpus that is not the one the run read, by its SHA-256, is none of them.
    """
    record = _read(folder / RUN)
    config, inputs, home = record.get("config", {}), record.get("inputs", {}), folder.parent.parent
    if "base" not in config:
        tokens = home / "tokens"
        if not _is(tokens / "tokens.safetensors", inputs):
            return Origin((), complete=False)
        return _with(home, _read(tokens / RUN).get("inputs", {}), Origin((), complete=True))
    try:
        base = find_checkpoint(config["base"], config.get("base_run", ""))
    except UserError:
        base = None
    read = origin_of(base) if base and _is(base / MODEL, inputs) else Origin((), complete=False)
    return _with(home, inputs, read)


def _with(home: Path, inputs: dict[str, str], before: Origin) -> Origin:
    """One corpus more, that of a corpus folder."""
    path = home / "corpus.json"
    if not _is(path, inputs):
        return Origin(before.corpora, complete=False)
    return Origin((*before.corpora, open_corpus(path)), before.complete)


def _is(path: Path, inputs: dict[str, str]) -> bool:
    """Whether a file is there, and the one that run.json names."""
    return path.is_file() and inputs.get(path.name) == sha256(path)


def _read(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}


def _source(corpus: Corpus) -> str:
    """Where a corpus came from; albums in the songbook's format that are not the bundled ones are somebody's files."""
    if corpus.source == "songbook" and not {song.id for song in corpus.songs} <= {song.id for song in read_songbook()}:
        return "files"
    return corpus.source

"""What a checkpoint has read, and what that means for whoever passes the model on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.artifacts import find_checkpoint
from core.corpus import Corpus
from core.errors import UserError
from core.files import read_json
from core.stored import open_corpus
from data.sources.songbook import read_songbook
from pretrain.checkpoint import RUN
from pretrain.split import VAL_SHARE, Fingerprints, fingerprint, split_songs

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


def origin_of(folder: Path, learnt: Fingerprints) -> Origin:
    """Look for the corpora of a checkpoint folder and its bases, and tell by the songs `learnt` whether they are."""
    corpora: list[Corpus] = []
    found = Fingerprints()
    for path in _corpora(folder):
        corpus = open_corpus(path)
        songs = _fingerprints(corpus)
        unknown = len(songs) - int(np.isin(songs.array, learnt.array).sum())
        # What was held out was not learnt; more that was not means that this is another corpus by now.
        if unknown < len(songs) and unknown <= max(1, round(VAL_SHARE * len(corpus.songs))):
            corpora.append(corpus)
            found |= songs
    return Origin(tuple(corpora), complete=bool(np.isin(learnt.array, found.array).all()))


def _corpora(folder: Path) -> list[Path]:
    """The corpus.json beside a checkpoint, behind those of the bases and parents that its run.json leads to."""
    paths: list[Path] = []
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        at = waiting.pop(0)
        if at not in seen:
            seen.add(at)
            paths.append(at.parent.parent / "corpus.json")
            waiting += _before(at)
    return [path for path in dict.fromkeys(reversed(paths)) if path.exists()]


def _before(folder: Path) -> list[Path]:
    record: dict[str, Any] = read_json(folder / RUN) if (folder / RUN).exists() else {}
    if "parents" in record:  # a mix
        return [Path(parent) for parent in record["parents"]]
    config: dict[str, Any] = record.get("config", {})
    if "base" not in config:
        return []
    try:
        return [find_checkpoint(config["base"], config["base_run"]).resolve()]
    except UserError:
        return []


def _fingerprints(corpus: Corpus) -> Fingerprints:
    """Of what may have been learnt: of each song, or of one long text the part that is learnt."""
    if len(corpus.songs) == 1:
        return split_songs(corpus, seed=0).learnt
    return Fingerprints(fingerprint(song) for song in corpus.songs)


def _source(corpus: Corpus) -> str:
    """Where a corpus came from; albums in the songbook's format that are not the bundled ones are somebody's files."""
    if corpus.source == "songbook" and not {song.id for song in corpus.songs} <= {song.id for song in read_songbook()}:
        return "files"
    return corpus.source

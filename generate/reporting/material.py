"""What a report is about: the songs that a model wrote, and what they are held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.words import folded_words
from generate.reporting.learnt import Learnt, evenly
from generate.write import Song
from pretrain.phrases import PhraseIndex
from pretrain.split import Document

# Of the songs learnt, as many are measured.
COMPARED = 300


@dataclass(frozen=True)
class Material:
    """What a report is about."""

    source: Path
    """The checkpoint folder."""
    folder: Path
    """Where the report goes."""
    songs: Sequence[Song]
    """Written by the model."""
    learnt: Learnt
    index: PhraseIndex | None
    language: str
    """Of the verse; empty where nobody knows."""
    document: Document

    @property
    def written(self) -> list[str]:
        """The texts in which there is a word."""
        return [song.lyrics for song in self.songs if folded_words(song.lyrics)]

    @property
    def names(self) -> tuple[str, str, str]:
        """Of the columns: what the model wrote, what it learnt, what was held out."""
        return "written", f"{self.document} learnt", f"{self.document} held out"

    @property
    def columns(self) -> dict[str, list[str]]:
        """What the model wrote, and songs that it learnt."""
        learnt = evenly(self.learnt.train, COMPARED / max(COMPARED, len(self.learnt.train)))
        return {name: texts for name, texts in zip(self.names, (self.written, learnt), strict=False) if texts}

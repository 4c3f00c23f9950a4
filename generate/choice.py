"""Which checkpoint, said on the command line."""

from dataclasses import dataclass
from pathlib import Path

from core.artifacts import find_checkpoint
from core.cli import Positional


@dataclass(frozen=True, kw_only=True)
class CheckpointChoice:
    """The options by which a script finds its checkpoint."""

    checkpoint: Positional[str] = ""
    """A checkpoint folder; or say which with --corpus (or --artist) and --run."""
    corpus: str = ""
    """Folder under artifacts/."""
    artist: str = ""
    """The same, by the artist's name."""
    run: str = ""
    """Which run, where the corpus has several: default, or finetune/default."""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.checkpoint, self.corpus, self.artist))) != 1:
            raise ValueError("give one of: a checkpoint folder, --corpus, --artist")

    @property
    def folder(self) -> Path:
        """The checkpoint folder.

        Raises UserError, with the choices, when none or more than one answers.
        """
        return find_checkpoint(self.checkpoint or self.corpus or self.artist, self.run)

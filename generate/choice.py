"""Which checkpoint, and which form: options that scripts share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.artifacts import find_checkpoint
from core.cli import Positional
from core.errors import UserError
from generate.verse.plan import Plan
from prosody.form import parse_form
from prosody.structure import parse_structure


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


@dataclass(frozen=True, kw_only=True)
class FormChoice:
    """The options that ask for verse in a form."""

    form: str = ""
    """Verse in a form: "ABBA 8" (rhymes and syllables; small letters: by their vowels; x: none), "8a 6b 8a 6b",
    "ABBA ABBA CDC DCD 11", or a name: soneto, decima, romance, ballad … Behind --form= where it begins with -."""
    stanzas: int = 1
    """Of a form of one stanza; with --structure, in each section."""
    structure: str = ""
    """Sections of a song in a form: "verso coro verso coro puente coro". A chorus returns word for word."""
    words: Literal["known", "any"] = "known"
    """In a form: words that stand in the songs learnt, or whatever the model spells."""
    language: str = ""
    """In a form, where the model learnt from songs in several: es, fr or en."""

    def __post_init__(self) -> None:
        if self.stanzas < 1:
            raise ValueError(f"stanzas must be at least 1, got {self.stanzas}")

    def plan(self, language: str) -> Plan | None:
        """What is asked of a poem, its form read as in `language`; None where no form is asked for.

        Raises UserError, pointing at the character, when form or structure cannot be read.
        """
        if not self.form:
            if self.structure:
                raise UserError("a structure needs a form", '--form "ABAB 8", the form of each section')
            return None
        structure = parse_structure(self.structure) if self.structure else ()
        return Plan(
            form=parse_form(self.form, language),
            stanzas=self.stanzas,
            structure=structure,
            known_words=self.words == "known",
        )

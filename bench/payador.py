"""Our side of a comparison: the stage scripts, as people run them."""

import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import Finished, number_in, run_program
from core.artifacts import ROOT, Artifacts, slug
from core.corpus import Corpus, Song, read_corpus, write_corpus
from core.errors import UserError
from data.prepare import PrepareConfig
from data.prepare import main as prepare
from pretrain.metrics import Metrics
from pretrain.tokenize_data import TokenizeConfig
from pretrain.tokenize_data import main as tokenize
from pretrain.tokenizer import Kind

# Corpora for comparisons have folders of their own: nobody's tokens and runs are written over.
PREFIX = "bench-"

# The songs that come with the project need no folder.
SONGBOOK = "songbook"

# Where a line about an evaluation says how much of the budget is spent.
SPENT = r"([\d.]+) min\b"


@dataclass(frozen=True)
class Trained:
    """A run of pretrain/train.py."""

    checkpoint: Path
    steps: int
    seconds: float
    """Of its budget: training and evaluations, without its start."""
    process: Finished


def text_corpus(path: Path) -> Artifacts:
    """A text as it stands, nothing cleaned away: one token per character, its last tenth held out."""
    if not path.is_file():
        raise UserError(f"no text at {path}", "--corpus takes the path of a text file here")
    try:
        text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start})") from error
    paths = Artifacts(PREFIX + slug(path.stem))
    corpus = Corpus(name=path.stem, language="und", source="files", songs=(Song(id=path.stem, lyrics=text),))
    write_corpus(paths.corpus, corpus)
    return _tokenized(paths, "char")


def song_corpus(where: str) -> Artifacts:
    """Songs in the default BPE: the bundled songbook, those of a file, or of a corpus below artifacts/."""
    path = Path(where)
    paths = Artifacts(PREFIX + slug(path.stem))
    if where == SONGBOOK:
        prepare(PrepareConfig(source=SONGBOOK, name=paths.name))
    elif path.is_file():
        prepare(PrepareConfig(source="files", path=path, name=paths.name))
    elif path.suffix:
        raise UserError(f"no songs at {path}", "--corpus takes a file of songs, or the name of a corpus, here")
    else:
        write_corpus(paths.corpus, read_corpus(Artifacts(where).corpus))
    return _tokenized(paths, "bpe")


def _tokenized(paths: Artifacts, kind: Kind) -> Artifacts:
    # What is compared is the lyrics alone: verse codes tell part of a line before it is predicted.
    tokenize(TokenizeConfig(corpus=paths.name, kind=kind, verse_codes=False))
    return paths


def train(paths: Artifacts, run: str, minutes: float, device: str, threads: int | None) -> Trained:
    """Train for so many minutes; everything else follows from the corpus."""
    folder = paths.run("pretrain", run)
    options = {"corpus": paths.name, "run": run, "minutes": str(minutes), "device": device}
    command = [sys.executable, str(ROOT / "pretrain" / "train.py"), "--overwrite"]
    for name, value in options.items():
        command += [f"--{name}", value]

    def share_done(line: str) -> float | None:
        spent = number_in(line, SPENT)
        return None if spent is None else spent / minutes

    process = run_program(command, paths.folder / "logs" / f"{run}.log", share_done, threads=threads)
    last: dict[str, Any] = Metrics(folder / "metrics.jsonl").read()[-1]
    return Trained(folder, last["step"], 60 * last["minutes"], process)

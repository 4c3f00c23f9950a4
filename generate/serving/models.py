"""The checkpoints that there are, by the names that clients use, and those that are loaded."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.artifacts import CHECKPOINT_STAGES, artifacts_root, slug
from core.errors import UserError
from core.stored import open_corpus
from generate.serving.errors import ApiError, Stopped, explained
from generate.verse.composer import Composer
from generate.write import Writer
from pretrain.checkpoint import MODEL, load_checkpoint
from pretrain.device import Device, find_device
from pretrain.lexicon import LEXICON, load_lexicon
from pretrain.phrases import PHRASES, load_index
from prosody.line import LANGUAGES, Language

CORPUS = "corpus.json"

# Models that stay in memory; the one that was not asked for longest is put away.
KEPT = 3


@dataclass(frozen=True)
class Loaded:
    """A model in memory."""

    name: str
    writer: Writer
    language: Language | None
    """Of the songs it has learnt, where they are in one whose verse is analysed."""
    folder: Path
    stamp: tuple[int, ...]
    """Of the files it was read from."""
    composers: dict[str, Composer] = field(default_factory=dict[str, Composer])
    """By language, those that were asked for."""


class Models:
    """Every checkpoint under artifacts/, and one that may lie elsewhere."""

    def __init__(self, default: Path | None = None, device: Device = "auto") -> None:
        """`default` is meant where a client names none."""
        self._elsewhere: dict[str, Path] = {}
        self._device = find_device(device)
        self._lock, self._composing = threading.Lock(), threading.Lock()
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self.default: str | None = None
        if default is not None:
            there = {path.resolve(): name for name, path in self.folders().items()}
            self.default = there.get(default.resolve())
            if self.default is None:
                self.default = default.resolve().name
                self._elsewhere[self.default] = default

    def folders(self) -> dict[str, Path]:
        """Every checkpoint: its name, "corpus/stage/run", and its folder."""
        found = (
            path.parent for stage in CHECKPOINT_STAGES for path in sorted(artifacts_root().glob(f"*/{stage}/*/{MODEL}"))
        )
        return {"/".join(folder.parts[-3:]): folder for folder in found} | self._elsewhere

    def described(self) -> list[dict[str, Any]]:
        """The models as OpenAI lists them."""
        return [_describe(name, folder) for name, folder in sorted(self.folders().items())]

    def find(self, name: str | None) -> str:
        """The full name of the model that is meant by `name`: its own, or that of a corpus or artist that has one only.

        Raises ApiError, with the choices, when none or several are.
        """
        folders = self.folders()
        name = name or self.default or (next(iter(folders)) if len(folders) == 1 else "")
        if name in folders:
            return name
        choices = ", ".join(sorted(folders)) or "none; train one first"
        if not name:
            raise ApiError(400, f"say which model; there are: {choices}", param="model")
        try:
            of_corpus = [full for full in folders if full.startswith(f"{slug(name)}/")]
        except UserError:
            of_corpus = []
        if len(of_corpus) == 1:
            return of_corpus[0]
        if of_corpus:
            choices = ", ".join(of_corpus)
        what = "several models answer to" if of_corpus else "there is no model"
        raise ApiError(404, f"{what} {name[:100]!r}; there are: {choices}", param="model", code="model_not_found")

    def load(self, name: str) -> Loaded:
        """The model of that full name; takes a moment when it is not in memory, or was trained again since."""
        folder = self.folders().get(name)
        if folder is None:
            self.find(name)
            raise Stopped(f"the model {name!r} is gone")
        with self._lock:
            kept = self._loaded.pop(name, None)
            try:
                stamp = _stamp(folder)
                if kept is None or kept.stamp != stamp:
                    kept = _read(name, folder, self._device, stamp)
            except (UserError, OSError) as error:
                raise Stopped(f"the model {name!r} cannot be loaded: {error}") from error
            self._loaded[name] = kept
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)
            return kept

    def composer(self, model: Loaded, language: str = "") -> Composer:
        """What writes verse in forms with a model; the first time, it takes seconds.

        Raises ApiError when the model was not trained for it, or has learnt no words in that language.
        """
        if not model.writer.tokenizer.verse_codes:
            raise ApiError(400, f"{model.name} was trained without verse codes, which a form needs", param="form")
        code = language.lower() or model.language or ""
        # Others load their models meanwhile.
        with self._composing:
            if code not in model.composers:
                try:
                    # A network of its own, since songs go on beside the poems.
                    writer = Writer(load_checkpoint(model.folder, self._device), model.writer.index)
                    model.composers[code] = Composer(writer, load_lexicon(model.folder), code)
                except UserError as error:
                    raise explained(error, "form") from error
            return model.composers[code]


def _describe(name: str, folder: Path) -> dict[str, Any]:
    created = int((folder / MODEL).stat().st_mtime)
    return {"id": name, "object": "model", "created": created, "owned_by": "payador"}


def _stamp(folder: Path) -> tuple[int, ...]:
    files = (folder / file for file in (MODEL, PHRASES, LEXICON))
    return tuple(file.stat().st_mtime_ns for file in files if file.exists())


def _read(name: str, folder: Path, device: Any, stamp: tuple[int, ...]) -> Loaded:
    index = load_index(folder) if (folder / PHRASES).exists() else None
    languages = languages_of(folder)
    language = languages[0] if len(languages) == 1 else None
    return Loaded(name, Writer(load_checkpoint(folder, device), index), language, folder, stamp)


def languages_of(folder: Path) -> list[Language]:
    """Those of the words that a checkpoint knows, or else of the corpus that it stands beside.

    Raises UserError when what says so is damaged.
    """
    corpus = folder.parent.parent / CORPUS
    if (folder / LEXICON).exists():
        languages: list[str] = list(load_lexicon(folder).languages)
    else:
        languages = [open_corpus(corpus).language.lower()] if corpus.exists() else []
    return [code for code in LANGUAGES if code in languages]

"""Stage 5: a model leaves for other programs: Hugging Face transformers, llama.cpp."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from gguf import GGUFReader
from safetensors import SafetensorError, safe_open

from core.artifacts import CHECKPOINT_STAGES, shown, slug
from core.cli import run
from core.errors import UserError
from core.files import atomic_path, sha256
from generate.choice import CheckpointChoice
from generate.exporting.card import summary, write_card
from generate.exporting.to_gguf import OutType, check_gguf, gguf_notes, write_gguf
from generate.exporting.to_transformers import SOURCE, write_transformers
from generate.origin import Origin, origin_of
from generate.sampling import Sampling
from pretrain.checkpoint import MODEL, load_checkpoint


@dataclass(frozen=True, kw_only=True)
class ExportConfig(CheckpointChoice):
    to: Literal["transformers", "gguf"]
    """transformers: a folder for AutoModelForCausalLM and AutoTokenizer, with a model card. gguf: a file for
    llama.cpp and what builds on it."""
    outtype: OutType | None = None
    """Of a gguf file's weights. f32, unless given: the model as it is; f16 and q8_0 take half and a quarter of that."""
    out: str = ""
    """Where to write; else artifacts/<corpus>/export/<stage>-<run>-transformers/, or -f32.gguf."""

    def __post_init__(self) -> None:
        CheckpointChoice.__post_init__(self)
        if self.outtype and self.to != "gguf":
            raise ValueError("outtype is for --to gguf")


def main(config: ExportConfig) -> None:
    """Write a model in a form that other programs load.

    What stands at --out is replaced if it is an earlier export, and left alone otherwise.
    """
    source = config.folder.resolve()
    out = Path(config.out).expanduser() if config.out else _default_out(source, config)
    if config.to == "transformers":
        _to_transformers(source, out)
    else:
        _to_gguf(config, source, out)


def _to_transformers(source: Path, out: Path) -> None:
    _check_free(out, out.is_dir() and _is_export(out))
    checkpoint = load_checkpoint(source, torch.device("cpu"))
    origin = origin_of(source, checkpoint.learnt)
    with _atomic_folder(out) as folder:
        write_transformers(folder, checkpoint, Sampling(), sha256(source / MODEL))
        write_card(folder, source, checkpoint, _name(source, origin), origin)
    print(f"written     {shown(out)}/")
    print("card        README.md there says what the model is, and what may be done with it")
    print(f'next        AutoModelForCausalLM.from_pretrained("{shown(out)}")')


def _to_gguf(config: ExportConfig, source: Path, out: Path) -> None:
    if out.suffix != ".gguf":
        raise UserError(f"{shown(out)} is no name for a GGUF file", "--out NAME.gguf")
    _check_free(out, out.is_file() and _is_gguf_export(out))
    checkpoint = load_checkpoint(source, torch.device("cpu"))
    check_gguf(checkpoint.tokenizer)
    origin = origin_of(source, checkpoint.learnt)
    about: dict[str, str | list[str]] = {
        f"payador.{SOURCE}": sha256(source / MODEL),
        "general.name": _name(source, origin),
        "general.description": " ".join([summary(checkpoint, origin), *origin.rights]),
        "general.license": origin.licence or "",
        "general.languages": origin.languages,
    }
    with atomic_path(out) as temporary:
        write_gguf(temporary, checkpoint, Sampling(), config.outtype or "f32", about)
    for note in gguf_notes(checkpoint):
        print(f"note        {note}")
    print(f"written     {shown(out)}")
    prompt = "<|song|><|title|>…<|lyrics|>" if checkpoint.document == "songs" else "…"
    tokens = checkpoint.model.config.block_size // 2
    print(f"next        llama-completion -no-cnv -n {tokens} -m {shown(out)} -p '{prompt}'")


def _is_at_home(source: Path) -> bool:
    """Whether a checkpoint stands where it was trained, not in a folder copied elsewhere."""
    return source.parent.name in CHECKPOINT_STAGES


def _default_out(source: Path, config: ExportConfig) -> Path:
    """In the corpus's folder; of a checkpoint that was copied elsewhere, in its own."""
    folder, name = source, source.name
    if _is_at_home(source):
        folder, name = source.parent.parent, f"{source.parent.name}-{name}"
    ending = "transformers" if config.to == "transformers" else f"{config.outtype or 'f32'}.gguf"
    return folder / "export" / f"{name}-{ending}"


def _name(source: Path, origin: Origin) -> str:
    """Of the model: after the corpus that it learnt last, or its folder."""
    folder = source.parent.parent if _is_at_home(source) else source
    return f"payador-{slug(origin.corpora[-1].name) if origin.corpora else folder.name}"


def _check_free(out: Path, earlier: bool) -> None:
    """Raise UserError where something else stands than an earlier export or an empty folder."""
    if out.exists() and not earlier and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{shown(out)} is there already, and is no earlier export", "choose another --out, or move it")


def _is_export(folder: Path) -> bool:
    try:
        with safe_open(folder / MODEL, framework="np") as file:
            return SOURCE in (file.metadata() or {})
    except (OSError, SafetensorError):  # no such file, or none that this program wrote whole
        return False


def _is_gguf_export(path: Path) -> bool:
    try:
        return f"payador.{SOURCE}" in GGUFReader(path).fields
    except (ValueError, IndexError):  # no GGUF file at all, or one that was cut short
        return False


@contextmanager
def _atomic_folder(path: Path) -> Generator[Path]:
    """Yield a new folder beside `path`; on success it takes the place of `path`, on any failure it goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        new, old = work / "new", work / "old"
        new.mkdir()
        yield new
        if path.exists():
            path.replace(old)
        new.replace(path)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    run(main, ExportConfig)

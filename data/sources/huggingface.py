"""Datasets of the Hugging Face Hub, or of a local folder, through the `datasets` library."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from core.artifacts import shown
from core.corpus import Song
from core.errors import UserError
from data.cleaning.characters import clean_line
from data.columns import find_columns, no_lyrics_column, songs_from_records

Record = tuple[str, Mapping[str, Any]]

_LONGEST_REASON = 160


def read_dataset(dataset: str, *, cache: Path, lyrics_column: str | None = None) -> Iterator[Song]:
    """Songs of every split of a dataset: an id such as andreamorgar/spanish_poetry, or a folder.

    A folder holds what `save_to_disk` wrote, or parquet, csv or json files. What is fetched stays in
    `cache`. Columns are found by their names; `lyrics_column` says which holds the text where they
    mislead. Raises UserError when the library is missing, or the dataset cannot be had or has no lyrics.
    """
    splits = _load(dataset, cache)
    columns = list(dict.fromkeys(name for split in splits.values() for name in split.column_names))
    column = lyrics_column or find_columns(columns).get("lyrics")
    if column is None:
        raise no_lyrics_column(dataset, columns)
    if column not in columns:
        raise UserError(f"{dataset} has no column {column!r}", f"its columns: {', '.join(map(clean_line, columns))}")
    return songs_from_records(dataset, _records(dataset, splits, column))


def _records(dataset: str, splits: Mapping[str, Any], column: str) -> Iterator[Record]:
    for name, split in splits.items():
        for number, row in enumerate(split):
            record = cast("dict[str, Any]", row)
            text = record.pop(column, None)
            # Some datasets keep a poem as a list of its verses.
            lines = cast("list[Any]", text) if isinstance(text, list) else []
            is_verses = bool(lines) and all(isinstance(line, str) for line in lines)
            yield f"{dataset}, {name} {number}", {"lyrics": "\n".join(lines) if is_verses else text, **record}


def _load(dataset: str, cache: Path) -> Mapping[str, Any]:
    """The splits of a dataset by name."""
    try:
        import datasets
    except ImportError as error:
        raise UserError(
            "the library that reads Hugging Face datasets is not installed",
            "pip install -r requirements-huggingface.txt",
        ) from error
    datasets.disable_progress_bars()
    # What it tried, and how often, is no help to whoever reads the one line below.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    logging.getLogger("datasets").setLevel(logging.ERROR)
    folder = Path(dataset).expanduser()
    local = folder.exists()
    if dataset.startswith((".", "/", "~")) and not local:
        raise UserError(f"{dataset} does not exist", "give a folder, or an id such as andreamorgar/spanish_poetry")
    try:
        if any((folder / name).exists() for name in ("state.json", "dataset_dict.json")):
            loaded: Any = datasets.load_from_disk(str(folder))
        else:
            loaded = datasets.load_dataset(str(folder) if local else dataset, cache_dir=str(cache))
    # The library lets through what a dozen others raise, some of it plain Exception.
    except Exception as error:
        reason = clean_line(str(error).partition("\n")[0])[:_LONGEST_REASON] or type(error).__name__
        if local:
            raise UserError(
                f"{shown(folder)} is no dataset: {reason}", "parquet, csv or json files, or save_to_disk's folder"
            ) from error
        raise UserError(
            f"the dataset {dataset} cannot be read: {reason}",
            "check its name at huggingface.co/datasets and the connection, or give a local folder",
        ) from error
    return loaded if isinstance(loaded, dict) else {"all": loaded}

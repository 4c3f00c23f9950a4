"""The model card: what a model is, what it has read, how well it learnt, and what may be done with it.

A card is the README.md that Hugging Face shows; what stands between its first lines of "---" is for programs.
"""

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from safetensors import safe_open
from tqdm import tqdm

from core.corpus import Corpus
from core.words import folded_words
from generate.origin import Origin
from generate.originality import COPIED, measure
from generate.write import Request, Writer
from pretrain.checkpoint import MODEL, Checkpoint
from pretrain.metrics import Metrics
from pretrain.phrases import PHRASES, load_index

PLOT = "loss.png"

# Songs that are written to see what the model copies.
SONGS = 20

_LOAD = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # where this file lies, or the model's name on Hugging Face
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)

"""

_SONG = """\
title = {title}
prompt = tokenizer(f"<|song|><|title|>{{title}}<|lyrics|>", return_tensors="pt")
song = model.generate(**prompt)[0, prompt["input_ids"].shape[1] :]
print(title, tokenizer.decode(song, skip_special_tokens=True), sep="\\n\\n")
"""

_TEXT = """\
prompt = tokenizer("\\n", return_tensors="pt")
text = model.generate(**prompt)[0]
print(tokenizer.decode(text, skip_special_tokens=True))
"""


def write_card(folder: Path, source: Path, checkpoint: Checkpoint, name: str, origin: Origin) -> None:
    """Write README.md, and the plot it shows, into `folder`: the card of the checkpoint in `source`."""
    plots = [source / PLOT] if (source / PLOT).exists() else []
    for plot in plots:
        shutil.copyfile(plot, folder / plot.name)
    sections = [
        _front_matter(origin),
        f"# {name}\n\n{summary(checkpoint, origin)}",
        "## How to use it\n\n" + _usage(checkpoint),
        "## What it has read\n\n" + _read(origin),
        "## What it is\n\n" + _sizes(checkpoint),
        "## How well it has learnt\n\n" + _figures(source, plots),
        "## What it copies\n\n" + _originality(source, checkpoint),
        "## Whose words they are\n\n" + "\n\n".join(origin.rights),
    ]
    (folder / "README.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8", newline="\n")


def summary(checkpoint: Checkpoint, origin: Origin) -> str:
    """One sentence."""
    config, names = checkpoint.model.config, [corpus.name for corpus in origin.corpora]
    size = f"A {config.architecture} model of {checkpoint.model.count_parameters():,} parameters"
    learnt = f" on {names[0]}" if names and origin.complete else ""
    adapted = f" and adapted to {names[-1]}" if len(names) > 1 else ""
    return f"{size}, trained from scratch{learnt}{adapted} with Payador."


def _front_matter(origin: Origin) -> str:
    """YAML, whose values JSON writes as well."""
    fields: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["payador", "lyrics", "poetry"],
    }
    if origin.languages:
        fields["language"] = origin.languages
    if origin.licence:
        fields["license"] = origin.licence
    if origin.licence == "other":
        fields |= {"license_name": "rights-of-the-authors", "license_link": "README.md"}
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in fields.items()), "---"])


def _usage(checkpoint: Checkpoint) -> str:
    block_size = f"{checkpoint.model.config.block_size:,}"
    if checkpoint.document == "text":
        return f"```python\n{_LOAD}{_TEXT}```\n\nA text ends with the model's {block_size} positions; Payador goes on."
    title = Writer(checkpoint).write(Request(max_new_tokens=1)).title
    return (
        f"```python\n{_LOAD}{_SONG.format(title=repr(title))}```\n\n"
        "Behind `<|lyrics|>` may stand how the lyrics begin. For a title of the model's own, generate from "
        "`<|song|><|title|>` with `suppress_tokens=[]`; it ends with `<|lyrics|>`. A song that goes on for longer "
        f"ends with the model's {block_size} positions, prompt included; Payador goes on."
    )


def _read(origin: Origin) -> str:
    if not origin.corpora:
        return "Not recorded beside the model."
    rows = [_corpus_row(corpus) for corpus in origin.corpora]
    rest = "" if origin.complete else "\n\nThis is not all of it: the rest is not recorded beside the model."
    judged = "\n\nA tenth of it was held out to judge the model, and was not learnt from."
    return _table(["corpus", "source", "language", "texts", "characters", "by"], rows) + judged + rest


def _corpus_row(corpus: Corpus) -> list[str]:
    artists = list(dict.fromkeys(song.artist for song in corpus.songs if song.artist))
    by = ", ".join(artists) if len(artists) <= 5 else f"{', '.join(artists[:3])} and {len(artists) - 3:,} others"
    counts = [f"{len(corpus.songs):,}", f"{corpus.characters:,}"]
    return [corpus.name, corpus.source, corpus.language, *counts, by or "not said"]


def _sizes(checkpoint: Checkpoint) -> str:
    config = checkpoint.model.config
    rows = [
        ["architecture", config.architecture],
        ["parameters", f"{checkpoint.model.count_parameters():,}"],
        ["layers × width", f"{config.n_layer} × {config.n_embd}, {config.n_head} heads"],
        ["context", f"{config.block_size:,} tokens"],
        ["vocabulary", f"{config.vocab_size:,} tokens"],
    ]
    return _table(["", ""], rows)


def _figures(source: Path, plots: Sequence[Path]) -> str:
    """The losses that model.safetensors records of itself, and how far the run went."""
    with safe_open(source / MODEL, framework="np") as file:
        facts = cast("dict[str, Any]", json.loads(file.metadata()["facts"]))
    if "mixed" in facts and math.isnan(facts["bits_per_char"]):
        return f"A mix of {facts['mixed']}. Not measured: no texts were at hand that its parts had not learnt."
    if "mixed" in facts:
        return (
            f"A mix of {facts['mixed']}. On the texts held out from its parts: **{facts['bits_per_char']:.3f} bits per "
            f"character**, {facts['val_loss']:.3f} nats per token."
        )
    metrics = Metrics(source / "metrics.jsonl").read()
    text = (
        f"On the texts held out: **{facts['bits_per_char']:.3f} bits per character**, {facts['val_loss']:.3f} nats per "
        f"token. That was its best, at step {facts['step']:,}"
    )
    if metrics:
        text += f" of {metrics[-1]['step']:,}"
    text += f", {facts['minutes']:.1f} minutes and {facts['epochs']:.1f} readings of the text into the training."
    return "\n\n".join([text, *(f"![Loss over the training]({plot.name})" for plot in plots)])


def _originality(source: Path, checkpoint: Checkpoint) -> str:
    """The longest runs of words that songs written now share with those learnt."""
    if not (source / PHRASES).exists():
        return "Not measured: the checkpoint does not know what it has learnt from."
    index = load_index(source)
    writer = Writer(checkpoint, index)
    songs = [writer.song(Request(seed=seed)) for seed in range(1, SONGS + 1)]
    for _ in tqdm(writer.decode(songs), f"writing {SONGS} texts", unit=" steps", delay=2, leave=False):
        pass
    found = [measure(index, song.lyrics) for song in songs]
    counts = [len(folded_words(song.lyrics)) for song in songs]
    copied = sum(one.share * count for one, count in zip(found, counts, strict=True)) / max(1, sum(counts))
    return (
        f"Of {SONGS} texts that it wrote with the settings of generation_config.json, the longest run of words that "
        f"stands just so in what it has read has {max(one.longest for one in found)} words; {copied:.1%} of all words "
        f"are in runs of {COPIED} or more."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

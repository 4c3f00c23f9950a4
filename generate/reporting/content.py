"""What a report says: each section from what was written and what was learnt."""

import math
from collections.abc import Sequence

from tqdm import tqdm

from core.errors import UserError
from core.words import folded_words, words
from generate.originality import COPIED, RunLengths, covers, find_sources, measure
from generate.reporting import plots
from generate.reporting.diversity import REPEATED, distinct, habits, spread
from generate.reporting.learnt import MOST, Learnt, evenly, facts_of
from generate.reporting.material import Material
from generate.reporting.page import Block, Paragraph, Picture, Poem, Section, Table
from generate.reporting.verse_figures import VerseFigures, verse_figures
from pretrain.baselines import ORDER, ngram_bits_per_char, xz_bits_per_char
from pretrain.metrics import Metrics
from pretrain.phrases import PhraseIndex
from pretrain.plots import plot_losses

# Runs and forms that are listed.
LISTED = 10

# Lengths of runs that are told apart.
LONGEST_SHOWN = 40

NOTHING = Paragraph("There is nothing to measure.")


def loss_section(material: Material) -> Section:
    """How well it has learnt: losses, and bits per character beside what costs no neural network."""
    blocks: list[Block] = []
    metrics = Metrics(material.source / "metrics.jsonl").read()
    if metrics:
        plot_losses(metrics, material.folder / "loss.png")
        blocks.append(Picture("loss.png", "Train and validation loss over the tokens seen"))
    else:
        blocks.append(Paragraph("The course of the training is not recorded: metrics.jsonl is missing."))
    facts = facts_of(material.source)
    own = float(facts["bits_per_char"])
    # A mix of models may have had no text to be measured on.
    bits = ({} if math.isnan(own) else {"this model": own}) | _baselines(material.learnt)
    if len(bits) > 1:
        plots.plot_bits(bits, material.folder / "bits.png")
        blocks.append(Picture("bits.png", "Bits per character of the model and of the baselines"))
        blocks.append(Table(["", "bits per character"], [[name, f"{value:.3f}"] for name, value in bits.items()]))
        blocks.append(
            Paragraph(
                f"All of them learnt the same {material.document} and are charged for the {material.document} held "
                f"out. The n-gram looks back on {ORDER} characters, with Kneser-Ney smoothing; xz has all that was "
                "learnt in its window. The model pays for its marks as well (titles, ends), "
                "the others for lyrics alone."
            )
        )
    bits_on_validation = f"{facts['bits_per_char']:.3f} bits per character on validation"
    if "mixed" in facts:
        when = f"A mix of {facts['mixed']}: {bits_on_validation}."
    else:
        when = f"Its best model: {bits_on_validation}, at step {facts['step']:,}, after {facts['minutes']:.1f} minutes."
    blocks.append(Paragraph(when))
    return Section("How well it has learnt", blocks, {"bits per character": f"{facts['bits_per_char']:.3f}"})


def _baselines(learnt: Learnt) -> dict[str, float]:
    if not learnt.train or not learnt.held_out:
        return {}
    room = max(0, MOST - sum(map(len, learnt.train)))
    earlier = evenly(learnt.earlier, min(1.0, room / max(1, sum(map(len, learnt.earlier)))))
    every = [*(earlier if room else []), *learnt.train]
    texts = list(dict.fromkeys(every))  # an artist's songs may be among the base's, too
    return {
        f"order-{ORDER} n-gram": ngram_bits_per_char(texts, learnt.held_out),
        "xz": xz_bits_per_char(texts, learnt.held_out),
    }


def form_section(material: Material) -> Section:
    """How long its lines and songs are, and how much they repeat themselves."""
    if not material.columns:
        return Section("Length and repetition", [NOTHING])
    found = {name: habits(texts) for name, texts in material.columns.items()}
    plots.plot_lengths({name: (of.characters, of.lines) for name, of in found.items()}, material.folder / "lengths.png")
    rows = [
        ["lines in a song", *(str(spread(of.lines)) for of in found.values())],
        ["characters in a line", *(str(spread(of.characters)) for of in found.values())],
        ["lines that stood in the song before", *(percent(of.repeated_lines) for of in found.values())],
        [
            f"runs of {REPEATED} words that stood in the song before",
            *(percent(of.repeated_phrases) for of in found.values()),
        ],
    ]
    cut = sum(song.finish_reason == "length" for song in material.songs)
    limit = material.songs[0].request.max_new_tokens
    ended = f"{len(material.songs) - cut} of {len(material.songs)}"
    ends = f"{ended} ended by themselves{f'; the others were cut at {limit:,} tokens' if cut else ''}."
    return Section(
        "Length and repetition",
        [
            Picture("lengths.png", "Histograms of line lengths and song lengths"),
            Table(["", *found], rows),
            Paragraph("Lengths are medians, with the range that eight in ten are in. Headings are no lines. " + ends),
        ],
        {"ended by themselves": ended},
    )


def variety_section(material: Material) -> Section:
    """How many different words and phrases it uses, beside as many words of songs held out."""
    texts = {material.names[0]: material.written, material.names[2]: material.learnt.held_out}
    counts = {name: sum(len(folded_words(text)) for text in some) for name, some in texts.items()}
    texts = {name: some for name, some in texts.items() if counts[name]}
    if not texts:
        return Section("Variety", [NOTHING])
    size = min(counts[name] for name in texts)
    shares = {
        name: {n: share for n in (1, 2, 3) if (share := distinct(some, n, size)) is not None}
        for name, some in texts.items()
    }
    shares = {name: of for name, of in shares.items() if of}
    blocks: list[Block] = []
    if shares:
        plots.plot_distinct(shares, material.folder / "distinct.png")
        blocks.append(Picture("distinct.png", "Distinct-1, distinct-2 and distinct-3 in per cent"))
    if material.index:
        known = {name: 1 - _covered(_covers(material.index, some), 1) for name, some in texts.items()}
        blocks.append(Table(["", *known], [["words that it never learnt", *map(percent, known.values())]]))
    blocks.append(
        Paragraph(
            f"Of all runs of n words, the share that are different, in {size:,} words of each. Fewer than in real "
            "songs: it says the same things over and over. More: it strings words together at random."
        )
    )
    pairs = shares.get(material.names[0], {}).get(2)
    return Section("Variety", blocks, {"distinct pairs of words": percent(pairs)} if pairs else {})


def copies_section(material: Material) -> Section:
    """What of the songs stands word for word in those learnt, and where."""
    title = "What it copies"
    if material.index is None:
        return Section(title, [Paragraph("Not known: the checkpoint has no index of the songs learnt.")])
    texts = {material.names[0]: material.written, material.names[2]: material.learnt.held_out}
    found = {name: of for name, some in texts.items() if (of := _covers(material.index, some))}
    if not found:
        return Section(title, [NOTHING])
    shares = {name: [_covered(of, n) for n in range(1, LONGEST_SHOWN + 1)] for name, of in found.items()}
    plots.plot_copied(shares, COPIED, material.folder / "copies.png")
    rows = [
        ["longest run, in words", *(f"{max(of)}" for of in found.values())],
        [f"words in runs of {COPIED} or more", *(percent(_covered(of, COPIED)) for of in found.values())],
    ]
    blocks: list[Block] = [
        Picture("copies.png", "Share of the words in runs that stand in the songs learnt, by length of the run"),
        Table(["", *found], rows),
        Paragraph(
            "A run is a row of words that stands just so in a song learnt; case, punctuation and line ends do not "
            f"count. What real {material.document} share with others shows how much of it is the language's own."
        ),
    ]
    if material.index.share < 1:
        blocks.append(Paragraph(f"The index holds {percent(material.index.share)} of the songs learnt, drawn evenly."))
    if runs := _listed_runs(material, material.index):
        blocks.append(Table([f"the longest runs from {COPIED} words on", "words", "stands in"], runs))
    own = found.get(material.names[0], [])
    copied = {"words in the longest copy": str(max(own)), "words copied": percent(_covered(own, COPIED))} if own else {}
    return Section(title, blocks, copied)


def _listed_runs(material: Material, index: PhraseIndex) -> list[list[str]]:
    """The longest copied runs, as written, each once, with the song that they stand in."""
    said: dict[tuple[str, ...], str] = {}
    for text in material.written:
        for run in measure(index, text).runs:
            own = words(text)[run.start : run.start + run.length]
            passage = " / ".join(line.strip() for line in text[own[0].start : own[-1].end].split("\n") if line.strip())
            said.setdefault(tuple(word.text for word in own), passage)
    longest = sorted(said, key=lambda run: -len(run))[:LISTED]
    corpora = [corpus for corpus in (material.learnt.corpus, *material.learnt.base) if corpus]
    songs = (song for corpus in corpora for song in corpus.songs)
    sources = find_sources(tqdm(songs, "looking for sources", delay=2, leave=False, disable=None), longest)
    return [
        [said[run], str(len(run)), (source.title or source.id) if source else "not found"]
        for run, source in zip(longest, sources, strict=True)
    ]


def _covers(index: PhraseIndex, texts: Sequence[str]) -> list[int]:
    """The length of the longest run that each word of the texts is in."""
    return [length for text in texts for length in covers(RunLengths(index).of_new(folded_words(text)))]


def _covered(lengths: Sequence[int], least: int) -> float:
    return sum(length >= least for length in lengths) / max(1, len(lengths))


def verse_section(material: Material) -> Section:
    """Rhymes, lines of one length, and forms."""
    title = "Verse"
    if not material.columns:
        return Section(title, [NOTHING])
    if not material.language:
        return Section(title, [Paragraph("Not analysed: the language of the songs is not known. --language says it.")])
    try:
        found = {name: verse_figures(texts, material.language) for name, texts in material.columns.items()}
    except UserError as error:
        return Section(title, [Paragraph(f"Not analysed: {error.message}.")])
    figures = {name: of for name, of in found.items() if of}
    plots.plot_syllables({name: of.syllables for name, of in figures.items()}, material.folder / "syllables.png")
    rows = [
        ["lines that rhyme within their stanza", *(percent(of.rhymed) for of in figures.values())],
        ["the same, were the lines shuffled", *(percent(of.by_chance) for of in figures.values())],
        ["lines that rhyme in full", *(percent(of.fully) for of in figures.values())],
        ["lines of the length that their song has most", *(percent(of.regular) for of in figures.values())],
        ["songs in a form with a name", *(f"{of.forms.total()} of {of.songs}" for of in figures.values())],
    ]
    return Section(
        title,
        [
            Picture("syllables.png", "How many lines have how many syllables"),
            Table(["", *figures], rows),
            *(Paragraph(said) for name, of in figures.items() if (said := _say_forms(name, of))),
            Paragraph("A line that ends on the same word as another does not rhyme with it."),
        ],
        {"lines rhyme": percent(of.rhymed)} if (of := figures.get(material.names[0])) else {},
    )


def _say_forms(name: str, figures: VerseFigures) -> str:
    """The forms of one column, the most frequent first."""
    said = ", ".join(f"{form} {count}" for form, count in figures.forms.most_common(LISTED))
    return f"Forms, {name}: {said}{', …' if len(figures.forms) > LISTED else '.'}" if said else ""


def songs_section(material: Material) -> Section:
    """The songs themselves."""
    poems: list[Block] = []
    for song in material.songs:
        notes = [f"copied: {measure(material.index, song.lyrics)}"] if material.index else []
        notes += [] if song.finish_reason == "stop" else [f"cut at {song.request.max_new_tokens:,} tokens"]
        notes += [f"seed {song.request.seed}"]
        text = song.lyrics.strip("\n") if folded_words(song.lyrics) else "(nothing)"
        poems.append(Poem(song.title, text, ", ".join(notes)))
    return Section(f"{len(poems)} {'songs' if material.document == 'songs' else 'texts'} it wrote", poems)


def percent(share: float) -> str:
    """0.034 → "3.4 %"."""
    return f"{100 * share:.1f} %"

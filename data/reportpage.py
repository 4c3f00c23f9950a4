"""corpus-report.html: the report as a page. One file, no script, nothing from the network."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from data.report import Dropped, Report

_SHOWN_DROPPED = 200  # of each reason; corpus-report.json has them all
_SHOWN_ARTISTS = 12
_SHOWN_SECTIONS = 14

# From that many bars on, years are counted by decade.
_MOST_YEARS = 45

_WIDTH, _HEIGHT = 640, 220
_LEFT, _BOTTOM, _TOP = 48, 34, 18

_STYLE = """
:root { --ink: #1d2330; --soft: #667085; --line: #e3e7ee; --paper: #f6f7f9; --card: #fff; --bar: #4361a8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7eaf0; --soft: #97a1b3; --line: #2e3644; --paper: #12161d; --card: #1a202b; --bar: #88a4e6 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px }
h1 { font-size: 28px; margin: 0 } h2 { font-size: 16px; margin: 0 0 12px }
.under { color: var(--soft); margin: 4px 0 24px }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 12px; margin-bottom: 12px }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 12px }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px;
  min-width: 0 }
.stack { display: flex; flex-direction: column; gap: 12px } .stack .card { flex: 1 0 auto }
.wide { grid-column: 1 / -1 }
.tile b { display: block; font-size: 21px; line-height: 1.2; font-variant-numeric: tabular-nums }
.tile span { color: var(--soft) }
.bars { display: grid; grid-template-columns: minmax(60px, max-content) 1fr max-content; gap: 3px 10px;
  align-items: center; align-content: start }
.bars span { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; max-width: 200px }
.bars i { display: block; height: 12px; border-radius: 3px; background: var(--bar); min-width: 2px }
.bars em { font-style: normal; color: var(--soft); text-align: right; font-variant-numeric: tabular-nums }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 0 28px }
@media (max-width: 620px) { .two { grid-template-columns: 1fr } }
svg { display: block; width: 100%; height: auto } svg rect { fill: var(--bar) } svg line { stroke: var(--line) }
svg text { fill: var(--soft); font: 12px system-ui, "DejaVu Sans", sans-serif }
blockquote { margin: 0; padding: 0 0 0 14px; border-left: 3px solid var(--bar);
  font: 17px/1.7 Georgia, "DejaVu Serif", serif }
details { border-top: 1px solid var(--line); padding: 8px 0 } summary { cursor: pointer; font-weight: 600 }
summary span { color: var(--soft); font-weight: 400 }
table { width: 100%; border-collapse: collapse; margin: 8px 0; font-size: 14px; overflow-wrap: anywhere }
td { padding: 3px 10px 3px 0; vertical-align: top; border-bottom: 1px solid var(--line) } td + td { color: var(--soft) }
"""


def report_page(report: Report, *, name: str, language: str, source: str) -> str:
    """The page as HTML."""
    languages = _card("Languages, in songs", _bars({_language(code): n for code, n in report.languages.items()}))
    artists = _card("Artists, in songs", _bars(report.artists, _SHOWN_ARTISTS)) if report.artists else ""
    cards = [
        _card("Songs by length, in characters", _histogram(report.lengths)),
        _card("Songs by year", _columns(_years(report.years))) if report.years else "",
        _card("Most frequent words, without those that every text has", _two_lists(report.frequent_words), wide=True),
        _card("Sections", _bars(report.sections, _SHOWN_SECTIONS)) if report.sections else "",
        f'<div class="stack">{languages}{artists}</div>',
        _card("Ten lines drawn at random", _sample(report.sample), wide=True),
        _card(f"What was left out: {len(report.dropped):,} songs", _dropped(report.dropped), wide=True)
        if report.dropped
        else "",
    ]
    tiles = {
        "songs kept": report.kept,
        "left out": len(report.dropped),
        "characters": report.characters,
        "distinct characters": report.distinct_characters,
        "lines": report.lines,
        "words": report.words,
        "distinct words": report.distinct_words,
    } | ({"not asked for": report.not_selected} if report.not_selected else {})
    boxes = "".join(f'<div class="tile"><b>{value:,}</b><span>{what}</span></div>' for what, value in tiles.items())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(name)}: corpus report</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<main>\n<h1>{escape(name)}</h1>\n<p class="under">{report.read:,} songs read from {escape(source)}, '
        f'{_language(language)}</p>\n<div class="tiles">{boxes}</div>\n<div class="cards">\n'
        + "\n".join(filter(None, cards))
        + "\n</div>\n</main>\n</body>\n</html>\n"
    )


def _language(code: str) -> str:
    names = {"es": "Spanish", "fr": "French", "en": "English", "mul": "several languages", "und": "language unknown"}
    return names.get(code, code)


def _card(title: str, body: str, *, wide: bool = False) -> str:
    return f'<section class="card{" wide" if wide else ""}"><h2>{escape(title)}</h2>{body}</section>'


def _bars(counts: dict[str, int], most: int = 12, largest: int = 0) -> str:
    """Names, bars and figures, one below the other; the longest bar stands for `largest`, or for the first count."""
    shown = list(counts.items())[:most]
    largest = largest or max((count for _, count in shown), default=1)
    rows = "".join(
        f'<span title="{escape(name)}">{escape(name)}</span><i style="width:{100 * count / largest:.1f}%"></i>'
        f"<em>{count:,}</em>"
        for name, count in shown
    )
    more = f'<p class="under">and {len(counts) - most:,} more</p>' if len(counts) > most else ""
    return f'<div class="bars">{rows}</div>{more}'


def _two_lists(counts: dict[str, int]) -> str:
    items = list(counts.items())
    half = (len(items) + 1) // 2
    largest = max(counts.values(), default=1)
    lists = (_bars(dict(part), half, largest) for part in (items[:half], items[half:]) if part)
    return f'<div class="two">{"".join(lists)}</div>'


def _histogram(bars: Sequence[tuple[int, int, int]]) -> str:
    last = len(bars) - 1
    return _columns(
        [
            (f"{start:,}", f"{start:,} to {end - 1:,}" if number < last else f"{start:,} and more", songs)
            for number, (start, end, songs) in enumerate(bars)
        ]
    )


def _years(years: dict[str, int]) -> list[tuple[str, str, int]]:
    """A bar for each year from the first to the last, or for each decade."""
    known = {int(year): songs for year, songs in years.items()}
    first, last = min(known), max(known)
    if last - first < _MOST_YEARS:
        return [(str(year), str(year), known.get(year, 0)) for year in range(first, last + 1)]
    step = 10 if last - first < 10 * _MOST_YEARS else 100
    bars = dict.fromkeys(range(first // step * step, last + 1, step), 0)
    for year, songs in known.items():
        bars[year // step * step] += songs
    return [(str(start), f"{start} to {start + step - 1}", songs) for start, songs in bars.items()]


def _columns(bars: Sequence[tuple[str, str, int]]) -> str:
    """An upright bar chart as SVG, of (label, what the pointer shows, count)."""
    if not bars:
        return ""
    largest = max(count for *_, count in bars)
    width = (_WIDTH - _LEFT) / len(bars)
    height = _HEIGHT - _BOTTOM - _TOP
    parts: list[str] = []
    for mark in _marks(largest):
        y = _HEIGHT - _BOTTOM - height * mark / largest
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{mark:,}</text>')
    # A label takes some 60 units.
    every = -(-len(bars) * 60 // (_WIDTH - _LEFT))
    for number, (label, hint, count) in enumerate(bars):
        x, tall = _LEFT + number * width, height * count / largest
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{_HEIGHT - _BOTTOM - tall:.1f}" width="{max(1, width - 2):.1f}" '
            f'height="{tall:.1f}" rx="2"><title>{escape(hint)}: {count:,} songs</title></rect>'
        )
        if number % every == 0:
            parts.append(f'<text x="{x + 1:.1f}" y="{_HEIGHT - _BOTTOM + 18}">{escape(label)}</text>')
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}</svg>'


def _marks(largest: int) -> list[int]:
    """Round figures for an axis that reaches to `largest`: four or so."""
    step = 1
    while largest / step > 5:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return list(range(0, largest + 1, step))


def _sample(lines: Sequence[str]) -> str:
    return f"<blockquote>{'<br>'.join(map(escape, lines))}</blockquote>"


def _dropped(dropped: Sequence[Dropped]) -> str:
    """A table for each reason, folded up; the most frequent reason first."""
    ordered = sorted(dropped, key=lambda song: song.reason)
    groups = [(reason, list(songs)) for reason, songs in groupby(ordered, key=lambda song: song.reason)]
    parts: list[str] = []
    for reason, songs in sorted(groups, key=lambda group: -len(group[1])):
        rows = "".join(
            f"<tr><td>{escape(song.title) or '(no title)'}</td><td>{escape(song.artist)}</td>"
            f"<td>{escape(song.detail)}</td></tr>"
            for song in songs[:_SHOWN_DROPPED]
        )
        more = (
            f'<p class="under">and {len(songs) - _SHOWN_DROPPED:,} more, in corpus-report.json</p>'
            if len(songs) > _SHOWN_DROPPED
            else ""
        )
        parts.append(
            f"<details{' open' if len(songs) <= 5 else ''}>"
            f"<summary>{escape(reason)} <span>{len(songs):,}</span></summary>"
            f"<table>{rows}</table>{more}</details>"
        )
    return "".join(parts)

"""A report as Markdown and as a page: sections of text, tables, pictures and songs, written twice.

The page is one file: no script, nothing from the network, its pictures within.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

# Of many songs, the page folds up those behind these.
UNFOLDED = 6


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    """The first column names the rows."""
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    name: str
    """Of the PNG, in the report's folder."""
    shows: str
    """For those who cannot see it."""


@dataclass(frozen=True)
class Poem:
    title: str
    lyrics: str
    note: str
    """What is to be said of it, in a line."""


Block = Paragraph | Table | Picture | Poem


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]
    tiles: Mapping[str, str] = field(default_factory=dict[str, str])
    """The figures that matter most, by what they are: they stand above all sections."""


@dataclass(frozen=True)
class Report:
    title: str
    under: str
    """A line below the title."""
    sections: Sequence[Section]

    @property
    def tiles(self) -> dict[str, str]:
        """Those of all sections."""
        return {what: value for section in self.sections for what, value in section.tiles.items()}


def to_markdown(report: Report) -> str:
    """The report as Markdown; pictures are files beside it."""
    tiles = Table(["", ""], list(report.tiles.items()))
    parts = [f"# {_plain(report.title)}", _plain(report.under), _markdown(tiles)]
    for section in report.sections:
        parts += [f"## {section.title}", *map(_markdown, section.blocks)]
    return "\n\n".join(parts) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Paragraph):
        return _plain(block.text)
    if isinstance(block, Picture):
        return f"![{_plain(block.shows)}]({block.name})"
    if isinstance(block, Poem):
        # Indented: what a model writes is never a heading or a link of the page's.
        lines = "\n".join(f"    {line}".rstrip() for line in block.lyrics.split("\n"))
        return f"### {_plain(block.title) or '(no title)'}\n\n{lines}\n\n{_plain(block.note)}"
    rows = [block.head, ["---", *["---:"] * (len(block.head) - 1)], *block.rows]
    return "\n".join(f"| {' | '.join(_plain(cell) for cell in row)} |" for row in rows)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|&" else char for char in text)


def to_html(report: Report, folder: Path) -> str:
    """The report as a page; the pictures are read from `folder`."""
    tiles = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(what)}</span></div>'
        for what, value in report.tiles.items()
    )
    sections = "\n".join(_section(section, folder) for section in report.sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(report.title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(report.title)}</h1>\n"
        f'<p class="under">{escape(report.under)}</p>\n<div class="tiles">{tiles}</div>\n{sections}\n'
        "</main>\n</body>\n</html>\n"
    )


def _section(section: Section, folder: Path) -> str:
    poems = [block for block in section.blocks if isinstance(block, Poem)]
    others = [block for block in section.blocks if not isinstance(block, Poem)]
    body = f'<div class="blocks">{"".join(_html(block, folder) for block in others)}</div>' if others else ""
    songs = "".join(_poem(poem, unfolded=number < UNFOLDED) for number, poem in enumerate(poems))
    songs = f'<div class="poems">{songs}</div>' if songs else ""
    return f'<section class="card"><h2>{escape(section.title)}</h2>{body}{songs}</section>'


def _html(block: Paragraph | Table | Picture, folder: Path) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Picture):
        data = base64.b64encode((folder / block.name).read_bytes()).decode("ascii")
        return f'<img alt="{escape(block.shows)}" src="data:image/png;base64,{data}">'
    head = "".join(f"<th>{escape(cell)}</th>" for cell in block.head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in block.rows)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _poem(poem: Poem, *, unfolded: bool) -> str:
    return (
        f"<details{' open' if unfolded else ''}><summary>{escape(poem.title) or '(no title)'}</summary>"
        f'<div class="lyrics">{escape(poem.lyrics)}</div><p class="note">{escape(poem.note)}</p></details>'
    )


_STYLE = """
:root { --ink: #1d2330; --soft: #667085; --line: #e3e7ee; --paper: #f6f7f9; --card: #fff; --bar: #4361a8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7eaf0; --soft: #97a1b3; --line: #2e3644; --paper: #12161d; --card: #1a202b; --bar: #88a4e6 }
  img { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px }
h1 { font-size: 28px; margin: 0 } h2 { font-size: 18px; margin: 0 0 8px }
.under { color: var(--soft); margin: 4px 0 24px } p { max-width: 75ch; margin: 8px 0 }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-bottom: 12px }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px;
  min-width: 0 }
.card { padding: 18px 20px; margin-bottom: 12px }
.tile b { display: block; font-size: 21px; line-height: 1.2; font-variant-numeric: tabular-nums }
.tile span { color: var(--soft) }
.blocks { display: flex; flex-wrap: wrap; gap: 8px 32px; align-items: flex-start }
.blocks p { flex: 1 0 100% }
img { display: block; flex: 1 1 440px; min-width: 0; max-width: 640px; width: 100%; height: auto; margin: 8px 0 }
.table { flex: 1 1 340px; max-width: 100%; overflow-x: auto }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums }
th, td { padding: 5px 20px 5px 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 400 } td + td { white-space: nowrap }
th:first-child, td:first-child { text-align: left } th:last-child, td:last-child { padding-right: 0 }
.poems { columns: 320px; column-gap: 40px; margin-top: 16px }
details { border-bottom: 1px solid var(--line); padding: 8px 0 }
details[open] { padding-bottom: 16px }
summary { cursor: pointer; font-weight: 600; break-after: avoid } summary:hover { color: var(--bar) }
.lyrics { white-space: pre-wrap; margin-top: 8px; overflow-wrap: anywhere;
  font: 16px/1.6 Georgia, "DejaVu Serif", serif }
.note { color: var(--soft); font-size: 13px; margin: 10px 0 0 }
"""

"""Repetitions that a text only points at, written out: "(x2)", "[Coro x3]", a "[Coro]" with nothing below it."""

import re

from data.cleaning.headings import is_heading, parse_heading

_MARK = r"(?:[(\[]\s*)?(?:[xX×]\s*(\d{1,2})|(\d{1,2})\s*(?:[xX×]|veces|times|fois)|(bis))(?:\s*[)\]])?"
_BARE_MARK = re.compile(_MARK, re.IGNORECASE)
# At the end of a verse only in brackets, or as x2: "Son las 12 x" counts nothing.
_MARK_AT_END = re.compile(
    r"(?P<line>\S.*?)\s*(?:[(\[]\s*(?:[xX×]\s*(?P<a>\d{1,2})|(?P<b>\d{1,2})\s*(?:[xX×]|veces|times|fois)|(?P<bis>bis))\s*[)\]]"
    r"|\s[xX×](?P<c>\d))",
    re.IGNORECASE,
)

_MOST = 12  # who writes (x50) does not mean that a model should read it fifty times

# Sections that come back with the same words.
_RETURNING = frozenset({"chorus", "refrain", "pre-chorus", "post-chorus"})


def expand_repetitions(text: str) -> str:
    """Write out what is sung again. A bare heading whose section has no words before it stays as it is."""
    words: dict[str, list[str]] = {}
    out: list[str] = []
    for title, lines in _sections(text):
        heading, body = title, _expand_lines(lines)
        parsed = parse_heading(heading.strip()[1:-1]) if heading else None
        if parsed and parsed.section in _RETURNING:
            if any(line.strip() for line in body):
                words.setdefault(parsed.section, body)
            else:
                body = words.get(parsed.section, body)
        if parsed and parsed.times > 1 and any(body):
            heading = re.sub(r"\s*x\d+\]$", "]", heading)
            body = _join([body] * min(parsed.times, _MOST))
        if heading:
            out += [*([""] if out else []), heading]
        elif out:
            out.append("")
        out += body
    return "\n".join(out)


def _sections(text: str) -> list[tuple[str, list[str]]]:
    """Pieces that a heading opens, each without blank lines around; the first may have no heading."""
    pieces: list[tuple[str, list[str]]] = [("", [])]
    for line in text.split("\n"):
        if is_heading(line) and not _BARE_MARK.fullmatch(line.strip()):
            pieces.append((line, []))
        else:
            pieces[-1][1].append(line)
    stripped = [(heading, _strip(body)) for heading, body in pieces]
    return [piece for piece in stripped if piece[0] or piece[1]]


def _expand_lines(body: list[str]) -> list[str]:
    """Marks at the end of a line repeat the line; alone below a stanza, the stanza."""
    stanzas: list[list[str]] = [[]]
    for line in body:
        if not line.strip():
            stanzas.append([])
        elif mark := _BARE_MARK.fullmatch(line.strip()):
            # A mark after a blank line means the stanza above that.
            if not stanzas[-1] and len(stanzas) > 1:
                stanzas.pop()
            stanzas[-1] = _join([stanzas[-1]] * _times(*mark.groups()))
        elif mark := _MARK_AT_END.fullmatch(line.strip()):
            stanzas[-1] += [mark["line"]] * _times(mark["a"] or mark["c"], mark["b"], mark["bis"])
        else:
            stanzas[-1].append(line)
    return _join(stanzas)


def _times(after_x: str | None, before_x: str | None, bis: str | None) -> int:
    return min(2 if bis else int(after_x or before_x or 1), _MOST) or 1


def _join(stanzas: list[list[str]]) -> list[str]:
    """Stanzas in a row, a blank line between them."""
    lines: list[str] = []
    for stanza in stanzas:
        if stanza:
            lines += [*([""] if lines else []), *stanza]
    return lines


def _strip(lines: list[str]) -> list[str]:
    return "\n".join(lines).strip("\n").split("\n") if any(lines) else []

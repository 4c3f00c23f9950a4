"""Which named form a poem keeps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from prosody.checking import Finding, analyse_verses, check, split_stanzas
from prosody.form import Form, parse_form
from prosody.forms import NAMED, RUNNING
from prosody.line import Language, Line, known_language
from prosody.rhyming import UNRHYMED, scheme

# A poem keeps a form if four lines in five do: poets err, and so does the analysis.
KEPT = 0.8
# English counts stresses as much as syllables: one more or less passes.
_TOLERANCE: dict[Language, int] = {"es": 0, "fr": 0, "en": 1}
# Beyond this many lines, a rhyme that never changes is meant.
_SHORTEST_ROMANCE = 8
# A stanza of it is a copla.
_ROMANCE = "romance"
_SILVA = (7, 11)


@dataclass(frozen=True, slots=True)
class Recognition:
    """A named form, and how far a poem keeps it."""

    name: str
    form: Form | None
    """None for a silva, which leaves its rhymes to the poet."""
    kept: int
    """Stanzas that keep it."""
    stanzas: int
    whole: bool
    """The rhymes run through the poem, as in a sonnet or a romance, and do not begin anew in each stanza."""


def recognise(lines: Sequence[str | Line], language: str) -> Recognition | None:
    """The named form of a poem; None where it keeps none. Blank lines and headings stand between stanzas.

    Raises:
        UserError: as `analyse`.
    """
    code = known_language(language)
    analysed = analyse_verses(lines, code)
    stanzas = [[analysed[place] for place in stanza] for stanza in split_stanzas(analysed)]
    if not stanzas:
        return None
    whole, apart = _whole_poem(stanzas, code), _by_stanza(stanzas, code)
    # Quatrains that rhyme ABAB keep a romance's form, too, where their Bs are alike; they are still quatrains.
    if whole and apart and whole.form and apart.form and apart.kept >= KEPT * apart.stanzas:
        return max(whole, apart, key=lambda found: _demands(found.form) if found.form else 0)
    return whole or apart or _silva(stanzas, code)


@cache
def _forms(language: Language) -> list[tuple[str, Form]]:
    return [(name, parse_form(text, language)) for name, texts in NAMED[language].items() for text in texts]


def _whole_poem(stanzas: list[list[Line]], language: Language) -> Recognition | None:
    lines = [line for stanza in stanzas for line in stanza]
    best: tuple[float, Recognition] | None = None
    for name, form in _forms(language):
        running = name in RUNNING and _runs_on(lines)
        if not running and (len(form.stanzas) == 1 or form.lines != len(lines)):
            continue
        score = _score(form, lines, language)
        if score >= KEPT and (best is None or score > best[0]):
            best = score, Recognition(name, form, len(stanzas), len(stanzas), True)
    return best[1] if best else None


def _runs_on(lines: list[Line]) -> bool:
    """Whether the even lines keep to one assonance."""
    vowels = Counter(line.assonant for line in lines[1::2])
    return len(lines) >= _SHORTEST_ROMANCE and vowels.most_common(1)[0][1] >= KEPT * vowels.total()


def _by_stanza(stanzas: list[list[Line]], language: Language) -> Recognition | None:
    found = [_of_stanza(stanza, language) for stanza in stanzas]
    names = Counter(name for name, _ in filter(None, found))
    if not names:
        return None
    name, kept = names.most_common(1)[0]
    if 2 * kept <= len(stanzas):
        return None
    form = Counter(form for own, form in filter(None, found) if own == name).most_common(1)[0][0]
    return Recognition(name, form, kept, len(stanzas), False)


def _of_stanza(stanza: list[Line], language: Language) -> tuple[str, Form] | None:
    """The form that asks most of those that the stanza keeps."""
    best: tuple[float, str, Form] | None = None
    for name, form in _forms(language):
        if name == _ROMANCE or len(form.stanzas) > 1:
            continue
        # Couplets go on as long as they like; other stanzas end where they end.
        size = form.lines
        if len(stanza) != size and (size > 2 or len(stanza) % size):
            continue
        score = _score(form, stanza, language)
        if score >= KEPT:
            score += _demands(form)
            if best is None or score > best[0]:
                best = score, name, form
    return best[1:] if best else None


def _score(form: Form, lines: list[Line], language: Language) -> float:
    """Share of lines that keep the form; a licence costs a tenth of a line."""
    if len(form.stanzas) > 1:
        # A poem written in other stanzas is still a sonnet.
        form = Form((tuple(verse for stanza in form.stanzas for verse in stanza),), form.name)
    tolerance = _TOLERANCE[language]
    return sum(_kept(findings, tolerance) for findings in check(form, lines, language)) / len(lines)


def _kept(findings: list[Finding], tolerance: int) -> float:
    share = 1.0
    for finding in findings:
        if finding.fault == "same word":
            continue
        if finding.fault == "length" and (finding.licensed or abs(finding.off) <= tolerance):
            share = 0.9
        else:
            return 0.0
    return share


def _demands(form: Form) -> float:
    """How much a stanza's rhymes ask, from 0 to 1: ABAB is more than -A-A, and that more than -a-a."""
    verses = [verse for stanza in form.stanzas for verse in stanza]
    return sum((verse.rhyme is not None) - 0.5 * verse.assonant for verse in verses) / len(verses)


def _silva(stanzas: list[list[Line]], language: Language) -> Recognition | None:
    """Lines of seven and eleven in any order, most of them rhymed in full."""
    lines = [line for stanza in stanzas for line in stanza]
    if language != "es" or len(lines) < _SHORTEST_ROMANCE:
        return None
    counts = Counter(next((n for n in _SILVA if n in line.possible_counts), 0) for line in lines)
    letters = scheme(lines, language)
    rhymed = sum(letter != UNRHYMED and letter.isupper() for letter in letters)
    if counts[0] > (1 - KEPT) * len(lines) or min(counts[n] for n in _SILVA) < 0.1 * len(lines):
        return None
    return Recognition("silva", None, len(stanzas), len(stanzas), True) if rhymed >= len(lines) / 2 else None

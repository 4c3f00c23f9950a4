"""The notation of a form: rhyme scheme, then syllables.

ABBA 8                      capitals rhyme in full
abab 11                     small letters in their vowels, where the language knows it
-a-a 8                      - or x rhymes with nothing
ABBA ABBA CDC DCD 11        a blank ends a stanza
-a-a 7 5 7 5                a count for each line
8a 6b 8a 6b                 the same, line by line; / ends a stanza
soneto                      a name, alone or before a notation of its own: sextilla AABCCB 8
"""

import difflib
import re
from dataclasses import dataclass, replace

from core.errors import UserError
from prosody.forms import find_name, known_names
from prosody.line import Language, known_language

_HINT = 'forms look like "ABBA 8", "-a-a 8", "ABBA ABBA CDC DCD 11", "8a 6b 8a 6b" or "soneto"'
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWYZ"  # X rhymes with nothing
LONGEST_LINE = 30  # syllables: what nobody says in one breath is a slip of the keyboard


@dataclass(frozen=True, slots=True)
class Verse:
    """What is asked of one line."""

    rhyme: str | None
    """A capital letter, the same for lines that rhyme; None rhymes with nothing."""
    assonant: bool = False
    syllables: int | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked of a poem.

    One stanza stands for every stanza of the poem, each with rhymes of its own. Several stand for a whole poem, and
    share their letters. Counts are given for all lines or for none.
    """

    stanzas: tuple[tuple[Verse, ...], ...]
    name: str = ""

    @property
    def lines(self) -> int:
        """Lines of all stanzas."""
        return sum(len(stanza) for stanza in self.stanzas)


def parse_form(text: str, language: str = "es") -> Form:
    """Read a form; a name that languages share (sonnet) means that of `language`.

    Raises:
        UserError: no form; the message points at the character that cannot be read.
    """
    code = known_language(language)
    named = find_name(text, code)
    if named:
        return replace(parse_form(named[1][0], code), name=named[0])
    tokens = [(match.start(), match[0]) for match in re.finditer(r"\S+", text)]
    if not tokens:
        raise UserError("an empty form", _HINT)
    name, tokens = _leading_name(text, tokens, code)
    line_by_line = all(re.fullmatch(r"\d+[A-Za-z-]|[A-Za-z-]\d+|/", token) for _, token in tokens)
    stanzas = _read_line_by_line(text, tokens) if line_by_line else _read_scheme(text, tokens, code)
    _check_letters(text, stanzas, code)
    return Form(tuple(tuple(verse for _, verse in stanza) for stanza in stanzas), name)


# Each verse with the place of its letter in the notation.
_Placed = list[tuple[int, Verse]]
_Tokens = list[tuple[int, str]]


def _leading_name(text: str, tokens: _Tokens, language: Language) -> tuple[str, _Tokens]:
    for words in range(min(len(tokens) - 1, 4), 0, -1):
        end = tokens[words - 1][0] + len(tokens[words - 1][1])
        named = find_name(text[:end], language)
        if named:
            return named[0], tokens[words:]
    return "", tokens


def _read_line_by_line(text: str, tokens: _Tokens) -> list[_Placed]:
    stanzas: list[_Placed] = [[]]
    for at, token in tokens:
        if token == "/":  # noqa: S105 (a stanza's end, no password)
            if not stanzas[-1]:
                raise fault_at(text, at, "an empty stanza")
            stanzas.append([])
            continue
        letter = re.search("[A-Za-z-]", token)
        digits = re.search(r"\d+", token)
        assert letter
        assert digits
        count = _count(text, at + digits.start(), digits[0])
        stanzas[-1].append((at + letter.start(), _verse(letter[0], count)))
    if not stanzas[-1]:
        raise fault_at(text, len(text.rstrip()) - 1, "an empty stanza")
    return stanzas


def _read_scheme(text: str, tokens: _Tokens, language: Language) -> list[_Placed]:
    schemes = [(at, token) for at, token in tokens if not token.isdecimal()]
    numbers = [(at, token) for at, token in tokens if token.isdecimal()]
    if not schemes:
        raise fault_at(text, tokens[0][0], "counts without a rhyme scheme: put letters before them, as in ABBA 8")
    if numbers and numbers[0][0] < schemes[-1][0]:
        raise fault_at(text, numbers[0][0], "counts stand after the scheme, or with each line's letter, as in 8a 6b")
    for at, token in schemes:
        stray = re.search("[^A-Za-z-]", token)
        if stray:
            raise fault_at(text, at + stray.start(), f"{stray[0]!r} is no rhyme letter{_suggestion(text, language)}")
    counts = [_count(text, at, token) for at, token in numbers]
    lines = sum(len(token) for _, token in schemes)
    sizes = {len(token) for _, token in schemes}
    if len(counts) > 1 and len(counts) != lines and sizes != {len(counts)}:
        expected = " or ".join(str(size) for size in sorted({1, lines, *(sizes if len(sizes) == 1 else ())}))
        raise fault_at(text, numbers[-1][0], f"{len(counts)} counts for {lines} lines: give {expected}")
    stanzas: list[_Placed] = []
    number = 0
    for at, token in schemes:
        stanza: _Placed = []
        for offset, letter in enumerate(token):
            stanza.append((at + offset, _verse(letter, counts[number % len(counts)] if counts else None)))
            number += 1
        stanzas.append(stanza)
    return stanzas


def _verse(letter: str, syllables: int | None) -> Verse:
    if letter in "-xX":
        return Verse(None, False, syllables)
    return Verse(letter.upper(), letter.islower(), syllables)


def _count(text: str, at: int, digits: str) -> int:
    if not 1 <= len(digits) <= 2 or not 1 <= int(digits) <= LONGEST_LINE:
        raise fault_at(text, at, f"a line has 1 to {LONGEST_LINE} syllables, not {digits}")
    return int(digits)


def _check_letters(text: str, stanzas: list[_Placed], language: Language) -> None:
    """New letters come in alphabetical order: what else comes is a slip, or a name that nobody knows."""
    case: dict[str, bool] = {}
    for at, verse in (placed for stanza in stanzas for placed in stanza):
        if verse.rhyme is None:
            continue
        if verse.rhyme not in case and len(case) == len(_LETTERS):
            raise fault_at(text, at, f"more than {len(_LETTERS)} rhymes")
        following = verse.rhyme if verse.rhyme in case else _LETTERS[len(case)]
        if verse.rhyme != following:
            raise fault_at(
                text, at, f"a new rhyme would be {following} here, not {text[at]}{_suggestion(text, language)}"
            )
        if case.setdefault(verse.rhyme, verse.assonant) != verse.assonant:
            raise fault_at(text, at, f"{verse.rhyme} and {verse.rhyme.lower()} differ: a rhyme is full or in vowels")


def _suggestion(text: str, language: Language) -> str:
    word = " ".join(re.findall(r"[^\W\d_]{3,}", text))
    near = difflib.get_close_matches(word.lower(), known_names(language), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def fault_at(text: str, at: int, message: str, hint: str = _HINT) -> UserError:
    """An error that shows the notation, and a caret under the character that cannot be read."""
    line = re.sub(r"\s", " ", text)
    return UserError(f"{message} (character {at + 1})\n    {line}\n    {' ' * at}^", hint)


def format_form(form: Form) -> str:
    """The notation that `parse_form` reads as this form."""
    counts = [verse.syllables for stanza in form.stanzas for verse in stanza]
    schemes = ["".join(_letter(verse) for verse in stanza) for stanza in form.stanzas]
    said = [str(count) for count in counts if count is not None]
    size = len(form.stanzas[0])
    if len(set(said)) == 1:
        said = said[:1]
    elif all(len(scheme) == size for scheme in schemes) and said == said[:size] * len(schemes):
        said = said[:size]
    return " ".join([*([form.name] if form.name else []), *schemes, *said])


def _letter(verse: Verse) -> str:
    if verse.rhyme is None:
        return "-"
    return verse.rhyme.lower() if verse.assonant else verse.rhyme

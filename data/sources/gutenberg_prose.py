"""Prose to chunks of a few sentences, as LitteraGPT was fed: one run of text, no double spaces, no dashes."""

import re
from collections.abc import Iterable, Iterator

from data.sources.gutenberg_text import Block

_EMPHASIS = re.compile(r"(?<!\w)[_=~](?=\S)|(?<=\S)[_=~](?!\w)")
_NOTE_MARK = re.compile(r" ?\[(?:\d+|[A-Z*])\]|\^\d+")
_DASHES = re.compile(r"\s*(?:-{2,}|[—―–])\s*")
_SPACES = re.compile(r"\s+")
_SPACE_BEFORE = re.compile(r" (?=[.,;:!?…»”)\]])")

# A full stop, whatever closes after it, a space, and then a capital, whatever opens before it.
_SENTENCE_END = re.compile(r"([.!?…][\"'»”’)\]]*)\s(?=[¿¡\"'«“‘(\[]*[A-ZÀ-ÖØ-Þ])")

# Words that a full stop shortens rather than a sentence ends; so does any single capital.
_SHORTENED = re.compile(
    r"(?:^|[\s«“(¿¡\"'])(?:[A-ZÁÉÍÓÚÑ]|Sr|Sra|Srta|Sres|Dr|Dra|Ud|Uds|Vd|Vds|Vm|Vmd|Excmo|Ilmo|Sto|Sta|Fr|Lic|Mr|Mrs|Ms|"
    r"Mme|Mlle|MM|Dn|Da|Pág|Cap|etc|No|Núm|Esq|Rev|Col|Gen|Capt|Prof|St)\.$"
)


def plain_prose(text: str) -> str:
    """Text without line breaks, emphasis marks, note marks, dashes and double spaces."""
    text = _NOTE_MARK.sub("", _EMPHASIS.sub("", text))
    return _SPACE_BEFORE.sub("", _SPACES.sub(" ", _DASHES.sub(" ", text))).strip()


def sentences(text: str) -> Iterator[str]:
    """The sentences of plain prose; "Sr. D. Juan" ends none."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        so_far = text[start : match.end(1)]
        if not _SHORTENED.search(so_far[-8:]):
            yield so_far
            start = match.end()
    if text[start:].strip():
        yield text[start:]


def chunks(blocks: Iterable[Block], size: int) -> Iterator[str]:
    """Chunks of `size` sentences, the last one shorter; sentences run on from block to block."""
    pending: list[str] = []
    for sentence in sentences(plain_prose("\n".join(block.text for block in blocks))):
        pending.append(sentence)
        if len(pending) == size:
            yield " ".join(pending)
            pending = []
    if pending:
        yield " ".join(pending)

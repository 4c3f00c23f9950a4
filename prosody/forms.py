"""The forms that have a name, by language: notations as prosody/form.py reads them, the usual one first."""

import unicodedata

from prosody.line import Language

_TERCETS = ("CDC DCD", "CDE CDE", "CCD EED", "CDC EDE", "CDC DEE", "CDE DCE", "CDE EDC", "CCD EDE")

NAMED: dict[Language, dict[str, tuple[str, ...]]] = {
    "es": {
        "soneto": (
            *(f"ABBA ABBA {tercets} 11" for tercets in _TERCETS),
            *(f"ABAB ABAB {tercets} 11" for tercets in _TERCETS),
            *(f"ABBA CDDC {tercets} 11" for tercets in ("EFE FEF", "EFG EFG", "EEF GGF", "EFE GFG")),
            *(f"ABAB CDCD {tercets} 11" for tercets in ("EFE FEF", "EFG EFG", "EEF GGF", "EFE GFG")),
        ),
        "soneto alejandrino": tuple(f"ABBA ABBA {tercets} 14" for tercets in _TERCETS),
        "décima": ("ABBAACCDDC 8",),
        "octava real": ("ABABABCC 11",),
        "octavilla": ("ABBCDEEC 8", "ABBCADDC 8", "-AAB-CCB 8"),
        "lira": ("7A 11B 7A 7B 11B",),
        "copla de pie quebrado": ("ABCABC 8 8 4 8 8 4",),
        "sextilla": ("-AABBA 8", "AABCCB 8", "ABABAB 8", "ABBAAB 8"),
        "quintilla": ("ABAAB 8", "ABABA 8", "ABBAB 8", "AABBA 8", "AABAB 8"),
        "redondilla": ("ABBA 8",),
        "cuarteta": ("ABAB 8",),
        "cuarteto": ("ABBA 11",),
        "serventesio": ("ABAB 11",),
        "cuaderna vía": ("AAAA 14",),
        "cuarteto alejandrino": ("ABBA 14", "ABAB 14"),
        "estrofa sáfica": ("---- 11 11 11 5",),
        "seguidilla": ("-a-a 7 5 7 5", "-A-A 7 5 7 5", "abab 7 5 7 5", "ABAB 7 5 7 5"),
        "romance": ("-a-a 8",),
        "romancillo": ("-a-a 6",),
        "endecha": ("-a-a 7",),
        "romance heroico": ("-a-a 11",),
        "copla": ("-a-a 8", "-A-A 8"),
        "terceto": ("ABA 11",),
        "pareado": ("AA 8", "AA 11"),
        "pareado alejandrino": ("AA 14",),
        "haiku": ("--- 5 7 5",),
        "limerick": ("9A 9A 6B 6B 9A",),
    },
    "fr": {
        "sonnet": tuple(
            f"{quatrains} {tercets} {syllables}"
            for syllables in (12, 10, 8)
            for quatrains in ("ABBA ABBA", "ABAB ABAB")
            for tercets in ("CCD EDE", "CCD EED", "CDC DCD", "CDC EDE")
        ),
        "dizain": ("ABABBCCDCD 10", "ABABBCCDCD 8"),
        "huitain": ("ABABBCBC 8", "ABABBCBC 10"),
        "sizain": ("AABCCB 8", "AABCCB 12"),
        "quintil": ("ABAAB 8", "ABBAB 8", "ABABA 8"),
        "rimes embrassées": ("ABBA 12", "ABBA 10"),
        "rimes croisées": ("ABAB 12", "ABAB 10"),
        "alexandrins": ("AABB 12", "AA 12"),
        "quatrain": ("ABAB 8", "ABBA 8"),
        "distiques": ("AABB 8", "AA 8", "AA 10"),
        "haïku": ("--- 5 7 5",),
        "limerick": ("9A 9A 6B 6B 9A",),
    },
    "en": {
        "sonnet": ("ABAB CDCD EFEF GG 10",),
        "petrarchan sonnet": tuple(f"ABBA ABBA {tercets} 10" for tercets in _TERCETS),
        "spenserian stanza": ("ABABBCBCC 10 10 10 10 10 10 10 10 12",),
        "ottava rima": ("ABABABCC 10",),
        "rhyme royal": ("ABABBCC 10",),
        "limerick": ("9A 9A 6B 6B 9A",),
        "common metre": ("ABAB 8 6 8 6",),
        "ballad": ("-A-A 8 6 8 6",),
        "short metre": ("ABAB 6 6 8 6", "-A-A 6 6 8 6"),
        "in memoriam stanza": ("ABBA 8",),
        "quatrain": ("ABAB 8",),
        "heroic quatrain": ("ABAB 10",),
        "rubaiyat": ("AA-A 10",),
        "heroic couplets": ("AABB 10", "AA 10"),
        "couplets": ("AABB 8", "AA 8"),
        "haiku": ("--- 5 7 5",),
    },
}

_ALIASES = {
    "espinela": "décima",
    "cuarteta asonantada": "copla",
    "romance endecha": "endecha",
    "cuarteto serventesio": "serventesio",
    "alejandrinos": "pareado alejandrino",
    "pareados": "pareado",
    "octava": "octava real",
    "copla manriqueña": "copla de pie quebrado",
    "alexandrine couplets": "alexandrins",
    "distique": "distiques",
    "couplet": "couplets",
    "heroic couplet": "heroic couplets",
    "ballad metre": "ballad",
    "ballad meter": "ballad",
    "common meter": "common metre",
    "short meter": "short metre",
    "shakespearean sonnet": "sonnet",
    "english sonnet": "sonnet",
    "italian sonnet": "petrarchan sonnet",
}

# Lines in any number rhyme on one vowel pattern throughout: what tells a romance from coplas.
RUNNING = frozenset({"romance", "romancillo", "endecha", "romance heroico"})


def folded(name: str) -> str:
    """A name as people may type it: no accents, lower case, single spaces."""
    decomposed = unicodedata.normalize("NFD", name.lower())
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())


_FOLDED: dict[Language, dict[str, str]] = {
    language: {folded(name): name for name in names} for language, names in NAMED.items()
}
_FOLDED_ALIASES = {folded(alias): folded(name) for alias, name in _ALIASES.items()}


def find_name(text: str, language: Language) -> tuple[str, tuple[str, ...]] | None:
    """The form of that name and its notations; another language's, where this one has none of the name."""
    key = folded(text)
    key = _FOLDED_ALIASES.get(key, key)
    for code in (language, *NAMED):
        name = _FOLDED[code].get(key)
        if name is not None:
            return name, NAMED[code][name]
    return None


def known_names(language: Language) -> list[str]:
    """Every name of a language, aliases left out."""
    return list(NAMED[language])

"""Which language a song is in, with py3langid (langid.py's method, Lui and Baldwin 2012)."""

from functools import lru_cache
from typing import Any

from data.cleaning.headings import is_heading

# Languages that songs are often in. Small neighbours of large ones (Aragonese, Extremaduran, Scots) stay
# out: on old or short verse they win by chance, and a song lost is worse than one too many.
LANGUAGES = (
    *("es", "fr", "en", "pt", "it", "de", "ca", "gl", "eu", "nl", "la", "sv", "da", "no", "fi", "pl", "cs", "hu", "ro"),
    *("hr", "tr", "el", "ru", "uk", "he", "ar", "fa", "hi", "ja", "ko", "zh", "id", "vi"),
)  # fmt: skip

# Shorter texts, and less certain ones, stay undecided: "oh, baby, oh" is Spanish where Spaniards sing it.
_FEWEST_LETTERS = 80
_CERTAIN = 0.95

# As much is read, from lines all over the song: a first line in English makes no English song.
_SAMPLE = 240  # characters

# Share of the decided text that makes a corpus one of that language, the rest being guests.
_MOST = 0.9


def detect_language(lyrics: str, wanted: str = "") -> str:
    """ISO 639-1 code, or "" when the text is too short or too mixed to say."""
    lines = [line for line in dict.fromkeys(lyrics.split("\n")) if line and not is_heading(line)]
    length = sum(map(len, lines))
    if length > _SAMPLE:
        lines = lines[:: length // _SAMPLE]
    sample = " ".join(lines)[: _SAMPLE + _SAMPLE // 2]
    if len(sample) < 2 * _FEWEST_LETTERS and sum(map(str.isalpha, sample)) < _FEWEST_LETTERS:
        return ""
    # Capitals mislead it: it knows them from names and from German.
    language, certainty = _identifier(wanted).classify(sample.lower())
    return str(language) if certainty >= _CERTAIN else ""


def language_of_corpus(characters: dict[str, int]) -> str:
    """The language of a corpus whose songs' languages have so many characters: a code, "mul", or "und" for none."""
    decided = {language: count for language, count in characters.items() if language}
    if not decided:
        return "und"
    most = max(decided, key=lambda language: decided[language])
    return most if decided[most] >= _MOST * sum(decided.values()) else "mul"


@lru_cache(4)
def _identifier(wanted: str) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # loads for a while

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(identifier.nb_classes)
    identifier.set_languages(sorted({*LANGUAGES, wanted} & known))
    return identifier


def can_detect(language: str) -> bool:
    """Whether a language is one of those that are told apart."""
    return language in _identifier(language).nb_classes

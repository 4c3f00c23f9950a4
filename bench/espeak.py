"""An independent judge of rhyme and length: espeak's phonemes, which have nothing to do with our analysis.

pip install phonemizer espeakng-loader
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from prosody.line import Language

_VOICES: dict[Language, str] = {"es": "es-419", "fr": "fr-fr", "en": "en-us"}
# Vowels of the three languages, with what lengthens or nasalises them; a diphthong is one sound.
_VOWEL = "[aeiouyøœɑɐɒæəɚɛɜɝɪɔʊʌᵻ]"
_SOUND = re.compile(rf"{_VOWEL}[ː\u0303]*")
_GLIDE = re.compile("[ɪʊ](?=$|[^aeiou])")
_ALIKE = str.maketrans({"ɚ": "əɹ", "ɝ": "ɜɹ", "ː": "", "ᵻ": "ə", "ɐ": "ə", "ɾ": "t", "ʔ": "t"})


class Judge:
    """Phonemes of words and lines of one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._backend = _backend(language)
        self._said: dict[str, str] = {}

    def listen(self, texts: Sequence[str]) -> list[str]:
        """Phonemes of each text; asked together, since each question takes long."""
        new = sorted({text for text in texts if text not in self._said})
        self._said.update(zip(new, self._backend.phonemize(new, strip=True), strict=True))
        return [self._said[text] for text in texts]

    def rime(self, word: str) -> str:
        """From the last stressed vowel on; French: from the last vowel."""
        # espeak reads pass'd letter by letter.
        (said,) = self.listen([re.sub("'d$", "ed", word)])
        if self.language == "es":
            # Open and close e are one sound to a Spanish ear, and so are the two r at a word's end.
            tail = said.rpartition("ˈ")[2].replace("ɛ", "e").replace("jj", "ʝ")
            found = _SOUND.search(tail)
            return tail[found.start() :].replace("ɾ", "r") if found else tail
        plain = said.replace("ˌ", "ˈ")
        tail = plain.rpartition("ˈ")[2]
        if self.language == "fr":
            vowels = [match.start() for match in _SOUND.finditer(tail)]
            return tail[vowels[-1] :].translate(_ALIKE) if vowels else tail
        found = _SOUND.search(tail)
        return tail[found.start() :].translate(_ALIKE) if found else tail

    def vowels(self, word: str) -> str:
        """What assonance asks: the stressed vowel and the last, glides left out; i and u at the end are e and o."""
        found = [match[0] for match in _SOUND.finditer(self.rime(word)) if match[0] not in "ɪʊ"]
        return found[0] + found[-1].replace("i", "e").replace("u", "o") if len(found) > 1 else "".join(found)

    def syllables(self, line: str) -> int:
        """Vowels of a line: what a counter that knows no verse makes of it."""
        (said,) = self.listen([line])
        return sum(len(_SOUND.findall(_GLIDE.sub("", word))) for word in said.split())


@cache
def _backend(language: Language) -> Any:
    import espeakng_loader  # pyright: ignore[reportMissingImports]
    from phonemizer.backend import EspeakBackend  # pyright: ignore[reportMissingImports]
    from phonemizer.backend.espeak.wrapper import EspeakWrapper  # pyright: ignore[reportMissingImports]

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    return EspeakBackend(_VOICES[language], with_stress=True)

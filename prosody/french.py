"""French verse: syllables by the classical rules, and rhyme by sound.

An e at a word's end counts before a consonant and is lost before a vowel and at the end of a line. Rhyme asks for the
last vowel and what follows it; words that end on the vowels of aimé or parti need the consonant before as well
(Grammont, *Petit traité de versification française*). Classical verse rhymes neither a feminine end with a masculine
one nor a plural with a singular. The first is kept: such pairs, which songs allow, count as assonant. The second is
for the eye and is not.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise, product

from prosody.french_sounds import Rime, rimes
from prosody.french_syllables import count
from prosody.line import Kind, Licence, Line

_WORD = re.compile(r"aujourd'hui|[^\W\d_]+'?")
_APOSTROPHES = str.maketrans("’ʼ‘", "'''")


def words_of(line: str) -> tuple[str, ...]:
    """The words, in lower case; elided ones (l', qu') are words of their own: l'amour and d'amour end on the same."""
    return tuple(_WORD.findall(unicodedata.normalize("NFC", line).lower().translate(_APOSTROPHES)))


def analyse(line: str) -> Line:
    """Syllables and rhyme of one verse line.

    Raises:
        UserError: frhyme is not installed.
    """
    words = words_of(line)
    if not words:
        return Line(line, (), 0, (), 1, "", "")
    counts = [count(word.removesuffix("'")) for word in words]
    syllables, licences = 0, list[Licence]()
    for word in counts:
        syllables += word.syllables
        licences.extend(word.licences)
    for place, (word, following) in enumerate(pairwise(counts)):
        if not words[place].endswith("'") and (word.mute == "es" or (word.mute == "e" and not following.elides)):
            syllables += 1
            licences.append(_mute_e(words[place]))
    stress = 2 if counts[-1].mute else 1
    sounds = rimes(words[-1].removesuffix("'"))
    full, vowel = (sounds[0].full, sounds[0].vowel) if sounds else ("", "")
    return Line(line, words, syllables, tuple(licences), stress, full + "°" * (stress - 1), vowel)


@lru_cache(maxsize=1 << 17)
def _mute_e(word: str) -> Licence:
    return Licence("mute e", word, -1)


def rhymes(a: Line, b: Line) -> Kind | None:
    """Full rhyme ("consonant"), or one that only the ear allows ("assonant": parti and fini, mer and amère).

    Words that are said in two ways (fils, plus) rhyme by either. A word of one syllable has no better rhyme to offer
    than its vowel: vie and folie.
    """
    found: Kind | None = None
    for one, other in product(_rimes(a), _rimes(b)):
        if one.vowel != other.vowel:
            continue
        found = "assonant"
        if a.stress == b.stress and (one.full == other.full or _short(a, one) or _short(b, other)):
            return "consonant"
    return found


def _short(line: Line, rime: Rime) -> bool:
    return rime.vowel == "i" and rime.full != "8i" and count(line.last_word).syllables == 1


def _rimes(line: Line) -> tuple[Rime, ...]:
    return rimes(line.last_word.removesuffix("'"))

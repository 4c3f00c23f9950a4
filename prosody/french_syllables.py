"""Syllables of French words as classical verse counts them: mute e, diaeresis, words that begin with h.

Grammont, *Petit traité de versification française*; Cornulier, *Art poëtique*. Spelling shows where the vowels stand,
but not whether i, u or ou makes a syllable of its own before another vowel (diaeresis: pas-si-on, cru-el) or none
(syneresis: ciel, lui). By tradition it does where Latin had two syllables, and after two consonants that end in l or
r. So diaeresis is the rule here, and the tables list what is said in one.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from prosody.french_sounds import ends_in_silent_ent
from prosody.line import Licence

_VOWEL = "[aeiouyàâéèêëîïôöùûüœæ]"

# How words begin that have an h aspiré, before which nothing is elided; the last of them have no h.
_STEMS = """
hach hagard hai haï halag halbran halet halle hallier halo halt hamac hameau hampe hanap hanche hand hangar hanneton
hans hant happ haquen harang haras harcel hard harem hareng hargn haricot haridelle harnach harnais haro harp hasard
haub hauss haut hav hâ heaume héler hélai hélé henni hérau hère hériss herni héron héros hers hêtre heurt hibou hide
hiérarch hiss hobereau hoch holà holland homard hongr honni hont hoquet horde hormis hors hott hou hublot huch hué hue
huguenot huit hulul hun hupp hur hussard hutt onz ouat ouistiti uhlan oui$
"""
_ASPIRATED = re.compile("|".join(_STEMS.split()))
_NOT_ASPIRATED = re.compile("haltère|halluc|hallal")
_CONSONANT_Y = re.compile(f"y(?!eu|onne){_VOWEL}")

# Words that have no other vowel: their e is mute like another, but not that of les.
_MONOSYLLABLES = re.compile("(?:[ldjcmtsn]|qu)e")
_MUTE = re.compile("(?:es?|ent)$")

# Letters that are not said, or otherwise than they are written.
_SPELLING = [
    (re.compile(pattern), sound)
    for pattern, sound in [
        ("œu|oeu", "eu"),
        ("oe(?=il)", "é"),
        ("œ|æ", "é"),
        ("qu", "q"),
        ("gu(?=[eéèêiîy])|gu(?=(?:a|ai|â)(?:s|t|nt|nts|it|is|ient|mes|tes)?$)", "g"),
        ("(?<=[gj])e(?=[aoâô])|e(?=oi)", ""),
        # The e of criera, dévouement, gaieté.
        ("(?<=[aiouyé])e(?=[rm][aeioué]|té)(?!r(?:es?|ent)$)", ""),
        ("(?<=[cg])ue(?=il)", "e"),
        ("aoû", "ou"),
        ("(?<=[pfl])aon|(?<=[pfl])aën", "an"),
        ("aô", "ô"),
        ("(?<=p)ay(?=s)|(?<=bb)ay", "é·i"),
        ("saoul", "soul"),
        ("uë", "ue"),
        ("ay(?=es?$|ent$)", "ai"),
        # Between vowels y and ï are consonants, and so is the il(l) of veille and soleil.
        (f"(?<={_VOWEL})[yï](?={_VOWEL})(?!es?$)", "j"),
        (f"^y(?!euse)(?={_VOWEL})", "j"),
        ("(?<=[aâeéèêouû])il(?=l|s?$)", "jl"),
    ]
]

# Where i, u or ou makes one syllable with the next vowel. Bars stand around the glide; a mute e is gone.
_SYNERESIS = re.compile(
    "|".join(
        [
            # dieu, lieu, mieux, cieux, vieux, épieu, essieu, monsieur, plusieurs
            r"^(?:d|ad|l|mil|m|c|v|ép|ess|s|mons|mess|plus|math)\|i\|eu(?:x|r|rs|s)?$|^p\|i\|eu$",
            # ciel, miel, fiel; pied, pierre, tiers, vierge, miette, vieille
            r"^(?:c|m|f)\|i\|el|\|i\|e(?:d|rr|r[gcst]|j|fs?$)|(?:m|ss|rv)\|i\|ett|s\|i\|est|\|i\|ers?$",
            # lumière, siècle; fiévreux, assiéger, poussiéreux, piédestal
            r"\|i\|è|f\|i\|év|s\|i\|ég|ss\|i\|ér|^p\|i\|é(?:c|d|tin)",
            # bien, rien, chien, ancien, chrétien, tient, maintienne
            r"^(?:r|vaur|ch|m|t|s|chrét|anc|ant|ét|tit|gard)\|i\|en(?!t|c)|^(?:com)?b\|i\|en",
            r"^(?:|re|de|dé|par|con|dis|main|sou|sur|sub|inter|contre|pré|entre|ob|ab|appar|circon|pro)[vt]\|i\|en",
            # pitié, aimiez; étions, aimerions, voulions
            r"(?:pit|mit|moit)\|i\|és?$|\|i\|ez$",
            r"(?:[aeiour]r|[aeou]v|ét|[st]ent|tt|out|chant|part|rest|uss|puiss|fass|aiss|all|oul|parl|[ev]en|onn|[nr]d|"
            r"m|ng|j|ais|^dis)\|i\|ons$",
            # diable, viande, fiacre, pioche, liard
            r"^d\|i\|(?:a[bn]l|acr)|^v\|i\|and|^f\|i\|(?:acr|ol)|^[pm]\|i\|och|^l\|i\|ard",
            # nuit, écuelle, duègne, Juan; pingouin, ouest, fouet
            r"\|u\|[iî]|éc\|u\|e|^d\|u\|ègn|^j\|u\|an|\|ou\|in|^\|ou\||^f\|ou\|ett?",
        ]
    )
)
# What the lines above should leave out: i after two consonants; hier, ruine, fluide, inquiète; verbs in -ier.
_DIAERESIS = re.compile(
    "|".join(
        [
            r"[bcdfgptv][lr]\|i\||^h\|i\|er|q\|i\|èt",
            r"(?:fl|dr)\|u\|id|(?:grat|fort|jés)\|u\|it|r\|u\|in|s\|u\|ic|\|u\|ité",
            r"(?:étud|mar|mend|^n|^ren|^dén|^l|^ral|rel|dél|env|déf|conf|if|cop|exp|^ép|var|char|^par|assoc|souc|merc|"
            r"préc|grac|crif|humil|cil|init|balbut|chât|négoc|cenc|congéd|reméd|rad|ncend|man|un|omn|spol|sas|"
            r"vic|pub|injur|hist|^r|sour|^sc|sanct|orthograph)\|i\|e[rz]$",
        ]
    )
)
_NUCLEUS = re.compile("eau|au|a[iî]|e[iî]|e[uû]|o[iî]|o[uûù]|oê|[aeiouyàâéèêëîïôöùûü]")
_GLIDES = frozenset(("i", "y", "u", "ou"))


class Word(NamedTuple):
    """How a word counts in a line."""

    syllables: int
    """Without a mute e at its end."""
    mute: str
    """That mute e: "e" is lost before a vowel, "es" is not, "-" counts nowhere (vie, voient); "" if there is none."""
    elides: bool
    """Whether a mute e is lost before this word."""
    licences: tuple[Licence, ...]


def begins_with_vowel(word: str) -> bool:
    """Whether a mute e is lost before the word, which neither h aspiré nor a consonant allows."""
    if _CONSONANT_Y.match(word) or (_ASPIRATED.match(word) and not _NOT_ASPIRATED.match(word)):
        return False
    return re.match(f"h?{_VOWEL}", word) is not None


@lru_cache(maxsize=1 << 17)
def count(word: str) -> Word:
    """Syllables of one word in lower case; an elided word (l', jusqu') goes without its apostrophe."""
    letters = word
    for pattern, sound in _SPELLING:
        letters = pattern.sub(sound, letters)
    letters, mute = _split_mute(letters, word)
    nuclei = list(_NUCLEUS.finditer(letters))
    syllables, licences = len(nuclei), list[Licence]()
    for glide, vowel in pairwise(nuclei):
        if glide[0] not in _GLIDES or glide.end() != vowel.start():
            continue
        marked = f"{letters[: glide.start()]}|{glide[0]}|{letters[vowel.start() :]}"
        if _SYNERESIS.search(marked) and not _DIAERESIS.search(marked):
            syllables -= 1
        elif not re.search(r"[bcdfgptv][lr]\|", marked):
            licences.append(Licence("syneresis", word, -1))
    return Word(syllables, mute, begins_with_vowel(word), tuple(licences))


def _split_mute(letters: str, word: str) -> tuple[str, str]:
    """Part the letters of a word from its mute end, if it has one."""
    ending = _MUTE.search(letters)
    if not ending or (ending[0] == "ent" and not ends_in_silent_ent(word)):
        return letters, ""
    body = letters[: ending.start()]
    if not _MONOSYLLABLES.fullmatch(word) and not re.search(_VOWEL, body):
        return letters, ""
    if re.search(f"{_VOWEL}$", body):
        return body, "-"
    return body, "e" if ending[0] == "e" else "es"

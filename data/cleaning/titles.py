"""What stands in a title besides the title: guests, versions, remasters."""

import re
from typing import NamedTuple

# "(…)" or "[…]" at the end or in the middle; or all that follows a dash between spaces.
_GROUP = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]|\s+[-–—]\s+([^-–—()\[\]]+)$")

_GUESTS = re.compile(r"(?:feat|ft|featuring|con la participaci[oó]n de|part)\b\.? +(?P<who>\S.*)", re.IGNORECASE)
# Unbracketed only with a full stop: "ft. Ana" is a guest, "Feat of Clay" is a title.
_TRAILING_GUESTS = re.compile(r"\s+(?:feat|ft)\.\s+(?P<who>[^()\[\]]+?)(?=\s*[(\[]|$)", re.IGNORECASE)

_REMASTER = re.compile(
    r"(?:(?:19|20)\d\d )?(?:digital(?:ly)? )?(?:remaster(?:ed|izado|izada|isé|isée)?|remasteris[eé]e?)"
    r"(?: (?:version|versi[oó]n|edition|en|in|\d{4}|(?:19|20)\d\d))*"
    r"|(?:mono|stereo|est[eé]reo|album|single|radio|original|lp) (?:version|versi[oó]n|edit|mix)|versi[oó]n original"
    r"|radio edit|bonus track|explicit|versi[oó]n [aá]lbum|(?:deluxe|anniversary|expanded) (?:edition|version)",
    re.IGNORECASE,
)

_NOT_BEFORE_COVER = "for|my|your|his|her|our|their|the|under|take|taking|and|no|a|to|from|of|el|la|un|una|mi|tu|su"

# Each kind of version, by what stands in brackets or after a dash, from its first word to its last.
# Beginnings are not enough: "(Live and Let Go)" is a second title, "(Live in Rosario)" is a place.
_VERSIONS: dict[str, str] = {
    "instrumental": r"(?:versi[oó]n |version )?instrumentale?(?: (?:version|versi[oó]n|mix|demo))?",
    "karaoke": r"(?:.+ )?karaoke(?: .+)?",
    # "(traducción de Horacio)" is a poem of its own; "(Traducción al Español)" is a page about another song.
    "translation": (
        r"(?:english|spanish|french|german|italian|portuguese|turkish|russian|polish|arabic|japanese|korean|chinese|dutch"
        r"|swedish|hebrew|greek|hindi) (?:translation|version traducida)|romani[sz](?:ation|ed)|tradu[cç][aã]o em .+"
        r"|traducci[oó]n (?:(?:al|en) .+|(?:espa[nñ]ola|inglesa|francesa|italiana|alemana|portuguesa))"
        r"|traduction (?:en .+|(?:fran[cç]aise|anglaise|espagnole|italienne|allemande))"
        r"|(?:deutsche|englische|spanische) [uü]bersetzung|traduzione (?:in )?(?:italian[ao]|inglese|spagnol[ao])"
    ),
    "interview": r"entrevista|interview|entretien",
    "snippet": r"snippet|teaser|preview",
    "tracklist": (
        r"track ?list(?:ing)?(?:\W.*)?|lista de canciones|liste des titres|album art.*|booklet|album credits|credits"
        r"|liner notes|cr[eé]ditos"
    ),
    "live": (
        r"(?:grabad[oa] )?en (?:vivo|directo|concierto)(?:\W.*)?|directo|en (?:public|concert)|live"
        r"|live[ -](?:at|in|from|on|@|version|versi[oó]n|session|sessions|take|performance|recording|studio|acoustic"
        r"|mix|edit|bootleg|album|(?:19|20)?\d\d)(?:\W.*)?|live,? .*(?:19|20)\d\d|(?:recorded|record[eé]) live(?: .+)?"
        r"|(?:versi[oó]n|version) (?:en vivo|en directo|live)(?: .+)?"
        r"|.*\b(?:mtv )?unplugged\b.*"
    ),
    "acoustic": (
        r"(?:en )?ac[uú]stic[oa]|(?:versi[oó]n|version) (?:ac[uú]stica|acoustique)|acoustic(?: version)?|acoustique"
    ),
    "demo": r"(?:.+ )?demo(?: (?:version|versi[oó]n|tape|take|(?:19|20)\d\d|\d+))*(?:,? (?:19|20)\d\d)?|maqueta",
    "remix": (
        r"(?:.+ )?remix(?:ed|e|eado)?(?: (?:by|por|de|feat|ft|version|versi[oó]n|edit)\b.*|,? (?:19|20)\d\d| \d)?"
        r"|(?:.+ )?(?:club|dance|extended|house|dub) mix|bootleg mix"
    ),
    "cover": rf"cover|cover (?:de|of|by|version|versi[oó]n)(?: .+)?|(?!.*\b(?:{_NOT_BEFORE_COVER}) cover$).+ cover",
}  # fmt: skip
_VERSION_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _VERSIONS.items()}

# An album says it too, but only weakly: a song of "En vivo" may be nowhere else. It loses against a studio twin.
_LIVE_ALBUM = re.compile(
    r"\b(?:en (?:vivo|directo|concierto)|en public|unplugged|ac[uú]stico)\b"
    r"|\blive (?:at|in|from|on)\b|\blive!?$|[(\[]live\b",
    re.IGNORECASE,
)

STUDIO, REISSUE, VERSION = range(3)


class Title(NamedTuple):
    """A title, taken apart."""

    name: str
    """As it is printed, accents and case kept, without guests and remasters."""
    guests: str
    version: str
    """One of `_VERSIONS`' kinds, or nothing for the song itself."""
    reissue: bool


def parse_title(title: str) -> Title:
    """Take a title apart; brackets that are part of it ("Muchacha (Ojos de papel)") stay."""
    guests: list[str] = []
    version = ""
    reissue = False

    def judge(match: "re.Match[str]") -> str:
        nonlocal version, reissue
        inside = (match[1] if match[1] is not None else match[2]).strip()
        if guest := _GUESTS.fullmatch(inside):
            guests.append(guest["who"].strip())
            return ""
        if _REMASTER.fullmatch(inside):
            reissue = True
            return ""
        version = version or version_kind(inside)
        return match[0]

    name = _GROUP.sub(judge, title)
    # A dash comes off last: only then is "Balada - Remastered (feat. Ana)" one.
    name = _GROUP.sub(judge, name) if name != title else name
    if guest := _TRAILING_GUESTS.search(name):
        guests.append(guest["who"].strip())
        name = name[: guest.start()] + name[guest.end() :]
    name = name.strip()
    return Title(name, ", ".join(guests), version, reissue) if name else Title(title, "", version, reissue)


def version_kind(words: str) -> str:
    """Which kind of version these words name, all of them: "En Vivo en Obras" → "live"; "" when they name none."""
    return next((kind for kind, pattern in _VERSION_PATTERNS.items() if pattern.fullmatch(words)), "")


def version_rank(title: str, album: str) -> int:
    """0 for a studio song, 1 for a reissue, 2 for any other version: the smaller stays when two are alike."""
    parsed = parse_title(title)
    if parsed.version or _LIVE_ALBUM.search(album):
        return VERSION
    return REISSUE if parsed.reissue or _REMASTER.search(album) else STUDIO

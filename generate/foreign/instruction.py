"""What an adapted model is asked: the same words when it learns and when it writes."""

# By language: the request; with a title; where the song's first line is given.
_WORDS = {
    "en": ("Write a song", " called “{}”", " that follows this line"),
    "es": ("Escribe una canción", " titulada «{}»", " que siga a este verso"),
    "fr": ("Écris une chanson", " intitulée « {} »", " qui suive ce vers"),
}


def instruction(language: str, title: str = "", *, follows: bool = False) -> str:
    """The request for a song in a language (ISO 639-1; English where it is none of ours); its lyrics come behind.

    With `follows`, the lyrics begin with what is given, and the model goes on from there.
    """
    request, called, following = _WORDS.get(language, _WORDS["en"])
    return request + (called.format(title) if title else "") + (following if follows else "") + ":\n\n"

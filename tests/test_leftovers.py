"""What lyrics sites leave in a text: each rule as a table of before and after."""

from data.cleaning.leftovers import drop_embed, drop_page_header, drop_suggestions, drop_tickets, drop_title_headings
from tests.tables import table

TITLE, ARTIST = "Balada del farol", "Los Ñandúes"


@table(
    [
        ("27 ContributorsTranslationsEnglishPortuguêsBalada del farol Lyrics[Verso 1]\nLa luna", "[Verso 1]\nLa luna"),
        ("27 Contributors\nTranslations\nEnglish\nPortuguês\nBalada del farol Lyrics\nLa luna", "La luna"),
        ("1 ContributorBalada del farol LyricsLa luna", "La luna"),
        ("1.2K ContributorsOtro nombre (en vivo) Lyrics\n\nLa luna", "La luna"),
        ("Balada del farol Lyrics\nLa luna", "La luna"),
        ("Balada del Farol LyricsLa luna", "La luna"),
        ("3 ContributorsBalada del farol Lyrics“Balada” cuenta cómo Ana…\u00a0Read More\u00a0\nLa luna", "La luna"),
        ("“Balada” es la historia de un farol... Read More\n[Verso]\nLa luna", "[Verso]\nLa luna"),
        ("3 ContributorsBalada del farol LyricsUna canción larga Read More [Verso]\nLa luna", "[Verso]\nLa luna"),
        # What only looks like it.
        ("My Lyrics are all I have\nla", "My Lyrics are all I have\nla"),
        ("I read your Lyrics\nla", "I read your Lyrics\nla"),
        ("3 contributors came to dinner", "3 contributors came to dinner"),
        ("La luna\nRead More\nsale", "La luna\nRead More\nsale"),
        ("1 ContributorUno LyricsLa luna\n\nI should Read More books", "La luna\n\nI should Read More books"),
        ("[Verso]\nWait... Read More to me\nla", "[Verso]\nWait... Read More to me\nla"),
        ("Balada del farol\nLa luna", "Balada del farol\nLa luna"),
    ]
)
def test_page_headers(before: str, after: str) -> None:
    assert drop_page_header(before, TITLE) == after


@table(
    [
        ("uno\nYou might also like\n[Coro]\ndos", "uno\n[Coro]\ndos"),
        ("unoYou might also like[Coro]\ndos", "uno\n[Coro]\ndos"),
        ("unoYou might also like\ndos", "uno\ndos"),
        ("uno\nYou might also likeDos\ntres", "uno\nDos\ntres"),
        ("uno!You might also likeDos", "uno!\nDos"),
        ("You might also like my shoes\nla", "You might also like my shoes\nla"),
        ('She said "You might also like" and left', 'She said "You might also like" and left'),
    ]
)
def test_suggestions_go_and_what_follows_stays(before: str, after: str) -> None:
    assert drop_suggestions(before) == after


@table(
    [
        ("uno\nSee Los Ñandúes LiveGet tickets as low as $45\ndos", "uno\ndos"),
        ("unoSee Los Ñandúes LiveGet tickets as low as $45dos", "uno\ndos"),
        ("uno\nSee Los Ñandúes Live\nGet tickets as low as €1,045.50\ndos", "uno\ndos"),
        ("uno\nSee los nandues Live\ndos", "uno\ndos"),
        ("uno\nSee you Live\ndos", "uno\nSee you Live\ndos"),
        ("uno\nSee how they Live\ndos", "uno\nSee how they Live\ndos"),
    ]
)
def test_tickets(before: str, after: str) -> None:
    assert drop_tickets(before, ARTIST) == after


@table(
    [
        ("el mar3Embed", "el mar"),
        ("el mar\n12Embed\n", "el mar\n"),
        ("el marEmbed", "el mar"),
        ("el mar1.2KEmbed", "el mar"),
        ("el marEmbedShare URLCopyEmbedCopy", "el mar"),
        ("fue en 19993Embed", "fue en 1999"),
        ("we Embed", "we Embed"),
        ("Embed the stone\nla", "Embed the stone\nla"),
    ]
)
def test_embed(before: str, after: str) -> None:
    assert drop_embed(before) == after


@table(
    [
        ('[Letra de "Balada"]\n\n[Verso]\nla', "[Verso]\nla"),
        ("[Letra de «Balada» ft. Ana]\n[Produced by Ana]\nla", "la"),
        ('[Paroles de "Balade"]\nla', "la"),
        ("[Verso 1: Ana]\nla", "[Verso 1: Ana]\nla"),
    ]
)
def test_headings_that_are_about_the_song(before: str, after: str) -> None:
    assert drop_title_headings(before) == after

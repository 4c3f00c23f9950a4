"""Song pages of Genius, to lines."""

from pathlib import Path

import pytest
from genius_stand_in import TOKEN, StandIn
from genius_stand_in_pages import song_page
from lyricsgenius import Genius

from data.sources.genius_pages import read_page, read_words


def test_the_library_alone_glues_lines_together_and_we_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with StandIn(tmp_path, songs_each=16) as genius:
        client = Genius(TOKEN, sleep_time=0)
        client.WEB_ROOT = f"{genius.url}/web/"
        sung = next(song for song in genius.wanted.values() if song.kind == "words")
        theirs = client.lyrics(song_url=f"https://genius.com{sung.path}") or ""
        client._session.close()
    ours = read_words(read_page(song_page(sung)).html)
    assert "(eh)[Verso 2]" in theirs
    assert [line for line in ours.split("\n") if line] == [line for stanza in sung.stanzas for line in stanza]


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<div>uno (eh)</div>|<div>[Outro]<br>dos</div>", "uno (eh)\n[Outro]\ndos"),
        ("<div>uno<br/>\n  dos<br><br>tres</div>", "uno\ndos\n\ntres"),
        ("<div><a><span>uno<br/>do<b>s</b></span></a> <i>y tres</i></div>", "uno\ndos y tres"),
        ("<div><p>uno<br>\ndos</p>\n\n<p>tres</p></div>", "uno\ndos\ntres"),
        ("<div>uno<br><div data-exclude-from-selection='true'>Anuncio<div>!</div></div>dos</div>", "uno\ndos"),
        ("<div><div class='LyricsHeader__C'>9 Contributors<br>Uno Lyrics</div>[Coro]<br>uno</div>", "[Coro]\nuno"),
        ("<div>uno\ndos</div>", "uno\ndos"),
        ("<div>el &amp; ella<script>x()</script><!-- y --></div>", "el & ella"),
        ("<div></div>|<div>uno</div>", "uno"),
    ],
)
def test_markup_becomes_lines(html: str, words: str) -> None:
    assert read_words(html.split("|")) == words


def test_a_page_without_words_says_nothing_or_why() -> None:
    assert read_page("<html><body>Just a moment...<div class='Lyrics'>no</div></body></html>").html == []
    instrumental = read_page("<div class='LyricsPlaceholder__Message-x'>This song is an<br/> instrumental</div>")
    assert (instrumental.html, instrumental.notice) == ([], "This song is an instrumental")
    assert read_page("<script>window.__PRELOADED_STATE__ = JSON.parse('[1]')</script>").html == []


def test_what_is_read_once_is_read_the_same_for_good() -> None:
    """What raw/ keeps of a page gives the words that the page gave."""
    page = '<div data-lyrics-container="true">u &lt;no&gt;<br>dos<div data-lyrics-container="true">tres</div></div>'
    kept = read_page(page).html
    assert read_words(kept) == "u <no>\ndos\ntres"
    assert read_words(read_page("".join(kept)).html) == read_words(kept)

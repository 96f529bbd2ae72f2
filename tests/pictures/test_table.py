"""The transcript: the record as a table."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from server.live.record import Connecting, Entry, Logged, Note, Printed, Snapshot
from server.pictures import Transcript
from server.pictures.table import EMPTY, FOLDED, ROWS

from .samples import (
    caught,
    echo,
    everything,
    grouped,
    left,
    opened,
    received,
    sent,
    snapshot,
    websocket_receive,
)

ECHO = """\
no.  who → whom     on the wire                       ASGI event
  1  client → Echo  open /ws/sc/                      websocket.connect
  2  client ← Echo  accept (101 Switching Protocols)  websocket.accept
  3  client → Echo  text 'hello'                      websocket.receive
  4           Echo  prints: got hello
  5  client ← Echo  text 'hello'                      websocket.send
  6  client → Echo  close 1000 (normal closure)       websocket.disconnect"""

SECOND = """\
no.  who → whom            on the wire                                      ASGI event
 20  client 2 → AsyncEcho  open /ws/ac/?room=1                              websocket.connect
 21  client 2 ← AsyncEcho  accept (101 Switching Protocols)                 websocket.accept
 22  client 2 ← AsyncEcho  close 4000 (private use) 'bye'                   websocket.close
 23  client 2 → server     text 'too late', never taken by the consumer
 24  client 2   AsyncEcho  ended by the consumer, 4000 (private use) 'bye'  websocket.disconnect"""

VOID = {"br", "hr", "img"}


class Page(HTMLParser):
    """The tags and the text of a page; fails where a tag is closed that is not open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def count(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.tags)


def many(number: int, dropped: int = 0) -> Snapshot:
    """A record of many messages."""
    return snapshot(*[received(str(i)) for i in range(number)], dropped=dropped)


def test_text() -> None:
    """The first conversation of lesson 1, as text."""
    transcript = Transcript(echo())
    assert transcript.text == repr(transcript) == str(transcript) == ECHO


def test_connection() -> None:
    """A part keeps the numbers and the names of the whole."""
    assert Transcript(everything()).connection(2).text == SECOND
    assert Transcript(everything()).connections == [1, 2, 3, 4, 5, 6]
    assert Transcript(everything()).connection(9).text == EMPTY


def test_text_fits() -> None:
    """No line is wider than a notebook, but for lines of the learner's code."""
    for line in Transcript(everything()).text.split("\n"):
        assert len(line) <= 106 or "raise " in line  # a line of code
        assert line == line.rstrip(" ")


def test_numbers() -> None:
    """An entry is found by its number; negative numbers count from the end."""
    transcript = Transcript(echo())
    assert transcript[3].event == {"type": "websocket.receive", "text": "hello"}
    assert transcript[-1] is transcript[6]
    assert [entry.number for entry in transcript] == [1, 2, 3, 4, 5, 6]
    assert len(transcript) == 6
    for number in (0, 7, -7):
        with pytest.raises(IndexError) as info:
            transcript[number]
        assert str(info.value) == f"the transcript has no entry {number}; it has 1 to 6"
    with pytest.raises(IndexError) as info:
        Transcript(snapshot())[1]
    assert str(info.value) == "the transcript has no entry 1; it is empty"


def test_slices() -> None:
    """A slice goes by numbers too, with older entries dropped as well."""

    def numbers(part: slice) -> list[int]:
        return [entry.number for entry in Transcript(many(10, dropped=100))[part]]

    assert numbers(slice(103, 105)) == [103, 104]
    assert numbers(slice(None, 103)) == [101, 102]
    assert numbers(slice(-2, None)) == [109, 110]
    assert numbers(slice(None, -8)) == [101, 102]
    assert numbers(slice(-99, 102)) == [101]
    assert numbers(slice(1, 5)) == []
    with pytest.raises(ValueError) as info:
        numbers(slice(1, 5, 2))
    assert str(info.value) == "a slice of a transcript has no step"


def test_payload_is_recoverable() -> None:
    """The table shortens a payload; the entry has it all."""
    payload = "a" * 2 * 2**20
    transcript = Transcript(snapshot(received(payload)))
    assert payload not in transcript.text
    assert "(2,097,152 characters)" in transcript.text
    assert transcript[1].what.payload == payload


def test_prints() -> None:
    """What consumers printed is at hand."""
    prints = [(1, Printed("one", "stdout"), None), (1, Printed("two", "stderr"), None)]
    assert Transcript(snapshot(*opened(), *prints)).prints == ["one", "two"]


def test_errors() -> None:
    """What applications raised is at hand."""
    assert Transcript(everything()).errors == [
        "TypeError: Object of type set is not JSON serializable",
        "RuntimeError: cannot read what the browser sent",
    ]


def test_printed_lines_stand_under_each_other() -> None:
    """Printed text keeps the columns that the consumer gave it."""
    printed = (1, Printed("one\n  two", "stdout"), None)
    lines = Transcript(snapshot(*opened(), printed)).text.split("\n")
    assert lines[-2].endswith("prints: one")
    assert lines[-1] == " " * lines[-2].index("one") + "  two"


def test_exception() -> None:
    """An exception is a row, with the learner's own line below."""
    lines = Transcript(everything()).text.split("\n")
    place = next(i for i, line in enumerate(lines) if "raises: TypeError" in line)
    number = websocket_receive.__code__.co_firstlineno + 1
    assert lines[place].endswith("raises: TypeError: Object of type set is not JSON serializable")
    assert lines[place + 3].strip() == f"line {number} of samples.py, in websocket_receive"
    assert lines[place + 4].strip() == "json.dumps({1, 2})"


def test_empty() -> None:
    """An empty transcript says so, and what to do."""
    transcript = Transcript(snapshot())
    assert transcript.text == EMPTY
    assert Page(transcript.html).text.strip() == EMPTY


def test_dropped() -> None:
    """The first line says what the record no longer holds."""
    transcript = Transcript(many(1, dropped=1412))
    first = (
        "The record keeps the newest entries only: 1,412 older ones are gone. "
        "live.clear() before the next run makes room."
    )
    assert transcript.text.split("\n")[0] == first
    assert first in Page(transcript.html).text
    assert "1 older one is gone." in Transcript(many(1, dropped=1)).text


def test_bound() -> None:
    """A long transcript shows its newest entries and says how to see the others."""
    transcript = Transcript(many(ROWS + 20, dropped=5))
    assert "20 earlier entries are not shown: transcript[6:26] has them." in transcript.text
    assert len(transcript.text.split("\n")) == ROWS + 3
    assert Page(transcript.html).count("tr") == ROWS + 1
    assert [entry.number for entry in transcript[6:26]] == list(range(6, 26))


def test_html_table() -> None:
    """The page is a table that reads without styles: caption, headings, all cells."""
    html = Transcript(echo()).html
    page = Page(html)
    assert "Transcript: 6 entries, 1 connection" in page.text
    assert page.count("caption") == 1
    scopes = [attributes.get("scope") for tag, attributes in page.tags if tag == "th"]
    assert scopes == ["col"] * 4 + ["row"] * 6
    for words in ("client → Echo", "prints:", "got hello", "'hello'", "websocket.disconnect"):
        assert words in page.text
    assert page.count("details") == 0
    assert "Transcript: 1 entry, 0 connections" in Transcript(snapshot((0, Note("x"), None))).html


def test_html_is_whole_and_escaped() -> None:
    """Whatever clients and consumers send is text."""
    evil = "</style><script>alert(1)</script>&amp;<img src=x onerror='alert(2)'>\"" * 2
    shot = snapshot(
        (1, Connecting(f"/{evil}", f"http://{evil}"), {"type": evil}),
        *opened(1, consumer=evil),
        received(evil),
        sent(evil.encode()),
        (1, Printed(evil, "stdout"), None),
        (1, Note(evil), None),
        left(4000, evil),
    )
    page = Page(Transcript(shot).html)
    assert page.count("script") == page.count("img") == 0
    assert page.count("style") == 1
    assert evil in page.text
    Page(Transcript(everything()).html)


def test_html_payload_unfolds() -> None:
    """A long payload unfolds, up to a limit, and the page says where the rest is."""
    page = Page(Transcript(snapshot(received("é" * 100))).html)
    assert page.count("details") == page.count("summary") == 1
    assert "é" * 100 in page.text
    html = Transcript(snapshot(received("é" * 2 * 2**20))).html
    assert len(html) < 3 * FOLDED
    assert "These are the first 4,000 of 2,097,152 characters" in html
    assert "transcript[1].what.payload has all." in html
    assert "first 4,000 of 5,000 bytes" in Transcript(snapshot(sent(b"a" * 5000))).html


def test_html_of_an_untrusted_notebook() -> None:
    """It uses tags, attributes and styles only that JupyterLab lets an untrusted notebook keep."""
    page = Page(Transcript(everything()).html)
    # Without <style>, which goes: what is inside is polish.
    tags = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "b", "bdi", "span"}
    assert {tag for tag, _ in page.tags} - {"style"} <= tags | {"details", "summary"}
    attributes = {name for _, attributes in page.tags for name in attributes}
    assert attributes <= {"class", "style", "scope", "colspan", "dir"}
    styles = {
        declaration.split(":")[0].strip()
        for _, attributes in page.tags
        for declaration in (attributes.get("style") or "").split(";")
    }
    assert styles - {""} <= {
        "display",
        "font-family",
        "text-align",
        "vertical-align",
        "white-space",
    }


def test_same_every_time() -> None:
    """Times do not show: two runs give the same table."""
    shot = everything()
    later = tuple(Entry(e.number, e.time * 7, *e[2:]) for e in shot.entries)
    again = Snapshot(later, (), 0)
    assert Transcript(again).text == Transcript(shot).text
    assert Transcript(again)._repr_html_() == Transcript(shot)._repr_html_()


def test_logged_exception() -> None:
    """An exception that was logged stands below what was logged with it, and has no hint."""
    logged = (1, Logged("error", "chat", "handled", caught(websocket_receive)), None)
    lines = Transcript(snapshot(*opened(), logged)).text.split("\n")
    place = next(i for i, line in enumerate(lines) if line.endswith("logs error to chat: handled"))
    assert lines[place + 1].strip().startswith("TypeError: Object of type set is not JSON")
    assert lines[-1].strip() == "json.dumps({1, 2})"


GROUPED = """\
no.  who → whom          on the wire                                       ASGI event
  1  client 1 → Chat     open /                                            websocket.connect
  2  client 1 ← Chat     accept (101 Switching Protocols)                  websocket.accept
  3  client 1   Chat     group_add 'chat'
  4  client 2 → Chat     open /                                            websocket.connect
  5  client 2 ← Chat     accept (101 Switching Protocols)                  websocket.accept
  6  client 2   Chat     group_add 'chat'
  7  client 1   Chat     group_add 'chat', client 2
  8             outside  group_add 'chat', a channel from elsewhere
  9  client 1   Chat     group_send 'chat' {'text': 'hi'}                  chat.message
 10  client 1   Chat     delivered from client 1, group 'chat'             chat.message
 11  client 2   Chat     delivered from client 1, group 'chat'             chat.message
 12  client 2   Chat     send to client 1 {'text': 'hi'}                   chat.message
 13  client 1   Chat     delivered from client 2                           chat.message
 14             outside  send to 'thumbnails'                              generate
 15             outside  group_send 'news'                                 news
 16             layer    lost 'news': nobody is in this group              news
 17             outside  group_send 'chat' {'text': 'hi'}                  chat.mesage
 18  client 1   Chat     delivered from elsewhere, group 'chat'            chat.mesage
 19  client 2   layer    lost from outside, group 'chat': its channel is   chat.mesage
                           full
 20  client 1   Chat     raises: TypeError: Object of type set is not JSON serializable
                             while it handled chat.mesage from outside, group 'chat'
"""


def test_channel_layer() -> None:
    """What goes through a channel layer has rows: who calls, what is delivered, what is lost."""
    transcript = Transcript(grouped())
    assert transcript.text.startswith(GROUPED)
    assert transcript.text.endswith(
        """\
 21  client 2   Chat     group_discard 'chat'
 22  client 2   layer    lost from client 1: its consumer has ended        chat.message
 23  client 2   Chat     group_send 'blue' {'text': 'hi'}                  chat.message
 24  client 2   Chat     group_send 'a-group-with-a-long-name' {'text':    chat.message
                           'hi'}"""
    )
    page = Page(transcript.html)
    assert "group_add 'chat'" in page.text
    assert sum(attributes.get("class") == "layer" for _, attributes in page.tags) == 19

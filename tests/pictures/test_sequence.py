"""The sequence picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from base64 import b64decode

from server.live.record import Failed, Printed, Snapshot
from server.pictures import Sequence
from server.pictures.sequence import CLIENTS, EMPTY, NOTE_LINES, STEPS, cut
from server.pictures.words import width

from .samples import caught, echo, everything, grouped, opened, received, sent, snapshot
from .test_table import Page

ECHO = """\
client → Echo: open /ws/sc/ (websocket.connect)
Echo → client: accept (101 Switching Protocols) (websocket.accept)
client → Echo: text 'hello' (websocket.receive)
Echo prints: got hello
Echo → client: text 'hello' (websocket.send)
client → Echo: close 1000 (normal closure) (websocket.disconnect)"""

SVG = "{http://www.w3.org/2000/svg}"


def assert_image(root: ET.Element) -> None:
    """It is an image with a background, and without ids, which a page may have already."""
    assert root.get("role") == "img"
    background = next(root.iter(f"{SVG}rect"))
    assert (background.get("width"), background.get("height")) == (
        root.get("width"),
        root.get("height"),
    )
    assert not any("id" in element.attrib for element in root.iter())


def texts(sequence: Sequence) -> list[str]:
    """Return what is written in a picture."""
    return [text.text or "" for text in ET.fromstring(sequence.svg).iter(f"{SVG}text")]


def test_text() -> None:
    """The first conversation of lesson 1, as sentences."""
    assert Sequence(echo()).text == repr(Sequence(echo())) == ECHO


def test_svg() -> None:
    """The picture has a lifeline each, an arrow for each step, and the words of the record."""
    root = ET.fromstring(Sequence(echo()).svg)
    assert len(root.findall(f"{SVG}path")) == 5
    assert len(root.findall(f"{SVG}line")) == 2 + 5
    assert texts(Sequence(echo())) == [
        "client",
        "Echo",
        "open /ws/sc/",
        "websocket.connect",
        "accept (101 Switching Protocols)",
        "websocket.accept",
        "text 'hello'",
        "websocket.receive",
        "Echo prints: got hello",
        "text 'hello'",
        "websocket.send",
        "close 1000 (normal closure)",
        "websocket.disconnect",
    ]


def test_alternatives() -> None:
    """The picture carries a title and the same as text; it has a background and no ids."""
    sequence = Sequence(everything())
    root = ET.fromstring(sequence.svg)
    assert root.findtext(f"{SVG}title") == sequence.title
    assert sequence.title == (
        "Sequence picture of client 1, client 2, client 3, client 4: 32 steps"
    )
    assert root.findtext(f"{SVG}desc") == sequence.text
    assert_image(root)


def test_bundle() -> None:
    """A notebook gets an image with a text alternative, the image itself, and the text."""
    sequence = Sequence(echo())
    bundle = sequence._repr_mimebundle_()
    assert bundle["text/plain"] == ECHO
    assert bundle["image/svg+xml"] == sequence.svg
    page = Page(bundle["text/html"])
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert images[0]["alt"] == ("Sequence picture of client: 6 steps. The same as text follows.")
    source = images[0]["src"] or ""
    assert b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode() == sequence.svg
    assert ECHO in page.text


def test_empty() -> None:
    """Nothing is drawn of an empty record."""
    assert Sequence(snapshot())._repr_mimebundle_() == {"text/plain": EMPTY}


def test_everything_stays_inside() -> None:
    """Whatever is sent, the picture is well-formed and nothing leaves it."""
    evil = "]]></text><script>alert(1)</script>&\x00\x1b\udc80" * 3
    evil_print = (1, Printed(evil, "stdout"), None)
    shot = snapshot(
        *opened(1, consumer=evil), received(evil), sent(evil.encode("utf-8", "replace")), evil_print
    )
    for sequence in (Sequence(shot), Sequence(everything())):
        root = ET.fromstring(sequence.svg)
        assert not list(root.iter(f"{SVG}script"))
        right = int(root.get("width") or 0)
        for box in root.iter(f"{SVG}rect"):
            assert float(box.get("x") or 0) >= 0
            assert float(box.get("x") or 0) + float(box.get("width") or 0) <= right
        for text in texts(sequence):
            assert width(text) <= 60


def test_connection() -> None:
    """A connection has a picture of its own."""
    sequence = Sequence(everything()).connection(2)
    assert sequence.text.split("\n")[-1] == (
        "client 2, connection ended by the consumer, 4000 (private use) 'bye' "
        "(websocket.disconnect)"
    )
    assert texts(sequence)[:2] == ["client 2", "AsyncEcho"]


def test_exception() -> None:
    """An exception's box has its message and the line of the learner's that raised it."""

    def handler() -> None:
        try:
            raise KeyError("text")
        except KeyError as error:
            raise ValueError("x" * 500) from error

    shot = snapshot(*opened(), (1, Failed(caught(handler)), None))
    lines = texts(Sequence(shot))[6:]
    assert lines[0].startswith("Echo raises: ValueError: xxx")
    assert len(lines) == NOTE_LINES + 2
    assert lines[-3] == "…"
    assert lines[-2].endswith(", in handler")
    assert lines[-1] == 'raise ValueError("x" * 500) from error'

    def library() -> None:
        raise ValueError("no line of the learner's")

    exception = caught(library)
    exception.stack.clear()
    shot = snapshot(*opened(), (1, Failed(exception), None))
    assert texts(Sequence(shot))[6:] == ["Echo raises: ValueError: no line of the", "learner's"]


def test_bounds() -> None:
    """A long conversation and a crowd are cut, and the picture says what is left out."""
    crowd = [thing for number in range(1, 8) for thing in opened(number)]
    long = [received(str(i)) for i in range(50)]
    sequence = Sequence(snapshot(*crowd, *long, dropped=3))
    assert sequence.remarks == [
        "Before it: 3 older, which the record dropped.",
        f"After it: {2 * CLIENTS + 50 - STEPS} more, in the transcript.",
        "Beside it: 3 clients more, in the transcript.",
    ]
    assert sequence.text.endswith("\n".join(sequence.remarks))
    assert texts(sequence)[-3:] == sequence.remarks
    assert len(sequence.text.split("\n")) == STEPS + 3


def test_same_every_time() -> None:
    """Times do not show: two runs give the same picture."""
    shot = everything()
    again = Snapshot(tuple(e._replace(time=e.time * 7) for e in shot.entries), (), 0)
    assert Sequence(again)._repr_mimebundle_() == Sequence(shot)._repr_mimebundle_()


def test_cut() -> None:
    """A label is cut where it does not fit."""
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"


def test_groups() -> None:
    """Each group has a line of its own, to which what is sent goes and from which it comes."""
    sequence = Sequence(grouped())
    root = ET.fromstring(sequence.svg)
    shown = texts(sequence)
    assert shown[:6] == ["client 1", "client 2", "Chat", "group chat", "one channel", "group news"]
    labels = [
        "client 1: group_add",
        "client 1: group_add client 2",
        "outside: group_add a channel from else…",
        "client 1: group_send {'text': 'hi'}",
        "to client 2: chat.message",
        "client 2: send to client 1 {'text': 'h…",
        "outside: send to 'thumbnails'",
        "outside: group_send",
        "layer: lost, nobody is in this group",
        "client 2: lost, its channel is full",
        "client 2: group_discard",
        "client 2: lost, its consumer has ended",
    ]
    assert [label for label in labels if label not in shown] == []
    # What goes to a group without a line is a note.
    assert "client 2, Chat group_send 'blue' {'text':" in shown
    assert shown[-1] == "Without a line: 2 groups more."
    assert len(root.findall(f"{SVG}circle")) == 5
    assert "client 2, Chat delivered from client 1, group 'chat' (chat.message)" in sequence.text
    right = float(root.get("width") or 0)
    for box in root.iter(f"{SVG}rect"):
        assert float(box.get("x") or 0) + float(box.get("width") or 0) <= right

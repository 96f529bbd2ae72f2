"""The timeline."""

from __future__ import annotations

import random
import subprocess
import sys
import xml.etree.ElementTree as ET
from base64 import b64decode

import pytest

from server.live.record import Accepted, Connecting, Disconnected, Entry, Received, Snapshot, Span
from server.pictures import Timeline
from server.pictures.timeline import EMPTY, LEFT, ROWS, UNITS, WIDTH, ordinal
from server.pictures.words import width

from .samples import one_after_the_other, side_by_side, wait, work
from .test_sequence import SVG, assert_image
from .test_table import Page

SYNC = """\
 1st client  ██████
 2nd client  ░░░░░░██████
 3rd client  ░░░░░░░░░░░░██████
 4th client  ░░░░░░░░░░░░░░░░░░██████
             █ working   ░ waiting for its turn
4 clients, one after the other: all are done in the time of 4 pieces of work."""

ASYNC = """\
 1st client  ██████
 2nd client  ██████
 3rd client  ██████
 4th client  ██████
             █ working
4 clients, side by side: all are done in the time of 1 piece of work."""


def timeline(*spans: Span) -> Timeline:
    """Return the timeline of some spans."""
    return Timeline(Snapshot((), spans, 0))


def test_sync() -> None:
    """Four clients of a SyncConsumer are served one after the other."""
    line = timeline(*one_after_the_other())
    assert line.text == repr(line) == SYNC
    assert (line.overlap, line.length) == (1, 4)
    assert [row.connection for row in line.rows] == [1, 3, 2, 4]


def test_async() -> None:
    """Four clients of an AsyncConsumer are served side by side."""
    line = timeline(*side_by_side())
    assert line.text == ASYNC
    assert (line.overlap, line.length) == (4, 1)


@pytest.mark.parametrize("seed", range(20))
def test_noise(seed: int) -> None:
    """A busy machine changes neither the text nor the picture's rows."""
    noise = random.Random(seed)
    assert timeline(*one_after_the_other(lambda: noise.random() * 0.15)).text == SYNC
    assert timeline(*side_by_side(lambda: noise.random() * 0.1)).text == ASYNC


@pytest.mark.parametrize("stalled", range(4))
def test_stall(stalled: int) -> None:
    """A machine that stalls for most of a piece of work changes nothing either."""
    ends = [0.0]
    spans = []
    for place in range(4):
        end = ends[-1] + 0.3 + 0.2 * (place == stalled)
        spans.append(Span(place + 1, "working", "websocket.receive", ends[-1], end))
        if place:
            spans.append(Span(place + 1, "waiting", "websocket.receive", 0.0, ends[-1]))
        ends.append(end)
    assert timeline(*spans).text == SYNC


@pytest.mark.parametrize(
    ("label", "what", "start"),
    [
        ("websocket.connect", Connecting("/", None), 0.05),
        ("websocket.disconnect", Disconnected("client", 1000, ""), 1.0),
    ],
)
def test_stall_when_clients_come_or_go(
    label: str, what: Connecting | Disconnected, start: float
) -> None:
    """A stall while clients come or go is no work of theirs; what all of them do there is."""
    clients = (1, 2, 3, 4)
    entries = tuple(Entry(client, client / 100, client, what, None) for client in clients)
    messages = [work(client, client * 0.2, client * 0.2 + 0.2) for client in clients]
    held = [Span(client, "working", label, start, start + 0.15) for client in clients]
    for number in clients:
        line = Timeline(Snapshot(entries, (*held[: number - 1], *messages), 0))
        assert line.verdict == (
            "4 clients, one after the other: all are done in the time of 4 pieces of work."
        )
    assert Timeline(Snapshot(entries, (*held, *messages), 0)).length > 4


def test_work_to_accept_beside_another_consumer() -> None:
    """Who works to accept is drawn, however quickly another consumer accepts."""
    entries = [
        Entry(number, 0.0, number, what, None)
        for number, consumer in enumerate(["Slow", "Quick"], 1)
        for what in (Connecting("/", None), Accepted(consumer, None))
    ]
    spans = (Span(1, "working", "websocket.connect", 0.0, 0.5), work(2, 0.5, 1.0))
    assert Timeline(Snapshot(tuple(entries), spans, 0)).verdict == (
        "2 clients, one after the other: all are done in the time of 2 pieces of work."
    )


@pytest.mark.parametrize("late", [0.05, 0.15, 0.25, 0.29])
def test_who_begins_late(late: float) -> None:
    """Clients that are served at the same time are drawn so, whenever the others' work began."""
    assert (
        timeline(work(1, 0.0, 0.3), *(work(n, late, late + 0.3) for n in (2, 3, 4))).text == ASYNC
    )
    line = timeline(work(1, 0.0, 0.9), work(2, 0.3 + late, 0.6 + late))
    assert [row.working for row in line.rows] == [
        ((0, 3),),
        ((1 + (late > 0.2), 2 + (late > 0.2)),),
    ]
    line = timeline(work(1, 0.0, 0.3), work(2, 0.3, 0.6), work(3, 0.3 + late, 0.6 + late))
    assert [row.working for row in line.rows] == [((0, 1),), ((1, 2),), ((1, 2),)]


def test_two_pieces() -> None:
    """Work of nearly twice the time is two pieces: the shortest may have been held up as well."""
    spans = [
        Span(1, "working", "websocket.receive", 0.0, 0.32),
        Span(2, "working", "websocket.receive", 0.32, 0.92),
    ]
    assert timeline(*spans).length == 3


def bars(line: Timeline) -> list[tuple[str, int, int]]:
    """Return what the bars of a picture show, where they begin, and how wide they are."""
    kinds = {"var(--note)": "waits", "var(--working)": "works"}
    return [
        (kinds[box.get("fill", "")], int(box.get("x", "")), int(box.get("width", "")))
        for box in ET.fromstring(line.svg).iter(f"{SVG}rect")
        if box.get("height") in ("14", "22")
    ]


def texts(line: Timeline) -> list[str]:
    """Return what is written in a picture."""
    return [text.text or "" for text in ET.fromstring(line.svg).iter(f"{SVG}text")]


def test_picture() -> None:
    """The picture is small, as wide as a notebook, and the same on a machine that is slower."""
    line = timeline(*one_after_the_other())
    root = ET.fromstring(line.svg)
    assert (root.get("width"), root.get("height")) == ("720", "252")
    assert len(line.svg) < 8_000
    assert timeline(*one_after_the_other(lambda: 0.15)).svg == line.svg
    assert bars(line) == [
        ("works", 110, 145),
        ("waits", 110, 145),
        ("works", 255, 145),
        ("waits", 110, 290),
        ("works", 400, 145),
        ("waits", 110, 435),
        ("works", 545, 145),
        # What they mean.
        ("works", 110, 20),
        ("waits", 230, 20),
    ]
    assert texts(line) == [
        "4 clients, one after the other: all are done in the time of 4 pieces of work.",
        *("0", "1", "2", "3", "4"),
        *("1st client", "2nd client", "3rd client", "4th client"),
        *("pieces of work", "working", "waiting for its turn"),
    ]


def test_saved_time() -> None:
    """What is empty right of clients that are served side by side is the time that this saves."""
    line = timeline(*side_by_side())
    assert bars(line) == [("works", 110, 145)] * 4 + [("works", 110, 20)]
    assert "waiting for its turn" not in texts(line)


def test_alternatives() -> None:
    """The picture carries a title and the same in sentences; it has a background and no ids."""
    line = timeline(*one_after_the_other())
    root = ET.fromstring(line.svg)
    assert root.findtext(f"{SVG}title") == line.title
    assert line.title == (
        "Timeline: 4 clients, one after the other: all are done in the time of 4 pieces of work"
    )
    assert root.findtext(f"{SVG}desc") == "\n".join(line.words)
    assert line.words == [
        "Timeline: 4 clients, one after the other: all are done in the time of 4 pieces of work.",
        "1st client: works from 0 to 1.",
        "2nd client: waits from 0 to 1, works from 1 to 2.",
        "3rd client: waits from 0 to 2, works from 2 to 3.",
        "4th client: waits from 0 to 3, works from 3 to 4.",
    ]
    assert_image(root)


def test_bundle() -> None:
    """A notebook gets an image with a text alternative, the image itself, and the text."""
    line = timeline(*one_after_the_other())
    bundle = line._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/html", "image/svg+xml"]
    assert bundle["text/plain"] == SYNC
    assert bundle["image/svg+xml"] == line.svg
    page = Page(bundle["text/html"])
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert images[0]["alt"] == f"{line.title}. The same as text follows."
    source = images[0]["src"] or ""
    assert b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode() == line.svg
    assert "\n".join(line.words) in page.text


def test_empty() -> None:
    """Nothing is drawn where nothing took long."""
    short = timeline(work(1, 0.0, 0.001), wait(2, 0.0, 0.001))
    for line in (timeline(), short):
        assert line._repr_mimebundle_() == {"text/plain": EMPTY}
        assert (line.overlap, line.length) == (0, 0)
        assert line.verdict == EMPTY


def test_one_client() -> None:
    """One client is neither beside nor after another."""
    line = timeline(work(1, 5.0, 5.2), work(1, 5.201, 5.401))
    assert line.verdict == "1 client: done in the time of 2 pieces of work."
    assert line.rows[0].working == ((0, 2),)


def test_some_at_a_time() -> None:
    """Some work side by side, some after them."""
    line = timeline(work(1, 0.0, 0.5), work(2, 0.0, 0.5), work(3, 0.51, 1.01))
    assert line.verdict == (
        "3 clients, at most 2 at a time: all are done in the time of 2 pieces of work."
    )


def test_held_up() -> None:
    """A client whose own work is short may still wait long."""
    line = timeline(
        work(1, 0.0, 0.5),
        wait(2, 0.01, 0.5),
        work(2, 0.5, 0.501),
        wait(2, 0.6, 0.6001),
    )
    assert line.rows[1].waiting == ((0, 1),)
    assert line.rows[1].working == ()
    assert "2nd client: waits from 0 to 1." in line.words
    assert line.verdict == (
        "1 client: done in the time of 1 piece of work. "
        "The work of 1 other client is too short to draw or has not ended."
    )
    assert texts(line)[:2] == [
        "1 client: done in the time of 1 piece of work.",
        "The work of 1 other client is too short to draw or has not ended.",
    ]


def test_a_crowd_with_little_work() -> None:
    """Where work of one of many clients is drawn, the verdict says how many others there were.

    A hold of a tenth of a second by the machine looks like work, beside which all else is short.

    """
    entries = [
        Entry(number, 10.0 + number / 100, number, what, None)
        for number in range(1, 301)
        for what in (Connecting("/", None), Accepted("Quick", None), Received("x"))
    ]
    spans = [work(number, 13.0 + number / 100, 13.01 + number / 100) for number in range(1, 300)]
    spans += [wait(2, 15.9, 16.1), work(300, 16.0, 16.1)]
    line = Timeline(Snapshot(tuple(entries), tuple(spans), 0))
    assert line.verdict == (
        "1 client: done in the time of 1 piece of work. "
        "The work of 299 other clients is too short to draw or has not ended."
    )
    assert len(line.rows) == 2


def test_others_of_a_run_before() -> None:
    """Whose work was drawn in a run before is none of the others."""
    entries = [
        Entry(1, 0.0, 1, Connecting("/", None), None),
        Entry(2, 0.1, 2, Connecting("/", None), None),
        Entry(3, 8.0, 3, Connecting("/", None), None),
        Entry(4, 8.1, 4, Connecting("/", None), None),
    ]
    spans = (work(1, 0.2, 0.7), work(3, 9.0, 9.5))
    line = Timeline(Snapshot(tuple(entries), spans, 0))
    assert line.others == {4}


def test_last_stretch() -> None:
    """A run that is repeated is drawn alone, and what is short beside it is not drawn."""
    before = [work(1, 0.0, 0.5), work(2, 0.5, 1.0), wait(2, 0.0, 0.5)]
    again = [work(3, 9.0, 9.5), wait(4, 9.0, 9.5), work(4, 9.5, 10.0), work(4, 10.0, 10.04)]
    line = timeline(*before, *again)
    assert [row.connection for row in line.rows] == [3, 4]
    assert line.length == 2


def test_cut_work_is_whole_again() -> None:
    """Work that another handler's hold cuts in two is one piece."""
    line = timeline(work(1, 0.0, 0.25), work(1, 0.265, 0.5), work(2, 0.0, 0.5), work(1, 0.501, 1.0))
    assert line.unit == pytest.approx(0.499)
    assert line.rows[0].working == ((0, 2),)


def test_bounds() -> None:
    """A crowd and a long time are cut, and text, picture and words say so."""
    works = [work(number, number * 1.0, number + 1.0) for number in range(50)]
    line = timeline(*works)
    assert line.remarks == ["and 38 clients more", "and 10 pieces of work more in time"]
    assert line.text.split("\n")[ROWS : ROWS + 2] == [f"{' ' * 13}{r}" for r in line.remarks]
    assert max(map(len, line.text.split("\n")[:ROWS])) <= 13 + UNITS
    assert line.words[-2:] == line.remarks
    assert "pieces of work (and 38 clients more) (and 10 pieces of work more in time)" in texts(
        line
    )
    assert len(line.svg) < 12_000


def test_everything_stays_inside() -> None:
    """Whatever happens, nothing leaves the picture."""
    crowd = [work(number, number * 3.0, number * 3.0 + 3.0) for number in range(1, 10_001)]
    lone = [work(1, 0.0, 0.04), wait(2, 0.0, 9.0)]
    long = [work(1, 0.0, 0.9), work(2, 0.0, 9.0), wait(3, 0.0, 8.0)]
    for line in (timeline(*crowd), timeline(*lone), timeline(*long)):
        assert min(x for _, x, _ in bars(line)) == LEFT
        assert max(x + wide for _, x, wide in bars(line)) < WIDTH
        assert 20 + 7.3 * max(map(width, line.sentences)) < WIDTH
        axis = next(text for text in texts(line) if text.startswith("pieces"))
        assert LEFT + 7.3 * width(axis) < WIDTH


def test_late_import() -> None:
    """Neither a launch nor a text loads what fills the templates."""
    code = (
        "import sys, server.pictures as p; from server.live.record import Snapshot, Span\n"
        "t = p.Timeline(Snapshot((), (Span(1, 'working', 'x', 0.0, 1.0),), 0)); t.text\n"
        "assert 'jinja2' not in sys.modules\n"
        "t.svg; assert 'jinja2' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=300)


def test_ordinal() -> None:
    """Ordinals end as they should."""
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)
    assert " ".join(map(ordinal, numbers)) == "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 101st 111th"

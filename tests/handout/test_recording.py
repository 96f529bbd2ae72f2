"""A recording of a browser cell becomes a diagram."""

from __future__ import annotations

import pytest

from server.handout.recording import Diagram, recorded
from server.notebook.recordings import Recording
from tests.handout import samples


def diagram(*lines) -> Diagram:
    return Diagram(Recording("x", "0", lines))


def wire(kind: str, text: str = "", socket: int = 1) -> dict[str, object]:
    return {"kind": kind, "text": text, "socket": socket}


def test_output_of_another_cell():
    """Only a browser cell has a recording."""
    assert recorded(samples.printed("x")) is None
    assert recorded(samples.shown({"text/plain": "x"})) is None


def test_output_without_a_recording():
    """A browser cell that was never recorded showed nothing."""
    output = samples.shown({}, {"browser": {"name": "x", "hash": "0"}})
    assert recorded(output) == Recording("x", "0", [])


def test_arrows():
    """What crosses the wire is an arrow from whom it comes; what does not is a note."""
    steps = diagram(
        *(wire("connecting", "/ws/"), wire("open"), wire("sent", "a"), wire("received", "b")),
        *(wire("dropped", "c"), wire("error"), {"kind": "log", "text": "d"}),
        wire("closed", "code 1000"),
    ).steps
    assert [(step.arrow, *step.lines) for step in steps] == [
        *(("→", "connecting /ws/"), ("←", "open"), ("→", "sent a"), ("←", "received b")),
        *(("", "not sent c"), ("", "error event"), ("", "d"), ("←", "closed code 1000")),
    ]
    assert [step.kind for step in steps[4:7]] == ["error", "error", "console"]


@pytest.mark.parametrize("before", [[wire("connecting")], [wire("open"), wire("closing", "x")]])
def test_end_that_the_server_did_not_send(before):
    """The end of a connection that the page closed, or that never opened, is a note."""
    assert diagram(*before, wire("closed", "code 1006")).steps[-1].arrow == ""


def test_several_sockets():
    """Sockets have numbers as soon as there are two."""
    steps = diagram(wire("open", socket=1), wire("open", socket=2)).steps
    assert [step.lines[0] for step in steps] == ["#1 open", "#2 open"]


def test_long_texts():
    """A long text is shortened on an arrow, and goes on in another line of a note."""
    arrow, note = diagram(wire("sent", "x" * 200), {"kind": "log", "text": "y" * 90}).steps
    assert arrow.lines[0].endswith("…")
    assert len(arrow.lines[0]) < 60
    assert "".join(note.lines) == "y" * 90
    assert note.height == 42


def test_text():
    """The diagram as text is the recording as text."""
    made = diagram(wire("open"))
    assert made.text == "wire     ● open readyState 1"
    assert made.title == "Sequence diagram of the browser cell x: 1 step"

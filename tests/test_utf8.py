"""Text that is not UTF-8 fails as it arrives."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from channels.generic.websocket import WebsocketConsumer
from websockets.frames import Frame, Opcode

from server.utf8 import Utf8
from tests.serving import RawClient, serving

EURO = "€".encode()


def look(*frames: tuple[Opcode, bytes, bool]) -> tuple[int, str] | None:
    """Look at frames; return where it is no UTF-8, and why."""
    check = Utf8()
    for opcode, data, fin in frames:
        frame = Frame(opcode, data, fin)
        try:
            assert check.decode(frame) is frame
        except UnicodeDecodeError as exc:
            return exc.start, exc.reason
    return None


TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        ([(TEXT, EURO, True)], None),
        ([(TEXT, b"abc\xff", True)], (3, "invalid start byte")),
        ([(BINARY, b"\xff", True)], None),
        ([(TEXT, EURO[:1], False), (CONT, EURO[1:2], False), (CONT, EURO[2:], True)], None),
        ([(TEXT, b"ab\xff", False)], (2, "invalid start byte")),
        ([(TEXT, b"ab" + EURO[:1], False), (CONT, b"c", False)], (2, "invalid continuation byte")),
        ([(TEXT, b"ab", False), (CONT, EURO[:2], True)], (2, "unexpected end of data")),
        ([(BINARY, b"\xff", False), (CONT, b"\xff", True), (TEXT, b"\xff", True)],
         (0, "invalid start byte")),
        # Errors of the protocol are the protocol's.
        ([(CONT, b"\xff", True)], None),
        ([(BINARY, b"", False), (TEXT, b"\xff", True)], None),
    ],
)  # fmt: skip
def test_look(frames: list[tuple[Opcode, bytes, bool]], problem: tuple[int, str] | None) -> None:
    """Whole texts and fragments are looked at, and the place is that in the message."""
    assert look(*frames) == problem


def test_text_is_sent_as_it_is() -> None:
    """What goes out is not looked at."""
    frame = Frame(TEXT, b"\xff")
    assert Utf8().encode(frame) is frame


def test_a_handler_that_is_busy() -> None:
    """A client is told 1007 while the handler is still busy with the message before."""
    done = threading.Event()

    class Busy(WebsocketConsumer):
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            done.wait(60)

    with serving(Busy) as live:
        client = RawClient(live.host.port)
        client.handshake()
        client.send(b"hello")
        client.send(b"\xff")
        opcode, payload = client.recv()
        assert (opcode, payload) == (8, b"\x03\xefinvalid start byte at position 0")
        done.set()
        client.close()
        live.host.settle()
        codes: list[Any] = [
            entry.event["code"]
            for entry in live.record.snapshot().entries
            if entry.event is not None and entry.event["type"] == "websocket.disconnect"
        ]
        assert codes == [1007]

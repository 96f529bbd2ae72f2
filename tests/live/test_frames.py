"""Messages that are one frame each are what the library makes of them."""

from __future__ import annotations

import runpy
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

import server.live.frames
from server.live.frames import frame_of, message_in
from tests.serving import frame

MAX_SIZE = 70_000
SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, MAX_SIZE]


def library(data: bytes) -> list[tuple[Opcode, bytes]] | None:
    """Return the whole messages that the library finds, or None if there is anything else."""
    protocol = ServerProtocol(state=State.OPEN, max_size=MAX_SIZE)
    protocol.receive_data(data)
    found = []
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        if event.opcode not in (Opcode.TEXT, Opcode.BINARY) or not event.fin:
            return None
        found.append((event.opcode, bytes(event.data)))
    return None if protocol.reader.buffer or protocol.state is not State.OPEN else found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_a_message_in_one_frame(opcode: Opcode, size: int) -> None:
    """Text and bytes of every length are read as a client has written them."""
    payload = b"x" * size
    expected = payload if opcode is Opcode.BINARY else payload.decode()
    assert message_in(frame(payload, opcode), MAX_SIZE) == expected
    assert message_in(frame(payload, opcode), size) == expected
    assert message_in(frame(payload, opcode), None) == expected


def test_without_the_compiled_part_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library's compiled module is missing, messages are read all the same."""
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    read = runpy.run_path(server.live.frames.__file__)["message_in"]
    assert read(frame(b"abc" * 50), 150) == "abc" * 50


@pytest.mark.parametrize(
    "data",
    [
        frame(b"x" * 11),
        frame(b"\xff"),
        frame("€".encode()[:2]),
        frame(b"ab", fin=False),
        frame(b"ab", 0),
        frame(b"", 8),
        frame(b"", 9),
        frame(b"", 10),
        frame(b"ab", 3),
        bytes([0xC1]) + frame(b"ab")[1:],
        frame(b"ab")[:-1],
        frame(b"ab") + b"\x81",
        frame(b"a") + frame(b"b"),
        b"\x81\x02ab__",
        b"\x81",
        b"\x81\x80\0\0\0",
        b"\x81\xfe\0",
        b"\x81\xff\0\0\0\0\0",
    ],
    ids=[
        "too large",
        "no UTF-8",
        "half a character",
        "fragment",
        "last fragment",
        "close",
        "ping",
        "pong",
        "unknown opcode",
        "compressed",
        "half a frame",
        "a frame and a half",
        "two frames",
        "not masked",
        "first byte",
        "no mask yet",
        "no length yet",
        "no long length yet",
    ],
)
def test_anything_else_is_left_to_the_library(data: bytes) -> None:
    """What is not one whole message, or not a correct one, is none."""
    assert message_in(data, 10) is None


def changed(data: bytes, place: int, value: int) -> bytes:
    """Return bytes with one of them replaced."""
    place %= len(data)
    return data[:place] + bytes([value]) + data[place + 1 :]


FRAMES = st.builds(
    frame, st.binary(max_size=140), st.sampled_from([0, 1, 2, 8, 9]), fin=st.booleans()
)
CHANGED = st.builds(changed, FRAMES, st.integers(0, 20), st.integers(0, 255))


@given(st.one_of(FRAMES, CHANGED, st.binary(min_size=1, max_size=20)))
@example(b"\x81\xfe\x00\x01\0\0\0\0a")
@example(b"\x82\xff\0\0\0\0\0\0\0\x01\0\0\0\0a")
@example(b"\x82\xff\x80\0\0\0\0\0\0\x01\0\0\0\0a")
def test_what_is_found_is_what_the_library_finds(data: bytes) -> None:
    """Whatever the bytes: a message that is found is the one that the library finds in them."""
    found = message_in(data, MAX_SIZE)
    messages = library(data)
    if isinstance(found, str):
        assert messages == [(Opcode.TEXT, found.encode())]
    elif isinstance(found, bytes):
        assert messages == [(Opcode.BINARY, found)]
    else:
        assert messages is None or len(messages) != 1 or not is_utf8(*messages[0])


def is_utf8(opcode: Opcode, data: bytes) -> bool:
    """Tell whether a message is correct; the library looks when a message is taken."""
    return opcode is Opcode.BINARY or "\ufffd" not in data.decode("utf-8", "replace")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_what_is_sent_is_what_the_library_sends(opcode: Opcode, size: int) -> None:
    """A frame is the same, byte by byte, as the library's."""
    payload = b"x" * size
    expected = Frame(opcode, payload).serialize(mask=False)
    assert frame_of(payload, opcode is Opcode.TEXT) == expected

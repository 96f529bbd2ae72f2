"""The connection of the library, with what the rest of the server asks of it."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any

import pytest
from websockets.sync.client import connect

from server.live.wire import Wire
from tests.serving import RawClient, frame, serving

WHOLE = frame(b"whole")
BEGUN, ENDED = frame(b"frag", fin=False), frame(b"mented", 0)
FRAGMENTED = BEGUN + ENDED
PING = frame(b"", 9)
PONG = 10


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([WHOLE, FRAGMENTED, WHOLE], "whole fragmented whole"),
        ([WHOLE + FRAGMENTED, WHOLE], "whole fragmented whole"),
        ([WHOLE[:3], WHOLE[3:] + WHOLE, FRAGMENTED], "whole whole fragmented"),
        ([FRAGMENTED[:-3], FRAGMENTED[-3:] + WHOLE[:1], WHOLE[1:]], "fragmented whole"),
        ([BEGUN, PING, ENDED, WHOLE, WHOLE], "fragmented whole whole"),
        ([PING, WHOLE, PING + WHOLE, FRAGMENTED], "whole whole fragmented"),
    ],
)
def test_messages_stay_in_order(pieces: list[bytes], expected: str) -> None:
    """However they are cut and mixed, messages reach the handler in the order of the wire."""
    with serving(echo) as live, RawClient(live.host.port) as client:
        client.handshake()
        for piece in pieces:
            client.socket.sendall(piece)
            # Time for the handler to wait for the next one.
            live.host.call(partial(asyncio.sleep, 0.01), 60)
        answers: list[str] = []
        while len(answers) < len(expected.split()):
            opcode, data = client.recv()
            if opcode != PONG:
                answers.append(data.decode())
        assert " ".join(answers) == expected


def the_wire(live: Any) -> Wire:
    """Return the one connection of a server."""
    (wire,) = live.host.wires
    assert isinstance(wire, Wire)
    return wire


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Send back texts and bytes."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


def test_small_messages_do_not_wait() -> None:
    """A message leaves at once, also while the one before has not been acknowledged."""
    with serving(echo) as live, RawClient(live.host.port) as client:
        client.handshake()
        sock = the_wire(live).transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.parametrize("compression", ["deflate", None])
def test_compressed_and_plain(compression: str | None) -> None:
    """With compression and without, text and bytes of all sizes come back as they were."""
    with serving(echo) as live, connect(live.url(), compression=compression) as client:
        for message in ("", "a", "é" * 5000, b"", b"\xff", b"b" * 200_000):
            client.send(message)
            assert client.recv(timeout=60) == message

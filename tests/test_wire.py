"""The connection: whole messages on the short way, all others on the library's, in one order."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from websockets.exceptions import ConcurrencyError
from websockets.sync.client import connect

from server.wire import Wire
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
            live.host.call(asyncio.sleep(0.01), 1)
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


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """Accept, and take nothing."""
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.get_running_loop().create_future()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Send back texts and bytes."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


@pytest.mark.parametrize("data", [WHOLE, FRAGMENTED], ids=["whole", "in fragments"])
def test_a_cancelled_taker_loses_nothing(data: bytes) -> None:
    """A message that comes as its taker is cancelled waits for the next one, before others."""

    async def steps() -> list[str | bytes]:
        wire = the_wire(live)
        task = asyncio.ensure_future(wire.take())
        await asyncio.sleep(0)
        wire.data_received(data)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        wire.data_received(frame(b"next"))
        return [await wire.take(), await wire.take()]

    with serving(silent, busy_timeout=0.1) as live, RawClient(live.host.port) as client:
        client.handshake()
        first = "whole" if data is WHOLE else "fragmented"
        assert live.host.call(steps(), 5) == [first, "next"]


@pytest.mark.parametrize(
    ("begun", "message"),
    [
        (WHOLE[:3], "somebody waits for the next message already"),
        (
            BEGUN,
            "cannot call recv while another coroutine is already running recv or recv_streaming",
        ),
    ],
    ids=["whole", "in fragments"],
)
def test_one_takes_at_a_time(begun: bytes, message: str) -> None:
    """Who asks while somebody else waits, for a message that has begun, is told so."""

    async def steps() -> str:
        wire = the_wire(live)
        first = asyncio.ensure_future(wire.take())
        await asyncio.sleep(0)
        wire.data_received(begun)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(ConcurrencyError) as caught:
            await wire.take()
        first.cancel()
        return str(caught.value)

    with serving(silent, busy_timeout=0.1) as live, RawClient(live.host.port) as client:
        client.handshake()
        assert live.host.call(steps(), 5) == message


def test_who_takes_hears_of_the_end() -> None:
    """Who waits for a message, and who asks late, is told that the connection is gone."""

    async def steps() -> list[str]:
        wire = the_wire(live)
        waits = asyncio.ensure_future(wire.take())
        await asyncio.sleep(0)
        wire.transport.abort()
        await asyncio.wait({waits})
        late = asyncio.ensure_future(wire.take())
        await asyncio.wait({late})
        return [type(task.exception()).__name__ for task in (waits, late)]

    with serving(silent, busy_timeout=0.1) as live, RawClient(live.host.port) as client:
        client.handshake()
        assert live.host.call(steps(), 5) == ["ConnectionClosedError"] * 2


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
        assert the_wire(live).plain is (compression is None)

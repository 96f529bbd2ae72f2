"""What a client sends takes no more room than it may, however it is packed."""

from __future__ import annotations

import asyncio
import threading
import zlib
from typing import Any

from server.live.record import Failed
from tests.serving import AsyncEcho, RawClient, eventually, frame, serving

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def packed(size: int) -> bytes:
    """Return a compressed message of so many bytes as a frame."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = packer.compress(b"x" * size) + packer.flush(zlib.Z_SYNC_FLUSH)
    sent = bytearray(frame(payload.removesuffix(b"\x00\x00\xff\xff")))
    sent[0] |= 0x40  # RSV1: compressed (RFC 7692, 6)
    return bytes(sent)


def test_compressed_messages_that_wait() -> None:
    """Messages are unpacked when there is room for them, and all of them arrive."""
    release = threading.Event()
    taken: list[int] = []

    class Slow(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            release.wait(30)
            taken.append(len(event["text"]))

    with serving(Slow) as live, RawClient(live.host.port) as client:
        assert "permessage-deflate" in client.handshake("/", DEFLATE)
        [wire] = live.host.wires
        message = packed(1_000_000)
        # The first holds up the event loop, so that the others come together.
        client.socket.sendall(message)
        client.socket.sendall(message * 200)
        release.set()
        most = 0

        def done() -> bool:
            nonlocal most
            most = max(most, len(wire.recv_messages.frames))
            return len(taken) == 201

        assert eventually(done, 30)
        # Of the 200, about 16 fit into a slice, and 16 may wait besides.
        assert most < 60


def test_a_client_that_is_gone_while_messages_wait() -> None:
    """What waits to be unpacked goes with its connection, though there is room for it just then."""
    release = threading.Event()

    class Slow(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            await asyncio.to_thread(release.wait, 30)

    with serving(Slow) as live, RawClient(live.host.port) as client:
        client.handshake("/", DEFLATE)
        [wire] = live.host.wires
        client.socket.sendall(packed(1_000_000) * 200)
        assert eventually(lambda: bool(wire.untaken))

        async def lose() -> None:
            wire.transport.abort()
            wire.recv_messages.paused = False
            wire.go_on()
            await asyncio.sleep(0.01)

        live.host.call(lose, 30)
        release.set()
        entries = live.host.record.snapshot().entries
    assert [entry.what for entry in entries if isinstance(entry.what, Failed)] == []


def test_pings_of_a_client_that_does_not_read() -> None:
    """Answers that nobody reads are bounded; a client that reads gets all of them."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        client.handshake()
        [wire] = live.host.wires
        # Of the library's own pings, which it sends every 20 s, this client answers none.
        assert eventually(lambda: wire.keepalive_task is not None)
        live.host.loop.call_soon_threadsafe(wire.keepalive_task.cancel)
        ping = frame(b"x" * 100, 9)
        count = 100_000
        sender = threading.Thread(target=client.socket.sendall, args=(ping * count,), daemon=True)
        sender.start()
        assert eventually(lambda: wire.full)
        assert wire.transport.get_write_buffer_size() < 2 * 2**20
        for _ in range(count):
            assert client.recv() == (10, b"x" * 100)
        sender.join(60)
        client.send(b"still here")
        assert client.recv() == (1, b"still here")


def test_a_client_that_reads_late() -> None:
    """What a consumer sends waits for its client, with nothing to take from it."""

    class Large(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            for _ in range(10):
                await self.send({"type": "websocket.send", "text": "x" * 2**20})

    with serving(Large) as live, RawClient(live.host.port) as client:
        client.handshake()
        [wire] = live.host.wires
        client.send(b"go")
        assert eventually(lambda: wire.paused)
        for _ in range(10):
            assert client.recv() == (1, b"x" * 2**20)

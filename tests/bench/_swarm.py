"""Many WebSocket clients in one process, as cheap as asyncio allows.

It holds connections to several servers and, when told so, has every client of one of them send a
message, wait for the echo, and send the next. Commands come as lines of JSON on standard input;
answers go as lines of JSON to standard output.

"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import sys
from typing import Any

__all__ = ["frame"]

MASK = b"\x37\xfa\x21\x3d"


def frame(payload: bytes) -> bytes:
    """Return a text frame as a client sends it."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x81, 0x80 | length)
    elif length < 2**16:
        head = struct.pack("!BBH", 0x81, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x81, 0x80 | 127, length)
    key = (MASK * (length // 4 + 1))[:length]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + MASK + masked.to_bytes(length, "big")


ROOM = memoryview(bytearray(2**18))
"""Where all clients receive: a buffer of its own for every receipt costs more than the receipt."""


class Client(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, path: str | None, message: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.path = path
        self.opened: asyncio.Future[None] = loop.create_future()
        self.quiet: asyncio.Future[None] = loop.create_future()
        self.handshake = b""
        # The bare echo sends back what it gets; a server sends the same without a mask.
        self.message = message
        self.expected = len(message) if path is None else len(message) - 4
        self.got = 0
        self.count = 0
        self.running = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.path is None:
            self.opened.set_result(None)
            return
        key = base64.b64encode(b"0123456789abcdef").decode()
        host = "127.0.0.1:{}".format(transport.get_extra_info("peername")[1])
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def get_buffer(self, sizehint: int) -> memoryview:
        return ROOM

    def buffer_updated(self, nbytes: int) -> None:
        self.take(bytes(ROOM[:nbytes]))

    def take(self, data: bytes) -> None:
        """Take what has come."""
        if not self.opened.done():
            self.handshake += data
            if b"\r\n\r\n" in self.handshake:
                if self.handshake.startswith(b"HTTP/1.1 101"):
                    self.opened.set_result(None)
                else:
                    self.opened.set_exception(RuntimeError(self.handshake.decode()))
            return
        if self.got == 0:
            data = self.pong(data)
        self.got += len(data)
        if self.got > self.expected:
            # A ping may follow the echo at once.
            rest = self.pong(data[self.expected - self.got :])
            self.got = self.expected + len(rest)
        if self.got < self.expected or not data:
            return
        if self.got > self.expected:
            self.fail(f"{self.got} bytes came for {self.expected}")
            return
        self.got = 0
        self.count += 1
        if self.running:
            self.transport.write(self.message)
        else:
            self.quiet.set_result(None)

    def pong(self, data: bytes) -> bytes:
        """Answer pings between two echoes, and return what follows them."""
        while data[:1] == b"\x89":
            size = data[1]
            self.transport.write(bytes([0x8A, 0x80 | size, 0, 0, 0, 0]) + data[2 : 2 + size])
            data = data[2 + size :]
        return data

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail("the connection is lost")

    def fail(self, why: str) -> None:
        """End what waits for this client with an error."""
        for waiter in (self.opened, self.quiet):
            if not waiter.done():
                waiter.set_exception(RuntimeError(why))
                waiter.exception()

    def begin(self) -> None:
        """Start to send."""
        self.quiet = asyncio.get_running_loop().create_future()
        self.running = True
        self.count = 0
        self.transport.write(self.message)


class Swarm:
    """The clients of all servers."""

    def __init__(self) -> None:
        self.clients: dict[str, list[Client]] = {}

    async def open(
        self, server: str, port: int, path: str | None, count: int, size: int
    ) -> dict[str, Any]:
        """Open connections to a server."""
        loop = asyncio.get_running_loop()
        payload = b'"' + b"x" * (size - 2) + b'"'
        message = payload if path is None else frame(payload)
        clients = self.clients.setdefault(server, [])
        for start in range(0, count, 40):
            for _ in range(min(40, count - start)):
                _, client = await loop.create_connection(
                    lambda: Client(path, message), "127.0.0.1", port
                )
                clients.append(client)
            async with asyncio.timeout(30):
                await asyncio.gather(*(client.opened for client in clients))
        return {"open": len(clients)}

    async def run(self, server: str, seconds: float) -> dict[str, Any]:
        """Let the clients of a server send, and count the answers."""
        loop = asyncio.get_running_loop()
        clients = self.clients[server]
        start = loop.time()
        for client in clients:
            client.begin()
        await asyncio.sleep(seconds)
        count = sum(client.count for client in clients)
        end = loop.time()
        for client in clients:
            client.running = False
        async with asyncio.timeout(30):
            await asyncio.gather(*(client.quiet for client in clients))
        total = sum(client.count for client in clients)
        return {"rate": count / (end - start), "total": total}

    async def close(self) -> dict[str, Any]:
        """Let go of all connections."""
        for clients in self.clients.values():
            for client in clients:
                client.transport.abort()
        self.clients.clear()
        await asyncio.sleep(0.05)
        return {}


async def main() -> None:
    """Carry out commands until the input ends."""
    swarm = Swarm()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        method = getattr(swarm, command.pop("do"))
        print(json.dumps(await method(**command)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

"""A WebSocket client that notes every frame it sees, and can send what no library would."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from uuid import uuid4

__all__ = ["Client", "frame", "masked"]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
NAMES = {0: "continuation", TEXT: "text", BINARY: "binary", PING: "ping", PONG: "pong"}


class Reader(asyncio.StreamReader):
    """A reader that returns what came before a reset: asyncio's own throws it away."""

    def set_exception(self, exc: BaseException) -> None:
        self.feed_eof()


class Client:
    """One connection to a server on this machine; :attr:`seen` is what came from it."""

    def __init__(self, port: int, patience: float = 3.0) -> None:
        self.port = port
        self.patience = patience
        self.run = uuid4().hex
        """A name that nobody else has, by which a server may know this connection."""
        self.seen: list[str] = []
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.close_sent = False
        self.close_received = False
        self.over = False
        """Whether the end has been seen."""
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    # Handshake

    async def handshake(
        self,
        target: str,
        headers: Sequence[tuple[str, str]] = (),
        method: str = "GET",
        patience: float | None = None,
    ) -> bool:
        """Ask for a WebSocket, and tell whether the server agrees."""
        await self.request(target, headers, method)
        try:
            await asyncio.wait_for(self.response(), patience or self.patience)
        except TimeoutError:
            self.seen.append("no answer")
        except (EOFError, ConnectionError):
            self.seen.append("dropped without an answer")
        else:
            self.seen.append(str(self.status))
        return self.status == 101

    async def request(
        self, target: str, headers: Sequence[tuple[str, str]] = (), method: str = "GET"
    ) -> None:
        """Send the request of a handshake; ``headers`` replace the usual ones of the same name."""
        loop = asyncio.get_running_loop()
        self.reader = Reader(limit=2**24, loop=loop)
        protocol = asyncio.StreamReaderProtocol(self.reader, loop=loop)
        transport, _ = await loop.create_connection(lambda: protocol, "127.0.0.1", self.port)
        self.writer = asyncio.StreamWriter(transport, protocol, self.reader, loop)
        fields = {
            "Host": f"127.0.0.1:{self.port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
        }
        replaced = {name.lower() for name, _ in headers}
        lines = [f"{n}: {v}" for n, v in fields.items() if n.lower() not in replaced]
        lines += [f"{name}: {value}" for name, value in headers if value]
        self.writer.write("\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode())

    async def response(self) -> None:
        """Read the answer to a handshake, with its body if it refuses."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as exc:
            raise EOFError from exc
        status, *lines = head.decode("latin-1").split("\r\n")[:-2]
        self.headers = [
            (name.lower(), value.strip())
            for name, _, value in (line.partition(":") for line in lines)
        ]
        if (code := int(status.split()[1])) != 101:
            length = self.header("content-length")
            self.body = await self.reader.readexactly(int(length)) if length else b""
        self.status = code

    def header(self, name: str) -> str | None:
        """Return the values of a header of the response, joined."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    # Frames

    def send(self, payload: str | bytes) -> None:
        """Send a message in one frame."""
        if isinstance(payload, str):
            self.write(frame(TEXT, payload.encode()))
        else:
            self.write(frame(BINARY, payload))

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Send a close frame; with ``None``, one without a code."""
        self.close_sent = True
        body = b"" if code is None else struct.pack("!H", code) + reason.encode()
        self.write(frame(CLOSE, body))

    def vanish(self) -> None:
        """Break the TCP connection, with no close frame before it."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def read(self, count: int = 1) -> None:
        """Note what comes, until that many frames have."""
        for _ in range(count):
            try:
                more = await asyncio.wait_for(self.read_frame(), self.patience)
            except TimeoutError:
                self.seen.append("nothing")
                return
            if not more:
                return

    async def read_frame(self) -> bool:
        """Note one frame, or the end; tell whether more may come."""
        try:
            opcode, payload = await self.next_frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.over = True
            self.seen.append("lost without a close frame")
            return False
        if opcode == CLOSE:
            self.over = self.close_received = True
            self.seen.append(closed(payload))
            return False
        self.seen.append(describe(opcode, payload))
        return True

    async def next_frame(self) -> tuple[int, bytes]:
        """Read a frame."""
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(length)

    async def end(self) -> None:
        """Note what comes until the end, and answer a close frame as a client does."""
        try:
            async with asyncio.timeout(self.patience):
                while not self.over and await self.read_frame():
                    pass
                if self.close_received and not self.close_sent:
                    self.close(None)
                # The server ends the TCP connection (RFC 6455, 7.1.1).
                while await self.reader.read(2**16):
                    pass
                self.writer.close()
        except TimeoutError:
            self.seen.append("still open")
        except ConnectionError:
            pass

    async def leave(self) -> None:
        """Let go of the socket."""
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def frame(opcode: int, payload: bytes, fin: bool = True, rsv: int = 0) -> bytes:
    """Return a frame as a client sends it, masked (RFC 6455, 5.2 and 5.3)."""
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    length = len(payload)
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 2**16:
        head += struct.pack("!BH", 0x80 | 126, length)
    else:
        head += struct.pack("!BQ", 0x80 | 127, length)
    mask = b"\x37\xfa\x21\x3d"
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Mask a payload (RFC 6455, 5.3)."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def describe(opcode: int, payload: bytes) -> str:
    """Name a frame and its payload, or its length if it is long."""
    name = NAMES.get(opcode, f"opcode {opcode}")
    if len(payload) > 60:
        return f"{name} of {len(payload)} bytes"
    return f"{name} {payload.decode()!r}" if opcode == TEXT else f"{name} {payload!r}"


def closed(payload: bytes) -> str:
    """Describe a close frame by its code and reason."""
    if not payload:
        return "closed without a code"
    (code,) = struct.unpack("!H", payload[:2])
    reason = payload[2:].decode()
    return f"closed {code} {reason}".rstrip()

"""What the tests of the live server share: a server for one test, and a client made of bytes."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer

from server.live.access import Access
from server.live.connection import Limits
from server.live.host import Host, Pages
from server.live.output import route_prints, show_forgotten_awaits
from server.live.record import Entry, Failed, Note, Printed, Record, Refused

T = TypeVar("T")

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of the example in RFC 6455, 1.3."""


class AsyncEcho(AsyncConsumer):
    """Accepts, and sends every text back."""

    async def websocket_connect(self, event: dict[str, Any]) -> None:
        await self.send({"type": "websocket.accept"})

    async def websocket_receive(self, event: dict[str, Any]) -> None:
        await self.send({"type": "websocket.send", "text": event["text"]})

    async def websocket_disconnect(self, event: dict[str, Any]) -> None:
        raise StopConsumer


class SyncEcho(SyncConsumer):
    """Accepts, and sends every text back."""

    def websocket_connect(self, event: dict[str, Any]) -> None:
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, event: dict[str, Any]) -> None:
        self.send({"type": "websocket.send", "text": event["text"]})

    def websocket_disconnect(self, event: dict[str, Any]) -> None:
        raise StopConsumer


class Silent(SyncConsumer):
    """Never answers the handshake."""

    def websocket_connect(self, event: dict[str, Any]) -> None:
        pass


@dataclass
class Served:
    """A server, and what is written about it."""

    host: Host
    record: Record

    def url(self, path: str = "/") -> str:
        """Return the URL of a path."""
        return f"ws://127.0.0.1:{self.host.port}{path}"

    def entries(self, connection: int | None = None) -> list[Entry]:
        """Return what the record holds, of one connection or of all, once it is complete."""
        self.host.settle()
        found = self.record.snapshot().entries
        return [one for one in found if connection is None or one.connection == connection]

    def kinds(self, connection: int | None = None) -> list[str]:
        """Return the kinds of the entries."""
        return [type(entry.what).__name__ for entry in self.entries(connection)]

    def whats(self, kind: type[T]) -> list[T]:
        """Return what happened, of one kind."""
        return [entry.what for entry in self.entries() if isinstance(entry.what, kind)]

    def notes(self) -> list[str]:
        """Return the server's remarks."""
        return [note.text for note in self.whats(Note)]

    def prints(self) -> list[str]:
        """Return the lines that consumers printed."""
        return [line.text for line in self.whats(Printed)]

    def errors(self) -> list[str]:
        """Return the last line of each exception."""
        return [
            "".join(failed.exception.format_exception_only()).strip()
            for failed in self.whats(Failed)
        ]

    def refusals(self) -> list[tuple[str, int, str]]:
        """Return who refused a request, with which status, and why."""
        return [(one.by, one.status, one.why) for one in self.whats(Refused)]

    def works(self) -> bool:
        """Tell whether a new client can connect."""
        with RawClient(self.host.port) as client:
            return client.handshake().startswith("HTTP/1.1 101 ")


PATIENT = {"handshake_timeout": 60.0, "grace": 60.0, "close_timeout": 60.0, "request_timeout": 60.0}
"""Limits that no machine comes to because it stalls; a test sets those that it tries."""


@contextmanager
def serving(
    app: Any, *, access: Access | None = None, pages: Pages | None = None, **limits: Any
) -> Iterator[Served]:
    """Serve an application, or a consumer class, for the length of a block."""
    record = Record()
    if isinstance(app, type) and issubclass(app, AsyncConsumer):
        app = app.as_asgi()
    host = Host(app, record, access=access, limits=Limits(**{**PATIENT, **limits}))
    host.pages = pages
    route_prints()
    show_forgotten_awaits()
    host.start()
    try:
        yield Served(host, record)
    finally:
        host.stop()


class RawClient:
    """A client that says exactly what it is told to, byte by byte."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.port = port
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close TCP with FIN, and without a close frame."""
        self.file.close()
        self.socket.close()

    def reset(self) -> None:
        """Close TCP with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def request(self, path: str = "/", *headers: str, host: str | None = None) -> str:
        """Send a plain GET request and return the whole answer."""
        host = f"Host: 127.0.0.1:{self.port}" if host is None else host
        lines = [f"GET {path} HTTP/1.1", *([host] if host else []), *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode("latin-1"))
        return self.file.read().decode("utf-8", "replace")

    def start_handshake(
        self,
        path: str = "/",
        *headers: str,
        host: str | None = None,
        leave_out: str = "",
    ) -> None:
        """Send a handshake and wait for nothing."""
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}" if host is None else host,
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {KEY}",
            "Sec-WebSocket-Version: 13",
        ]
        lines = [line for line in lines if not leave_out or not line.startswith(leave_out)]
        self.socket.sendall("\r\n".join([*lines, *headers, "", ""]).encode("latin-1"))

    def handshake(self, path: str = "/", *headers: str, **options: Any) -> str:
        """Send a handshake and return the answer: its head, and the body of a refusal."""
        self.start_handshake(path, *headers, **options)
        return self.answer()

    def answer(self) -> str:
        """Read the answer to a handshake."""
        head = b""
        while line := self.file.readline():
            head += line
            if line == b"\r\n":
                break
        if not head.startswith(b"HTTP/1.1 101 "):
            head += self.file.read()
        return head.decode("utf-8", "replace")

    def send(self, payload: bytes, opcode: int = 1, *, fin: bool = True) -> None:
        """Send a frame."""
        self.socket.sendall(frame(payload, opcode, fin=fin))

    def recv(self) -> tuple[int, bytes]:
        """Return the opcode and the payload of the next frame; opcode -1: the end of TCP."""
        head = self.file.read(2)
        if len(head) < 2:
            return -1, b""
        size = head[1] & 0x7F
        if size == 126:
            size = int.from_bytes(self.file.read(2), "big")
        elif size == 127:
            size = int.from_bytes(self.file.read(8), "big")
        return head[0] & 0x0F, self.file.read(size)


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True) -> bytes:
    """Return a masked frame (RFC 6455, 5.2)."""
    first = (0x80 if fin else 0) | opcode
    if len(payload) < 126:
        head = bytes([first, 0x80 | len(payload)])
    elif len(payload) < 2**16:
        head = bytes([first, 0x80 | 126]) + len(payload).to_bytes(2, "big")
    else:
        head = bytes([first, 0x80 | 127]) + len(payload).to_bytes(8, "big")
    mask = os.urandom(4)
    key = int.from_bytes(mask * (len(payload) // 4 + 1), "big") >> 8 * (4 - len(payload) % 4)
    masked = (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")
    return head + mask + masked


def close_frame(code: int | None, reason: bytes = b"") -> bytes:
    """Return a masked close frame."""
    return frame(b"" if code is None else code.to_bytes(2, "big") + reason, 8)


def threads() -> list[str]:
    """Return the names of the threads that live servers run; clients have some of their own."""
    names = [thread.name for thread in threading.enumerate()]
    return sorted(name for name in names if name.startswith(("live-server", "sync-consumers")))


def eventually(question: Callable[[], bool], patience: float = 60.0) -> bool:
    """Wait until something is so, looking every few milliseconds."""
    deadline = time.monotonic() + patience
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True

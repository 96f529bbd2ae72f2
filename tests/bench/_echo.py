"""The same echo as bare ASGI and as three kinds of consumer; every server runs these.

``python -m tests.bench._echo`` serves them on our server, ``python -m tests.bench._echo bare`` runs
a TCP echo of bare asyncio, which no WebSocket server can outrun. Both say which port they got.

"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer

import server  # noqa: F401 (it configures Django)
from server.live.access import Access
from server.live.host import Host
from server.live.record import Record

__all__ = ["application"]


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Echo as bare ASGI."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})


class EchoAsync(AsyncConsumer):  # type: ignore[misc] # Channels has no types
    """Echo as an AsyncConsumer."""

    async def websocket_connect(self, event: Any) -> None:
        await self.send({"type": "websocket.accept"})

    async def websocket_receive(self, event: Any) -> None:
        await self.send({"type": "websocket.send", "text": event["text"]})

    async def websocket_disconnect(self, event: Any) -> None:
        raise StopConsumer


class EchoSync(SyncConsumer):  # type: ignore[misc]
    """Echo as a SyncConsumer."""

    def websocket_connect(self, event: Any) -> None:
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, event: Any) -> None:
        self.send({"type": "websocket.send", "text": event["text"]})

    def websocket_disconnect(self, event: Any) -> None:
        raise StopConsumer


class EchoJson(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Echo as an AsyncJsonWebsocketConsumer."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json(content)


KINDS: dict[str, Any] = {
    "bare ASGI": bare,
    "AsyncConsumer": EchoAsync.as_asgi(),
    "SyncConsumer": EchoSync.as_asgi(),
    "AsyncJsonWebsocketConsumer": EchoJson.as_asgi(),
}
PATHS = {kind: f"/{kind.replace(' ', '')}" for kind in KINDS}
APPLICATIONS = {PATHS[kind]: app for kind, app in KINDS.items()}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Run the echo that the path names."""
    if scope["type"] != "websocket":
        raise ValueError(f"no application for {scope['type']}")
    await APPLICATIONS[scope["path"]](scope, receive, send)


class NoRecord(Record):
    """A record that keeps nothing, to see what keeping costs."""

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Keep nothing."""

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Keep nothing."""

    def add_span(self, *args: Any, **kwargs: Any) -> None:
        """Keep nothing."""


class Bare(asyncio.Protocol):
    """Send back the bytes that come."""

    transport: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def serve_bare() -> None:
    """Run the TCP echo."""
    running = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}", flush=True)
    await running.serve_forever()


def main(kind: str) -> None:
    """Serve until the process is ended."""
    if kind == "bare":
        asyncio.run(serve_bare())
    host = Host(application, NoRecord() if kind == "norecord" else Record(), access=Access())
    host.start()
    print(f"http://127.0.0.1:{host.port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "record")

"""What the server does, without a thread and without a socket: requests, pages, settling.

A host (:mod:`server.live.host`) has the event loop on which this runs, and brings the connections.

"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Protocol, TypeAlias

from asgiref.typing import ASGI3Application
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from .access import Access
from .asgi import readable
from .background import report
from .connection import Bridge, Limits
from .files import file_response, http_application, text_response
from .handshake import (
    address,
    header,
    split_absolute,
    upgrades,
    wants_websocket,
    wrong_version,
)
from .http import HttpExchange
from .record import Note, Record, Refused
from .waiting import Changes, turns
from .wire import Wire
from .work import Work

__all__ = ["Pages", "Service", "Working"]

LEAVE = 0.2
"""Seconds for consumers to hear that their clients have left, before another one comes."""

TURNS = 10
"""Turns of the loop in which a connection that has arrived is taken in."""

Working: TypeAlias = Callable[[float], bool]
"""Tells whether a handler works that has been at it for no longer than so many seconds."""


class Pages(Protocol):
    """Somebody who answers the addresses that the course keeps for itself."""

    def owns(self, target: str) -> bool:
        """Tell whether the target of a request is one of those."""

    def knows(self, target: str) -> bool:
        """Tell whether it is one that only a frame of a browser cell can know."""

    def admit(self, wire: Wire, request: Request) -> None:
        """Make of a handshake that a cell's page sends what another page's would be."""

    def respond(self, request: Request, port: int) -> Response:
        """Answer a plain HTTP request."""

    def serve(
        self, wire: ServerConnection, working: Working, port: int
    ) -> Coroutine[Any, Any, None]:
        """Serve a WebSocket; it never enters the record."""


class Service(Changes):
    """Serves one application.

    Args:
        app: An ASGI application.
        record: Where to write what happens.
        access: Who may connect.
        limits: Bounds.

    """

    def __init__(
        self,
        app: ASGI3Application,
        record: Record,
        *,
        access: Access | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__()
        self.app = app
        self.record = record
        self.access = access or Access()
        self.limits = limits or Limits()
        self.pages: Pages | None = None
        self.port = 0
        """Where clients connect; a host knows."""
        self.http_app = http_application(app)
        self.bridges: set[Bridge] = set()
        self.left: set[Bridge] = set()
        """Those whose clients have left."""
        self.connections = 0
        self.work = Work(record)
        self.context: Context | None = None
        """In copies of this, applications run."""

    # All connections

    def working(self, patience: float = math.inf) -> bool:
        """Tell whether a handler works, for no longer than so many seconds; from any thread."""
        since = time.perf_counter() - patience
        return any(
            (busy := bridge.busy) is not None and busy[1] > since for bridge in tuple(self.bridges)
        )

    def lost(self, bridge: Bridge) -> None:
        """Note that a client has left."""
        self.left.add(bridge)

    def finished(self, bridge: Bridge) -> None:
        """Note that a connection and its application have ended."""
        self.bridges.discard(bridge)
        self.left.discard(bridge)
        self.changed()

    async def tell_who_left(self) -> None:
        """Give consumers a moment to hear that their clients have left.

        Who connects after another has closed comes after it in the record too, even where the
        other's consumer has a step to go on a busy machine. One that works on is not waited for.

        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEAVE
        for bridge in tuple(self.left):
            await bridge.until(bridge.has_heard, deadline - loop.time())

    async def wait_settled(self, timeout: float) -> None:
        """Wait for the connections that are on their way out."""
        # What has reached the sockets is taken in first.
        await turns(TURNS)
        for bridge in self.bridges:
            if bridge.busy is None:
                report(bridge)
        await self.until(lambda: not any(bridge.unsettled() for bridge in self.bridges), timeout)

    def refuse_handshakes(self, why: str) -> None:
        """Refuse the handshakes that the application has not answered yet."""
        for bridge in list(self.bridges):
            bridge.refuse(503, why)

    # One connection

    def on_garbage(self, problem: str) -> None:
        """Write down that somebody sent something that is not HTTP, or not served."""
        if not problem.endswith("."):
            problem = f"A client sent something that is no HTTP request: {problem}."
        self.record.add(0, Note(problem))

    async def process_request(self, wire: ServerConnection, request: Request) -> Response | None:
        """Answer an HTTP request, or start the application for a handshake."""
        assert isinstance(wire, Wire)
        host = header(request, "Host")
        named, request.path = split_absolute(request.path)
        upgrade = upgrades(request)
        pages = self.pages
        owned = pages is not None and pages.owns(request.path)
        refusal = self.access.refuse_host(host)
        if refusal is None and named is not None:
            refusal = self.access.refuse_host(named)
        if pages is not None and upgrade:
            pages.admit(wire, request)
        if refusal is None and upgrade and not (pages is not None and pages.knows(request.path)):
            refusal = self.access.refuse_origin(header(request, "Origin"), host)
        if refusal is not None:
            return self.refuse(request, refusal)
        if not upgrade:
            return await self.answer(wire, request)
        if not wants_websocket(request):
            return wrong_version(request)
        if owned:
            return None
        assert self.context is not None
        await self.tell_who_left()
        if wire.lost:
            return text_response(503, "Nobody is there to read this.")
        self.connections += 1
        bridge = Bridge(wire, self, self.connections, self.context.copy())
        self.bridges.add(bridge)
        wire.bridge = bridge
        return await bridge.handshake(request)

    def refuse(self, request: Request, why: str) -> Response:
        """Refuse a request before it gets anywhere, and write down why."""
        why = readable(why)
        self.record.add(0, Refused("server", 403, f"{readable(request.path)}: {why}"))
        return text_response(403, why)

    async def answer(self, wire: Wire, request: Request) -> Response:
        """Answer a plain HTTP request."""
        found: Response | None = None
        if request.method in ("GET", "HEAD"):
            if self.pages is not None and self.pages.owns(request.path):
                found = self.pages.respond(request, self.port)
            elif self.http_app is None or request.path.startswith("/static/"):
                try:
                    found = file_response(request.path)
                except PermissionError as exc:
                    return self.refuse(request, str(exc))
        if found is None and self.http_app is not None:
            assert self.context is not None
            self.connections += 1
            exchange = HttpExchange(self.record, self.connections, self.context.copy())
            found = await exchange.answer(
                self.http_app,
                request,
                address(wire.remote_address),
                address(wire.local_address),
            )
        if found is None:
            found = text_response(404, f"There is no page {readable(request.path)}.")
        if request.method == "HEAD":
            found.body = b""
        return found

    def select_subprotocol(self, wire: ServerConnection, offered: Any) -> Any:
        """Return the application's choice, and never one of our own."""
        assert isinstance(wire, Wire)
        return wire.bridge.accepted.subprotocol if wire.bridge is not None else None

    def process_response(
        self, wire: ServerConnection, request: Request, response: Response
    ) -> Response | None:
        """Add the application's headers to the answer."""
        assert isinstance(wire, Wire)
        if wire.bridge is not None and response.status_code == 101:
            for name, value in wire.bridge.accepted.headers:
                response.headers[name.decode("latin-1")] = value.decode("latin-1")
        return None

    def handle(self, wire: ServerConnection) -> Coroutine[Any, Any, None]:
        """Return what stays with an open connection until it and its application have ended."""
        assert isinstance(wire, Wire)
        if wire.bridge is not None:
            return wire.bridge.serve()
        assert self.pages is not None
        return self.pages.serve(wire, self.working, self.port)

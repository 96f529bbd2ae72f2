"""An extension of Jupyter's own server: it hands on to live servers what browser cells ask for.

``channels-notebooks/SOCKET/...`` leads to the Unix socket of this name
(:mod:`server.notebook.door`) and to nothing else. The names are secrets, and what is asked for
needs the token of a cell as well, so no login is asked for: the frames of cells have origins of
their own, to which a browser gives no cookies. Nothing of a request goes on but its path.

"""

# Tornado's methods that an extension overrides have looser types.
# mypy: disable-error-code="override,misc"

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.utils import url_path_join
from tornado.httpclient import HTTPError
from tornado.netutil import Resolver
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from . import door
from .runs import SANDBOX

__all__ = ["Pages", "Wires", "_jupyter_server_extension_points", "_load_jupyter_server_extension"]

PASSED_ON = (
    "Access-Control-Allow-Origin",
    "Cache-Control",
    "Content-Security-Policy",
    "Content-Type",
    "Referrer-Policy",
    "X-Content-Type-Options",
)

TRY_AGAIN = 1013
"""The close code where the live server does not answer."""

GOING_AWAY = 1001


class SocketResolver(Resolver):
    """Finds every host at one Unix socket."""

    def initialize(self, path: str) -> None:
        """Take the path of the socket."""
        self.path = path

    async def resolve(self, *_: Any) -> list[tuple[int, Any]]:
        """Return the address of the socket."""
        return [(socket.AF_UNIX, self.path)]


class Pages(RequestHandler):
    """Frames, pages, and their scripts."""

    @allow_unauthenticated
    async def get(self, name: str, path: str) -> None:
        """Hand on a request, and the answer to it."""
        target = f"{path}?{self.request.query}" if self.request.query else path
        try:
            resolver = SocketResolver(path=str(door.socket_of(name)))
            client = SimpleAsyncHTTPClient(force_instance=True, resolver=resolver)
            answer = await client.fetch(
                f"http://localhost{target}",
                method=self.request.method or "GET",
                raise_error=False,
                follow_redirects=False,
                decompress_response=False,
            )
        except FileNotFoundError:
            self.set_status(404)
            return
        except (OSError, HTTPError):
            self.set_status(502)
            return
        self.set_status(answer.code)
        self.set_header("Content-Security-Policy", SANDBOX)
        for header in PASSED_ON:
            if header in answer.headers:
                self.set_header(header, answer.headers[header])
        if self.request.method == "GET":
            self.write(answer.body)

    head = get


class Wires(WebSocketHandler):
    """The WebSockets of frames."""

    inner: ClientConnection | None = None
    """The connection to the live server."""

    def check_origin(self, origin: str) -> bool:
        """Let in whoever knows the address: a frame's origin is nobody's."""
        return True

    @allow_unauthenticated
    async def get(self, *args: str) -> None:
        """Begin as any WebSocket does."""
        await super().get(*args)

    async def open(self, name: str, path: str) -> None:
        """Connect to the live server; the first message waits for that."""
        try:
            self.inner = await unix_connect(
                str(door.socket_of(name)),
                f"ws://localhost{path}",
                max_size=None,
                ping_interval=None,
                compression=None,
            )
        except (OSError, WebSocketException):
            self.close(TRY_AGAIN)
        else:
            self.carrying = asyncio.ensure_future(self.carry(self.inner))

    async def carry(self, inner: ClientConnection) -> None:
        """Carry what the live server sends, and how it ends."""
        with suppress(ConnectionClosed, WebSocketClosedError):
            async for message in inner:
                await self.write_message(message, binary=isinstance(message, bytes))
        self.close(inner.close_code, inner.close_reason)

    async def on_message(self, message: str | bytes) -> None:
        """Carry what the frame sends."""
        if self.inner is not None:
            with suppress(ConnectionClosed):
                await self.inner.send(message)

    def on_close(self) -> None:
        """Let the live server know that the frame has gone."""
        if self.inner is not None:
            self.ending = asyncio.ensure_future(self.inner.close(GOING_AWAY))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell Jupyter's server where the extension is."""
    return [{"module": "server.notebook.gateway"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Add the addresses to Jupyter's server."""
    base = url_path_join(app.web_app.settings["base_url"], "channels-notebooks", "([0-9a-f]{32})")
    app.web_app.add_handlers(
        ".*$",
        [
            (base + "(/browser/[^?]+/(?:report|relay))", Wires),
            (base + "(/|/browser/.+|/static/browser/.+)", Pages),
        ],
    )

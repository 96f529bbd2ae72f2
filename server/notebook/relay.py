"""Carries the WebSockets of a browser cell's page where a proxy stands between it and the server.

jupyter-server-proxy accepts a WebSocket before it has asked the server, and passes on neither
close codes nor the choice of a subprotocol. A lesson would teach the proxy's habits. So the page
sends, over a WebSocket through the proxy, what its own would have done, and this module does that
with a real one: the server and its record see what they see on the learner's own machine.

Text messages carry a mark in front, ``t`` for a text message of the page's WebSocket and ``c``
for a JSON object about the connection itself; binary messages are what they are.

"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin, Subprotocol

__all__ = ["relay"]

GOING_AWAY = 1001

LOST = {"code": 1006, "reason": "", "wasClean": False}
"""What a browser is told of a connection that ended without a close frame, or never began."""


async def relay(wire: ServerConnection) -> None:
    """Open a WebSocket for a page, and carry messages until either side has closed."""
    wanted = json.loads(await wire.recv())
    port: int = wire.local_address[1]
    opening = asyncio.ensure_future(open_inner(port, wanted["target"], wanted["protocols"]))
    # The page sends nothing before the connection is open: whatever comes means that it gives up.
    first = asyncio.ensure_future(wire.recv())
    await asyncio.wait({opening, first}, return_when=asyncio.FIRST_COMPLETED)
    if not opening.done():
        opening.cancel()
        first.exception()
        return
    try:
        inner = opening.result()
    except (OSError, WebSocketException):
        first.cancel()
        await tell(wire, {"closed": LOST})
        return
    tell_before_close(wire)
    await tell(wire, {"open": inner.subprotocol or ""})
    inward = asyncio.ensure_future(carry_inward(first, wire, inner))
    try:
        async for message in inner:
            await wire.send("t" + message if isinstance(message, str) else message)
    except ConnectionClosed:
        pass
    finally:
        inward.cancel()
        del wire.close  # from here on it closes as any other does
    await tell(wire, {"closed": closed(inner)})


async def open_inner(port: int, target: str, protocols: list[str]) -> ClientConnection:
    """Connect as the page's browser would on this machine."""
    return await connect(
        f"ws://127.0.0.1:{port}{target}",
        origin=Origin(f"http://127.0.0.1:{port}"),
        subprotocols=[Subprotocol(protocol) for protocol in protocols] or None,
        max_size=None,
        open_timeout=None,
        ping_interval=None,
        proxy=None,
    )


async def carry_inward(
    first: asyncio.Future[Any], wire: ServerConnection, inner: ClientConnection
) -> None:
    """Carry what the page sends; its leaving is a browser's going away."""
    try:
        message = await first
        while True:
            if isinstance(message, bytes):
                await inner.send(message)
            elif message[0] == "t":
                await inner.send(message[1:])
            else:
                close = json.loads(message[1:])
                async with inner.send_context():
                    inner.protocol.send_close(close["code"], close["reason"])
            message = await wire.recv()
    except ConnectionClosed:
        await inner.close(GOING_AWAY)


async def tell(wire: ServerConnection, about: dict[str, Any]) -> None:
    """Tell the page about its connection, if it still listens."""
    with suppress(ConnectionClosed):
        await wire.send("c" + json.dumps(about))


def tell_before_close(wire: ServerConnection) -> None:
    """See that a server that stops tells the page why: the proxy would lose the code."""
    close = wire.close

    async def close_aloud(code: int = 1000, reason: str = "") -> None:
        await tell(wire, {"closed": {"code": code, "reason": reason, "wasClean": True}})
        await close(code, reason)

    wire.close = close_aloud  # type: ignore[method-assign]


def closed(inner: ClientConnection) -> dict[str, Any]:
    """Return what a browser says of a connection that has ended."""
    received = inner.protocol.close_rcvd
    if received is None:
        return LOST
    clean = inner.protocol.close_sent is not None
    return {"code": int(received.code), "reason": received.reason, "wasClean": clean}

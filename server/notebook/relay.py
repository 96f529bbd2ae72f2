"""Carries the WebSockets of a browser cell's page that came through Jupyter's own server.

Jupyter's own server accepts a WebSocket before it has asked the live server, and could pass on
neither a refusal nor the choice of a subprotocol. A lesson would teach its habits. So the page
sends, over a WebSocket through it, what its own would have done, and this module does that with a
real one: the server and its record see what they see on the learner's own machine.

Text messages carry a mark in front, ``t`` for a text message of the page's WebSocket and ``c``
for a JSON object about the connection itself; binary messages are what they are.

"""

from __future__ import annotations

import asyncio
import json
import re
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


async def relay(wire: ServerConnection, port: int) -> None:
    """Open a WebSocket for a page, and carry messages until either side has closed.

    Raises:
        ValueError: The page's first message is none that asks for a WebSocket, or a later one is
            none that a page sends; the text says so in a sentence.

    """
    target, protocols = as_wanted(await wire.recv())
    opening = asyncio.ensure_future(open_inner(port, target, protocols))
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
    outward = asyncio.ensure_future(carry_outward(inner, wire))
    try:
        await asyncio.wait({inward, outward}, return_when=asyncio.FIRST_COMPLETED)
        if inward.done():
            if inward.exception() is not None:
                # Not what a page sends: its connection ends as if the page had gone.
                await inner.close(GOING_AWAY)
            await outward
            inward.result()
    finally:
        inward.cancel()
        outward.cancel()
        del wire.close  # from here on it closes as any other does
    await tell(wire, {"closed": closed(inner)})


def as_wanted(message: str | bytes) -> tuple[str, list[str]]:
    """Return the target and the subprotocols of the WebSocket that a page asks for.

    Raises:
        ValueError: The message does not ask for one, or not for one of this server.

    """
    match json.loads(message):
        case {"target": str(target), "protocols": [*protocols]} if all(
            isinstance(protocol, str) for protocol in protocols
        ):
            # What follows the port is a path: nothing else leads to the same server only.
            if re.fullmatch(r"/[!\"$-\[\]-~]*", target) is None:
                raise ValueError("a page's WebSocket has a path of this server")
            return target, protocols
    raise ValueError("a page says to which path its WebSocket goes")


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


async def carry_outward(inner: ClientConnection, wire: ServerConnection) -> None:
    """Carry what the server sends."""
    with suppress(ConnectionClosed):
        async for message in inner:
            await wire.send("t" + message if isinstance(message, str) else message)


async def carry_inward(
    first: asyncio.Future[Any], wire: ServerConnection, inner: ClientConnection
) -> None:
    """Carry what the page sends; its leaving is a browser's going away.

    Raises:
        ValueError: The page sends what no page does.

    """
    try:
        message = await first
        while True:
            if isinstance(message, bytes):
                await inner.send(message)
            elif message[:1] == "t":
                await inner.send(message[1:])
            else:
                code, reason = as_close(message)
                async with inner.send_context():
                    inner.protocol.send_close(code, reason)
            message = await wire.recv()
    except ConnectionClosed:
        await inner.close(GOING_AWAY)


def as_close(message: str) -> tuple[int | None, str]:
    """Return the code and the reason with which a page closes.

    Raises:
        ValueError: No page closes so.

    """
    if message[:1] == "c":
        match json.loads(message[1:]):
            case {"code": None, "reason": ""}:
                return None, ""
            case {"code": int(code), "reason": str(reason)} if (
                code == 1000 or 3000 <= code <= 4999
            ) and len(reason.encode()) <= 123:
                return code, reason
    raise ValueError("a page closes with 1000, or with 3000 to 4999, and a short reason")


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

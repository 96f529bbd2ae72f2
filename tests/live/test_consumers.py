"""A connection learns which consumer runs for it."""

from __future__ import annotations

import asyncio
import inspect
from types import SimpleNamespace
from typing import Any

from asgiref.sync import iscoroutinefunction
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from server.live.consumers import note_consumers
from server.live.current_connection import current_connection


class Stops(AsyncConsumer):
    """Ends at once."""

    async def websocket_connect(self, event: dict[str, Any]) -> None:
        raise StopConsumer


async def run() -> None:
    """Run a consumer."""

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    await Stops.as_asgi()({"type": "websocket"}, receive, None)


def test_the_consumer_is_noted() -> None:
    """The current connection has the consumer itself."""
    connection: Any = SimpleNamespace(consumer=None)

    async def main() -> None:
        current_connection.set(connection)
        await run()

    asyncio.run(main())
    assert isinstance(connection.consumer, Stops)


def test_a_consumer_without_a_connection() -> None:
    """Elsewhere, a consumer runs as if nothing had been wrapped."""
    assert current_connection.get() is None
    asyncio.run(run())


def test_wrapping_twice_is_wrapping_once() -> None:
    """However often it is asked for, there is one wrapper, and it looks like what it wraps."""
    before = AsyncConsumer.__call__
    note_consumers()
    assert AsyncConsumer.__call__ is before
    assert not hasattr(before.__wrapped__, "__wrapped__")
    assert iscoroutinefunction(before)
    assert "await_many_dispatch" in inspect.getsource(before)


def test_it_is_in_no_traceback() -> None:
    """What a consumer raises comes from Channels' own lines."""

    class Fails(AsyncConsumer):
        async def websocket_connect(self, event: dict[str, Any]) -> None:
            raise ValueError("no")

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    try:
        asyncio.run(Fails.as_asgi()({"type": "websocket"}, receive, None))
    except ValueError as error:
        names = []
        traceback = error.__traceback__
        while traceback is not None:
            names.append(traceback.tb_frame.f_code.co_name)
            traceback = traceback.tb_next
    assert "__call__" in names
    assert "note" not in names

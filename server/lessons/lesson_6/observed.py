"""Around a consumer that is judged: it holds it to the rules, and says when it rests.

A check copies this file into the project of an answer. What is found stands in the server's log.

"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db.models.sql.compiler import SQLCompiler

__all__ = ["OVER", "QUIET", "READS_FIRST", "RESTS", "STAYS", "UNANSWERED", "observed"]

RESTS = "(rests)"
"""What the client is sent when a handler has ended, and all that it sends is sent."""

QUIET = "(is quiet) "
"""What the client is sent when nothing more is on its way to it either; with the number of events
that have been handled."""

OVER = "(is over)"
"""What is in the log when a consumer has ended, without an exception."""

UNANSWERED = 504
"""The status of a refusal where connect has ended and has neither accepted nor closed."""

READS_FIRST = "messages are read while nobody is in a group"
"""What is in the log where a query came before the first group_add of its process."""

STAYS = "nobody is here, and somebody is in a group"
"""What is in the log where the last consumer of its process has ended and a channel is left."""

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

observers: ContextVar[Observer] = ContextVar("observers")
"""The observer of the consumer that runs."""


def observed(application: Application) -> Application:
    """Return an application that passes everything on, and watches."""
    watch_reads()
    watch_layer()
    here: list[Observer] = []

    async def around(scope: Message, receive: Receive, send: Send) -> None:
        observer = Observer(receive, send, scope.get("client"))
        observers.set(observer)
        here.append(observer)
        try:
            await application(scope, *observer.ends())
            observer.note(OVER)
        finally:
            here.remove(observer)
            if not here and any(groups().values()):
                print(STAYS, flush=True)

    return around


def groups() -> dict[str, Any]:
    """Return the members of each group of this process; a layer of several has none of its own."""
    found: dict[str, Any] = getattr(get_channel_layer(), "groups", {})
    return found


class Observer:
    """What one consumer has done so far.

    A consumer asks for the next event when the handler of the last one has ended.

    """

    def __init__(self, receive: Receive, send: Send, client: Any) -> None:
        self.receive = receive
        self.send = send
        self.client = client
        self.events = 0
        self.state = "asked"
        self.others = asyncio.all_tasks()
        """What ran before it, and is none of its doing."""
        self.waits: dict[str, asyncio.Task[Any] | None] = {}
        """In which tasks it waits: for its client, for the layer."""
        self.is_empty: Callable[[], bool] = lambda: False
        """Whether nothing lies in its channel, which is known once it waits for it."""

    def ends(self) -> tuple[Receive, Send]:
        """Return what the consumer is given."""
        return self.pass_event, self.pass_message

    async def pass_event(self) -> Message:
        """Give the consumer an event, and first tell the client that the last one is done."""
        if self.events and self.state == "asked":
            self.state = "closed"
            start = {"type": "websocket.http.response.start", "status": UNANSWERED, "headers": []}
            await self.send(start)
            await self.send({"type": "websocket.http.response.body", "body": b""})
        elif self.events and self.state == "open":
            await self.send({"type": "websocket.send", "text": RESTS})
        self.waits["client"] = asyncio.current_task()
        await self.tell_quiet()
        event = await self.receive()
        del self.waits["client"]
        self.events += 1
        if event["type"] == "websocket.disconnect":
            self.state = "left"
        return event

    async def pass_event_of_layer(self, receive: Receive, is_empty: Callable[[], bool]) -> Message:
        """Give the consumer an event of its channel."""
        self.waits["layer"] = asyncio.current_task()
        self.is_empty = is_empty
        await self.tell_quiet()
        event = await receive()
        del self.waits["layer"]
        return event

    def note(self, text: str) -> None:
        """Write to the log, after all that the consumer has led to so far."""
        if self.client is not None:
            print(f"{text} {self.client[1]}", flush=True)

    async def tell_quiet(self) -> None:
        """Tell the client that nothing more comes by itself, where that is certain.

        It is where the consumer waits for its client and for its channel, which is empty, and has
        left no task behind.

        """
        if self.state != "open" or len(self.waits) < 2 or not self.is_empty():
            return
        if asyncio.all_tasks() <= {*self.others, *self.waits.values()}:
            self.note(f"{QUIET}{self.events}")
            await self.send({"type": "websocket.send", "text": f"{QUIET}{self.events}"})

    async def pass_message(self, message: Message) -> None:
        """Pass a message on, as long as the connection is one.

        A server only notices a message after the close when the client is slow to leave.

        """
        if self.state == "closed":
            raise RuntimeError(
                f"Unexpected ASGI message '{message['type']}', after sending 'websocket.close'."
            )
        if message["type"] == "websocket.accept":
            self.state = "open"
        elif message["type"] == "websocket.close":
            self.state = "closed"
        await self.send(message)


def watch_reads() -> None:
    """Note in the log where messages are read before anybody has joined a group."""
    compilers: Any = SQLCompiler
    read = compilers.execute_sql

    def watched(compiler: Any, *args: Any, **options: Any) -> Any:
        if compiler.query.model.__name__ == "Message" and not any(groups().values()):
            print(READS_FIRST, flush=True)
        return read(compiler, *args, **options)

    compilers.execute_sql = watched


def watch_layer() -> None:
    """Let observers know when their consumers wait for a layer of this process."""
    layers: Any = InMemoryChannelLayer
    receive: Callable[[Any, str], Awaitable[Message]] = layers.receive

    async def watched(layer: Any, channel: str) -> Message:
        def is_empty() -> bool:
            queue = layer.channels.get(channel)
            return queue is None or queue.empty()

        observer = observers.get(None)
        if observer is None:  # it is no consumer who asks
            return await receive(layer, channel)
        return await observer.pass_event_of_layer(lambda: receive(layer, channel), is_empty)

    layers.receive = watched

"""Around a consumer that is judged: it holds it to the rules, and says when it rests.

A check copies this file into the project of an answer. What is found stands in the server's log.

"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import get_channel_layer
from django.db.models.sql.compiler import SQLCompiler

__all__ = ["READS_FIRST", "RESTS", "STAYS", "UNANSWERED", "observed"]

RESTS = "(rests)"
"""What the client is sent when a handler has ended, and all that it sends is sent."""

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


def observed(application: Application) -> Application:
    """Return an application that passes everything on, and watches."""
    watch_reads()
    here: list[Observer] = []

    async def around(scope: Message, receive: Receive, send: Send) -> None:
        observer = Observer(receive, send)
        here.append(observer)
        try:
            await application(scope, *observer.ends())
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

    def __init__(self, receive: Receive, send: Send) -> None:
        self.receive = receive
        self.send = send
        self.events = 0
        self.state = "asked"

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
        self.events += 1
        event = await self.receive()
        if event["type"] == "websocket.disconnect":
            self.state = "left"
        return event

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

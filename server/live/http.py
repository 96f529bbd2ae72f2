"""HTTP requests that an application answers: what it is asked and answers goes to the record.

``websockets`` reads requests without a body and sends a response in one piece. What does not fit in
there is refused in a sentence: a body, and a stream that is to be sent bit by bit.

"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Any

from asgiref.typing import ASGI3Application
from channels.consumer import AsyncConsumer
from websockets.http11 import Request, Response

from .asgi import readable
from .current_connection import Stream, current_connection
from .failure import capture
from .files import run_http, text_response
from .notes import on_connect
from .output import Lines
from .record import Answered, Failed, Note, Printed, Record, Requested

__all__ = ["HttpExchange", "StreamRefused"]

PATIENCE = 10.0
"""Seconds that an application may take to answer a request."""

NO_STREAMS = (
    "The live server sends a response in one piece, and a stream of events has no end. "
    "Under uvicorn or daphne the same consumer streams."
)


class StreamRefused(RuntimeError):
    """The application begins a response that cannot be sent in one piece."""


class HttpExchange:
    """One request, and one run of the application that answers it.

    Args:
        record: Where to write what happens.
        number: The number of the connection in the record.
        context: The context in which the application runs.

    """

    def __init__(self, record: Record, number: int, context: Context) -> None:
        self.record = record
        self.number = number
        self.context = context
        self.consumer: AsyncConsumer | None = None
        self.lines: dict[Stream, Lines] = {}
        context.run(current_connection.set, self)

    def add(self, what: Any, event: Any = None) -> None:
        """Write to the record."""
        self.record.add(self.number, what, event)

    def print(self, text: str, stream: Stream) -> None:
        """Take what the application prints."""
        if stream not in self.lines:
            self.lines[stream] = Lines(lambda line: self.add(Printed(line, stream)))
        self.lines[stream].write(text)

    @property
    def sync_event(self) -> None:
        """No sync consumer answers HTTP."""

    async def answer(
        self,
        app: ASGI3Application,
        request: Request,
        client: tuple[str, int] | None,
        server: tuple[str, int] | None,
    ) -> Response:
        """Run the application for a request, and return its response or one that says why not."""
        target = readable(request.path)
        self.add(Requested(request.method, target), {"type": "http.request"})

        async def observed(scope: Any, receive: Any, send: Any) -> None:
            async def take() -> Any:
                on_connect(self)
                return await receive()

            async def give(message: Any) -> None:
                if is_event_stream(message):
                    raise StreamRefused(NO_STREAMS)
                await send(message)

            await app(scope, take, give)

        task = asyncio.get_running_loop().create_task(
            run_http(observed, request, client, server), context=self.context
        )
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=1.0)
            why = f"The application has not finished its response within {PATIENCE:g} s."
            self.add(Note(f"{why} {NO_STREAMS}"))
            found = text_response(500, why)
        elif task.cancelled():
            found = text_response(500, "The application was cancelled.")
        elif (exc := task.exception()) is not None:
            self.add(Failed(capture(exc)))
            found = (
                text_response(501, str(exc))
                if isinstance(exc, StreamRefused)
                else text_response(500, "The application raised an exception.")
            )
        else:
            found = task.result()
        for lines in self.lines.values():
            lines.flush()
        name = type(self.consumer).__name__ if self.consumer is not None else None
        self.add(
            Answered(name, found.status_code, len(found.body or b"")),
            {"type": "http.response.start"},
        )
        return found


def is_event_stream(message: Any) -> bool:
    """Tell whether a message begins a stream of server-sent events."""
    return message.get("type") == "http.response.start" and any(
        bytes(name).lower() == b"content-type" and bytes(value).startswith(b"text/event-stream")
        for name, value in message.get("headers") or ()
    )

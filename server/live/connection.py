"""One WebSocket connection and one run of an ASGI application, joined.

``websockets`` does the protocol; :class:`server.asgi.Exchange` says what the application may
send when; this module moves messages between the two, without a queue of its own: the
application's ``receive()`` is the connection's ``take()``.

"""

from __future__ import annotations

import asyncio
import base64
import re
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextvars import Context
from dataclasses import dataclass
from traceback import TracebackException
from types import FrameType, coroutine
from typing import Any, Literal, NamedTuple, TypeAlias

from asgiref.typing import ASGI3Application
from channels.consumer import AsyncConsumer, SyncConsumer
from websockets.datastructures import Headers
from websockets.exceptions import ConcurrencyError, ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State as WireState

from .asgi import (
    Accept,
    ClientDisconnected,
    Close,
    Deny,
    Exchange,
    Message,
    State,
    connect_event,
    disconnect_event,
    message_type,
    readable,
    reason_phrase,
    receive_event,
    websocket_scope,
)
from .layer import handled
from .output import Lines, Stream, printer
from .record import (
    Accepted,
    Closed,
    Connecting,
    Disconnected,
    Failed,
    Note,
    Printed,
    Record,
    Refused,
    Span,
    Undelivered,
)
from .wire import Wire

__all__ = ["Bridge", "Holds", "Limits", "address", "header", "wants_websocket"]

Verdict: TypeAlias = Accept | Deny


@dataclass(frozen=True)
class Limits:
    """How long, in seconds, and how large things may get."""

    handshake_timeout: float = 5.0
    """For the application to accept or refuse; daphne takes as long."""

    grace: float = 2.0
    """For the application to end after ``websocket.disconnect``; daphne takes 10 s."""

    busy_timeout: float = 10.0
    """For a handler that still runs when its client has left, before it is cancelled."""

    close_timeout: float = 5.0
    """For the other side to answer a close frame."""

    request_timeout: float = 10.0
    """For a client to send its request, once it has connected."""

    max_size: int = 2**20
    """Bytes of the largest message; beyond it the connection is closed with 1009."""


class Hold(NamedTuple):
    """A stretch of time in which one connection's handler kept the event loop from turning."""

    number: int
    start: float
    end: float


Holds: TypeAlias = deque[Hold]

KILLED = 1.0
"""Seconds for a cancelled application to end; one that works in a thread may not."""

HOLD = 0.1
"""Seconds from which a step of an application counts as holding up the event loop; on a busy
machine, a step that does not block may well take a tenth of that."""


def own_work(span: Span, holds: Iterable[Hold]) -> list[Span]:
    """Return a stretch of work, or, where the handler held the event loop in it, those holds.

    What it did besides was to wait: for the loop, which other handlers may have held. To accept
    or to see off a client takes no time but such a wait.

    """
    within = [hold for hold in holds if span.start < hold.end and hold.start < span.end]
    own = [
        span._replace(start=hold.start, end=hold.end)
        for hold in within
        if hold.number == span.connection
    ]
    if own or (within and span.label != "websocket.receive"):
        return own
    return [span]


@coroutine
def in_steps(
    awaitable: Awaitable[None], held: Callable[[float, float], None]
) -> Generator[Any, Any, None]:
    """Await something, and time its steps between one wait and the next.

    Args:
        awaitable: What to await.
        held: Told the start and the end of a step that took :data:`HOLD` or longer.

    """
    steps = awaitable.__await__()
    step: Callable[[Any], Any] = steps.send
    value: Any = None
    while True:
        start = time.perf_counter()
        try:
            waited = step(value)
        except StopIteration:
            return
        finally:
            end = time.perf_counter()
            if end - start >= HOLD:
                held(start, end)
        try:
            value = yield waited
            step = steps.send
        except BaseException as exc:
            value = exc
            step = steps.throw


NO_HEADERS = Headers()


class Bridge:
    """Joins one connection to one run of an application.

    Args:
        wire: The connection.
        app: The application.
        record: Where to write what happens.
        number: The connection's number in the record.
        limits: Bounds.
        context: Context in which the application runs.
        holds: Where to write down that the application has held up the event loop.
        bridges: The bridges of the server; this one adds and, in the end, removes itself.

    """

    def __init__(
        self,
        wire: Wire,
        app: ASGI3Application,
        record: Record,
        number: int,
        limits: Limits,
        context: Context,
        holds: Holds,
        bridges: set[Bridge],
    ) -> None:
        self.wire = wire
        self.app = app
        self.record = record
        self.number = number
        self.limits = limits
        self.context = context
        self.holds = holds
        self.bridges = bridges
        bridges.add(self)
        loop = asyncio.get_running_loop()

        # Handshake
        self.exchange = Exchange()
        self.verdict: asyncio.Future[Verdict] = loop.create_future()
        self.opened: asyncio.Future[bool] = loop.create_future()
        """Whether the handshake has completed; ``False``: it never will."""

        # Application
        self.task: asyncio.Task[None] | None = None
        self.running: Awaitable[None] | None = None
        self.failed = False
        self.consumer: AsyncConsumer | None = None
        self.looked_for_consumer = False
        self.connect_delivered = False
        self.disconnect_delivered = False
        self.delivery: asyncio.Future[None] | None = None
        """What waits for that."""
        self.busy: tuple[str, float] | None = None
        """Type of the event in hand, and when the application took it."""
        self.layer_busy: tuple[str, float] | None = None
        """The same for a message of the channel layer: each waits until the other is handled."""
        self.idle_since = 0.0
        """When a handler ended last."""

        # Closing
        self.closing: asyncio.Task[None] | None = None
        self.draining: asyncio.Task[None] | None = None
        self.ending: asyncio.Task[None] | None = None
        self.leaving: asyncio.Future[None] = loop.create_future()
        """The application has ended, or the TCP connection is gone."""
        self.end_recorded = False
        self.finished = False
        """Both the connection and the application have ended, and the record says so."""
        self.finish: asyncio.Future[None] | None = None
        """What waits for that."""

        # Prints
        self.lines: dict[Stream, Lines] = {}
        """Of each stream that the application has printed to."""

    # Record

    def add(self, what: Any, event: Message | None = None) -> None:
        """Write to the record."""
        self.record.add(self.number, what, event)

    def print(self, text: str, stream: Stream) -> None:
        """Take what the application prints; see :class:`server.output.Printer`."""
        if stream not in self.lines:
            self.lines.setdefault(stream, Lines(lambda line: self.add(Printed(line, stream))))
        self.lines[stream].write(text)

    # Handshake

    async def handshake(self, request: Request) -> Response | None:
        """Run the application until it accepts or refuses; return a response that refuses."""
        scope = websocket_scope(
            target=request.path,
            headers=request.headers.raw_items(),
            client=address(self.wire.remote_address),
            server=address(self.wire.local_address),
            http_version=request.protocol.removeprefix("HTTP/"),
        )
        self.exchange.offered = tuple(scope["subprotocols"])
        self.context.run(printer.set, self)
        self.task = asyncio.get_running_loop().create_task(self.run(scope), context=self.context)
        origin = header(request, "Origin")
        self.add(
            Connecting(readable(request.path), None if origin is None else readable(origin)),
            connect_event(),
        )
        waiters: set[asyncio.Future[Any]] = {self.verdict, self.wire.connection_lost_waiter}
        await asyncio.wait(
            waiters,
            timeout=self.limits.handshake_timeout,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not self.verdict.done():
            if self.wire.connection_lost_waiter.done():
                # Nobody is there to read it.
                return http_response(Deny(500, (), b""))
            self.never_answered()
        verdict = self.verdict.result()
        return None if isinstance(verdict, Accept) else http_response(verdict)

    def never_answered(self) -> None:
        """Refuse a handshake that the application leaves without an answer."""
        consumer = self.find_consumer()
        if consumer is None:
            who = "The application"
        else:
            who = "connect()" if hasattr(consumer, "connect") else "websocket_connect"
        self.refuse(
            500,
            f"{who} has neither accepted nor closed the connection within "
            f"{self.limits.handshake_timeout:g} s.",
        )
        assert self.task is not None
        self.task.cancel()

    @property
    def accepted(self) -> Accept:
        """What the application has accepted with."""
        verdict = self.verdict.result()
        assert isinstance(verdict, Accept)
        return verdict

    def find_consumer(self) -> AsyncConsumer | None:
        """Return the consumer that the application is, or that it has led to."""
        if self.consumer is None and not self.looked_for_consumer:
            self.consumer = find_consumer(self.running)
            # Once it has answered the handshake, it will not become a consumer any more.
            self.looked_for_consumer = self.exchange.state is not State.CONNECTING
        return self.consumer

    def consumer_name(self) -> str | None:
        """Return the name of the consumer's class, as the record has it."""
        consumer = self.find_consumer()
        return type(consumer).__name__ if consumer is not None else None

    # The application's side

    async def run(self, scope: dict[str, Any]) -> None:
        """Run the application and write down how it ended."""
        try:
            running: Any = self.app(scope, self.receive, self.send)  # type: ignore[arg-type]
            if not isinstance(running, Awaitable):
                raise TypeError(f"The application returned {running!r}: write async def.")
            self.running = running
            await in_steps(running, self.held)
        except asyncio.CancelledError:
            self.ended()
            self.refuse(500, "The consumer was cancelled before it answered.")
            raise
        except ClientDisconnected:
            self.ended()
            self.add(
                Note(
                    "The consumer sent something after its client had left. That ends it, and "
                    "websocket_disconnect does not run."
                )
            )
        except BaseException as exc:
            # SystemExit and KeyboardInterrupt too: one consumer must not end the server.
            self.ended()
            self.failed = True
            self.add(Failed(TracebackException.from_exception(exc), handled(self, exc)))
            who = "consumer" if self.find_consumer() is not None else "application"
            self.refuse(500, f"The {who} raised an exception before it answered.")
        else:
            self.ended()
            self.refuse(500, "ASGI callable returned without completing handshake.")

    def ended(self) -> None:
        """Note that the application has come to its end."""
        self.idle()
        self.idle_layer()
        self.flush_prints()

    def flush_prints(self) -> None:
        """Write down what has been printed without a line break after it."""
        for lines in list(self.lines.values()):
            if lines.rests:
                lines.flush()

    def refuse(self, status: int, why: str) -> None:
        """Refuse the handshake in place of an application that has ended, if it is pending."""
        if not self.verdict.done() and not self.wire.connection_lost_waiter.done():
            self.add(Refused("server", status, why, self.consumer_name()))
            self.end_recorded = True
            self.verdict.set_result(Deny(status, (), f"{why}\n".encode()))

    async def receive(self) -> dict[str, Any]:
        """Return the application's next event; its ``receive``."""
        self.idle()
        if not self.connect_delivered:
            self.connect_delivered = True
            # Now, while it waits for this: after an exception there is nothing left to find.
            self.find_consumer()
            return self.deliver(connect_event())
        if not self.opened.done():
            await asyncio.shield(self.opened)
        if self.opened.result():
            try:
                while True:
                    data = await self.wire.take()
                    if self.closing is None:
                        break
                    self.add(Undelivered(data))
            except ConnectionClosed:
                pass
            except ConcurrencyError:
                if self.closing is None:
                    raise RuntimeError("receive() runs already: await one at a time") from None
                # drain() reads already.
                await asyncio.shield(self.wire.connection_lost_waiter)
            except asyncio.CancelledError:
                if self.closing is not None:
                    # drain() has left the reading to this one, which gives it back.
                    self.start_draining()
                raise
            else:
                event = receive_event(data)
                self.record.add_message(self.number, "received", data)
                return self.deliver(event)
        if self.disconnect_delivered:
            # A second disconnect would run the handler twice. Block, as daphne does.
            await asyncio.get_running_loop().create_future()
        self.disconnect_delivered = True
        if self.delivery is not None and not self.delivery.done():
            self.delivery.set_result(None)
        _, code, reason = self.how_it_ended()
        event = disconnect_event(code, reason)
        self.record_end(event)
        return self.deliver(event)

    def deliver(self, event: dict[str, Any]) -> dict[str, Any]:
        """Hand an event to the application, which is busy from now on."""
        self.busy = event["type"], time.perf_counter()
        return event

    def deliver_layer(self, message: dict[str, Any]) -> None:
        """Note that the application has taken a message of the channel layer."""
        self.layer_busy = str(message.get("type")), time.perf_counter()

    def idle_layer(self) -> None:
        """Note that the application has finished a message of the channel layer."""
        busy, self.layer_busy = self.layer_busy, None
        self.finished_handler(busy)

    def idle(self) -> None:
        """Note that the application has finished what it had in hand."""
        busy, self.busy = self.busy, None
        self.finished_handler(busy)

    def finished_handler(self, busy: tuple[str, float] | None) -> None:
        """Write down for how long a handler has worked."""
        if busy is None:
            return
        label, start = busy
        # Until then, the handler of another message kept this one waiting.
        start = max(start, self.idle_since)
        self.idle_since = end = time.perf_counter()
        if self.lines:
            self.flush_prints()
        # A sync consumer works in a thread, which keeps the time itself.
        if self.is_sync():
            return
        if self.holds and self.holds[-1].end > start:
            for part in own_work(Span(self.number, "working", label, start, end), self.holds):
                self.record.add_span(*part)
        else:
            self.record.add_span(self.number, "working", label, start, end)

    def held(self, start: float, end: float) -> None:
        """Note that the application has kept the event loop from turning."""
        self.holds.append(Hold(self.number, start, end))

    def is_sync(self) -> bool:
        """Tell whether the application is a consumer that works in the shared thread."""
        return isinstance(self.find_consumer(), SyncConsumer)

    async def send(self, message: Message) -> None:
        """Take a message from the application; its ``send``."""
        if self.exchange.state is not State.OPEN or self.wire.state is not WireState.OPEN:
            await self.check_open(message)
        match self.exchange.receive(message):
            case str() | bytes() as payload:
                is_text = isinstance(payload, str)
                # Encoded first: some strings cannot be, and then nothing is sent.
                data = payload.encode() if isinstance(payload, str) else payload
                # Recorded first: the client may answer before the line after it runs.
                event = None if is_bare(message, payload) else message
                self.record.add_message(self.number, "sent", payload, event)
                self.wire.write(data, is_text)
                if self.wire.paused or self.wire.transport.is_closing():
                    try:
                        await self.wire.drain()
                    except OSError:
                        raise ClientDisconnected("the client has left") from None
            case Accept() as verdict:
                self.accept(verdict, message)
                # Not before the 101 is on its way: what follows could overtake it.
                if not await asyncio.shield(self.opened):
                    raise ClientDisconnected("the client left during the handshake")
            case Deny() as verdict:
                if not self.verdict.done():
                    why = verdict.body.decode("utf-8", "replace").strip()
                    self.add(
                        Refused("consumer", verdict.status, why, self.consumer_name()), message
                    )
                    self.end_recorded = True
                    self.verdict.set_result(verdict)
                    # The disconnect follows at once, whenever the client lets go of TCP.
                    self.opened.set_result(False)
            case Close(code, reason):
                if self.wire.state is WireState.OPEN:
                    self.add(Closed("consumer", code, reason), message)
                    self.start_closing(code, reason)

    async def check_open(self, message: Message) -> None:
        """Raise :exc:`ClientDisconnected` if the client, not the application, has ended it."""
        if self.exchange.state is State.OPEN and self.closing is None:
            if not self.opened.done():
                await asyncio.shield(self.opened)
            left = not self.opened.result() or self.wire.state is not WireState.OPEN
            # To close what is closed already is no failure: both sides may do it at once.
            if left and message_type(message) != "websocket.close":
                raise ClientDisconnected("the client has left")
        elif (
            self.exchange.state in (State.CONNECTING, State.DENYING)
            and self.wire.connection_lost_waiter.done()
        ):
            raise ClientDisconnected("the client left during the handshake")

    def accept(self, verdict: Accept, message: Message) -> None:
        """Accept the handshake."""
        if not self.verdict.done():
            self.add(Accepted(self.consumer_name(), verdict.subprotocol), message)
            chosen = verdict.subprotocol
            if chosen is not None and chosen not in self.exchange.offered:
                self.add(
                    Note(
                        f"The client did not offer the subprotocol {chosen!r}; "
                        f"a browser closes such a connection."
                    )
                )
            self.verdict.set_result(verdict)

    # The connection's side

    async def serve(self) -> None:
        """Stay with an open connection until both it and the application have ended."""
        self.opened.set_result(True)
        # Nobody reads these again, and there may be many connections.
        self.wire.response = None
        assert self.wire.request is not None
        self.wire.request.headers = NO_HEADERS
        assert self.task is not None
        lost = self.wire.connection_lost_waiter
        # One future instead of asyncio.wait(), whose sets and callbacks each connection would keep.
        self.task.add_done_callback(self.leave)
        await self.leaving
        if self.task.done() and not lost.done() and self.closing is None:
            self.close_for_application()
        if self.closing is not None:
            await asyncio.wait({self.closing})
        await self.end()

    async def end(self) -> None:
        """Wait for the application to end, and write down how the connection did."""
        await self.see_off()
        if self.opened.result():
            # What still lies there is what the application did not take.
            await self.drain()
        self.record_end(None)
        self.bridges.discard(self)
        self.finished = True
        if self.finish is not None:
            self.finish.set_result(None)

    def close_for_application(self) -> None:
        """Close the connection of an application that has ended without doing so."""
        if self.wire.state is not WireState.OPEN:
            return
        if self.failed:
            code = 1011
        else:
            code = 1000
            self.add(Note("The application returned while the connection was open."))
        self.add(Closed("server", code, ""))
        self.start_closing(code, "")

    def start_closing(self, code: int, reason: str) -> None:
        """Send a close frame, and do not make the application wait for the answer to it."""
        self.closing = asyncio.get_running_loop().create_task(self.wire.close(code, reason))
        self.start_draining()

    def start_draining(self) -> None:
        """Read on until the close frame of the other side arrives.

        Unread messages would otherwise fill the connection's queue, and the close frame behind
        them would never be seen (websockets#1555).

        """
        self.draining = asyncio.get_running_loop().create_task(self.drain())

    async def drain(self) -> None:
        """Take the messages that the application does not take."""
        try:
            while True:
                self.add(Undelivered(await self.wire.take()))
        except (ConnectionClosed, ConcurrencyError):
            # The end; or the application reads, in receive(), and drops what it gets.
            pass

    async def see_off(self) -> None:
        """Wait for the application to end after its client has left, but not for ever."""
        assert self.task is not None
        if not self.task.done() and not self.disconnect_delivered:
            self.delivery = asyncio.get_running_loop().create_future()
            await asyncio.wait(
                {self.task, self.delivery},
                timeout=self.limits.busy_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        if not self.task.done() and self.disconnect_delivered:
            await asyncio.wait({self.task}, timeout=self.limits.grace)
        if not self.task.done():
            self.kill()
            # What it prints on its way out belongs to the record as well.
            await asyncio.wait({self.task}, timeout=KILLED)

    def kill(self) -> None:
        """Cancel an application that does not end."""
        assert self.task is not None
        if self.disconnect_delivered:
            self.add(
                Note(
                    f"The consumer took too long to shut down and was killed, "
                    f"{self.limits.grace:g} s after websocket.disconnect. "
                    f"A consumer ends with raise StopConsumer() in websocket_disconnect."
                )
            )
        else:
            self.add(
                Note(
                    f"A handler still ran {self.limits.busy_timeout:g} s after its client "
                    f"had left, and was cancelled."
                )
            )
        self.task.cancel()

    def leave(self, task: asyncio.Task[None] | None = None) -> None:
        """Note that one of the two has come to its end."""
        if not self.leaving.done():
            self.leaving.set_result(None)

    def lost(self) -> None:
        """Note that the TCP connection is gone."""
        self.leave()
        if not self.opened.done():
            self.opened.set_result(False)
        if not self.opened.result():
            # No handler runs for a handshake that fails, so nobody else waits for the end.
            self.ending = asyncio.get_running_loop().create_task(self.end())

    # How it ended

    def how_it_ended(
        self,
    ) -> tuple[Literal["client", "consumer", "server", "network"], int, str]:
        """Return who ended the connection, with which code and reason.

        ``Connection.close_code`` is 1006 after the server itself has failed a connection; the
        frames that crossed the wire say more.

        """
        protocol = self.wire.protocol
        received, sent = protocol.close_rcvd, protocol.close_sent
        closed_by_consumer = self.exchange.state is State.CLOSED
        if closed_by_consumer and sent is not None and not protocol.close_rcvd_then_sent:
            return "consumer", int(sent.code), sent.reason
        if received is not None and (protocol.close_rcvd_then_sent or sent is None):
            return "client", int(received.code), received.reason
        if sent is not None:
            return "server", int(sent.code), sent.reason
        if self.exchange.state is State.DENIED:
            return "consumer", 1006, ""
        return "network", 1006, ""

    def record_end(self, event: Message | None) -> None:
        """Write down, once, that the connection has ended."""
        if self.end_recorded and event is None:
            return
        by, code, reason = self.how_it_ended()
        if by == "server" and self.closing is None and not self.end_recorded:
            # The library has failed the connection: too large a message, a broken frame.
            self.add(Closed("server", code, reason))
        self.end_recorded = True
        if event is not None or by in ("client", "network"):
            self.add(Disconnected(by, code, reason), event)

    # What a reader waits for

    def when_finished(self) -> asyncio.Future[None]:
        """Return what is done once the bridge has finished, which it has not yet."""
        self.finish = self.finish or asyncio.get_running_loop().create_future()
        return self.finish

    def unsettled(self) -> bool:
        """Tell whether the connection is on its way out and not yet finished."""
        return not self.finished and (
            self.closing is not None
            or self.wire.state in (WireState.CLOSING, WireState.CLOSED)
            or (self.verdict.done() and isinstance(self.verdict.result(), Deny))
        )


def is_bare(message: Message, payload: str | bytes) -> bool:
    """Tell whether a message to send says nothing that its type and its payload do not."""
    return len(message) == 2 and (message.get("text") is payload or message.get("bytes") is payload)


CALL = AsyncConsumer.__call__.__code__
"""What every consumer runs. Only its frame is looked into: to look costs memory, for as long as the
frame lasts."""


def find_consumer(awaited: Any) -> AsyncConsumer | None:
    """Return the consumer that a coroutine runs, below routers and middleware, if there is one.

    While it runs, the consumer is on the stack of whoever asks; while it waits, each coroutine
    names the one that it awaits.

    """
    found: AsyncConsumer | None = None
    while awaited is not None:
        if getattr(awaited, "cr_code", None) is CALL and awaited.cr_frame is not None:
            found = awaited.cr_frame.f_locals["self"]
        awaited = getattr(awaited, "cr_await", None)
    frame: FrameType | None = sys._getframe(1) if found is None else None
    while frame is not None and found is None:
        if frame.f_code is CALL:
            found = frame.f_locals["self"]
        frame = frame.f_back
    return found


def wants_websocket(request: Request) -> bool:
    """Tell whether a request is a WebSocket handshake that can succeed (RFC 6455, 4.2.1).

    The library answers all others with the status that says what is wrong.

    """
    return (
        request.method == "GET"
        and request.protocol == "HTTP/1.1"
        and (header(request, "Upgrade") or "").strip().lower() == "websocket"
        and "upgrade" in re.split(r"[,\s]+", (header(request, "Connection") or "").lower())
        and header(request, "Sec-WebSocket-Version") == "13"
        and is_key(header(request, "Sec-WebSocket-Key") or "")
    )


def is_key(value: str) -> bool:
    """Tell whether a value is the base64 of 16 bytes."""
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except ValueError:
        return False


def header(request: Request, name: str) -> str | None:
    """Return a header's value; several values are joined, so that none can hide."""
    values = request.headers.get_all(name)
    return ", ".join(values) if values else None


def http_response(deny: Deny) -> Response:
    """Turn a refusal into a response of ``websockets``."""
    headers = Headers(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in deny.headers
        if name not in (b"connection", b"content-length")
    )
    headers["Connection"] = "close"
    headers["Content-Length"] = str(len(deny.body))
    if deny.body and "Content-Type" not in headers:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    return Response(deny.status, reason_phrase(deny.status), headers, deny.body)


def address(pair: Any) -> tuple[str, int] | None:
    """Return host and port of a socket's address, whatever its family."""
    return (str(pair[0]), int(pair[1])) if pair else None

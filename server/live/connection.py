"""One WebSocket connection and one run of an ASGI application, joined.

``websockets`` does the protocol; :class:`server.live.asgi.Exchange` says what the application may
send when; this module moves messages between the two, without a queue of its own: the
application's ``receive()`` is the connection's ``recv()``.

"""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Awaitable
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from asgiref.typing import ASGI3Application
from channels.consumer import AsyncConsumer, SyncConsumer
from websockets.exceptions import ConcurrencyError, ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import Protocol as WireProtocol
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
    receive_event,
    websocket_scope,
)
from .background import ELSEWHERE, report, send_from_elsewhere
from .consumers import note_consumers
from .current_connection import Stream, current_connection
from .failure import capture
from .handshake import address, header, http_response
from .layer import handled
from .notes import on_connect, on_hold, on_layer_message, on_message, say_once
from .output import Lines
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
    Undelivered,
)
from .waiting import Changes, forever, until_done
from .work import HOLD, Work, in_steps

__all__ = ["Bridge", "Limits", "Owner", "Phase", "Told", "Wire"]

note_consumers()


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


class Phase(enum.Enum):
    """Where a connection stands; the application has :class:`server.live.asgi.State`."""

    CONNECTING = enum.auto()
    """The handshake has no answer yet."""

    ACCEPTED = enum.auto()
    """The application has accepted; the answer is on its way."""

    OPEN = enum.auto()
    """Messages may cross. The client may have left: the wire knows."""

    CLOSING = enum.auto()
    """The application has closed it, or the server in its place."""

    DENIED = enum.auto()
    """The application has refused the handshake."""

    REFUSED = enum.auto()
    """The server has refused it in the application's place."""

    LOST = enum.auto()
    """The client has left, and the connection never was open."""

    FINISHED = enum.auto()
    """The connection and the application have ended, and the record says so."""


NEXT: Final = {
    Phase.CONNECTING: {Phase.ACCEPTED, Phase.DENIED, Phase.REFUSED, Phase.LOST},
    Phase.ACCEPTED: {Phase.OPEN, Phase.LOST},
    Phase.OPEN: {Phase.CLOSING, Phase.FINISHED},
    Phase.CLOSING: {Phase.FINISHED},
    Phase.DENIED: {Phase.FINISHED},
    Phase.REFUSED: {Phase.LOST},
    Phase.LOST: {Phase.FINISHED},
    Phase.FINISHED: set[Phase](),
}
"""What may follow what."""

ANSWERING: Final = (Phase.CONNECTING, Phase.ACCEPTED, Phase.REFUSED)
"""What comes of the handshake is not yet for the application to know."""

FAILED: Final = (Phase.DENIED, Phase.LOST)
"""The handshake has failed."""


class Told(enum.Enum):
    """What the application has been told of the connection's life."""

    NOTHING = enum.auto()
    CONNECT = enum.auto()
    DISCONNECT = enum.auto()


class Wire(Protocol):
    """The client's side, as a bridge sees it: :class:`server.live.wire.Wire` is one."""

    @property
    def remote_address(self) -> Any:
        """The client's address."""

    @property
    def local_address(self) -> Any:
        """The server's address."""

    @property
    def state(self) -> WireState:
        """Where the WebSocket connection stands."""

    @property
    def lost(self) -> bool:
        """Whether the TCP connection is gone."""

    @property
    def congested(self) -> bool:
        """Whether who sends has to await :meth:`drain`."""

    @property
    def protocol(self) -> WireProtocol:
        """The protocol without I/O, which knows the close frames."""

    async def recv(self) -> str | bytes:
        """Return the next message."""

    def write(self, data: bytes, is_text: bool) -> None:
        """Send a message on an open connection."""

    async def drain(self) -> None:
        """Wait until there is room for more."""

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame, and wait for the end of the TCP connection."""

    def see_to_the_end(self) -> None:
        """See to it that the TCP connection ends, if the WebSocket connection is closing."""

    def forget_handshake(self) -> None:
        """Let go of what nobody reads any more."""


class Owner(Protocol):
    """What a bridge asks of the server that it belongs to: :class:`server.live.service.Service`."""

    app: ASGI3Application
    record: Record
    limits: Limits
    work: Work

    def lost(self, bridge: Bridge) -> None:
        """Note that the client of a bridge has left."""

    def finished(self, bridge: Bridge) -> None:
        """Note that a bridge has finished."""


KILLED = 1.0
"""Seconds for a cancelled application to end; one that works in a thread may not."""


class Bridge(Changes):
    """Joins one connection to one run of an application.

    Args:
        wire: The connection.
        owner: The server.
        number: The connection's number in the record.
        context: Context in which the application runs.

    """

    def __init__(self, wire: Wire, owner: Owner, number: int, context: Context) -> None:
        super().__init__()
        self.wire = wire
        self.owner = owner
        self.number = number
        self.context = context
        self.record = owner.record
        self.limits = owner.limits
        self.phase = Phase.CONNECTING
        self.exchange = Exchange()
        self.verdict: Accept | Deny | None = None
        """How the handshake is answered."""

        # Application
        self.task: asyncio.Task[None] | None = None
        self.consumer: AsyncConsumer | None = None
        self.told = Told.NOTHING
        self.failed = False
        """Whether it has raised an exception."""
        self.held_for = 0.0
        """Seconds of steps that were not short, in the event in hand."""
        self.computed_for = 0.0
        """For how many of them the processor worked."""
        self.busy: tuple[str, float] | None = None
        """Type of the event in hand, and when the application took it."""
        self.layer_busy: tuple[str, float] | None = None
        """The same for a message of the channel layer: each waits until the other is handled."""
        self.idle_since = 0.0
        """When a handler ended last."""

        # Tasks that nobody else holds on to
        self.closing: asyncio.Task[None] | None = None
        self.draining: asyncio.Task[None] | None = None
        self.ending: asyncio.Task[None] | None = None

        # Prints
        self.lines: dict[Stream, Lines] = {}
        """Of each stream that the application has printed to."""

    def enter(self, phase: Phase) -> None:
        """Go on to another phase."""
        assert phase in NEXT[self.phase], f"{phase} does not follow {self.phase}"
        self.phase = phase
        self.changed()

    # Record

    def add(self, what: Any, event: Message | None = None) -> None:
        """Write to the record."""
        self.record.add(self.number, what, event)

    def print(self, text: str, stream: Stream) -> None:
        """Take what the application prints; see :mod:`server.live.output`."""
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
        self.context.run(current_connection.set, self)
        self.task = asyncio.get_running_loop().create_task(self.run(scope), context=self.context)
        self.task.add_done_callback(self.changed)
        origin = header(request, "Origin")
        self.add(
            Connecting(readable(request.path), None if origin is None else readable(origin)),
            connect_event(),
        )
        await self.until(lambda: self.phase is not Phase.CONNECTING, self.limits.handshake_timeout)
        if self.phase is Phase.CONNECTING:
            self.never_answered()
        if isinstance(self.verdict, Accept):
            return None
        # Where there is no verdict, nobody is there to read one.
        return http_response(self.verdict or Deny(500, (), b""))

    def never_answered(self) -> None:
        """Refuse a handshake that the application leaves without an answer."""
        if self.consumer is None:
            who = "The application"
        else:
            who = "connect()" if hasattr(self.consumer, "connect") else "websocket_connect"
        still = " It is still at work." if self.busy is not None else ""
        self.refuse(
            500,
            f"{who} has neither accepted nor closed the connection within "
            f"{self.limits.handshake_timeout:g} s.{still}",
        )
        assert self.task is not None
        self.task.cancel()

    @property
    def accepted(self) -> Accept:
        """What the application has accepted with."""
        assert isinstance(self.verdict, Accept)
        return self.verdict

    def consumer_name(self) -> str | None:
        """Return the name of the consumer's class, as the record has it."""
        return type(self.consumer).__name__ if self.consumer is not None else None

    # The application's side

    async def run(self, scope: dict[str, Any]) -> None:
        """Run the application and write down how it ended."""
        try:
            running: Any = self.owner.app(scope, self.receive, self.send)  # type: ignore[arg-type]
            if not isinstance(running, Awaitable):
                raise TypeError(f"The application returned {running!r}: write async def.")
            await in_steps(running, self.held, self.is_over)
        except asyncio.CancelledError:
            self.ended()
            self.refuse(500, "The consumer was cancelled before it answered.")
            raise
        except ClientDisconnected as exc:
            self.ended()
            if exc.connection not in (0, self.number):
                self.sent_to_another(exc)
            elif self.told is Told.DISCONNECT:
                self.add(
                    Note(
                        "The consumer sent something in websocket_disconnect, after its client had "
                        "left. Nobody is there to read it, and the rest of the handler does not "
                        "run."
                    )
                )
            else:
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
            self.add(Failed(capture(exc), handled(self, exc)))
            who = "consumer" if self.consumer is not None else "application"
            self.refuse(500, f"The {who} raised an exception before it answered.")
        else:
            self.ended()
            self.refuse(500, "ASGI callable returned without completing handshake.")

    def sent_to_another(self, exc: ClientDisconnected) -> None:
        """Write down that the consumer has failed to send something to another's client."""
        self.failed = True
        self.add(
            Note(
                f"The consumer of client {self.number} sent something to client "
                f"{exc.connection}, who had left. It did not catch the exception, which ends it."
            )
        )
        self.add(Failed(capture(exc), handled(self, exc)))

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
        if self.phase is Phase.CONNECTING:
            self.add(Refused("server", status, why, self.consumer_name()))
            self.verdict = Deny(status, (), f"{why}\n".encode())
            self.enter(Phase.REFUSED)

    async def receive(self) -> dict[str, Any]:
        """Return the application's next event; its ``receive``."""
        self.idle()
        if self.told is Told.NOTHING:
            self.told = Told.CONNECT
            on_connect(self)
            return self.deliver(connect_event())
        if self.phase in ANSWERING:
            await self.until(lambda: self.phase not in ANSWERING)
        if self.phase not in FAILED:
            try:
                while True:
                    data = await self.wire.recv()
                    if self.phase is Phase.OPEN:
                        break
                    self.add(Undelivered(data))
            except ConnectionClosed:
                pass
            except ConcurrencyError:
                if self.phase is Phase.OPEN:
                    raise RuntimeError("receive() runs already: await one at a time") from None
                # drain() reads already.
                await self.until(lambda: self.wire.lost)
            except asyncio.CancelledError:
                if self.phase is Phase.CLOSING:
                    # drain() has left the reading to this one, which gives it back.
                    self.start_draining()
                # A text that was no UTF-8 may have ended the connection in this very call.
                self.wire.see_to_the_end()
                raise
            else:
                event = receive_event(data)
                self.record.add_message(self.number, "received", data)
                on_message(self)
                return self.deliver(event)
        if self.told is Told.DISCONNECT:
            # A second disconnect would run the handler twice. Block, as daphne does.
            await forever()
        self.told = Told.DISCONNECT
        self.changed()
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
        if busy is not None:
            on_layer_message(self, busy[0])

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
        if self.held_for:
            on_hold(self, label, self.held_for, self.computed_for)
            self.held_for = self.computed_for = 0.0
        if self.lines:
            self.flush_prints()
        # A sync consumer works in a thread, which keeps the time itself.
        if not isinstance(self.consumer, SyncConsumer):
            self.owner.work.worked(self.number, label, start, end)

    def held(self, start: float, end: float, computed: float) -> None:
        """Note that the application has kept the event loop from turning."""
        self.held_for += end - start
        self.computed_for += computed
        if end - start >= HOLD:
            self.owner.work.held(self.number, start, end)

    def is_over(self) -> bool:
        """Tell whether the application may not go on."""
        return self.owner.work.over

    @property
    def sync_event(self) -> str | None:
        """The type of the event that a sync consumer has in hand, if there is one."""
        busy = self.busy or self.layer_busy
        return busy[0] if busy is not None and isinstance(self.consumer, SyncConsumer) else None

    async def send(self, message: Message) -> None:
        """Take a message from the application; its ``send``."""
        loop = self.task.get_loop() if self.task is not None else None
        if loop is not None and asyncio.get_running_loop() is not loop:
            say_once(self, ELSEWHERE)
            return await send_from_elsewhere(self.send, message, loop)
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
                if self.wire.congested:
                    try:
                        await self.wire.drain()
                    except OSError:
                        raise self.gone("the client has left") from None
            case Accept() as verdict:
                self.accept(verdict, message)
                # Not before the 101 is on its way: what follows could overtake it.
                await self.until(lambda: self.phase not in ANSWERING)
                if self.phase not in (Phase.OPEN, Phase.CLOSING):
                    raise self.gone("the client left during the handshake")
            case Deny() as verdict:
                if self.phase is Phase.CONNECTING:
                    why = verdict.body.decode("utf-8", "replace").strip()
                    self.add(
                        Refused("consumer", verdict.status, why, self.consumer_name()), message
                    )
                    self.verdict = verdict
                    # The disconnect follows at once, whenever the client lets go of TCP.
                    self.enter(Phase.DENIED)
            case Close(code, reason):
                if self.phase is Phase.OPEN and self.wire.state is WireState.OPEN:
                    self.add(Closed("consumer", code, reason), message)
                    self.start_closing(code, reason)

    def gone(self, text: str) -> ClientDisconnected:
        """Return the exception for what is sent now."""
        exc = ClientDisconnected(text)
        exc.connection = self.number
        return exc

    async def check_open(self, message: Message) -> None:
        """Raise :exc:`ClientDisconnected` if the client, not the application, has ended it."""
        if self.exchange.state is State.OPEN:
            await self.until(lambda: self.phase not in ANSWERING)
            # To close what is closed already is no failure: both sides may do it at once.
            if self.wire.state is not WireState.OPEN and message_type(message) != "websocket.close":
                raise self.gone("the client has left")
        elif self.exchange.state in (State.CONNECTING, State.DENYING) and self.wire.lost:
            raise self.gone("the client left during the handshake")

    def accept(self, verdict: Accept, message: Message) -> None:
        """Accept the handshake."""
        if self.phase is Phase.CONNECTING:
            self.add(Accepted(self.consumer_name(), verdict.subprotocol), message)
            chosen = verdict.subprotocol
            if chosen is None and self.exchange.offered:
                offered = ", ".join(map(repr, self.exchange.offered))[:200]
                self.add(
                    Note(
                        f"The client offered the subprotocols {offered}, and none is accepted; "
                        f"a browser closes such a connection."
                    )
                )
            if chosen is not None and chosen not in self.exchange.offered:
                self.add(
                    Note(
                        f"The client did not offer the subprotocol {chosen!r}; "
                        f"a browser closes such a connection."
                    )
                )
            self.verdict = verdict
            self.enter(Phase.ACCEPTED)

    # The connection's side

    async def serve(self) -> None:
        """Stay with an open connection until both it and the application have ended."""
        self.enter(Phase.OPEN)
        self.wire.forget_handshake()
        await self.until(self.is_leaving)
        if self.has_ended() and not self.wire.lost and self.phase is Phase.OPEN:
            self.close_for_application()
        if self.closing is not None:
            await until_done(self.closing)
        await self.end()

    def is_leaving(self) -> bool:
        """Tell whether the application has ended, or the TCP connection is gone."""
        return self.wire.lost or self.has_ended()

    def has_heard(self) -> bool:
        """Tell whether the application knows that its client has left, or has ended before."""
        return self.told is Told.DISCONNECT or self.has_ended()

    def has_ended(self) -> bool:
        """Tell whether the application has ended."""
        return self.task is not None and self.task.done()

    async def end(self) -> None:
        """Wait for the application to end, and write down how the connection did."""
        await self.see_off()
        report(self)
        if self.phase not in FAILED:
            # What still lies there is what the application did not take.
            await self.drain()
        if self.told is not Told.DISCONNECT and not isinstance(self.verdict, Deny):
            self.record_end(None)
        self.enter(Phase.FINISHED)
        self.owner.finished(self)

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
        self.enter(Phase.CLOSING)
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
                self.add(Undelivered(await self.wire.recv()))
        except (ConnectionClosed, ConcurrencyError):
            # The end; or the application reads, in receive(), and drops what it gets.
            pass

    async def see_off(self) -> None:
        """Wait for the application to end after its client has left, but not for ever."""
        assert self.task is not None
        await self.until(self.has_heard, self.limits.busy_timeout)
        if self.told is Told.DISCONNECT:
            await until_done(self.task, timeout=self.limits.grace)
        if not self.task.done():
            self.kill()
            # What it prints on its way out belongs to the record as well.
            await until_done(self.task, timeout=KILLED)

    def kill(self) -> None:
        """Cancel an application that does not end."""
        assert self.task is not None
        if self.told is Told.DISCONNECT:
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

    def on_lost(self) -> None:
        """Note that the TCP connection is gone."""
        if self.phase in ANSWERING:
            self.enter(Phase.LOST)
        if self.phase in FAILED:
            # No handler runs for a handshake that fails, so nobody else waits for the end.
            self.ending = asyncio.get_running_loop().create_task(self.end())
        if self.phase is not Phase.FINISHED:
            self.owner.lost(self)
        self.changed()

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
        """Write down that the connection has ended, with the event that says so, if any does."""
        by, code, reason = self.how_it_ended()
        if by == "server" and self.phase is Phase.OPEN:
            # The library has failed the connection: too large a message, a broken frame.
            self.add(Closed("server", code, reason))
        if event is not None or by in ("client", "network"):
            self.add(Disconnected(by, code, reason), event)

    # What a reader waits for

    def unsettled(self) -> bool:
        """Tell whether the connection is on its way out and not yet finished."""
        return self.phase in (Phase.CLOSING, Phase.REFUSED, *FAILED) or (
            self.phase is not Phase.FINISHED
            and self.wire.state in (WireState.CLOSING, WireState.CLOSED)
        )


def is_bare(message: Message, payload: str | bytes) -> bool:
    """Tell whether a message to send says nothing that its type and its payload do not."""
    return len(message) == 2 and (message.get("text") is payload or message.get("bytes") is payload)

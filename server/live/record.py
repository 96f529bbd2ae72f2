"""The record: what happened between clients and consumers, in order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from traceback import TracebackException
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = [
    "LOSSES",
    "Accepted",
    "Answered",
    "ChannelSend",
    "Closed",
    "Connecting",
    "Control",
    "Delivered",
    "Disconnected",
    "Entry",
    "Failed",
    "GroupAdd",
    "GroupDiscard",
    "GroupSend",
    "Logged",
    "Lost",
    "Note",
    "Printed",
    "Received",
    "Record",
    "Refused",
    "Requested",
    "Sent",
    "Snapshot",
    "Span",
    "Undelivered",
    "What",
]

Event: TypeAlias = Mapping[str, Any]
"""An ASGI message: the dictionary that the application received or sent."""


class Connecting(NamedTuple):
    """A client asks for a WebSocket; the application is told ``websocket.connect``."""

    target: str
    """Path and query string, as the client wrote them: ``/ws/sc/?room=1``."""

    origin: str | None
    """The page that asks, for a browser; ``None`` for a client that is no browser."""


class Accepted(NamedTuple):
    """The application accepts; the server answers 101 Switching Protocols."""

    consumer: str | None
    """Name of the consumer's class, where the application is a Channels consumer."""

    subprotocol: str | None


class Refused(NamedTuple):
    """The handshake, or an HTTP request, is answered with an HTTP status that refuses it."""

    by: Literal["consumer", "server"]
    status: int
    why: str
    """One sentence; empty where the application gave none."""

    consumer: str | None = None
    """Name of the consumer's class, where the handshake reached one."""


class Received(NamedTuple):
    """The application takes a message that the client sent."""

    payload: str | bytes


class Undelivered(NamedTuple):
    """The client sent a message that the application never took."""

    payload: str | bytes


class Sent(NamedTuple):
    """The application sends a message to the client."""

    payload: str | bytes


class Control(NamedTuple):
    """A frame from the client that the library answers or collects by itself."""

    frame: str
    """``ping``, ``pong`` or ``fragment``."""

    payload: bytes


class Closed(NamedTuple):
    """A close frame leaves: the application, or the server for it, ends the connection."""

    by: Literal["consumer", "server"]
    code: int
    reason: str


class Disconnected(NamedTuple):
    """The connection has ended; where ``event`` is set, the application was told so."""

    by: Literal["client", "consumer", "server", "network"]
    """Who ended it. ``network``: it broke without a close frame."""

    code: int
    reason: str


class Requested(NamedTuple):
    """A client asks for a page over plain HTTP, and an application is to answer."""

    method: str
    target: str


class Answered(NamedTuple):
    """A response to an HTTP request leaves."""

    consumer: str | None
    """Name of the consumer's class, where one has answered."""

    status: int
    size: int
    """Bytes of its body."""


class Printed(NamedTuple):
    """A line that the application printed."""

    text: str
    stream: Literal["stdout", "stderr"]


class Logged(NamedTuple):
    """A message that the application logged."""

    level: str
    """``info``, ``warning``, ``error``."""

    logger: str
    text: str
    exception: TracebackException | None = None
    """The one that was logged with it, as ``logger.exception`` does: it has been handled."""


class GroupAdd(NamedTuple):
    """Somebody adds a channel to a group of the channel layer."""

    group: str
    member: int | None
    """The connection whose channel it is; ``None``: none of this server's."""


class GroupDiscard(NamedTuple):
    """Somebody takes a channel out of a group of the channel layer."""

    group: str
    member: int | None
    """The connection whose channel it is; ``None``: none of this server's."""


class GroupSend(NamedTuple):
    """Somebody sends a message to a group of the channel layer."""

    group: str
    message: str
    """The message as Python shows it, without its type."""


class ChannelSend(NamedTuple):
    """Somebody sends a message to one channel of the channel layer."""

    channel: str
    message: str
    """The message as Python shows it, without its type."""

    member: int | None
    """The connection whose channel it is; ``None``: none of this server's."""


class Delivered(NamedTuple):
    """A consumer takes a message of the channel layer."""

    group: str
    """The group that it was sent to; empty: it was sent to this one channel."""

    sender: int | None
    """The connection whose consumer sent it; 0: no consumer did; ``None``: it is not known."""


class Lost(NamedTuple):
    """A message of the channel layer does not reach a consumer, and nobody is told."""

    group: str
    """The group that it was sent to; empty: it was sent to this one channel."""

    sender: int | None
    """As in :class:`Delivered`."""

    why: Literal["capacity", "expiry", "gone", "nobody"]
    """``gone``: the consumer had ended; ``nobody``: the group has no member here."""


LOSSES = {
    "capacity": "its channel is full",
    "expiry": "it waited for too long",
    "gone": "its consumer has ended",
    "nobody": "nobody is in this group",
}
"""Why a message of the channel layer does not reach a consumer, in words."""


class Failed(NamedTuple):
    """The application raised an exception."""

    exception: TracebackException
    during: tuple[Delivered, str] | None = None
    """The message of the channel layer that it handled then, and its type, if it was one."""


class Note(NamedTuple):
    """A remark of the server's own, in one or two sentences."""

    text: str


What: TypeAlias = (
    Connecting
    | Accepted
    | Refused
    | Received
    | Undelivered
    | Sent
    | Control
    | Closed
    | Disconnected
    | Printed
    | Logged
    | GroupAdd
    | GroupDiscard
    | GroupSend
    | ChannelSend
    | Delivered
    | Lost
    | Failed
    | Requested
    | Answered
    | Note
)


class Entry(NamedTuple):
    """One thing that happened."""

    number: int
    """Its place in the record, from 1; numbers of dropped entries are not used again."""

    time: float
    """Seconds, on the clock of :func:`time.perf_counter`."""

    connection: int
    """The connection, from 1 in the order in which handshakes arrived; 0 for the server."""

    what: What

    event: Event | None
    """The ASGI message that belongs to it; ``None`` where there is none."""


SpanState: TypeAlias = Literal["waiting", "working"]

BRIEF = 0.001
"""Seconds from which a stretch of time is kept: a busy server has many shorter ones, and no picture
shows them."""


class Span(NamedTuple):
    """A stretch of time, not a brief one, in which a connection's handler waited or worked."""

    connection: int
    state: SpanState
    """``waiting``: for the thread that all sync consumers share; ``working``: in its handler; where
    that kept the event loop from turning, for so long only."""

    label: str
    """The type of the ASGI message being handled: ``websocket.receive``."""

    start: float
    end: float
    """Seconds, on the clock of :func:`time.perf_counter`."""


@dataclass(frozen=True)
class Snapshot:
    """The record as it was at one moment."""

    entries: tuple[Entry, ...]
    spans: tuple[Span, ...]
    dropped: int
    """How many older entries the record no longer holds."""

    consumers: Mapping[int, str] = field(default_factory=dict)
    """The name of each connection's consumer, whether the entry that said it is here or gone."""


Kind: TypeAlias = Literal["received", "sent"]

MESSAGES: dict[Kind, tuple[type[Received | Sent], str]] = {
    "received": (Received, "websocket.receive"),
    "sent": (Sent, "websocket.send"),
}
"""What each kind of message is in an entry, and the type of its event."""

Raw: TypeAlias = tuple[int, float, int, Kind | None, Any, Event | None]
"""An entry as it is written: weight, time, connection, kind, payload and event; with the kind
``None``, the payload is the whole :data:`What`. A busy server writes often and is read seldom, so
:meth:`Record.snapshot` makes an :class:`Entry` of it. Of a message, it holds nothing that the
garbage collector would look at again and again."""


class Record:
    """What happened, in order; safe to read and to write from any thread.

    It is bounded: past ``max_entries`` entries, or ``max_bytes`` of payloads, prints and
    tracebacks, the oldest entries go, and :attr:`Snapshot.dropped` counts them. The newest entry
    always stays.

    """

    def __init__(self, max_entries: int = 10_000, max_bytes: int = 16 * 2**20) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.lock = threading.Lock()
        self.entries: deque[Raw] = deque()
        self.spans: deque[Span] = deque(maxlen=max_entries)
        self.count = 0
        self.bytes = 0
        self.consumers: dict[int, str] = {}
        """The names of the newest connections' consumers."""
        self.said: set[str] = set()
        self.remarks: list[str] = []

    def remark(self, text: str) -> None:
        """Have something said as soon as the next client comes."""
        with self.lock:
            self.remarks.append(text)

    def take_remarks(self) -> list[str]:
        """Return what is to be said to the next client, once."""
        with self.lock:
            remarks, self.remarks = self.remarks, []
        return remarks

    def is_new(self, text: str) -> bool:
        """Tell whether something has not been said yet; from now on it has."""
        with self.lock:
            is_new = text not in self.said
            self.said.add(text)
        return is_new

    def add(self, connection: int, what: What, event: Event | None = None) -> None:
        """Append what happened on a connection, with the ASGI message that belongs to it."""
        size = weight(what) + weight_of_event(what, event)
        self.append((size, time.perf_counter(), connection, None, what, event))
        if isinstance(what, Accepted | Answered | Refused) and what.consumer is not None:
            with self.lock:
                self.consumers[connection] = what.consumer
                if len(self.consumers) > self.max_entries:
                    del self.consumers[next(iter(self.consumers))]

    def add_message(
        self, connection: int, kind: Kind, payload: str | bytes, event: Event | None = None
    ) -> None:
        """Append a message, as :meth:`add` does: most entries are messages.

        Its event is not needed where there is nothing but the payload in it.

        """
        self.append((len(payload), time.perf_counter(), connection, kind, payload, event))

    def append(self, raw: Raw) -> None:
        """Append an entry, and drop the oldest ones that are out of bounds."""
        with self.lock:
            self.entries.append(raw)
            self.count += 1
            self.bytes += raw[0]
            while len(self.entries) > self.max_entries or self.bytes > self.max_bytes:
                if len(self.entries) == 1:
                    break
                self.bytes -= self.entries.popleft()[0]

    def add_span(
        self, connection: int, state: SpanState, label: str, start: float, end: float
    ) -> None:
        """Append a stretch of time in which a handler waited or worked, unless it is brief."""
        if end - start < BRIEF:
            return
        with self.lock:
            self.spans.append(Span(connection, state, label, start, end))

    def snapshot(self) -> Snapshot:
        """Return what the record holds now."""
        with self.lock:
            entries, spans, count = tuple(self.entries), tuple(self.spans), self.count
            consumers = dict(self.consumers)
        dropped = count - len(entries)
        return Snapshot(
            tuple(entry(number, raw) for number, raw in enumerate(entries, dropped + 1)),
            spans,
            dropped,
            consumers,
        )

    def clear(self) -> None:
        """Forget everything; numbering starts again from 1."""
        with self.lock:
            self.count = 0
            self.bytes = 0
            self.entries.clear()
            self.spans.clear()
            self.said.clear()


def entry(number: int, raw: Raw) -> Entry:
    """Return an entry as it is read."""
    _, when, connection, kind, what, event = raw
    if kind is not None:
        message, label = MESSAGES[kind]
        key = "text" if isinstance(what, str) else "bytes"
        event = event or {"type": label, key: what}
        what = message(what)
    return Entry(number, when, connection, what, event)


TRACEBACK = 4096
"""How many bytes a traceback counts for, besides its message; none is measured."""


def weight(what: What) -> int:
    """Return how much an entry counts against the record's bound, in bytes."""
    size = sum(len(field) for field in what if isinstance(field, str | bytes))
    exception = what.exception if isinstance(what, Failed | Logged) else None
    return size if exception is None else size + TRACEBACK + len(str(exception))


def weight_of_event(what: What, event: Event | None) -> int:
    """Return how much an event counts that is kept with an entry, where that does not say it all.

    The headers of an answer may be large, and so may a message of the channel layer, which only the
    entry of its sender shows.

    """
    if event is None:
        return 0
    if isinstance(what, Delivered | Lost):
        return len(repr(event)) if what.sender is None else 0
    return sum(len(name) + len(value) for name, value in event.get("headers") or ())

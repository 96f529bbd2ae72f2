"""Records to draw: every kind of entry, and what learners really send."""

from __future__ import annotations

import json
from collections.abc import Callable
from traceback import TracebackException

from server.live.record import (
    Accepted,
    ChannelSend,
    Closed,
    Connecting,
    Control,
    Delivered,
    Disconnected,
    Entry,
    Event,
    Failed,
    GroupAdd,
    GroupDiscard,
    GroupSend,
    Lost,
    Note,
    Printed,
    Received,
    Refused,
    Sent,
    Snapshot,
    Span,
    Undelivered,
    What,
)

CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}


def snapshot(
    *things: tuple[int, What, Event | None], dropped: int = 0, spans: tuple[Span, ...] = ()
) -> Snapshot:
    """Make a snapshot of what happened on some connections."""
    entries = tuple(
        Entry(number, 100.0 + number, *thing) for number, thing in enumerate(things, dropped + 1)
    )
    return Snapshot(entries, spans, dropped)


def opened(connection: int = 1, target: str = "/ws/sc/", consumer: str | None = "Echo") -> list:
    """A client connects, and a consumer accepts."""
    return [
        (connection, Connecting(target, None), CONNECT),
        (connection, Accepted(consumer, None), ACCEPT),
    ]


def received(payload: str | bytes, connection: int = 1) -> tuple[int, What, Event | None]:
    """A message from the client."""
    key = "text" if isinstance(payload, str) else "bytes"
    return connection, Received(payload), {"type": "websocket.receive", key: payload}


def sent(payload: str | bytes, connection: int = 1) -> tuple[int, What, Event | None]:
    """A message to the client."""
    key = "text" if isinstance(payload, str) else "bytes"
    return connection, Sent(payload), {"type": "websocket.send", key: payload}


def left(code: int = 1000, reason: str = "", connection: int = 1) -> tuple:
    """The client leaves."""
    event = {"type": "websocket.disconnect", "code": code, "reason": reason}
    return connection, Disconnected("client", code, reason), event


def caught(function: Callable[[], object]) -> TracebackException:
    """Return what a function raises."""
    try:
        function()
    except Exception as exception:
        return TracebackException.from_exception(exception)
    raise AssertionError("nothing was raised")


def websocket_receive() -> None:
    json.dumps({1, 2})


def chained() -> None:
    try:
        json.loads("[object Object]")
    except ValueError as error:
        raise RuntimeError("cannot read what the browser sent") from error


def echo() -> Snapshot:
    """The first conversation of lesson 1."""
    return snapshot(
        *opened(),
        received("hello"),
        (1, Printed("got hello", "stdout"), None),
        sent("hello"),
        left(),
    )


def everything() -> Snapshot:
    """Every kind of entry."""
    closing = {"type": "websocket.close", "code": 4000, "reason": "bye"}
    ended = {"type": "websocket.disconnect", "code": 4000, "reason": "bye"}
    lost = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    why = "No route is found for the path 'ws/nowhere/'."
    return snapshot(
        *opened(),
        received("hello"),
        (1, Printed("{'type': 'websocket.receive', 'text': 'hello'}", "stdout"), None),
        (1, Printed("one\n  two\nthree", "stdout"), None),
        (1, Printed("careful", "stderr"), None),
        sent(""),
        sent("a" * 2 * 2**20),
        received(b"\x00\x01\xff"),
        sent(bytes(range(100))),
        sent(
            '{"name": "Zoë", "tags": ["<b>bold</b>", "&amp;"], "ok": true, "n": 9007199254740993}'
        ),
        sent("👋 שלום " + "x" * 70),
        received("مرحبا"),
        (1, Control("ping", b"abcd"), None),
        (1, Control("pong", b""), None),
        (1, Control("fragment", b"half a mess"), None),
        (1, Failed(caught(websocket_receive)), None),
        (1, Closed("server", 1011, ""), None),
        (1, Disconnected("server", 1011, ""), None),
        *opened(2, "/ws/ac/?room=1", "AsyncEcho"),
        (2, Closed("consumer", 4000, "bye"), closing),
        (2, Undelivered("too late"), None),
        (2, Disconnected("consumer", 4000, "bye"), ended),
        (3, Connecting("/ws/nowhere/", "http://evil.example:8080"), None),
        (3, Refused("server", 500, why), None),
        *opened(4, consumer=None),
        (4, Failed(caught(chained)), None),
        (4, Note("The application returned while the socket was open, so it is closed."), None),
        (4, Disconnected("network", 1006, ""), lost),
        (5, Connecting("/ws/closed/", "http://localhost:8888"), CONNECT),
        (5, Refused("consumer", 403, ""), {"type": "websocket.close"}),
        (6, Accepted("Shy", "chat"), {"type": "websocket.accept", "subprotocol": "chat"}),
        left(1005, connection=6),
        (0, Note("The server has stopped."), None),
    )


def work(connection: int, start: float, end: float, label: str = "websocket.receive") -> Span:
    """A handler works."""
    return Span(connection, "working", label, start, end)


def wait(connection: int, start: float, end: float, label: str = "websocket.receive") -> Span:
    """A handler waits for the thread that all sync consumers share."""
    return Span(connection, "waiting", label, start, end)


def one_after_the_other(noise: Callable[[], float] = lambda: 0.0) -> tuple[Span, ...]:
    """Four clients of a SyncConsumer, each with half a second of work."""
    spans, now = [], 1000.0
    for connection in (1, 3, 2, 4):
        spans.append(work(connection, 999.5, 999.5005, "websocket.connect"))
        spans.append(wait(connection, 1000.0 + noise(), now))
        begin, now = now, now + 0.5 + noise()
        spans.append(work(connection, begin, now))
        now += noise()
    spans.extend(wait(number, 1000.6, now, "websocket.disconnect") for number in (1, 2, 3))
    return tuple(spans)


def side_by_side(noise: Callable[[], float] = lambda: 0.0) -> tuple[Span, ...]:
    """The same four clients of an AsyncConsumer."""
    spans = []
    for connection in (1, 2, 3, 4):
        begin = 1000.0 + noise()
        spans.append(work(connection, begin, begin + 0.5 + noise()))
    return tuple(spans)


def grouped() -> Snapshot:
    """Two clients in a group, and all that can go through a channel layer."""
    message = {"type": "chat.message", "text": "hi"}
    mesage = {"type": "chat.mesage", "text": "hi"}
    return snapshot(
        *opened(1, "/", "Chat"),
        (1, GroupAdd("chat", 1), None),
        *opened(2, "/", "Chat"),
        (2, GroupAdd("chat", 2), None),
        (1, GroupAdd("chat", 2), None),
        (0, GroupAdd("chat", None), None),
        (1, GroupSend("chat", "{'text': 'hi'}"), message),
        (1, Delivered("chat", 1), message),
        (2, Delivered("chat", 1), message),
        (2, ChannelSend("specific.x", "{'text': 'hi'}", 1), message),
        (1, Delivered("", 2), message),
        (0, ChannelSend("thumbnails", "", None), {"type": "generate"}),
        (0, GroupSend("news", ""), {"type": "news"}),
        (0, Lost("news", 0, "nobody"), {"type": "news"}),
        (0, GroupSend("chat", "{'text': 'hi'}"), mesage),
        (1, Delivered("chat", None), mesage),
        (2, Lost("chat", 0, "capacity"), mesage),
        (1, Failed(caught(websocket_receive), (Delivered("chat", 0), "chat.mesage")), None),
        (2, GroupDiscard("chat", 2), None),
        (2, Lost("", 1, "gone"), message),
        (2, GroupSend("blue", "{'text': 'hi'}"), message),
        (2, GroupSend("a-group-with-a-long-name", "{'text': 'hi'}"), message),
    )

"""One connection and one run of an application."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import Any

import pytest
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from server.live.record import (
    Accepted,
    Closed,
    Connecting,
    Control,
    Disconnected,
    Printed,
    Received,
    Refused,
    Sent,
    Undelivered,
)
from server.live.service import Service
from server.live.wire import Wire
from tests.serving import (
    AsyncEcho,
    RawClient,
    Served,
    SyncEcho,
    close_frame,
    eventually,
    frame,
    serving,
)

ACCEPT = {"type": "websocket.accept"}
LEFT = (
    "The consumer sent something after its client had left. That ends it, and "
    "websocket_disconnect does not run."
)


class Told:
    """An ASGI application that accepts, and remembers the events that it is told."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = messages or (ACCEPT,)
        self.events: list[dict[str, Any]] = []
        self.errors: list[BaseException] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.events.append(await receive())
        for message in self.messages:
            await send(message)
        while self.events[-1]["type"] != "websocket.disconnect":
            self.events.append(await receive())

    @property
    def end(self) -> tuple[int, str]:
        """Code and reason of the one disconnect event."""
        assert eventually(lambda: self.events[-1]["type"] == "websocket.disconnect")
        [event] = [event for event in self.events if event["type"] == "websocket.disconnect"]
        assert type(event["code"]) is int
        return event["code"], event["reason"]


# The handshake


@pytest.mark.parametrize("consumer", [AsyncEcho, SyncEcho])
def test_a_conversation(consumer: type[AsyncConsumer]) -> None:
    """The record of a conversation has every event, in order."""
    with serving(consumer) as live:
        with connect(live.url("/ws/?a=1")) as client:
            client.send("hello")
            assert client.recv() == "hello"
        entries = live.entries(1)
        assert [(entry.what, entry.event) for entry in entries] == [
            (Connecting("/ws/?a=1", None), {"type": "websocket.connect"}),
            (Accepted(consumer.__name__, None), ACCEPT),
            (Received("hello"), {"type": "websocket.receive", "text": "hello"}),
            (Sent("hello"), {"type": "websocket.send", "text": "hello"}),
            (
                Disconnected("client", 1000, ""),
                {"type": "websocket.disconnect", "code": 1000, "reason": ""},
            ),
        ]


def test_the_scope_of_a_real_handshake() -> None:
    """The scope has both addresses, lower-case header names and the raw path."""
    scopes: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send(ACCEPT)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    with serving(app) as live, RawClient(live.host.port) as client:
        client.handshake("/caf%C3%A9?q", "X-Upper: \xe9")
        [scope] = scopes
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == (
            "/café",
            b"/caf%C3%A9",
            b"q",
        )
        assert (b"x-upper", b"\xe9") in scope["headers"]
        assert scope["server"] == ("127.0.0.1", live.host.port)
        assert scope["client"] == client.socket.getsockname()
        assert scope["http_version"] == "1.1"


def test_nothing_is_answered_before_accept() -> None:
    """The 101 waits for the application; accept returns only when it is on its way."""
    states = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(0.05)
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "first"})
        states.append("sent")
        await receive()

    with serving(app) as live:
        start = time.perf_counter()
        with connect(live.url()) as client:
            assert time.perf_counter() - start >= 0.05
            assert client.recv() == "first"
    assert states == ["sent"]


@pytest.mark.parametrize("wrap", [False, True], ids=["bare", "routed"])
@pytest.mark.parametrize("consumer", [AsyncEcho, SyncEcho])
def test_the_consumers_name_is_found(consumer: type[AsyncConsumer], wrap: bool) -> None:
    """The record names the consumer, below routers and middleware too."""
    app: Any = consumer.as_asgi()
    if wrap:
        routes = URLRouter([path("ws/", app)])

        async def middleware(scope: Any, receive: Any, send: Any) -> None:
            await routes(scope, receive, send)

        app = ProtocolTypeRouter({"websocket": middleware})
    with serving(app) as live, connect(live.url("/ws/")):
        assert live.whats(Accepted) == [Accepted(consumer.__name__, None)]


@pytest.mark.parametrize("consumer", [AsyncEcho, SyncEcho])
def test_the_name_of_a_consumer_that_comes_late(consumer: type[AsyncConsumer]) -> None:
    """Middleware may take the first event itself, before it calls the consumer."""

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        first = [await receive()]

        async def again() -> Any:
            return first.pop() if first else await receive()

        await consumer.as_asgi()(scope, again, send)

    with serving(middleware) as live, connect(live.url()):
        assert live.whats(Accepted) == [Accepted(consumer.__name__, None)]


def test_an_application_that_is_no_consumer_has_no_name() -> None:
    """A function has no consumer's class."""
    with serving(Told()) as live, connect(live.url()):
        assert live.whats(Accepted) == [Accepted(None, None)]


def test_a_chosen_subprotocol() -> None:
    """The application's choice goes to the client."""
    app = Told({**ACCEPT, "subprotocol": "two"})
    offered = [Subprotocol("one"), Subprotocol("two")]
    with serving(app) as live, connect(live.url(), subprotocols=offered) as client:
        assert client.subprotocol == "two"
        assert live.whats(Accepted) == [Accepted(None, "two")]
        assert live.notes() == []


def test_no_subprotocol_is_invented() -> None:
    """Where the application chooses none, the client gets none."""
    with serving(Told()) as live, RawClient(live.host.port) as client:
        answer = client.handshake("/", "Sec-WebSocket-Protocol: one")
        assert "sec-websocket-protocol" not in answer.lower()


@pytest.mark.parametrize("offer", [[], ["Sec-WebSocket-Protocol: one"]])
def test_a_subprotocol_that_was_not_offered(offer: list[str]) -> None:
    """It is sent as the application chose it, and the record warns."""
    app = Told({**ACCEPT, "subprotocol": "other"})
    with serving(app) as live, RawClient(live.host.port) as client:
        assert "\r\nSec-WebSocket-Protocol: other\r\n" in client.handshake("/", *offer)
        assert live.notes() == [
            "The client did not offer the subprotocol 'other'; a browser closes such a connection."
        ]


def test_headers_of_the_answer() -> None:
    """Headers that the application adds to accept are in the 101, bytes as they are."""
    app = Told({**ACCEPT, "headers": [(b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=\xe9")]})
    with serving(app) as live, connect(live.url()) as client:
        assert client.response is not None
        assert client.response.headers.get_all("Set-Cookie") == ["a=1", "b=\xe9"]


def refused(url: str) -> tuple[int, str, dict[str, str]]:
    """Return status, body and headers of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as caught, connect(url):
        pass
    response = caught.value.response
    return response.status_code, bytes(response.body).decode(), dict(response.headers.raw_items())


def test_a_consumer_that_refuses() -> None:
    """close() before accept() is 403 for the client and 1006 for the consumer."""
    app = Told({"type": "websocket.close", "code": 4000})
    with serving(app) as live:
        status, body, _ = refused(live.url())
        assert (status, body) == (403, "")
        assert [entry.what for entry in live.entries()] == [
            Connecting("/", None),
            Refused("consumer", 403, ""),
            Disconnected("consumer", 1006, ""),
        ]
        assert app.end == (1006, "")


def test_a_refusal_with_a_response() -> None:
    """websocket.http.response is the answer to the handshake."""
    app = Told(
        {
            "type": "websocket.http.response.start",
            "status": 401,
            "headers": [(b"X-Why", b"login"), (b"content-length", b"99")],
        },
        {"type": "websocket.http.response.body", "body": b"log ", "more_body": True},
        {"type": "websocket.http.response.body", "body": b"in"},
    )
    with serving(app) as live:
        status, body, headers = refused(live.url())
        assert (status, body) == (401, "log in")
        assert headers["x-why"] == "login"
        assert headers["Content-Length"] == "6"
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert live.refusals() == [("consumer", 401, "log in")]
        assert app.end == (1006, "")


def test_a_refusal_keeps_its_type() -> None:
    """A response that has a type keeps it, and may have no phrase."""
    app = Told(
        {
            "type": "websocket.http.response.start",
            "status": 599,
            "headers": [(b"content-type", b"application/json")],
        },
        {"type": "websocket.http.response.body", "body": b"{}"},
    )
    with serving(app) as live, RawClient(live.host.port) as client:
        answer = client.handshake()
        assert answer.startswith("HTTP/1.1 599 \r\n")
        assert "\r\ncontent-type: application/json\r\n" in answer


NEVER = "has neither accepted nor closed the connection within 0.1 s."


class NeverAccepts(SyncConsumer):
    """Forgets to accept."""

    def websocket_connect(self, event: dict[str, Any]) -> None:
        """Do nothing."""


class NeverAcceptsGeneric(WebsocketConsumer):
    """Forgets to accept, in a generic consumer."""

    def connect(self) -> None:
        """Do nothing."""


async def never_accepts(scope: Any, receive: Any, send: Any) -> None:
    """Wait for ever."""
    while True:
        await receive()


@pytest.mark.parametrize(
    ("app", "who"),
    [
        (NeverAccepts, "websocket_connect"),
        (NeverAcceptsGeneric, "connect()"),
        (never_accepts, "The application"),
    ],
)
def test_a_consumer_that_never_accepts(app: Any, who: str) -> None:
    """After handshake_timeout the client gets 500, and both sides are told why."""
    with serving(app, handshake_timeout=0.1) as live:
        status, body, _ = refused(live.url())
        why = f"{who} {NEVER}"
        # Where the thread of sync consumers stalls, the handler has not come to its end by then.
        if app is not never_accepts and "still" in body:
            why += " It is still at work."
        assert (status, body) == (500, f"{why}\n")
        assert live.refusals() == [("server", 500, why)]
        assert eventually(lambda: not live.host.bridges)
        # It was cancelled, and was told of no end.
        assert live.kinds() == ["Connecting", "Refused"]


def test_a_crash_before_accept() -> None:
    """The client gets 500; the record has the exception and then the refusal."""

    class Crashes(AsyncConsumer):
        async def websocket_connect(self, event: dict[str, Any]) -> None:
            raise ValueError("no")

    with serving(Crashes) as live:
        status, body, _ = refused(live.url())
        why = "The consumer raised an exception before it answered."
        assert (status, body) == (500, f"{why}\n")
        assert live.kinds() == ["Connecting", "Failed", "Refused"]
        assert live.errors() == ["ValueError: no"]
        assert live.whats(Refused) == [Refused("server", 500, why, "Crashes")]


def test_a_crash_of_what_is_no_consumer() -> None:
    """The application is called an application, as when as_asgi() is forgotten."""

    def app(scope: Any) -> None:
        """Take too few arguments."""

    with serving(app) as live:
        status, body, _ = refused(live.url())
        assert (status, body) == (
            500,
            "The application raised an exception before it answered.\n",
        )
        [error] = live.errors()
        assert error.endswith("takes 1 positional argument but 3 were given")


def test_an_application_that_returns_before_it_answers() -> None:
    """The client gets 500 at once, with a sentence."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Return."""

    with serving(app) as live:
        assert refused(live.url())[:2] == (
            500,
            "ASGI callable returned without completing handshake.\n",
        )


def test_an_application_that_is_no_coroutine_function() -> None:
    """A plain function for an application is told what it should be."""

    def app(scope: Any, receive: Any, send: Any) -> None:
        return None

    with serving(app) as live:
        assert refused(live.url())[0] == 500
        [error] = live.errors()
        assert error == "TypeError: The application returned None: write async def."


def test_an_application_that_cancels_itself_before_it_answers() -> None:
    """The client gets 500 at once."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    with serving(app) as live:
        assert refused(live.url())[:2] == (
            500,
            "The consumer was cancelled before it answered.\n",
        )


def test_the_first_message_is_not_accept() -> None:
    """Sending before accept() is an error of the application's, and 500 for the client."""

    class SendsFirst(SyncConsumer):
        def websocket_connect(self, event: dict[str, Any]) -> None:
            self.send({"type": "websocket.send", "text": "welcome"})

    with serving(SendsFirst) as live:
        assert refused(live.url())[0] == 500
        [error] = live.errors()
        assert error.startswith("RuntimeError: Expected ASGI message 'websocket.accept'")


def test_a_client_that_leaves_during_the_handshake() -> None:
    """The application is told 1006, once, and what it sends then raises OSError."""
    app = Told({"type": "websocket.accept"})
    errors: list[str] = []
    events: list[Any] = []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        events.append(await receive())
        for message in app.messages:
            try:
                await send(message)
            except OSError as error:
                errors.append(str(error))

    with serving(slow) as live:
        client = RawClient(live.host.port)
        client.start_handshake()
        assert eventually(lambda: bool(events))
        client.close()
        assert eventually(lambda: bool(errors))
        assert events[1] == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        assert errors == ["the client left during the handshake"]
        assert live.kinds() == ["Connecting", "Disconnected"]


def test_a_client_that_leaves_while_accept_is_sent() -> None:
    """Accepting a client that has left raises OSError, which is no failure of the consumer's."""

    gone = threading.Event()

    class Slow(SyncConsumer):
        def websocket_connect(self, event: dict[str, Any]) -> None:
            gone.wait(60)
            self.send(ACCEPT)

        def websocket_disconnect(self, event: dict[str, Any]) -> None:
            raise StopConsumer

    with serving(Slow) as live:
        client = RawClient(live.host.port)
        client.start_handshake()
        assert eventually(lambda: live.host.connections == 1)
        client.close()
        assert eventually(lambda: not live.host.wires)
        gone.set()
        live.host.settle()
        assert live.errors() == []
        assert live.kinds() == ["Connecting", "Note", "Disconnected"]
        assert live.notes() == [LEFT]


def test_a_handshake_that_the_library_refuses_after_accept() -> None:
    """The application is told that the client has left; nothing hangs."""
    app = Told()
    with serving(app, close_timeout=0.05) as live, RawClient(live.host.port) as client:
        answer = client.handshake("/", "Sec-WebSocket-Extensions: =")
        assert answer.startswith("HTTP/1.1 400 ")
        assert eventually(lambda: not live.host.bridges)
        assert live.kinds() == ["Connecting", "Accepted", "Note", "Disconnected"]
        assert live.notes() == [LEFT]


# How it ends


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        ((1000, b""), 1000, ""),
        ((4001, "é".encode()), 4001, "é"),
        ((None, b""), 1005, ""),
    ],
)
def test_a_client_that_closes(sent: Any, code: int, reason: str) -> None:
    """Code and reason reach the application; no code is 1005."""
    app = Told()
    with serving(app) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.socket.sendall(close_frame(*sent))
        assert client.recv()[0] == 8
        assert client.recv()[0] == -1
        assert live.whats(Disconnected) == [Disconnected("client", code, reason)]
        assert app.end == (code, reason)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_vanishes(how: str) -> None:
    """TCP that ends without a close frame is 1006 (RFC 6455, 7.1.5)."""
    app = Told()
    with serving(app) as live:
        client = RawClient(live.host.port)
        client.handshake()
        getattr(client, how)()
        assert live.whats(Disconnected) == [Disconnected("network", 1006, "")]
        assert app.end == (1006, "")


def test_an_application_that_closes() -> None:
    """The application is told its own code, after the client has answered."""
    app = Told(ACCEPT, {"type": "websocket.close", "code": 4002, "reason": "tea"})
    with serving(app) as live:
        with pytest.raises(ConnectionClosed) as caught, connect(live.url()) as client:
            client.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4002, "tea")
        assert app.end == (4002, "tea")
        assert [type(entry.what) for entry in live.entries()] == [
            Connecting,
            Accepted,
            Closed,
            Disconnected,
        ]
        assert live.whats(Closed) == [Closed("consumer", 4002, "tea")]


def test_both_sides_close_at_once() -> None:
    """There is one disconnect, however the frames cross."""
    app = Told()
    with serving(app) as live, RawClient(live.host.port) as client:
        client.handshake()
        live.host.call(partial(both, live.host, client), 60)
        assert app.end[0] == 4003
        assert len(live.whats(Disconnected)) == 1


async def both(host: Any, client: RawClient) -> None:
    """Close from the application's side while the client's close frame is on its way."""
    client.socket.sendall(close_frame(4003))
    [bridge] = host.bridges
    await bridge.send({"type": "websocket.close", "code": 4003})


def test_an_application_that_returns() -> None:
    """It closes with 1000, and the record says so."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)

    with serving(app) as live:
        with pytest.raises(ConnectionClosed) as caught, connect(live.url()) as client:
            client.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1000
        assert live.notes() == ["The application returned while the connection was open."]
        assert live.whats(Closed) == [Closed("server", 1000, "")]
        assert live.whats(Disconnected) == []


def crashing(handler: str, base: type[AsyncConsumer]) -> type[AsyncConsumer]:
    """Make a consumer whose handler raises an exception."""

    def crash(self: Any, event: dict[str, Any]) -> None:
        raise ValueError(handler)

    async def crash_async(self: Any, event: dict[str, Any]) -> None:
        raise ValueError(handler)

    return type("Crashing", (base,), {handler: crash if base is SyncEcho else crash_async})


@pytest.mark.parametrize("base", [AsyncEcho, SyncEcho])
def test_a_crash_in_receive(base: type[AsyncConsumer]) -> None:
    """The client gets 1011 at once, and the record the exception with the learner's line."""
    patience = dict.fromkeys(("grace", "close_timeout", "busy_timeout"), 3600.0)
    with serving(crashing("websocket_receive", base), **patience) as live:
        with pytest.raises(ConnectionClosed) as caught, connect(live.url()) as client:
            client.send("x")
            start = time.perf_counter()
            client.recv()
        assert time.perf_counter() - start < 60
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1011
        assert live.kinds() == ["Connecting", "Accepted", "Received", "Failed", "Closed"]
        assert live.errors() == ["ValueError: websocket_receive"]
        assert live.whats(Closed) == [Closed("server", 1011, "")]


@pytest.mark.parametrize("base", [AsyncEcho, SyncEcho])
def test_a_crash_in_disconnect(base: type[AsyncConsumer]) -> None:
    """The client has left already; the record has the exception after the disconnect."""
    with serving(crashing("websocket_disconnect", base)) as live:
        with connect(live.url()):
            pass
        assert live.kinds() == ["Connecting", "Accepted", "Disconnected", "Failed"]
        assert live.errors() == ["ValueError: websocket_disconnect"]


def test_a_missing_handler() -> None:
    """Channels' own error reaches the record."""

    class NoReceive(SyncConsumer):
        def websocket_connect(self, event: dict[str, Any]) -> None:
            self.send(ACCEPT)

    with serving(NoReceive) as live:
        with pytest.raises(ConnectionClosed), connect(live.url()) as client:
            client.send("x")
            client.recv()
        assert live.errors() == ["ValueError: No handler for message type websocket.receive"]


@pytest.mark.parametrize("base", [AsyncConsumer, SyncConsumer])
def test_a_consumer_that_never_stops(base: type[AsyncConsumer]) -> None:
    """It is killed after the grace, and the record says what is missing."""

    def accept(self: Any, event: dict[str, Any]) -> Any:
        return self.send(ACCEPT)

    def ignore(self: Any, event: dict[str, Any]) -> None:
        """Forget StopConsumer."""

    async def ignore_async(self: Any, event: dict[str, Any]) -> None:
        """Forget StopConsumer."""

    end = ignore if base is SyncConsumer else ignore_async
    consumer = type("Forgets", (base,), {"websocket_connect": accept, "websocket_disconnect": end})
    with serving(consumer, grace=0.05) as live:
        with connect(live.url()):
            pass
        assert live.notes() == [
            "The consumer took too long to shut down and was killed, 0.05 s after "
            "websocket.disconnect. A consumer ends with raise StopConsumer() in "
            "websocket_disconnect."
        ]
        assert not live.host.bridges


def test_there_is_one_disconnect() -> None:
    """An application that asks again waits, until it is killed."""
    app = Told()
    asked = []

    async def asks_again(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        asked.append(1)
        app.events.append(await receive())

    with serving(asks_again, grace=0.05) as live:
        with connect(live.url()):
            pass
        assert len(live.notes()) == 1
        assert asked == [1]
        assert app.end == (1000, "")


def test_a_killed_consumer_says_good_bye() -> None:
    """What a consumer prints while it is cancelled is in the record."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        try:
            while True:
                await receive()
        finally:
            print("good bye")

    with serving(app, grace=0.05) as live:
        with connect(live.url()):
            pass
        assert live.kinds()[-2:] == ["Note", "Printed"]
        assert live.whats(Printed) == [Printed("good bye", "stdout")]


def test_a_handler_that_does_not_notice() -> None:
    """A handler that still runs long after its client has left is cancelled."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        await asyncio.sleep(60)

    with serving(app, busy_timeout=0.05) as live:
        with connect(live.url()):
            pass
        assert live.notes() == [
            "A handler still ran 0.05 s after its client had left, and was cancelled."
        ]
        assert live.whats(Disconnected) == [Disconnected("client", 1000, "")]


# Sending


def run(*steps: Any) -> list[str]:
    """Run the steps of an application on an open connection; return the errors they raise."""
    errors: list[str] = []
    done: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        for step in steps:
            try:
                await send(step)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        done.append(True)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    with serving(app) as live:
        with RawClient(live.host.port) as client:
            client.handshake()
            assert eventually(lambda: bool(done))
            client.socket.sendall(close_frame(1000))
            while client.recv()[0] != -1:
                pass
        assert live.whats(Sent) == []
    return errors


def test_sending_after_its_own_close() -> None:
    """It is a RuntimeError that says what was closed before."""
    assert run({"type": "websocket.close"}, {"type": "websocket.send", "text": "x"}) == [
        "RuntimeError: Unexpected ASGI message 'websocket.send', after sending "
        "'websocket.close'. Nothing can be sent after the consumer's own close."
    ]


def test_accepting_twice() -> None:
    """It is a RuntimeError."""
    [error] = run(ACCEPT)
    assert error.startswith("RuntimeError: Expected ASGI message 'websocket.send'")


def test_a_string_that_cannot_be_sent() -> None:
    """A lone surrogate is an error, and the record has no message that never left."""
    [error] = run({"type": "websocket.send", "text": "\ud800"})
    assert error.startswith("UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud800'")


def test_messages_of_every_size() -> None:
    """Text and bytes arrive as they were sent, empty ones too."""
    payloads: list[str | bytes] = ["", b"", "é", b"\0\xff", "x" * 70_000, b"y" * 70_000]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        for payload in payloads:
            key = "text" if isinstance(payload, str) else "bytes"
            await send({"type": "websocket.send", key: payload})
        await receive()
        await receive()

    with serving(app) as live:
        with connect(live.url()) as client:
            assert [client.recv() for _ in payloads] == payloads
        assert [sent.payload for sent in live.whats(Sent)] == payloads


def test_sending_to_a_client_that_has_left() -> None:
    """It raises an OSError in the handler, which does not count as a failure."""
    caught: list[OSError] = []

    class Streams(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            try:
                while True:
                    await asyncio.sleep(0.005)
                    await self.send({"type": "websocket.send", "text": "tick"})
            except OSError as error:
                caught.append(error)
                raise

    with serving(Streams) as live:
        with connect(live.url()) as client:
            client.send("go")
        live.host.settle()
        assert [str(error) for error in caught] == ["the client has left"]
        assert live.errors() == []
        assert live.kinds()[-1] == "Disconnected"


def test_closing_what_the_client_has_closed() -> None:
    """It does nothing, and the application is told the client's code."""
    app_events: list[dict[str, Any]] = []
    left = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await left.wait()
        await send({"type": "websocket.close", "code": 4000})
        app_events.append(await receive())

    with serving(app) as live:
        with RawClient(live.host.port) as client:
            client.handshake()
            client.socket.sendall(close_frame(4001))
            assert client.recv()[0] == 8
        live.host.loop.call_soon_threadsafe(left.set)
        assert live.whats(Closed) == []
        assert [event["code"] for event in app_events] == [4001]


def test_sending_before_accept_is_through() -> None:
    """A task of the application's that sends too early waits for the handshake."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.gather(send(ACCEPT), send({"type": "websocket.send", "text": "early"}))
        await receive()

    with serving(app) as live, connect(live.url()) as client:
        assert client.recv() == "early"


@pytest.mark.parametrize("stays", [False, True], ids=["client leaves", "client stays"])
@pytest.mark.parametrize("kind", ["accept", "close"])
def test_an_answer_that_comes_too_late(kind: str, stays: bool) -> None:
    """After handshake_timeout the application cannot answer any more; the first answer counts."""
    errors: list[str] = []
    refusal, tried = threading.Event(), threading.Event()

    class Late(SyncConsumer):
        def websocket_connect(self, event: dict[str, Any]) -> None:
            refusal.wait(60)
            if kind == "accept":
                # This one waits until the client has left.
                tried.set()
            try:
                self.send({"type": f"websocket.{kind}"})
            except OSError as error:
                errors.append(str(error))
            finally:
                tried.set()

    with serving(Late, handshake_timeout=0.02) as live:
        if stays:
            client = RawClient(live.host.port)
            client.start_handshake()
            assert client.file.readline().startswith(b"HTTP/1.1 500 ")
            refusal.set()
            assert tried.wait(60)
            client.close()
        else:
            assert refused(live.url())[0] == 500
            refusal.set()
        assert eventually(lambda: not live.host.bridges)
        left = ["the client left during the handshake"]
        # A close that comes before the server knows that the client is gone is no failure.
        expected = {"accept": [left], "close": [[]] if stays else [[], left]}[kind]
        assert eventually(lambda: errors in expected)
        assert [by for by, _, _ in live.refusals()] == ["server"]


def test_a_client_that_leaves_while_it_is_refused() -> None:
    """A refusal that nobody waits for is not in the record."""
    left = asyncio.Event()
    errors: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 401})
        await left.wait()
        try:
            await send({"type": "websocket.http.response.body"})
        except OSError as error:
            errors.append(str(error))

    with serving(app) as live:
        client = RawClient(live.host.port)
        client.start_handshake()
        assert eventually(lambda: live.host.connections == 1)
        client.close()
        assert eventually(lambda: not live.host.wires)
        live.host.loop.call_soon_threadsafe(left.set)
        assert eventually(lambda: errors == ["the client left during the handshake"])
        assert live.kinds() == ["Connecting", "Disconnected"]


def test_a_sync_handler_sends_to_a_client_that_has_left() -> None:
    """In a sync consumer too, the endless stream ends when its client leaves."""

    class Streams(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            while True:
                time.sleep(0.005)
                self.send({"type": "websocket.send", "text": "tick"})

    with serving(Streams) as live:
        with connect(live.url()) as client:
            client.send("go")
            assert client.recv() == "tick"
        assert live.errors() == []
        assert live.works()


def test_a_slow_client_holds_back_the_application() -> None:
    """An application cannot send more than the network takes; a client that leaves frees it."""
    sent = []
    errors = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        try:
            while True:
                await send({"type": "websocket.send", "bytes": bytes(100_000)})
                sent.append(1)
        except OSError as error:
            errors.append(str(error))

    with serving(app) as live:
        client = RawClient(live.host.port)
        client.handshake()
        assert stands_still(sent)
        assert len(sent) < 1000
        client.reset()
        assert eventually(lambda: errors == ["the client has left"])


def test_a_slow_application_holds_back_the_client() -> None:
    """A client cannot send more than the buffers hold while the application is busy."""
    go = asyncio.Event()
    taken = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        await receive()
        await go.wait()
        while (event := await receive())["type"] == "websocket.receive":
            taken.append(len(event["bytes"]))

    with serving(app) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.socket.setblocking(False)
        data = frame(bytes(10_000), 2)
        written = 0
        with pytest.raises(BlockingIOError):
            while written < 2**28:
                written += client.socket.send(data[written % len(data) :])
        assert written < 2**26
        live.host.loop.call_soon_threadsafe(go.set)
        client.socket.settimeout(60)
        client.socket.sendall(data[written % len(data) :] + close_frame(1000))
        while client.recv()[0] != -1:
            pass
        live.host.settle()
        assert taken == [10_000] * (written // len(data) + 1)


def stands_still(values: list[int]) -> bool:
    """Wait until a list grows no longer."""

    def still() -> bool:
        before = len(values)
        time.sleep(0.1)
        return before > 0 and len(values) == before

    return eventually(still)


# Closing while messages lie unread


def flood(client: RawClient, count: int) -> None:
    """Send many small messages."""
    client.socket.sendall(b"".join(frame(b"%d" % number) for number in range(count)))


@pytest.mark.parametrize("then", ["ends", "reads", "works", "listens"])
def test_a_close_does_not_wait_for_unread_messages(then: str) -> None:
    """The close frame behind them is found at once, whatever the application does (#1555)."""
    flooded = asyncio.Event()
    app_ended = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        await receive()
        pending = asyncio.create_task(receive())
        if then != "listens":
            await pending
            await asyncio.sleep(0.01)
        await flooded.wait()
        await send({"type": "websocket.close", "code": 4000})
        match then:
            case "listens":
                # Its receive() is cancelled in the middle of the reading.
                await asyncio.sleep(0)
                pending.cancel()
            case "reads":
                assert (await receive())["code"] == 4000
            case "works":
                await asyncio.sleep(0.3)
                assert (await receive())["code"] == 4000
        app_ended.append(then)

    with serving(app, close_timeout=3600.0) as live, RawClient(live.host.port) as client:
        client.handshake()
        if then == "listens":
            live.host.loop.call_soon_threadsafe(flooded.set)
            assert client.recv()[0] == 8
            flood(client, 200)
        else:
            flood(client, 200)
            time.sleep(0.05)
            live.host.loop.call_soon_threadsafe(flooded.set)
            assert client.recv()[0] == 8
        start = time.perf_counter()
        client.socket.sendall(close_frame(4000))
        assert client.recv()[0] == -1
        assert time.perf_counter() - start < 60
        live.host.settle()
        assert app_ended == [then]
        taken = live.kinds().count("Received") + live.kinds().count("Undelivered")
        assert taken == 200


def test_what_a_crash_leaves_unread() -> None:
    """Messages that the application never took are in the record."""
    with serving(crashing("websocket_receive", AsyncEcho)) as live:
        with RawClient(live.host.port) as client:
            client.handshake()
            client.socket.sendall(frame(b"1") + frame(b"2") + frame(b"3", 2))
            assert client.recv() == (8, b"\x03\xf3")
            client.socket.sendall(close_frame(1011))
            assert client.recv()[0] == -1
        assert live.whats(Undelivered) == [Undelivered("2"), Undelivered(b"3")]


def test_what_a_client_that_left_had_sent() -> None:
    """An application takes what was sent before the client left, and then the disconnect."""
    app = Told()
    with serving(app) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.socket.sendall(frame(b"1") + frame(b"2") + close_frame(1000))
        client.recv()
        live.host.settle()
        assert [event.get("text") for event in app.events] == [None, "1", "2", None]


def test_a_client_that_does_not_end_tcp() -> None:
    """After the closing handshake, TCP is closed from our side when the time is up."""
    app = Told()
    with serving(app, close_timeout=0.05) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.socket.sendall(close_frame(1000))
        assert eventually(lambda: not live.host.wires)
        assert app.end == (1000, "")


def test_a_client_that_does_not_answer_a_close() -> None:
    """The application is told its own code when the time is up."""
    app = Told(ACCEPT, {"type": "websocket.close", "code": 4004})
    with serving(app, close_timeout=0.05) as live, RawClient(live.host.port) as client:
        client.handshake()
        assert eventually(lambda: not live.host.wires)
        live.host.settle()
        assert app.end == (4004, "")


def test_two_receives_while_it_closes() -> None:
    """One of them gets the disconnect; the other one waits."""
    events: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await send({"type": "websocket.close"})
        tasks = {asyncio.create_task(receive()), asyncio.create_task(receive())}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.01)
        for task in tasks:
            if task.done():
                events.append(task.result())
            task.cancel()

    with serving(app) as live:
        with RawClient(live.host.port) as client:
            client.handshake()
            assert client.recv()[0] == 8
            client.socket.sendall(close_frame(1000))
            assert client.recv()[0] == -1
        live.host.settle()
        assert [event["code"] for event in events] == [1000]


def test_two_receives_at_once() -> None:
    """An application may wait for one event at a time."""
    errors = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        first = asyncio.create_task(receive())
        await asyncio.sleep(0)
        try:
            await receive()
        except RuntimeError as error:
            errors.append(str(error))
        await first

    with serving(app) as live, connect(live.url()):
        assert eventually(lambda: errors == ["receive() runs already: await one at a time"])


# Frames that the library keeps to itself


def test_control_frames_and_fragments() -> None:
    """Pings, unasked pongs and fragments are in the record, before the message they make."""
    app = Told()
    with serving(app) as live, RawClient(live.host.port) as client:
        client.handshake()
        # In one piece: a handler is faster than a client that sends the last of them later.
        frames = frame(b"hel", fin=False), frame(b"?", 9), frame(b"lo", 0), frame(b"!", 10)
        client.socket.sendall(b"".join(frames))
        assert client.recv() == (10, b"?")
        client.socket.sendall(close_frame(1000))
        client.recv()
        whats = [entry.what for entry in live.entries()][2:-1]
        assert whats[:4] == [
            Control("fragment", b"hel"),
            Control("ping", b"?"),
            Control("fragment", b"lo"),
            Control("pong", b"!"),
        ]
        assert whats[4:] == [Received("hello")]


def test_answers_to_our_own_pings_are_not_recorded() -> None:
    """A connection that is merely kept alive adds nothing to the record."""
    with serving(AsyncEcho) as live, connect(live.url()):
        [bridge] = live.host.bridges

        async def ping() -> None:
            await (await bridge.wire.ping())

        before = len(live.entries())
        live.host.call(ping, 60)
        assert len(live.entries()) == before


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (frame(bytes(2 * 2**20)), 1009, "frame with 2097152 bytes exceeds limit of 1048576 bytes"),
        (frame(b"\xff"), 1007, "invalid start byte at position 0"),
        (frame(b"", 3), 1002, "invalid opcode"),
        (b"\x81\x01a", 1002, "incorrect masking"),
    ],
    ids=["too large", "no text", "no frame", "not masked"],
)
def test_what_breaks_the_protocol(data: bytes, code: int, reason: str) -> None:
    """The connection is closed with the code that says why, to both sides."""
    app = Told()
    with serving(app) as live:
        with RawClient(live.host.port) as client:
            client.handshake()
            client.socket.sendall(data)
            opcode, payload = client.recv()
            assert (opcode, int.from_bytes(payload[:2], "big")) == (8, code)
        [closed] = live.whats(Closed)
        assert (closed.by, closed.code) == ("server", code)
        assert reason in closed.reason
        [ended] = live.whats(Disconnected)
        assert (ended.by, ended.code) == ("server", code)
        assert app.end[0] == code
        assert live.works()


def test_a_text_that_is_not_utf_8_is_found_when_it_is_taken() -> None:
    """A handler that is busy finishes first; then the client is told 1007, and so is it."""
    go = asyncio.Event()
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        await go.wait()
        await send({"type": "websocket.send", "text": "done"})
        told.append(await receive())

    with serving(app) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.socket.sendall(frame(b"work") + frame(b"\xff"))
        assert eventually(lambda: "Received" in live.kinds())
        live.host.loop.call_soon_threadsafe(go.set)
        assert client.recv() == (1, b"done")
        assert client.recv() == (8, b"\x03\xefinvalid start byte at position 0")
        client.close()
        live.host.settle()
        assert [event["code"] for event in told] == [1007]
        assert [closed.code for closed in live.whats(Closed)] == [1007]


def test_who_took_wrong_text_and_gave_up() -> None:
    """The connection ends also where the client does not answer and nobody waits any more."""
    closed = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        takes = asyncio.create_task(receive())
        await closed.wait()
        takes.cancel()
        await asyncio.Event().wait()

    limits = {"close_timeout": 0.05, "busy_timeout": 0.05}
    with serving(app, **limits) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.send(b"\xff")
        assert client.recv()[0] == 8
        live.host.loop.call_soon_threadsafe(closed.set)
        assert eventually(lambda: not live.host.wires)


def test_a_message_in_fragments_that_is_too_large() -> None:
    """The limit holds for a message, however it is cut."""
    app = Told()
    with serving(app, max_size=1000) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.send(bytes(900), 2, fin=False)
        client.send(bytes(900), 0)
        opcode, payload = client.recv()
        assert (opcode, payload[:2]) == (8, b"\x03\xf1")
        client.close()
        live.host.settle()
        assert app.end[0] == 1009


def test_an_application_that_returns_after_the_protocol_is_broken() -> None:
    """There is one close frame, and it has the code of what was wrong."""
    broken = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        await broken.wait()

    with serving(app) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.socket.sendall(frame(b"", 3))
        assert client.recv() == (8, b"\x03\xeainvalid opcode")
        [bridge] = live.host.bridges
        live.host.loop.call_soon_threadsafe(broken.set)
        assert eventually(lambda: bridge.task is not None and bridge.task.done())
        time.sleep(0.05)
        client.close()
        assert [closed.code for closed in live.whats(Closed)] == [1002]
        assert live.notes() == []


def test_half_a_frame() -> None:
    """A client that vanishes in the middle of a frame is lost: 1006."""
    app = Told()
    with serving(app) as live:
        client = RawClient(live.host.port)
        client.handshake()
        client.socket.sendall(frame(b"hello")[:-2])
        client.close()
        assert live.whats(Disconnected) == [Disconnected("network", 1006, "")]
        assert app.end == (1006, "")
        assert live.works()


def test_a_client_that_vanishes_between_fragments() -> None:
    """The message that is never finished never reaches the application."""
    app = Told()
    with serving(app) as live:
        client = RawClient(live.host.port)
        client.handshake()
        client.send(b"hel", fin=False)
        client.reset()
        assert live.kinds() == ["Connecting", "Accepted", "Control", "Disconnected"]
        assert [event["type"] for event in app.events] == [
            "websocket.connect",
            "websocket.disconnect",
        ]


# Prints


def test_prints_stand_beside_their_message() -> None:
    """A line without an end belongs to the message in whose handler it was printed."""

    class Prints(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            print("got", end=" ")
            print(event["text"], end="")

    with serving(Prints) as live:
        with connect(live.url()) as client:
            client.send("1")
            client.send("2")
        assert live.kinds()[2:] == ["Received", "Printed", "Received", "Printed", "Disconnected"]
        assert live.prints() == ["got 1", "got 2"]


def test_a_task_that_outlives_its_consumer_prints() -> None:
    """Its lines go to the connection that it belongs to, after the end."""
    gone = asyncio.Event()

    class Leaves(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            self.task = asyncio.create_task(self.work())

        async def work(self) -> None:
            await gone.wait()
            print("late")

    with serving(Leaves) as live:
        with connect(live.url()) as client:
            client.send("x")
        live.host.settle()
        live.host.loop.call_soon_threadsafe(gone.set)
        assert eventually(lambda: live.prints() == ["late"])
        assert live.kinds(1)[-2:] == ["Disconnected", "Printed"]


# Generic consumers


def test_generic_consumers() -> None:
    """The generic consumers run unchanged."""

    class Generic(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept(subprotocol=None)

        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            await self.send(text_data=text_data, bytes_data=bytes_data)

    with serving(Generic) as live:
        with connect(live.url()) as client:
            client.send("text")
            client.send(b"bytes")
            assert [client.recv(), client.recv()] == ["text", b"bytes"]
        assert live.whats(Accepted) == [Accepted("Generic", None)]


# Time


def test_spans_of_async_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """An async handler works from when it takes an event to when it asks for the next."""
    monkeypatch.setattr("server.live.record.BRIEF", 0)
    with serving(AsyncEcho) as live:
        with connect(live.url()) as client:
            client.send("x")
            client.recv()
        live.host.settle()
        spans = live.record.snapshot().spans
        assert [(span.connection, span.state, span.label) for span in spans] == [
            (1, "working", "websocket.connect"),
            (1, "working", "websocket.receive"),
            (1, "working", "websocket.disconnect"),
        ]


def test_spans_of_sync_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync handler waits for the shared thread, and then works in it."""
    monkeypatch.setattr("server.live.record.BRIEF", 0)
    with serving(SyncEcho) as live:
        with connect(live.url()) as client:
            client.send("x")
            client.recv()
        live.host.settle()
        spans = live.record.snapshot().spans
        assert [(span.state, span.label) for span in spans] == [
            (state, f"websocket.{event}")
            for event in ("connect", "receive", "disconnect")
            for state in ("waiting", "working")
        ]


# One client after another


class StaysAMoment:
    """An application that has a step to go after its answer, when its client has left already."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        self.leaves = iter([self.may_go_on.wait, None])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wait = next(self.leaves)
        await receive()
        await send(ACCEPT)
        await receive()
        await send({"type": "websocket.send", "text": "answer"})
        if wait is not None:
            await wait()
        await receive()


def ask(live: Served) -> None:
    with connect(live.url()) as client:
        client.send("question")
        assert client.recv() == "answer"


def test_a_client_that_gives_up_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has asked and left before the others were told never was there."""
    monkeypatch.setattr("server.live.service.LEAVE", 3600.0)
    wires: list[Wire] = []
    usual = Service.process_request

    async def process_request(service: Service, wire: Wire, request: Any) -> Any:
        wires.append(wire)
        return await usual(service, wire, request)

    monkeypatch.setattr(Service, "process_request", process_request)
    app = StaysAMoment()
    with serving(app) as live:
        ask(live)
        client = RawClient(live.host.port)
        client.start_handshake()
        assert eventually(lambda: len(wires) == 2)
        client.reset()
        assert eventually(lambda: wires[1].lost)
        live.host.loop.call_soon_threadsafe(app.may_go_on.set)
        assert live.kinds() == ["Connecting", "Accepted", "Received", "Sent", "Disconnected"]
        assert live.works()


def test_a_client_comes_after_those_who_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next client is let in when the application has heard that the one before has left."""
    monkeypatch.setattr("server.live.service.LEAVE", 3600.0)
    came = []
    usual = Service.tell_who_left

    async def tell_who_left(service: Service) -> None:
        came.append(len(service.left))
        await usual(service)

    monkeypatch.setattr(Service, "tell_who_left", tell_who_left)
    app = StaysAMoment()
    with serving(app) as live:
        ask(live)
        other = threading.Thread(target=ask, args=(live,))
        other.start()
        assert eventually(lambda: len(came) == 2)
        live.host.loop.call_soon_threadsafe(app.may_go_on.set)
        other.join()
        assert live.kinds() == ["Connecting", "Accepted", "Received", "Sent", "Disconnected"] * 2
        assert came == [0, 1]
        assert live.host.left == set()


def test_a_client_does_not_wait_for_a_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next client is let in soon, whatever the handler of the one before still does."""
    monkeypatch.setattr("server.live.service.LEAVE", 0.01)
    app = StaysAMoment()
    with serving(app) as live:
        ask(live)
        ask(live)
        live.host.loop.call_soon_threadsafe(app.may_go_on.set)
        assert live.kinds()[4:6] == ["Connecting", "Accepted"]


def test_a_connection_that_is_lost_after_its_end() -> None:
    """Nobody waits for a consumer that has ended already when its client lets go of TCP."""
    with serving(AsyncEcho) as live:
        with connect(live.url()) as client:
            client.send("x")
            assert client.recv(60) == "x"
            (bridge,) = live.host.bridges
        assert eventually(lambda: live.host.bridges == set())
        before = live.entries(1)
        live.host.loop.call_soon_threadsafe(bridge.on_lost)
        assert live.works()
        assert live.entries(1) == before
        assert bridge not in live.host.left

"""What the server answers, and when it has come to rest."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from channels.routing import ProtocolTypeRouter
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import WebSocketException
from websockets.http11 import Request, Response
from websockets.sync.client import ClientConnection, connect

from server.live.files import text_response
from server.live.record import Answered, Connecting, Disconnected, Requested
from server.live.service import Working
from server.live.wire import Wire
from tests.serving import (
    AsyncEcho,
    RawClient,
    SyncEcho,
    eventually,
    serving,
)

# What it answers


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"hello\r\n\r\n", "invalid HTTP request line: hello"),
        (b"GET / HTTP/2\r\n\r\n", "unsupported protocol; expected HTTP/1.1 or HTTP/1.0: GET / "),
        (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", "invalid HTTP header line: nonsense"),
        (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n", "8192 bytes"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", "'ascii' codec can't decode byte 0xff"),
    ],
    ids=["hello", "HTTP/2", "header", "long", "bytes"],
)
def test_garbage_instead_of_a_handshake(data: bytes, problem: str) -> None:
    """The client hears why and is let go, the record has a sentence, and others are served."""
    with serving(AsyncEcho) as live:
        with RawClient(live.host.port) as client:
            client.socket.sendall(data)
            with suppress(ConnectionResetError):
                # The library answers by itself what it can make out.
                assert client.file.read()[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 414 ")
        assert eventually(lambda: len(live.notes()) == 1)
        [note] = live.notes()
        assert note.startswith("A client sent something that is no HTTP request: ")
        assert problem.strip() in note
        assert live.works()


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_a_client_that_leaves_before_its_request(data: bytes) -> None:
    """It has asked for nothing; there is nothing to say."""
    with serving(AsyncEcho) as live:
        with RawClient(live.host.port) as client:
            client.socket.sendall(data)
        assert eventually(lambda: not live.host.wires)
        assert live.entries() == []
        assert live.works()


def persistent(url: str) -> ClientConnection:
    """Connect, again where the machine was too slow for the server's patience."""
    for _ in range(1000):
        with suppress(OSError, EOFError, WebSocketException):
            return connect(url)
    raise AssertionError("nobody gets in")


def test_a_client_that_sends_no_request() -> None:
    """It is let go after a while."""
    with serving(AsyncEcho, request_timeout=0.05) as live:
        with RawClient(live.host.port) as client:
            client.socket.sendall(b"GET / HT")
            with suppress(ConnectionResetError):
                assert client.file.read() == b""
        with persistent(live.url()) as client_2:
            time.sleep(0.1)
            client_2.send("x")
            assert client_2.recv() == "x"


@pytest.mark.parametrize(
    ("leave_out", "headers", "status"),
    [
        ("Sec-WebSocket-Key", [], 400),
        ("Sec-WebSocket-Key", ["Sec-WebSocket-Key: not base64"], 400),
        ("Sec-WebSocket-Key", ["Sec-WebSocket-Key: c2hvcnQ="], 400),
        ("Sec-WebSocket-Version", [], 400),
        ("Sec-WebSocket-Version", ["Sec-WebSocket-Version: 8"], 426),
        ("Connection", [], 426),
        ("Upgrade", ["Upgrade: other"], 426),
        ("none", ["Origin: http://a", "Origin: http://a"], 403),
    ],
)
def test_a_handshake_that_cannot_succeed(leave_out: str, headers: list[str], status: int) -> None:
    """The library says what is wrong, and no application is started."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        answer = client.handshake("/", *headers, leave_out=leave_out)
        assert answer.startswith(f"HTTP/1.1 {status} ")
        if "8" in "".join(headers):
            assert "\r\nSec-WebSocket-Version: 13\r\n" in answer
        assert live.host.connections == 0


def test_a_method_that_is_not_get() -> None:
    """A handshake has to be GET; a page may be asked for its head."""
    with serving(AsyncEcho) as live:
        for method, status in (("POST", 404), ("OPTIONS", 404), ("HEAD", 404)):
            with RawClient(live.host.port) as client:
                head = f"{method} /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
                client.socket.sendall(head.encode())
                answer = client.file.read()
                assert answer.startswith(f"HTTP/1.1 {status} ".encode())
                assert answer.endswith(b"\r\n\r\n") == (method == "HEAD")


async def page(scope: Any, receive: Any, send: Any) -> None:
    """Answer a plain HTTP request, or fail."""
    if scope["path"] == "/fails":
        raise ValueError("no page")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def test_an_http_application() -> None:
    """It answers every path but those of static/, and an error in it is recorded."""
    app = ProtocolTypeRouter({"http": page, "websocket": AsyncEcho.as_asgi()})
    with serving(app) as live:

        def get(path: str) -> str:
            with RawClient(live.host.port) as client:
                return client.request(path)

        assert get("/").endswith("\r\n\r\n/")
        assert get("/anything").endswith("\r\n\r\n/anything")
        assert get("/static/nothing").endswith("There is no file /static/nothing.\n")
        assert [entry.what for entry in live.entries()] == [
            Requested("GET", "/"),
            Answered(None, 200, 1),
            Requested("GET", "/anything"),
            Answered(None, 200, 9),
        ]
        answer = get("/fails")
        assert answer.startswith("HTTP/1.1 500 ")
        assert answer.endswith("\r\n\r\nThe application raised an exception.\n")
        assert live.errors() == ["ValueError: no page"]
        assert live.works()


class Shelf:
    """Pages below ``/browser/``; those with a ``k`` are known to frames only."""

    def owns(self, target: str) -> bool:
        return target.startswith("/browser/")

    def knows(self, target: str) -> bool:
        return target.startswith("/browser/k")

    def admit(self, wire: Wire, request: Request) -> None:
        """Take the last letters off, and let it have this server's origin."""
        if request.path.endswith("-mine"):
            request.path = request.path.removesuffix("-mine")
            del request.headers["Origin"]
            request.headers["Origin"] = f"http://{request.headers['Host']}"

    def respond(self, request: Request, port: int) -> Response:
        """Answer for one path."""
        return text_response(200 if request.path == "/browser/a" else 404, f"page on {port}")

    async def serve(self, wire: ServerConnection, working: Working, port: int) -> None:
        """Echo one message."""
        await wire.send(await wire.recv())


def test_pages_of_the_course() -> None:
    """Paths below /browser/ are kept for the course, and never enter the record."""
    with serving(AsyncEcho, pages=Shelf()) as live:
        with RawClient(live.host.port) as client:
            answer = client.request("/browser/a")
            assert answer.endswith(f"\r\n\r\npage on {live.host.port}\n")
        with RawClient(live.host.port) as client:
            assert client.request("/browser/b").startswith("HTTP/1.1 404 ")
        with connect(live.url("/browser/a")) as socket_:
            socket_.send("x")
            assert socket_.recv() == "x"
        assert live.entries() == []


def test_pages_of_the_course_and_origins() -> None:
    """A frame that shows that it is one may have any origin, and a page may show that it is one."""
    with serving(AsyncEcho, pages=Shelf()) as live:

        def status(path: str) -> str:
            with RawClient(live.host.port) as client:
                return client.handshake(path, "Origin: null")[9:12]

        asked = ("/browser/known", "/browser/other", "/ws/-mine", "/ws/")
        assert [status(path) for path in asked] == ["101", "403", "101", "403"]
        connecting = live.whats(Connecting)
        assert connecting == [Connecting("/ws/", f"http://127.0.0.1:{live.host.port}")]


def test_a_path_below_browser_where_there_are_no_pages() -> None:
    """It is the application's, as any other."""
    with serving(AsyncEcho) as live, connect(live.url("/browser/a")) as client:
        client.send("x")
        assert client.recv() == "x"


# Reading the record


def test_settling_waits_for_consumers_of_closed_connections() -> None:
    """A slow farewell is in the record."""

    class SlowFarewell(SyncEcho):
        def websocket_disconnect(self, event: dict[str, Any]) -> None:
            time.sleep(0.1)
            print("farewell")
            super().websocket_disconnect(event)

    with serving(SlowFarewell) as live:
        with connect(live.url()):
            pass
        assert live.prints() == ["farewell"]


def test_settling_does_not_wait_for_ever() -> None:
    """A consumer that is still busy when the time is up is not waited for."""
    release = threading.Event()

    class Stuck(SyncEcho):
        def websocket_disconnect(self, event: dict[str, Any]) -> None:
            release.wait()
            super().websocket_disconnect(event)

    with serving(Stuck) as live:
        with connect(live.url()):
            pass
        live.host.settle(0.05)
        assert live.record.snapshot().entries[-1].what == Disconnected("client", 1000, "")
        release.set()


def test_settling_does_not_wait_for_open_connections() -> None:
    """A client that stays does not hold up the reader."""
    with serving(AsyncEcho) as live, connect(live.url()):
        start = time.perf_counter()
        live.host.settle(3600)
        assert time.perf_counter() - start < 60


def test_who_works() -> None:
    """A handler works from when it takes an event to when it asks for the next one."""
    go = threading.Event()

    class Slow(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            go.wait(30)

    with serving(Slow) as live, connect(live.url()) as client:
        assert eventually(lambda: not live.host.working())
        client.send("x")
        assert eventually(live.host.working)
        assert live.host.working(60.0)
        # One that has been at it for longer than somebody waits does not count.
        assert not live.host.working(0.0)
        go.set()
        assert eventually(lambda: not live.host.working())

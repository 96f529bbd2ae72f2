"""HTTP requests that an application answers, in the record."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from channels.generic.http import AsyncHttpConsumer
from channels.routing import URLRouter
from django.urls import path

from server.live import http
from server.live.files import http_application
from server.live.first_bytes import NO_BODIES, TLS, refuse_first_bytes
from server.live.http import NO_STREAMS
from server.live.record import Answered, Failed, Note, Printed, Requested
from tests.serving import AsyncEcho, RawClient, Served, serving


class Page(AsyncHttpConsumer):
    """Answers in one piece."""

    async def handle(self, body: bytes) -> None:
        print("asked")
        print("careful", file=sys.stderr, end="")
        await self.send_response(200, b"hello")


class Events(AsyncHttpConsumer):
    """Begins a stream."""

    async def handle(self, body: bytes) -> None:
        headers = [(b"Content-Type", b"text/event-stream")]
        await self.send_headers(headers=headers)


class Endless(AsyncHttpConsumer):
    """Never ends its response."""

    async def handle(self, body: bytes) -> None:
        await self.send_headers()
        while True:
            await self.send_body(b"x", more_body=True)
            await asyncio.sleep(0.01)


class Cancelled(AsyncHttpConsumer):
    """Ends as a task does that is cancelled."""

    async def handle(self, body: bytes) -> None:
        raise asyncio.CancelledError


class Forgets(AsyncHttpConsumer):
    """Returns what it has to send."""

    async def handle(self, body: bytes) -> Any:
        return b"hello"


def get(live: Served, path: str = "/") -> str:
    with RawClient(live.host.port) as client:
        return client.request(path).partition("\r\n\r\n")[2]


def test_request_and_answer() -> None:
    """A request has a connection of its own, with what its consumer prints."""
    with serving(Page) as live:
        assert get(live, "/a?b=1") == "hello"
        assert [entry.what for entry in live.entries(1)] == [
            Requested("GET", "/a?b=1"),
            Printed("asked", "stdout"),
            Printed("careful", "stderr"),
            Answered("Page", 200, 5),
        ]
        assert live.record.snapshot().consumers == {1: "Page"}


def test_stream_of_events() -> None:
    """A stream is refused in a sentence, and at once."""
    with serving(Events) as live:
        assert get(live) == f"{NO_STREAMS}\n"
        assert live.errors() == [f"server.live.http.StreamRefused: {NO_STREAMS}"]
        assert live.whats(Answered)[0].status == 501


def test_response_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that does not come to an end is cancelled after a while."""
    monkeypatch.setattr(http, "PATIENCE", 0.1)
    with serving(Endless) as live:
        why = "The application has not finished its response within 0.1 s."
        assert get(live) == f"{why}\n"
        assert live.notes() == [f"{why} {NO_STREAMS}"]


def test_application_that_is_cancelled() -> None:
    """It has answered nothing, and the client is told so."""
    with serving(Cancelled) as live:
        assert get(live) == "The application was cancelled.\n"


def test_application_that_fails() -> None:
    """An exception stands before the answer, and remarks about the class before both."""
    with serving(Forgets) as live:
        assert get(live) == "The application raised an exception.\n"
        kinds = [type(what) for what in (entry.what for entry in live.entries(1))]
        assert kinds == [Requested, Note, Failed, Answered]
        assert "returns a value" in live.notes()[0]


def test_which_application() -> None:
    """HTTP is for an HTTP consumer, and for routes of which one leads to one."""
    page = Page.as_asgi()
    routes = URLRouter([path("a/", AsyncEcho.as_asgi()), path("b/", page)])
    assert http_application(page) is page
    assert http_application(routes) is routes
    assert http_application(URLRouter([path("a/", AsyncEcho.as_asgi())])) is None
    assert http_application(AsyncEcho.as_asgi()) is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x16\x03\x01\x02\0\1", TLS),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", NO_BODIES),
        (b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", NO_BODIES),
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nX-Content-Length: 3\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nContent-Length: 3", None),
    ],
)
def test_first_bytes(data: bytes, why: str | None) -> None:
    """TLS and requests with a body are told from what the library reads."""
    found = refuse_first_bytes(data)
    assert (found[0] if found is not None else None) == why


def test_body_that_nobody_reads() -> None:
    """A request with a body is refused in a sentence, for the client and in the record."""
    with serving(Page) as live, RawClient(live.host.port) as client:
        client.socket.sendall(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
        answer = client.file.read().decode()
        assert answer.startswith("HTTP/1.1 501 Not Implemented\r\n")
        assert answer.endswith(f"{NO_BODIES}\n")
        assert live.notes() == [NO_BODIES]
        assert get(live) == "hello"


def test_tls() -> None:
    """A client that begins with TLS is let go, and the record says what it did."""
    with serving(Page) as live, RawClient(live.host.port) as client:
        client.socket.sendall(b"\x16\x03\x01\x02\0\1")
        assert client.file.read() == b""
        assert live.notes() == [TLS]

"""Requests that are not those of a browser: each gets an answer, which says what is wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest

from server.live.first_bytes import NO_BODIES
from server.live.host import Host
from tests.serving import AsyncEcho, RawClient, eventually, serving


def test_an_offer_of_http_2() -> None:
    """What curl --http2 asks for is answered in HTTP/1.1."""
    with serving(AsyncEcho) as live:
        offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA")
        with RawClient(live.host.port) as client:
            assert client.request("/", *offer).startswith("HTTP/1.1 200 OK\r\n")
        with RawClient(live.host.port) as client:
            assert client.request("/", "Upgrade: other").startswith("HTTP/1.1 426 ")


@pytest.mark.parametrize(
    ("target", "status"), [("/", "200"), ("", "200"), ("?a", "200"), ("/x", "404")]
)
def test_a_target_with_a_host(target: str, status: str) -> None:
    """A target as proxies get it names the host once more."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        answer = client.request(f"HTTP://localhost:{live.host.port}{target}")
        assert answer.split()[1] == status


def test_a_target_with_another_host() -> None:
    """Nobody gets in by a host that only the target names."""
    with serving(AsyncEcho) as live:
        with RawClient(live.host.port) as client:
            assert client.request("http://evil.example/").startswith("HTTP/1.1 403 ")
        with RawClient(live.host.port) as client:
            host = "Host: evil.example"
            assert client.request("http://localhost/", host=host).startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        # What comes in one piece is refused with a sentence about bodies, before it is read.
        (
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent", b"-Length: 3\r\n\r\nabc"),
            "unsupported request body",
        ),
        (
            (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer", b"-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "transfer codings aren't supported",
        ),
        (
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",),
            "unsupported protocol; expected HTTP/1.1 or HTTP/1.0: PRI * HTTP/2.0",
        ),
    ],
)
def test_what_is_not_understood(pieces: tuple[bytes, ...], why: str) -> None:
    """The client hears why, and so does who reads the record, though the client stays."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        for number, piece in enumerate(pieces, 1):
            client.socket.sendall(piece)
            if number < len(pieces):
                # The first piece has arrived.
                assert eventually(lambda: taken(live.host) > 0)
        answer = client.file.read().decode()
        assert answer.startswith("HTTP/1.1 400 Bad Request\r\n")
        assert answer.endswith(f"\r\n\r\nThis server does not take such a request: {why}.\n")
        note = f"A client sent something that is no HTTP request: {why}."
        assert live.notes() == [note]


def taken(host: Host) -> int:
    """Return how many bytes of an unfinished line the library holds."""
    return sum(len(wire.protocol.reader.buffer) for wire in list(host.wires))


def test_a_large_body_is_refused_once() -> None:
    """What follows the refusal is not read as another request."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        body = b"x\r\n" * 50_000
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with suppress(ConnectionError):
            client.socket.sendall(head.encode() + body)
        assert eventually(lambda: not live.host.wires)
        assert live.notes() == [NO_BODIES]

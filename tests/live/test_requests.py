"""Requests that are not those of a browser: each gets an answer, which says what is wrong."""

from __future__ import annotations

import pytest

from tests.serving import AsyncEcho, RawClient, serving


def asked(port: int, *lines: str) -> str:
    """Send lines, the last of which is a body, and return the answer."""
    with RawClient(port) as client:
        client.socket.sendall("\r\n".join(lines).encode())
        return client.file.read().decode()


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
    ("lines", "why"),
    [
        (
            ("POST / HTTP/1.1", "Host: localhost", "Content-Length: 3", "", "abc"),
            "unsupported request body",
        ),
        (
            ("GET / HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", "", "0\r\n\r\n"),
            "transfer codings aren't supported",
        ),
        (
            ("PRI * HTTP/2.0", "", "SM", "", ""),
            "unsupported protocol; expected HTTP/1.1 or HTTP/1.0: PRI * HTTP/2.0",
        ),
    ],
)
def test_what_is_not_understood(lines: tuple[str, ...], why: str) -> None:
    """The client hears why, and so does who reads the record."""
    with serving(AsyncEcho) as live:
        answer = asked(live.host.port, *lines)
        assert answer.startswith("HTTP/1.1 400 Bad Request\r\n")
        assert answer.endswith(f"\r\n\r\nThis server does not take such a request: {why}.\n")
        assert live.notes() == [f"A client sent something that is no HTTP request: {why}."]

"""Plain HTTP on the live server's port."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from channels.routing import ProtocolTypeRouter
from websockets.datastructures import Headers
from websockets.http11 import Request

from server.files import file_response, http_application, run_http
from server.paths import STATIC
from tests.serving import AsyncEcho, RawClient, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a few files, and a secret beside it."""
    static = tmp_path / "static"
    (static / "deep").mkdir(parents=True)
    (static / "index.html").write_text("<p>é</p>", encoding="utf-8")
    (static / "page.js").write_text("1")
    (static / "page.css").write_text("p {}")
    (static / "picture.png").write_bytes(b"\x89PNG")
    (static / "unknown.kind-of-file").write_bytes(b"?")
    (static / "deep" / "a b.txt").write_text("deep")
    (tmp_path / "secret.txt").write_text("secret")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    (static / "outside").symlink_to(tmp_path)
    (static / "inside.txt").symlink_to(static / "page.js")
    (static / "loop").symlink_to(static / "loop")
    return static


@pytest.mark.parametrize(
    ("target", "kind", "body"),
    [
        ("/", "text/html; charset=utf-8", "<p>é</p>".encode()),
        ("/?a=1", "text/html; charset=utf-8", "<p>é</p>".encode()),
        ("/static/page.js?v=2", "text/javascript; charset=utf-8", b"1"),
        ("/static/page.css", "text/css; charset=utf-8", b"p {}"),
        ("/static/picture.png", "image/png", b"\x89PNG"),
        ("/static/unknown.kind-of-file", "application/octet-stream", b"?"),
        ("/static/deep/a%20b.txt", "text/plain; charset=utf-8", b"deep"),
        ("/static/deep/../page.css", "text/css; charset=utf-8", b"p {}"),
        ("/static/inside.txt", "text/javascript; charset=utf-8", b"1"),
    ],
)
def test_files(folder: Path, target: str, kind: str, body: bytes) -> None:
    """A file is served with its type, and is asked for again each time."""
    found = file_response(target, folder)
    assert found is not None
    assert found.status_code == 200
    assert found.body == body
    assert found.headers["Content-Type"] == kind
    assert found.headers["Content-Length"] == str(len(body))
    assert found.headers["Cache-Control"] == "no-cache"
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Connection"] == "close"


@pytest.mark.parametrize("target", ["/ws/", "/favicon.ico", "/staticpage.js", "//static/page.js"])
def test_other_paths(folder: Path, target: str) -> None:
    """Paths that are not below /static/ are somebody else's."""
    assert file_response(target, folder) is None


@pytest.mark.parametrize(
    "target",
    [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/%2e%2e%2fsecret.txt",
        "/static/deep/../../secret.txt",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/..\\secret.txt",
        "/static/..%5csecret.txt",
        "/static/link.txt",
        "/static/outside/secret.txt",
        "/static/..",
    ],
)
def test_paths_that_lead_out(folder: Path, target: str) -> None:
    """A path that leads out of the folder is refused, whether or not there is a file."""
    with pytest.raises(PermissionError) as caught:
        file_response(target, folder)
    assert str(caught.value) == "That path is outside the static folder."


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/static/nothing.js", "/static/nothing.js"),
        ("/static/", "/static/"),
        ("/static/deep", "/static/deep"),
        ("/static/%252e%252e/secret.txt", "/static/%2e%2e/secret.txt"),
        ("/static/a%00b", "/static/a\0b"),
        ("/static/%FF", "/static/\N{REPLACEMENT CHARACTER}"),
        (f"/static/{'a' * 5000}", f"/static/{'a' * 5000}"),
        ("/static/loop", "/static/loop"),
    ],
    ids=lambda text: text[:40],
)
def test_files_that_are_not_there(folder: Path, target: str, path: str) -> None:
    """What is no file gets 404, however odd its name; twice encoded dots are an odd name."""
    found = file_response(target, folder)
    assert found is not None
    assert found.status_code == 404
    assert found.body.decode() == f"There is no file {path}.\n"


# An application that answers HTTP


def request(path: str = "/", *headers: tuple[str, str]) -> Request:
    """Return a request as ``websockets`` parses it."""
    return Request(path, Headers(headers))


def run(app: Any, path: str = "/", *headers: tuple[str, str]) -> Any:
    """Run an application for one request."""
    return asyncio.run(run_http(app, request(path, *headers), ("127.0.0.1", 1), ("127.0.0.1", 2)))


def test_which_application_answers() -> None:
    """A ProtocolTypeRouter may have one for HTTP; a consumer has none."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing."""

    assert http_application(ProtocolTypeRouter({"http": page, "websocket": page})) is page
    assert http_application(ProtocolTypeRouter({"websocket": page})) is None
    assert http_application(AsyncEcho.as_asgi()) is None


def test_an_application_answers() -> None:
    """Status, headers and a body in pieces become a response with a length."""
    scopes = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        headers = [(b"Content-Type", b"text/x"), (b"Content-Length", b"99"), (b"X-A", b"\xe9")]
        await send({"type": "http.response.start", "status": 299, "headers": headers})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})
        await send({"type": "http.response.body"})

    found = run(page, "/a%20b?c=%20", ("Host", "x"))
    assert (found.status_code, found.reason_phrase, found.body) == (299, "", b"onetwo")
    assert found.headers["Content-Length"] == "6"
    assert found.headers["X-A"] == "\xe9"
    assert scopes == [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/a b",
            "raw_path": b"/a%20b",
            "query_string": b"c=%20",
            "root_path": "",
            "headers": [(b"host", b"x")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
    ]


def test_an_application_that_asks_twice() -> None:
    """There is one request and no more: a second receive() waits."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
        await send({"type": "http.response.start", "status": 200})

    assert run(page).status_code == 200


def test_an_application_that_answers_nothing() -> None:
    """It is an error to return without an answer."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing."""

    with pytest.raises(RuntimeError) as caught:
        run(page)
    assert str(caught.value) == "ASGI callable returned without starting response."


def test_an_application_that_takes_http_for_a_websocket() -> None:
    """Messages of another protocol are an error."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    with pytest.raises(RuntimeError) as caught:
        run(page)
    assert str(caught.value) == "Unexpected ASGI message 'websocket.accept' for HTTP."


# On the wire


def test_a_path_that_leads_out_is_refused_and_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gets 403 and the reason, and the record has a line."""
    monkeypatch.setattr(file_response, "__defaults__", (folder,))
    with serving(AsyncEcho) as live:
        for path in ("/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/link.txt"):
            with RawClient(live.host.port) as client:
                answer = client.request(path)
            assert answer.startswith("HTTP/1.1 403 Forbidden\r\n")
            assert answer.endswith("\r\n\r\nThat path is outside the static folder.\n")
        assert [why for _, _, why in live.refusals()] == [
            "/static/../secret.txt: That path is outside the static folder.",
            "/static/%2e%2e/secret.txt: That path is outside the static folder.",
            "/static/link.txt: That path is outside the static folder.",
        ]


def test_the_page_is_served() -> None:
    """The server's own page is at its root, and favicons are not an event."""
    assert STATIC.is_dir()
    with serving(AsyncEcho) as live:
        with RawClient(live.host.port) as client:
            answer = client.request("/favicon.ico")
            assert answer.startswith("HTTP/1.1 404 Not Found\r\n")
            assert answer.endswith("\r\n\r\nThere is no page /favicon.ico.\n")
        assert live.entries() == []


def test_a_real_http_client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of the standard library reads a file to its end."""
    monkeypatch.setattr(file_response, "__defaults__", (folder,))
    with (
        serving(AsyncEcho) as live,
        urlopen(f"http://127.0.0.1:{live.host.port}/static/page.js") as answer,
    ):
        assert answer.read() == b"1"

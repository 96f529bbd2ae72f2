"""Plain HTTP on the live server's port: the files of ``static/``, and an ASGI HTTP application.

``websockets`` reads requests without a body, which is what a page and its files need.

"""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from typing import Any

from asgiref.typing import ASGI3Application
from channels.generic.http import AsyncHttpConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from ..paths import STATIC
from .asgi import reason_phrase, scope_headers, split_target

__all__ = ["file_response", "http_application", "run_http", "text_response"]

TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css"}
"""Types that some systems' registries get wrong, Windows' above all."""


def file_response(target: str, folder: Path = STATIC) -> Response | None:
    """Answer a request for ``/`` or ``/static/...`` with a file; ``None`` for other paths.

    Raises:
        PermissionError: The path leads out of the folder, by dots or by a link.

    """
    path, _, _ = split_target(target)
    if path == "/":
        path = "/static/index.html"
    if not path.startswith("/static/"):
        return None
    name = path.removeprefix("/static/")
    try:
        file = (folder / name).resolve()
        inside = "\\" not in name and file.is_relative_to(folder.resolve())
        found = inside and file.is_file()
    except (OSError, RuntimeError, ValueError):
        # A name that is too long, a link to itself, or a null character.
        return text_response(404, f"There is no file {path}.")
    if not inside:
        raise PermissionError("That path is outside the static folder.")
    if not found:
        return text_response(404, f"There is no file {path}.")
    kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
    kind = kind or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    headers = [
        ("Content-Type", kind),
        ("Cache-Control", "no-cache"),
        # The pages of browser cells have origins of their own.
        ("Access-Control-Allow-Origin", "*"),
        ("Content-Security-Policy", "frame-ancestors 'self'"),
    ]
    return response(200, file.read_bytes(), headers)


def http_application(app: Any) -> ASGI3Application | None:
    """Return the application that answers HTTP, where there is one.

    It is that of a ``ProtocolTypeRouter``, an HTTP consumer, or a list of routes that has one.

    """
    found: ASGI3Application | None = None
    if isinstance(app, ProtocolTypeRouter):
        found = app.application_mapping.get("http")
    elif is_http_consumer(app) or (isinstance(app, URLRouter) and leads_to_http(app)):
        found = app
    return found


def is_http_consumer(app: Any) -> bool:
    """Tell whether an application is an HTTP consumer's, as ``as_asgi()`` makes it."""
    cls = getattr(app, "consumer_class", None)
    return isinstance(cls, type) and issubclass(cls, AsyncHttpConsumer)


def leads_to_http(router: URLRouter) -> bool:
    """Tell whether a route leads to an HTTP consumer."""
    return any(is_http_consumer(getattr(route, "callback", None)) for route in router.routes)


async def run_http(
    app: ASGI3Application,
    request: Request,
    client: tuple[str, int] | None,
    server: tuple[str, int] | None,
) -> Response:
    """Run an ASGI application for one request without a body and collect its response."""
    path, raw_path, query_string = split_target(request.path)
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": request.protocol.removeprefix("HTTP/"),
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": raw_path,
        "query_string": query_string,
        "root_path": "",
        "headers": scope_headers(request.headers.raw_items()),
        "client": client,
        "server": server,
    }
    asked = False
    start: dict[str, Any] | None = None
    body: list[bytes] = []

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            # The client waits for the answer; there is nothing more to tell the application.
            await asyncio.get_running_loop().create_future()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        elif message["type"] == "http.response.body":
            body.append(message.get("body", b""))
        else:
            raise RuntimeError(f"Unexpected ASGI message {message['type']!r} for HTTP.")

    await app(scope, receive, send)  # type: ignore[arg-type]
    if start is None:
        raise RuntimeError("ASGI callable returned without starting response.")
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in start.get("headers", ())
        if name.lower() not in (b"content-length", b"connection", b"transfer-encoding")
    ]
    return response(start["status"], b"".join(body), headers)


def text_response(status: int, text: str) -> Response:
    """Answer with one line of plain text."""
    return response(status, f"{text}\n".encode(), [("Content-Type", "text/plain; charset=utf-8")])


def response(status: int, body: bytes, headers: list[tuple[str, str]]) -> Response:
    """Build a response of ``websockets``; the connection closes after it."""
    fields = Headers(headers)
    fields["X-Content-Type-Options"] = "nosniff"
    fields["Content-Length"] = str(len(body))
    fields["Connection"] = "close"
    return Response(status, reason_phrase(status), fields, body)

"""Handshakes and other requests, as ``websockets`` has them: what they ask, and how to refuse."""

from __future__ import annotations

import base64
import re
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from .asgi import Deny, reason_phrase
from .files import text_response

__all__ = [
    "address",
    "header",
    "http_response",
    "split_absolute",
    "upgrades",
    "wants_websocket",
    "wrong_version",
]


def split_absolute(target: str) -> tuple[str | None, str]:
    """Return the host that a target names, as it does for a proxy, and the target without it."""
    found = re.match("https?://([^/?#]*)", target, re.IGNORECASE)
    if found is None:
        return None, target
    rest = target[found.end() :]
    return found[1], rest if rest.startswith("/") else f"/{rest}"


def upgrades(request: Request) -> bool:
    """Tell whether a request wants another protocol, which a server may leave aside if it is h2c.

    ``curl --http2`` offers HTTP/2 so with every request, and takes an answer in HTTP/1.1.

    """
    return (header(request, "Upgrade") or "h2c").strip().lower() != "h2c"


def wants_websocket(request: Request) -> bool:
    """Tell whether a request is a WebSocket handshake that can succeed (RFC 6455, 4.2.1).

    The library answers all others with the status that says what is wrong.

    """
    return (
        request.method == "GET"
        and request.protocol == "HTTP/1.1"
        and (header(request, "Upgrade") or "").strip().lower() == "websocket"
        and "upgrade" in re.split(r"[,\s]+", (header(request, "Connection") or "").lower())
        and header(request, "Sec-WebSocket-Version") == "13"
        and is_key(header(request, "Sec-WebSocket-Key") or "")
    )


def is_key(value: str) -> bool:
    """Tell whether a value is the base64 of 16 bytes."""
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except ValueError:
        return False


def header(request: Request, name: str) -> str | None:
    """Return a header's value; several values are joined, so that none can hide."""
    values = request.headers.get_all(name)
    return ", ".join(values) if values else None


def http_response(deny: Deny) -> Response:
    """Turn a refusal into a response of ``websockets``."""
    headers = Headers(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in deny.headers
        if name not in (b"connection", b"content-length")
    )
    headers["Connection"] = "close"
    headers["Content-Length"] = str(len(deny.body))
    if deny.body and "Content-Type" not in headers:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    return Response(deny.status, reason_phrase(deny.status), headers, deny.body)


def address(pair: Any) -> tuple[str, int] | None:
    """Return host and port of a socket's address, whatever its family."""
    return (str(pair[0]), int(pair[1])) if pair else None


def wrong_version(request: Request) -> Response | None:
    """Tell a client of another version of the protocol which one is spoken (RFC 6455, 4.4)."""
    if request.headers.get_all("Sec-WebSocket-Version") in ([], ["13"]):
        return None
    found = text_response(426, "This server speaks version 13 of the WebSocket protocol.")
    found.headers["Sec-WebSocket-Version"] = "13"
    found.headers["Upgrade"] = "websocket"
    return found

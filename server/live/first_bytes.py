"""What a client sends first, where it is refused before the library looks at it."""

from __future__ import annotations

import re

from .files import text_response

__all__ = ["refuse_first_bytes"]

NO_BODIES = (
    "A client sent a request with a body, as POST does. The live server reads none; uvicorn and "
    "daphne do."
)

TLS = (
    "A client began with TLS, as wss:// and https:// do. This server speaks none: write ws:// or "
    "http://."
)

HAS_BODY = re.compile(
    rb"[A-Z]+ [^\r\n]* HTTP/1\.[01]\r\n(?:[^\r\n]+\r\n)*?"
    rb"(?i:content-length:[ \t]*0*[1-9]|transfer-encoding:)"
)


def refuse_first_bytes(data: bytes) -> tuple[str, bytes] | None:
    """Return why what a client sends first is refused, and what it is answered with."""
    if data.startswith(b"\x16\x03"):
        # Nothing that it would understand.
        return TLS, b""
    if HAS_BODY.match(data):
        found = text_response(501, NO_BODIES)
        return NO_BODIES, found.serialize()
    return None

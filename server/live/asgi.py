"""ASGI's WebSocket rules without I/O: scope, events, and what an application may send when.

Source: the ASGI HTTP & WebSocket specification, version 2.5 (asgiref, ``specs/www.rst``), and
RFC 6455. Nothing here knows a socket, a thread or a clock.

"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import CoroutineType
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

__all__ = [
    "Accept",
    "Action",
    "ClientDisconnected",
    "Close",
    "Deny",
    "Exchange",
    "Message",
    "Pending",
    "Send",
    "State",
    "connect_event",
    "disconnect_event",
    "message_type",
    "readable",
    "reason_phrase",
    "receive_event",
    "scope_headers",
    "split_target",
    "websocket_scope",
]

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""What a subprotocol is made of (RFC 6455, 4.1, and RFC 9110, 5.6.2)."""

Message: TypeAlias = Mapping[str, Any]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


class ClientDisconnected(OSError):
    """The application sends to a client that has left.

    The specification asks for an :exc:`OSError` here; servers do not report it as a failure.

    """

    connection = 0
    """The number of the connection that has ended; another consumer may have sent it."""


class State(enum.Enum):
    """Where the application stands in the life of one connection."""

    CONNECTING = enum.auto()
    """It has been told ``websocket.connect`` and has not answered."""

    DENYING = enum.auto()
    """It has begun an HTTP response of its own and has not finished it."""

    DENIED = enum.auto()
    """It has refused the connection."""

    OPEN = enum.auto()
    """It has accepted."""

    CLOSED = enum.auto()
    """It has sent ``websocket.close``."""


@dataclass(frozen=True)
class Accept:
    """Answer the handshake with 101 Switching Protocols."""

    subprotocol: str | None
    headers: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Deny:
    """Answer the handshake with an HTTP response that is not 101."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True)
class Pending:
    """Wait for the rest of an HTTP response."""


Send: TypeAlias = str | bytes
"""Send it, as a text message (``str``) or a binary message (``bytes``)."""


@dataclass(frozen=True)
class Close:
    """Send a close frame."""

    code: int
    reason: str


Action: TypeAlias = Accept | Deny | Pending | Send | Close


@dataclass(slots=True)
class Exchange:
    """The state machine that turns what an application sends into actions."""

    offered: tuple[str, ...] = ()
    """The subprotocols that the client offered."""

    state: State = State.CONNECTING
    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: list[bytes] = field(default_factory=list)

    def receive(self, message: Message) -> Action:
        """Take a message from the application and return what to do about it.

        Raises:
            RuntimeError: The message does not fit the state of the connection.
            TypeError: A value has the wrong type.
            ValueError: A value has the right type and is not allowed.

        """
        if (
            self.state is State.OPEN
            and isinstance(message, dict)
            and message.get("type") == "websocket.send"
        ):
            # Nearly every message is this one; the others can take their time.
            return payload(message)
        kind = message_type(message)
        match self.state, kind:
            case State.CONNECTING, "websocket.accept":
                accept = Accept(subprotocol(message), response_headers(message))
                self.state = State.OPEN
                return accept
            case State.CONNECTING, "websocket.close":
                self.state = State.DENIED
                return Deny(403, (), b"")
            case State.CONNECTING, "websocket.http.response.start":
                self.status = http_status(message)
                self.headers = response_headers(message)
                self.state = State.DENYING
                return Pending()
            case State.DENYING, "websocket.http.response.body":
                self.body.append(response_body(message))
                if message.get("more_body", False):
                    return Pending()
                self.state = State.DENIED
                return Deny(self.status, self.headers, b"".join(self.body))
            case State.OPEN, "websocket.send":
                return payload(message)
            case State.OPEN, "websocket.close":
                close = Close(close_code(message), close_reason(message))
                self.state = State.CLOSED
                return close
            case _:
                raise RuntimeError(unexpected(self.state, kind))


EXPECTED = {
    State.CONNECTING: (
        "Expected ASGI message 'websocket.accept', 'websocket.close' or "
        "'websocket.http.response.start' but got {kind!r}.",
        "The handshake is not answered yet: accept first, then send.",
    ),
    State.DENYING: (
        "Expected ASGI message 'websocket.http.response.body' but got {kind!r}.",
        "The refusal that was begun has to be finished.",
    ),
    State.DENIED: (
        "Unexpected ASGI message {kind!r}, after the connection was refused.",
        "Nothing can be sent on a connection that never opened.",
    ),
    State.OPEN: (
        "Expected ASGI message 'websocket.send' or 'websocket.close', but got {kind!r}.",
        "The connection is open: it has been accepted already.",
    ),
    State.CLOSED: (
        "Unexpected ASGI message {kind!r}, after sending 'websocket.close'.",
        "Nothing can be sent after the consumer's own close.",
    ),
}


def unexpected(state: State, kind: str) -> str:
    """Say what was expected, what came, and the reason."""
    rule, reason = EXPECTED[state]
    return f"{rule.format(kind=kind)} {reason}"


def message_type(message: object) -> str:
    """Return the message's type.

    Raises:
        TypeError: It is not a dictionary, or its type is not a string.
        ValueError: It has no type.

    """
    if not isinstance(message, Mapping):
        raise TypeError(
            f"an ASGI message is a dictionary, not {type(message).__name__}: "
            f'write {{"type": "websocket.send", "text": ...}}'
        )
    if "type" not in message:
        raise ValueError("an ASGI message needs the key 'type', such as 'websocket.send'")
    kind = message["type"]
    if not isinstance(kind, str):
        raise TypeError(f"'type' of an ASGI message must be str, not {type(kind).__name__}")
    return kind


def payload(message: Message) -> str | bytes:
    """Return the one payload of ``websocket.send``."""
    text = message.get("text")
    data = message.get("bytes")
    if data is None:
        if type(text) is str:
            return text
        if text is None:
            raise ValueError("websocket.send needs 'text' or 'bytes', got neither")
    elif text is not None:
        raise ValueError("websocket.send needs exactly one of 'text' and 'bytes', got both")
    if data is not None:
        if isinstance(data, bytes | bytearray | memoryview):
            return bytes(data)
        way_out = "send a str as 'text'" if isinstance(data, str) else "encode it first"
        raise TypeError(
            f"'bytes' of websocket.send must be bytes, not {type(data).__name__}: {way_out}"
        )
    if isinstance(text, str):
        # A class derived from str may have a __str__ that says something else.
        return str.__str__(text)
    raise TypeError(
        f"'text' of websocket.send must be str, not {type(text).__name__}: {text_way_out(text)}"
    )


def text_way_out(value: object) -> str:
    """Say how a value that is not a string gets into a text message."""
    match value:
        case bytes() | bytearray() | memoryview():
            return "send it as 'bytes', or decode it"
        case {"type": "websocket.accept" | "websocket.send" | "websocket.close"}:
            return "it is an ASGI message itself"
        case dict() | list() | tuple():
            return "convert it with json.dumps(...)"
        case CoroutineType():
            return "put await before the call that makes it"
        case _:
            return "convert it with str(...) or an f-string"


def subprotocol(message: Message) -> str | None:
    """Return the subprotocol that ``websocket.accept`` chooses."""
    value = message.get("subprotocol")
    if value is not None and not isinstance(value, str):
        raise TypeError(
            f"'subprotocol' of websocket.accept must be str, not {type(value).__name__}"
        )
    if value is not None and re.fullmatch(TOKEN, value) is None:
        raise ValueError(
            f"a subprotocol is a word without spaces, commas and line breaks, got {value!r}"
        )
    return value


def response_headers(message: Message) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of an answer to the handshake, names in lower case."""
    headers = []
    for pair in message.get("headers") or ():
        try:
            name, value = pair
        except (TypeError, ValueError):
            raise TypeError(f"a header is a pair of bytes, got {pair!r}") from None
        if not (isinstance(name, bytes) and isinstance(value, bytes)):
            raise TypeError(f"header names and values must be bytes, got {name!r}: {value!r}")
        if name.lower() == b"sec-websocket-protocol":
            raise ValueError("choose a subprotocol with 'subprotocol', not with a header")
        if b"\r" in name + value or b"\n" in name + value:
            raise ValueError(f"a header must not contain line breaks, got {name!r}: {value!r}")
        headers.append((name.lower(), value))
    return tuple(headers)


def http_status(message: Message) -> int:
    """Return the status of a refusal."""
    status = message.get("status")
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(
            f"'status' of websocket.http.response.start must be int, not {type(status).__name__}"
        )
    if not 200 <= status <= 599:
        raise ValueError(f"an HTTP status lies between 200 and 599, got {status}")
    return int(status)


def response_body(message: Message) -> bytes:
    """Return one piece of a refusal's body."""
    body = message.get("body", b"")
    if not isinstance(body, bytes):
        raise TypeError(
            f"'body' of websocket.http.response.body must be bytes, not {type(body).__name__}"
        )
    return body


def close_code(message: Message) -> int:
    """Return the code of ``websocket.close`` (RFC 6455, 7.4)."""
    code = message.get("code")
    if code is None:
        return 1000
    if not isinstance(code, int) or isinstance(code, bool):
        raise TypeError(f"'code' of websocket.close must be int, not {type(code).__name__}")
    if not (3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in (1004, 1005, 1006))):
        raise ValueError(
            f"invalid close code {code}: use 1000, or one of your own from 4000 to 4999"
        )
    return int(code)


def close_reason(message: Message) -> str:
    """Return the reason of ``websocket.close``: at most 123 bytes (RFC 6455, 5.5)."""
    reason = message.get("reason")
    if reason is None:
        return ""
    if not isinstance(reason, str):
        raise TypeError(f"'reason' of websocket.close must be str, not {type(reason).__name__}")
    size = len(reason.encode())
    if size > 123:
        raise ValueError(f"a close reason has at most 123 bytes, got {size}")
    return reason


def websocket_scope(
    *,
    target: str,
    headers: Iterable[tuple[str, str]],
    client: tuple[str, int] | None,
    server: tuple[str, int] | None,
    http_version: str = "1.1",
) -> dict[str, Any]:
    """Build the scope of a WebSocket connection.

    Args:
        target: Path and query string, percent-encoded, as the request line has them.
        headers: Names and values as text, in the order of the request.
        client: Address and port of the client.
        server: Address and port of the server.
        http_version: ``1.1``, or ``1.0``.

    """
    path, raw_path, query_string = split_target(target)
    pairs = scope_headers(headers)
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": http_version,
        "scheme": "ws",
        "path": path,
        "raw_path": raw_path,
        "query_string": query_string,
        "root_path": "",
        "headers": pairs,
        "client": client,
        "server": server,
        "subprotocols": offered_subprotocols(pairs),
        "extensions": {"websocket.http.response": {}},
    }


def split_target(target: str) -> tuple[str, bytes, bytes]:
    """Return the decoded path, the path, and the query string of a request's target."""
    raw_path, _, query_string = raw(target).partition(b"?")
    return unquote_to_bytes(raw_path).decode("utf-8", "replace"), raw_path, query_string


def scope_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers as a scope has them.

    Names are in lower case, because OriginValidator of Channels compares them so.

    """
    return [(raw(name).lower(), raw(value)) for name, value in headers]


def raw(text: str) -> bytes:
    """Return the bytes of a part of a request, as they came."""
    return text.encode("latin-1", "surrogateescape")


def readable(text: str) -> str:
    """Return a part of a request for people: no byte of it is an invalid character."""
    return raw(text).decode("utf-8", "replace")


def reason_phrase(status: int) -> str:
    """Return the words that stand beside an HTTP status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def offered_subprotocols(headers: Headers) -> list[str]:
    """Return the subprotocols that a handshake offers, in its order."""
    return [
        name
        for key, value in headers
        if key == b"sec-websocket-protocol"
        for name in (part.strip() for part in value.decode("latin-1").split(","))
        if name
    ]


def connect_event() -> dict[str, Any]:
    """Return the first event of a connection."""
    return {"type": "websocket.connect"}


def receive_event(data: str | bytes) -> dict[str, Any]:
    """Return the event for a message from the client."""
    if isinstance(data, str):
        return {"type": "websocket.receive", "text": data}
    return {"type": "websocket.receive", "bytes": data}


def disconnect_event(code: int, reason: str) -> dict[str, Any]:
    """Return the last event of a connection; the code is an ``int``, never an enum."""
    return {"type": "websocket.disconnect", "code": int(code), "reason": reason}

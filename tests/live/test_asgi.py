"""The rules of ASGI, without a socket."""

from __future__ import annotations

import enum
from collections import UserDict
from typing import Any

import pytest

from server.live.asgi import (
    Accept,
    Close,
    Deny,
    Exchange,
    Pending,
    State,
    connect_event,
    disconnect_event,
    readable,
    reason_phrase,
    receive_event,
    split_target,
    websocket_scope,
)

ACCEPT = {"type": "websocket.accept"}
SEND = {"type": "websocket.send", "text": "a"}
CLOSE = {"type": "websocket.close"}
START = {"type": "websocket.http.response.start", "status": 401}
BODY = {"type": "websocket.http.response.body", "body": b"no"}


def exchange(*messages: dict[str, Any]) -> Exchange:
    """Return an exchange that has seen these messages."""
    found = Exchange()
    for message in messages:
        found.receive(message)
    return found


def opened() -> Exchange:
    """Return an exchange whose application has accepted."""
    return exchange(ACCEPT)


# What the application may send when


def test_accept() -> None:
    """websocket.accept opens the connection."""
    found = Exchange()
    assert found.receive(ACCEPT) == Accept(None, ())
    assert found.state is State.OPEN


def test_accept_with_a_subprotocol_and_headers() -> None:
    """The choice is passed on as it is, and header names in lower case."""
    message = {**ACCEPT, "subprotocol": "chat", "headers": [(b"X-One", b"1"), [b"x-two", b"2"]]}
    assert Exchange().receive(message) == Accept("chat", ((b"x-one", b"1"), (b"x-two", b"2")))


def test_refuse() -> None:
    """websocket.close before accept answers the handshake with 403."""
    found = Exchange()
    assert found.receive({**CLOSE, "code": 4000}) == Deny(403, (), b"")
    assert found.state is State.DENIED


def test_refuse_with_a_response() -> None:
    """A response of the application's own may come in pieces."""
    found = Exchange()
    headers = [(b"X-Why", b"login")]
    assert found.receive({**START, "headers": headers}) == Pending()
    assert found.state is State.DENYING
    assert found.receive({**BODY, "more_body": True}) == Pending()
    assert found.receive(BODY) == Deny(401, ((b"x-why", b"login"),), b"nono")
    assert found.state is State.DENIED


def test_send_text_and_bytes() -> None:
    """Either key makes a message, an empty one too; the other one may be None."""
    found = opened()
    assert found.receive(SEND) == "a"
    assert found.receive({"type": "websocket.send", "text": "", "bytes": None}) == ""
    assert found.receive({"type": "websocket.send", "bytes": b"", "text": None}) == b""
    data = found.receive({"type": "websocket.send", "bytes": bytearray(b"a")})
    assert data == b"a" and type(data) is bytes
    assert found.receive({"type": "websocket.send", "bytes": memoryview(b"b")}) == b"b"


def test_send_a_kind_of_str() -> None:
    """What is derived from str is sent as the characters that it is made of."""

    class Colour(str, enum.Enum):  # noqa: UP042 (str() of this one is "Colour.RED")
        RED = "red"

    sent = opened().receive({"type": "websocket.send", "text": Colour.RED})
    assert type(sent) is str
    assert sent == "red"


def test_a_mapping_that_is_no_dict() -> None:
    """Any mapping is a message."""
    assert opened().receive(UserDict(SEND)) == "a"


def test_close() -> None:
    """websocket.close ends an open connection."""
    found = opened()
    assert found.receive({**CLOSE, "code": 4001, "reason": "tea"}) == Close(4001, "tea")
    assert found.state is State.CLOSED


@pytest.mark.parametrize("code", [None, 1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])
def test_close_codes(code: int | None) -> None:
    """Codes that may cross the wire are passed on; none means 1000 (RFC 6455, 7.4)."""
    assert opened().receive({**CLOSE, "code": code}) == Close(code or 1000, "")


def test_the_longest_reason() -> None:
    """A reason has 123 bytes at most (RFC 6455, 5.5)."""
    assert opened().receive({**CLOSE, "reason": "é" * 61}) == Close(1000, "é" * 61)


NOT_ANSWERED = (
    "Expected ASGI message 'websocket.accept', 'websocket.close' or "
    "'websocket.http.response.start' but got {!r}. "
    "The handshake is not answered yet: accept first, then send."
)


@pytest.mark.parametrize(
    ("before", "message", "error"),
    [
        ([], SEND, NOT_ANSWERED.format("websocket.send")),
        ([], BODY, NOT_ANSWERED.format("websocket.http.response.body")),
        ([], {"type": "websocket.acept"}, NOT_ANSWERED.format("websocket.acept")),
        (
            [ACCEPT],
            ACCEPT,
            "Expected ASGI message 'websocket.send' or 'websocket.close', but got "
            "'websocket.accept'. The connection is open: it has been accepted already.",
        ),
        (
            [START],
            ACCEPT,
            "Expected ASGI message 'websocket.http.response.body' but got 'websocket.accept'. "
            "The refusal that was begun has to be finished.",
        ),
        (
            [CLOSE],
            ACCEPT,
            "Unexpected ASGI message 'websocket.accept', after the connection was refused. "
            "Nothing can be sent on a connection that never opened.",
        ),
        (
            [ACCEPT, CLOSE],
            SEND,
            "Unexpected ASGI message 'websocket.send', after sending 'websocket.close'. "
            "Nothing can be sent after the consumer's own close.",
        ),
        (
            [ACCEPT, CLOSE],
            CLOSE,
            "Unexpected ASGI message 'websocket.close', after sending 'websocket.close'. "
            "Nothing can be sent after the consumer's own close.",
        ),
    ],
)
def test_a_message_at_the_wrong_time(
    before: list[dict[str, Any]], message: dict[str, Any], error: str
) -> None:
    """The error names what was expected, what came, and why."""
    found = exchange(*before)
    state = found.state
    with pytest.raises(RuntimeError) as caught:
        found.receive(message)
    assert str(caught.value) == error
    assert found.state is state


def send(**values: Any) -> dict[str, Any]:
    """Return a ``websocket.send`` with these values."""
    return {"type": "websocket.send", **values}


@pytest.mark.parametrize("before", [[], [ACCEPT]], ids=["connecting", "open"])
@pytest.mark.parametrize(
    ("message", "error", "text"),
    [
        (
            "hello",
            TypeError,
            "an ASGI message is a dictionary, not str: "
            'write {"type": "websocket.send", "text": ...}',
        ),
        (
            None,
            TypeError,
            "an ASGI message is a dictionary, not NoneType: "
            'write {"type": "websocket.send", "text": ...}',
        ),
        (
            {"text": "a"},
            ValueError,
            "an ASGI message needs the key 'type', such as 'websocket.send'",
        ),
        ({"type": 5}, TypeError, "'type' of an ASGI message must be str, not int"),
    ],
)
def test_what_is_no_message(
    before: list[dict[str, Any]], message: Any, error: type[Exception], text: str
) -> None:
    """Whatever the state, what is no ASGI message is called that."""
    with pytest.raises(error) as caught:
        exchange(*before).receive(message)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("message", "error", "text"),
    [
        (send(), ValueError, "websocket.send needs 'text' or 'bytes', got neither"),
        (
            send(text="a", bytes=b"a"),
            ValueError,
            "websocket.send needs exactly one of 'text' and 'bytes', got both",
        ),
        (
            send(text=42),
            TypeError,
            "'text' of websocket.send must be str, not int: convert it with str(...) or an "
            "f-string",
        ),
        (
            send(text=["a"]),
            TypeError,
            "'text' of websocket.send must be str, not list: convert it with json.dumps(...)",
        ),
        (
            send(text={"a": 1}),
            TypeError,
            "'text' of websocket.send must be str, not dict: convert it with json.dumps(...)",
        ),
        *(
            (
                send(text={"type": kind}),
                TypeError,
                "'text' of websocket.send must be str, not dict: it is an ASGI message itself",
            )
            for kind in ("websocket.accept", "websocket.send", "websocket.close")
        ),
        (
            send(text=b"a"),
            TypeError,
            "'text' of websocket.send must be str, not bytes: send it as 'bytes', or decode it",
        ),
        (
            send(bytes="a"),
            TypeError,
            "'bytes' of websocket.send must be bytes, not str: send a str as 'text'",
        ),
        (
            send(bytes=[1]),
            TypeError,
            "'bytes' of websocket.send must be bytes, not list: encode it first",
        ),
        (
            {**CLOSE, "code": "4000"},
            TypeError,
            "'code' of websocket.close must be int, not str",
        ),
        (
            {**CLOSE, "code": True},
            TypeError,
            "'code' of websocket.close must be int, not bool",
        ),
        *(
            (
                {**CLOSE, "code": code},
                ValueError,
                f"invalid close code {code}: use 1000, or one of your own from 4000 to 4999",
            )
            for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)
        ),
        (
            {**CLOSE, "reason": 1},
            TypeError,
            "'reason' of websocket.close must be str, not int",
        ),
        (
            {**CLOSE, "reason": "é" * 62},
            ValueError,
            "a close reason has at most 123 bytes, got 124",
        ),
    ],
)
def test_a_wrong_value_on_an_open_connection(
    message: dict[str, Any], error: type[Exception], text: str
) -> None:
    """The error names the value and the way out, and the connection stays open."""
    found = opened()
    with pytest.raises(error) as caught:
        found.receive(message)
    assert str(caught.value) == text
    assert found.state is State.OPEN


@pytest.mark.parametrize(
    ("message", "error", "text"),
    [
        (
            {**ACCEPT, "subprotocol": 1},
            TypeError,
            "'subprotocol' of websocket.accept must be str, not int",
        ),
        *(
            (
                {**ACCEPT, "subprotocol": word},
                ValueError,
                f"a subprotocol is a word without spaces, commas and line breaks, got {word!r}",
            )
            for word in ("chat\r\nX: y", "two words", "one, two", "", "é")
        ),
        (
            {**ACCEPT, "headers": [b"x"]},
            TypeError,
            "a header is a pair of bytes, got b'x'",
        ),
        (
            {**ACCEPT, "headers": [1]},
            TypeError,
            "a header is a pair of bytes, got 1",
        ),
        (
            {**ACCEPT, "headers": [("x", b"1")]},
            TypeError,
            "header names and values must be bytes, got 'x': b'1'",
        ),
        (
            {**ACCEPT, "headers": [(b"Sec-WebSocket-Protocol", b"chat")]},
            ValueError,
            "choose a subprotocol with 'subprotocol', not with a header",
        ),
        (
            {**ACCEPT, "headers": [(b"x", b"1\r\nSet-Cookie: a")]},
            ValueError,
            "a header must not contain line breaks, got b'x': b'1\\r\\nSet-Cookie: a'",
        ),
        (
            {**START, "status": "401"},
            TypeError,
            "'status' of websocket.http.response.start must be int, not str",
        ),
        (
            {**START, "status": True},
            TypeError,
            "'status' of websocket.http.response.start must be int, not bool",
        ),
        (
            {**START, "status": 101},
            ValueError,
            "an HTTP status lies between 200 and 599, got 101",
        ),
    ],
)
def test_a_wrong_value_in_an_answer_to_the_handshake(
    message: dict[str, Any], error: type[Exception], text: str
) -> None:
    """The error names the value, and the handshake stays without an answer."""
    found = Exchange()
    with pytest.raises(error) as caught:
        found.receive(message)
    assert str(caught.value) == text
    assert found.state is State.CONNECTING


def test_a_wrong_body() -> None:
    """The body of a refusal is bytes."""
    with pytest.raises(TypeError) as caught:
        exchange(START).receive({**BODY, "body": "no"})
    assert str(caught.value) == "'body' of websocket.http.response.body must be bytes, not str"


# What the application is told


def test_the_scope() -> None:
    """The scope is that of the specification, version 2.5."""
    scope = websocket_scope(
        target="/ws/caf%C3%A9/?a=1&b=%20",
        headers=[
            ("Host", "127.0.0.1:80"),
            ("Sec-WebSocket-Protocol", "one, two"),
            ("X-Latin", "\xe9"),
            ("sec-websocket-protocol", "three,,"),
        ],
        client=("127.0.0.1", 5000),
        server=("127.0.0.1", 80),
    )
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/ws/café/",
        "raw_path": b"/ws/caf%C3%A9/",
        "query_string": b"a=1&b=%20",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:80"),
            (b"sec-websocket-protocol", b"one, two"),
            (b"x-latin", b"\xe9"),
            (b"sec-websocket-protocol", b"three,,"),
        ],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 80),
        "subprotocols": ["one", "two", "three"],
        "extensions": {"websocket.http.response": {}},
    }


def test_events() -> None:
    """Events have the keys of the specification, and only the one that carries the payload."""
    assert connect_event() == {"type": "websocket.connect"}
    assert receive_event("a") == {"type": "websocket.receive", "text": "a"}
    assert receive_event(b"a") == {"type": "websocket.receive", "bytes": b"a"}


def test_a_disconnect_code_is_an_int() -> None:
    """An enum as code prints badly, and compares badly in a learner's eyes."""

    class Code(enum.IntEnum):
        NO_STATUS = 1005

    event = disconnect_event(Code.NO_STATUS, "")
    assert event == {"type": "websocket.disconnect", "code": 1005, "reason": ""}
    assert type(event["code"]) is int


def test_a_target_that_is_not_utf_8() -> None:
    """Bytes that are no UTF-8 do not stop a request; people see a replacement."""
    assert split_target("/%FF?%FF") == ("/\N{REPLACEMENT CHARACTER}", b"/%FF", b"%FF")
    assert readable("/\udcff\xe9") == "/\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert readable("/caf\xc3\xa9") == "/café"


def test_reason_phrases() -> None:
    """A status without a phrase has an empty one."""
    assert reason_phrase(403) == "Forbidden"
    assert reason_phrase(299) == ""


# What mutation testing asks for (make mutation)


@pytest.mark.parametrize(
    ("status", "right"), [(199, False), (200, True), (599, True), (600, False)]
)
def test_the_limits_of_a_status(status: int, right: bool) -> None:
    """A status from 200 to 599 refuses; others are none."""
    exchange = Exchange()
    start = {"type": "websocket.http.response.start", "status": status}
    if right:
        assert exchange.receive(start) == Pending()
    else:
        with pytest.raises(ValueError, match="between 200 and 599"):
            exchange.receive(start)


@pytest.mark.parametrize("header", [(b"a", b"b\r"), (b"a", b"b\n"), (b"a\r", b"b"), (b"a\n", b"b")])
def test_each_line_break_in_a_header(header: tuple[bytes, bytes]) -> None:
    """Either half of a line break is one."""
    with pytest.raises(ValueError, match="line breaks"):
        Exchange().receive({"type": "websocket.accept", "headers": [header]})


def test_a_body_that_is_left_out() -> None:
    """The body of a refusal is empty by default (ASGI: response body)."""
    exchange = Exchange()
    exchange.receive({"type": "websocket.http.response.start", "status": 401})
    assert exchange.receive({"type": "websocket.http.response.body"}) == Deny(401, (), b"")


@pytest.mark.parametrize(("reason", "right"), [("x" * 123, True), ("x" * 124, False)])
def test_the_limit_of_a_reason(reason: str, right: bool) -> None:
    """A reason has up to 123 bytes (RFC 6455, 5.5)."""
    exchange = Exchange()
    exchange.receive({"type": "websocket.accept"})
    close = {"type": "websocket.close", "reason": reason}
    if right:
        assert exchange.receive(close) == Close(1000, reason)
    else:
        with pytest.raises(ValueError, match="at most 123 bytes, got 124"):
            exchange.receive(close)


def test_a_second_question_mark() -> None:
    """It belongs to the query string (RFC 3986, 3.4)."""
    assert split_target("/a?b=?c") == ("/a", b"/a", b"b=?c")

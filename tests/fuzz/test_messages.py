"""Random sequences of ASGI messages from the application."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.live.asgi import Accept, Close, Deny, Exchange, Pending, State
from tests.parity.client import Client

from .conftest import Live

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70_000),
    st.text(max_size=140),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=2),
)
KINDS = ["accept", "send", "close", "http.response.start", "http.response.body", "receive", "x"]
RIGHT: st.SearchStrategy[Any] = st.one_of(
    st.just({"type": "websocket.accept"}),
    st.just({"type": "websocket.accept", "headers": [(b"X-One", b"1")]}),
    st.builds(lambda text: {"type": "websocket.send", "text": text}, st.text(max_size=20)),
    st.builds(lambda data: {"type": "websocket.send", "bytes": data}, st.binary(max_size=20)),
    st.builds(
        lambda code, reason: {"type": "websocket.close", "code": code, "reason": reason},
        st.sampled_from([1000, 1011, 3000, 4999]),
        st.text(max_size=20),
    ),
    st.just({"type": "websocket.http.response.start", "status": 401}),
    st.builds(
        lambda body, more: {
            "type": "websocket.http.response.body",
            "body": body,
            "more_body": more,
        },
        st.binary(max_size=5),
        st.booleans(),
    ),
)
WRONG: st.SearchStrategy[Any] = st.one_of(
    st.dictionaries(
        st.sampled_from(["text", "bytes", "code", "reason", "status", "headers", "subprotocol"]),
        VALUES,
        max_size=3,
    ).flatmap(
        lambda rest: st.sampled_from(KINDS).map(lambda kind: {"type": f"websocket.{kind}", **rest})
    ),
    VALUES,
    st.builds(lambda value: {"type": value}, VALUES),
)
MESSAGES = st.lists(st.one_of(RIGHT, RIGHT, RIGHT, WRONG), max_size=8)

ERRORS = (RuntimeError, TypeError, ValueError)


def predict(messages: list[Any]) -> list[Any]:
    """Return the actions that follow from messages, as the state machine says."""
    exchange = Exchange()
    actions: list[Any] = []
    for message in messages:
        try:
            actions.append(exchange.receive(message))
        except ERRORS as exc:
            assert len(str(exc)) > 10, "an error says what was wrong"
            actions.append(type(exc))
    return actions


@given(messages=MESSAGES)
def test_state_machine(messages: list[Any]) -> None:
    """States are left only in the order that ASGI allows, and a wrong message changes nothing."""
    exchange = Exchange()
    allowed = {
        State.CONNECTING: {State.OPEN, State.DENIED, State.DENYING},
        State.DENYING: {State.DENIED, State.DENYING},
        State.OPEN: {State.CLOSED, State.OPEN},
        State.DENIED: set(),
        State.CLOSED: set(),
    }
    for message in messages:
        before = exchange.state
        try:
            action = exchange.receive(message)
        except ERRORS as exc:
            assert exchange.state is before
            if isinstance(exc, RuntimeError):
                assert f"{message['type']!r}" in str(exc)
        else:
            assert exchange.state in allowed[before]
            assert {
                Accept: State.OPEN,
                Deny: State.DENIED,
                Pending: State.DENYING,
                str: State.OPEN,
                bytes: State.OPEN,
                Close: State.CLOSED,
            }[type(action)] is exchange.state


@given(messages=MESSAGES, goes_on=st.booleans())
def test_messages_on_the_wire(live: Live, messages: list[Any], goes_on: bool) -> None:
    """The client sees what the messages lead to, and the application an error for each other."""
    actions = predict(messages)
    if not goes_on:
        # The application ends with its first error, as most do.
        ends = next((i for i, one in enumerate(actions) if isinstance(one, type)), len(actions))
        actions = actions[: ends + 1]
    results: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        for message in messages:
            try:
                await send(message)
            except ERRORS as exc:
                assert len(str(exc)) > 10
                results.append(type(exc))
                if not goes_on:
                    raise
            else:
                results.append(None)

    seen: list[str] = []

    async def client(port: int) -> None:
        one = Client(port, patience=60)
        if await one.handshake("/"):
            await one.end()
        await one.leave()
        seen.extend(one.seen)

    live.run(app, client)
    assert results == [one if isinstance(one, type) else None for one in actions]
    assert seen == expected(actions, failed=not goes_on and type in map(type, actions))


def expected(actions: list[Any], failed: bool) -> list[str]:
    """Return what the client sees of actions."""
    lines: list[str] = []
    for action in actions:
        match action:
            case Accept():
                lines.append("101")
            case Deny(status, _, _):
                return [str(status)]
            case str(text):
                data = text.encode()
                lines.append(f"text {text!r}" if len(data) <= 60 else f"text of {len(data)} bytes")
            case bytes(data):
                lines.append(f"binary {data!r}")
            case Close(code, reason):
                return [*lines, f"closed {code} {reason}".rstrip()]
    if not lines:
        return ["500"]
    return [*lines, "closed 1011" if failed else "closed 1000"]

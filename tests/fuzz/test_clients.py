"""Random interleavings of what a client does, against applications of several kinds."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.parity.client import Client, frame

from .conftest import Live

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("text"), st.text(max_size=10)),
        st.tuples(st.just("text"), st.text(max_size=10)),
        st.tuples(st.just("bytes"), st.binary(max_size=10)),
        st.tuples(st.just("fragments"), st.text(max_size=10)),
        st.tuples(st.just("ping"), st.binary(max_size=10)),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.001, 0.01])),
    ),
    max_size=12,
)
ENDS = st.sampled_from(["close", "close without a code", "break", "end TCP", "wait"])
APPLICATIONS = st.sampled_from(["echo", "slow", "silent"])
STOPS = st.one_of(st.none(), st.integers(0, 5))
"""After how many messages the application ends by itself, and how."""
WAYS = st.sampled_from(["close", "raise", "return", "late"])


class Application:
    """An application of some kind, and what it saw."""

    def __init__(self, kind: str, stop: int | None, way: str) -> None:
        self.kind = kind
        self.stop = stop
        self.way = way
        self.got: list[str | bytes] = []
        self.disconnects: list[int] = []
        self.errors: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            if len(self.got) == self.stop:
                if self.way == "raise":
                    raise KeyError("random")
                if self.way == "return":
                    return
                if self.way == "close":
                    await self.try_send(send, {"type": "websocket.close", "code": 4000})
                    self.stop = None
            event = await receive()
            if event["type"] == "websocket.disconnect":
                self.disconnects.append(event["code"])
                if self.way == "late":
                    await self.try_send(send, {"type": "websocket.send", "text": "late"})
                return
            self.got.append(event["text"] if "text" in event else event["bytes"])
            if self.kind == "slow":
                await asyncio.sleep(0.002)
            if self.kind != "silent":
                await self.try_send(send, {**event, "type": "websocket.send"})

    async def try_send(self, send: Any, message: Any) -> None:
        """Send, and note an error; only a client that has left is one."""
        try:
            await send(message)
        except OSError as exc:
            self.errors.append(str(exc))


async def act(client: Client, action: tuple[str, Any]) -> str | bytes | None:
    """Do one thing; return the message, if it was one."""
    match action:
        case "text", str(value):
            client.send(value)
            return value
        case "bytes", bytes(value):
            client.send(value)
            return value
        case "fragments", str(value):
            data = value.encode()
            client.write(frame(1, data[:3], fin=False))
            client.write(frame(9, b"between"))
            client.write(frame(0, data[3:]))
            return value
        case "ping", bytes(value):
            client.write(frame(9, value))
        case "wait", float(value):
            await asyncio.sleep(value)
    return None


@given(actions=ACTIONS, end=ENDS, kind=APPLICATIONS, stop=STOPS, way=WAYS)
def test_interleavings(
    live: Live,
    actions: list[tuple[str, Any]],
    end: str,
    kind: str,
    stop: int | None,
    way: str,
) -> None:
    """Messages arrive in order, none twice, and none is lost that could arrive; one disconnect."""
    app = Application(kind, stop, way)
    sent: list[str | bytes] = []
    seen: list[str] = []

    async def client(port: int) -> None:
        one = Client(port, patience=60)
        assert await one.handshake("/")
        for action in actions:
            if (message := await act(one, action)) is not None:
                sent.append(message)
        match end:
            case "close":
                one.close(4001, "bye")
            case "close without a code":
                one.close(None)
            case "end TCP":
                one.close_sent = True
                one.writer.write_eof()
            case "break":
                one.vanish()
            case "wait":
                if stop is None or stop > len(sent) or way == "late":
                    one.close(4001)
        if end != "break":
            await one.end()
        seen.extend(one.seen)
        await one.leave()

    live.run(app, client)
    assert app.got == sent[: len(app.got)], "in order, and none twice"
    assert len(app.disconnects) <= 1, "one disconnect at most"
    stops = stop is not None and stop <= len(sent) and way != "late"
    if not stops and end != "break":
        assert app.got == sent, "what is sent before the end arrives"
    if not stops:
        expected = {"close": 4001, "wait": 4001, "close without a code": 1005}
        assert app.disconnects == [expected.get(end, 1006)]
        if end in expected and kind == "echo":
            echoes = [line for line in seen if line.startswith(("text", "binary"))]
            assert len(echoes) <= len(sent)
    assert "nothing" not in seen and "still open" not in seen, "nobody hangs"

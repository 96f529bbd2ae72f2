"""What stands around a judged consumer: it passes everything on, and sees three kinds of fault."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import InMemoryChannelLayer
from django.db.models.sql.compiler import SQLCompiler

from server.lessons.lesson_6 import observed as module
from server.lessons.lesson_6.observed import (
    OVER,
    QUIET,
    READS_FIRST,
    RESTS,
    STAYS,
    UNANSWERED,
    observed,
    watch_layer,
    watch_reads,
)

CONNECT = {"type": "websocket.connect"}
LEAVE = {"type": "websocket.disconnect", "code": 1000}


@pytest.fixture(autouse=True)
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries are as they were after each test."""
    monkeypatch.setattr(SQLCompiler, "execute_sql", SQLCompiler.execute_sql)
    monkeypatch.setattr(InMemoryChannelLayer, "receive", InMemoryChannelLayer.receive)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> InMemoryChannelLayer:
    """The layer of the consumers, which have none by themselves."""
    layer = InMemoryChannelLayer()
    monkeypatch.setattr("channels.consumer.get_channel_layer", lambda alias: layer)
    return layer


def served(
    consumer: type[AsyncWebsocketConsumer],
    *events: dict[str, Any],
    until: str = "",
    client: Any = None,
) -> list[Any]:
    """Give a consumer some events; return what the client is sent: texts, or kinds of message.

    The last event comes once the client has been sent a text.

    """
    sent: list[Any] = []

    async def run() -> None:
        left = list(events)

        async def receive() -> dict[str, Any]:
            if not left:
                await asyncio.Event().wait()
            while until and len(left) == 1 and until not in sent:
                await asyncio.sleep(0)
            return left.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message.get("text") or message.get("status") or message["type"])

        scope = {"type": "websocket", "client": client}
        await observed(consumer.as_asgi())(scope, receive, send)

    asyncio.run(asyncio.wait_for(run(), 60))
    return sent


def test_rests(layer: InMemoryChannelLayer) -> None:
    """After each handler the client is told that it has ended; after the last one nobody is.

    Where nothing else can come, it is told that as well.

    """

    class Echo(AsyncWebsocketConsumer):
        async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
            await self.send(text_data.upper())

    came = served(Echo, CONNECT, {"type": "websocket.receive", "text": "tea"}, LEAVE)
    assert came == ["websocket.accept", RESTS, f"{QUIET}1", "TEA", RESTS, f"{QUIET}2"]


def test_quiet_after_what_the_layer_brings(layer: InMemoryChannelLayer) -> None:
    """It is not quiet before all that is in the layer for the consumer has been handled."""

    class Group(AsyncWebsocketConsumer):
        groups = ["all"]

        async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
            for text in text_data:
                await self.channel_layer.group_send("all", {"type": "one", "text": text})

        async def one(self, event: dict[str, Any]) -> None:
            await asyncio.sleep(0)
            await self.send(event["text"])

    said = {"type": "websocket.receive", "text": "tea"}
    came = served(Group, CONNECT, said, LEAVE, until=f"{QUIET}2")
    assert came[:3] == ["websocket.accept", RESTS, f"{QUIET}1"]
    assert sorted(came[3:-1]) == [RESTS, "a", "e", "t"]
    assert came[-1] == f"{QUIET}2"


def test_log(layer: InMemoryChannelLayer, capsys: pytest.CaptureFixture[str]) -> None:
    """The log says that a consumer is quiet, and that it is over, after all that it has written."""

    class Talks(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            print("hello")
            await self.accept()

        async def disconnect(self, code: int) -> None:
            print("goodbye")

    served(Talks, CONNECT, LEAVE, client=("127.0.0.1", 5))
    assert capsys.readouterr().out == f"hello\n{QUIET}1 5\ngoodbye\n{OVER} 5\n"


def test_who_stays_in_a_group(
    layer: InMemoryChannelLayer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The log says that a channel is left in a group when the last consumer has ended."""
    monkeypatch.setattr(module, "get_channel_layer", lambda: layer)

    class Joins(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await layer.group_add("room", self.channel_name)
            await self.accept()

    class Leaves(Joins):
        async def disconnect(self, code: int) -> None:
            await layer.group_discard("room", self.channel_name)

    served(Leaves, CONNECT, LEAVE)
    assert capsys.readouterr().out == ""
    served(Joins, CONNECT, LEAVE)
    assert capsys.readouterr().out == f"{STAYS}\n"


def test_never_quiet_while_a_task_is_left(layer: InMemoryChannelLayer) -> None:
    """What a task of the consumer's may still send is not said to come no more."""

    class Later(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept()
            self.task = asyncio.create_task(asyncio.Event().wait())

        async def disconnect(self, code: int) -> None:
            self.task.cancel()

    assert served(Later, CONNECT, LEAVE) == ["websocket.accept", RESTS]


def test_others_may_use_the_layer() -> None:
    """Who receives from the layer and is no consumer receives as ever."""

    async def run() -> Any:
        layer = InMemoryChannelLayer()
        await layer.send("somebody", {"type": "tea"})
        return await layer.receive("somebody")

    watch_layer()
    assert asyncio.run(run()) == {"type": "tea"}


def test_unanswered() -> None:
    """A handshake that nobody answers is refused, with a status that no consumer sends."""

    class Silent(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            pass

    came = served(Silent, CONNECT, LEAVE)
    assert came == [UNANSWERED, "websocket.http.response.body"]


def test_after_the_close() -> None:
    """What comes after the close is an exception of the consumer's, however fast the client is."""

    class GoesOn(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept()
            await self.close()
            await self.accept()

    with pytest.raises(RuntimeError) as raised:
        served(GoesOn, CONNECT)
    assert str(raised.value) == (
        "Unexpected ASGI message 'websocket.accept', after sending 'websocket.close'."
    )


def test_closed_consumer_rests_in_silence() -> None:
    """Nobody is told anything over a connection that is closed."""

    class Closes(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept()
            await self.close(code=4403)

    assert served(Closes, CONNECT, LEAVE) == ["websocket.accept", "websocket.close"]


@pytest.mark.parametrize(
    ("model", "groups", "said"),
    [
        ("Message", {}, f"{READS_FIRST}\n"),
        ("Message", {"chat_red": {}}, f"{READS_FIRST}\n"),
        ("Message", {"chat_red": {"channel": 1.0}}, ""),
        ("Session", {}, ""),
    ],
)
def test_reads(
    model: str,
    groups: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A query for messages is noted where nobody is in a group yet, and is done all the same."""
    layer: Any = InMemoryChannelLayer()
    layer.groups = groups
    monkeypatch.setattr(module, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(SQLCompiler, "execute_sql", lambda compiler, *args: args)
    watch_reads()

    class Compiler:
        query = type("Query", (), {"model": type(model, (), {})})

    assert SQLCompiler.execute_sql(Compiler(), "rows") == ("rows",)  # type: ignore[arg-type]
    assert capsys.readouterr().out == said

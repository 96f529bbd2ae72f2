"""What the code of a consumer's class gives away."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from time import sleep
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)

from server.live.habits import (
    blocking_call,
    habits,
    has_been_redefined,
    unawaited_handler,
    unused_receive,
)

# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"


class Right(AsyncWebsocketConsumer):
    """Nothing is wrong with it."""

    rooms: dict[str, int] = {}

    async def connect(self):
        self.room = "lobby"
        return await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        if text_data is None:
            return None
        text = self.received(text_data)
        await sync_to_async(print)(text)
        return self.answer(text)

    def received(self, text):
        return text.upper()

    def answer(self, text):
        def inner():
            return text

        return {"text": inner()}

    async def disconnect(self, code):
        return

    async def chat_message(self, event):
        await self.send(event["text"])

    def recount(self):
        return len(self.rooms)


class Dispatches(WebsocketConsumer):
    """Names its methods in texts."""

    def receive(self, text_data=None, bytes_data=None):
        getattr(self, {"open": "on.open", "close": "on.close"}[text_data or ""].replace(".", "_"))()

    def on_open(self):
        pass

    def on_close(self):
        pass


class Raw(AsyncConsumer):
    """Has the handlers of a generic consumer, and no others."""

    async def connect(self):
        pass

    async def receive(self, text):
        pass

    async def websocket_disconnect(self, event):
        pass


class Overrides(WebsocketConsumer):
    """Takes the events itself."""

    def websocket_receive(self, message):
        pass


class Hands(JsonWebsocketConsumer):
    """Hands the message on."""

    def receive(self, text_data=None, bytes_data=None, **kwargs):
        if text_data != "ping":
            super().receive(text_data=text_data, bytes_data=bytes_data, **kwargs)

    def receive_json(self, content, **kwargs):
        self.send_json(content)


class Page(AsyncHttpConsumer):
    """An HTTP consumer has other handlers."""

    async def handle(self, body):
        return await self.send_response(200, body)

    async def on_message(self):
        pass


@pytest.mark.parametrize("cls", [Right, Dispatches, Overrides, Hands, Page, WebsocketConsumer])
def test_nothing_to_say(cls: type) -> None:
    """Code that does what it says is left alone."""
    assert habits(cls) == ()
    assert habits(cls) == ()


def test_raw() -> None:
    """A raw consumer's handlers have other names than a generic one's."""
    assert habits(Raw) == (
        "Raw has a method connect, and nobody calls it: did you mean websocket_connect?",
        "Raw has a method receive, and nobody calls it: did you mean websocket_receive?",
    )


MISSPELT = [
    ("recieve", "receive"),
    ("Receive", "receive"),
    ("received", "receive"),
    ("on_receive", "receive"),
    ("conect", "connect"),
    ("connected", "connect"),
    ("on_open", "connect"),
    ("disconect", "disconnect"),
    ("on_close", "disconnect"),
]


@pytest.mark.parametrize(("name", "meant"), MISSPELT)
def test_misspelt(name: str, meant: str) -> None:
    """A name that resembles a handler's, or is one elsewhere, is named with the right one."""
    cls = type("Echo", (WebsocketConsumer,), {name: lambda self: None})
    assert habits(cls) == (f"Echo has a method {name}, and nobody calls it: did you mean {meant}?",)


class Returns(WebsocketConsumer):
    """Returns values of every kind."""

    def connect(self):
        return "text"

    def receive(self, text_data=None, bytes_data=None):
        if text_data == "json":
            return json.dumps({})
        if text_data == "list":
            return [1]
        if text_data == "f":
            return f"{text_data}"
        return text_data

    def disconnect(self, code):
        return str(code) + "!"


def test_returns() -> None:
    """Each value that a handler returns is named with its line."""
    first = Returns.connect.__code__.co_firstlineno
    lines = [first + number for number in (1, 5, 7, 9, 10, 13)]
    said = habits(Returns)
    for line in lines:
        assert any(f"in line {line}," in text for text in said), (line, said)
    assert len(said) == len(lines)
    assert said[0] == (
        f"Returns.connect returns a value, in line {first + 1}, and nobody takes it: what the "
        "client shall get is sent."
    )


class Uncalled(WebsocketConsumer):
    """Names methods without calling them."""

    def connect(self):
        self.accept  # noqa: B018
        self.scope  # noqa: B018
        async_to_sync(self.wait)

    async def wait(self):
        pass


def test_uncalled() -> None:
    """A method is named that is not called, and a field is not."""
    first = Uncalled.connect.__code__.co_firstlineno
    assert habits(Uncalled) == (
        f"Uncalled.connect has self.accept without parentheses, in line {first + 1}: it is not "
        "called.",
        f"Uncalled.connect calls async_to_sync(...), in line {first + 3}, and not what it returns: "
        "write async_to_sync(...)(...).",
    )


def test_without_source() -> None:
    """Where the code is not to be had, only names are looked at."""
    names: dict[str, Any] = {"Base": WebsocketConsumer}
    exec("class Echo(Base):\n    def receive(self, text_data):\n        return 'x'", names)
    assert habits(names["Echo"]) == ()


def test_unused_receive() -> None:
    """It is said whose empty method takes a message, and nothing where it is the learner's own."""
    empty = type("Empty", (JsonWebsocketConsumer,), {})
    assert unused_receive(empty) == (
        "Nobody has used this message: Empty has no receive_json, and that of "
        "JsonWebsocketConsumer does nothing."
    )
    own = type("Own", (JsonWebsocketConsumer,), {"receive_json": lambda self, content: None})
    other = type("Other", (WebsocketConsumer,), {"receive": staticmethod(len)})
    for cls in (Right, Overrides, Raw, own, other):
        assert unused_receive(cls) == ""


def pause():
    time.sleep(1)


async def rest():
    time.sleep(1)


class Times(AsyncConsumer):
    async def websocket_receive(self, event):
        time.sleep(1)


class Imported(AsyncConsumer):
    async def websocket_receive(self, event):
        sleep(1)


class Fetches(AsyncConsumer):
    async def websocket_receive(self, event):
        urllib.request.urlopen("x")


class Runs(AsyncConsumer):
    async def websocket_receive(self, event):
        subprocess.run(["x"])


requests = ModuleType("requests.api")


def get(url: str) -> None:
    """Stands for the one of requests, which the course does not need."""


get.__module__ = "requests.api"
vars(requests)["get"] = get


class Requests(AsyncConsumer):
    async def websocket_receive(self, event):
        requests.get("x")


class Asks(AsyncConsumer):
    async def websocket_receive(self, event):
        input()


class Helps(AsyncConsumer):
    async def websocket_receive(self, event):
        pause()


class Harmless(AsyncConsumer):
    async def websocket_receive(self, event):
        await sync_to_async(lambda: time.sleep(1))()
        self.table = {}
        self.table["x"].get("y")()
        await rest()

    def helper(self):
        time.sleep(1)


class Sync(SyncConsumer):
    def websocket_receive(self, event):
        time.sleep(1)


@pytest.mark.parametrize(
    ("cls", "call"),
    [
        (Times, "time.sleep"),
        (Imported, "sleep"),
        (Fetches, "urllib.request.urlopen"),
        (Runs, "subprocess.run"),
        (Requests, "requests.get"),
        (Asks, "input"),
        (Helps, "pause, which calls time.sleep"),
    ],
)
def test_blocking_call(cls: type, call: str) -> None:
    """A call that waits without letting go of the loop is named with its line."""
    line = vars(cls)["websocket_receive"].__code__.co_firstlineno + 1
    assert blocking_call(cls) == f"{cls.__name__}.websocket_receive calls {call}, in line {line},"


@pytest.mark.parametrize("cls", [Harmless, Sync])
def test_no_blocking_call(cls: type) -> None:
    """What runs in a thread, or is awaited, does not block."""
    assert blocking_call(cls) == ""


def test_redefined(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class is an old one when its name in its module stands for another class."""
    assert not has_been_redefined(Times)
    old = Times
    monkeypatch.setitem(globals(), "Times", Harmless)
    assert has_been_redefined(old)
    monkeypatch.setitem(globals(), "Times", 1)
    assert not has_been_redefined(old)

    class Inner:
        pass

    assert not has_been_redefined(Inner)
    assert not has_been_redefined(type("Lost", (), {"__module__": "no.such.module"}))


def test_groups_in_a_text() -> None:
    """A text is no list of groups; a list, and nothing, are."""

    class Letters(Right):
        groups = "lobby"  # type: ignore[assignment]

    class Nothing(Right):
        groups = ""  # type: ignore[assignment]

    class Lists(Right):
        groups = ["lobby"]

    assert habits(Letters) == (
        "Letters.groups is the text 'lobby': the consumer is in a group for each of its letters.",
    )
    assert habits(Nothing) == habits(Lists) == ()


def test_a_handler_that_nobody_awaits() -> None:
    """In a sync consumer, an async method for a message of the channel layer is remarked upon."""

    class Sync(WebsocketConsumer):
        async def chat_message(self, event):
            pass

        def chat_typing(self, event):
            pass

    assert unawaited_handler(Sync, "chat.message") == (
        "Sync.chat_message is async, and Sync is a sync consumer, which calls its handlers and "
        "awaits none."
    )
    assert unawaited_handler(Sync, "chat.typing") == unawaited_handler(Sync, "chat.left") == ""
    assert unawaited_handler(Right, "chat.message") == ""

"""Kinds of mistakes that are told apart by what was known when they happened, on a live server."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
import warnings
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.routing import URLRouter
from django.urls import path
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from server.live.connection import Limits
from server.live.host import Host
from server.live.output import route_prints, show_forgotten_awaits
from server.live.record import Entry, Received, Record
from server.mistakes.diagnosis import explain_entries
from server.notebook.launch import as_application
from tests.serving import eventually

# mypy: disable-error-code="no-untyped-def, attr-defined, misc, no-untyped-call, method-assign"


def talk(app: Any, *messages: str | bytes, **options: Any) -> list[Entry]:
    """Return what the record holds after a client has sent some messages, and left."""
    limits = {key: options.pop(key) for key in ("handshake_timeout", "max_size") if key in options}
    record = Record()
    host = Host(as_application(app), record, limits=Limits(**limits))
    route_prints()
    show_forgotten_awaits()
    host.start()
    try:
        url = f"ws://127.0.0.1:{host.port}/{options.pop('path', 'ws/a/')}"
        with (
            suppress(ConnectionClosed, InvalidHandshake),
            connect(url, proxy=None, compression=None, **options) as ws,
        ):
            for message in messages:
                ws.send(message)
            assert eventually(lambda: is_done(host, record, len(messages)))
        host.settle()
        return list(record.snapshot().entries)
    finally:
        host.stop()


def is_done(host: Host, record: Record, count: int) -> bool:
    """Tell whether the consumer has done what it does about so many messages."""
    taken = sum(isinstance(entry.what, Received) for entry in record.snapshot().entries)
    bridges = tuple(host.bridges)
    return not bridges or (taken == count and all(bridge.busy is None for bridge in bridges))


def diagnosis(app: Any, *messages: str | bytes, **options: Any) -> str:
    """Return the id of the mistake that is explained; the whole explanation where it is none."""
    explained = explain_entries(talk(app, *messages, **options))
    return explained.mistake.id if explained.mistake is not None else str(explained)


class Loads(AsyncWebsocketConsumer):
    """Has something to await."""

    async def load(self):
        return "x"


class SendsCoroutine(Loads):
    async def receive(self, text_data):
        await self.send(text_data=self.load())


class DumpsCoroutine(Loads):
    async def receive(self, text_data):
        await self.send(json.dumps({"value": self.load()}))


class AddsCoroutine(Loads):
    async def receive(self, text_data):
        await self.send("x" + self.load())


class FormatsCoroutine(Loads):
    async def receive(self, text_data):
        await self.send(f"{self.load()}")


class IndexesCoroutine(Loads):
    async def receive(self, text_data):
        await self.send(self.load()[0])


class SendsMethod(Loads):
    async def receive(self, text_data):
        await self.send(f"{self.load}")


class AwaitsMethod(Loads):
    async def receive(self, text_data):
        await self.load


class AwaitsMaker(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await sync_to_async(len)


class AwaitsDict(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await json.loads("{}")


class PlainHandler(AsyncWebsocketConsumer):
    def receive(self, text_data):
        pass


class ScopeInInit(WebsocketConsumer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.room = self.scope["path"]


class NameInInit(AsyncWebsocketConsumer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.name = self.channel_name


class InitWithScope(WebsocketConsumer):
    def __init__(self, scope):
        self.other = scope


class RawInit(AsyncConsumer):
    def __init__(self, scope, receive, send):
        self.other = scope


class NoSuperInit(WebsocketConsumer):
    def __init__(self, *args, **kwargs):
        self.count = 0


class ChannelName(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.name = self.channel_name


class GroupSend(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await self.channel_layer.group_send("room", {"type": "chat.message"})


class LayerSend(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await self.channel_layer.send("name", {"type": "chat.message"})


class Groups(WebsocketConsumer):
    groups = ["all"]


class ScopeUser(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.user = self.scope["user"]


class ScopeSession(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.session = self.scope["session"]


class ScopeCookies(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.cookies = self.scope["cookies"]


class ScopeOther(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.tenant = self.scope["tenant"]


class ScopeRoute(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.room = self.scope["url_route"]["kwargs"]["room"]


class RouteWithoutKwargs(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.room = self.scope["url_route"]["room"]


class Headers(WebsocketConsumer):
    def connect(self):
        self.accept()
        headers = dict(self.scope["headers"])
        self.agent = headers["user-agent"]


class Query(WebsocketConsumer):
    def connect(self):
        self.accept()
        query = parse_qs(self.scope["query_string"].decode())
        self.token = query["token"][0]


class JsonKey(JsonWebsocketConsumer):
    def receive_json(self, content):
        self.send_json(content["message"])


class LoadedKey(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        data = json.loads(text_data)
        await self.send(data["message"])


class InnerKey(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await self.send_json(content["data"]["text"])


class OwnKey(WebsocketConsumer):
    rooms = {"lobby": 1}

    def receive(self, text_data):
        self.send(str(self.rooms[text_data]))


class EventText(SyncConsumer):
    def websocket_connect(self, event):
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, event):
        self.send({"type": "websocket.send", "text": event["text"]})


class EventBytes(EventText):
    def websocket_receive(self, event):
        self.send({"type": "websocket.send", "bytes": event["bytes"]})


class EventMessage(EventText):
    def websocket_receive(self, event):
        self.send({"type": "websocket.send", "text": event["message"]})


class ConnectText(EventText):
    def websocket_connect(self, event):
        self.send({"type": "websocket.accept", "text": event["text"]})


class EventAttribute(EventText):
    def websocket_receive(self, event):
        self.send({"type": "websocket.send", "text": event.text})


class ContentAttribute(JsonWebsocketConsumer):
    def receive_json(self, content):
        self.send_json(content.text)


class LoopsNone(WebsocketConsumer):
    members = None

    def receive(self, text_data):
        for member in self.members:
            member.send(text_data)


class NoneSends(WebsocketConsumer):
    other = None

    def receive(self, text_data):
        self.other.send(text_data)


class SendsSync(WebsocketConsumer):
    def receive(self, text_data):
        async_to_sync(self.send)(text_data)


class ObjectObject(JsonWebsocketConsumer):
    pass


class RaisesItself(WebsocketConsumer):
    def receive(self, text_data):
        raise ValueError("invalid close code, says the learner")


class Misspelt(WebsocketConsumer):
    def recieve(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data)


class FromJavaScript(AsyncWebsocketConsumer):
    async def on_message(self, text_data):
        await self.send(text_data)


class GenericNames(SyncConsumer):
    def websocket_connect(self, event):
        self.send({"type": "websocket.accept"})

    def websocket_recieve(self, event):
        self.send({"type": "websocket.send", "text": event["text"]})


class JsonReceive(JsonWebsocketConsumer):
    def receive(self, content):
        self.send_json(content)


class Json2Receive(JsonWebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        pass

    def receive_json(self, content):
        self.send_json(content)


class NotJson(WebsocketConsumer):
    def receive_json(self, content):
        self.send(text_data=content)


class Returns(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        return json.dumps({"you": text_data})


class Page(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_response(200, body)


class Uncalled(WebsocketConsumer):
    def connect(self):
        self.accept  # noqa: B018


class MakesOnly(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        async_to_sync(self.wait)

    async def wait(self):
        pass


class Inherits(WebsocketConsumer):
    """Has no receive."""


class InheritsJson(AsyncJsonWebsocketConsumer):
    """Has no receive_json."""


class Sleeps(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        for number in range(2):
            time.sleep(0.06)
            await self.send(str(number))


def pause():
    time.sleep(0.06)


class SleepsElsewhere(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        pause()
        await self.send("x")


class SlowConnect(AsyncWebsocketConsumer):
    async def connect(self):
        await asyncio.sleep(60)


class SaysGoodbye(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await self.send(text_data)

    async def disconnect(self, code):
        await self.send("bye")


class OtherLoop(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        thread = threading.Thread(target=lambda: asyncio.run(self.send(text_data)))
        thread.start()
        await asyncio.to_thread(thread.join)


def routes(consumer: Any, pattern: str = "ws/<str:name>/") -> Any:
    return URLRouter([path(pattern, consumer.as_asgi())])


CASES: list[tuple[str, Any, tuple[str | bytes, ...], dict[str, Any], str]] = [
    ("sends a coroutine", SendsCoroutine, ("x",), {}, "coroutine-as-value"),
    ("dumps a coroutine", DumpsCoroutine, ("x",), {}, "coroutine-as-value"),
    ("adds a coroutine", AddsCoroutine, ("x",), {}, "coroutine-as-value"),
    ("formats a coroutine", FormatsCoroutine, ("x",), {}, "coroutine-as-value"),
    ("indexes a coroutine", IndexesCoroutine, ("x",), {}, "coroutine-as-value"),
    ("formats a method", SendsMethod, ("x",), {}, "not-called"),
    ("awaits a method", AwaitsMethod, ("x",), {}, "awaited-uncalled"),
    ("awaits sync_to_async(f)", AwaitsMaker, ("x",), {}, "sync-to-async-uncalled"),
    ("awaits a dict", AwaitsDict, ("x",), {}, "plain-await"),
    ("plain handler", PlainHandler, ("x",), {}, "sync-in-async"),
    ("the scope in __init__", ScopeInInit, (), {}, "scope-in-init"),
    ("the channel name in __init__", NameInInit, (), {}, "scope-in-init"),
    ("__init__(self, scope)", InitWithScope, (), {}, "init-parameters"),
    ("__init__ as in Channels 2", RawInit, (), {}, "init-parameters"),
    ("no super().__init__", NoSuperInit, (), {}, "super-init"),
    ("channel_name", ChannelName, (), {}, "no-channel-layer"),
    ("group_send", GroupSend, ("x",), {}, "no-channel-layer"),
    ("channel_layer.send", LayerSend, ("x",), {}, "no-channel-layer"),
    ("groups", Groups, (), {}, "no-channel-layer"),
    ("user", ScopeUser, (), {}, "no-auth-middleware"),
    ("session", ScopeSession, (), {}, "no-session-middleware"),
    ("cookies", ScopeCookies, (), {}, "no-session-middleware"),
    ("another key of the scope", ScopeOther, (), {}, "scope-has-no-key"),
    ("url_route", ScopeRoute, (), {}, "no-url-route"),
    ("another name", routes(ScopeRoute), (), {}, "wrong-argument-name"),
    ("no name", routes(ScopeRoute, "ws/a/"), (), {}, "no-name-in-pattern"),
    ("no kwargs", routes(RouteWithoutKwargs), (), {}, "not-in-kwargs"),
    ("a header", Headers, (), {}, "header-key"),
    ("a name of the query string", Query, (), {}, "query-key"),
    ("JSON content", JsonKey, ("{}",), {}, "content-key"),
    ("decoded content", LoadedKey, ('{"type": "chat.message"}',), {}, "content-key"),
    ("content inside", InnerKey, ('{"data": {}}',), {}, "content-key"),
    ("a dict of one's own", OwnKey, ("room",), {}, "key-error"),
    ("text of a binary message", EventText, (b"x",), {}, "no-text"),
    ("bytes of a text message", EventBytes, ("x",), {}, "no-bytes"),
    ("another key of a message", EventMessage, ("x",), {}, "event-key"),
    ("text of a connect event", ConnectText, (), {}, "event-has-no-key"),
    ("an attribute of an event", EventAttribute, ("x",), {}, "event-is-dict"),
    ("an attribute of content", ContentAttribute, ("{}",), {}, "dict-attribute"),
    ("a loop over None", LoopsNone, ("x",), {}, "none-used"),
    ("None.send", NoneSends, ("x",), {}, "none-used"),
    ("async_to_sync of a plain method", SendsSync, ("x",), {}, "async-to-sync-of-sync"),
    ("[object Object]", ObjectObject, ("[object Object]",), {}, "object-object"),
    ("broken JSON", ObjectObject, ("[a",), {}, "bad-json"),
    ("a misspelt handler", Misspelt, ("x",), {}, "handler-misnamed"),
    ("a name from JavaScript", FromJavaScript, ("x",), {}, "handler-misnamed"),
    ("a misspelt raw handler", GenericNames, (), {}, "handler-misnamed"),
    ("receive of a JSON consumer", JsonReceive, ("{}",), {}, "json-receive"),
    ("receive in the way of receive_json", Json2Receive, ("{}",), {}, "json-receive"),
    ("receive_json of no JSON consumer", NotJson, ("{}",), {}, "json-receive"),
    ("a value returned", Returns, ("x",), {}, "returned-by-handler"),
    ("accept without parentheses", Uncalled, (), {"handshake_timeout": 2.0}, "not-called"),
    ("async_to_sync alone", MakesOnly, ("x",), {}, "sync-to-async-uncalled"),
    ("an inherited receive", Inherits, ("x",), {}, "unused-message"),
    ("an inherited receive_json", InheritsJson, ("{}",), {}, "unused-message"),
    ("short holds", Sleeps, ("x",), {}, "short-hold"),
    ("a short hold in a function", SleepsElsewhere, ("x",), {}, "short-hold"),
    ("a slow connect", SlowConnect, (), {"handshake_timeout": 0.2}, "slow-connect"),
    ("a send in disconnect", SaysGoodbye, ("x",), {}, "sent-too-late"),
    ("another event loop", OtherLoop, ("x",), {}, "other-loop"),
    ("a WebSocket for an HTTP consumer", Page, (), {}, "http-consumer"),
    ("a subprotocol", Inherits, (), {"subprotocols": ["chat"]}, "subprotocol"),
]


@pytest.mark.filterwarnings("ignore:async_to_sync was passed")
@pytest.mark.parametrize(
    ("app", "messages", "options", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_kind(app: Any, messages: tuple[str | bytes], options: Any, expected: str) -> None:
    """Each kind of mistake gets its own diagnosis, from what was known when it happened."""
    try:
        assert diagnosis(app, *messages, **dict(options)) == expected
    finally:
        # What was raised may keep a coroutine in a cycle, of which Python would tell in any test.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()


def test_own_exception() -> None:
    """What a learner raises is not taken for a mistake that says the same."""
    explained = explain_entries(talk(RaisesItself, "x"))
    assert explained.mistake is None
    assert explained.about == "ValueError: invalid close code, says the learner"


def test_which_it_was() -> None:
    """The explanation names the dictionary that had no such key, and what was None."""
    explained = explain_entries(talk(ScopeUser))
    assert explained.text.split("\n")[-1] == "Here, self.scope has no key 'user'."
    explained = explain_entries(talk(LoopsNone, "x"))
    assert explained.text.split("\n")[-1] == "Here, self.members is None."


def test_too_large_a_message() -> None:
    """A message that is too large is not passed over."""
    explained = explain_entries(talk(Inherits, "x" * 2000, max_size=1000))
    assert explained.about == "close code 1009"
    assert explained.text == (
        "Message too big for the side that closed. The live server takes 1 MiB, unless "
        "launch(..., max_size=...) says otherwise."
    )


def member_left() -> list[Entry]:
    """Return what the record holds after a message to all, of whom one has left."""
    members: list[Any] = []

    class Everybody(AsyncWebsocketConsumer):
        async def connect(self):
            await self.accept()
            members.append(self)

        async def receive(self, text_data):
            for member in members[::-1]:
                await member.send(text_data)

    record = Record()
    host = Host(as_application(Everybody), record)
    host.start()
    try:
        url = f"ws://127.0.0.1:{host.port}/"
        with connect(url, proxy=None) as one:
            with connect(url, proxy=None):
                pass
            host.settle()
            one.send("hello")
            with pytest.raises(ConnectionClosed, match="1011"):
                one.recv(60)
        host.settle()
        return list(record.snapshot().entries)
    finally:
        host.stop()


def test_member_who_has_left() -> None:
    """Whose client has left, and in whose handler it was, is told apart."""
    entries = member_left()
    notes = [
        (entry.connection, entry.what.text) for entry in entries if hasattr(entry.what, "text")
    ]
    assert notes == [
        (
            1,
            "The consumer of client 1 sent something to client 2, who had left. It did not catch "
            "the exception, which ends it.",
        )
    ]
    found = explain_entries(entries).mistake
    assert found is not None and found.id == "member-left"

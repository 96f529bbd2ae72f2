"""The channel layer in sight: what the record says, and that members hear at once."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.exceptions import ChannelFull
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import (
    BaseChannelLayer,
    InMemoryChannelLayer,
    channel_layers,
    get_channel_layer,
)
from channels.routing import URLRouter
from django.conf import settings
from django.urls import path
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from server.live import layer as module
from server.live.layer import (
    MAX_SIZE,
    MEMBERS,
    Letter,
    Member,
    Site,
    Watch,
    own_layers,
    refuse_large,
    restart,
    unread,
)
from server.live.record import (
    ChannelSend,
    Delivered,
    Failed,
    GroupAdd,
    GroupDiscard,
    GroupSend,
    Lost,
    Note,
    Record,
    Sent,
)
from server.notebook.settings import configure
from tests.serving import Served, eventually, serving

IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

configure()


class Chat(AsyncWebsocketConsumer):
    """Says to all what each says."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("chat", self.channel_name)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        event = {"type": "chat.message", "text": text_data}
        await self.channel_layer.group_send("chat", event)

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("chat", self.channel_name)


class Stays(Chat):
    """Never leaves the group."""

    async def disconnect(self, code: int) -> None:
        pass


class Journal(BaseChannelLayer):
    """A layer of a learner's own: nobody can look into its groups, and it loses what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.queues: dict[str, asyncio.Queue[Any]] = {}
        self.who: dict[str, list[str]] = {}
        self.loses: set[str] = set()

    async def new_channel(self, prefix: str = "specific") -> str:
        return f"{prefix}.journal!{len(self.queues)}"

    async def receive(self, channel: str) -> Any:
        return await self.queues.setdefault(channel, asyncio.Queue()).get()

    async def send(self, channel: str, message: Any) -> None:
        await self.queues.setdefault(channel, asyncio.Queue()).put(dict(message))

    async def group_add(self, group: str, channel: str) -> None:
        self.who.setdefault(group, []).append(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self.who[group].remove(channel)

    async def group_send(self, group: str, message: Any) -> None:
        for channel in self.who.get(group, []):
            if message["text"] not in self.loses:
                await self.queues.setdefault(channel, asyncio.Queue()).put(dict(message))


@pytest.fixture(autouse=True)
def in_memory() -> Iterator[None]:
    """Each test has the in-memory layer in its settings, and none that was made before."""
    settings.CHANNEL_LAYERS = IN_MEMORY
    channel_layers.backends = {}
    yield
    settings.CHANNEL_LAYERS = {}
    channel_layers.backends = {}


def layer_entries(served: Served) -> list[tuple[int, Any, str | None]]:
    """Return what the record has of the layer: connection, what, and the message's type."""
    kinds = (GroupAdd, GroupDiscard, GroupSend, ChannelSend, Delivered, Lost)
    return [
        (entry.connection, entry.what, entry.event["type"] if entry.event else None)
        for entry in served.entries()
        if isinstance(entry.what, kinds)
    ]


def quiet(client: ClientConnection) -> bool:
    """Tell whether nothing comes for a moment."""
    try:
        client.recv(0.1)
    except TimeoutError:
        return True
    return False


def tell(text: str, group: str = "chat", kind: str = "chat.message") -> None:
    """Send to a group from a thread with no event loop, as a task would."""
    async_to_sync(get_channel_layer().group_send)(group, {"type": kind, "text": text})


def test_rows() -> None:
    """The record has a row for each call and each delivery, with who and whom."""
    with serving(Chat) as served:
        with connect(served.url()) as ada, connect(served.url()) as bob:
            ada.send("hi")
            assert (ada.recv(), bob.recv()) == ("hi", "hi")
        assert layer_entries(served)[:5] == [
            (1, GroupAdd("chat", 1), None),
            (2, GroupAdd("chat", 2), None),
            (1, GroupSend("chat", "{'text': 'hi'}"), "chat.message"),
            (1, Delivered("chat", 1), "chat.message"),
            (2, Delivered("chat", 1), "chat.message"),
        ]
        assert sorted(layer_entries(served)[5:]) == [
            (1, GroupDiscard("chat", 1), None),
            (2, GroupDiscard("chat", 2), None),
        ]


def test_without_a_layer() -> None:
    """With no layer configured, a consumer has none, and the record says nothing of one."""
    settings.CHANNEL_LAYERS = {}
    with serving(Chat) as served:
        assert get_channel_layer() is None
        with pytest.raises(Exception, match="HTTP 500"):
            connect(served.url()).__enter__()
        assert layer_entries(served) == []
        assert served.errors() == ["AttributeError: 'NoneType' object has no attribute 'group_add'"]


async def ask(text: str) -> None:
    await get_channel_layer().group_send("chat", {"type": "chat.message", "text": text})


@pytest.mark.parametrize("outside", ["thread", "asyncio.run", "async_to_sync"])
def test_from_outside(outside: str) -> None:
    """What is sent from outside reaches the members of an idle server at once."""
    with serving(Chat) as served, connect(served.url()) as ada, connect(served.url()) as bob:
        for turn in range(20):
            # The loop has gone to sleep.
            time.sleep(0.01)
            text = f"{outside} {turn}"
            match outside:
                case "thread":
                    thread = threading.Thread(target=tell, args=(text,))
                    thread.start()
                    thread.join()
                case "asyncio.run":
                    asyncio.run(ask(text))
                case _:
                    tell(text)
            assert (ada.recv(60), bob.recv(60)) == (text, text)
        found = layer_entries(served)
        assert (0, GroupSend("chat", f"{{'text': '{outside} 0'}}"), "chat.message") in found
        assert (2, Delivered("chat", 0), "chat.message") in found


def test_many_threads() -> None:
    """Sixteen threads send at once: members get all of it once, and each thread's in order."""
    with serving(Chat) as served, connect(served.url()) as ada, connect(served.url()) as bob:
        threads = [
            threading.Thread(target=lambda name=name: [tell(f"{name} {n}") for n in range(5)])
            for name in range(16)
        ]
        for thread in threads:
            thread.start()
        for client in (ada, bob):
            got = [str(client.recv(60)) for _ in range(80)]
            for name in range(16):
                own = [text for text in got if text.startswith(f"{name} ")]
                assert own == [f"{name} {n}" for n in range(5)]
            assert quiet(client)
        for thread in threads:
            thread.join()


def test_wrong_type() -> None:
    """Where a message ends a consumer, the record says whose it was."""
    with serving(Chat) as served:
        with connect(served.url()) as ada, connect(served.url()) as bob:
            tell("oops", kind="chat.mesage")
            for client in (ada, bob):
                with pytest.raises(ConnectionClosedError):
                    client.recv(60)
        assert served.errors() == ["ValueError: No handler for message type chat.mesage"] * 2
        assert [failed.during for failed in served.whats(Failed)] == [
            (Delivered("chat", 0), "chat.mesage")
        ] * 2


def test_other_failures() -> None:
    """An exception in a handler of the client's message is no message's of the layer."""

    class Fails(Chat):
        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            raise ValueError(text_data)

    with serving(Fails) as served:
        with connect(served.url()) as ada, pytest.raises(ConnectionClosedError):
            ada.send("own fault")
            ada.recv(60)
        assert [failed.during for failed in served.whats(Failed)] == [None]


def test_failure_of_an_unknown_message() -> None:
    """A message that came through the layer unseen is delivered, from nobody knows whom."""
    with serving(Chat) as served:
        with connect(served.url()) as ada, pytest.raises(ConnectionClosedError):
            layer = get_channel_layer()
            (channel,) = layer.groups["chat"]
            real = Watch.of(layer).methods["send"]  # type: ignore[union-attr]
            asyncio.run_coroutine_threadsafe(
                real(channel, {"type": "no.such"}), served.host.loop
            ).result(60)
            ada.recv(60)
        assert layer_entries(served)[1] == (1, Delivered("", None), "no.such")
        assert [failed.during for failed in served.whats(Failed)] == [
            (Delivered("", None), "no.such")
        ]


def test_sync_consumers() -> None:
    """A sync consumer's calls and handlers are written down as well, and its work is timed."""

    class SyncChat(WebsocketConsumer):
        groups = ["chat"]

        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            event = {"type": "chat.message", "text": text_data}
            async_to_sync(self.channel_layer.group_send)("chat", event)

        def chat_message(self, event: dict[str, Any]) -> None:
            time.sleep(0.05)
            self.send(text_data=event["text"])

    with serving(SyncChat) as served:
        with connect(served.url()) as ada, connect(served.url()) as bob:
            ada.send("hi")
            assert (ada.recv(60), bob.recv(60)) == ("hi", "hi")
        found = layer_entries(served)
        assert (1, GroupSend("chat", "{'text': 'hi'}"), "chat.message") in found
        assert {
            (1, Delivered("chat", 1), "chat.message"),
            (2, Delivered("chat", 1), "chat.message"),
        } <= {*found}
        spans = served.record.snapshot().spans
        works = [span for span in spans if span.state == "working" and span.end - span.start > 0.04]
        # A machine that stalls makes other work as long. The sender may still have in hand what it
        # has received, and then its work has that name.
        assert {span.connection for span in works} == {1, 2}
        chats = [span.connection for span in works if span.label == "chat.message"]
        assert chats in ([1, 2], [2, 1], [2])


@pytest.mark.parametrize("sync", [False, True])
def test_failures_of_both_kinds(sync: bool) -> None:
    """Of an exception it is known whether it was raised for a message of the layer."""

    class AsyncFails(AsyncWebsocketConsumer):
        groups = ["chat"]

        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            raise ValueError("a client's")

        async def chat_message(self, event: dict[str, Any]) -> None:
            raise ValueError("the layer's")

    class SyncFails(WebsocketConsumer):
        groups = ["chat"]

        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            raise ValueError("a client's")

        def chat_message(self, event: dict[str, Any]) -> None:
            raise ValueError("the layer's")

    with serving(SyncFails if sync else AsyncFails) as served:
        with connect(served.url()) as ada, pytest.raises(ConnectionClosedError):
            ada.send("hi")
            ada.recv(60)
        with connect(served.url()) as ada, pytest.raises(ConnectionClosedError):
            tell("hi")
            ada.recv(60)
        assert served.errors() == ["ValueError: a client's", "ValueError: the layer's"]
        assert [failed.during for failed in served.whats(Failed)] == [
            None,
            (Delivered("chat", 0), "chat.message"),
        ]


def test_handlers_are_timed() -> None:
    """A handler of a layer's message is timed from its own beginning, not from the arrival."""

    class Slow(Chat):
        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            await super().receive(text_data)
            await asyncio.sleep(0.2)

        async def chat_message(self, event: dict[str, Any]) -> None:
            await asyncio.sleep(0.05)
            await super().chat_message(event)

    with serving(Slow) as served:
        with connect(served.url()) as ada:
            ada.send("hi")
            ada.recv(60)
        served.host.settle()
        spans = {span.label: span for span in served.record.snapshot().spans}
        asked, told = spans["websocket.receive"], spans["chat.message"]
        assert asked.end <= told.start


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda layer, name: layer.group_add("room 1", name),
            "TypeError: Group name must be a valid unicode string with length < 100 containing "
            "only ASCII alphanumerics, hyphens, underscores, or periods.",
        ),
        (
            lambda layer, name: layer.send("chat room", {"type": "chat.message"}),
            "TypeError: Channel name must be a valid unicode string with length < 100 containing "
            "only ASCII alphanumerics, hyphens, underscores, or periods.",
        ),
        (
            lambda layer, name: layer.group_send("chat", "hi"),
            "AssertionError: Message is not a dict",
        ),
        (
            lambda layer, name: layer.group_send("chat", {"type": "a", "lock": threading.Lock()}),
            "TypeError: cannot pickle '_thread.lock' object",
        ),
        (
            lambda layer, name: layer.group_send("chat"),
            "TypeError: InMemoryChannelLayer.group_send() missing 1 required positional argument: "
            "'message'",
        ),
        (
            lambda layer, name: layer.group_add(group=7, channel=name),
            "TypeError: Group name must be a valid unicode string with length < 100 containing "
            "only ASCII alphanumerics, hyphens, underscores, or periods.",
        ),
        (
            lambda layer, name: layer.receive(7),
            "TypeError: Channel name must be a valid unicode string with length < 100 containing "
            "only ASCII alphanumerics, hyphens, underscores, or periods.",
        ),
    ],
)
def test_errors_are_the_layers_own(call: Any, text: str) -> None:
    """What a layer refuses, it refuses in its own words."""

    class Calls(Chat):
        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            await call(self.channel_layer, self.channel_name)

    with serving(Calls) as served:
        with connect(served.url()) as ada, pytest.raises(ConnectionClosedError):
            ada.send("now")
            ada.recv(60)
        assert served.errors() == [text]


def test_methods_look_like_the_layers_own() -> None:
    """The methods are async functions with the layer's names: warnings and asgiref look."""
    with serving(Chat):
        layer = get_channel_layer()
        assert type(layer) is InMemoryChannelLayer
        assert inspect.iscoroutinefunction(layer.group_send)
        with pytest.warns(
            RuntimeWarning, match="coroutine 'InMemoryChannelLayer.group_send' was never awaited"
        ):
            layer.group_send("chat", {"type": "chat.message"})
            gc.collect()


# Losses


def test_capacity() -> None:
    """A member that does not keep up loses what its channel has no room for."""
    settings.CHANNEL_LAYERS = {"default": {**IN_MEMORY["default"], "CONFIG": {"capacity": 3}}}
    go_on = threading.Event()

    class Slow(Chat):
        async def chat_message(self, event: dict[str, Any]) -> None:
            while not go_on.is_set():
                await asyncio.sleep(0.001)
            await super().chat_message(event)

    with serving(Slow) as served:
        with connect(served.url()) as ada:
            for n in range(6):
                tell(str(n))
                if n == 0:
                    assert eventually(lambda: bool(served.whats(Delivered)))
            (channel,) = get_channel_layer().groups["chat"]
            with pytest.raises(ChannelFull):
                async_to_sync(get_channel_layer().send)(
                    channel, {"type": "chat.message", "text": "x"}
                )
            go_on.set()
            assert [ada.recv(60) for _ in range(4)] == ["0", "1", "2", "3"]
        lost = [entry for entry in served.entries() if isinstance(entry.what, Lost)]
        assert {entry.connection for entry in lost} == {1}
        assert lost[-1].what == Lost("", 0, "capacity")
        assert Lost("chat", 0, "capacity") in [entry.what for entry in lost]
        sent = [entry.what.payload for entry in served.entries() if isinstance(entry.what, Sent)]
        assert len(sent) + len(lost) == 7


def test_nobody() -> None:
    """A message to a group without members is lost, and so is one to a member that has gone."""
    with serving(Stays) as served:
        tell("anybody?")
        with connect(served.url()):
            pass
        served.host.settle()
        tell("still there?")
        assert layer_entries(served) == [
            (0, GroupSend("chat", "{'text': 'anybody?'}"), "chat.message"),
            (0, Lost("chat", 0, "nobody"), "chat.message"),
            (1, GroupAdd("chat", 1), None),
            (0, GroupSend("chat", "{'text': 'still there?'}"), "chat.message"),
            (1, Lost("chat", 0, "gone"), "chat.message"),
        ]


class Loops(AsyncWebsocketConsumer):
    """Sends what its group sends to the group again, in quotes."""

    groups = ["chat"]

    async def chat_message(self, event: dict[str, Any]) -> None:
        text = repr(event)
        await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text})


def test_a_message_that_grows() -> None:
    """A message that doubles each time that it goes round ends its consumer, and not the memory."""
    with serving(Loops) as served:
        with connect(served.url()) as ada, pytest.raises(ConnectionClosedError):
            tell("hi")
            ada.recv(30)
        assert served.errors() == [
            "ValueError: The message is too large for the channel layer: the live server lets no "
            "more than 10 MB through."
        ]


def test_size_of_a_message() -> None:
    """What is in a message counts, at any depth, and a list that holds itself has an end."""
    endless: list[Any] = [1, None]
    endless.append(endless)
    large = "x" * MAX_SIZE
    refuse_large({"type": "chat.message", "text": large[:-100], "list": endless})
    refuse_large("no dictionary")
    for message in (
        {"type": "chat.message", "text": large},
        {"type": "chat.message", "all": [{"of": (large.encode(), 1)}]},
        {large + "x": 1},
    ):
        with pytest.raises(ValueError, match="too large for the channel layer"):
            refuse_large(message)


def test_an_async_handler_of_a_sync_consumer() -> None:
    """Nothing awaits it, which is remarked upon once, after the call."""

    class Sync(WebsocketConsumer):
        groups = ["chat"]

        async def chat_message(self, event: dict[str, Any]) -> None:
            """Never runs."""

    said = (
        "Sync.chat_message is async, and Sync is a sync consumer, which calls its handlers and "
        "awaits none."
    )
    with serving(Sync) as served, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # That it was never awaited.
        with connect(served.url()):
            tell("hi")
            tell("again")
            assert eventually(lambda: len(served.whats(Delivered)) == 2)
            gc.collect()
        assert [note.text for note in served.whats(Note)] == [said]


class Notifies(AsyncHttpConsumer):
    """Tells the group of a request, from async code and from sync code in a thread."""

    async def handle(self, body: bytes) -> None:
        await get_channel_layer().group_send("chat", {"type": "chat.message", "text": "async"})
        await sync_to_async(tell)("sync")
        await self.send_response(200, b"told")


def test_sent_while_a_request_is_answered() -> None:
    """What an HTTP consumer sends is in the record under the number of its request."""
    routes = URLRouter([path("chat/", Chat.as_asgi()), path("order/", Notifies.as_asgi())])
    with serving(routes) as served, connect(served.url("/chat/")) as ada:
        with urlopen(f"http://127.0.0.1:{served.host.port}/order/") as response:
            assert response.read() == b"told"
        assert [ada.recv(60), ada.recv(60)] == ["async", "sync"]
        sent = [entry for entry in layer_entries(served) if isinstance(entry[1], GroupSend)]
        assert sent == [
            (2, GroupSend("chat", f"{{'text': '{text}'}}"), "chat.message")
            for text in ("async", "sync")
        ]
        assert [what.sender for what in served.whats(Delivered)] == [2, 2]


def test_gone_with_messages_left() -> None:
    """What a consumer has not taken when it ends is lost."""

    class Ends(Chat):
        async def chat_message(self, event: dict[str, Any]) -> None:
            await self.channel_layer.send(self.channel_name, {"type": "chat.message", "text": "b"})
            raise RuntimeError("the end")

    with serving(Ends) as served:
        with connect(served.url()) as ada, pytest.raises(ConnectionClosedError):
            tell("a")
            ada.recv(60)
        found = layer_entries(served)
        assert found[3][1].member == 1
        assert found[3][1].message == "{'text': 'b'}"
        assert found[4] == (1, Lost("", 1, "gone"), "chat.message")


def test_expiry() -> None:
    """What waits for longer than the layer keeps it is lost, and so is what was sent before."""
    settings.CHANNEL_LAYERS = {"default": {**IN_MEMORY["default"], "CONFIG": {"expiry": 0.05}}}
    go_on = threading.Event()

    class Slow(Chat):
        async def chat_message(self, event: dict[str, Any]) -> None:
            while not go_on.is_set():
                await asyncio.sleep(0.001)
            await super().chat_message(event)

    with serving(Slow) as served:
        with connect(served.url()) as ada:
            tell("0")
            assert eventually(lambda: Delivered("chat", 0) in served.whats(Delivered))
            tell("1")
            time.sleep(0.1)
            # It finds the old message, and takes the member out of all groups.
            tell("2")
            go_on.set()
            assert ada.recv(60) == "0"
        assert Lost("chat", 0, "expiry") in served.whats(Lost)
        assert len(served.whats(Delivered)) == 1


def test_gaps() -> None:
    """What a layer of one's own loses without a word is found when a later message arrives."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.live.test_layer.Journal"}}
    with serving(Chat) as served, connect(served.url()) as ada:
        layer = get_channel_layer()
        layer.loses = {"b"}
        for text in "abc":
            tell(text)
        assert (ada.recv(60), ada.recv(60)) == ("a", "c")
        assert served.whats(Lost) == [Lost("chat", 0, "capacity")]
        layer.expiry = -1
        layer.loses = {"d"}
        tell("d")
        layer.expiry = 60
        member = next(iter(Watch.of(layer).members.values()))  # type: ignore[union-attr]
        letter = Letter({"type": "chat.message", "text": "e"}, Delivered("chat", 0), None, 0.0)
        member.letters.append(letter)
        layer.loses = set()
        member.find({"type": "chat.message", "text": "e"})
        assert served.whats(Lost)[1:] == [Lost("chat", 0, "expiry")]


# Which layer, and where


def test_a_layer_of_ones_own() -> None:
    """Any class will do, also one whose groups nobody can see into."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.live.test_layer.Journal"}}
    with serving(Chat) as served:
        with connect(served.url()) as ada:
            tell("hi")
            assert ada.recv(60) == "hi"
        served.host.settle()
        tell("bye")
        assert [what for _, what, _ in layer_entries(served)] == [
            GroupAdd("chat", 1),
            GroupSend("chat", "{'text': 'hi'}"),
            Delivered("chat", 0),
            GroupDiscard("chat", 1),
            GroupSend("chat", "{'text': 'bye'}"),
            Lost("chat", 0, "nobody"),
        ]


def test_a_layer_that_takes_no_attributes() -> None:
    """Of an object that takes no attributes nothing is seen, and it works."""

    class Closed:
        __slots__ = ()

    layer = Closed()
    assert module.watched(layer, "default", None) is layer
    assert Watch.of(layer) is None


def test_a_layer_without_groups() -> None:
    """A layer need not have all the methods."""

    class Plain:
        async def send(self, channel: str, message: Any) -> None:
            pass

    layer: Any = module.watched(Plain(), "default", None)
    asyncio.run(layer.send("somewhere", {"type": "a"}))
    assert not hasattr(layer, "group_send")


def test_channels_of_nobody() -> None:
    """A channel that is no connection's is written down by its name."""
    with serving(Chat) as served:
        layer = get_channel_layer()
        async_to_sync(layer.send)("thumbnails", {"type": "generate"})
        async_to_sync(layer.group_add)("chat", "thumbnails")
        assert async_to_sync(layer.receive)("thumbnails") == {"type": "generate"}
        assert async_to_sync(layer.new_channel)() not in Watch.of(layer).members  # type: ignore[union-attr]
        for _ in range(100):
            async_to_sync(layer.send)("thumbnails", {"type": "generate"})
        with pytest.raises(ChannelFull):
            async_to_sync(layer.send)("thumbnails", {"type": "generate"})
        assert layer_entries(served)[:2] == [
            (0, ChannelSend("thumbnails", "", None), "generate"),
            (0, GroupAdd("chat", None), None),
        ]


def test_two_servers() -> None:
    """Two servers share the layer; each record knows its own connections only."""
    with (
        serving(Chat) as first,
        serving(Chat) as second,
        connect(first.url()) as ada,
        connect(second.url()) as bob,
    ):
        ada.send("hi")
        assert (ada.recv(60), bob.recv(60)) == ("hi", "hi")
        bob.send("hello")
        assert (ada.recv(60), bob.recv(60)) == ("hello", "hello")
        assert (1, Delivered("chat", None), "chat.message") in layer_entries(first)
        assert (1, Delivered("chat", 1), "chat.message") in layer_entries(first)
        # The first one makes the calls; when it stops, the other one goes on.
        first.host.stop()
        tell("left")
        assert bob.recv(60) == "left"
        bob.send("alone")
        assert bob.recv(60) == "alone"


def test_a_server_of_its_own() -> None:
    """A server with layers of its own shares no groups, also where a cell has kept the layer."""
    with serving(Chat) as served:
        kept = get_channel_layer()

        class Keeps(Chat):
            async def receive(
                self, text_data: str | None = None, bytes_data: bytes | None = None
            ) -> None:
                await kept.group_send("chat", {"type": "chat.message", "text": text_data})

        layers = {"default": InMemoryChannelLayer()}
        host = module_host(Keeps, layers)
        try:
            with connect(served.url()) as ada, connect(f"ws://127.0.0.1:{host.port}/") as bob:
                bob.send("here")
                assert bob.recv(60) == "here"
                assert quiet(ada)
                with own_layers(layers):
                    assert get_channel_layer() is layers["default"]
                    assert get_channel_layer("other") is None
                    tell("there")
                assert bob.recv(60) == "there"
                assert quiet(ada)
                assert eventually(lambda: not unread(layers))
        finally:
            host.stop()
        assert layer_entries(served)[:1] == [(1, GroupAdd("chat", 1), None)]
        assert not unread({"default": object()})


def module_host(consumer: Any, layers: dict[str, Any]) -> Any:
    """Start a server with layers of its own."""
    from server.live.host import Host

    host = Host(consumer.as_asgi(), Record(), layers=layers)
    host.start()
    return host


def test_no_server() -> None:
    """With no server to make the calls, they are made where they are."""
    with serving(Chat):
        layer = get_channel_layer()
    asyncio.run(layer.group_add("chat", "specific.x"))
    assert list(layer.groups["chat"]) == ["specific.x"]


def test_restart() -> None:
    """A new server begins with empty groups, in the same layer; other settings make another one."""
    with serving(Stays) as served:
        layer = get_channel_layer()
        with connect(served.url()):
            pass
        restart()
        assert layer.groups
    restart()
    assert layer.groups == layer.channels == {}
    assert get_channel_layer() is layer
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.live.test_layer.Journal"}}
    restart()
    assert isinstance(get_channel_layer(), Journal)
    restart()
    channel_layers.set("mine", Journal())
    restart()
    assert isinstance(channel_layers.backends["mine"], Journal)


def test_a_call_is_cancelled() -> None:
    """Who is cancelled while its call is made elsewhere is cancelled, and the call with it."""
    with serving(Chat):
        layer = get_channel_layer()

        async def wait() -> None:
            await asyncio.wait_for(layer.receive("nobodys"), 0.05)

        with pytest.raises(TimeoutError):
            asyncio.run(wait())
        assert eventually(lambda: "nobodys" not in layer.channels)


def test_a_server_stops_in_the_middle() -> None:
    """A call that is under way on a server that stops is made again on another one."""
    with serving(Chat) as first, serving(Chat):
        layer = get_channel_layer()
        got: list[Any] = []

        async def wait() -> None:
            got.append(await layer.receive("somewhere"))

        thread = threading.Thread(target=asyncio.run, args=(wait(),))
        thread.start()
        assert eventually(lambda: "somewhere" in layer.channels)
        (queue,) = layer.channels.values()
        first.host.stop()
        assert eventually(lambda: layer.channels.get("somewhere", queue) is not queue)
        async_to_sync(layer.send)("somewhere", {"type": "late"})
        thread.join(60)
        assert got == [{"type": "late"}]


@pytest.mark.usefixtures("gives_up_soon")
def test_a_blocked_server() -> None:
    """Whoever waits for a server that is left behind, because its loop does not turn, is let go."""
    blocked, go_on = threading.Event(), threading.Event()

    class Blocks(Chat):
        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            blocked.set()
            go_on.wait(60)

    with serving(Blocks) as served, connect(served.url()) as ada:
        layer = get_channel_layer()
        ada.send("now")
        assert blocked.wait(60)
        told = threading.Thread(target=tell, args=("are you there?",))
        told.start()
        assert eventually(lambda: bool(served.host.site.calls))
        served.host.stop()
        told.join(60)
        assert not told.is_alive()
        go_on.set()
    assert layer is get_channel_layer()


def test_a_site_that_closes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has just stopped takes no call, and the next one is asked, or nobody."""
    loop = asyncio.new_event_loop()
    site = Site(loop, Record(), None)
    site.close()
    with serving(Chat):
        layer = get_channel_layer()
    found = iter([[site], []])
    monkeypatch.setattr(module, "sites_here", lambda: next(found))
    assert asyncio.run(layer.new_channel()).startswith("specific.")
    loop.close()


def test_members_are_bounded() -> None:
    """A layer's watch remembers so many channels, and forgets the oldest."""
    with serving(Chat) as served, connect(served.url()) as ada:
        watch = Watch.of(get_channel_layer())
        assert watch is not None
        for n in range(MEMBERS):
            watch.members[f"old.{n}"] = Member(None, Record(), n)
        with connect(served.url()):
            assert len(watch.members) == MEMBERS
        assert "old.0" not in watch.members
        ada.send("hi")
        assert ada.recv(60) == "hi"

"""Mistakes: every text in the catalogue is one that the installed versions really produce."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import re
import socket
import sys
import threading
from collections.abc import Callable
from traceback import TracebackException
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer
from channels.generic.websocket import (
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import InMemoryChannelLayer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.apps.registry import Apps
from django.core.asgi import get_asgi_application
from django.urls import include, path
from hypothesis import given, settings, strategies
from websockets.sync.client import connect

from server import launch
from server.exercises.answers import answers
from server.exercises.registry import EXERCISES, Exercise, ProjectExercise
from server.exercises.scenario import NotYet, Patience, Trial
from server.live.asgi import Exchange
from server.live.layer import watched
from server.live.record import (
    LOSSES,
    Failed,
    Note,
    Received,
    Refused,
)
from server.mistakes.diagnosis import (
    last_line,
)
from server.mistakes.registry import (
    MISTAKES,
    RULES,
    Mistake,
    Rule,
    diagnose_text,
    matches,
    mistake,
)
from tests.exercises.cells import run_answer
from tests.mistakes import test_kinds as kinds
from tests.serving import RawClient, Silent, SyncEcho, serving

HASTE = Patience(answer=0.5, idle=0.1, leave=0.3)

TEXT: Any = "text"

LEARNERS = (
    r"\b(ShoutBack|Countdown|Polite|Kitchen|ChatRoom|NotHere|Calculator|Robust|Shop|Counter)\b"
)


class Echo(WebsocketConsumer):
    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.send(text_data=text_data, bytes_data=bytes_data)


# What really comes


def seen(trial: Trial) -> str:
    """Return all that a trial has shown, in lines; classes are named as in the catalogue."""
    lines = [*trial.warnings, *(step.came for step in trial.steps)]
    for entry in trial.snapshot.entries:
        match entry.what:
            case Failed(exception):
                lines.append(last_line(exception))
            case Note(text) | Refused(_, _, text):
                lines.append(text)
            case Received(payload):
                lines.append(str(payload))
    return re.sub(LEARNERS, "Echo", "\n".join(lines))


def play(answer: Any, scenario: Callable[[Trial], object]) -> str:
    """Return what an answer shows in a scenario."""

    def whole(trial: Trial) -> None:
        scenario(trial)
        trial.host.settle(0.5)
        raise NotYet

    with Trial(answer, HASTE) as trial:
        trial.run(whole)
        text = seen(trial)
        trial.close_clients()
    return text


def of_exercise(found: Mistake) -> str:
    """Return what the known wrong answers with this diagnosis show."""
    lines = []
    for id, exercise in EXERCISES.items():
        if not isinstance(exercise, Exercise):
            continue
        for answer in answers(id):
            if answer.diagnosis == found.id:
                with Trial(run_answer(id, answer), HASTE) as trial:
                    trial.run(exercise.scenario)
                    lines.append(seen(trial))
                    trial.close_clients()
    return "\n".join(lines)


def of_kinds(id: str) -> str:
    """Return what the kinds of mistakes with this diagnosis show, on a live server."""
    lines = []
    for _, app, messages, options, expected in kinds.CASES:
        if expected == id:
            entries = kinds.talk(app, *messages, **dict(options))
            text = "\n".join(told(entry.what) for entry in entries)
            lines.append(re.sub(rf"\b{getattr(app, '__name__', 'x')}\b", "Chat", text))
    return "\n".join(lines)


def told(what: object) -> str:
    """Return the words of an entry; nothing for what has none."""
    match what:
        case Failed(exception):
            return last_line(exception)
        case Note(text) | Refused(_, _, text):
            return text
        case _:
            return ""


def error(function: Callable[[], object]) -> str:
    """Return the last line of what a function raises."""
    with pytest.raises(Exception) as raised:
        function()
    return last_line(TracebackException.from_exception(raised.value))


def in_loop(function: Callable[[], object]) -> str:
    """Return the same, called in a running event loop."""

    async def call() -> object:
        return function()

    return error(lambda: asyncio.run(call()))


class TextOnly(WebsocketConsumer):
    def receive(self, text_data: str) -> None:
        self.send(text_data)


class Json(JsonWebsocketConsumer):
    def receive_json(self, content: Any) -> None:
        self.send_json(content)


class Chats(WebsocketConsumer):
    def connect(self) -> None:
        self.accept(subprotocol="chat")


def no_accept() -> str:
    live = launch(Silent, name="diagnosis", handshake_timeout=0.3)
    try:
        for _ in range(20):
            slow = error(lambda: connect(live.url(), open_timeout=0.1, proxy=None).__enter__())
            # So it says if the time is over before it has begun to wait.
            if not slow.endswith(": timed out"):
                break
        error(lambda: connect(live.url(), proxy=None).__enter__())
        return f"{slow}\n{live.transcript[-1].what.why}"
    finally:
        live.close()


def refused() -> str:
    class Refuses(WebsocketConsumer):
        def connect(self) -> None:
            self.close(4000)

    live = launch(Refuses, name="diagnosis")
    try:
        return error(lambda: connect(live.url(), proxy=None).__enter__())
    finally:
        live.close()


def foreign() -> str:
    live = launch(Echo, name="diagnosis")
    try:
        error(lambda: connect(live.url(), proxy=None, origin="http://evil.test").__enter__())
        return str(live.transcript[-1].what.why)
    finally:
        live.close()


def client_without_with() -> str:
    live = launch(Echo, name="diagnosis")
    try:
        with pytest.warns(DeprecationWarning) as caught:
            connect(live.url(), proxy=None).close()
        return f"DeprecationWarning: {caught[0].message}"
    finally:
        live.close()


def refusing_proxy() -> str:
    """Return what a client says of a proxy that refuses it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            asked, _ = listener.accept()
            with asked:
                asked.recv(4096)
                asked.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            return error(lambda: connect("ws://127.0.0.1:1/", proxy=proxy).__enter__())
        finally:
            thread.join()


def nobody_listens() -> str:
    """Return what a client says where no server is."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}/"
        return error(lambda: connect(url, proxy=None).__enter__())


def blocked() -> str:
    started, release = threading.Event(), threading.Event()

    class Blocks(AsyncConsumer):
        async def websocket_connect(self, event: Any) -> None:
            await self.send({"type": "websocket.accept"})

        async def websocket_receive(self, event: Any) -> None:
            started.set()
            release.wait(60)

    def scenario(trial: Trial) -> None:
        client = trial.connect()
        client.send("hello")
        started.wait(60)
        trial.give_up()
        release.set()

    return play(Blocks, scenario)


def apps_not_ready() -> str:
    apps = Apps(())
    apps.apps_ready = False
    return error(apps.check_apps_ready)


def visit(trial: Trial) -> None:
    trial.try_connect("ws/")


def send(*messages: str | bytes) -> Callable[[Trial], None]:
    def scenario(trial: Trial) -> None:
        client = trial.connect("ws/")
        for message in messages:
            client.send(message)
            client.receive()

    return scenario


def routed(application: Any) -> str:
    return play(application, visit)


async def await_dict() -> None:
    await json.loads("{}")


async def dispatch(event: dict[str, str]) -> None:
    await AsyncConsumer().dispatch(event)


def first_bytes(data: bytes) -> str:
    with serving(SyncEcho) as live, RawClient(live.host.port) as client:
        client.socket.sendall(data)
        client.file.read()
        return "\n".join(live.notes())


def from_before() -> str:
    live = launch(Echo, name="diagnosis")
    try:
        kept = globals()["Echo"]
        globals()["Echo"] = type("Echo", (Echo,), {})
        error(lambda: launch("Echo", name="diagnosis"))
        with connect(live.url(), proxy=None):
            pass
        return "\n".join(str(entry.what) for entry in live.transcript)
    finally:
        globals()["Echo"] = kept
        live.close()


class Chat(AsyncWebsocketConsumer):
    """Joins a group, and says there what its client says."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("chat", self.channel_name)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send("chat", json.loads(text_data or ""))

    async def chat_message(self) -> None:
        pass


def chat(message: object) -> str:
    """Return what a message brings about in a member of a group."""
    return play(Chat, send(json.dumps(message)))


def no_layer() -> str:
    """Return what consumers say that need a channel layer where there is none."""

    class Named(WebsocketConsumer):
        def connect(self) -> None:
            raise AssertionError(self.channel_name)

    Named.__name__ = "Chat"

    class Grouped(WebsocketConsumer):
        groups = ["chat"]

    class Sending(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.channel_layer.group_send("chat", {"type": "chat.message"})

    lines = []
    for consumer in (Chat, Named, Grouped, Sending):
        live = launch(consumer, name="diagnosis")
        try:
            error(lambda live=live: connect(live.url(), proxy=None).__enter__())
            lines += live.transcript.errors
        finally:
            live.close()
    return "\n".join(lines)


def with_layer(call: Callable[[Any], Any]) -> Callable[[], str]:
    """Return a function that tells what a call of a watched layer raises."""

    def produced() -> str:
        layer = watched(InMemoryChannelLayer(), "default", None)
        return error(lambda: asyncio.run(awaited(call(layer))))

    return produced


async def awaited(coroutine: Any) -> None:
    await coroutine


def forgotten() -> str:
    layer = watched(InMemoryChannelLayer(), "default", None)
    with pytest.warns(RuntimeWarning) as caught:
        layer.group_send("chat", {"type": "chat.message"})
        gc.collect()
    # What a test before has forgotten may be told of as well.
    return "\n".join(f"RuntimeWarning: {one.message}" for one in caught)


def full() -> str:
    async def fill() -> None:
        layer = InMemoryChannelLayer(capacity=1)
        for _ in range(2):
            await layer.send("somewhere", {"type": "chat.message"})

    return "\n".join((error(lambda: asyncio.run(fill())), LOSSES["capacity"]))


def coroutine_as_value() -> str:
    coroutine: Any = asyncio.sleep(0)
    exchange = Exchange()
    exchange.receive({"type": "websocket.accept"})
    try:
        sent = error(lambda: exchange.receive({"type": "websocket.send", "text": coroutine}))
        return f"{error(lambda: json.dumps(coroutine))}\n{sent}"
    finally:
        coroutine.close()


PRODUCERS: dict[str, Callable[[], str]] = {
    "await-in-def": lambda: error(lambda: compile("def f(): await g()", "cell", "exec")),
    "not-awaitable": lambda: error(lambda: asyncio.run(await_dict())),
    "no-event-handler": lambda: error(lambda: asyncio.run(dispatch({"type": "chat.message"}))),
    "member-left": lambda: "\n".join(told(entry.what) for entry in kinds.member_left()),
    "class-from-before": from_before,
    "tls": lambda: first_bytes(b"\x16\x03\x01\x02\0\1"),
    "request-body": lambda: first_bytes(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"),
    "no-accept": no_accept,
    "close-before-accept": refused,
    "origin": foreign,
    "blocking": blocked,
    "no-text": lambda: play(SyncEcho, send(b"bytes")),
    "nothing-to-send": lambda: "\n".join(
        (of_exercise(MISTAKES["nothing-to-send"]), error(lambda: Echo().send()))
    ),
    "no-as-asgi": lambda: (
        routed(URLRouter([path("ws/", Echo)]))
        + "\n"
        + routed(URLRouter([path("ws/", SyncEcho)])).replace("SyncEcho", "Echo")
    ),
    "include": lambda: error(lambda: URLRouter([path("ws/", include([]))])),
    "no-websocket-key": lambda: (
        routed(ProtocolTypeRouter({})) + "\n" + routed(get_asgi_application())
    ),
    "apps-not-loaded": apps_not_ready,
    "receive-signature": lambda: play(TextOnly, send(b"bytes")).replace("TextOnly", "Echo"),
    "no-text-frame": lambda: play(Json, send("")),
    "subprotocol": lambda: routed(Chats),
    "object-object": lambda: "\n".join(
        ("[object Object]", error(lambda: json.loads("[object Object]")))
    ),
    "not-serializable": lambda: error(lambda: json.dumps(__import__("datetime").datetime.min)),
    "keys": lambda: error(lambda: json.dumps({(1, 2): 3})),
    "not-decoded": lambda: "\n".join((error(lambda: TEXT["key"]), error(lambda: TEXT.get("key")))),
    "json-twice": lambda: json.dumps(json.dumps({"a": 1})),
    "python-not-json": lambda: error(lambda: json.loads("{'a': 1}")),
    "not-a-string": lambda: "\n".join(
        (of_exercise(MISTAKES["not-a-string"]), error(lambda: (1).encode()))
    ),
    "async-to-sync": lambda: in_loop(lambda: async_to_sync(asyncio.sleep)(0)),
    "database-in-async": lambda: in_loop(
        lambda: __import__("django.utils.asyncio", fromlist=["_"]).async_unsafe(lambda: None)()
    ),
    "text-and-value": lambda: error(lambda: TEXT + 1),
    "coroutine-as-value": coroutine_as_value,
    "no-number": lambda: error(lambda: math.isfinite(TEXT)),
    "running-loop": lambda: in_loop(never_run),
    "client-without-with": client_without_with,
    "nobody-listens": nobody_listens,
    "proxy": refusing_proxy,
    "no-channel-layer": no_layer,
    "message-without-type": lambda: chat({"text": "hello"}),
    "underscore-type": lambda: chat({"type": "_hidden"}),
    "handler-without-event": lambda: chat({"type": "chat.message"}),
    "message-no-dict": lambda: chat("hello"),
    "layer-not-awaited": forgotten,
    "group-name": with_layer(lambda layer: layer.group_add("room 1", "somebody")),
    "channel-name": with_layer(lambda layer: layer.group_add("room", "my channel")),
    "message-not-plain": with_layer(
        lambda layer: layer.send("room", {"type": "a", "lock": threading.Lock()})
    ),
    "asks-the-layer": with_layer(lambda layer: layer.group_channels("room")),
    "slow-member": full,
    "dead-members": lambda: LOSSES["gone"],
    "nobody-in-the-group": lambda: LOSSES["nobody"],
}


def never_run() -> None:
    coroutine = asyncio.sleep(0)
    try:
        asyncio.run(coroutine)
    finally:
        coroutine.close()


SEEN_IN_A_BROWSER = {
    "send-before-open",
    "no-such-method",
    "no-such-name",
    "const-assigned",
    "invalid-close-code",
    "nan",
    "blob",
    "doubled-scheme",
    "python-method",
    "no-connect",
    "arrow-this",
    "whose-method",
    "python-name",
    "python-words",
    "import-in-a-cell",
    "require-in-a-browser",
    "await-outside",
    "html-in-a-cell",
    "class-name",
    "new-missing",
    "declared-twice",
    "text-parsed",
    "parsed-already",
    "event-for-text",
    "too-many-sockets",
}
"""Their words are the browser's: tests/exercises/test_browser_gate.py."""

ROWS = [found for found in MISTAKES.values() if found.symptom]
"""Those that can be made out by what one sees."""

NO_TEXT = {
    "leading-slash",
    "regex-in-path",
    "braces-in-path",
    "group-without-p",
    "unanchored",
    "type-of-another-method",
}
"""What stands in backticks is the learner's own code."""


def in_words_of_this_python(symptom: str) -> str:
    """Keep one of two wordings, `...`; since Python 3.14 `...`."""

    def which(match: re.Match[str]) -> str:
        before, minor, since = match.groups()
        return since if sys.version_info >= (3, int(minor)) else before

    return re.sub(r"(`[^`]+`); since Python 3\.(\d+) (`[^`]+`)", which, symptom)


OF_PROJECTS = {
    found.folder / "mistakes.py"
    for found in EXERCISES.values()
    if isinstance(found, ProjectExercise)
}
"""The mistakes of lessons that need processes; each lesson tests the texts of its own."""


def needs_processes(found: Mistake) -> bool:
    return any(f'"{found.id}"' in path.read_text("utf-8") for path in OF_PROJECTS)


TEXTS = [m for m in ROWS if "`" in m.symptom and m.id not in NO_TEXT and not needs_processes(m)]
"""What has a text of an error in its row."""


def missing(found: Mistake, produced: str) -> list[str]:
    """Return the texts in a mistake's row that are not in what came."""
    quoted = re.findall("`(.+?)`", in_words_of_this_python(found.symptom))
    if found.id in SEEN_IN_A_BROWSER:
        quoted = [text for text in quoted if found.id == "invalid-close-code"][:1]
    return [text for text in quoted if text not in re.sub(r"[\w.]+\.(\w+:)", r"\1", produced)]


KINDS = {case[-1] for case in kinds.CASES} - {
    answer.diagnosis for id in EXERCISES for answer in answers(id)
}
"""What no exercise shows, and a consumer on a live server does."""


@pytest.mark.parametrize(
    "found", [m for m in TEXTS if m.id in PRODUCERS.keys() | KINDS], ids=lambda found: found.id
)
def test_text(found: Mistake) -> None:
    """The text in this row is what the installed versions say; see also the gate of exercises."""
    produced = PRODUCERS[found.id]() if found.id in PRODUCERS else of_kinds(found.id)
    assert missing(found, produced) == [], f"what came:\n{produced}"


def test_rows() -> None:
    """A row has a symptom, a cause and what to do, in one to three short lines."""
    for found in ROWS:
        assert found.symptom and found.cause and found.fix, found.id
        for line in (found.name, found.cause, found.fix):
            assert len(line) <= 130, f"{found.id}: {line}"
            assert "!" not in line.replace("!=", ""), f"{found.id}: {line}"
        assert found.cause.endswith("."), found.id
        assert found.fix.endswith((".", ")", "?")), found.id


VAGUE = (
    [MISTAKES[id] for id in ("no-route", "key-error", "none-used", "no-attribute")]
    + [MISTAKES[id] for id in ("not-awaitable", "no-such-variable", "dict-attribute", "bad-json")]
    + [MISTAKES[id] for id in ("no-handler", "no-channel-layer")]
)
"""What can be said of a text alone, where more would be a guess."""


@pytest.mark.parametrize(
    ("id", "wordings"),
    [
        (
            # Whose code it was, and what was awaited, decides; the text alone does not say.
            "not-awaitable",
            [
                "TypeError: object NoneType can't be used in 'await' expression",
                "TypeError: 'NoneType' object can't be awaited",  # 3.14
                "TypeError: object ChatRoom can't be used in 'await' expression",
                "TypeError: 'ChatRoom' object can't be awaited",  # 3.14
            ],
        ),
        (
            "nan-refused",
            [
                "ValueError: Out of range float values are not JSON compliant",
                "ValueError: Out of range float values are not JSON compliant: nan",  # 3.12
            ],
        ),
        (
            "proxy",
            [
                "websockets.exceptions.InvalidProxyStatus: proxy rejected connection: HTTP 403",
                "websockets.exceptions.InvalidProxyMessage: did not receive a valid HTTP response "
                "from proxy",
                "websockets.exceptions.ProxyError: failed to connect to SOCKS proxy",
                "ImportError: connecting through a SOCKS proxy requires python-socks",
                "TimeoutError: timed out while connecting to HTTP proxy",
                "OSError: Tunnel connection failed: 403 Forbidden",
            ],
        ),
        (
            "nobody-listens",
            [
                "ConnectionRefusedError: [Errno 111] Connection refused",
                "ConnectionRefusedError: [WinError 10061] No connection could be made",
                "OSError: Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), "
                "[Errno 111] Connect call failed ('127.0.0.1', 1)",
            ],
        ),
        (
            "not-decoded",
            [
                "TypeError: string indices must be integers",
                "TypeError: string indices must be integers, not 'str'",  # 3.11
            ],
        ),
    ],
)
def test_wordings(id: str, wordings: list[str]) -> None:
    """A mistake is known by all that Python's versions and the libraries say of it."""
    for text in wordings:
        assert diagnose_text(text) is MISTAKES[id], text


def test_rules() -> None:
    """The text in a row leads back to the row, or to what is true of every such text."""
    for found in ROWS:
        for text in re.findall("`(.+?)`", found.symptom):
            allowed = (found, None, *VAGUE)
            assert diagnose_text(text) in allowed, f"{found.id}: {text}"


def test_id_twice() -> None:
    """A second mistake with the same id is an error where it is entered, that names both."""
    first = next(iter(MISTAKES.values()))
    with pytest.raises(ValueError) as caught:
        mistake(first.id, "Another one", cause="-", fix="-")
    assert (
        str(caught.value)
        == f"two mistakes are called {first.id!r}: {first.name!r} and 'Another one'"
    )
    assert MISTAKES[first.id] is first


def test_over_is_known() -> None:
    """What a mistake wins over are mistakes that are entered, and not itself."""
    for rule in RULES:
        assert rule.over <= MISTAKES.keys() - {rule.mistake.id}


PRINTABLE = strategies.characters(min_codepoint=32, max_codepoint=126)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.when is None], ids=lambda rule: rule.pattern.pattern
)
def test_one_wins(rule: Rule) -> None:
    """Of the mistakes that a text looks like, one wins, wherever the others stand."""

    @settings(max_examples=15, derandomize=True, deadline=None, database=None)
    @given(strategies.from_regex(rule.pattern, fullmatch=True, alphabet=PRINTABLE))
    def only_one(text: str) -> None:
        assert len(matches(text)) == 1

    only_one()


def test_not_sure() -> None:
    """A text that looks like two mistakes, of which none wins, is not diagnosed."""
    text = "KeyError: 'url_route'; NameError: name 'x' is not defined"
    assert len(matches(text)) == 2
    assert diagnose_text(text) is None

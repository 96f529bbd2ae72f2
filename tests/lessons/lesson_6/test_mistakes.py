"""Mistakes of lesson 6: every text in the catalogue is one that the installed versions produce."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from traceback import TracebackException

import pytest
import redis.asyncio
from channels.auth import AuthMiddleware
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.sessions import SessionMiddleware
from channels.testing import WebsocketCommunicator
from channels_redis.core import RedisChannelLayer
from websockets.exceptions import ConnectionClosed, InvalidHandshake

import server.lessons.lesson_6.mistakes  # noqa: F401 (it registers them)
from server.mistakes.diagnosis import last_line
from server.mistakes.registry import MISTAKES, diagnose_text
from server.project import Project, Server
from server.project.processes import Child, complete
from tests.project.clients import join

UVICORN = "uvicorn --host 127.0.0.1 --port {port} mysite.asgi:application"
VALKEY = 'valkey-server --bind 127.0.0.1 --port {port} --save ""'
CORE = "channels_redis.core.RedisChannelLayer"


def own() -> list[str]:
    """Return the ids of the mistakes of this lesson, in order."""
    ids = list(MISTAKES)
    return ids[ids.index("layer-down") : ids.index("port-taken") + 1]


def error(function: Callable[[], object]) -> str:
    """Return the last line of what a function raises."""
    with pytest.raises(Exception) as raised:
        function()
    return last_line(TracebackException.from_exception(raised.value))


def matches(id: str, text: str) -> None:
    """Expect the texts of a row in what came, and the row for each of them."""
    for quoted in re.findall("`(.+?)`", MISTAKES[id].symptom):
        if quoted in text:
            assert diagnose_text(quoted) is MISTAKES[id], quoted
            return
    pytest.fail(f"no text of row {id!r} is in what came:\n{text}")


def layer(server: Server) -> RedisChannelLayer:
    host = {"address": f"redis://{server.address}", "socket_timeout": None}
    return RedisChannelLayer(hosts=[host])


def test_layer_down(kept: Project, cookie: str) -> None:
    """Without Valkey each consumer dies."""
    with socket.socket() as taken:
        # Nobody listens there, and nobody else is given the port.
        taken.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{taken.getsockname()[1]}"
        server = kept.start(UVICORN, None, VALKEY_URL=url, LAYER=CORE)
        assert server.child is not None

        # Of a chain of exceptions it shows the last one only; others that say the same come before.
        def has_come() -> bool:
            return any("Error 111" in line for line in server.lines())

        # Whether the consumer accepts before it dies is chance.
        with suppress(InvalidHandshake), join(server, cookie) as ws, suppress(ConnectionClosed):
            ws.recv(timeout=60)
        with server.child.news:
            server.child.news.wait_for(has_come, 60)
    matches("layer-down", "\n".join(server.lines()))


def test_old_redis(kept: Project) -> None:
    """A server that does not know the core layer's command says so."""
    valkey = kept.start(f'{VALKEY} --rename-command BZPOPMIN ""')

    async def receive() -> None:
        await layer(valkey).receive("tasks")

    matches("old-redis", error(lambda: asyncio.run(receive())))


@pytest.mark.filterwarnings("ignore")
def test_other_loop(kept: Project) -> None:
    """A client that two loops use in turn fails in the second one."""
    valkey = kept.start(VALKEY)

    async def ping(client: redis.asyncio.Redis) -> None:
        await client.ping()

    client = redis.asyncio.Redis(port=valkey.port)
    asyncio.run(ping(client))
    matches("connection-of-another-loop", error(partial(asyncio.run, ping(client))))
    # Its connection can be closed no more, and says so when it goes.
    del client
    gc.collect()


def test_msgpack() -> None:
    """What msgpack does not know is refused when sent, a number as a key when received."""
    quiet = RedisChannelLayer(hosts=["redis://127.0.0.1:1"])
    matches("not-for-msgpack", error(lambda: quiet.serialize({"id": uuid.uuid4()})))
    data = quiet.serialize({1: "one"})
    matches("int-keys", error(lambda: quiet.deserialize(data)))


def test_over_capacity(kept: Project, caplog: pytest.LogCaptureFixture) -> None:
    """The core layer drops what is more than a hundred, and says so to who listens."""
    valkey = kept.start(VALKEY)

    async def send() -> None:
        core = layer(valkey)
        await core.group_add("chat", await core.new_channel())
        for number in range(101):
            await core.group_send("chat", {"type": "chat.message", "number": number})
        await core.close_pools()

    caplog.set_level("INFO", "channels_redis.core")
    asyncio.run(send())
    matches("over-capacity", caplog.text)


@pytest.mark.parametrize("middleware", [AuthMiddleware, SessionMiddleware])
def test_stack_order(middleware: type) -> None:
    """Each middleware says what it needs around it."""
    app = middleware(AsyncWebsocketConsumer.as_asgi())
    scope = {"type": "websocket", "headers": []}

    async def call() -> None:
        await app(scope, None, None)

    matches("stack-order", error(lambda: asyncio.run(call())))


def test_user() -> None:
    """is_authenticated is no method."""
    is_authenticated: object = True
    matches("authenticated-called", error(lambda: is_authenticated()))  # type: ignore[operator]


def test_communicator() -> None:
    """A communicator that meets a close where a message was expected says which."""

    class Closes(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept()
            await self.close()

    async def meets_close() -> None:
        communicator = WebsocketCommunicator(Closes.as_asgi(), "/")
        await communicator.connect()
        await communicator.receive_from()

    matches("test-saw-close", error(lambda: asyncio.run(meets_close())))


@pytest.mark.parametrize(
    ("id", "command"),
    [
        ("asgi-attribute", "uvicorn --port {port} mysite.asgi:app"),
        ("asgi-setting", "python manage.py runserver --noreload --settings mysite.lost {port}"),
    ],
)
def test_start(id: str, command: str, kept: Project) -> None:
    """A server that does not find its application says so."""
    kept.write(
        "mysite/lost.py", 'from .settings import *\nASGI_APPLICATION = "mysite.agsi.application"'
    )
    server = kept.start(command)
    assert not server.running
    matches(id, "\n".join(server.lines()))


def test_wsgi(kept: Project) -> None:
    """An ASGI server that was given the WSGI application fails at the first request."""
    kept.write(
        "mysite/wsgi.py",
        "import os\nfrom django.core.wsgi import get_wsgi_application\n"
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n'
        "application = get_wsgi_application()",
    )
    server = kept.start("uvicorn --port {port} mysite.wsgi:application")
    with pytest.raises(Exception, match="HTTP 500"):
        join(server).__enter__()
    assert server.child is not None
    server.child.find_line("start_response", 0, 60)
    matches("wsgi-for-asgi", "\n".join(server.lines()))


def test_hosts_text() -> None:
    """Hosts that are one text are refused."""
    matches("layer-hosts-text", error(lambda: RedisChannelLayer(hosts="redis://127.0.0.1")))


def test_port_taken(kept: Project) -> None:
    """Two servers on one port: the second one says it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        child = Child(complete(f"uvicorn --port {port} mysite.asgi:application"), kept.folder, {})
        assert child.wait(60)
    matches("port-taken", "\n".join(child.lines))


@pytest.mark.parametrize("id", own())
def test_row(id: str) -> None:
    """A row is short, and its texts lead back to it."""
    found = MISTAKES[id]
    for line in (found.name, found.cause, found.fix):
        assert len(line) <= 130
    for text in re.findall("`(.+?)`", found.symptom):
        assert diagnose_text(text) is found

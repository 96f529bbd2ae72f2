"""What a notebook calls."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from channels.consumer import SyncConsumer
from channels.generic.websocket import WebsocketConsumer
from channels.routing import URLRouter
from django.conf import settings
from django.urls import path
from IPython.core.interactiveshell import InteractiveShell
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import server
from server import launch as launch_in_package
from server.live.host import Host
from server.live.record import Note, Record
from server.notebook.launch import (
    LiveServer,
    as_application,
    close_all,
    current,
    launch,
    servers,
)
from tests.serving import AsyncEcho, RawClient, SyncEcho, eventually, threads


@pytest.fixture(autouse=True)
def no_servers() -> Iterator[None]:
    """Leave no server behind."""
    yield
    close_all()
    assert servers == {}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Accept and return."""
    await send({"type": "websocket.accept"})


def echoes(live: LiveServer, text: str = "x") -> bool:
    """Tell whether the server answers."""
    with connect(live.url("ws/")) as client:
        client.send(text)
        return client.recv() == text


def open_files() -> Counter[str]:
    """Count the open files of this process by what they are, where the system tells."""
    found: Counter[str] = Counter()
    if os.path.isdir("/proc/self/fd"):
        for number in os.listdir("/proc/self/fd"):
            # The list's own is gone by now.
            with suppress(FileNotFoundError):
                found[os.readlink(f"/proc/self/fd/{number}").split(":[")[0]] += 1
    return found


# What can be launched


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (SyncEcho, "SyncEcho is"),
        (AsyncEcho, "AsyncEcho is"),
        ([path("ws/", SyncEcho.as_asgi())], "1 route is"),
        ((path("ws/", SyncEcho.as_asgi()), path("b/", AsyncEcho.as_asgi())), "2 routes are"),
        (URLRouter([path("ws/", AsyncEcho.as_asgi())]), "URLRouter is"),
        (SyncEcho.as_asgi(), "SyncEcho is"),
    ],
)
def test_what_can_be_launched(app: Any, words: str) -> None:
    """A consumer class, URL patterns and ASGI applications answer at once."""
    live = launch(app)
    assert echoes(live)
    assert repr(live) == (
        f"{words} live at ws://127.0.0.1:{live.port}/ "
        f"(a page to try it: http://127.0.0.1:{live.port}/)"
    )
    live.close()
    assert repr(live).startswith(f"{words} not served any more: launch ")


@pytest.mark.parametrize(
    ("app", "error"),
    [
        (
            str,
            "launch() takes a consumer class, and str is none: derive it from SyncConsumer, "
            "AsyncConsumer or one of the generic consumers.",
        ),
        (
            SyncEcho(),
            "launch() takes the class, and a consumer for each connection is made from it: "
            "write launch(SyncEcho), without parentheses after the name.",
        ),
        (
            path("ws/", SyncEcho.as_asgi()),
            "launch() takes a list of URL patterns: write launch([path(...)]).",
        ),
        (
            [SyncEcho],
            f"launch() takes a list of URL patterns, and {SyncEcho!r} is none: write "
            f'path("ws/...", Consumer.as_asgi()).',
        ),
        (
            "SyncEcho",
            "launch() takes a consumer class, a list of URL patterns or an ASGI application, "
            "not str.",
        ),
        (
            None,
            "launch() takes a consumer class, a list of URL patterns or an ASGI application, "
            "not NoneType.",
        ),
    ],
)
def test_what_cannot_be_launched(app: Any, error: str) -> None:
    """The error says what to write, and the server that runs goes on."""
    live = launch(SyncEcho)
    with pytest.raises(TypeError) as caught:
        launch(app)
    assert str(caught.value) == error
    assert current() is live
    assert echoes(live)


def test_any_callable_is_an_application() -> None:
    """What can be called is passed on as it is."""
    assert as_application(application) is application


# The live server


def test_addresses() -> None:
    """A path has its leading slash or not."""
    live = launch(SyncEcho)
    base = f"127.0.0.1:{live.port}"
    assert live.url() == f"ws://{base}/"
    assert live.url("ws/a/?b=1") == live.url("/ws/a/?b=1") == f"ws://{base}/ws/a/?b=1"
    assert live.http_url == f"http://{base}/"


def test_the_card() -> None:
    """A notebook shows where the server is, and when it is gone."""
    live = launch(SyncEcho)
    assert live._repr_html_() == (
        f"<p><strong>SyncEcho</strong> is live at <code>ws://127.0.0.1:{live.port}/</code> "
        f'(<a href="http://127.0.0.1:{live.port}/" target="_blank" rel="noopener">'
        f"a page to try it</a>)</p>"
    )
    live.close()
    assert repr(live) == "SyncEcho is not served any more: launch it again."
    assert live._repr_html_() == "<p>SyncEcho is not served any more: launch it again.</p>"


def test_the_pictures() -> None:
    """The transcript, the sequence and the timeline show what has happened until now."""
    live = launch(SyncEcho)
    assert echoes(live, "hello")
    assert "'hello'" in str(live.transcript)
    assert type(live.sequence).__name__ == "Sequence"
    assert type(live.timeline).__name__ == "Timeline"
    live.clear()
    assert "'hello'" not in str(live.transcript)


def test_the_record_outlives_the_server() -> None:
    """What happened can be read after close()."""
    live = launch(SyncEcho)
    assert echoes(live, "hello")
    live.close()
    live.close()
    assert "'hello'" in str(live.transcript)


# Launching again


def test_the_port_is_kept() -> None:
    """A server launched again has the port of the one before, and a record of its own."""
    first = launch(SyncEcho)
    with connect(first.url()) as client:
        second = launch(AsyncEcho)
        with pytest.raises(ConnectionClosed) as caught:
            client.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1012
    assert second.port == first.port
    assert current() is second
    assert not first.host.running
    assert second.host.record.snapshot().entries == ()
    assert echoes(second)


def test_a_second_name() -> None:
    """Two servers run side by side under two names."""
    first, second = launch(SyncEcho), launch(AsyncEcho, name="second")
    assert first.port != second.port
    assert (current(), current("second")) == (first, second)
    first.close()
    assert current() is None
    assert echoes(second)


def test_closing_what_was_replaced() -> None:
    """Closing a server that was replaced leaves its successor alone."""
    first = launch(SyncEcho)
    second = launch(SyncEcho)
    first.close()
    assert current() is second
    assert echoes(second)


def test_a_port_of_ones_choice() -> None:
    """A port may be asked for; where it is taken, the record says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        live = launch(SyncEcho, port=port)
        assert live.port != port
        assert [entry.what for entry in live.host.record.snapshot().entries] == [
            Note(f"Port {port} is taken; this server has port {live.port}.")
        ]
    assert launch(SyncEcho, port=port).port == port


def test_the_port_is_not_free_between_two_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can take the port when one server has stopped and the next is not there yet."""
    first = launch(SyncEcho)
    stop = first.host.stop

    def stop_and_try() -> bool:
        ended = stop()
        with pytest.raises(OSError), socket.create_server(("127.0.0.1", first.port)):
            pass
        return ended

    monkeypatch.setattr(first.host, "stop", stop_and_try)
    second = launch(SyncEcho)
    assert second.port == first.port
    assert echoes(second)


def test_every_socket_is_this_machines() -> None:
    """A server is at both addresses of loopback, again when it is replaced, and nowhere else."""
    for _ in range(2):
        live = launch(SyncEcho)
        found = [one.getsockname() for one in live.host.listeners if on_network(one)]
        assert found[0] == ("127.0.0.1", live.port)
        for name, port, *_ in found[1:]:
            assert (name, port) == ("::1", live.port)
            with connect(f"ws://[::1]:{port}/", proxy=None) as client:
                client.send("x")
                assert client.recv() == "x"


def on_network(listener: socket.socket) -> bool:
    """Tell whether a socket is one that a network could lead to."""
    return listener.family in (socket.AF_INET, socket.AF_INET6)


def test_a_client_waits_between_two_servers() -> None:
    """A client that comes while a server is replaced is answered by the next one."""
    first = Host(SyncEcho.as_asgi(), Record())
    first.start()
    listeners = first.keep_listening()
    first.stop()
    assert first.keep_listening() == ()
    with RawClient(first.port) as client:
        client.start_handshake()
        second = Host(SyncEcho.as_asgi(), Record(), listeners=listeners)
        second.start()
        assert second.port == first.port
        assert client.answer().startswith("HTTP/1.1 101 ")
        second.stop()


def test_limits_and_access() -> None:
    """Arguments reach the server; one name is as good as a list of names."""
    live = launch(
        SyncEcho,
        allow_hosts="one.example",
        allow_origins=["https://two.example"],
        handshake_timeout=1,
        grace=2,
        max_size=3,
    )
    limits = live.host.limits
    assert (limits.handshake_timeout, limits.grace, limits.max_size) == (1, 2, 3)
    assert "one.example" in live.host.access.hosts
    assert live.host.access.origins == {"https://two.example"}
    with connect(live.url(), origin="https://two.example"):  # type: ignore[arg-type]
        pass
    with (
        pytest.raises(InvalidStatus),
        connect(live.url(), origin="https://evil.example"),  # type: ignore[arg-type]
    ):
        pass


def test_a_hundred_launches() -> None:
    """No thread, socket, task or port is left over, and the port stays the same."""

    class Stays(SyncConsumer):
        def websocket_connect(self, event: dict[str, Any]) -> None:
            self.send({"type": "websocket.accept"})

    port = launch(SyncEcho).port
    before = open_files()
    for number in range(100):
        live = launch((SyncEcho, AsyncEcho, Stays)[number % 3])
        assert live.port == port
        if number % 3 < 2:
            assert echoes(live)
        else:
            with connect(live.url()) as client:
                # It is still there when its server goes.
                assert launch(SyncEcho).port == port
                with pytest.raises(ConnectionClosed):
                    client.recv()
    live = launch(SyncEcho)
    # The thread of sync consumers ends soon after its server.
    assert eventually(lambda: threads() == [f"live-server-{port}"])
    # What an earlier test had left open may go meanwhile; nothing may be added.
    assert eventually(lambda: not open_files() - before), open_files() - before
    assert list(servers) == ["live"]
    live.close()
    assert eventually(lambda: threads() == [])
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.usefixtures("gives_up_soon")
def test_a_server_that_was_left_behind() -> None:
    """Launching escapes a handler that blocks the loop, and the record says so."""

    begun, release = threading.Event(), threading.Event()

    class Blocks(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            begun.set()
            release.wait()

    first = launch(Blocks)
    with connect(first.url()) as client:
        client.send("x")
        assert begun.wait(60)
        second = launch(SyncEcho)
    assert second.port == first.port
    assert [entry.what for entry in second.host.record.snapshot().entries] == [
        Note(
            "The server before this one did not answer: a handler of its consumer blocked its "
            "event loop. It was left behind, and nobody can reach it any more."
        )
    ]
    assert echoes(second)
    release.set()
    first.host.thread.join(60)
    assert not first.host.thread.is_alive()


def test_an_interrupted_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch that the learner interrupts is finished by the next one."""
    first = launch(SyncEcho)
    stop = first.host.stop

    def interrupted() -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(first.host, "stop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch(AsyncEcho)
    assert current() is first
    monkeypatch.setattr(first.host, "stop", stop)
    assert launch(AsyncEcho).port == first.port


# The package


def test_the_package() -> None:
    """A lesson imports launch() from the package; Django is configured by then."""
    assert launch_in_package is launch
    assert server.LiveServer is LiveServer
    assert settings.configured


RUN = """
import sys
from server import launch
from server.notebook.settings import configure
from channels.consumer import SyncConsumer
from django.conf import settings
configure()
print(settings.SECRET_KEY)
class Blocks(SyncConsumer):
    def websocket_connect(self, event):
        import time
        self.send({"type": "websocket.accept"})
        time.sleep(60)
live = launch(Blocks)
from websockets.sync.client import connect
with connect(live.url()):
    sys.exit(7)
"""


def test_a_program_ends_whatever_a_consumer_does() -> None:
    """Neither the server nor a handler in its thread keeps Python from ending."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "a notebook signs nothing\n", "")


def test_settings_of_ones_own() -> None:
    """Where Django is configured already, it stays as it is."""
    code = (
        "from django.conf import settings; settings.configure(SECRET_KEY='mine'); "
        "import server; print(settings.SECRET_KEY)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout == "mine\n"


def test_the_extension(shell: InteractiveShell) -> None:
    """``%load_ext server`` registers the browser cell."""
    try:
        server.load_ipython_extension(shell)
        assert "browser" in shell.magics_manager.magics["cell"]
    finally:
        gc.unfreeze()


def test_launch_that_fails() -> None:
    """The server before goes on, and says on its card and to the next client what it is."""
    live = launch(SyncEcho, name="failing")
    try:
        with pytest.raises(TypeError):
            launch(SyncEcho(), name="failing")
        remark = "The launch after it has failed, so this is still SyncEcho from before."
        assert repr(live).endswith(f". {remark}")
        assert live._repr_html_().endswith(f"</a>) {remark}</p>")
        for _ in range(2):
            with connect(live.url(), proxy=None):
                pass
        notes = [e for e in live.transcript if isinstance(e.what, Note)]
        assert [(e.connection, e.what) for e in notes] == [(1, Note(remark))]
        again = launch(SyncEcho, name="failing")
        assert remark not in repr(again)
    finally:
        launch(SyncEcho, name="failing").close()


def test_launch_that_fails_first() -> None:
    """Without a server before, there is nothing to say but the exception."""
    with pytest.raises(TypeError):
        launch("nothing", name="failing")


def test_explain_names_a_handler_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that does not come to its end is named."""
    monkeypatch.setattr("server.notebook.launch.STUCK", 0.0)
    go_on = threading.Event()

    class Waits(WebsocketConsumer):
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            self.send("begun")
            go_on.wait()

    live = launch(Waits, name="failing")
    try:
        with connect(live.url(), proxy=None) as ws:
            ws.send("hello")
            ws.recv(60)
            assert live.explain().text == (
                "Nothing went wrong here, as far as the record shows. A handler has begun and not "
                "come to its end: a pause, or an endless loop."
            )
            go_on.set()
    finally:
        go_on.set()
        live.close()


def test_explain_names_what_was_not_answered() -> None:
    """Where nothing went wrong, it is said that the last message was not answered."""

    class Listens(WebsocketConsumer):
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            if text_data == "ask":
                self.send("answer")

    live = launch(Listens, name="failing")
    try:
        nothing = "Nothing went wrong here, as far as the record shows."
        with connect(live.url(), proxy=None) as ws:
            ws.send("hello")
            ws.send("ask")
            ws.recv(60)
            assert live.explain().text == nothing
            ws.send("hello")
        assert live.explain().text == (
            f"{nothing} Nothing was sent after the last message of client 1, entry 6: follow your "
            "code for it."
        )
    finally:
        live.close()

"""The server in its thread: start, stop, what it answers, what it leaves behind."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import socket
import sys
import threading
import time
import warnings
from contextlib import suppress
from contextvars import copy_context
from typing import Any

import pytest
from channels.consumer import AsyncConsumer, SyncConsumer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from server.live import host as host_module
from server.live.connection import Limits
from server.live.current_connection import current_connection
from server.live.host import Host, RecordHandler, listen, listen_beside
from server.live.record import Closed, Disconnected, Failed, Note, Record, Refused
from server.live.waiting import until_done
from tests.serving import (
    AsyncEcho,
    RawClient,
    Served,
    SyncEcho,
    close_frame,
    eventually,
    serving,
)

DEBUGGED = sys.version_info < (3, 12) and sys.gettrace() is not None
"""Whether endless loops cannot be interrupted; so it is when coverage is measured."""


def host_for(app: Any, **options: Any) -> Host:
    """Return a host that has not been started."""
    return Host(app.as_asgi(), Record(), **options)


# Start and stop


def test_start_and_stop() -> None:
    """A host runs from start() to stop(), and then nothing is left of it."""
    host = host_for(SyncEcho)
    assert not host.running
    host.start()
    assert host.running
    with connect(f"ws://127.0.0.1:{host.port}/"):
        pass
    assert host.stop()
    assert not host.running
    assert host.loop.is_closed()
    assert host.listeners[0].fileno() == -1
    for thread in (host.thread, host.shared_thread.thread):
        thread.join(60)
        assert not thread.is_alive()


def test_stopping_twice() -> None:
    """A host that has stopped can be stopped again."""
    host = host_for(SyncEcho)
    host.start()
    assert host.stop()
    assert host.stop()
    host.settle()


def test_a_server_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """start() raises what went wrong, and no thread is left."""

    async def no_server(*args: Any, **kwargs: Any) -> None:
        raise OSError("no")

    monkeypatch.setattr(host_module, "serve", no_server)
    host = host_for(AsyncEcho)
    with pytest.raises(OSError, match=r"^no$"):
        host.start()
    host.thread.join(60)
    assert not host.running
    host.listeners[0].close()


def test_a_server_that_cannot_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault on the way out ends the thread all the same."""

    async def fails(servers: Any) -> None:
        servers[0].close()
        raise ValueError("no")

    host = host_for(AsyncEcho)
    monkeypatch.setattr(host, "close", fails)
    host.start()
    assert host.stop()
    assert host.loop.is_closed()


def test_stopping_from_its_own_thread() -> None:
    """A handler that stops the server does not wait for itself."""
    results: list[bool] = []

    class Stops(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            live.host.settle()
            results.append(live.host.stop())

    with serving(Stops) as live:
        with connect(live.url()) as client, pytest.raises(ConnectionClosed) as caught:
            client.send("x")
            client.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012
        assert results == [True]


def test_a_loop_that_ends_instead_of_turning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks whether a loop turns that is just about to end is told so as soon as it has."""
    host = host_for(AsyncEcho)
    ending, asked = threading.Event(), threading.Event()

    def release() -> None:
        ending.set()
        assert asked.wait(60)

    monkeypatch.setattr(host.site, "release", release)
    host.start()
    host.loop.call_soon_threadsafe(host.stopping.set)
    assert ending.wait(60)
    turned = host.next_turn()
    assert not turned.is_set()
    asked.set()
    assert turned.wait(60)
    assert host.loop.is_closed()
    assert host.next_turn().is_set()
    assert host.stop()
    assert not host.asked


def test_an_answer_is_kept_by_nobody() -> None:
    """A host that has told that its loop turns keeps nothing of the question."""
    host = host_for(AsyncEcho)
    host.start()
    assert all(host.turns(60) for _ in range(3))
    assert not host.asked
    assert host.stop()


def test_what_clients_are_told_when_it_stops() -> None:
    """Clients get 1012, Service Restart, and applications are told so."""
    with serving(AsyncEcho) as live, connect(live.url()) as client:
        live.host.stop()
        with pytest.raises(ConnectionClosed) as caught:
            client.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (
            1012,
            "the server restarts",
        )
        whats = [entry.what for entry in live.record.snapshot().entries]
        assert whats[2:] == [
            Closed("server", 1012, "the server restarts"),
            Disconnected("server", 1012, "the server restarts"),
        ]


def test_clients_that_are_accepted_as_it_stops() -> None:
    """Who has been accepted and is no connection yet is let go, and no socket is forgotten."""
    host = host_for(AsyncEcho)
    host.start()
    connected = threading.Event()

    def hold_up() -> None:
        # The loop finds the clients in the turn in which it is told to stop.
        assert connected.wait(60)
        host.loop.call_soon(host.stopping.set)

    host.loop.call_soon_threadsafe(hold_up)
    # What tests before have left is not this one's.
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clients = [socket.create_connection(("127.0.0.1", host.port), 60) for _ in range(20)]
        connected.set()
        host.thread.join(60)
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
    for client in clients:
        with client, suppress(ConnectionResetError):
            assert client.recv(1) == b""
    host.stop()


def test_it_stops_in_time_whatever_its_clients_do() -> None:
    """Silent clients, half a request, no answer to the close, and a handshake without end."""

    class Slow(AsyncEcho):
        async def websocket_connect(self, event: dict[str, Any]) -> None:
            if self.scope["path"] == "/slow":
                await asyncio.sleep(3600)
            await super().websocket_connect(event)

        async def websocket_disconnect(self, event: dict[str, Any]) -> None:
            await asyncio.sleep(3600)

    with serving(Slow) as live:
        clients = [RawClient(live.host.port) for _ in range(4)]
        clients[1].socket.sendall(b"GET / HT")
        clients[2].handshake()
        clients[3].start_handshake("/slow")
        assert eventually(lambda: live.host.connections == 2)
        start = time.perf_counter()
        assert live.host.stop()
        assert time.perf_counter() - start < 60
        assert clients[3].answer().startswith("HTTP/1.1 503 ")
        assert Refused("server", 503, "The server restarts.", "Slow") in [
            entry.what for entry in live.record.snapshot().entries
        ]
        for client in clients:
            client.close()
    gc.collect()


def test_a_port_that_is_taken() -> None:
    """Another one is taken instead; where any would do, the error is the system's own."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        listen(taken.getsockname()[1]) as found,
    ):
        assert found.getsockname()[1] != taken.getsockname()[1]
        assert found.getsockname()[0] == "127.0.0.1"


def test_no_port_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no port, the error is its own."""

    def none(address: tuple[str, int]) -> socket.socket:
        raise OSError("no port")

    monkeypatch.setattr(socket, "create_server", none)
    with pytest.raises(OSError, match=r"^no port$"):
        listen(0)


def test_a_machine_without_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence says what is missing, also where a port is asked for."""

    def none(address: tuple[str, int]) -> socket.socket:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(socket, "create_server", none)
    for port in (0, 8000):
        with pytest.raises(OSError, match=r"^\[Errno \d+\] This machine has no 127\.0\.0\.1: "):
            listen(port)


def test_beside_ipv4() -> None:
    """The same port of IPv6's loopback is listened on, if it is there and free."""
    with listen(0) as first:
        beside = listen_beside(first)
        for second in beside:
            assert second.getsockname()[:2] == ("::1", first.getsockname()[1])
            assert listen_beside(first) == []
            second.close()


def test_idle() -> None:
    """A server without clients, and one that has had some, has nothing to do and no timer."""
    with serving(SyncEcho) as live:
        for _ in range(3):
            with connect(live.url()) as client:
                client.send("x")
                client.recv()
        live.host.settle()
        time.sleep(0.05)

        def work() -> tuple[int, list[Any]]:
            loop: Any = live.host.loop
            timers = [timer for timer in loop._scheduled if not timer.cancelled()]
            return len(asyncio.all_tasks(loop)), timers

        async def look() -> tuple[int, list[Any]]:
            return work()

        tasks, timers = live.host.call(look, 60)
        # The server's own task, and the one that looks.
        assert tasks == 2
        assert timers == []
        assert live.host.bridges == set()
        assert live.host.wires == set()


# Handlers that block


@pytest.mark.usefixtures("gives_up_soon")
def test_a_loop_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that was given up, and whose socket is closed, ends without an error of its own.

    It waits for no server of asyncio's either, which would not say that it is closed.
    """

    async def until_really_done(*tasks: asyncio.Future[Any], timeout: float) -> None:
        await until_done(*tasks)

    monkeypatch.setattr(host_module, "until_done", until_really_done)
    begun, release = threading.Event(), threading.Event()

    class Stays(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            begun.set()
            while not release.is_set():
                with suppress(SystemExit):
                    release.wait(3600)

    record = Record()
    host = Host(Stays.as_asgi(), record)
    host.start()
    with connect(f"ws://127.0.0.1:{host.port}/", proxy=None) as client:
        client.send("x")
        assert begun.wait(60)
        assert not host.stop()
    release.set()
    host.thread.join(60)
    assert not host.thread.is_alive()
    del host
    # A task whose exception nobody has asked for tells of it when it is collected.
    gc.collect()
    assert [entry for entry in record.snapshot().entries if isinstance(entry.what, Failed)] == []


@pytest.mark.usefixtures("gives_up_soon")
def test_a_handler_that_blocks_the_loop() -> None:
    """The reader is told who blocks it; stopping interrupts it, frees the port and the clients."""

    release = threading.Event()
    begun = threading.Event()

    class Blocks(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            begun.set()
            while not release.is_set():
                pass

    with serving(Blocks) as live, connect(live.url()) as client:
        client.send("x")
        assert begun.wait(60)
        live.host.settle(0.05)
        [text] = [
            entry.what.text
            for entry in live.record.snapshot().entries
            if isinstance(entry.what, Note)
        ]
        code = Blocks.websocket_receive.__code__
        lines = range(code.co_firstlineno, code.co_firstlineno + 4)
        assert text in [
            f"The server's event loop does not answer: Blocks.websocket_receive, in line {line} "
            f"of its cell or file, blocks it. In an async consumer, await what takes time: "
            f"await asyncio.sleep(1), not time.sleep(1)."
            for line in lines
        ]
        port = live.host.port
        assert not live.host.stop()
        assert not live.host.running
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=60)
        with listen(port) as again:
            assert again.getsockname()[1] == port
        if DEBUGGED:
            release.set()
        assert eventually(lambda: not live.host.thread.is_alive())
        live.host.settle()
    gc.collect()


@pytest.mark.usefixtures("gives_up_soon")
def test_a_handler_that_sleeps_in_the_loop() -> None:
    """What is not Python code cannot be interrupted; it is left behind, and ends by itself."""
    begun, release = threading.Event(), threading.Event()

    class Sleeps(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            begun.set()
            release.wait()

    with serving(Sleeps) as live, connect(live.url()) as client:
        client.send("x")
        assert begun.wait(60)
        assert not live.host.stop()
        assert live.host.thread.is_alive()
        release.set()
        assert eventually(lambda: not live.host.thread.is_alive())
        assert eventually(lambda: not live.host.shared_thread.thread.is_alive())
    gc.collect()


def test_a_loop_that_is_blocked_by_nobody_known() -> None:
    """Where no consumer is on the stack, the remark names none."""
    begun, release = threading.Event(), threading.Event()

    async def block() -> None:
        begun.set()
        release.wait()

    with serving(AsyncEcho) as live:
        assert live.host.blocked_by() == "a handler"
        asyncio.run_coroutine_threadsafe(block(), live.host.loop)
        assert begun.wait(60)
        assert live.host.blocked_by() == "a handler"
        release.set()


@pytest.mark.usefixtures("gives_up_soon")
@pytest.mark.parametrize("again", [False, True])
def test_a_loop_that_stands_still_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """Where no handler is seen to block a loop, one is blamed only if it stands still again."""
    begun, release = threading.Event(), threading.Event()

    async def stand_still() -> None:
        begun.set()
        release.wait()

    with serving(AsyncEcho) as live:

        def turns(patience: float) -> bool:
            if not again:
                release.set()
                monkeypatch.setattr(host_module, "ANSWER_TIMEOUT", 60.0)
            return True

        monkeypatch.setattr(live.host, "turns", turns)
        asyncio.run_coroutine_threadsafe(stand_still(), live.host.loop)
        assert begun.wait(60)
        live.host.settle(0.0)
        release.set()
        notes = [e.what.text for e in live.record.snapshot().entries if isinstance(e.what, Note)]
        monkeypatch.undo()
    blamed = (
        "The server's event loop does not answer: a handler blocks it. "
        "In an async consumer, await what takes time: await asyncio.sleep(1), not time.sleep(1)."
    )
    assert notes == ([blamed] if again else [])


def test_blocked_before_it_runs() -> None:
    """A host without a thread is blocked by nobody."""
    host = host_for(AsyncEcho)
    assert host.blocked_by() == "a handler"
    host.listeners[0].close()
    host.loop.close()


def test_a_sync_handler_without_end() -> None:
    """It takes the shared thread and not the loop; stopping interrupts it."""
    ended: list[str] = []
    release = threading.Event()

    started: list[bool] = []

    # Not in the try statement: Python 3.13 takes the jump at the end of a loop for a place outside
    # of it, and does not catch there what is raised from another thread.
    def spin() -> None:
        started.append(True)
        while not release.wait(0.001):
            pass

    class Endless(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            try:
                spin()
            except BaseException as error:
                ended.append(type(error).__name__)
                raise

    with serving(Endless) as live, connect(live.url()) as client:
        client.send("x")
        assert eventually(lambda: bool(started))
        assert live.host.stop()
        if DEBUGGED:
            release.set()
        assert eventually(lambda: not live.host.shared_thread.thread.is_alive())
        assert ended == ["SystemExit"] or DEBUGGED
    gc.collect()


@pytest.mark.usefixtures("stops_soon")
def test_a_sync_handler_that_sleeps() -> None:
    """Stopping does not wait for it, and nothing is printed when it wakes up."""
    begun, release = threading.Event(), threading.Event()

    class Sleeps(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            begun.set()
            release.wait()

    with serving(Sleeps) as live, connect(live.url()) as client:
        client.send("x")
        assert begun.wait(60)
        live.host.stop()
        assert eventually(lambda: not live.host.thread.is_alive())
        release.set()
        assert eventually(lambda: not live.host.shared_thread.thread.is_alive())
    gc.collect()


def test_stop_iteration_in_a_sync_handler() -> None:
    """It ends the consumer as it does in a coroutine, instead of hanging for ever."""

    class Exhausted(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            next(iter(()))

    with serving(Exhausted) as live:
        with connect(live.url()) as client, pytest.raises(ConnectionClosed):
            client.send("x")
            client.recv(timeout=60)
        assert live.errors() == ["RuntimeError: handler raised StopIteration"]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("base", [AsyncEcho, SyncEcho])
def test_exceptions_that_end_programs(
    base: type[AsyncConsumer], error: type[BaseException]
) -> None:
    """They end the connection with 1011, and not the server."""

    async def fail_async(self: Any, event: dict[str, Any]) -> None:
        raise error("enough")

    def fail(self: Any, event: dict[str, Any]) -> None:
        raise error("enough")

    handler = fail if base is SyncEcho else fail_async
    consumer = type("Ends", (base,), {"websocket_receive": handler})
    with serving(consumer) as live:
        with connect(live.url()) as client, pytest.raises(ConnectionClosed) as caught:
            client.send("x")
            client.recv(timeout=60)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1011
        assert live.errors() == [f"{error.__name__}: enough"]
        assert live.works()


# What nobody waits for


class Background(AsyncEcho):
    """Starts a task and forgets it."""

    error: type[BaseException] = ValueError

    async def websocket_receive(self, event: dict[str, Any]) -> None:
        asyncio.create_task(self.work())  # noqa: RUF006 (learners forget it too)
        await super().websocket_receive(event)

    async def work(self) -> None:
        await asyncio.sleep(0)
        raise self.error("lost")


def test_the_exception_of_a_forgotten_task(capfd: pytest.CaptureFixture[str]) -> None:
    """It is in the record, with Python's own words, and not in a cell."""
    with serving(Background) as live:
        with connect(live.url()) as client:
            client.send("x")
            client.recv()
        gc.collect()
        assert eventually(lambda: live.errors() == ["ValueError: lost"])
        assert live.notes() == ["Task exception was never retrieved."]
        numbers = {entry.connection for entry in live.entries() if isinstance(entry.what, Note)}
        assert numbers == ({1} if sys.version_info >= (3, 12) else {0})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_forgotten_task_that_ends_the_loop(error: type[BaseException]) -> None:
    """The loop goes on, and the record has the exception."""
    consumer = type("Ends", (Background,), {"error": error})
    with serving(consumer) as live:
        with connect(live.url()) as client:
            client.send("x")
            assert client.recv() == "x"
        assert live.errors()[0] == f"{error.__name__}: lost"
        assert live.works()


def test_a_remark_of_the_loop_without_an_exception() -> None:
    """It is of no use to a learner."""
    with serving(AsyncEcho) as live:
        live.host.on_loop_exception(live.host.loop, {"message": "Task was destroyed"})
        assert live.entries() == []


def test_an_exception_of_a_task_after_the_end() -> None:
    """What is found when the loop is closed is in the record as well."""
    host = host_for(AsyncEcho)
    host.start()
    assert host.stop()
    failed = {"message": "Nobody has asked", "exception": ValueError("lost")}
    host.on_loop_exception(host.loop, failed)
    whats = [entry.what for entry in host.record.snapshot().entries][-2:]
    assert whats[0] == Note("Nobody has asked.")
    assert isinstance(whats[1], Failed) and str(whats[1].exception) == "lost"


def test_an_exception_in_the_context_of_a_connection() -> None:
    """It is the connection's, if that is this server's; another server's is nobody's here."""
    with serving(AsyncEcho) as live, serving(AsyncEcho) as other:
        with connect(live.url()) as client, connect(other.url()) as stranger:
            for number, (served, ws) in enumerate([(live, client), (other, stranger)]):
                ws.send("x")
                assert ws.recv(60) == "x"
                (bridge,) = served.host.bridges
                context = copy_context()
                context.run(current_connection.set, bridge)
                failed = {"message": "Nobody has asked", "exception": ValueError(f"no. {number}")}
                live.host.loop.call_soon_threadsafe(
                    live.host.on_loop_exception, live.host.loop, failed, context=context
                )
            assert eventually(lambda: len(live.whats(Failed)) == 2)
        found = [(e.connection, e.what) for e in live.entries() if isinstance(e.what, Note)]
        assert [connection for connection, _ in found] == [1, 0]


def test_what_websockets_logs(capfd: pytest.CaptureFixture[str]) -> None:
    """It goes to the record, with its exception, and to no handler of anybody else's."""
    record = Record()
    logger = logging.Logger("test", logging.WARNING)
    logger.addHandler(RecordHandler(record))
    logger.info("nothing")
    logger.error("something %s", "happened")
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("failed")
    kinds = [type(entry.what).__name__ for entry in record.snapshot().entries]
    assert kinds == ["Note", "Note", "Failed"]
    assert record.snapshot().entries[0].what == Note("websockets: something happened")
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_our_own_is_recorded() -> None:
    """An exception in the host's own code is seen, and the client gets an answer."""
    with serving(AsyncEcho) as live:
        live.host.context = None
        with RawClient(live.host.port) as client:
            assert client.handshake().startswith("HTTP/1.1 500 ")
        assert live.notes() == ["websockets: process_request failed"]
        assert live.errors() == ["AssertionError"]


# Calls from another thread


def test_an_interrupted_call_is_cancelled() -> None:
    """What call() does not wait for any more does not go on."""
    begun: list[bool] = []
    cancelled: list[bool] = []

    async def forever() -> None:
        begun.append(True)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with serving(AsyncEcho) as live:

        def has_begun() -> bool:
            """Call it; a loop that hears of a call too late finds it cancelled, and begins none."""
            with pytest.raises(TimeoutError):
                live.host.call(forever, 0.05)
            return bool(begun)

        assert eventually(has_begun)
        assert eventually(lambda: cancelled == begun)


def test_limits_have_the_documented_values() -> None:
    """The bounds that asgi-host and launch() promise."""
    limits = Limits()
    assert (limits.handshake_timeout, limits.grace, limits.max_size) == (5.0, 2.0, 2**20)


def test_served_helpers() -> None:
    """A connection closed by a bare client is as settled as any."""
    with serving(AsyncEcho) as live:
        with RawClient(live.host.port) as client:
            client.handshake()
            client.socket.sendall(close_frame(1000))
            client.recv()
        assert isinstance(live, Served)
        assert live.kinds(1) == ["Connecting", "Accepted", "Disconnected"]


def test_a_sync_application_consumer_in_its_thread() -> None:
    """All sync consumers of a server share one thread; another server has its own."""
    names: list[str] = []

    class Names(SyncConsumer):
        def websocket_connect(self, event: dict[str, Any]) -> None:
            names.append(f"{threading.current_thread().name} {threading.get_ident()}")
            self.send({"type": "websocket.close"})

    with serving(Names) as one, serving(Names) as two:
        for live in (one, one, two):
            with RawClient(live.host.port) as client:
                client.handshake()
    assert len(names) == 3
    assert names[0] == names[1] != names[2]
    assert names[0].startswith("sync-consumers ")

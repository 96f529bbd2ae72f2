"""Tasks, threads and loops that a consumer starts beside its handlers."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from server.live.background import is_looked_after, is_unheard
from server.live.record import Failed, Note, Printed
from tests.serving import AsyncEcho, RawClient, Served, close_frame, eventually, serving

LEFT_ALONE = "A task of the consumer has raised an exception, and nobody awaits the task."
THREAD = "A thread that the consumer has started has ended with an exception."


async def fails() -> None:
    raise ValueError("in a task")


def exchange(live: Served, *, leave: bool = True) -> None:
    """Open a connection, send one message and read the answer; then leave."""
    with RawClient(live.host.port) as client:
        client.handshake()
        client.send(b"hello")
        client.recv()
        if leave:
            client.socket.sendall(close_frame(1000))
            client.recv()


def whats(live: Served) -> list[Any]:
    return [entry.what for entry in live.entries(1)]


class Keeps(AsyncEcho):
    """Keeps a task that fails."""

    async def websocket_receive(self, event: dict[str, Any]) -> None:
        self.task = asyncio.create_task(fails())
        await super().websocket_receive(event)


def test_task_that_is_kept() -> None:
    """What a task raises that the consumer keeps is recorded when its client has left."""
    with serving(Keeps) as live:
        exchange(live)
        assert live.errors() == ["ValueError: in a task"]
        assert live.notes() == [LEFT_ALONE]
        assert {entry.connection for entry in live.entries()} == {1}


def test_task_of_a_client_that_is_there() -> None:
    """It is recorded as soon as somebody asks, while the consumer waits for its next event."""
    with serving(Keeps) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.send(b"hello")
        client.recv()
        assert live.errors() == ["ValueError: in a task"]
        assert live.errors() == ["ValueError: in a task"]


def test_task_that_is_awaited() -> None:
    """What somebody has caught is nobody's mistake."""

    class Catches(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            self.task = asyncio.create_task(fails())
            await asyncio.sleep(0)
            self.cancelled = asyncio.create_task(asyncio.sleep(60))
            await super().websocket_receive(event)
            self.cancelled.cancel()

        async def websocket_disconnect(self, event: dict[str, Any]) -> None:
            try:
                await self.task
            except ValueError:
                print("caught")
            await super().websocket_disconnect(event)

    with serving(Catches) as live:
        exchange(live)
        assert live.prints() == ["caught"]
        assert live.errors() == live.notes() == []


def test_task_that_sends_too_late() -> None:
    """It has not failed: it was not needed any more."""

    class Late(AsyncEcho):
        async def websocket_disconnect(self, event: dict[str, Any]) -> None:
            self.task = asyncio.create_task(self.send({"type": "websocket.send", "text": "x"}))
            await asyncio.wait([self.task])
            await super().websocket_disconnect(event)

    with serving(Late) as live:
        exchange(live)
        assert live.errors() == []
        assert live.notes() == [
            "A task of the consumer sent something after its client had left, and has ended."
        ]


def test_thread() -> None:
    """What a thread prints and raises belongs to the connection of its consumer."""

    class Starts(AsyncEcho):
        def work(self) -> None:
            print("in a thread")
            raise KeyError("in a thread")

        async def websocket_receive(self, event: dict[str, Any]) -> None:
            thread = threading.Thread(target=self.work)
            thread.start()
            await asyncio.to_thread(thread.join)
            await super().websocket_receive(event)

    with serving(Starts) as live:
        exchange(live)
        assert [what for what in whats(live) if isinstance(what, Note)] == [Note(THREAD)]
        assert Printed("in a thread", "stdout") in whats(live)
        assert live.errors() == ["KeyError: 'in a thread'"]


def test_thread_that_ends_itself() -> None:
    """sys.exit() ends a thread, and is no exception."""

    class Exits(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            thread = threading.Timer(0.0, exit_thread)
            thread.start()
            await asyncio.to_thread(thread.join)
            await super().websocket_receive(event)

    with serving(Exits) as live:
        exchange(live)
        assert live.errors() == live.notes() == []


def exit_thread() -> None:
    raise SystemExit


def test_threads_of_a_pool() -> None:
    """A thread that works for everybody works for no connection."""
    with ThreadPoolExecutor(1) as pool:

        class Pools(AsyncEcho):
            async def websocket_receive(self, event: dict[str, Any]) -> None:
                await asyncio.wrap_future(pool.submit(int))
                await super().websocket_receive(event)

        with serving(Pools) as live:
            exchange(live)
            assert live.errors() == []
        assert pool.submit(threading.current_thread).result().run.__self__ is not None  # type: ignore[attr-defined]


def test_thread_of_a_cell() -> None:
    """A thread that no consumer has started is left alone."""
    done = []
    thread = threading.Thread(target=lambda: done.append(True))
    thread.start()
    thread.join()
    assert done == [True]


def test_another_event_loop() -> None:
    """A message that another loop sends arrives, and the record says so once."""

    class Elsewhere(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            send = super().websocket_receive
            for _ in range(2):
                await asyncio.to_thread(lambda: asyncio.run(send(event)))

    with serving(Elsewhere) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.send(b"hello")
        assert [client.recv(), client.recv()] == [(1, b"hello")] * 2
        assert eventually(lambda: len(live.notes()) == 1)
        assert live.notes()[0].startswith("A message was sent from another event loop")


def test_which_tasks() -> None:
    """Tasks that libraries make for every message are passed over."""
    channels = "/x/site-packages/channels/generic/websocket.py"
    assert is_looked_after("<ipython-input-1>", "receive")
    assert is_looked_after(channels, "send")
    assert not is_looked_after(channels, "receive")
    assert not is_looked_after("/x/site-packages/websockets/asyncio/server.py", "send")


def test_unheard() -> None:
    """A task is unheard as long as nobody has asked for its exception."""

    async def ask() -> list[bool]:
        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        before = is_unheard(task)
        task.exception()
        return [before, is_unheard(task)]

    assert asyncio.run(ask()) == [True, False]


def test_failure_in_the_record() -> None:
    """The exception is followed by nothing else, and preceded by the remark."""
    with serving(Keeps) as live:
        exchange(live)
        *_, note, failed = whats(live)
    assert isinstance(note, Note) and isinstance(failed, Failed)

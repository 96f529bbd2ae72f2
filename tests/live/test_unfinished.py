"""A handler that swallows everything spoils nothing but its own server."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest
from channels.consumer import SyncConsumer
from channels.routing import ProtocolTypeRouter
from websockets.sync.client import connect

from tests.live.test_host import DEBUGGED
from tests.serving import AsyncEcho, RawClient, SyncEcho, eventually, serving


class Swallows(AsyncEcho):
    """Never ends: a bare ``except`` takes the cancellation and all that follows."""

    async def websocket_receive(self, event: dict[str, Any]) -> None:
        while True:
            try:  # noqa: SIM105
                await asyncio.sleep(0.01)
            except:  # noqa: E722
                pass


@pytest.mark.usefixtures("stops_soon")
def test_a_coroutine_that_swallows_its_end() -> None:
    """Garbage collection finds nothing to close, in which it would hang; the next server works."""
    for _ in range(3):
        with serving(Swallows) as live, connect(live.url()) as client:
            client.send("x")
        collected = threading.Thread(target=gc.collect, daemon=True)
        collected.start()
        collected.join(60)
        assert not collected.is_alive()
        with serving(AsyncEcho) as live:
            assert live.works()


@pytest.mark.skipif(DEBUGGED, reason="Python 3.11 interrupts nothing below a debugger")
@pytest.mark.parametrize("base", [AsyncEcho, SyncEcho])
@pytest.mark.usefixtures("gives_up_soon")
def test_many_handlers_that_spin(base: type) -> None:
    """Where one is interrupted, no other takes its place: no processor is busy for good."""
    started: list[int] = []

    def spin() -> None:
        started.append(1)
        while True:
            time.sleep(0.001)  # It goes round as well, and leaves the processor to other tests.

    class SpinsOnTheLoop(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            spin()

    class SpinsInTheThread(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            spin()

    app = SpinsInTheThread if issubclass(base, SyncConsumer) else SpinsOnTheLoop
    with serving(app) as live:
        clients = [RawClient(live.host.port) for _ in range(5)]
        try:
            for client in clients:
                assert client.handshake().startswith("HTTP/1.1 101 ")
            for client in clients:
                client.send(b"x")
            assert eventually(lambda: len(started) == 1)
            live.host.stop()
            threads = live.host.thread, live.host.shared_thread.thread
            assert eventually(lambda: not any(thread.is_alive() for thread in threads))
        finally:
            for client in clients:
                client.close()
    assert len(started) == 1


@pytest.mark.skipif(DEBUGGED, reason="Python 3.11 interrupts nothing below a debugger")
@pytest.mark.usefixtures("gives_up_soon")
def test_many_tasks_that_spin() -> None:
    """What a consumer leaves to the event loop takes the place of its handler no more than that."""
    started: list[int] = []

    async def spin() -> None:
        started.append(1)
        while True:
            pass

    class Starts(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            self.tasks = [asyncio.create_task(spin()) for _ in range(50)]

    with serving(Starts) as live, RawClient(live.host.port) as client:
        client.handshake()
        client.send(b"x")
        assert eventually(lambda: len(started) == 1)
        live.host.stop()
        assert eventually(lambda: not live.host.thread.is_alive())
    assert len(started) == 1


@pytest.mark.skipif(DEBUGGED, reason="Python 3.11 interrupts nothing below a debugger")
@pytest.mark.usefixtures("gives_up_soon")
def test_many_requests_that_spin() -> None:
    """An application that answers HTTP is interrupted once, however many requests wait."""
    started: list[int] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        started.append(1)
        while True:
            pass

    with serving(ProtocolTypeRouter({"http": page, "websocket": AsyncEcho.as_asgi()})) as live:
        clients = [RawClient(live.host.port) for _ in range(20)]
        assert eventually(lambda: len(live.host.wires) == len(clients))
        for client in clients:
            client.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert eventually(lambda: len(started) == 1)
        live.host.stop()
        assert eventually(lambda: not live.host.thread.is_alive())
        for client in clients:
            client.close()
    assert len(started) == 1


def test_a_loop_that_turns_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is left behind and answers again by then ends in its own order."""
    with serving(AsyncEcho) as live:
        turns = live.host.turns
        monkeypatch.setattr(live.host, "turns", lambda patience: turns(60))
        live.host.abandon()
        assert live.host.thread.is_alive()
        assert live.host.stop()

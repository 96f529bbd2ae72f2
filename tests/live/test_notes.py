"""What the server remarks about a consumer, once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from channels.consumer import AsyncConsumer

from server.live.notes import COMPUTING, MUCH, on_hold
from server.live.record import Note, Record
from server.live.work import HOLD, SHORT
from tests.serving import AsyncEcho, RawClient, SyncEcho, serving


class Connection:
    """A connection with a consumer, or without one."""

    number = 1

    def __init__(self, consumer: AsyncConsumer | None) -> None:
        self.record = Record()
        self.consumer = consumer

    def add(self, what: Any) -> None:
        """Write to the record."""
        self.record.add(1, what)

    @property
    def notes(self) -> list[Any]:
        """What has been written."""
        return [entry.what for entry in self.record.snapshot().entries]


def test_remarks_come_once() -> None:
    """What waits for the next client is said to it, and to no other."""
    with serving(SyncEcho) as live:
        live.record.remark("Something is to be said.")
        for _ in range(2):
            with RawClient(live.host.port) as client:
                client.handshake()
        notes = [(e.connection, e.what) for e in live.entries() if isinstance(e.what, Note)]
        assert notes == [(1, Note("Something is to be said."))]


MUCH_WORK = Note(
    "AsyncEcho, at work on websocket.receive, kept the event loop to itself: no other connection "
    "got its turn."
)


def test_much_work() -> None:
    """Steps that compute for long are named, whatever they do; those of a busy machine are not."""
    connection = Connection(AsyncEcho())
    on_hold(connection, "websocket.receive", MUCH - 0.1, MUCH - 0.1)
    assert connection.notes == []
    on_hold(connection, "websocket.receive", MUCH, MUCH * COMPUTING)
    on_hold(connection, "websocket.receive", MUCH, MUCH)
    assert connection.notes == [MUCH_WORK]


def test_a_machine_that_stood_still_is_no_work() -> None:
    """Long steps that neither compute nor wait for what is known are named when they come again."""
    connection = Connection(AsyncEcho())
    on_hold(connection, "websocket.connect", MUCH, 0.0)
    on_hold(connection, "websocket.receive", MUCH, 0.0)
    assert connection.notes == []
    on_hold(connection, "websocket.receive", MUCH, 0.0)
    assert connection.notes == [MUCH_WORK]


def test_work_of_an_application() -> None:
    """Where there is no consumer, there is no class to name."""
    connection = Connection(None)
    on_hold(connection, "websocket.receive", MUCH, MUCH)
    assert connection.notes == []


def test_work_is_told_from_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what the steps of an event take, the server knows for how long the processor worked."""
    told: list[tuple[str, float, float]] = []

    class Computes(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            if event["text"] == "wait":
                time.sleep(HOLD)
            end = time.thread_time() + HOLD
            while event["text"] == "compute" and time.thread_time() < end:
                pass
            await super().websocket_receive(event)

    monkeypatch.setattr("server.live.connection.on_hold", lambda _, *args: told.append(args))
    with serving(Computes) as live, RawClient(live.host.port) as client:
        client.handshake()
        for text in (b"compute", b"wait"):
            client.send(text)
            client.recv()
        live.entries()
    (_, computing, computed), (_, waiting, idle) = [
        args for args in told if args[0] == "websocket.receive"
    ]
    assert computing >= computed >= HOLD
    assert waiting >= HOLD > idle


def test_short_steps_are_added_up() -> None:
    """Steps of one event count together, and not with those of the next."""
    assert SHORT < HOLD

    class Holds(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            time.sleep(2 * SHORT)
            await super().websocket_receive(event)

    with serving(Holds) as live, RawClient(live.host.port) as client:
        client.handshake()
        for _ in range(2):
            client.send(b"x")
            client.recv()
        [note] = live.notes()
        assert note.startswith("Holds.websocket_receive calls time.sleep, in line ")
        assert note.endswith(
            ", and so kept the event loop to itself: no other connection got its turn."
        )

"""The server of the browser exercises, and what a browser did there.

The consumers of the exercises stand here because the exercises are about the other side, the
browser's. The record of the server is the judge.

"""

# Channels has no types.
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from channels.generic.websocket import WebsocketConsumer
from django.urls import path

from ..browser.runs import Run, runs
from ..launch import LiveServer, current, launch
from ..record import (
    Accepted,
    Closed,
    Connecting,
    Disconnected,
    Entry,
    Received,
    Refused,
    Snapshot,
)

__all__ = ["SERVER", "Connection", "Visits", "latest_run", "practice", "wait_for_visits"]

SERVER = "exercise"
"""The name of the live server, for ``%%browser ... --on exercise``."""


class Greeting(WebsocketConsumer):
    """Exercise 3.1: is greeted, and says so."""

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer the greeting."""
        self.send(text_data="nice to meet you")


class Pinging(WebsocketConsumer):
    """Exercise 3.2: sends pings, and other things."""

    def connect(self) -> None:
        """Send all of them at once; the browser answers when it gets round to it."""
        self.accept()
        for text in ("ping 1", "a piece of news", "ping 2", "ping 3", "more news"):
            self.send(text_data=text)


class Enough(WebsocketConsumer):
    """Exercise 3.3: says when it is enough, and leaves the closing to the browser."""

    def connect(self) -> None:
        """Send three numbers and the end of them."""
        self.accept()
        for text in ("1", "2", "3", "enough"):
            self.send(text_data=text)


class Restarting(WebsocketConsumer):
    """Exercise 3.4: goes away as a server does that restarts, and comes back after two tries."""

    tries = 0
    run: Run | None = None

    def connect(self) -> None:
        """Accept and leave; refuse twice; accept and stay."""
        # All sync consumers work in one thread, so that nobody else counts at the same time.
        count = Restarting
        run = latest_run("come-back")
        if run is not count.run or count.tries >= 4:
            count.run = run
            count.tries = 0
        count.tries += 1
        if count.tries == 1:
            self.accept()
            self.send(text_data="hello")
            self.close(code=1012, reason="the server restarts")
        elif count.tries < 4:
            self.close()
        else:
            self.accept()
            self.send(text_data="welcome back")


def practice() -> LiveServer:
    """Launch the server of the browser exercises; it runs beside the lesson's own."""
    Restarting.tries = 0
    return launch(
        [
            path("ws/greet/", Greeting.as_asgi()),
            path("ws/pong/", Pinging.as_asgi()),
            path("ws/enough/", Enough.as_asgi()),
            path("ws/come-back/", Restarting.as_asgi()),
        ],
        name=SERVER,
    )


def latest_run(cell: str) -> Run | None:
    """Return the browser cell of that name, or its solution, that was run last."""
    for name, hash in reversed(runs.runs):
        if name in (cell, f"{cell}-solution"):
            return runs.runs[name, hash]
    return None


@dataclass
class Connection:
    """One connection of a browser, as the server saw it."""

    asked: float
    """When the handshake arrived."""

    messages: list[str | bytes] = field(default_factory=list)
    """What the browser sent."""

    accepted: bool = False
    ended: float | None = None
    """When it ended, or was refused."""

    left: Disconnected | None = None
    """How the browser left, if it was the one to leave."""

    asked_to_leave: bool = False
    """Whether the consumer closed it."""


@dataclass
class Visits:
    """What browsers, and others, did on one path."""

    connections: list[Connection] = field(default_factory=list)
    others: int = 0
    """Connections of clients that are no browsers."""

    newest: float = 0.0
    """When something happened last."""


def visits(snapshot: Snapshot, target: str) -> Visits:
    """Sort a record by the connections to one path."""
    found = Visits()
    known: dict[int, Connection] = {}
    for entry in snapshot.entries:
        match entry.what:
            case Connecting(asked, origin) if urlsplit(asked).path == target:
                if origin is None:
                    found.others += 1
                    continue
                known[entry.connection] = Connection(entry.time)
                found.connections.append(known[entry.connection])
        if entry.connection in known:
            found.newest = entry.time
            add(known[entry.connection], entry)
    return found


def add(connection: Connection, entry: Entry) -> None:
    """Add what an entry says to what is known of its connection."""
    match entry.what:
        case Accepted():
            connection.accepted = True
        case Refused():
            connection.ended = entry.time
        case Received(payload):
            connection.messages.append(payload)
        case Closed():
            connection.asked_to_leave = True
            connection.ended = entry.time
        case Disconnected(by, _, _):
            connection.ended = connection.ended or entry.time
            if by == "client":
                connection.left = entry.what


def wait_for_visits(target: str, done: Callable[[Visits], bool], quiet: float) -> Visits | None:
    """Return what browsers did, once it is done or nothing has happened for a while.

    ``None``: the server does not run.

    """
    live = current(SERVER)
    if live is None:
        return None
    deadline = time.monotonic() + 4.5
    while True:
        found = visits(live.host.record.snapshot(), target)
        if not found.connections or done(found) or time.monotonic() > deadline:
            return found
        if time.perf_counter() - found.newest > quiet:
            return found
        time.sleep(0.02)

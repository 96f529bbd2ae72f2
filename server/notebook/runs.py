"""The runs of browser cells: the pages that the live server serves for them, and when they rest.

A run is known to every live server of the kernel, so that a frame finds it again when the server
is launched anew. Whoever asks for a run that this kernel does not hold gets 404: that is how the
output of a cell tells its own server from another one on the same port.

"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NotRequired

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ..live.files import response, text_response
from ..live.service import Working
from ..template import fill
from .recordings import Line
from .relay import relay

__all__ = ["Page", "Run", "Runs", "Told", "digest", "runs"]

MAX_RUNS = 200
"""How many runs a kernel remembers; the oldest go first."""

MAX_LINES = 1_000
"""How many lines a page may tell; a frame stops before."""

NO_SUCH_RUN = 4404
"""The close code that tells a frame not to look any further."""


def digest(code: str) -> str:
    """Return what tells one version of a cell's code from another."""
    return sha256(code.encode()).hexdigest()[:12]


PATIENCE = 5.0
"""Seconds that a handler may work before a cell no longer waits for its answer."""

NONSENSE = 1007
"""The close code for messages that no frame sends."""


numbers = itertools.count(1)
"""Runs and pages are numbered in the order in which they begin."""


class Told(Line):
    """A line of a frame as the kernel is told it, or a ``timer``, which the frame does not show."""

    at: float
    """Milliseconds by the page's clock, which takes no notice of timers that fire late."""

    code: NotRequired[int]
    reason: NotRequired[str]
    """Of a close event."""

    delay: NotRequired[float]
    """What ``setTimeout`` was given, in milliseconds."""

    callable: NotRequired[bool]
    """Whether ``setTimeout`` was given a function."""


@dataclass(frozen=True)
class Page:
    """The page in which a cell's code runs: each *Run again* of its frame makes a new one."""

    number: int = field(default_factory=lambda: next(numbers))

    began: float = field(default_factory=time.perf_counter)
    """When it was served, on the record's clock."""

    lines: list[Told] = field(default_factory=list)
    """What its frame has told of it so far."""

    settled: threading.Event = field(default_factory=threading.Event)
    """Set when the page has come to rest."""


@dataclass(frozen=True)
class Run:
    """A browser cell that has been run: its code, and what its frame has told."""

    name: str
    code: str
    quiet: float
    """Seconds without anything happening after which the cell has come to rest."""

    follow: bool
    """Whether what happens later belongs to the cell's recording as well."""

    on: str = "live"
    """Name of the live server that the page comes from."""

    number: int = field(default_factory=lambda: next(numbers))

    attached: threading.Event = field(default_factory=threading.Event)
    """Set when a browser shows the frame."""

    settled: threading.Event = field(default_factory=threading.Event)
    """Set when the cell has come to rest for the first time."""

    pages: list[Page] = field(default_factory=list)
    """The newest page, or none yet."""

    wires: list[ServerConnection] = field(default_factory=list)
    """The connection to the newest frame, or none yet."""

    there: threading.Event = field(default_factory=threading.Event)
    """Set when a frame has answered whether it is there."""

    @property
    def page(self) -> Page | None:
        """The newest page."""
        return self.pages[-1] if self.pages else None

    @property
    def newest(self) -> int:
        """The number of what began last: the run itself, or a page of it."""
        return self.page.number if self.page is not None else self.number

    def hear(self, report: dict[str, Any]) -> None:
        """Keep what a frame tells of the newest page, and of no older one."""
        page, lines = self.page, report["lines"]
        if page is not None and report["page"] == page.number:
            page.lines.extend(lines[: MAX_LINES - len(page.lines)])
            if report["settled"]:
                page.settled.set()
        if report["settled"]:
            self.settled.set()

    async def ask(self) -> None:
        """Ask the frame whether it is there; one that is kept busy for ever does not answer."""
        self.there.clear()
        for wire in self.wires:
            with suppress(ConnectionClosed):
                await wire.send(json.dumps({"there": True}))

    @property
    def hash(self) -> str:
        """The digest of the code."""
        return digest(self.code)


class Runs:
    """The runs of this kernel; answers ``/browser/NAME/HASH`` and what is below it.

    =========== =============================================================
    ``/``       the frame
    ``/page``   the page inside the frame, in which the code runs
    ``/report`` the WebSocket over which the frame tells what the page does
    ``/relay``  WebSockets that carry those of the page, through a proxy
    =========== =============================================================

    """

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str], Run] = {}
        self.attachments = 0
        """How many frames a browser has shown so far."""

    def add(self, run: Run) -> None:
        """Remember a run, in place of one of the same code."""
        key = run.name, run.hash
        self.runs.pop(key, None)
        self.runs[key] = run
        while len(self.runs) > MAX_RUNS:
            del self.runs[next(iter(self.runs))]

    def newest(self, wanted: Callable[[Run], bool]) -> Run | None:
        """Return the run of that kind that began last, or whose page did."""
        found = [run for run in tuple(self.runs.values()) if wanted(run)]
        return max(found, key=lambda run: run.newest, default=None)

    def forget(self, on: str) -> None:
        """Forget the runs on a server; frames that are still there end their pages."""
        self.runs = {key: run for key, run in self.runs.items() if run.on != on}

    def find(self, path: str) -> tuple[Run | None, str]:
        """Return the run that a path names, and the part of the path after it."""
        name, _, rest = path.partition("?")[0].removeprefix("/browser/").partition("/")
        hash, _, part = rest.partition("/")
        return self.runs.get((name, hash)), part

    def respond(self, request: Request) -> Response | None:
        """Answer a plain HTTP request below ``/browser/``."""
        run, part = self.find(request.path)
        template = {"": "browser/frame.html", "page": "browser/run.html"}.get(part)
        if run is None or template is None:
            return text_response(404, "This kernel does not hold this browser cell.")
        cell: dict[str, Any] = {"name": run.name, "hash": run.hash}
        if part == "page":
            run.pages[:] = [Page()]
            cell |= {"code": run.code, "page": run.pages[-1].number}
        body = fill(template, cell=cell).encode()
        return response(
            200,
            body,
            [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")],
        )

    async def serve(self, wire: ServerConnection, working: Working) -> None:
        """Listen to a frame until it goes away; tell it when it has come to rest."""
        assert wire.request is not None
        run, part = self.find(wire.request.path)
        if run is None or part not in ("report", "relay"):
            await wire.close(NO_SUCH_RUN, "this kernel does not hold this browser cell")
            return
        try:
            if part == "relay":
                await relay(wire)
            else:
                self.attachments += 1
                run.wires[:] = [wire]
                run.attached.set()
                await listen(run, wire, working)
        except ConnectionClosed:
            pass
        except (KeyError, TypeError, ValueError):
            await wire.close(NONSENSE, "this is not what a browser cell sends")


async def listen(run: Run, wire: ServerConnection, working: Working) -> None:
    """Take a frame's reports; when nothing comes for a while, ask it whether that was all.

    The frame confirms: in a flood of messages its reports come late.

    """
    quiet: float | None = None
    report: dict[str, Any] = {}
    while True:
        # A timer runs only between the end of the cell's business and the end of the quiet.
        try:
            async with asyncio.timeout(quiet):
                heard = json.loads(await wire.recv())
        except TimeoutError:
            if working(PATIENCE):
                continue
            quiet = None
            asked = {"run": report["run"], "events": report["events"], "follow": run.follow}
            await wire.send(json.dumps({"quiet": asked}))
        else:
            if "there" in heard:
                run.there.set()
                continue
            report = heard
            run.hear(report)
            quiet = None if report["busy"] or report["settled"] else run.quiet


runs = Runs()
"""The one registry of this kernel."""

"""The runs of browser cells: the pages that the live server serves for them, and when they rest.

A run is known to every live server of the kernel, so that a frame finds it again when the server
is launched anew. It has two secrets, which are in the output of its cell and nowhere else. With
the key, a server proves that it is this kernel's before anything is loaded from it, for another
user of the machine may have taken the port of one that is gone. With the token, the frame proves
that it is the cell's: it is part of all addresses below.

A page has an origin of its own, so that its code reaches nothing of Jupyter's; a browser calls it
``null``. To the application it shall be what it would be at the root of the server: it adds a
passport to the addresses of its WebSockets, which is taken off here and makes its origin good.

"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NotRequired, cast

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from ..live.asgi import raw
from ..live.files import response, text_response
from ..live.service import Working
from ..live.wire import Wire
from ..template import fill
from .recordings import WIRE, Line
from .relay import relay

__all__ = ["Page", "Run", "Runs", "Told", "digest", "runs"]

MAX_RUNS = 200
"""How many runs a kernel remembers; the oldest go first."""

MAX_TOLD = 500
"""How many lines a frame tells of a page; what comes after is not told."""

MAX_LINES = 1_000
"""How many lines are taken of a page."""

MAX_TEXT = 300
"""How many characters of a line a frame tells."""

MAX_NUMBER = 2**53
"""The largest whole number that every number below it can be told from in JavaScript."""

SECRET = secrets.token_bytes(32)
"""What the secrets of all runs of this kernel come from."""

SANDBOX = "sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads"
"""Also where somebody opens an address without the frame around it: an origin of its own."""

NOTEBOOKS = "'self' http://127.0.0.1:* http://localhost:* http://[::1]:* vscode-webview:"
"""The pages that may hold a frame. That it comes from a notebook, its token says."""

PASSPORT = re.compile("[?&]browser-cell=([0-9a-f]{32})$")
"""What a page adds to the addresses of its WebSockets."""

RETRIES = (500, 1000, 2000, 4000)
"""Milliseconds after which a frame looks for a server that it has lost, once and again. After that
a button does it."""

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

    passport: str = field(default_factory=lambda: secrets.token_hex(16))
    """With this its WebSockets pass as those of a page of the server's."""

    origin: str = ""
    """Its origin, were it a page of the server's."""

    sockets: list[Wire] = field(default_factory=list)
    """The connections of its WebSockets that are there."""

    def is_behind(self) -> bool:
        """Tell whether messages have been sent to it of which its frame has not told yet.

        A browser that is busy hands a message to its page late.

        """
        if len(self.lines) >= MAX_TOLD:
            return False
        ended = {line.get("socket") for line in self.lines if line["kind"] in ("closing", "closed")}
        received = sum(
            line["kind"] == "received" and line.get("socket") not in ended for line in self.lines
        )
        return received < sum(wire.sent for wire in self.sockets if wire.state is State.OPEN)


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

    def hear(self, report: Report) -> None:
        """Keep what a frame tells of the newest page, and of no older one."""
        page = self.page
        if page is not None and report.page == page.number:
            page.lines.extend(report.lines[: MAX_LINES - len(page.lines)])
            if report.settled:
                page.settled.set()
        if report.settled:
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

    @property
    def path(self) -> str:
        """The path of its frame, without the slash in front."""
        return f"browser/{self.name}/{self.hash}/{self.token}"

    @property
    def token(self) -> str:
        """What a frame knows; it is the same when the same code is run again."""
        return self.secret("token").hex()[:32]

    @property
    def key(self) -> str:
        """What a server knows."""
        return self.secret("key").hex()[:32]

    def secret(self, use: str) -> bytes:
        """Return a secret of this run."""
        return hmac.digest(SECRET, f"{use} {self.name} {self.hash}".encode(), "sha256")

    def proof(self, port: int, nonce: str) -> bytes:
        """Return what only a server of this kernel can say, and only on this port."""
        return hmac.digest(self.key.encode(), f"{port} {nonce}".encode(), "sha256")


@dataclass(frozen=True)
class Report:
    """What a frame tells of its newest run."""

    run: int
    """Which run of its frame it is, from 1."""

    page: int
    """The number of the page, which the kernel gave it."""

    busy: bool
    events: int
    settled: bool
    lines: list[Told]

    @classmethod
    def read(cls, message: str | bytes) -> Report | None:
        """Read what a frame sends; nothing but that it is there is no report.

        Raises:
            ValueError: It is nothing that a frame sends; the text says so in a sentence.

        """
        try:
            told = json.loads(message)
        except RecursionError:
            raise ValueError("a report is not nested so deep") from None
        match told:
            case {"there": True}:
                return None
            case {
                "run": int(run),
                "page": int(page),
                "busy": bool(busy),
                "events": int(events),
                "settled": bool(settled),
                "lines": [*lines],
            } if max(abs(run), abs(page), abs(events)) <= MAX_NUMBER and len(lines) <= MAX_LINES:
                return cls(run, page, busy, events, settled, [as_told(line) for line in lines])
        raise ValueError("a report says what a page does, and whether it rests")


TEXTS = ("kind", "text", "reason")
NUMBERS = ("at", "delay", "socket", "line", "code")


def as_told(line: object) -> Told:
    """Return one line of a report, with nothing in it that no frame tells.

    Raises:
        ValueError: It is no line; the text says so in a sentence.

    """
    if (
        isinstance(line, dict)
        and {"kind", "text", "at"} <= line.keys()
        and all(may_tell(name, value) for name, value in line.items())
    ):
        return cast(Told, line)
    raise ValueError("a line of a report has a kind, a text, a time, and nothing that is large")


def may_tell(name: str, value: object) -> bool:
    """Tell whether a frame may say this about a line."""
    match value:
        case str():
            return name in TEXTS and len(value) <= MAX_TEXT
        case bool():
            return name == "callable"
        case int() | float():
            return name in NUMBERS and abs(value) <= MAX_NUMBER
    return False


class Runs:
    """The runs of this kernel; answers ``/browser/NAME/HASH`` and what is below it.

    ================= =============================================================
    ``/proof``        shows that this kernel is there
    ``/TOKEN``        the frame
    ``/TOKEN/report`` the WebSocket over which the frame tells what the page does
    ``/TOKEN/relay``  WebSockets that carry those of the page, through Jupyter's own
                      server
    ================= =============================================================

    The page inside the frame, in which the code runs, is ``/?/browser/NAME/HASH/TOKEN/page``: a
    page in a sandbox may change the query of its address, and nothing else.

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

    def find(self, target: str) -> tuple[Run | None, str]:
        """Return the run of an address, and what is wanted of it, if the address has its token."""
        path = target.removeprefix("/?").partition("?")[0].removeprefix("/browser/")
        name, hash, token, part = [*path.split("/", 3), "", "", ""][:4]
        run = self.runs.get((name, hash))
        known = run is not None and hmac.compare_digest(raw(token), raw(run.token))
        return run if known else None, part

    def owns(self, target: str) -> bool:
        """Tell whether a target is one of those above."""
        return target.startswith(("/browser/", "/?/browser/"))

    def knows(self, target: str) -> bool:
        """Tell whether only a frame of a cell can know it."""
        return self.owns(target) and self.find(target)[0] is not None

    def admit(self, wire: Wire, request: Request) -> None:
        """Take the passport off a page's handshake, and let it have its page's origin.

        The page has one connection more, of which its frame tells.

        """
        found = PASSPORT.search(request.path)
        if found is None:
            return
        for run in tuple(self.runs.values()):
            page = run.page
            if page is not None and hmac.compare_digest(page.passport, found[1]):
                page.sockets[:] = [*(one for one in page.sockets if not one.lost), wire]
                request.path = request.path[: found.start()]
                if request.headers.get_all("Origin") == ["null"]:
                    del request.headers["Origin"]
                    request.headers["Origin"] = page.origin

    def respond(self, request: Request, port: int) -> Response:
        """Answer a plain HTTP request."""
        path, _, nonce = request.path.partition("?")
        name, hash, wanted, *_ = [*path.removeprefix("/browser/").split("/"), "", ""]
        if wanted == "proof" and (known := self.runs.get((name, hash))) is not None:
            return response(
                200,
                known.proof(port, nonce),
                [
                    ("Content-Type", "application/octet-stream"),
                    ("Cache-Control", "no-store"),
                    ("Access-Control-Allow-Origin", "*"),
                ],
            )
        run, part = self.find(request.path)
        if run is None or part not in ("", "page"):
            found = text_response(404, "This kernel does not hold this browser cell.")
            found.headers["Access-Control-Allow-Origin"] = "*"
            return found
        cell: dict[str, Any] = {"name": run.name, "hash": run.hash, "token": run.token}
        policy = SANDBOX
        if part == "":
            policy += f"; frame-ancestors {NOTEBOOKS}"
            cell |= {"key": run.key, "retries": RETRIES, "most": MAX_TOLD}
        elif request.method == "GET":
            page = Page(origin=f"http://{request.headers['Host']}")
            run.pages[:] = [page]
            cell |= {"code": run.code, "page": page.number, "passport": page.passport, "port": port}
        body = fill(f"browser/{'run' if part else 'frame'}.html", cell=cell, wire=WIRE).encode()
        return response(
            200,
            body,
            [
                ("Content-Type", "text/html; charset=utf-8"),
                ("Cache-Control", "no-store"),
                ("Content-Security-Policy", policy),
                ("Referrer-Policy", "no-referrer"),
            ],
        )

    async def serve(self, wire: ServerConnection, working: Working, port: int) -> None:
        """Listen to a frame until it goes away; tell it when it has come to rest."""
        assert wire.request is not None
        run, part = self.find(wire.request.path)
        if run is None or part not in ("report", "relay"):
            await wire.close(NO_SUCH_RUN, "this kernel does not hold this browser cell")
            return
        try:
            if part == "relay":
                await relay(wire, port)
            else:
                self.attachments += 1
                run.wires[:] = [wire]
                run.attached.set()
                await listen(run, wire, working)
        except ConnectionClosed:
            pass
        except json.JSONDecodeError:
            await wire.close(NONSENSE, "a frame and its page send JSON")
        except ValueError as exc:
            await wire.close(NONSENSE, str(exc))


async def listen(run: Run, wire: ServerConnection, working: Working) -> None:
    """Take a frame's reports; when nothing comes for a while, ask it whether that was all.

    The frame confirms: in a flood of messages its reports come late. It cannot confirm what has
    not reached its page yet; what the server has sent there, the server knows.

    """
    quiet: float | None = None
    report: Report | None = None
    heard_at = 0.0
    while True:
        # A timer runs only between the end of the cell's business and the end of the quiet.
        try:
            async with asyncio.timeout(quiet):
                heard = Report.read(await wire.recv())
        except TimeoutError:
            page = run.page
            patient = time.monotonic() < heard_at + PATIENCE
            if working(PATIENCE) or (patient and page is not None and page.is_behind()):
                continue
            quiet = None
            assert report is not None
            asked = {"run": report.run, "events": report.events, "follow": run.follow}
            await wire.send(json.dumps({"quiet": asked}))
        else:
            if heard is None:
                run.there.set()
                continue
            report = heard
            heard_at = time.monotonic()
            run.hear(report)
            quiet = None if report.busy or report.settled else run.quiet


runs = Runs()
"""The one registry of this kernel."""

"""What the page of a browser cell did on one path, as its frame has told the kernel."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from typing import TypeAlias

from ..live.record import Accepted, Connecting, Disconnected, Received, Undelivered
from ..mistakes.registry import Mistake, diagnose_text, mistake
from ..notebook.launch import current
from ..notebook.runs import Run, Told, runs
from .routes import ROUTES, SERVER
from .scenario import quote

__all__ = [
    "RUNAWAY",
    "STUCK",
    "TOO_MANY_SOCKETS",
    "Socket",
    "Visit",
    "answers",
    "came_from",
    "find_detour",
    "find_error",
    "find_handler_name",
    "find_obstacle",
    "is_of_another",
    "is_witnessed",
    "newest_run",
    "wait_for_visit",
]

MAX_SHOWN = 6
"""How many messages of a page a verdict quotes."""

PATIENCE = 7.0
"""Seconds to wait for a page to come to rest."""

ASKING = 2.0
"""Seconds within which a page says that it is there."""

ON_ITS_WAY = 2.0
"""Seconds that what a page did may take to reach the server's record."""


def newest_run(cell: str) -> Run | None:
    """Return the browser cell of that name that was run last, its solution or a copy of it."""
    return runs.newest(lambda run: cell in run.name)


@dataclass(frozen=True)
class Socket:
    """One WebSocket of a page: what happened on it, in order."""

    lines: Sequence[Told]

    @property
    def target(self) -> str:
        """The path; of another server, the whole address."""
        return self.lines[0]["text"].partition(",")[0].partition("?")[0]

    @property
    def sent(self) -> list[str]:
        """The messages that the page sent."""
        return self.texts("sent")

    def texts(self, kind: str) -> list[str]:
        """Return the texts of all lines of a kind."""
        return [line["text"] for line in self.lines if line["kind"] == kind]

    def first(self, kind: str) -> Told | None:
        """Return the first line of a kind."""
        return next((line for line in self.lines if line["kind"] == kind), None)

    def before(self, kind: str) -> Socket:
        """Return the socket as it was before the first line of a kind."""
        kinds = [line["kind"] for line in self.lines]
        return Socket(self.lines[: kinds.index(kind)] if kind in kinds else self.lines)


@dataclass(frozen=True)
class Visit:
    """What a page did, and on which of its sockets."""

    path: str
    """The path of the exercise."""

    lines: Sequence[Told]
    code: str = ""
    """The cell's."""

    @property
    def all_sockets(self) -> list[Socket]:
        """All WebSockets that the page made."""
        lines = [line for line in self.lines if "socket" in line]
        by_socket = groupby(sorted(lines, key=number), key=number)
        return [Socket(list(of_socket)) for _, of_socket in by_socket]

    @property
    def sockets(self) -> list[Socket]:
        """Those that have the exercise's path."""
        return [socket for socket in self.all_sockets if socket.target == self.path]

    @property
    def errors(self) -> list[Told]:
        """The errors that the cell's code did not catch."""
        return [line for line in self.lines if line["kind"] == "uncaught"]

    @property
    def raised(self) -> tuple[str, ...]:
        """The same as texts, each of them once."""
        texts = [
            f"{error['text'].strip().removeprefix('Uncaught ')}"
            + (f" (line {error['line']} of the cell)" if "line" in error else "")
            for error in self.errors
        ]
        return tuple(dict.fromkeys(texts))

    @property
    def timers(self) -> list[Told]:
        """The calls of ``setTimeout``."""
        return [line for line in self.lines if line["kind"] == "timer"]


def number(line: Told) -> int:
    """Return the number of the socket that a line is about."""
    return line["socket"]


def came_from(messages: Sequence[str]) -> str:
    """Say which messages a page sent, or was sent; of many, the first ones."""
    shown = [quote(message) for message in messages[:MAX_SHOWN]]
    if len(messages) > MAX_SHOWN:
        shown.append("…")
    return ", ".join(shown) or "nothing"


def wait_for_visit(run: Run, path: str, done: Callable[[Visit], bool], rest: float = 0.0) -> Visit:
    """Return what a page did, once it has come to rest or there is nothing more to wait for.

    ``rest``: so many seconds are looked on after that.

    """
    deadline = time.monotonic() + PATIENCE
    ended = False
    while True:
        visit = Visit(path, tuple(run.page.lines) if run.page is not None else (), run.code)
        if not ended and done(visit):
            ended, deadline = True, time.monotonic() + rest
        if is_settled(run) or time.monotonic() >= deadline:
            return visit
        time.sleep(0.02)


def is_settled(run: Run) -> bool:
    """Tell whether the newest page of a run has come to rest."""
    return run.page is not None and run.page.settled.is_set()


def answers(run: Run) -> bool:
    """Tell whether the page still answers: one that is kept busy for ever does not."""
    live = current(SERVER)
    if is_settled(run) or live is None:
        return True
    live.host.call(run.ask, ASKING)
    return run.there.wait(ASKING)


# What the server's record says

Witnessed: TypeAlias = tuple[tuple[str, ...], tuple[int, str] | None]
"""What came over one connection: the messages of the browser, and how it closed, if it did."""


def is_witnessed(run: Run, path: str) -> bool:
    """Tell whether the server has seen what the page says that it did.

    The page tells what a server cannot know: that a timer was set, an error was raised, or a
    connection was given up before it began. What did cross the wire, the record knows better.

    """
    deadline = time.monotonic() + ON_ITS_WAY
    while True:
        page = run.page
        assert page is not None
        if told(Visit(path, tuple(page.lines))) == recorded(path, page.began):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)


def told(visit: Visit) -> list[Witnessed]:
    """Return what a page tells of the connections that have opened."""
    found: list[Witnessed] = []
    for socket in visit.sockets:
        if socket.first("open") is not None:
            closed = socket.first("closed") if socket.first("closing") is not None else None
            code = (closed["code"], closed["reason"]) if closed is not None else None
            found.append((tuple(socket.sent), code))
    return found


def recorded(path: str, since: float) -> list[Witnessed]:
    """Return what the record holds of the connections that were accepted since then."""
    live = current(SERVER)
    entries = live.host.record.snapshot().entries if live is not None else ()
    sent: dict[int, list[str]] = {}
    closed: dict[int, tuple[int, str]] = {}
    ours = set()
    for entry in entries:
        number, what = entry.connection, entry.what
        if isinstance(what, Connecting) and entry.time >= since:
            if what.target.partition("?")[0] == path:
                ours.add(number)
        elif number not in ours:
            continue
        elif isinstance(what, Accepted):
            sent[number] = []
        elif isinstance(what, Received | Undelivered):
            sent[number].append(str(what.payload))
        elif isinstance(what, Disconnected) and what.by == "client":
            closed[number] = what.code, what.reason
    return [(tuple(sent[number]), closed.get(number)) for number in sent]


# What is wrong in any of them

SYNTAX = mistake(
    "javascript-syntax",
    "Your cell has a syntax error",
    cause="The browser cannot read the code, and has run none of it.",
    fix="Look at that line and the ones above: a bracket, a quote or a comma may be missing.",
)
ERROR = mistake(
    "javascript-error",
    "Your code raised an error",
    cause="The function in which it was raised ended there.",
    fix="Read the error and look at its line.",
)
HANDLER_NAME = mistake(
    "handler-name",
    "No handler of that name",
    cause="A WebSocket calls onopen, onmessage, onclose and onerror, all in small letters.",
    fix="Mend the name. addEventListener takes it without the on.",
    texts=[r"nobody calls \w+: a WebSocket calls on", "addEventListener takes"],
)
HANDLER_TOO_LATE = mistake(
    "handler-too-late",
    "A handler that is set too late",
    cause="What has happened by then is not told again: the connection is open, or a message came.",
    fix="Set all four handlers right after new WebSocket(...), and wait for nothing in between.",
    texts=[r"on(open|close) is set after the connection has", "onmessage is set too late"],
)

UNREADABLE = re.compile(r"Uncaught SyntaxError: (?!.*(WebSocket|JSON|illegal string))")
"""What a browser says of code, and not of an address or of JSON."""

HANDLERS = ("onopen", "onmessage", "onclose", "onerror")
EVENTS = tuple(name.removeprefix("on") for name in HANDLERS)
SET_HANDLER = re.compile(r"\.(on\w+)\s*=")
ADD_LISTENER = re.compile(r"\.addEventListener\(\s*[\"'`](\w+)")


def find_error(visit: Visit) -> Mistake | None:
    """Return the mistake behind an error that the code did not catch."""
    if any(line["kind"] == "stopped" for line in visit.lines):
        return TOO_MANY_SOCKETS
    if not visit.errors:
        return None
    text = visit.errors[0]["text"]
    found = diagnose_text(text)
    if found is None and UNREADABLE.match(text) and not visit.all_sockets:
        return SYNTAX
    return found or ERROR


def find_handler_name(visit: Visit) -> Mistake | None:
    """Return a mistake if the code sets a handler that nobody calls: ``onOpen``.

    The frame has seen which were set, and when; what was set after the end, the code alone shows.

    """
    for line in visit.lines:
        found = diagnose_text(line["text"]) if line["kind"] == "note" else None
        if found in (HANDLER_NAME, HANDLER_TOO_LATE):
            return found
    wrong = set(SET_HANDLER.findall(visit.code)) - set(HANDLERS)
    wrong |= set(ADD_LISTENER.findall(visit.code)) - set(EVENTS)
    known = HANDLERS + EVENTS
    return HANDLER_NAME if any(get_close_matches(name.lower(), known) for name in wrong) else None


# Where there is nothing to judge

STUCK = "a page that does not answer"
RUNAWAY = mistake(
    "runaway",
    "The page does not answer",
    symptom="the frame stays empty, and the tab may freeze",
    cause="Something in it never ends, as a while loop that waits for the connection: nothing else "
    "happens in a page while its code runs.",
    fix="Leave out the loop, let a handler do it, and run the cell again. If the tab is frozen, "
    "close it and open the notebook anew.",
    shown=["3.1"],
)
TOO_MANY_SOCKETS = mistake(
    "too-many-sockets",
    "The page makes one WebSocket after the other",
    symptom="`This page has made 100 WebSockets, and was stopped`",
    cause="Nothing ends what makes them: setInterval goes on for ever, and so does a loop.",
    fix="Make one new WebSocket for each that was lost: setTimeout calls a function once.",
    texts=["WebSockets, and was stopped", "WebSockets are too many"],
    shown=["3.4"],
)


def find_obstacle(cell: str, run: Run | None) -> tuple[str, tuple[str, ...]]:
    """Return why there is no page to judge: what came instead, and what to do; else nothing."""
    magic = f"%%browser {cell}"
    if current(SERVER) is None:
        return "no server", ("Run the cell with practice() first: it launches the server.",)
    if run is None:
        other = runs.newest(lambda run: run.on == SERVER)
        advice = f"Run the cell above that begins with {magic}, then check again."
        if other is not None and not is_an_exercise(other):
            advice = other_name(other, magic)
        return "nobody", (advice,)
    last = runs.newest(lambda run: run.on == SERVER)
    if last is not None and last.newest > run.newest and not is_an_exercise(last):
        return "nobody", (other_name(last, magic),)
    if run.on != SERVER:
        advice = f"--on {SERVER} is missing: let the cell begin with {magic} --on {SERVER}."
        return "nobody: the page is another server's", (advice,)
    if not run.attached.is_set() and run.page is not None:
        return STUCK, ()
    if not run.attached.is_set():
        advice = "run the browser cell above in JupyterLab or in Notebook, then check again."
        return "nobody", (f"No browser has come by: {advice}",)
    return "", ()


def other_name(run: Run, magic: str) -> str:
    """Say that a cell was run under another name than the exercise's."""
    return (
        f"You have run %%browser {run.name}, and the check looks for {magic}: "
        f"let the cell begin with {magic} --on {SERVER}."
    )


def is_an_exercise(run: Run) -> bool:
    """Tell whether a run has the name of an exercise's cell, for which there is a route."""
    path = f"ws/{run.name.removesuffix('-solution')}/"
    return any(str(route.pattern) == path for route in ROUTES)


def is_of_another(run: Run, cell: str) -> bool:
    """Tell whether a run is that of an exercise, and not of the one with this cell."""
    return cell not in run.name and is_an_exercise(run)


def find_detour(visit: Visit) -> tuple[str, tuple[str, ...]]:
    """Return what a page did that never came to the exercise's path; else nothing."""
    if visit.sockets:
        if not all(map(has_failed, visit.sockets)):
            return "", ()
        return "a connection that failed", (f"No connection to {visit.path} opened.", SCHEMES)
    if visit.all_sockets:
        tried = visit.all_sockets[-1].target[:80]
        there = visit.path
        if "://" in tried:
            # The path alone may be right: it is another host, or another port.
            there = f"{HERE}{visit.path}"
        advice = f"Your page tried {tried}. Let it connect to {there} instead."
        return f"a connection to {tried}", (advice,)
    if visit.errors:
        return "an error", ()
    advice = "Your page makes no WebSocket: new WebSocket(...) begins the connection."
    if "new WebSocket(" in visit.code:
        advice = (
            "Your page makes no WebSocket: new WebSocket(...) stands in your cell, and was not "
            "reached. Does anything call the function that it is in?"
        )
    return "a page without a WebSocket", (advice,)


HERE = "ws://${window.location.host}"
"""How an address of the page's own server begins."""

SCHEMES = (
    "Look at the beginning of its address: a page that came over http: connects with ws:, and one "
    "that came over https: with wss:."
)


def has_failed(socket: Socket) -> bool:
    """Tell whether a connection failed before it was open, and not because the page gave it up."""
    kinds = [line["kind"] for line in socket.lines]
    return "error" in kinds and "open" not in kinds and "closing" not in kinds

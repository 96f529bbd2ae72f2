"""The judges by themselves: browser exercises without a browser, values, routes, catalogue."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.websocket import JsonWebsocketConsumer, WebsocketConsumer
from django.urls import path, re_path
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from server.exercises import Verdict, check, practice, visit
from server.exercises.answers import answers, catalogue
from server.exercises.practice import SERVER
from server.exercises.registry import EXERCISES, BrowserExercise
from server.exercises.scenario import Client, End, Patience, Trial, came, quote
from server.exercises.visit import newest_run
from server.lessons.lesson_1 import judges as lesson_1
from server.lessons.lesson_2.judges import all_routes, route_mistake
from server.lessons.lesson_4 import judges as lesson_4
from server.lessons.lesson_4.judges import added, not_with_zero, same
from server.lessons.lesson_5 import judges as lesson_5
from server.lessons.lesson_5.judges import was_written_throughout
from server.live.record import Connecting, Entry, Received, Sent, Snapshot, What
from server.mistakes.registry import MISTAKES
from server.notebook.launch import LiveServer
from server.notebook.runs import Page, Report, Run, Told, runs
from tests.exercises.cells import cells, run_answer
from tests.exercises.cells import run as run_cell

# What a browser did


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """The practice server; what a page tells is believed: no page has really been here."""
    module = sys.modules["server.exercises.check"]  # the package has a function of that name
    monkeypatch.setattr(module, "is_witnessed", lambda run, path: True)
    live = practice()
    yield live
    live.close()


def line(kind: str, text: str = "", socket: int = 1, at: float = 0.0, **more: Any) -> Told:
    return cast(Told, {"kind": kind, "text": text, "socket": socket, "at": at, **more})


def uncaught(text: str) -> Told:
    return cast(Told, {"kind": "uncaught", "text": f"Uncaught {text}", "at": 0.0, "line": 3})


def timer(delay: float, callable: bool = True) -> Told:
    return cast(
        Told, {"kind": "timer", "text": "", "at": 0.0, "delay": delay, "callable": callable}
    )


def opened(id: str, *lines: Told) -> list[Told]:
    """Return what a page tells that has opened a connection for an exercise."""
    exercise = EXERCISES[id]
    assert isinstance(exercise, BrowserExercise)
    return [line("connecting", exercise.path), line("open"), *lines]


def sent(*messages: str) -> list[Told]:
    return [line("sent", message) for message in messages]


PINGS = [line("received", text) for text in ("ping 1", "news", "ping 2", "ping 40")]
NUMBERS = [line("received", text) for text in ("1", "2", "3")]
TOLD = [*NUMBERS, line("received", "enough")]


def left(code: int, reason: str = "") -> list[Told]:
    return [line("closing"), line("closed", code=code, reason=reason)]


def tries(*waits: float) -> list[Told]:
    """Return what a page tells that comes back after these waits, in milliseconds."""
    made = opened("3.4", line("received", "hello"), line("closed", code=1012, reason=""))
    moment = 0.0
    for number, wait in enumerate(waits, 2):
        moment += wait
        made.append(line("connecting", "/ws/come-back/", number, moment))
        if number == 5:
            made += [line("open", "", 5), line("received", "welcome back", 5)]
        else:
            moment += 30
            made.append(line("closed", "", number, moment, code=1006, reason=""))
    return made


def tries_of(asked: list[float], *waits: float) -> list[Told]:
    """Return the same of a page that asked for some delays, which a busy machine made longer."""
    delays = iter(asked)
    return [
        told
        for line in tries(*waits)
        for told in ([line, {**timer(next(delays)), "at": line["at"]}]
                     if line["kind"] == "closed" else [line])
    ]  # fmt: skip


def farewell(code: int) -> list[Told]:
    """Return what a page tells that leaves when it is welcome back."""
    end = [line("closing", "", 5), line("closed", "", 5, 9_000.0, code=code, reason="")]
    return [*tries(200, 400, 800, 1600), *end]


def verdict_on(
    server: LiveServer, id: str, lines: list[Told], code: str = "", on: str = SERVER
) -> Verdict:
    """Check an exercise whose page has told these lines, and has come to rest."""
    exercise = EXERCISES[id]
    assert isinstance(exercise, BrowserExercise)
    run = Run(exercise.cell, code, 0.1, False, on, pages=[Page(lines=lines)])
    run.attached.set()
    run.pages[0].settled.set()
    runs.add(run)
    return check(id)


@pytest.mark.parametrize(
    ("id", "lines", "mistake"),
    [
        ("3.1", opened("3.1", *sent("hello")), None),
        ("3.1", opened("3.1"), "nothing-sent"),
        ("3.1", opened("3.1", *sent("[object Object]")), "object-object"),
        ("3.1", opened("3.1", *sent("hello", "hello")), "too-many"),
        ("3.1", opened("3.1", *sent("Hello")), "other-greeting"),
        ("3.1", opened("3.1", line("dropped", "hello")), "send-after-closing"),
        ("3.1", opened("3.1", uncaught("InvalidStateError: x: Still in CONNECTING state.")),
         "send-before-open"),
        ("3.1", opened("3.1", uncaught("TypeError: mySocket.open(...) is null")),
         "javascript-error"),
        ("3.1", [uncaught("SyntaxError: Unexpected end of input")], "javascript-syntax"),
        ("3.1", [uncaught("SyntaxError: Failed to construct 'WebSocket': no")],
         "javascript-error"),
        ("3.1", opened("3.1", *sent('"hello"')), "json-unasked"),
        ("3.1", opened("3.1", *sent("5 bytes")), "bytes-sent"),
        ("3.1", opened("3.1", uncaught('SyntaxError: "[object Object]" is not valid JSON')),
         "parsed-already"),
        ("3.1", opened("3.1", uncaught('SyntaxError: "[object MessageEvent]" is not valid JSON')),
         "event-for-text"),
        ("3.2", opened("3.2", *PINGS, *sent("pong 1", "pong 2", "pong 40")), None),
        ("3.2", opened("3.2", *sent('{"pong": 1}')), "json-unasked"),
        ("3.2", opened("3.2", *PINGS, *sent("pong 2", "pong 40", "pong 1")), None),
        ("3.2", opened("3.2", *sent("pong 1", "pong 2", "pong 40"), *PINGS), "unasked"),
        ("3.2", opened("3.2", *PINGS, *sent("pong 1", "pong 2", "pong 3")), "counted"),
        ("3.2", opened("3.2"), "no-pong"),
        ("3.2", opened("3.2", *sent("[object MessageEvent]")), "sent-the-event"),
        ("3.2", opened("3.2", *sent("pong 1", "a", "pong 2", "pong 40", "b")), "answers-all"),
        ("3.2", opened("3.2", *sent("pong", "pong", "pong")), "pong-without-number"),
        ("3.2", opened("3.2", *sent("pong 1", "pong 1", "pong 1")), "same-pong"),
        ("3.2", opened("3.2", *sent("pong 1")), "some-pongs"),
        ("3.2", opened("3.2", *sent("Pong 1", "Pong 2", "Pong 3")), "other-pong"),
        ("3.2", opened("3.2", *sent("pong1", "pong2", "pong3")), "other-pong"),
        ("3.3", opened("3.3", *TOLD, *left(4001, "done")), None),
        ("3.3", opened("3.3", *TOLD), "stays"),
        ("3.3", [line("connecting", "/ws/enough/"), *left(1006)], "too-early"),
        ("3.3", opened("3.3", *left(4001, "done")), "before-enough"),
        ("3.3", opened("3.3", *NUMBERS, *left(4001, "done")), "before-enough"),
        ("3.3", opened("3.3", *TOLD, *left(1005)), "other-code"),
        ("3.3", opened("3.3", *TOLD, *left(1000, "done")), "other-code"),
        ("3.3", opened("3.3", *TOLD, *left(4001)), "reason-missing"),
        ("3.3", opened("3.3", *TOLD, uncaught("InvalidAccessError: The close code must be either "
                                              "1000, or between 3000 and 4999.")),
         "invalid-close-code"),
        ("3.4", tries(200, 400, 800, 1600), None),
        ("3.4", tries(), "never-back"),
        ("3.4", [*tries(), timer(200_000)], "too-late"),
        ("3.4", tries(0, 0, 0), "no-reconnect-delay"),
        ("3.4", [*tries(0, 0, 0, 0), timer(200, callable=False)], "called-at-once"),
        ("3.4", [*tries(0.2, 0.4, 0.8), timer(0.2)], "milliseconds"),
        ("3.4", tries(200), "gives-up"),
        ("3.4", tries(200, 400, 800), "written-out"),
        ("3.4", [*tries(200, 400, 800, 1600), line("connecting", "/ws/come-back/", 6, 9_000.0)],
         "still-tries"),
        ("3.4", [*tries(200, 400), timer(40_000)], "too-late"),
        ("3.4", farewell(1000), None),
        ("3.4", [*farewell(1005), timer(3_200)], "leaves"),
        ("3.4", [*tries(400, 800, 1600, 3200), timer(400)], "first-delay"),
        ("3.4", [*tries(80, 160, 320, 640), timer(80)], "first-delay"),
        ("3.4", [*tries(150, 400, 800, 1600), timer(150)], None),
        ("3.4", [*tries(220, 440, 880, 1760), timer(220)], None),
        ("3.4", tries(200, 200, 200, 200), "not-growing"),
        ("3.4", tries(200, 300, 450, 675), "not-growing"),
        # A machine that stalls makes a wait longer, and not what was asked for.
        ("3.4", tries_of([200, 400, 800, 1600], 600, 400, 800, 1600), None),
        ("3.4", tries_of([200, 200, 200, 200], 200, 200, 200, 1600), "not-growing"),
        ("3.4", tries_of([80, 160, 320, 640], 300, 160, 320, 640), "first-delay"),
        ("3.4", [*tries(200, 200, 200, 200),
                 uncaught("TypeError: Assignment to constant variable.")], "const-assigned"),
        # The connection was lost just before the first of two timers that were set beforehand.
        ("3.4", [*tries(10, 400), {**timer(200), "at": -190.0}, {**timer(600), "at": -190.0}],
         "scheduled"),
    ],
)  # fmt: skip
def test_browser(server: LiveServer, id: str, lines: list[Told], mistake: str | None) -> None:
    """What a page did is judged by what its frame has told."""
    verdict = verdict_on(server, id, lines)
    assert verdict.passed == (mistake is None)
    assert (verdict.mistake.id if verdict.mistake else None) == mistake
    assert bool(verdict.raised) == any(line["kind"] == "uncaught" for line in lines)


LEAST, MOST = 0.0, 1 - 2**-53
"""What Math.random() gives."""


def test_any_chance_of_the_lesson(server: LiveServer) -> None:
    """Lesson 3's own formula passes, whatever chance does, and its delay without growth fails."""
    for chances in itertools.product((LEAST, 0.5, MOST), repeat=4):
        parts = [0.5 + chance / 2 for chance in chances]
        growing = [200 * 2**place * part for place, part in enumerate(parts)]
        assert verdict_on(server, "3.4", tries(*growing))
        # A little chance does not make a delay grow.
        same = [300 * (1 + 0.1 * chance) for chance in chances]
        assert not verdict_on(server, "3.4", tries(*same))


@pytest.mark.parametrize(
    "code",
    [
        "mySocket.onOpen = () => {};",
        "mySocket.onopened = () => {};",
        'mySocket.addEventListener("onopen", () => {});',
    ],
)
def test_name_of_a_handler(server: LiveServer, code: str) -> None:
    """A handler that nobody calls raises nothing; the code shows it."""
    verdict = verdict_on(server, "3.1", opened("3.1"), code)
    assert verdict.mistake is not None and verdict.mistake.id == "handler-name"


@pytest.mark.parametrize(
    "code", ["mySocket.onopen = f; mySocket.onclose = f;", 'form.addEventListener("submit", f);']
)
def test_names_that_are_right(server: LiveServer, code: str) -> None:
    """Handlers that there are, of a socket or of something else, are no mistake."""
    verdict = verdict_on(server, "3.1", opened("3.1"), code)
    assert verdict.mistake is not None and verdict.mistake.id == "nothing-sent"


def test_newest_page(server: LiveServer) -> None:
    """What counts is the page that was loaded last: the cell's, its solution's or a copy's."""
    assert newest_run("greet") is None
    cell, solution, copy = (
        Run(name, "", 0.1, False, SERVER) for name in ("greet", "greet-solution", "greet-2")
    )
    for run in (cell, solution, copy, Run("pong", "", 0.1, False, SERVER)):
        runs.add(run)
    assert newest_run("greet") is copy
    cell.pages.append(Page())
    assert newest_run("greet") is cell
    solution.pages.append(Page())
    assert newest_run("greet") is solution


def test_older_page_is_not_heard() -> None:
    """What the frame of an older page tells is not taken for the newest one's."""
    run = Run("greet", "", 0.1, False, pages=[Page()])
    number = run.pages[0].number
    report = Report(1, number - 1, False, 0, True, [line("open")])
    run.hear(report)
    assert run.pages[0].lines == [] and not run.pages[0].settled.is_set()
    run.hear(replace(report, page=number))
    assert run.pages[0].lines == [line("open")] and run.pages[0].settled.is_set()


def first_words(verdict: Verdict) -> tuple[str, str]:
    """Return what came instead of a browser, and the advice."""
    assert not verdict and len(verdict.steps) == 1
    return verdict.steps[0].came, "\n".join(verdict.advice)


def test_no_server() -> None:
    """Without its server, a check says what to run."""
    advice = "Run the cell with practice() first: it launches the server."
    assert first_words(check("3.1")) == ("no server", advice)


def test_cell_that_has_not_run(server: LiveServer) -> None:
    """A check that comes before the cell names the cell; a Python client is no cell."""
    with connect(server.url("ws/greet/"), proxy=None) as ws:
        ws.send("hello")
        assert ws.recv() == "nice to meet you"
    advice = "Run the cell above that begins with %%browser greet, then check again."
    assert first_words(check("3.1")) == ("nobody", advice)


def test_no_browser(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that ran where no browser looks is not waited for."""
    monkeypatch.setattr(visit, "PATIENCE", 3600.0)
    runs.add(Run("greet", "", 0.1, False, SERVER))
    start = time.perf_counter()
    came, advice = first_words(check("3.1"))
    assert came == "nobody" and advice.startswith("No browser has come by: ")
    assert time.perf_counter() - start < 60


def test_on_another_server(server: LiveServer) -> None:
    """A forgotten --on is named, although the page has run."""
    came, advice = first_words(verdict_on(server, "3.1", opened("3.1"), on="live"))
    assert came == "nobody: the page is another server's"
    assert advice == (
        "--on exercise is missing: let the cell begin with %%browser greet --on exercise."
    )


def test_wrong_path(server: LiveServer) -> None:
    """A page that tried another path is told so, and not what an older one did."""
    assert verdict_on(server, "3.1", opened("3.1", *sent("hello")))
    verdict = verdict_on(server, "3.1", [line("connecting", "/ws/gret/"), line("error")])
    advice = "Your page tried /ws/gret/. Let it connect to /ws/greet/ instead."
    assert first_words(verdict) == ("a connection to /ws/gret/", advice)


def test_another_host(server: LiveServer) -> None:
    """A page that tried another host or port is told the host as well, and not the path alone."""
    tried = "ws://127.0.0.1/ws/greet/"
    verdict = verdict_on(server, "3.1", [line("connecting", tried), line("error")])
    advice = (
        f"Your page tried {tried}. Let it connect to ws://${{window.location.host}}/ws/greet/ "
        "instead."
    )
    assert first_words(verdict) == (f"a connection to {tried}", advice)


def test_connection_that_fails(server: LiveServer) -> None:
    """A connection that never opened, as with wss: to this server, is not said to have opened."""
    lines = [line("connecting", "/ws/greet/"), line("error"), line("closed", code=1006)]
    came, advice = first_words(verdict_on(server, "3.1", lines))
    assert came == "a connection that failed"
    assert advice == (
        "No connection to /ws/greet/ opened.\n"
        "Look at the beginning of its address: a page that came over http: connects with ws:, and "
        "one that came over https: with wss:."
    )


def test_socket_that_is_not_reached(server: LiveServer) -> None:
    """A WebSocket that stands in the code and is not made is not said to be missing there."""
    code = "function connect() { return new WebSocket('/ws/greet/'); }"
    came, advice = first_words(verdict_on(server, "3.1", [], code))
    assert came == "a page without a WebSocket"
    assert advice == (
        "Your page makes no WebSocket: new WebSocket(...) stands in your cell, and was not "
        "reached. Does anything call the function that it is in?"
    )


@pytest.mark.parametrize(
    ("id", "code", "mistake"),
    [
        ("3.4", "mySocket.onclose = (event) => { if (event.code === 1006) connect(); };",
         "code-left-out"),
        ("3.4", "mySocket.onclose = ({ code }) => { if (code === 1006) connect(); };",
         "code-left-out"),
        ("3.4", "mySocket.onclose = () => {\n    // your code\n};", "never-back"),
        ("3.3", 'mySocket.onmessage = (event) => { if (event == "enough") leave(); };',
         "event-for-text"),
        ("3.3", "mySocket.onmessage = async (e) => { if ('enough' === e) leave(); };",
         "event-for-text"),
        ("3.3", 'mySocket.onmessage = e => { if (e.text === "enough") leave(); };',
         "event-for-text"),
        ("3.3", 'mySocket.onmessage = function (event) { if (event.data == "x") leave(); };',
         "stays"),
        ("3.3", 'mySocket.onclose = (event) => { if (event.message === "enough") leave(); };',
         "stays"),
        ("3.3", 'if (told = "enough") leave();', "assigned-in-if"),
        ("3.3", "if (told => told) leave(); if (told == 1) leave();", "stays"),
        ("3.3", 'mySocket.close("done", 4001);', "close-order"),
        ("3.3", 'mySocket.close("4001");', "stays"),
    ],
)  # fmt: skip
def test_code(server: LiveServer, id: str, code: str, mistake: str) -> None:
    """What a page keeps to itself, its code gives away."""
    lines = tries() if id == "3.4" else opened(id, *TOLD)
    verdict = verdict_on(server, id, lines, code)
    assert verdict.mistake is not None and verdict.mistake.id == mistake


@pytest.mark.parametrize("tried", [2, 4, 7])
def test_tries_without_end(server: LiveServer, tried: int) -> None:
    """setInterval in a page that tries more often than it lost is named, however fast it was."""
    lines = tries(*[60] * min(tried, 4))
    for more in range(10, 10 + tried):
        lines.append(line("connecting", "/ws/come-back/", more, 300.0))
    verdict = verdict_on(server, "3.4", lines, "setInterval(connect, 60);")
    assert verdict.mistake is not None and verdict.mistake.id == "too-many-sockets"
    assert verdict_on(server, "3.4", tries(200, 400, 800, 1600), "setInterval(look, 10);")


def test_no_socket(server: LiveServer) -> None:
    """A page without a WebSocket is told so."""
    came, advice = first_words(verdict_on(server, "3.1", []))
    assert came == "a page without a WebSocket"
    assert "new WebSocket(...)" in advice


def test_flood(server: LiveServer) -> None:
    """Of many and long messages a verdict quotes a few, and the beginnings."""
    verdict = verdict_on(server, "3.1", opened("3.1", *sent(*["hello" * 50] * 400)))
    assert len(str(verdict)) < 1_000


def test_page_that_does_not_rest(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that goes on for ever is judged all the same; a mistake that is plain, at once."""
    page = Page(lines=opened("3.1", *sent("hello", "hello")))
    run = Run("greet", "", 0.1, False, SERVER, pages=[page])
    run.attached.set()
    runs.add(run)
    monkeypatch.setattr(visit, "PATIENCE", 3600.0)
    start = time.perf_counter()
    assert not check("3.1")
    assert time.perf_counter() - start < 60


def test_page_from_before(server: LiveServer) -> None:
    """A page that outlives practice() does not use up the tries of the next one."""
    assert not any(knock(server) for _ in range(5))
    for _ in range(2):
        runs.add(Run("come-back", "", 0.1, False, SERVER, pages=[Page()]))
        assert [knock(server) for _ in range(5)] == [True, False, False, False, True]


def test_page_of_another_exercise(server: LiveServer) -> None:
    """Another exercise that is done meanwhile leaves the count of the tries as it is."""
    runs.add(Run("come-back", "", 0.1, False, SERVER, pages=[Page()]))
    assert [knock(server) for _ in range(3)] == [True, False, False]
    runs.add(Run("greet", "", 0.1, False, SERVER, pages=[Page()]))
    assert [knock(server) for _ in range(2)] == [False, True]
    # A cell whose name is misspelt is an answer to this exercise all the same.
    runs.add(Run("comeback", "", 0.1, False, SERVER, pages=[Page()]))
    assert [knock(server) for _ in range(2)] == [True, False]


def knock(server: LiveServer) -> bool:
    """Tell whether the server of exercise 3.4 lets somebody in, and says something."""
    with suppress(InvalidStatus), connect(server.url("ws/come-back/"), proxy=None) as ws:
        return bool(ws.recv())
    return False


# Values


@pytest.mark.parametrize(
    ("value", "expected", "are_same"),
    [
        (6.0, 6, True),
        (1, True, False),
        (True, True, True),
        ({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [1], False),
        ("1", 1, False),
    ],
)
def test_same(value: object, expected: object, are_same: bool) -> None:
    """Numbers are compared as numbers, and true is none."""
    assert same(value, expected) == are_same


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (None, "nothing"),
        (End(1006, ""), "the end of the connection, without a close frame (1006)"),
        (End(1011, ""), "the end of the connection, with 1011"),
        (End(4000, "bye"), 'the end of the connection, with 4000 and the reason "bye"'),
        ('say "hi"', "'say \"hi\"'"),
        (b"hi", "b'hi'"),
        ("a" * 100, f'"{"a" * 80}…"'),
    ],
)
def test_came(got: Any, words: str) -> None:
    """What came is said in words that are the same on every run."""
    assert came(got) == words
    assert got is None or isinstance(got, End) or quote(got) == words


# Routes


class Echo(WebsocketConsumer):
    pass


app = Echo.as_asgi()


@pytest.mark.parametrize(
    ("routes", "mistake"),
    [
        ([path("/ws/", app)], "leading-slash"),
        ([re_path("^/ws/$", app)], "leading-slash"),
        ([path("^ws/$", app)], "regex-in-path"),
        ([path("ws", app)], "trailing-slash"),
        ([re_path("^more/$", app), path("other/", app)], "no-route"),
        ([], None),
        (Echo, None),
    ],
)
def test_route_mistake(routes: Any, mistake: str | None) -> None:
    """Why a path finds no route is read from the patterns."""
    assert route_mistake(routes, "ws/") is (MISTAKES[mistake] if mistake else None)


def test_what_is_no_route() -> None:
    """What stands in a list and is no route is passed over."""
    route = path("ws/", app)
    assert list(all_routes([route, "ws/"])) == [route]


def test_route_mistake_without_slash() -> None:
    """A slash too many counts as well."""
    assert route_mistake([path("ws/", app)], "ws") is MISTAKES["trailing-slash"]


# The rest


@pytest.mark.parametrize(
    ("cooked", "passes"),
    [
        ([(0.2, 0.2, 0.2, 0.2)], True),
        # Once is enough where no machine makes it look better than it is.
        ([(0.25, 0.27, 0.29, 0.8)], True),
        # A loop that stood still is given another chance, and has to stand still no more.
        ([(0.7, 0.7, 0.7, 0.8), (0.2, 0.2, 0.2, 0.2)], True),
        ([(0.2, 0.7, 0.7, 0.7), (0.2, 0.7, 0.7, 0.7)], False),
        ([(0.2, 0.7, 0.7, 0.7), (0.21, 0.22, 0.23, 0.24)], True),
        # Who takes longer than was asked for.
        ([(0.5, 0.5, 0.5, 0.5)] * 3, True),
        ([(0.5, 0.5, 1.0, 1.0)] * 2, False),
        # Two at once, of which a busy loop has found the second, or both, ready a bit late.
        ([(0.2, 0.23, 0.4, 0.4)] * 2, False),
        ([(0.7, 0.7, 0.7, 0.7)] * 2 + [(0.25, 0.25, 0.4, 0.4)], False),
        # One by one, and the loop finds three or all of them ready together.
        ([(0.7, 0.7, 0.7, 0.8), (0.2, 0.4, 0.6, 0.8)], False),
        ([(0.8, 0.8, 0.8, 0.8), (0.7, 0.7, 0.7, 0.8), (0.2, 0.4, 0.6, 0.8)], False),
    ],
)
def test_orders_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, cooked: list[tuple[float, ...]], passes: bool
) -> None:
    """When orders were ready tells whether they were cooked together, once what stalls is out."""
    seen: list[lesson_1.Times] = []

    def cooking_times(trial: object) -> lesson_1.Times:
        # The first answer is asked for twice: whether an order takes its time, and here.
        times = [(0.0, ready) for ready in cooked[max(0, len(seen) - 1)]]
        seen.append(times)
        return times

    monkeypatch.setattr(lesson_1, "cooking_times", cooking_times)
    monkeypatch.setattr(lesson_1, "cook", lambda clients: None)
    monkeypatch.setattr(lesson_1, "held_up", lambda *_: lesson_1.LOCKED)
    verdict = check("1.4", answer_with("1.4", "An async generic consumer"))
    assert verdict.passed == passes, verdict
    assert len(seen) == len(cooked) + 1


@pytest.mark.parametrize("threads", [1, 2])
def test_orders_that_a_loop_finds_together(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """Orders that wait for each other do not pass where the loop has found them ready together."""
    order = lesson_1.order
    stalled: list[Client] = []

    def order_and_stall(clients: list[Client]) -> None:
        order(clients)
        if not stalled:
            stalled.append(clients[0])
            loop = clients[0].trial.host.loop
            # It turns again when three of them are ready, or all four.
            loop.call_soon_threadsafe(loop.call_later, 0.1, time.sleep, 0.6)

    with ThreadPoolExecutor(threads) as pool:

        class Kitchen(AsyncConsumer):
            async def websocket_connect(self, event: dict[str, Any]) -> None:
                await self.send({"type": "websocket.accept"})

            async def websocket_receive(self, event: dict[str, Any]) -> None:
                dish = event["text"]
                await self.send({"type": "websocket.send", "text": f"cooking {dish}"})
                await asyncio.get_running_loop().run_in_executor(pool, time.sleep, 0.2)
                await self.send({"type": "websocket.send", "text": f"{dish} is ready"})

            async def websocket_disconnect(self, event: dict[str, Any]) -> None:
                raise StopConsumer

        monkeypatch.setattr(lesson_1, "order", order_and_stall)
        verdict = check("1.4", Kitchen)
    assert stalled
    assert "✗ not yet  the four orders are cooked at the same time" in str(verdict)


def stall(trial: Trial, seconds: float) -> None:
    """Let the server's loop stand still, from now on."""
    trial.host.loop.call_soon_threadsafe(time.sleep, seconds)


def answer_with(id: str, title: str) -> Any:
    """Return what an answer in the catalogue defines."""
    [answer] = [answer for answer in answers(id) if answer.title == title]
    return run_answer(id, answer)


def test_a_loop_that_stalls_while_orders_are_cooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tasks of a consumer are to send is waited for where the loop stands still."""
    order = lesson_1.order

    def order_and_stall(clients: list[Client]) -> None:
        order(clients)
        loop = clients[0].trial.host.loop
        loop.call_soon_threadsafe(loop.call_later, 0.1, time.sleep, 0.8)

    monkeypatch.setattr(lesson_1, "order", order_and_stall)
    verdict = check("1.4", answer_with("1.4", "A task per order"))
    assert verdict.passed, verdict


@pytest.mark.parametrize(
    ("id", "title", "function"),
    [
        ("1.1", "It returns the answer", "give_up"),
        ("1.4", "sync_to_async with its one thread", "turns"),
        ("1.4", "time.sleep in an async consumer", "turns"),
        ("4.1", "The result alone", "is_endless"),
    ],
)
def test_no_handler_is_blamed_for_a_stall(
    monkeypatch: pytest.MonkeyPatch, id: str, title: str, function: str
) -> None:
    """A loop that stands still while a check looks at it makes no other diagnosis."""
    [expected] = [answer.diagnosis for answer in answers(id) if answer.title == title]
    owner = {"give_up": Trial, "turns": lesson_1, "is_endless": lesson_4}[function]
    look = getattr(owner, function)
    stalled: list[Trial] = []

    def stall_and_look(trial: Trial) -> Any:
        if not stalled:
            stalled.append(trial)
            stall(trial, 0.7)
        return look(trial)

    monkeypatch.setattr(owner, function, stall_and_look)
    verdict = check(id, answer_with(id, title))
    assert verdict.mistake is not None
    assert verdict.mistake.id == expected


def test_a_consumer_that_ends_while_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check ends, too, where the connections do before all that it waits for has come."""

    class Kitchen(AsyncConsumer):
        orders = 0

        async def websocket_connect(self, event: dict[str, Any]) -> None:
            await self.send({"type": "websocket.accept"})

        async def websocket_receive(self, event: dict[str, Any]) -> None:
            self.orders += 1
            if self.orders == 3:
                await self.send({"type": "websocket.close"})
                return
            dish = event["text"]
            await self.send({"type": "websocket.send", "text": f"cooking {dish}"})
            async with lock:
                await asyncio.sleep(0.2)
            await self.send({"type": "websocket.send", "text": f"{dish} is ready"})

        async def websocket_disconnect(self, event: dict[str, Any]) -> None:
            raise StopConsumer

    lock = asyncio.Lock()
    looks: list[Trial] = []

    def turns(trial: Trial) -> int:
        looks.append(trial)
        return 0

    monkeypatch.setattr(lesson_1, "turns", turns)
    assert not check("1.4", Kitchen).passed
    assert len(looks) == 2


def test_catalogue() -> None:
    """The teacher's list has a title, the source and the diagnosis."""
    title, source, diagnosis = catalogue("1.1")[0]
    assert (title, diagnosis) == ("It never accepts", "no-accept")
    assert source.startswith("class ShoutBack(SyncConsumer):\n")


def test_other_warnings_go_their_way() -> None:
    """A check keeps the warnings about coroutines, and no others."""

    class Warns(WebsocketConsumer):
        def receive(self, text_data: str) -> None:
            warnings.warn("look out", RuntimeWarning, stacklevel=1)
            self.send(text_data.upper())

    with pytest.warns(RuntimeWarning, match="look out"):
        assert check("1.1", Warns)


def test_broken_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake that breaks off, or is never answered, is said so."""

    def trial_of(error: Exception) -> str:
        def refuse(*args: Any, **options: Any) -> None:
            raise error

        with Trial(Echo, Patience()) as trial:
            monkeypatch.setattr("server.exercises.scenario.connect", refuse)
            connection = trial.try_connect("ws/")
        assert isinstance(connection, str)
        return connection

    assert trial_of(ConnectionResetError()) == "the handshake broke off"
    assert trial_of(TimeoutError()) == "no answer to the handshake"


def test_another_refusal() -> None:
    """A status that says something else is no refusal for want of a token."""

    async def not_found(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})

    verdict = check("2.2", not_found)
    assert verdict.steps[-1].came == "refused with HTTP 404"
    assert verdict.mistake is None


def shop(**answers: Any) -> type:
    """Return a shop whose answers are right, but for these."""
    right = {
        "name": "tea",
        "price": "3.10",
        "since": "2024-02-29",
        "tags": ["black", "green", "hot", "loose", "strong"],
        "rating": None,
        "motto": "from NaN to Infinity",
    }

    class Shop(JsonWebsocketConsumer):
        @classmethod
        def encode_json(cls, content: Any) -> str:
            return json.dumps(content, allow_nan=False)

        def receive_json(self, content: Any) -> None:
            self.send_json({content: (right | answers)[content]})

    return Shop


def test_nan_in_a_list_is_refused() -> None:
    """An encoder that refuses NaN shows that only the outer ones were replaced."""
    verdict = check("4.3", shop(ratings=[float("nan")]))
    assert verdict.mistake is not None and verdict.mistake.id == "not-nested"


def test_other_tags() -> None:
    """Tags that are simply wrong are no known mistake."""
    assert check("4.3", shop(tags=[])).mistake is None


def test_other_answers() -> None:
    """An answer that is simply another one is no known mistake."""

    class Farewell(WebsocketConsumer):
        def receive(self, text_data: str) -> None:
            self.send("farewell" if text_data == "bye" else f"you said: {text_data}")

    class Page(WebsocketConsumer):
        def connect(self) -> None:
            self.accept()
            self.send("page")

    class FromOne(JsonWebsocketConsumer):
        def connect(self) -> None:
            self.accept()
            self.send_json({"type": "count", "value": 1})

        def receive_json(self, content: Any) -> None:
            self.send_json(content)

    for id, answer in (("1.3", Farewell), ("2.4", Page), ("4.4", FromOne)):
        verdict = check(id, answer)
        assert not verdict and verdict.mistake is None


@pytest.mark.parametrize("answer", ["blue: hi 1", "blue 7: hi"])
def test_other_first_answers(answer: str) -> None:
    """A number in another place, or one whose reason cannot be seen, is guessed at by nobody."""
    arrivals = []

    class ChatRoom(WebsocketConsumer):
        def connect(self) -> None:
            arrivals.append(1)
            if len(arrivals) == 1:
                self.accept()
                self.send("welcome to blue")
            else:
                self.close()

        def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
            self.send(answer)

    verdict = check("2.1", [path("ws/room/<str:name>/", ChatRoom.as_asgi())])
    assert verdict.steps[-1].came == f'"{answer}"'
    assert verdict.mistake is None


def test_count_that_never_comes() -> None:
    """A consumer that only greets is told that a message is missing."""

    class Greets(JsonWebsocketConsumer):
        def connect(self) -> None:
            self.accept()
            self.send_json({"type": "count", "value": 0})

        def receive_json(self, content: Any) -> None:
            print(content)

    assert check("4.4", Greets).mistake is MISTAKES["no-answer"]


def test_catch_all_that_fails() -> None:
    """An exception after the accept is the one that is explained."""

    class Fails(WebsocketConsumer):
        def connect(self) -> None:
            self.accept()
            self.send(text_data=4404)

    class Clock(WebsocketConsumer):
        def connect(self) -> None:
            self.accept()
            self.send(text_data="tick")

    verdict = check("2.3", [path("ws/clock/", Clock.as_asgi()), re_path("", Fails.as_asgi())])
    assert verdict.mistake is MISTAKES["not-a-string"]


@pytest.mark.parametrize(
    ("id", "source", "steps"),
    [
        ("4.2", "self.send_json([1])", 2),
        ("4.3", "self.send_json([1])", 2),
    ],
)
def test_other_values(id: str, source: str, steps: int) -> None:
    """JSON of another shape is no crash of the check."""
    names: dict[str, Any] = {}
    exec(
        "from channels.generic.websocket import JsonWebsocketConsumer\n"
        "class Answer(JsonWebsocketConsumer):\n"
        f"    def receive_json(self, content):\n        {source}\n",
        names,
    )
    verdict = check(id, names["Answer"])
    assert not verdict
    assert len(verdict.steps) == steps
    assert verdict.steps[-1].came == json.dumps(json.dumps([1]))


# Groups


@pytest.mark.parametrize(
    ("line", "changed", "diagnosis", "came"),
    [
        (
            "await self.send_json(message)",
            'await (self.send("bye") if message["id"] == 3 else self.send_json(message))',
            "not-json",
            '"bye"',
        ),
        (
            "await history.since(self.last_id):",
            "(await history.since(self.last_id) if self.last_id < 5 else []):",
            "overtaken",
            "",
        ),
        (
            "await history.since(self.last_id):",
            "(await history.since(self.last_id) if self.last_id != 3 else []):",
            "history-not-sent",
            "",
        ),
    ],
)
def test_catching_up_half_right(line: str, changed: str, diagnosis: str, came: str) -> None:
    """A log that is right for one client and wrong for the next one is found out."""
    source = cells("5.4").solution
    assert line in source
    verdict = check("5.4", run_cell(source.replace(line, changed), "5.4")["routes"])
    assert verdict.mistake is MISTAKES[diagnosis]
    assert came in verdict.steps[-1].came


def at(seconds: float, connection: int, what: What) -> Entry:
    return Entry(1, seconds, connection, what, None)


@pytest.mark.parametrize(
    ("taken", "is_throughout"),
    [
        ([1.02, 1.04, 1.06, 1.08], True),
        ([1.02, 1.06, 1.08], False),
        ([1.04, 1.06, 1.08], False),
        ([1.02, 1.04, 1.06], False),
        ([], False),
    ],
)
def test_written_throughout(taken: list[float], is_throughout: bool) -> None:
    """Messages came at all times from the last client's handshake to what it was sent first."""
    entries = [
        at(0.5, 1, Received("before")),
        at(1.0, 2, Connecting("/ws/log/", None)),
        *(at(seconds, 1, Received("while it connects")) for seconds in taken),
        at(1.1, 2, Sent("first")),
        at(1.5, 2, Sent("second")),
    ]
    trial = cast(Trial, SimpleNamespace(snapshot=Snapshot(tuple(entries), (), 0, {})))
    assert was_written_throughout(trial) is is_throughout


def test_a_wrong_result_is_no_mistake_about_zero() -> None:
    """Only an error in the place of a result is a mistake about 0."""
    assert not_with_zero(0, {"result": 7}) is None
    assert not_with_zero(0, {"error": "no"}) is MISTAKES["all-at-once"]


def test_a_shop_without_a_stock() -> None:
    """Where an answer keeps its values elsewhere, none is put into it."""
    with added(cast(Trial, SimpleNamespace(answer=object)), {"gold": 1}) as stock:
        assert stock == {}


def test_a_gap_at_the_end() -> None:
    """Where a reader joins after all was written, that it misses the end of it is a gap too."""
    [answer] = [one for one in answers("5.4") if one.title == "Read first, then join"]
    join = '        await self.channel_layer.group_add("log", self.channel_name)\n'
    assert answer.source.count(join) == 1
    late = answer.source.replace(join, f"        await asyncio.sleep(0.4)\n{join}")
    verdict = check("5.4", run_cell(answer.imports + late, "5.4")["routes"])
    assert verdict.mistake is MISTAKES["gap"], verdict


def test_a_reader_that_nobody_wrote_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a machine has held up the messages, one more reader connects, and no line is added."""
    source = cells("5.4").solution
    answers = iter([False, False, True])
    looked = []

    def throughout(trial: Trial) -> bool:
        looked.append(trial)
        return next(answers)

    usual = check("5.4", run_cell(source, "5.4")["routes"])
    monkeypatch.setattr(lesson_5, "was_written_throughout", throughout)
    verdict = check("5.4", run_cell(source, "5.4")["routes"])
    assert verdict and len(looked) == 3
    assert [step.what for step in verdict.steps] == [step.what for step in usual.steps]


def test_a_machine_that_holds_up_all_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some readers that nobody wrote to, the answer is taken as it is."""
    looked: list[Trial] = []
    monkeypatch.setattr(lesson_5, "TRIES", 2)
    monkeypatch.setattr(lesson_5, "was_written_throughout", looked.append)
    assert check("5.4", run_cell(cells("5.4").solution, "5.4")["routes"])
    assert len(looked) == 2


@pytest.mark.parametrize(
    ("text", "raises", "diagnosis", "came"),
    [
        ("sam joins", "raise LookupError", None, "the end of the connection, with 1011"),
        ("sam joins", 'text = "hm"', None, '"hm"'),
        ("eve: hello", 'text = "ada joins"', "twice", '"ada joins"'),
    ],
)
def test_a_room_half_right(text: str, raises: str, diagnosis: str | None, came: str) -> None:
    """What is told otherwise is named where it is known, and an end is no message."""
    source = cells("5.1").solution
    line = '        await self.send(text_data=event["text"])'
    assert source.count(line) == 1
    changed = (
        f'        text = event["text"]\n        if text == {text!r}:\n            {raises}\n'
        "        await self.send(text)"
    )
    verdict = check("5.1", run_cell(source.replace(line, changed), "5.1")["routes"])
    assert not verdict
    assert (verdict.mistake and verdict.mistake.id) == diagnosis
    assert verdict.steps[-1].came == came

"""The judges by themselves: browser exercises without a browser, values, routes, catalogue."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from channels.generic.websocket import JsonWebsocketConsumer, WebsocketConsumer
from django.urls import path, re_path
from websockets.sync.client import connect

from server.browser.runs import Run, runs
from server.diagnosis import MISTAKES
from server.exercises import check, practice
from server.exercises.catalogue import catalogue
from server.exercises.check import EXERCISES, BrowserExercise
from server.exercises.lesson_2 import route_mistake
from server.exercises.lesson_4 import same
from server.exercises.practice import Connection, Visits, latest_run, visits
from server.exercises.scenario import End, NotYet, Patience, Sheet, Trial, came, quote
from server.launch import LiveServer
from server.record import Connecting, Disconnected, Note, Received, Record

# What a browser did


@pytest.fixture
def server() -> Iterator[LiveServer]:
    live = practice()
    yield live
    live.close()


@pytest.fixture
def no_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "runs", {})


def left(code: int, reason: str = "") -> Disconnected:
    return Disconnected("client", code, reason)


def tries(*waits: float) -> list[Connection]:
    """Return the connections of a browser that comes back after these waits."""
    made = [Connection(0.0, accepted=True, asked_to_leave=True, ended=0.0)]
    moment = 0.0
    for number, wait in enumerate(waits, 1):
        moment += wait
        made.append(Connection(moment, accepted=number == 3, ended=moment))
    return made


@pytest.mark.parametrize(
    ("id", "connections", "mistake"),
    [
        ("3.1", [Connection(0, ["hello"])], None),
        ("3.1", [Connection(0)], "nothing-sent"),
        ("3.1", [Connection(0, ["[object Object]"])], "object-object"),
        ("3.1", [Connection(0, ["hello", "hello"])], "too-many"),
        ("3.1", [Connection(0, ["Hello"])], "other-greeting"),
        ("3.2", [Connection(0, ["pong 1", "pong 2", "pong 3"])], None),
        ("3.2", [Connection(0)], "no-pong"),
        ("3.2", [Connection(0, ["[object MessageEvent]"])], "sent-the-event"),
        ("3.2", [Connection(0, ["pong 1", "a piece of news"])], "answers-all"),
        ("3.2", [Connection(0, ["pong", "pong", "pong"])], "no-number"),
        ("3.2", [Connection(0, ["pong 1"])], ""),
        ("3.3", [Connection(0, left=left(4001, "done"))], None),
        ("3.3", [Connection(0)], "stays"),
        ("3.3", [Connection(0, ended=1.0)], "too-early"),
        ("3.3", [Connection(0, left=left(1001))], "too-early"),
        ("3.3", [Connection(0, left=left(1005))], "other-code"),
        ("3.3", [Connection(0, left=left(4001))], "reason-missing"),
        ("3.4", tries(0.2, 0.4, 0.8), None),
        ("3.4", tries(), "never-back"),
        ("3.4", tries(0.0, 0.0, 0.0), "no-reconnect-delay"),
        ("3.4", tries(0.2, 0.4), "gives-up"),
        ("3.4", tries(0.2, 0.2, 0.2), "not-growing"),
    ],
)
def test_browser(
    no_runs: None, id: str, connections: list[Connection], mistake: str | None
) -> None:
    """What a browser did is judged by the record alone."""
    exercise = EXERCISES[id]
    assert isinstance(exercise, BrowserExercise)
    sheet = Sheet()
    found = Visits(connections)
    if mistake is None:
        exercise.scenario(sheet, found)
        assert exercise.done(found)
        assert all(step.passed for step in sheet.steps)
    else:
        with pytest.raises(NotYet):
            exercise.scenario(sheet, found)
        assert not sheet.steps[-1].passed
        assert (sheet.mistake.id if sheet.mistake else "") == mistake


@pytest.mark.parametrize(
    ("id", "code", "mistake"),
    [
        ("3.1", "mySocket.send('hello');", "send-before-open"),
        ("3.3", "mySocket.close(1001);", "code-refused"),
    ],
)
def test_code_is_the_last_resort(no_runs: None, id: str, code: str, mistake: str) -> None:
    """What throws in the browser leaves no trace on the server, but in the cell's code."""
    exercise = EXERCISES[id]
    assert isinstance(exercise, BrowserExercise)
    runs.add(Run("another", "", 0.1, False))
    runs.add(Run(exercise.cell, code, 0.1, False))
    runs.add(Run("one-more", "", 0.1, False))
    sheet = Sheet()
    with pytest.raises(NotYet):
        exercise.scenario(sheet, Visits([Connection(0)]))
    assert sheet.mistake is MISTAKES.get(mistake) or sheet.mistake.id == mistake


def test_latest_run(no_runs: None) -> None:
    """The cell or its solution: the one that was run last."""
    assert latest_run("greet") is None
    runs.add(Run("greet", "1", 0.1, False))
    runs.add(Run("greet-solution", "2", 0.1, False))
    found = latest_run("greet")
    assert found is not None and found.name == "greet-solution"
    runs.add(Run("greet", "1", 0.1, False))
    found = latest_run("greet")
    assert found is not None and found.name == "greet"


def test_visits() -> None:
    """A record is sorted by connection; clients that are no browsers are counted apart."""
    record = Record()
    page = "http://127.0.0.1"
    record.add(0, Note("hello"))
    record.add(1, Connecting("/ws/greet/?a=1", page))
    record.add(2, Connecting("/ws/other/", page))
    record.add(3, Connecting("/ws/greet/", None))
    record.add(3, Received("from Python"))
    record.add(1, Received("hello"))
    record.add(1, Disconnected("network", 1006, ""))
    found = visits(record.snapshot(), "/ws/greet/")
    assert found.others == 1
    (connection,) = found.connections
    assert connection.messages == ["hello"]
    assert connection.ended == found.newest
    assert connection.left is None


def test_python_is_no_browser(server: LiveServer) -> None:
    """A Python client does not do a browser's exercise."""
    with connect(server.url("ws/greet/"), proxy=None) as ws:
        ws.send("hello")
        assert ws.recv() == "nice to meet you"
    verdict = check("3.1")
    assert not verdict
    assert verdict.steps[0].came == "a client that is no browser"


def browser(server: LiveServer, target: str) -> Any:
    """Connect as a browser does, with an Origin."""
    origin: Any = server.http_url.rstrip("/")
    return connect(server.url(target), proxy=None, origin=origin)


def test_from_the_record(no_runs: None, server: LiveServer) -> None:
    """With an Origin it counts, as long as the messages are right."""
    with browser(server, "ws/greet/") as ws:
        ws.send("hello")
        ws.recv()
        assert check("3.1").headline == "✓ solved"


def test_nothing_more_comes(no_runs: None, server: LiveServer) -> None:
    """A browser that has come and says nothing is not waited for any longer than it is quiet."""
    with browser(server, "ws/enough/") as ws:
        assert [ws.recv() for _ in range(4)] == ["1", "2", "3", "enough"]
        verdict = check("3.3")
    assert verdict.mistake is not None and verdict.mistake.id == "stays"


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


def test_route_mistake_without_slash() -> None:
    """A slash too many counts as well."""
    assert route_mistake([path("ws/", app)], "ws") is MISTAKES["trailing-slash"]


# The rest


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

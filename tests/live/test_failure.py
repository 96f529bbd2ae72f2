"""What is kept of an exception: words, and no objects."""

from __future__ import annotations

import ast
import asyncio
import gc
import json
import weakref
from collections.abc import Callable
from pathlib import Path
from traceback import TracebackException
from typing import Any

import pytest
from channels.consumer import AsyncConsumer
from channels.generic.websocket import WebsocketConsumer
from pure_eval import CannotEval

from server.live.failure import (
    Facts,
    Failure,
    Look,
    capture,
    chain,
    consumer_kind,
    event_type,
    facts_of,
    fields,
    parsed,
    tree_of,
)

# mypy: disable-error-code="no-untyped-def"


def caught(function: Callable[[], object]) -> Facts:
    """Return the facts of what a function raises."""
    with pytest.raises(BaseException) as raised:
        function()
    facts = facts_of(raised.value)
    assert facts is not None
    return facts


NOTHING: Any = None
WORDS: dict[str, Any] = {"one": 1}


def test_nothing_is_kept_alive() -> None:
    """Frames, and the objects in them, go as soon as the exception has gone."""

    class Thing:
        pass

    def fail() -> None:
        thing = Thing()
        things.append(weakref.ref(thing))
        WORDS[str(len(things))]

    def keep() -> Failure:
        try:
            fail()
        except KeyError as exc:
            return capture(exc)
        raise AssertionError

    things: list[Any] = []
    failure = keep()
    gc.collect()
    assert things[0]() is None
    [facts] = failure.facts
    assert facts is not None
    assert (facts.own, facts.key, facts.holder, facts.holder_words) == (True, "1", "other", "WORDS")


def test_no_code_is_run() -> None:
    """Neither a property nor a repr nor a comparison of a learner's object is asked for."""

    class Touchy(WebsocketConsumer):
        def __getattribute__(self, name: str) -> Any:
            if name == "rooms":
                asked.append(name)
            return object.__getattribute__(self, name)

        @property
        def rooms(self) -> dict[str, Any]:
            return {}

        def __repr__(self) -> str:
            asked.append("repr")
            return "x"

        def __eq__(self, other: object) -> bool:
            asked.append("eq")
            return True

        def receive(self, text_data=None, bytes_data=None):
            self.rooms["x"]

    asked: list[str] = []
    facts = caught(Touchy().receive)
    # Once by the learner's own line.
    assert asked == ["rooms"]
    assert (facts.holder, facts.consumer, facts.is_async) == ("", "generic", False)


def test_never_raised() -> None:
    """Of an exception that nobody has raised, nothing is known."""
    failure = capture(KeyError("x"))
    assert failure.facts == (None,)
    assert list(chain(failure)) == [(failure, None)]
    plain = TracebackException.from_exception(KeyError("x"))
    assert list(chain(plain)) == [(plain, None)]


def test_causes() -> None:
    """Each exception of a chain has its own facts, and a circle ends."""

    def fail() -> None:
        try:
            WORDS["two"]
        except KeyError as exc:
            raise ValueError("x") from exc

    with pytest.raises(ValueError) as raised:
        fail()
    failure = capture(raised.value)
    assert [facts and facts.key for _, facts in chain(failure)] == ["", "two"]
    one, two = ValueError(1), ValueError(2)
    one.__cause__, two.__cause__ = two, one
    assert len(capture(one).facts) == 2


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda: NOTHING["x"], "NOTHING"),
        (lambda: NOTHING.x, "NOTHING"),
        (lambda: NOTHING(), "NOTHING"),
        (lambda: len(NOTHING), "NOTHING"),
        (lambda: NOTHING + 1, "NOTHING"),
        (lambda: NOTHING > 1, "NOTHING"),
        (lambda: [x for x in NOTHING], "NOTHING"),
        (lambda: len(WORDS.get("two")), ""),  # type: ignore[arg-type]
    ],
)
def test_which_was_none(function: Callable[[], object], words: str) -> None:
    """What was None is named as it is written, where that is sure."""
    assert caught(function).none == words


def test_a_loop_over_none() -> None:
    """In a loop, it is what the loop goes over."""

    def loop() -> None:
        for x in NOTHING:
            print(x)

    assert caught(loop).none == "NOTHING"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("x +", None),
        ("for x in y:\n  pass", "y"),
        ("if x: pass", None),
        ("await x", "x"),
    ],
)
def test_parsed(words: str, expected: str | None) -> None:
    """An expression is taken apart, and so is the head of a loop."""
    node = parsed(words)
    assert getattr(node, "id", None) == expected


def test_where_the_dictionary_came_from() -> None:
    """A name that two functions have given a value is nobody's; others are followed."""

    def twice(text: str) -> None:
        data = json.loads(text)
        data = dict(data)
        data["x"]

    def annotated(text: str) -> None:
        data: Any = json.loads(text)
        data["x"]

    def at_once(text: str) -> None:
        json.loads(text)["x"]

    def popped(text: str) -> None:
        if (data := json.loads(text)) is not None:
            data.pop("x")

    def called(text: str) -> None:
        "".join(json.loads(text).__getitem__("x"))

    assert caught(lambda: twice("{}")).holder == "other"
    assert caught(lambda: annotated("{}")).holder == "content"
    assert caught(lambda: at_once("{}")).holder == "content"
    assert caught(lambda: popped("{}")).holder == "content"
    assert caught(lambda: called("{}")).holder == ""


def test_without_source() -> None:
    """Where the code is not to be had, what needs it is left open."""
    names: dict[str, Any] = {}
    code = "def fail(words):\n    data = words\n    data['x']\ndef none(x):\n    x.y"
    exec(compile(code, "<nowhere>", "exec"), names)
    facts = caught(lambda: names["fail"]({}))
    assert (facts.expression, facts.holder, facts.key) == ("", "", "x")
    facts = caught(lambda: names["none"](None))
    assert (facts.of, facts.none) == ("None", "")
    event = {"type": "websocket.receive", "text": "x"}
    assert caught(lambda: names["none"](event)).holder == "event"


@pytest.mark.parametrize("text", ["x = '''", "def f(:", "", "\n\n    )"])
def test_source_that_has_changed(tmp_path: Path, text: str) -> None:
    """Of a file that is no Python any more, nothing is told; the file is read anew."""
    file = tmp_path / "f.py"
    file.write_text("def f():\n    pass\n")
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    code = names["f"].__code__
    assert [type(node) for node in tree_of(code).body] == [ast.FunctionDef]
    file.write_text(text)
    assert tree_of(code).body == []


def test_key_that_is_no_text() -> None:
    """Only a text is kept of a key."""
    assert caught(lambda: WORDS[1]).key == ""  # type: ignore[index]
    assert caught(lambda: (_ for _ in ()).throw(KeyError())).key == ""


def test_wrong_type_elsewhere() -> None:
    """Where no operation is at fault, there is nothing to name."""

    def fail() -> None:
        raise TypeError("x")

    facts = caught(fail)
    assert (facts.none, facts.holder) == ("", "")
    assert facts.expression.startswith("raise ")


def test_who_has_left() -> None:
    """A number that is none is not taken for a connection's."""
    exc = OSError("x")
    exc.connection = "two"  # type: ignore[attr-defined]

    def fail() -> None:
        raise exc

    assert caught(fail).connection == 0


def test_fields() -> None:
    """An object without fields has none."""
    assert fields(1) == {}
    assert event_type({"type": 1}) == event_type([]) == ""
    assert consumer_kind(int) == ""


def test_nothing_to_look_at() -> None:
    """Without a frame of the learner's own, no expression has a value."""
    with pytest.raises(CannotEval):
        Look(None, [], None).value(None)


def test_a_consumer_is_called() -> None:
    """What is awaited is the class of a consumer, which is no application."""

    class Raw(AsyncConsumer):
        def __init__(self, *args: object) -> None:
            pass

    async def inner() -> None:
        await Raw({}, 1, 2)

    assert caught(lambda: asyncio.run(inner())).of == "consumer"


@pytest.mark.parametrize(
    ("module", "kind"), [("channels.somewhere", "generic"), ("websockets.somewhere", ""), (7, "")]
)
def test_variables_of_libraries(module: object, kind: str) -> None:
    """Of libraries, the variables of Channels alone are read: they tell of the consumer."""
    code = compile("def fail(self): raise OSError", str(Path(json.__file__)), "exec")
    names: dict[str, Any] = {"__name__": module}
    exec(code, names)
    with pytest.raises(OSError) as raised:
        names["fail"](WebsocketConsumer())
    # The first frame is this one's.
    assert raised.value.__traceback__ is not None
    facts = facts_of(raised.value.with_traceback(raised.value.__traceback__.tb_next))
    assert facts is not None
    assert facts.consumer == kind


def test_content_that_was_awaited() -> None:
    """What an asynchronous function has decoded is content as well, at any depth."""

    async def loads(text: str) -> Any:
        return json.loads(text)

    async def receive() -> None:
        data = await loads('{"a": [{}]}')
        data.get("a")[0]["x"]

    assert caught(lambda: asyncio.run(receive())).holder == "content"


def test_code_that_is_a_piece() -> None:
    """A function whose code is no whole statement is not looked through."""
    functions = {
        "one": lambda data: data["x"],
    }
    assert caught(lambda: functions["one"]({})).holder == "other"

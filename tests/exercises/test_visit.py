"""What a page tells, and what the server's record says to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from server.exercises import check, practice
from server.exercises.practice import SERVER
from server.exercises.visit import Visit, find_handler_name, is_witnessed
from server.notebook.launch import LiveServer
from server.notebook.runs import Page, Run, Told, runs

GREET = "/ws/greet/"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    monkeypatch.setattr("server.exercises.visit.ON_ITS_WAY", 0.3)
    live = practice()
    yield live
    live.close()


def line(kind: str, text: str = "", **more: Any) -> Told:
    return cast(Told, {"kind": kind, "text": text, "socket": 1, "at": 0.0, **more})


CONNECTED = [line("connecting", GREET), line("open")]
GREETED = [*CONNECTED, line("sent", "hello")]
LEFT = [line("closing"), line("closed", code=4001, reason="bored")]


def page(*lines: Told, cell: str = "greet") -> Run:
    """Return the run of a cell whose page has told these lines."""
    run = Run(cell, "", 0.1, False, SERVER, pages=[Page(lines=list(lines))])
    run.attached.set()
    run.pages[0].settled.set()
    runs.add(run)
    return run


def talk(server: LiveServer, *messages: str, code: int | None = None, reason: str = "") -> None:
    """Do what a page may have done."""
    ws = connect(server.url(GREET), proxy=None).__enter__()
    for message in messages:
        ws.send(message)
        ws.recv()
    if code is not None:
        ws.close(code, reason)
    else:
        ws.socket.close()


def test_nothing_came(server: LiveServer) -> None:
    """A page that tells of what the server has not seen does not pass."""
    page(*GREETED)
    verdict = check("3.1")
    assert not verdict.passed
    assert [step.passed for step in verdict.steps] == [True, True, False]
    assert verdict.steps[-1].what == "the server's record shows the same"
    assert verdict.steps[-1].came == "something else: run the cell once more"


def test_what_came(server: LiveServer) -> None:
    """What the page tells and the record shows passes."""
    page(*GREETED)
    talk(server, "hello")
    assert check("3.1", solution=True).passed


def test_page_that_never_answers(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that was served and tells nothing is kept busy, and the verdict says so."""
    monkeypatch.setattr("server.exercises.visit.PATIENCE", 0.2)
    run = page()
    run.pages[0].settled.clear()
    for attached in (True, False):
        if not attached:
            run.attached.clear()
        verdict = check("3.1")
        assert verdict.steps[-1].what == "the page answers"
        assert verdict.steps[-1].came == "a page that does not answer"
        assert verdict.mistake is not None and verdict.mistake.id == "runaway"
        assert verdict.advice[0] == "The page does not answer."


def test_page_that_was_stopped(server: LiveServer) -> None:
    """A page that made too many sockets is told so, before anything else."""
    page(line("connecting", GREET), line("stopped", "too many"), line("uncaught", "TypeError: x"))
    verdict = check("3.1")
    assert verdict.mistake is not None and verdict.mistake.id == "too-many-sockets"


def test_cell_of_another_name(server: LiveServer) -> None:
    """Who has run the cell under another name is told the right one."""
    runs.forget(SERVER)
    assert check("3.1").advice == (
        "Run the cell above that begins with %%browser greet, then check again.",
    )
    page(cell="enough")
    assert check("3.1").advice == (
        "Run the cell above that begins with %%browser greet, then check again.",
    )
    page(cell="hello")
    assert check("3.1").advice == (
        "You have run %%browser hello, and the check looks for %%browser greet: "
        "let the cell begin with %%browser greet --on exercise.",
    )


def test_newer_cell_of_another_name(server: LiveServer) -> None:
    """Who has run the right cell before, and then another name, is not told of the older run."""
    page(*GREETED)
    page(cell="hallo")
    verdict = check("3.1")
    assert [step.came for step in verdict.steps] == ["nobody"]
    assert verdict.advice == (
        "You have run %%browser hallo, and the check looks for %%browser greet: "
        "let the cell begin with %%browser greet --on exercise.",
    )
    page(cell="pong")
    assert check("3.1").steps[0].passed


def test_messages_count(server: LiveServer) -> None:
    """Another message, one more, or none is not the same."""
    for messages in ([], ["Hello"], ["hello", "hello"]):
        run = page(*GREETED)
        talk(server, *messages)
        assert not is_witnessed(run, GREET)


def test_close_codes_count(server: LiveServer) -> None:
    """The code and the reason have to be those that the server was told."""
    run = page(*GREETED, *LEFT)
    talk(server, "hello", code=4001, reason="bored")
    assert is_witnessed(run, GREET)
    run = page(*GREETED, *LEFT)
    talk(server, "hello", code=4001, reason="tired")
    assert not is_witnessed(run, GREET)


def test_others_do_not_count(server: LiveServer) -> None:
    """An earlier page, another path and a refused handshake are not the page's connections."""
    talk(server, "hello")
    run = page(*GREETED)
    with suppress(InvalidStatus), connect(server.url("/ws/nowhere/"), proxy=None):
        pass
    assert not is_witnessed(run, GREET)
    talk(server, "hello")
    assert is_witnessed(run, GREET)


@pytest.mark.parametrize(
    ("note", "id"),
    [
        ("nobody calls onOpen: a WebSocket calls onopen", "handler-name"),
        ('no event is called Message: addEventListener takes "message"', "handler-name"),
        ("onmessage is set too late: 1 message came before it", "handler-too-late"),
        ("onopen is set after the connection has opened: nobody calls it", "handler-too-late"),
        ("through Jupyter's server, as ws://x", None),
    ],
)
def test_handlers_that_the_frame_has_named(note: str, id: str | None) -> None:
    """What the frame says about a handler is the mistake."""
    found = find_handler_name(Visit(GREET, [*CONNECTED, line("note", note)]))
    assert (found.id if found is not None else None) == id

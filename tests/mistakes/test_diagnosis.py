"""Diagnoses of exceptions, close codes, entries of the record, and copied texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from traceback import TracebackException
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from server import explain, launch
from server.live.record import (
    Closed,
    Disconnected,
    Entry,
    Failed,
    Lost,
    Note,
    Printed,
    Received,
    Refused,
    Sent,
    Undelivered,
)
from server.mistakes.codes import explain_code
from server.mistakes.diagnosis import (
    diagnose_entry,
    diagnose_failure,
    explain_entries,
)
from server.mistakes.registry import MISTAKES
from tests.serving import Silent, SyncEcho


def caught(function: Callable[[], object]) -> Exception:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_explain_exception() -> None:
    """An exception is explained in three lines: itself, the mistake and its cause, the fix."""
    explained = explain(caught(lambda: json.loads("hello")))
    assert repr(explained) == (
        "JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n"
        "An exception on bad JSON: json.loads raises it for what is no JSON, "
        "and an exception ends the connection.\n"
        'Catch json.JSONDecodeError, answer {"error": ...}, and keep the connection.'
    )
    assert explained.mistake is MISTAKES["bad-json"]
    assert "<code>JSONDecodeError: " in explained._repr_html_()


def test_explain_cause() -> None:
    """The cause of an exception is looked at as well."""

    def fail() -> None:
        try:
            json.loads("hello")
        except ValueError as error:
            raise LookupError("not for me") from error

    assert explain(caught(fail)).mistake is MISTAKES["bad-json"]


def test_explain_unknown() -> None:
    """An exception that is nobody's mistake is not given a wrong one."""
    explained = explain(LookupError("<where?>"))
    assert explained.mistake is None
    assert explained.text.startswith("This is none of the mistakes that the course knows.")
    assert "&lt;where?&gt;" in explained._repr_html_()
    assert diagnose_failure(TracebackException.from_exception(LookupError())) is None


@pytest.mark.parametrize(
    ("code", "begin"),
    [
        (1000, "Normal closure"),
        (1006, "Abnormal closure"),
        (1011, "Internal error: the side that closed has failed"),
        (4000, "A code of the application's own"),
        (3000, "A code that libraries register"),
        (200, "This is no close code"),
    ],
)
def test_explain_code(code: int, begin: str) -> None:
    """A close code is explained."""
    assert explain(code).text.startswith(begin)
    assert explain(code).about == f"close code {code}"
    assert explain(code).text == explain_code(code)


def test_explain_text() -> None:
    """A text that was copied from a browser's console is explained."""
    assert explain("Still in CONNECTING state.").mistake is MISTAKES["send-before-open"]


@pytest.mark.parametrize("what", [True, None, 1.5])
def test_explain_nothing(what: Any) -> None:
    """Something else is a TypeError that says what is taken."""
    with pytest.raises(TypeError, match="takes an exception, a close code, an entry or a text"):
        explain(what)


def entry(what: Any) -> Entry:
    return Entry(7, 0.0, 1, what, None)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (Closed("server", 1011, ""), "Internal error: the consumer raised an exception"),
        (Closed("consumer", 1011, ""), "Internal error: the consumer itself closed"),
        (Disconnected("client", 1011, ""), "The client closed with it: its own code ended"),
        (Disconnected("network", 1006, ""), "Abnormal closure"),
        (Note("a handler: event loop does not answer"), "time.sleep in async code"),
        (Refused("server", 500, "has neither accepted nor closed"), "No accept"),
        (Printed("RuntimeWarning: coroutine 'f' was never awaited", "stderr"), "A missing await"),
        (Lost("chat", 1, "gone"), "Members that have left are still in the group"),
        (Lost("chat", 1, "expiry"), "Entry 7 is not a mistake that is known."),
        (Received("hello"), "Entry 7 is not a mistake that is known."),
        (Printed("coroutine 'f' was never awaited", "stdout"), "Entry 7 is not"),
    ],
)
def test_explain_entry(what: Any, text: str) -> None:
    """An entry of a transcript is explained."""
    assert explain(entry(what)).text.startswith(text)


def test_explain_failed_entry() -> None:
    """An entry with an exception is explained by the exception."""
    failed = entry(Failed(TracebackException.from_exception(KeyError("text"))))
    assert explain(failed).mistake is diagnose_entry(failed) is MISTAKES["key-error"]


def test_live_explain() -> None:
    """A live server explains what went wrong on it last."""
    live = launch(SyncEcho, name="diagnosis")
    try:
        assert live.explain().text == "Nothing went wrong here, as far as the record shows."
        assert live.explain(1006).text == explain(1006).text
        with connect(live.url(), proxy=None) as ws:
            ws.send(b"bytes")
            with pytest.raises(Exception, match="1011"):
                ws.recv()
        assert live.explain().mistake is MISTAKES["no-text"]
        assert "hint: A binary message met text code. Look with" in str(live.transcript)
        assert "<b>hint:</b> A binary message met text code." in live.transcript._repr_html_()
    finally:
        live.close()


def test_last_note_counts() -> None:
    """What says nothing about a mistake is passed over."""
    entries = [entry(Note("a handler: event loop does not answer")), entry(Received("hello"))]
    assert explain_entries(entries).mistake is MISTAKES["blocking"]


def test_live_explain_without_exception() -> None:
    """Without an exception, a note of the server is explained."""
    live = launch(Silent, name="diagnosis", handshake_timeout=0.1)
    try:
        with pytest.raises(InvalidStatus), connect(live.url(), proxy=None):
            pass
        assert live.explain().mistake is MISTAKES["no-accept"]
    finally:
        live.close()


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (
            Note("Well."),
            "Entry 7 is not a mistake that is known. It says: Well.",
        ),
        (
            Refused("consumer", 401, "log in"),
            "Entry 7 is not a mistake that is known. The handshake was refused with HTTP 401: "
            "log in",
        ),
        (
            Undelivered("x"),
            "Entry 7 is not a mistake that is known. The consumer never took this message: it had "
            "ended, or was closing.",
        ),
        (Disconnected("network", 1006, ""), explain_code(1006)),
        (Closed("server", 1009, ""), explain_code(1009)),
    ],
)
def test_something_was_seen(what: Any, text: str) -> None:
    """Beside what went wrong, it is never said that nothing did."""
    entries = [entry(what), entry(Disconnected("client", 1000, ""))]
    assert explain_entries(entries).text == text


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1012, 3000, 4000])
def test_ends_that_are_meant(code: int) -> None:
    """A connection that ends as it is meant to is no mistake."""
    entries = [entry(Closed("consumer", code, "")), entry(Disconnected("client", code, ""))]
    assert explain_entries(entries).text.startswith("Nothing went wrong here")


def test_last_message_was_not_answered() -> None:
    """A message that was not answered is named, and one that was is not."""
    nothing = "Nothing went wrong here, as far as the record shows."
    assert explain_entries([entry(Received("x")), entry(Sent("y"))]).text == nothing
    assert explain_entries([entry(Sent("y")), entry(Received("x"))]).text == (
        f"{nothing} Nothing was sent after the last message of client 1, entry 7: follow your code "
        "for it."
    )


@pytest.mark.parametrize(
    ("what", "id"),
    [
        (Sent("<bound method x>"), "not-called"),
        (Received("[object Object]"), "object-object"),
        (Refused("consumer", 403, ""), "close-before-accept"),
    ],
)
def test_entry_gives_a_mistake_away(what: Any, id: str) -> None:
    """A message may show what went wrong although nothing was raised."""
    assert explain_entries([entry(what)]).mistake is MISTAKES[id]


def test_a_very_long_text() -> None:
    """Ten million characters are neither searched nor repeated."""
    found = explain("x" * 10_000_000)
    assert len(repr(found)) < 500
    assert found.about.endswith("… (10,000,000 characters)")
    assert len(repr(explain(ValueError("x" * 10_000_000)))) < 500


# What was done after it


def test_client_that_gave_up() -> None:
    """A client that was interrupted is no error of the consumer, and what it waited for is told."""
    entries = [entry(Received("x")), entry(Disconnected("client", 1011, ""))]
    assert explain_entries(entries).text == (
        "The client closed with it: its own code ended in an exception, or its cell was "
        "interrupted. It says nothing of the consumer. Nothing was sent after the last message of "
        "client 1, entry 7: follow your code for it."
    )


def test_handler_at_work() -> None:
    """A handler that does not come to its end is named, and not the message before it."""
    assert explain_entries([entry(Received("x"))], at_work=True).text == (
        "Nothing went wrong here, as far as the record shows. A handler has begun and not come to "
        "its end: a pause, or an endless loop."
    )


FAILED = entry(Failed(TracebackException.from_exception(KeyError("text"))))


@pytest.mark.parametrize(
    ("error", "entries", "about"),
    [
        (NameError("x"), [FAILED], "NameError: x"),
        (SyntaxError("'await' outside async function"), [], "SyntaxError: 'await' outside async"),
        (EOFError("gone"), [FAILED], "KeyError: 'text'"),
        (EOFError("gone"), [], "EOFError: gone"),
        (KeyboardInterrupt(), [FAILED], "KeyError: 'text'"),
        (KeyboardInterrupt(), [], ""),
        (None, [FAILED], "KeyError: 'text'"),
    ],
)
def test_error_of_a_cell(error: BaseException | None, entries: list[Entry], about: str) -> None:
    """A cell's own error comes first; what a client raises only where the record knows nothing."""
    explained = explain_entries(entries, error)
    assert explained.about.startswith(about) and bool(explained.about) == bool(about)
    assert ("The cell that you ran last" in explained.text) == (
        explained.about != "KeyError: 'text'" and explained.about != ""
    )

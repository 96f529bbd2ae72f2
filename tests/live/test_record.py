"""The record: order, bounds, threads."""

from __future__ import annotations

import gc
import threading
from traceback import TracebackException

import pytest

from server.live.record import (
    BRIEF,
    TRACEBACK,
    Accepted,
    Closed,
    Connecting,
    Control,
    Delivered,
    Failed,
    GroupSend,
    Logged,
    Lost,
    Note,
    Printed,
    Received,
    Record,
    Refused,
    Sent,
    Span,
    Undelivered,
    What,
    weight,
)


def test_entries_are_numbered_in_order() -> None:
    """Entries have numbers from 1, rising times, their connection and their event."""
    record = Record()
    event = {"type": "websocket.send", "text": "a"}
    record.add(1, Sent("a"), event)
    record.add(2, Note("b"))
    first, second = record.snapshot().entries
    assert first[:2] == (1, first.time) and first[2:] == (1, Sent("a"), event)
    assert first.event is event
    assert (second.number, second.connection, second.what) == (2, 2, Note("b"))
    assert second.event is None
    assert first.time <= second.time


@pytest.mark.parametrize("payload", ["a", b"a"])
def test_the_event_of_a_message(payload: str | bytes) -> None:
    """A message has the event that it came or went with, or one that says as much."""
    key = "text" if isinstance(payload, str) else "bytes"
    other = {"type": "websocket.send", key: payload, "more": 1}
    record = Record()
    record.add_message(1, "received", payload)
    record.add_message(1, "sent", payload)
    record.add_message(1, "sent", payload, other)
    assert [entry.what for entry in record.snapshot().entries] == [
        Received(payload),
        Sent(payload),
        Sent(payload),
    ]
    assert [entry.event for entry in record.snapshot().entries] == [
        {"type": "websocket.receive", key: payload},
        {"type": "websocket.send", key: payload},
        other,
    ]


def test_messages_do_not_burden_the_garbage_collector() -> None:
    """After one collection, it looks at none of the messages that a record holds."""
    record = Record()
    for kind in ("received", "sent"):
        record.add_message(1, kind, "a" * 100)
    gc.collect()
    assert not any(gc.is_tracked(raw) for raw in record.entries)


def test_a_snapshot_does_not_change() -> None:
    """What is added later is not in a snapshot taken before."""
    record = Record()
    record.add(1, Note("a"))
    before = record.snapshot()
    record.add(1, Note("b"))
    record.add_span(1, "working", "websocket.receive", 0.0, 1.0)
    assert len(before.entries) == 1
    assert before.spans == ()


def test_the_oldest_entries_go_when_there_are_too_many() -> None:
    """Past max_entries the oldest go; they are counted, and their numbers are not used again."""
    record = Record(max_entries=3)
    for text in "abcde":
        record.add(1, Note(text))
    snapshot = record.snapshot()
    assert [entry.what for entry in snapshot.entries] == [Note("c"), Note("d"), Note("e")]
    assert [entry.number for entry in snapshot.entries] == [3, 4, 5]
    assert snapshot.dropped == 2


def test_the_oldest_entries_go_when_they_are_too_large() -> None:
    """Past max_bytes the oldest go, until the rest fits."""
    record = Record(max_bytes=10)
    for payload in ("aaaa", b"bbbb", "cccc", "dd"):
        record.add(1, Received(payload))
    snapshot = record.snapshot()
    assert [entry.what for entry in snapshot.entries] == [
        Received(b"bbbb"),
        Received("cccc"),
        Received("dd"),
    ]
    assert snapshot.dropped == 1


def test_the_newest_entry_stays_however_large() -> None:
    """An entry larger than the bound is the only one left, and goes with the next."""
    record = Record(max_bytes=10)
    record.add(1, Note("a"))
    record.add(1, Received("b" * 100))
    assert [entry.number for entry in record.snapshot().entries] == [2]
    record.add(1, Received("c"))
    assert [entry.number for entry in record.snapshot().entries] == [3]
    assert record.bytes == 1


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (Received("four"), 4),
        (Undelivered(b"four"), 4),
        (Sent("four"), 4),
        (Control("ping", b"four"), 8),
        (Printed("four", "stdout"), 10),
        (Failed(TracebackException.from_exception(ValueError("four"))), TRACEBACK + 4),
        (Note("four"), 4),
        (Closed("server", 1000, "four"), 10),
        (Connecting("/four", None), 5),
        (Refused("server", 403, "four"), 10),
    ],
    ids=lambda value: type(value).__name__,
)
def test_weight(what: What, expected: int) -> None:
    """All that a client or an application can make large counts against the bound."""
    assert weight(what) == expected


def test_the_headers_of_an_answer_count() -> None:
    """An event is kept with its entry, and counts."""
    record = Record(max_bytes=1000)
    for _ in range(3):
        headers = [(b"x-large", b"y" * 400)]
        record.add(1, Accepted(None, None), {"type": "websocket.accept", "headers": headers})
    assert len(record.snapshot().entries) == 2


@pytest.mark.parametrize("what", [Delivered("news", None), Lost("news", None, "gone")])
def test_messages_of_somebody_elsewhere_count(what: What) -> None:
    """Where the record has no entry of who sent a message, it counts with those who get it."""
    record = Record(max_bytes=1000)
    for _ in range(3):
        record.add(1, what, {"type": "news", "text": "x" * 400})
    assert len(record.snapshot().entries) == 2


def test_messages_of_the_layer_count_once() -> None:
    """A message to a group counts with who sends it, and not with each who gets it."""
    record = Record(max_bytes=1000)
    message = {"type": "news", "text": "x" * 400}
    record.add(1, GroupSend("news", repr(message)), message)
    for _ in range(10):
        record.add(2, Delivered("news", 1), message)
    assert len(record.snapshot().entries) == 11


def test_an_exception_that_is_logged_counts() -> None:
    """It is kept as one that is raised is."""
    raised = TracebackException.from_exception(ValueError("four"))
    assert weight(Logged("error", "chat", "four", raised)) == 5 + 4 + 4 + TRACEBACK + 4


def test_spans_are_bounded() -> None:
    """Past max_entries the oldest spans go."""
    record = Record(max_entries=2)
    spans = [Span(1, "working", "websocket.receive", float(n), n + 1.0) for n in range(3)]
    for span in spans:
        record.add_span(*span)
    assert record.snapshot().spans == tuple(spans[1:])


def test_brief_spans_are_not_kept() -> None:
    """A stretch of time enters the record from BRIEF on."""
    record = Record()
    record.add_span(1, "working", "websocket.receive", 0.0, BRIEF * 0.99)
    record.add_span(2, "working", "websocket.receive", 0.0, BRIEF)
    assert [span.connection for span in record.snapshot().spans] == [2]


def test_clear() -> None:
    """After clear() the record is as new."""
    record = Record()
    record.add(1, Received("a"))
    record.add_span(1, "waiting", "websocket.receive", 0.0, 1.0)
    record.clear()
    assert record.bytes == 0
    snapshot = record.snapshot()
    assert (snapshot.entries, snapshot.spans, snapshot.dropped) == ((), (), 0)
    record.add(1, Note("b"))
    assert record.snapshot().entries[0].number == 1


def test_many_threads_write_while_one_reads() -> None:
    """No entry is lost, no number is used twice, and every snapshot is in order."""
    record = Record(max_entries=100_000)

    def write(connection: int) -> None:
        for number in range(2000):
            record.add(connection, Received(str(number)))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        numbers = [entry.number for entry in record.snapshot().entries]
        assert numbers == list(range(1, len(numbers) + 1))
    for thread in threads:
        thread.join()
    entries = record.snapshot().entries
    assert len(entries) == 8000
    for connection in range(1, 5):
        texts = [entry.what for entry in entries if entry.connection == connection]
        assert texts == [Received(str(number)) for number in range(2000)]


def test_names_outlive_their_entries() -> None:
    """The record knows the names of the newest consumers, whatever entries it has dropped."""
    record = Record(max_entries=2)
    for number in (1, 2, 3):
        record.add(number, Accepted("Echo", None))
    record.add(4, Refused("server", 500, "why"))
    record.add(4, Note("one"))
    record.add(4, Note("two"))
    assert record.snapshot().consumers == {2: "Echo", 3: "Echo"}


def test_said_once() -> None:
    """A remark is new once, and again after a clear; one that waits is taken once."""
    record = Record()
    assert [record.is_new("x"), record.is_new("x")] == [True, False]
    record.clear()
    assert record.is_new("x")
    record.remark("y")
    assert [record.take_remarks(), record.take_remarks()] == [["y"], []]

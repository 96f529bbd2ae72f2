"""What a consumer logs, in the record."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from server.live.logs import is_for_cell, make, record_logs
from server.live.record import Logged
from tests.serving import RawClient, Served, SyncEcho, serving

logger = logging.getLogger("tests.chat")


@contextmanager
def bare_root() -> Iterator[logging.Logger]:
    """The root logger without handlers, as in a kernel; pytest has put some there."""
    found = logging.getLogger()
    before = found.handlers[:], found.level
    found.handlers[:] = []
    found.setLevel(logging.WARNING)
    logging.setLogRecordFactory(logging.LogRecord)
    try:
        yield found
    finally:
        found.handlers[:], level = before
        found.setLevel(level)


def logged(live: Served) -> list[Any]:
    with RawClient(live.host.port) as client:
        client.handshake()
        client.send(b"hello")
        client.recv()
        return live.whats(Logged)


class Logs(SyncEcho):
    def websocket_receive(self, event: dict[str, Any]) -> None:
        logger.info("got %s", event["text"])
        logger.debug("too much")
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError:
            logging.exception("handled")
        super().websocket_receive(event)


def test_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Information and handled exceptions are rows; neither is written into the cell."""
    with bare_root(), serving(Logs) as live:
        first, second = logged(live)
        assert first == Logged("info", "tests.chat", "got hello", None)
        assert second[:3] == ("error", "root", "handled")
        assert str(second.exception).strip() == "division by zero"
        assert live.errors() == live.prints() == []
    assert capsys.readouterr().err == ""


def test_handlers_of_ones_own() -> None:
    """A handler that writes somewhere else than into the cell gets everything as before."""
    elsewhere, cell = io.StringIO(), logging.StreamHandler(sys.stderr)
    with bare_root() as root:
        root.addHandler(logging.StreamHandler(elsewhere))
        root.addHandler(cell)
        root.setLevel(logging.INFO)
        with serving(Logs) as live:
            assert len(logged(live)) == 2
    assert elsewhere.getvalue().startswith("got hello\nhandled\n")
    assert is_for_cell in cell.filters


def test_level_that_somebody_has_set() -> None:
    """It stays as it is."""
    with bare_root() as root:
        root.setLevel(logging.ERROR)
        with serving(Logs) as live:
            assert [row.text for row in logged(live)] == ["handled"]
        assert root.level == logging.ERROR


def test_outside_of_a_consumer() -> None:
    """What a cell logs goes where it went before, and so does a logger that passes nothing on."""
    record_logs()
    record_logs()
    assert logging.getLogRecordFactory() is make
    made = logger.makeRecord("x", logging.INFO, "f", 1, "text", (), None)
    assert is_for_cell(made)


def test_message_that_cannot_be_made() -> None:
    """The record has what it was to be made of."""

    class Wrong(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            quiet = logging.getLogger("tests.quiet")
            quiet.propagate = False
            quiet.addHandler(logging.NullHandler())
            quiet.warning("%d of %s", "x")
            super().websocket_receive(event)

    with bare_root(), serving(Wrong) as live:
        assert logged(live) == [Logged("warning", "tests.quiet", "%d of %s", None)]

"""Logs: what differs from run to run is not shown, and what a learner has to see is."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.project.logs import plain

FOLDER = Path("/home/ada/going_live")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("2026-11-26 07:37:08,123 INFO     Listening", "INFO     Listening"),
        (
            '127.0.0.1:43434 - - [26/Nov/2026:07:37:08] "WSCONNECT /ws/" - -',
            '127.0.0.1 - - "WSCONNECT /ws/" - -',
        ),
        (
            'INFO:     127.0.0.1:43434 - "WebSocket /ws/" [accepted]',
            'INFO:     127.0.0.1 - "WebSocket /ws/" [accepted]',
        ),
        ("INFO:     Started server process [1234]", "INFO:     Started server process […]"),
        ("Ran 4 tests in 0.749s", "Ran 4 tests in … s"),
        (
            "Starting server at tcp:port=50123:interface=x",
            "Starting server at tcp:port=…:interface=x",
        ),
        ("<Task pending at 0x7f2b8c0d3e50>", "<Task pending at 0x…>"),
        (f"{FOLDER}/chat/consumers.py is gone", "chat/consumers.py is gone"),
        ("nothing to hide  ", "nothing to hide"),
    ],
)
def test_line(line: str, shown: str) -> None:
    """Times, pids, ports of clients, addresses and the place of the project are left out."""
    assert list(plain([line], FOLDER)) == [shown]


def test_frames_of_libraries_are_left_out() -> None:
    """Of a traceback, the lines of the project are shown, without marks that Pythons differ in."""
    lines = [
        "ERROR:    Exception in ASGI application",
        "Traceback (most recent call last):",
        '  File "/usr/lib/python3/channels/consumer.py", line 1, in __call__',
        "    await dispatch()",
        "    ^^^^^^^^^^^^^^^^",
        f'  File "{FOLDER}/chat/consumers.py", line 8, in connect',
        '    self.user = self.scope["user"]',
        "                ~~~~~~~~~~^^^^^^^^",
        "KeyError: 'user'",
        "^^^ a line of somebody's own",
        "INFO:     connection closed",
    ]
    assert list(plain(lines, FOLDER)) == [
        "ERROR:    Exception in ASGI application",
        "Traceback (most recent call last):",
        '  File "chat/consumers.py", line 8, in connect',
        '    self.user = self.scope["user"]',
        "KeyError: 'user'",
        "^^^ a line of somebody's own",
        "INFO:     connection closed",
    ]


@pytest.mark.parametrize(
    "between",
    [
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    ],
)
def test_last_exception_of_a_chain(between: str) -> None:
    """Of exceptions that led to one another, the last one is shown."""
    trace = "Traceback (most recent call last):"
    lines = ["before", "", trace, "OSError: first", "", between, "", trace, "ValueError: last", ""]
    assert list(plain(lines, FOLDER)) == ["before", "", trace, "ValueError: last", ""]


def test_words_without_a_traceback() -> None:
    """A line that only sounds like a chain of exceptions stays."""
    line = "During handling of the above exception nothing happened"
    assert list(plain([line], FOLDER)) == [line]

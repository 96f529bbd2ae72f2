"""Whose code a frame of a traceback is."""

from __future__ import annotations

import json
from traceback import TracebackException

from server.live.tracebacks import is_library, learner_frames


def test_library_only() -> None:
    """An exception that no line of the learner's raised has no lines to show."""
    try:
        json.loads("x")
    except ValueError as error:
        exception = TracebackException.from_exception(error)
    exception.stack[:] = exception.stack[1:]
    assert learner_frames(exception) == []
    assert is_library("<frozen importlib._bootstrap>")
    assert is_library("/elsewhere/site-packages/channels/consumer.py")
    assert is_library(json.__file__)
    assert not is_library("/tmp/ipykernel_12/34.py")
    assert not is_library("<string>")

"""Threads are interrupted."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress

import pytest

from server.live.background import follow_threads
from server.live.interrupt import interrupt
from tests.live.test_host import DEBUGGED


def test_interrupting_a_thread_that_never_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to interrupt."""
    monkeypatch.setattr(sys, "gettrace", lambda: None)
    interrupt(threading.Thread(target=print))


@pytest.mark.parametrize("debugged", [False, True])
def test_interrupting_below_a_debugger(debugged: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 would hang, so the thread is left alone."""
    monkeypatch.setattr(sys, "gettrace", lambda: print if debugged else None)
    begun, release = threading.Event(), threading.Event()
    ended: list[type[BaseException] | None] = []

    def work() -> None:
        try:
            begun.set()
            while not release.wait(0.001):
                pass
        except SystemExit:
            ended.append(SystemExit)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(60)
    interrupt(thread)
    left_alone = debugged and sys.version_info < (3, 12)
    if left_alone:
        release.set()
    thread.join(60)
    assert ended == ([] if left_alone else [SystemExit])


@pytest.mark.skipif(DEBUGGED, reason="Python 3.11 interrupts nothing below a debugger")
def test_interrupting_a_thread_that_starts_threads() -> None:
    """It ends, and none of the threads that it starts ends in its place."""
    follow_threads()
    for _ in range(100):
        started = threading.Event()

        def work(started: threading.Event = started) -> None:
            with suppress(SystemExit):
                while True:
                    threading.Thread(target=started.set, daemon=True).start()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert started.wait(60)
        interrupt(thread)
        thread.join(60)
        assert not thread.is_alive()

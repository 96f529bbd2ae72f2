"""What is done with an interrupt: raised in a cell that runs, and else left to ipykernel."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

import pytest
from IPython.core.interactiveshell import InteractiveShell

from server.notebook.interrupts import Interruptible, install, runs_cell


class Events:
    """A shell's events, as far as they are needed."""

    def __init__(self) -> None:
        self.registered: list[tuple[str, Callable[..., Any]]] = []

    def register(self, name: str, callback: Callable[..., Any]) -> None:
        self.registered.append((name, callback))


class Shell:
    """A shell, as far as it is needed."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.events = Events()

    def get_ipython(self) -> Shell:
        return self


class Heard:
    """A handler in the place of ipykernel's."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.numbers.append(number)


@pytest.fixture
def shell() -> Iterator[Shell]:
    before = signal.getsignal(signal.SIGINT)
    yield Shell()
    signal.signal(signal.SIGINT, before)


def interruptible(shell: Shell) -> Interruptible:
    return Interruptible(cast(InteractiveShell, shell))


def run_cell(code: str, shell: Shell) -> None:
    exec(compile(code, "<cell>", "exec"), shell.user_ns)


def test_raised_in_a_cell_that_runs(shell: Shell) -> None:
    """An interrupt raises where the cell has called something, and ipykernel hears nothing."""
    heard = Heard()
    signal.signal(signal.SIGINT, heard)
    interruptible(shell)()
    shell.user_ns["interrupt"] = lambda: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_cell("interrupt()", shell)
    assert heard.numbers == []


def test_left_to_ipykernel(shell: Shell) -> None:
    """Between two steps of a cell, and in a task of its own, ipykernel cancels the cell."""
    heard = Heard()
    signal.signal(signal.SIGINT, heard)
    interruptible(shell)()
    signal.raise_signal(signal.SIGINT)
    run_cell("def task():\n    interrupt()", shell)
    shell.user_ns["interrupt"] = lambda: signal.raise_signal(signal.SIGINT)
    shell.user_ns["task"]()
    assert heard.numbers == [signal.SIGINT] * 2
    assert not runs_cell(None, shell.user_ns)


def test_nothing_to_stand_before(shell: Shell) -> None:
    """Python's own handler stays, and another thread sets none."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interruptible(shell)()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    handler = Heard()
    signal.signal(signal.SIGINT, handler)
    thread = threading.Thread(target=interruptible(shell))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is handler


def test_installed_once_for_all_cells(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook it stands before every cell; elsewhere nothing happens."""
    monkeypatch.setitem(sys.modules, "IPython", cast(Any, shell))
    install()
    ((name, callback),) = shell.events.registered
    assert name == "pre_run_cell" and isinstance(callback, Interruptible)
    monkeypatch.delitem(sys.modules, "IPython")
    install()
    assert len(shell.events.registered) == 1

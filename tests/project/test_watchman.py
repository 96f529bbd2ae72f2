"""The watchman: what the kernel leaves behind ends, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from server.project.processes import watchman
from server.project.watchman import end, is_over, is_same, wait_for_end, watch

SLEEP = "import time; print('awake', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
PARENT = (
    "import subprocess, sys; "
    # The first line must be the parent's own: a child that wakes early would write before it.
    f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}], stdout=subprocess.DEVNULL); "
    "print(child.pid, flush=True); child.wait()"
)


@pytest.fixture
def start() -> Iterator[Callable[[str], tuple[psutil.Process, str]]]:
    """Starts Python processes; returns each with the first line that it writes."""
    started = []

    def run(code: str) -> tuple[psutil.Process, str]:
        popen = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        started.append(popen)
        assert popen.stdout is not None
        return psutil.Process(popen.pid), popen.stdout.readline().strip()

    yield run
    for popen in started:
        popen.kill()
        popen.wait()
        assert popen.stdout is not None
        popen.stdout.close()


def test_ends_what_was_watched(start: Callable[[str], tuple[psutil.Process, str]]) -> None:
    """When the orders end, so do the processes that are still watched, and no others."""
    watched, _ = start(SLEEP)
    forgotten, _ = start(SLEEP)
    never, _ = start(SLEEP)
    watch([f"watch {watched.pid}\n", f"watch {forgotten.pid}\n", f"forget {forgotten.pid}\n"])
    assert is_over(watched)
    assert not is_over(forgotten)
    assert not is_over(never)


def test_removes_a_folder(tmp_path: Path) -> None:
    """A folder that was only for the kernel goes too, and one that is gone is no error."""
    folder = tmp_path / "for a while"
    folder.mkdir()
    (folder / "file").touch()
    watch([f"remove {folder}\n", f"remove {tmp_path / 'gone'}\n"])
    assert not folder.exists()
    assert tmp_path.exists()


def test_process_that_is_gone() -> None:
    """A process that has ended before it could be watched is no error."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    watch([f"watch {gone.pid}\n", "forget 1\n"])


def test_children_end_too(start: Callable[[str], tuple[psutil.Process, str]]) -> None:
    """What a process has started ends with it."""
    parent, pid = start(PARENT)
    child = psutil.Process(int(pid))
    end([parent])
    assert is_over(parent)
    assert is_over(child)


def test_stubborn_process(start: Callable[[str], tuple[psutil.Process, str]]) -> None:
    """A process that does not heed SIGTERM is killed after the grace."""
    process, _ = start(STUBBORN)
    end([process], grace=0.1)
    assert is_over(process)


def test_process_that_ends_by_itself(start: Callable[[str], tuple[psutil.Process, str]]) -> None:
    """A process that is over already is no error."""
    process, _ = start("print('done')")
    psutil.wait_procs([process], 60)
    end([process])


def test_process_that_nobody_asks_for() -> None:
    """A process has ended even while nobody has asked for its exit status; it can still be read."""
    popen = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    assert wait_for_end([psutil.Process(popen.pid)], 60) == []
    assert popen.wait() == 3


def test_process_that_ends_while_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is gone when its state is asked for has ended."""

    def status(process: psutil.Process) -> str:
        raise psutil.NoSuchProcess(process.pid)

    monkeypatch.setattr(psutil.Process, "status", status)
    assert is_over(psutil.Process())


def test_same_process() -> None:
    """A process is known by its pid and its start together."""
    own = psutil.Process()
    assert is_same(own.pid, own.create_time())
    assert not is_same(own.pid, own.create_time() - 1)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert not is_same(gone.pid, 0)


KERNEL = """
import os, sys
os.chdir(sys.argv[1])
from server.project import Project
project = Project("chat")
project.write("box.py", "import http.server; http.server.test(port=int(__import__('sys').argv[1]))")
server = project.start("python box.py {port}")
print(server.child.popen.pid, flush=True)
"""


@pytest.mark.parametrize("how", ["exits", "is killed"])
def test_nothing_is_left(how: str, tmp_path: Path) -> None:
    """Whether the kernel exits or is killed, its servers end, and so does the watchman."""
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL + "input()", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert kernel.stdin is not None and kernel.stdout is not None
    server = psutil.Process(int(kernel.stdout.readline()))
    children = [] if how == "exits" else psutil.Process(kernel.pid).children()
    if how == "is killed":
        assert len(children) == 2  # the server and the watchman
        kernel.kill()
    else:
        kernel.stdin.write("\n")
    kernel.stdin.close()
    kernel.wait(60)
    kernel.stdout.close()
    assert wait_for_end([server, *children], 60) == []


def test_orders_after_the_end() -> None:
    """An order to a watchman who was dismissed is no error."""
    man = watchman.__wrapped__()
    man.dismiss()
    man.tell("watch 1")
    man.dismiss()
    assert man.process.returncode == 0


def test_survives_an_interrupt() -> None:
    """The watchman is in a session of its own, which an interrupt of the kernel does not reach."""
    man = watchman.__wrapped__()
    try:
        assert os.getsid(man.process.pid) == man.process.pid
    finally:
        man.dismiss()

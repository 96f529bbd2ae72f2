"""A process that outlives the kernel by a moment, and ends what the kernel has left behind.

It reads its orders from a pipe, a line each. The pipe ends with the kernel, however that ends: a
restart, a crash or a kill. It is run by its path, so that it imports no more than it needs.

"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

__all__ = ["end", "is_same", "watch"]

GRACE = 3.0
"""Seconds that processes have to end by themselves."""


def watch(orders: Iterable[str]) -> None:
    """Take orders until there are no more; then end what was watched and is still there.

    ``watch 123`` and ``forget 123`` name a process, ``remove ...`` a folder.

    """
    watched: dict[str, psutil.Process] = {}
    folders = []
    for order in orders:
        verb, _, what = order.strip().partition(" ")
        if verb == "watch":
            with suppress(psutil.Error):
                watched[what] = psutil.Process(int(what))
        elif verb == "forget":
            watched.pop(what, None)
        else:
            folders.append(what)
    end(watched.values())
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def end(processes: Iterable[psutil.Process], grace: float = GRACE) -> None:
    """End processes and what they have started; after the grace, without asking."""
    whole: list[psutil.Process] = []
    for process in processes:
        # psutil compares the time of the start: another process with the same number is spared.
        with suppress(psutil.Error):
            if process.is_running():
                whole += [*process.children(recursive=True), process]
    for process in whole:
        with suppress(psutil.Error):
            process.terminate()
    for process in wait_for_end(whole, grace):
        with suppress(psutil.Error):
            process.kill()
    wait_for_end(whole, GRACE)


def wait_for_end(processes: list[psutil.Process], patience: float) -> list[psutil.Process]:
    """Wait until processes have ended, but no longer than so many seconds; return what is left.

    Whose parent has ended may stay a zombie for long: in a container nobody may look after it.

    """
    deadline = time.monotonic() + patience
    while alive := [process for process in processes if not is_over(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return alive


def is_over(process: psutil.Process) -> bool:
    """Tell whether a process has ended, whether or not somebody has asked for its exit status."""
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def is_same(pid: int, started: float) -> bool:
    """Tell whether a process is still the one that was started then."""
    try:
        return bool(psutil.Process(pid).create_time() == started)
    except psutil.Error:
        return False


if __name__ == "__main__":
    watch(sys.stdin)

"""A process that outlives the kernel by a moment, and ends what the kernel has left behind.

It reads its orders from a pipe, a line each. The pipe ends with the kernel, however that ends: a
restart, a crash or a kill. It is run by its path, so that it imports no more than it needs.

"""

from __future__ import annotations

import shutil
import sys
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
    _, alive = psutil.wait_procs(whole, grace)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, GRACE)


def is_same(pid: int, started: float) -> bool:
    """Tell whether a process is still the one that was started then."""
    try:
        return bool(psutil.Process(pid).create_time() == started)
    except psutil.Error:
        return False


if __name__ == "__main__":
    watch(sys.stdin)

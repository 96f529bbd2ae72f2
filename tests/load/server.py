"""One live server under load, and what is left of it afterwards."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from server.live.host import Host
from server.live.record import Failed, Note, Record
from tests.bench._echo import application

__all__ = ["Report", "load"]

EXPECTED = "The consumer sent something after its client had left."
"""What happens to consumers whose clients vanish in the middle of an answer."""

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Report:
    """What the clients saw, and what is left on the server."""

    clients: dict[str, Any]
    connections: int
    """Connections that are left."""

    tasks: int
    """Tasks that are left, more than before."""

    threads: int
    """Threads that are left and were not there before; others may end meanwhile."""

    before: int
    after: int
    """Resident memory in bytes, before and after."""

    problems: list[str]
    """What the server has to say."""


def load(clients: int, seconds: float, pause: float, vanish: int) -> Report:
    """Put load on a server that has been warmed up."""
    record = Record(max_entries=2000)
    host = Host(application, record)
    host.start()
    try:
        warm_up = max(0.5, seconds / 10)
        clients_process(host.port, clients, warm_up, pause, vanish)
        # It waits until what the warm-up has left is gone.
        before = memory(host)
        tasks = host.call(count_tasks, 60)
        threads = {*threading.enumerate()}
        seen = clients_process(host.port, clients, seconds, pause, vanish)
        wait_for_the_end(host)
        notes = [
            entry.what.text
            for entry in record.snapshot().entries
            if isinstance(entry.what, Note) and not entry.what.text.startswith(EXPECTED)
        ]
        failed = [
            "".join(entry.what.exception.format_exception_only())
            for entry in record.snapshot().entries
            if isinstance(entry.what, Failed)
        ]
        return Report(
            clients=seen,
            connections=len(host.bridges),
            tasks=host.call(count_tasks, 5) - tasks,
            threads=len({*threading.enumerate()} - threads),
            before=before,
            after=memory(host),
            problems=notes + failed,
        )
    finally:
        host.stop()


def clients_process(
    port: int, clients: int, seconds: float, pause: float, vanish: int
) -> dict[str, Any]:
    """Run the clients in a process of their own and return what they report."""
    options = [f"--clients={clients}", f"--seconds={seconds}", f"--pause={pause}"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.load.clients", str(port), f"--vanish={vanish}", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds * 3 + 60,
    )
    if done.returncode:
        raise RuntimeError(f"the clients failed:\n{done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


async def count_tasks() -> int:
    """Return the number of tasks on the server's loop, without this one."""
    return len(asyncio.all_tasks()) - 1


def wait_for_the_end(host: Host) -> None:
    """Wait until the last connection has been seen off."""
    deadline = time.monotonic() + 15
    while host.bridges and time.monotonic() < deadline:
        time.sleep(0.05)


def memory(host: Host) -> int:
    """Return the resident memory of this process, without garbage and without records."""
    wait_for_the_end(host)
    host.record.clear()
    gc.collect()
    rss: int = psutil.Process().memory_info().rss
    return rss

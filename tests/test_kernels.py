"""Kernels of several processes of the tests, and their ports."""

from __future__ import annotations

import subprocess
import sys

from jupyter_client.connect import LocalPortCache

from server.paths import NOTEBOOKS
from tests.kernels import PORTS

ROOT = NOTEBOOKS.parent

PROCESSES = 6

MANY = 500
"""Of 5,000: with no guard, six processes that begin anywhere would share some in 99 runs of 100."""

TAKES = f"""\
from tests.kernels import take_ports_of_its_own
take_ports_of_its_own()
from jupyter_client.connect import LocalPortCache
cache = LocalPortCache.instance()
print(*(cache.find_available_port("127.0.0.1") for _ in range({MANY})), flush=True)
input()
"""


def test_processes_share_no_port() -> None:
    """Ports that nobody listens on yet are given to one process only, whoever asks meanwhile."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TAKES],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    try:
        taken = [process.stdout.readline().split() for process in processes if process.stdout]
    finally:
        for process in processes:
            process.communicate("\n")
    ports = [int(port) for given in taken for port in given]
    assert len(ports) == PROCESSES * MANY
    assert len(set(ports)) == len(ports)
    assert set(ports) <= set(PORTS)


def test_port_is_given_back() -> None:
    """A port whose kernel has ended is free again: they do not run out."""
    cache = LocalPortCache.instance()
    for _ in range(len(PORTS) + 1):
        cache.return_port(cache.find_available_port("127.0.0.1"))

"""From where the ports of a test's own kernels are.

Jupyter looks for free ports, lets them go, and the kernel takes them a second later or two. Whoever
listens meanwhile without naming a port, or starts a kernel as well, may have been given one of
them; the kernel then ends at its start. As a plugin, this gives kernels others.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from itertools import cycle, islice
from secrets import randbelow

from jupyter_client.connect import LocalPortCache

__all__ = ["PORTS", "take_ports_of_its_own"]

PORTS = range(10_000, 20_000)
"""Below those of projects' servers, and of whoever names none."""

EACH = 1_000
"""How many of them a process of the tests has for itself."""


def take_ports_of_its_own() -> None:
    """Give kernels of this process ports that no other process of the tests gives to its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = EACH * (worker % (len(PORTS) // EACH))
    # Not always from the first, as there may be two runs of the tests on a machine.
    begin = randbelow(EACH)
    candidates = cycle(PORTS[first + (begin + number) % EACH] for number in range(EACH))

    def find_available_port(cache: LocalPortCache, ip: str) -> int:
        for port in islice(candidates, EACH):
            if port in cache.currently_used_ports:
                continue
            with socket.socket() as probe, suppress(OSError):
                probe.bind((ip, port))
                cache.currently_used_ports.add(port)
                return port
        raise OSError("no port is free")

    LocalPortCache.find_available_port = find_available_port


pytest_configure = take_ports_of_its_own

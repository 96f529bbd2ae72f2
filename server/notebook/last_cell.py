"""The cell that was run last: the error that has ended it, if one has."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["last_error"]


def last_error() -> BaseException | None:
    """Return what has ended the cell before this one; ``None`` where it came to its end."""
    # Where nobody has imported IPython there is no kernel, and it takes its time.
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    result = shell.last_execution_result if shell is not None else None
    if result is None:
        return None
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error

"""End what runs in a thread and does not end by itself."""

from __future__ import annotations

import ctypes
import sys
import threading

__all__ = ["interrupt"]


def interrupt(thread: threading.Thread) -> None:
    """Raise :exc:`SystemExit` in a thread, as soon as it runs its next line of Python.

    Threads end with this one in silence. An endless loop would otherwise take a processor's time
    until the kernel ends.

    """
    if sys.version_info < (3, 12) and sys.gettrace() is not None:
        # Below a debugger, Python 3.11 hangs as long as the other thread does not run.
        return
    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
        )

"""End what runs in a thread and does not end by itself, and keep what cannot be ended."""

from __future__ import annotations

import ctypes
import sys
import threading
from contextlib import AbstractContextManager, nullcontext

__all__ = ["interrupt", "keep_for_good", "starting"]

starting: AbstractContextManager[object] = (
    threading.RLock() if sys.version_info < (3, 12) else nullcontext()
)
"""Held while a thread starts another.

Until the other runs, Python 3.11 has the number of the one that starts it for both. The exception
would end the other before it says that it runs, and who waits for that would wait for ever; in a
thread pool with the lock on all pools of the process.

"""


def interrupt(thread: threading.Thread) -> None:
    """Raise :exc:`SystemExit` in a thread, as soon as it runs its next line of Python.

    Threads end with this one in silence. An endless loop would otherwise take a processor's time
    until the kernel ends.

    """
    if sys.version_info < (3, 12) and sys.gettrace() is not None:
        # Below a debugger, Python 3.11 hangs as long as the other thread does not run.
        return
    with starting:
        if thread.ident is not None and thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
            )


def keep_for_good(unfinished: object) -> None:
    """Never let go of a coroutine that did not end, or of the task that runs it.

    Python closes a coroutine that it lets go of: its code runs on, with an exception, in whatever
    thread that happens. A bare ``except:`` there catches it, and an endless loop around that then
    holds up that thread, with no event loop to wait on, and with it everything.

    """
    # A list would not do: it is emptied when Python ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(unfinished))

"""Kernel → Interrupt reaches a cell that awaits and is held up by a call that blocks."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["install", "runs_cell"]


def install() -> None:
    """Have every cell that runs from now on interruptible; outside a notebook nothing happens.

    ipykernel cancels a cell in which an ``await`` stands. A cell that waits in ``ws.recv()`` never
    comes to the ``await`` at which it could be cancelled, and neither does the event loop: nothing
    but a restart would end it.

    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        interruptible = Interruptible(shell)
        interruptible()
        shell.events.register("pre_run_cell", interruptible)


class Interruptible:
    """Stands before the handler of SIGINT that ipykernel sets for each cell that awaits."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def __call__(self, info: Any = None) -> None:
        """Take the handler's place, for as long as the cell runs."""
        handler = signal.getsignal(signal.SIGINT)
        # Only the main thread may set one, and Python's own raises already.
        if (
            threading.current_thread() is threading.main_thread()
            and callable(handler)
            and handler is not signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self.before(handler))

    def before(
        self, handler: Callable[[int, FrameType | None], Any]
    ) -> Callable[[int, FrameType | None], None]:
        """Return a handler that raises in a cell that runs, and leaves one that awaits to another.

        IPython catches what a cell raises. Raised anywhere else, in a task of the cell's or between
        two tasks, it would end the kernel's event loop.

        """

        def handle(number: int, frame: FrameType | None) -> None:
            if runs_cell(frame, self.shell.user_ns):
                raise KeyboardInterrupt
            handler(number, frame)

        return handle


def runs_cell(frame: FrameType | None, namespace: dict[str, Any]) -> bool:
    """Tell whether a frame is a cell's, or of what a cell has called."""
    while frame is not None:
        if frame.f_globals is namespace and frame.f_code.co_name == "<module>":
            return True
        frame = frame.f_back
    return False

"""The small live server of the course, and what a lesson imports.

>>> from server import launch

"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from .live.proxies import spare_loopback
from .notebook.settings import configure

spare_loopback()
configure()

from . import lessons  # noqa: E402 (Channels reads the settings)
from .mistakes.diagnosis import explain  # noqa: E402
from .notebook import interrupts  # noqa: E402
from .notebook.launch import LiveServer, launch  # noqa: E402

lessons.enter()
interrupts.install()

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["LiveServer", "explain", "launch", "load_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the ``%%browser`` cell; run by ``%load_ext server``."""
    from .notebook.cell import BrowserMagics

    shell.register_magics(BrowserMagics(shell))
    if gc.get_freeze_count() == 0:
        # Modules stay. Who looks through them for garbage again and again holds up all clients.
        gc.collect()
        gc.freeze()

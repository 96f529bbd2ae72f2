"""The small live server of the course, and what a lesson imports.

>>> from server import launch

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .proxies import spare_loopback
from .settings import configure

spare_loopback()
configure()

from .diagnosis import explain  # noqa: E402 (Channels reads the settings)
from .launch import LiveServer, launch  # noqa: E402

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["LiveServer", "explain", "launch", "load_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the ``%%browser`` cell; run by ``%load_ext server``."""
    from .browser import load_ipython_extension

    load_ipython_extension(shell)

"""Browser cells: JavaScript that a real browser runs against the live server.

``%load_ext server`` brings the ``%%browser`` magic of :mod:`server.browser.cell`. Its output holds
a frame that the live server itself serves (:mod:`server.browser.runs`), and, for readers without a
kernel, what a browser showed when the lesson was made (:mod:`server.browser.recordings`).

"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the ``%%browser`` cell."""
    from .cell import BrowserMagics

    shell.register_magics(BrowserMagics(shell))

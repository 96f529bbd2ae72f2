"""The practice server, for the exercises that a browser does."""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython

from ..notebook.launch import LiveServer, launch
from ..notebook.runs import runs
from .registry import EXERCISES
from .routes import ROUTES, SERVER

__all__ = ["SERVER", "practice"]


def practice() -> LiveServer:
    """Launch the server of the browser exercises; it runs beside the lesson's own.

    Whoever comes here first after a restart has not loaded ``%%browser`` yet.

    """
    shell: Any = get_ipython()
    if shell is not None:
        shell.extension_manager.load_extension("server")
    EXERCISES.complete()
    runs.forget(SERVER)
    return launch(ROUTES, name=SERVER)

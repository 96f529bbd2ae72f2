"""The practice server, for the exercises that a browser does."""

from __future__ import annotations

from ..notebook.launch import LiveServer, launch
from ..notebook.runs import runs
from .registry import EXERCISES
from .routes import ROUTES, SERVER

__all__ = ["SERVER", "practice"]


def practice() -> LiveServer:
    """Launch the server of the browser exercises; it runs beside the lesson's own."""
    EXERCISES.complete()
    runs.forget(SERVER)
    return launch(ROUTES, name=SERVER)

"""The practice server, for the exercises that a browser does; lessons say what it answers."""

from __future__ import annotations

from django.urls import URLPattern

from ..notebook.launch import LiveServer, launch
from ..notebook.runs import runs

__all__ = ["SERVER", "answer_with", "practice"]

SERVER = "exercise"
"""The name of the live server, for ``%%browser ... --on exercise``."""

ROUTES: list[URLPattern] = []
"""The routes of all lessons' practice servers: one server has them all."""


def answer_with(*routes: URLPattern) -> None:
    """Add routes to the practice server."""
    ROUTES.extend(routes)


def practice() -> LiveServer:
    """Launch the server of the browser exercises; it runs beside the lesson's own."""
    runs.forget(SERVER)
    return launch(ROUTES, name=SERVER)

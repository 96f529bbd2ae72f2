"""What the practice server of the browser exercises answers; the lessons say it."""

from __future__ import annotations

from django.urls import URLPattern

__all__ = ["ROUTES", "SERVER", "answer_with"]

SERVER = "exercise"
"""The name of the live server, for ``%%browser ... --on exercise``."""

ROUTES: list[URLPattern] = []
"""The routes of all lessons' practice servers: one server has them all."""


def answer_with(*routes: URLPattern) -> None:
    """Add routes to the practice server."""
    ROUTES.extend(routes)

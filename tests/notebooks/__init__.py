"""Lessons as nbval runs them, and the plugins that it needs for that."""

from __future__ import annotations

__all__ = ["PLUGINS"]

PLUGINS = ("tests.kernels", "tests.notebooks.clock", "tests.notebooks.streams")
"""What is loaded wherever lessons run; they lie elsewhere, and have no conftest of their own."""

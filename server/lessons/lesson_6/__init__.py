"""Lesson 6, going live: its exercises, and the ``%%answer`` that they are written with."""

from __future__ import annotations

from . import judges as judges  # they register themselves
from .magic import offer_answer

__all__: list[str] = []

offer_answer()

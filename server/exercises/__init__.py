"""Exercises: try an answer, see what is solved, begin again.

>>> from server.exercises import check, practice, progress, reset

"""

from __future__ import annotations

from .answers import Answer, answers, catalogue
from .check import Verdict, check
from .practice import practice
from .progress import Progress, progress, reset

__all__ = [
    "Answer",
    "Progress",
    "Verdict",
    "answers",
    "catalogue",
    "check",
    "practice",
    "progress",
    "reset",
]

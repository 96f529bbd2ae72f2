"""Exercises: try an answer, see what is solved, begin again.

>>> from server.exercises import check, practice, progress, reset, solution

"""

from __future__ import annotations

from .answers import Answer, answers, catalogue
from .check import Verdict, check
from .practice import practice
from .progress import Progress, progress, reset
from .solution import Solution, solution

__all__ = [
    "Answer",
    "Progress",
    "Solution",
    "Verdict",
    "answers",
    "catalogue",
    "check",
    "practice",
    "progress",
    "reset",
    "solution",
]

"""The exercises of the lessons: try an answer, see what is solved, begin again.

>>> from server.exercises import check, practice, progress, reset

"""

from __future__ import annotations

from ..lessons import lesson_6  # noqa: F401
from . import lesson_1, lesson_2, lesson_3, lesson_4  # noqa: F401 (they register themselves)
from .catalogue import Answer, catalogue
from .check import Verdict, check
from .practice import practice
from .progress import Progress, progress, reset

__all__ = ["Answer", "Progress", "Verdict", "catalogue", "check", "practice", "progress", "reset"]

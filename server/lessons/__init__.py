"""The lessons: each is a folder ``lesson_N`` and a notebook, and is found by its name.

================ ==============================================================================
``__init__.py``  ``TITLE``, as the page of mistakes and the table of progress have it
``mistakes.py``  the mistakes that the lesson shows
``judges.py``    the exercises: how an answer is tried, and what is wrong with it
``practice.py``  what a practice server answers, for exercises that a browser does
``magic.py``     a cell magic of the lesson's own
``answers/``     for each exercise, right answers and known wrong ones, in Markdown
================ ==============================================================================

All but the first may be missing.

"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ..exercises.registry import EXERCISES
from ..paths import NOTEBOOKS

__all__ = ["Lesson", "enter", "lessons"]

AT_ONCE = ("mistakes", "magic")
LATER = ("judges", "practice")
"""The modules of a lesson that enter what they have when they are imported, at the start or when
somebody first asks for an exercise."""


@dataclass(frozen=True)
class Lesson:
    """One lesson."""

    number: int
    title: str
    package: str
    """The name of its package: ``server.lessons.lesson_1``."""

    @property
    def notebook(self) -> Path:
        """The lesson's notebook: its name begins with the number, in two digits.

        Raises:
            FileNotFoundError: There is none.

        """
        found = sorted(NOTEBOOKS.glob(f"{self.number:02}_*.ipynb"))
        if not found:
            raise FileNotFoundError(
                f"lesson {self.number} has no notebook {self.number:02}_*.ipynb"
            )
        return found[0]


@cache
def lessons() -> tuple[Lesson, ...]:
    """Return all lessons, in their order."""
    return tuple(sorted(find(), key=lambda lesson: lesson.number))


def find() -> Iterator[Lesson]:
    """Yield the lessons whose folders lie here."""
    for module in pkgutil.iter_modules(__path__):
        match = re.fullmatch(r"lesson_(\d+)", module.name)
        if match:
            package = f"{__name__}.{module.name}"
            yield Lesson(int(match[1]), import_module(package).TITLE, package)


def enter() -> None:
    """Have each lesson enter its mistakes now, and its exercises when somebody asks for them."""
    bring(AT_ONCE)
    EXERCISES.bring = partial(bring, LATER)


def bring(parts: tuple[str, ...]) -> None:
    """Import modules of these names from the lessons that have them."""
    for lesson in lessons():
        for part in parts:
            if find_spec(f"{lesson.package}.{part}") is not None:
                import_module(f"{lesson.package}.{part}")

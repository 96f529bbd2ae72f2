"""``%%answer 6.1``: the cell is the file that an exercise asks for."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.getipython import get_ipython

from ...exercises.check import EXERCISES, ProjectExercise, Verdict, check

__all__ = ["offer_answer"]


def answer(line: str, cell: str) -> Verdict | None:
    """Keep the cell as the answer to an exercise; a solution is checked at once."""
    id, _, option = line.strip().partition(" ")
    exercise = EXERCISES.get(id)
    if not isinstance(exercise, ProjectExercise) or option not in ("", "--solution"):
        known = ", ".join(i for i, e in EXERCISES.items() if isinstance(e, ProjectExercise))
        raise UsageError(f"%%answer takes the number of an exercise: one of {known}.")
    if option:
        return check(id, cell, solution=True)
    exercise.answers.append(cell)
    return None


def offer_answer() -> None:
    """Give a notebook its ``%%answer``."""
    shell: Any = get_ipython()
    if shell is not None:
        shell.register_magic_function(answer, "cell", "answer")

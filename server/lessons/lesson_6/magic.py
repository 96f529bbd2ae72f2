"""``%%answer 6.1``: the cell is the file that an exercise asks for."""

from __future__ import annotations

import sys
from typing import Any

from ...exercises.check import Verdict, check
from ...exercises.registry import EXERCISES, ProjectExercise

__all__ = ["offer_answer"]


def answer(line: str, cell: str) -> Verdict | None:
    """Keep the cell as the answer to an exercise; a solution is checked at once."""
    id, _, option = line.strip().partition(" ")
    exercise = EXERCISES.get(id)
    if not isinstance(exercise, ProjectExercise) or option not in ("", "--solution"):
        known = ", ".join(i for i, e in EXERCISES.items() if isinstance(e, ProjectExercise))
        from IPython.core.error import UsageError

        raise UsageError(f"%%answer takes the number of an exercise: one of {known}.")
    if option:
        return check(id, cell, solution=True)
    exercise.answers.append(cell)
    return None


def offer_answer() -> None:
    """Give a notebook its ``%%answer``."""
    # Where nobody has imported IPython there is no notebook, and it takes its time.
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        shell.register_magic_function(answer, "cell", "answer")


offer_answer()

"""``solution("1.1")``: the course's own solution of an exercise, folded until it is asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..paths import NOTEBOOKS
from ..template import fill
from .registry import find

__all__ = ["Solution", "solution"]


@dataclass(frozen=True)
class Solution:
    """A solution; shows as text, and in a notebook behind a line that unfolds it."""

    id: str
    title: str
    source: str
    """The code; empty where there is none: what a class gets has no solutions in it."""

    def __repr__(self) -> str:
        return self.source or f"The solution of exercise {self.id} is with your teacher."

    def _repr_html_(self) -> str:
        return fill("exercises/solution.html", solution=self)


def solution(id: str) -> Solution:
    """Show the solution of an exercise.

    It comes from the lesson's own notebook, ``notebooks/01_consumers.ipynb`` say.

    Raises:
        ValueError: There is no such exercise.

    """
    return Solution(id, find(id).title, source(id))


def source(id: str) -> str:
    """Return the code of the cell in which a lesson has the solution; nothing where none has."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            metadata = cell["metadata"]
            if "solution" in metadata.get("tags", []) and metadata.get("exercise") == id:
                return "".join(cell["source"])
    return ""

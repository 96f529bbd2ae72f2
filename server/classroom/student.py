"""A lesson as a learner opens it: without outputs, and with answers and solutions out of sight.

The committed notebook is the teacher's: it has the outputs, the solutions, and what to say.

"""

from __future__ import annotations

from typing import Any

import nbformat
from nbformat import NotebookNode

from ..authoring.tags import tags

__all__ = ["student_notebook"]

KEPT = ("exercise", "tags")
"""What a cell's metadata keeps: the rest is for a teacher, for nbval, or hides the solution."""

ANSWER = """\
<details><summary>Answer</summary>

{source}

</details>"""

SOLUTION = """\
from server.exercises import solution

solution("{exercise}")"""

SCHEMA = 3
"""The version of nbgrader's metadata."""

POINTS = 1
"""What an exercise counts, until a teacher says otherwise."""


def student_notebook(notebook: NotebookNode) -> NotebookNode:
    """Return a learner's copy of a lesson. The cells keep their identifiers."""
    copy: NotebookNode = nbformat.from_dict(notebook)
    in_browser = {
        cell.metadata.exercise
        for cell in copy.cells
        if "stub" in tags(cell) and cell.source.startswith("%%browser")
    }
    for cell in copy.cells:
        kinds = tags(cell)
        exercise = cell.metadata.get("exercise")
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
        )
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
        if "answer" in kinds:
            cell.source = ANSWER.format(source=cell.source)
        elif "solution" in kinds:
            cell.source = SOLUTION.format(exercise=exercise)
            cell.metadata = nbformat.from_dict({"tags": ["live"]})
        elif "stub" in kinds:
            cell.metadata.nbgrader = graded(cell, solution=True, grade=exercise in in_browser)
        elif "check" in kinds and exercise not in in_browser:
            cell.metadata.nbgrader = graded(cell, solution=False, grade=True)
    return copy


def graded(cell: NotebookNode, *, solution: bool, grade: bool) -> NotebookNode:
    """Return what nbgrader is to know of a cell.

    A check is run, and its cell fails or does not. Where no browser is, what a browser does
    cannot be run: such an answer is for a teacher to look at.

    """
    known: dict[str, Any] = {
        "schema_version": SCHEMA,
        "grade_id": cell.id,
        "solution": solution,
        "grade": grade,
        "locked": not solution,
        "task": False,
    }
    if grade:
        known["points"] = POINTS
    metadata: NotebookNode = nbformat.from_dict(known)
    return metadata

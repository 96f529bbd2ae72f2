"""What a notebook must be so that a handout can be made of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import nbformat
from nbconvert.utils.exceptions import ConversionException
from nbformat import NotebookNode

from ..authoring.tags import EXERCISE_TAGS, TAGS, tags

__all__ = ["HandoutError", "check_lesson", "read_notebook"]

FOREIGN_TAGS = {"nbval-check-output", "nbval-raises-exception", "nbval-skip"}
"""Tags that a lesson of the course has no use for, and that a teacher's own may have."""


class HandoutError(ConversionException):
    """A notebook, or an option, that no handout can be made with; the text is one sentence."""


def read_notebook(text: str, name: str) -> NotebookNode:
    """Return the notebook that a file's text holds; raise HandoutError if it holds none."""
    try:
        notebook: NotebookNode = nbformat.v4.reads(text)
        nbformat.validate(notebook)
    # Each way of not being a notebook has an exception of its own.
    except (ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError):
        raise HandoutError(f"{name} is not a notebook of format 4") from None
    return notebook


def check_lesson(notebook: NotebookNode, name: str) -> None:
    """Raise HandoutError for the first thing that keeps a notebook from being a lesson."""
    for problem in problems(notebook):
        raise HandoutError(f"{name}: {problem}")


def problems(notebook: NotebookNode) -> Iterator[str]:
    """Say what is wrong with a notebook, a sentence each."""
    cells = notebook.cells
    if not cells or cells[0].cell_type != "markdown" or not cells[0].source.startswith("# "):
        yield "the first cell is not the lesson's title, a line that starts with '# '"
    for cell in cells:
        for unknown in sorted(tags(cell) - TAGS.keys() - FOREIGN_TAGS):
            yield f"cell {cell.id!r} has the tag {unknown!r}, which no lesson has"
        if tags(cell) & {*EXERCISE_TAGS} and not cell.metadata.get("exercise"):
            yield f"cell {cell.id!r} does not say which exercise it belongs to"
        if cell.cell_type == "code" and cell.source and cell.execution_count is None:
            yield f"cell {cell.id!r} was not run; run the lesson and save it with its outputs"
    if not any(cell.get("outputs") for cell in cells):
        yield "no cell has an output; run the lesson and save it with its outputs"
    yield from question_problems(cells)


def question_problems(cells: list[NotebookNode]) -> Iterator[str]:
    """Say where a question and its answer do not follow each other."""
    both = [cell for cell in cells if tags(cell) & {"predict", "answer"}]
    if both and "answer" in tags(both[0]):
        yield f"the answer in cell {both[0].id!r} comes before any question"
    for cell, after in pairwise(both):
        if tags(cell) & tags(after) & {"predict", "answer"}:
            kind = "question" if "predict" in tags(cell) else "answer"
            other = "an answer" if kind == "question" else "a question"
            yield f"after the {kind} in cell {cell.id!r}, {other} must come, not another {kind}"
    if both and "predict" in tags(both[-1]):
        yield f"the question in cell {both[-1].id!r} has no answer"

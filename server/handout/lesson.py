"""What a notebook must be so that a handout can be made of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import nbformat
from nbconvert.utils.exceptions import ConversionException
from nbformat import NotebookNode

from ..authoring.tags import EXERCISE_TAGS, TAGS, tags
from ..notebook.recordings import WIRE_WORDS

__all__ = ["HandoutError", "check_lesson", "read_notebook"]

__all__ = ["HandoutError", "check_lesson", "read_notebook"]

PROSE_TAGS = {"answer", "exercise", "hint", "predict"}
"""The tags of cells that are prose."""

CONSOLE_KINDS = {"log", "info", "warn", "error", "debug", "uncaught"}
"""What a line of a browser's console may be."""

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
        if tags(cell) & PROSE_TAGS and cell.cell_type != "markdown":
            [kind, *_] = sorted(tags(cell) & PROSE_TAGS)
            yield f"cell {cell.id!r} has the tag {kind!r} and is not Markdown"
        yield from metadata_problems(cell)
        if cell.cell_type == "code" and cell.source and cell.execution_count is None:
            yield f"cell {cell.id!r} was not run; run the lesson and save it with its outputs"
    if not any(cell.get("outputs") for cell in cells):
        yield "no cell has an output; run the lesson and save it with its outputs"
    yield from question_problems(cells)


def metadata_problems(cell: NotebookNode) -> Iterator[str]:
    """Say what is wrong with what a cell says of itself."""
    exercise = cell.metadata.get("exercise", "")
    if not isinstance(exercise, str) or (tags(cell) & {*EXERCISE_TAGS} and not exercise):
        yield f"cell {cell.id!r} does not say which exercise it belongs to"
    teacher = cell.metadata.get("teacher", {})
    if not isinstance(teacher, dict):
        yield f"cell {cell.id!r} has a note for the teacher without 'minutes' and 'say'"
    elif type(teacher.get("minutes", 0)) is not int:
        yield f"cell {cell.id!r} has minutes that are no whole number"
    elif not isinstance(teacher.get("say", ""), str):
        yield f"cell {cell.id!r} has something for the teacher to say that is no text"
    for output in cell.get("outputs", []):
        if not is_recording(output.get("metadata", {}).get("browser")):
            yield f"cell {cell.id!r} has a recording that no browser cell has made"


def is_recording(browser: Any) -> bool:
    """Tell whether an output's metadata holds a recording, or none."""
    if browser is None:
        return True
    if not isinstance(browser, dict) or not all(
        isinstance(browser.get(name), str) for name in ("name", "hash")
    ):
        return False
    lines = browser.get("lines", [])
    return isinstance(lines, list) and all(map(is_line, lines))


def is_line(line: Any) -> bool:
    """Tell whether something is a line of a recording, as ``Line`` describes it."""
    if not isinstance(line, dict):
        return False
    kinds = WIRE_WORDS if "socket" in line else CONSOLE_KINDS
    own = line.get("own", [])
    return (
        isinstance(line.get("kind"), str)
        and line["kind"] in kinds
        and isinstance(line.get("text"), str)
        and type(line.get("socket", 1)) is int
        and type(line.get("line", 1)) is int
        and isinstance(own, list)
        and all(isinstance(word, str) for word in own)
    )


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

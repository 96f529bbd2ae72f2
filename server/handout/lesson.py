"""What a notebook must be so that it is a lesson; any other becomes a handout all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from nbformat import NotebookNode

from ..authoring.tags import EXERCISE_TAGS, TAGS, tags
from ..notebook.recordings import WIRE_WORDS
from .reading import HandoutError

__all__ = ["check_lesson", "make_showable"]

PROSE_TAGS = {"answer", "exercise", "hint", "predict"}
"""The tags of cells that are prose."""

CONSOLE_KINDS = {"log", "info", "warn", "error", "debug", "uncaught"}
"""What a line of a browser's console may be."""

FOREIGN_TAGS = {
    *("nbval-check-output", "nbval-raises-exception", "nbval-skip"),
    *("parameters", "injected-parameters"),
    *(
        f"{verb}{sign}{part}"
        for verb in ("remove", "hide")
        for sign in "-_"
        for part in ("cell", "input", "output")
    ),
}
"""Tags that a lesson of the course has no use for, and that a teacher's own may have."""


class Problem(NamedTuple):
    """Something that no lesson of the course has."""

    text: str
    """A sentence about a cell, or about the notebook."""

    cell: int = 0
    """The number of the cell, from 1; 0 for the notebook as a whole."""

    drop: Callable[[], Any] | None = None
    """What takes away what no page can be made of."""


def check_lesson(notebook: NotebookNode, name: str) -> None:
    """Raise HandoutError for the first thing that keeps a notebook from being a lesson."""
    for problem in problems(notebook):
        cell = f"cell {notebook.cells[problem.cell - 1].id!r} " if problem.cell else ""
        raise HandoutError(f"{name}: {cell}{problem.text}")


def make_showable(notebook: NotebookNode) -> Iterator[Problem]:
    """Drop from a notebook what no page can be made of; say what is not as in a lesson."""
    for problem in list(problems(notebook)):
        if problem.drop is not None:
            problem.drop()
        yield problem


def problems(notebook: NotebookNode) -> Iterator[Problem]:
    """Say what is wrong with a lesson."""
    cells = notebook.cells
    if not cells or cells[0].cell_type != "markdown" or not cells[0].source.startswith("# "):
        yield Problem("the first cell is not the lesson's title, a line that starts with '# '")
    for number, cell in enumerate(cells, 1):
        for unknown in sorted(tags(cell) - TAGS.keys() - FOREIGN_TAGS):
            yield Problem(f"has the tag {unknown!r}, which no lesson has", number)
        if tags(cell) & PROSE_TAGS and cell.cell_type != "markdown":
            [kind, *_] = sorted(tags(cell) & PROSE_TAGS)
            yield Problem(f"has the tag {kind!r} and is not Markdown", number, untagged(cell))
        yield from metadata_problems(cell, number)
        if cell.cell_type == "code" and cell.source and cell.execution_count is None:
            yield Problem("was not run; run the lesson and save it with its outputs", number)
    if not any(cell.get("outputs") for cell in cells):
        yield Problem("no cell has an output; run the lesson and save it with its outputs")
    yield from question_problems(cells)


def untagged(cell: NotebookNode) -> Callable[[], None]:
    """Return what takes the tags of prose from a cell."""

    def drop() -> None:
        cell.metadata.tags = sorted(tags(cell) - PROSE_TAGS)

    return drop


def metadata_problems(cell: NotebookNode, number: int) -> Iterator[Problem]:
    """Say what is wrong with what a cell says of itself."""
    metadata = cell.metadata

    def without(key: str) -> Callable[[], Any]:
        return lambda: metadata.pop(key, None)

    exercise = metadata.get("exercise", "")
    if not isinstance(exercise, str) or (tags(cell) & {*EXERCISE_TAGS} and not exercise):
        text = "does not say which exercise it belongs to"
        yield Problem(text, number, without("exercise"))
    teacher = metadata.get("teacher", {})
    wrong = ""
    if not isinstance(teacher, dict):
        wrong = "has a note for the teacher without 'minutes' and 'say'"
    elif type(teacher.get("minutes", 0)) is not int:
        wrong = "has minutes that are no whole number"
    elif not isinstance(teacher.get("say", ""), str):
        wrong = "has something for the teacher to say that is no text"
    if wrong:
        yield Problem(wrong, number, without("teacher"))
    for output in cell.get("outputs", []):
        own = output.get("metadata", {})
        if not is_recording(own.get("browser")):
            text = "has a recording that no browser cell has made"
            yield Problem(text, number, lambda own=own: own.pop("browser"))  # type: ignore[misc]


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


def question_problems(cells: list[NotebookNode]) -> Iterator[Problem]:
    """Say where a question and its answer do not follow each other."""
    both = [cell for cell in cells if tags(cell) & {"predict", "answer"}]
    if both and "answer" in tags(both[0]):
        yield Problem(f"the answer in cell {both[0].id!r} comes before any question")
    for cell, after in pairwise(both):
        if tags(cell) & tags(after) & {"predict", "answer"}:
            kind = "question" if "predict" in tags(cell) else "answer"
            other = "an answer" if kind == "question" else "a question"
            yield Problem(
                f"after the {kind} in cell {cell.id!r}, {other} must come, not another {kind}"
            )
    if both and "predict" in tags(both[-1]):
        yield Problem(f"the question in cell {both[-1].id!r} has no answer")

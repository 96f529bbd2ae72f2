"""A learner's copy of each lesson: nothing is given away, and nbgrader knows what to grade."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from server.classroom.student import student_notebook
from server.lessons import lessons

PATHS = [lesson.notebook for lesson in lessons()]


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def lesson(request: pytest.FixtureRequest) -> tuple[NotebookNode, NotebookNode]:
    """A lesson, and a learner's copy of it."""
    path: Path = request.param
    notebook = nbformat.read(path, as_version=4)
    before = nbformat.from_dict(notebook)
    copy = student_notebook(notebook)
    assert notebook == before
    nbformat.validate(copy)
    return notebook, copy


def tagged(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_no_outputs(lesson: tuple[NotebookNode, NotebookNode]) -> None:
    """No cell shows what comes out of it before it is run."""
    _, copy = lesson
    for cell in copy.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_answers_are_folded(lesson: tuple[NotebookNode, NotebookNode]) -> None:
    """The answer below a question unfolds when it is asked for, and says what it said."""
    notebook, copy = lesson
    for before, cell in zip(tagged(notebook, "answer"), tagged(copy, "answer"), strict=True):
        found = re.fullmatch(
            r"<details><summary>Answer</summary>\n\n(.+)\n\n</details>", cell.source, re.DOTALL
        )
        assert found is not None
        assert found[1] == before.source


def test_hints_are_folded(lesson: tuple[NotebookNode, NotebookNode]) -> None:
    """Nothing of a hint stands outside what unfolds."""
    _, copy = lesson
    assert tagged(copy, "hint")
    for cell in tagged(copy, "hint"):
        assert cell.source.startswith("<details>")
        assert cell.source.endswith("</details>")


def test_solutions_are_asked_for(lesson: tuple[NotebookNode, NotebookNode]) -> None:
    """In the place of a solution is a call that shows it."""
    notebook, copy = lesson
    calls = {cell.id: cell for cell in copy.cells}
    assert tagged(notebook, "solution")
    for cell in tagged(notebook, "solution"):
        assert calls[cell.id].source == (
            f'from server.exercises import solution\n\nsolution("{cell.metadata.exercise}")'
        )
        assert calls[cell.id].metadata == {"tags": ["live"]}
    assert tagged(copy, "solution") == []


def test_the_rest_is_the_lessons(lesson: tuple[NotebookNode, NotebookNode]) -> None:
    """All other cells say what they say in the lesson, under the same names."""
    notebook, copy = lesson
    assert [cell.id for cell in copy.cells] == [cell.id for cell in notebook.cells]
    for before, cell in zip(notebook.cells, copy.cells, strict=True):
        if not {"answer", "solution"} & {*before.metadata.get("tags", [])}:
            assert cell.source == before.source


def test_metadata(lesson: tuple[NotebookNode, NotebookNode]) -> None:
    """What a teacher is told is gone, and so is what tests and authors need."""
    _, copy = lesson
    for cell in copy.cells:
        assert {*cell.metadata} <= {"exercise", "nbgrader", "tags"}


def test_nbgrader(lesson: tuple[NotebookNode, NotebookNode]) -> None:
    """Each exercise has one cell that is graded: its check, or the answer that a browser runs."""
    _, copy = lesson
    known = [cell.metadata.nbgrader for cell in copy.cells if "nbgrader" in cell.metadata]
    assert all(one.schema_version == 3 and one.task is False for one in known)
    assert len({one.grade_id for one in known}) == len(known)
    for cell in tagged(copy, "stub"):
        in_browser = cell.source.startswith("%%browser")
        meta = cell.metadata.nbgrader
        assert (meta.solution, meta.grade, meta.locked) == (True, in_browser, False)
        (check,) = (
            other
            for other in tagged(copy, "check")
            if other.metadata.exercise == cell.metadata.exercise
        )
        if in_browser:
            assert "nbgrader" not in check.metadata
            assert meta.points == 1
        else:
            assert "points" not in meta
            graded = check.metadata.nbgrader
            assert (graded.solution, graded.grade, graded.locked) == (False, True, True)
            assert graded.points == 1


def test_stub_may_be_empty() -> None:
    """An exercise that starts from an empty cell is one for Python."""
    stub = new_code_cell("", metadata={"tags": ["stub"], "exercise": "1.5"}, id="empty")
    (cell,) = student_notebook(new_notebook(cells=[stub])).cells
    assert cell.metadata.nbgrader.grade is False

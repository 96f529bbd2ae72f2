"""What is no lesson is refused, in one sentence."""

from __future__ import annotations

import nbformat
import pytest

from server.handout.lesson import check_lesson
from server.handout.reading import HandoutError
from tests.handout.samples import code, lesson, prose


def refusal(notebook: nbformat.NotebookNode) -> str:
    """Return the sentence with which a notebook is refused."""
    with pytest.raises(HandoutError) as info:
        check_lesson(notebook, "1.ipynb")
    return str(info.value)


def changed(change) -> nbformat.NotebookNode:
    """Return the sample lesson after a change."""
    notebook = lesson()
    change(notebook.cells)
    return notebook


def test_a_lesson_passes():
    """Nothing is said of a lesson."""
    check_lesson(lesson(), "1.ipynb")


def test_no_title():
    """A lesson begins with its title."""
    assert refusal(changed(lambda cells: cells.pop(0))) == (
        "1.ipynb: the first cell is not the lesson's title, a line that starts with '# '"
    )


def test_unknown_tag():
    """A tag that no lesson has is named, with its cell."""

    def change(cells):
        cells[1].metadata.tags = ["predikt"]

    assert refusal(changed(change)) == (
        "1.ipynb: cell 'cell-2' has the tag 'predikt', which no lesson has"
    )


def test_exercise_without_number():
    """A cell of an exercise says of which."""

    def change(cells):
        next(cell for cell in cells if cell.metadata.get("tags") == ["stub"]).metadata.exercise = ""

    assert "does not say which exercise it belongs to" in refusal(changed(change))


def test_cell_that_was_not_run():
    """A lesson was run from top to bottom."""

    def change(cells):
        cells[2].execution_count = None

    assert refusal(changed(change)) == (
        "1.ipynb: cell 'cell-3' was not run; run the lesson and save it with its outputs"
    )


def test_no_outputs():
    """A lesson has outputs."""

    def change(cells):
        for cell in cells:
            if cell.cell_type == "code":
                cell.outputs = []

    assert refusal(changed(change)) == (
        "1.ipynb: no cell has an output; run the lesson and save it with its outputs"
    )


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (["answer"], "the answer in cell 'a' comes before any question"),
        (["predict"], "the question in cell 'a' has no answer"),
        (
            ["predict", "predict"],
            "after the question in cell 'a', an answer must come, not another question",
        ),
        (
            ["predict", "answer", "answer"],
            "after the answer in cell 'b', a question must come, not another answer",
        ),
    ],
)
def test_questions_and_answers(order, sentence):
    """Each question is followed by its answer."""

    def change(cells):
        cells[:] = [cell for cell in cells if not cell.metadata.get("tags")]
        for name, kind in zip("abc", order, strict=False):
            cells.append(prose("?", kind))
            cells[-1].id = name

    assert refusal(changed(change)) == f"1.ipynb: {sentence}"


def test_empty_code_cell():
    """An empty cell cannot be run, and need not be."""

    def change(cells):
        cells.append(code(""))

    check_lesson(changed(change), "1.ipynb")

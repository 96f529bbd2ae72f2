"""A lesson in short: what a class needs on paper, and nothing that answers it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from server.classroom.short import short_notebook
from server.lessons import lessons


@pytest.mark.parametrize(
    "path", [lesson.notebook for lesson in lessons()], ids=lambda path: path.stem
)
def test_contents(path: Path) -> None:
    """It has all questions, exercises and the recap; no answer, hint, stub, solution or output."""
    notebook = nbformat.read(path, as_version=4)
    short = short_notebook(notebook)
    nbformat.validate(short)
    text = "\n\n".join(cell.source for cell in short.cells)
    for cell in notebook.cells:
        kinds = {*cell.metadata.get("tags", [])}
        if kinds & {"predict", "exercise", "recap"}:
            assert cell.source in text
        elif kinds & {"answer", "hint", "stub", "check", "solution"} and cell.source:
            assert cell.source not in text
    assert all(cell.outputs == [] for cell in short.cells if cell.cell_type == "code")
    assert all(cell.metadata == {} for cell in short.cells)


def test_question_comes_with_its_code() -> None:
    """A question stands under the heading of its section, with the code that answers it."""

    def markdown(source: str, id: str, *tags: str) -> nbformat.NotebookNode:
        return nbformat.v4.new_markdown_cell(source, id=id, metadata={"tags": [*tags]})

    code = nbformat.v4.new_code_cell
    short = short_notebook(
        nbformat.v4.new_notebook(
            cells=[
                markdown("# Lesson 7: whispers\n\nMuch prose.", "title"),
                markdown("## 1. Silence", "silence"),
                code("before", id="before"),
                markdown("## 2. Noise\n\nMore prose.", "noise"),
                markdown("What?", "one", "predict"),
                code("shout()", id="shout"),
                markdown("Noise.", "answer", "answer"),
                code("after", id="after"),
                markdown("And now?", "two", "predict"),
                markdown("Nothing.", "nothing", "answer"),
            ]
        )
    )
    assert [cell.source.replace("\n\n&nbsp;", "") for cell in short.cells] == [
        "# Lesson 7: whispers: questions, exercises, recap\n\n"
        "Write down what you think before you run a cell. Exercises are solved in the notebook.",
        "## 2. Noise",
        "What?",
        "shout()",
        "And now?",
    ]

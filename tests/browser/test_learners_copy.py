"""A learner's copy in JupyterLab: what is folded is not seen before it is asked for."""

from __future__ import annotations

import nbformat

from server.classroom.student import student_notebook
from server.lessons import lessons
from tests.browser.lab import READY, Lab

SEEN = (
    READY
    + """
const cells = () => [...document.querySelectorAll(".jp-Notebook .jp-Cell")];
while (cells().length < args[0]) await pause();
while (!document.querySelector(".jp-Notebook summary")) await pause();
return cells().map((cell) => cell.innerText).join("\\n");
"""
)

UNFOLD = (
    READY
    + """
const summary = () => [...document.querySelectorAll(".jp-Notebook summary")].find(
    (found) => found.textContent.startsWith(args[0])
);
while (!summary()) await pause();
summary().click();
"""
)


def test_asked_for(jupyter: Lab) -> None:
    """An answer and a solution are seen once they are unfolded, and a cell is run for the solution.

    Before that neither is on the page, nor is what the question is about.
    """
    lesson = nbformat.read(lessons()[0].notebook, as_version=4)
    places = {
        tag: next(
            number
            for number, cell in enumerate(lesson.cells)
            if tag in cell.metadata.get("tags", [])
        )
        for tag in ("predict", "answer", "solution")
    }
    answer = lesson.cells[places["answer"]].source.split(",")[0]
    code = next(
        line for line in lesson.cells[places["solution"]].source.splitlines() if "upper()" in line
    ).strip()
    copy = student_notebook(lesson)
    copy.cells = [
        *copy.cells[places["predict"] : places["answer"] + 1],
        copy.cells[places["solution"]],
    ]
    nbformat.write(copy, jupyter.folder / "mine.ipynb")
    opened = jupyter.open("mine.ipynb")

    def seen() -> str:
        text: str = opened.page.run(SEEN, len(copy.cells))
        return text

    question = "Where does that line end up?"
    assert question in seen()
    assert answer not in seen()
    opened.page.run(UNFOLD, "Answer")
    assert answer in seen()
    assert "Solution of exercise" not in seen()
    opened.run(copy.cells[-1].id)
    opened.page.run(SEEN.replace("summary", "details pre"), len(copy.cells))
    assert "Solution of exercise" in seen()
    assert code not in seen()
    opened.page.run(UNFOLD, "Solution of exercise")
    assert code in seen()
    opened.close()

"""A lesson in short, for paper: its questions with their code, its exercises, and the recap."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ..authoring.tags import tags

__all__ = ["short_notebook"]

TITLE = """\
# {title}: questions, exercises, recap

Write down what you think before you run a cell. Exercises are solved in the notebook."""

ROOM = "\n\n&nbsp;\n\n&nbsp;"
"""Two empty lines to write on."""


def short_notebook(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook with what a class needs on paper; it has no outputs."""
    short: NotebookNode = new_notebook(cells=list(short_cells(notebook)))
    return short


def short_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the cells; sections without a question are left out."""
    cells = notebook.cells
    title = cells[0].source.splitlines()[0].removeprefix("# ")
    yield new_markdown_cell(TITLE.format(title=title), id="title")
    section = ""
    asked = exercises = False
    for cell in cells:
        kinds = tags(cell)
        heading = re.match(r"## .+", cell.source) if cell.cell_type == "markdown" else None
        if heading:
            section = heading[0]
        if "predict" in kinds:
            if section:
                yield new_markdown_cell(section, id=f"{cell.id[:54]}-section")
                section = ""
            yield new_markdown_cell(cell.source + ROOM, id=cell.id)
            asked = True
        elif "answer" in kinds:
            asked = False
        elif asked and cell.cell_type == "code":
            yield new_code_cell(cell.source, id=cell.id)
        elif "exercise" in kinds:
            if not exercises:
                yield new_markdown_cell("## Exercises", id="exercises")
            exercises = True
            yield new_markdown_cell(cell.source, id=cell.id)
        elif "recap" in kinds:
            yield new_markdown_cell(cell.source, id=cell.id)

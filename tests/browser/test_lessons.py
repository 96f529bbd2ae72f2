"""Every lesson runs in JupyterLab in a real browser, and shows there what is committed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from server.paths import NOTEBOOKS
from tests.browser.comparing import differences
from tests.browser.lab import Lab
from tests.browser.record import SAMPLE, read

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
SAMPLE_LESSON = SAMPLE / "sample.ipynb"


# What a lesson does in processes of its own is the same wherever it runs, and nbval runs it: here
# the cells after the first of these up to the second are left out.
LEFT_OUT = {"06_going_live": ("daphne-log", "exercises-ready")}


def place(notebook: Any, id: str) -> int:
    """Return where a cell is in its notebook."""
    return [cell.id for cell in notebook.cells].index(id)


@pytest.mark.parametrize("path", [SAMPLE_LESSON, *LESSONS], ids=lambda path: path.stem)
def test_lesson(jupyter: Lab, path: Path) -> None:
    """Run All gives no error but the intended ones, and every browser cell its recording."""
    notebook = read(path)
    if path.stem in LEFT_OUT:
        begin, end = (place(notebook, id) for id in LEFT_OUT[path.stem])
        del notebook.cells[begin + 1 : end]
    nbformat.write(notebook, jupyter.folder / path.name)
    lesson = jupyter.open(path.name)
    lesson.run_all()
    assert differences(lesson, path) == []
    lesson.close()


def test_changed_handler_is_noticed(jupyter: Lab) -> None:
    """A lesson whose handler does something else does not pass."""
    notebook = read(SAMPLE_LESSON)
    notebook.cells = [
        cell for cell in notebook.cells if cell.id in ("title", "launch", "four-handlers")
    ]
    cell = notebook.cells[-1]
    assert "event.data" in cell.source
    cell.source = cell.source.replace("event.data", "event.origin")
    nbformat.write(notebook, jupyter.folder / "changed.ipynb")
    lesson = jupyter.open("changed.ipynb")
    lesson.run_all()
    [found] = [text for text in differences(lesson, SAMPLE_LESSON) if "--- four-handlers " in text]
    assert '-{"kind": "log", "text": "from the server: hello"}' in found
    assert '+{"kind": "log", "text": "from the server: ws://127.0.0.1:PORT"}' in found
    lesson.close()


def test_in_notebook_7(jupyter: Lab) -> None:
    """The same lesson shows the same in Notebook 7, which the same server has."""
    shutil.copy(SAMPLE_LESSON, jupyter.folder)
    lesson = replace(jupyter, view="notebooks", idle=[]).open("sample.ipynb")
    lesson.run_all()
    assert differences(lesson, SAMPLE_LESSON) == []
    lesson.close()

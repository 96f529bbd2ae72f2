"""Every lesson with browser cells runs in JupyterLab, and shows there what is committed.

What the others have runs in the same kernel as with nbval, which compares the same outputs. A small
lesson of the tests' own runs below a hub's path and in Notebook 7.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from server.paths import NOTEBOOKS
from tests.browser.comparing import differences
from tests.browser.lab import Lab
from tests.browser.record import SAMPLE, browser_cells, read

LESSONS = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if browser_cells(read(path))]
SAMPLE_LESSON = SAMPLE / "sample.ipynb"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson(jupyter: Lab, path: Path) -> None:
    """Run All gives no error but the intended ones, and every browser cell its recording.

    Chromium gives pages that are out of view less of a processor. On a busy machine they hear of
    what happens seconds late, and the lesson goes on without them: it is run once more then.
    """
    for name in (path.name, f"again-{path.name}"):
        shutil.copy(path, jupyter.folder / name)
        lesson = jupyter.open(name)
        lesson.run_all()
        found = differences(lesson, path)
        lesson.close()
        if not found:
            break
    assert found == []


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

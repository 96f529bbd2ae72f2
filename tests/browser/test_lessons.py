"""Every lesson runs in JupyterLab in a real browser, and shows there what is committed."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from server.paths import NOTEBOOKS
from tests.browser.comparing import differences
from tests.browser.driving import HUB, Browser
from tests.browser.lab import Lab, lab
from tests.browser.record import SAMPLE, read

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
SAMPLE_LESSON = SAMPLE / "sample.ipynb"


@pytest.mark.parametrize("path", [SAMPLE_LESSON, *LESSONS], ids=lambda path: path.stem)
def test_lesson(jupyter: Lab, path: Path) -> None:
    """Run All gives no error but the intended ones, and every browser cell its recording."""
    shutil.copy(path, jupyter.folder)
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


def test_in_notebook_7(started_browser: Browser, tmp_path: Path) -> None:
    """The same lesson shows the same in Notebook 7."""
    shutil.copy(SAMPLE_LESSON, tmp_path)
    with lab(tmp_path, started_browser, app="notebook") as server:
        lesson = server.open("sample.ipynb")
        lesson.run_all()
        assert differences(lesson, SAMPLE_LESSON) == []
        lesson.close()


def test_through_a_hub(started_browser: Browser, tmp_path: Path) -> None:
    """Under a base URL and a name that is not loopback's, the unchanged lesson shows the same."""
    shutil.copy(SAMPLE_LESSON, tmp_path)
    with lab(
        tmp_path,
        started_browser,
        base_url="/user/ann/",
        host=HUB,
        environment={"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"},
    ) as server:
        lesson = server.open("sample.ipynb")
        lesson.run_all()
        frame = lesson.frame("four-handlers")
        assert frame.host.startswith(f"{HUB}:")
        assert frame.prefix.startswith("/user/ann/channels-notebooks/")
        assert differences(lesson, SAMPLE_LESSON) == []
        lesson.close()

"""A course of one small lesson, which tests may change."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from server.classroom import own

COURSE = {
    "title": "# Lesson 1",
    "intro": "Some prose.",
    "first": "print('first')",
    "stub": "answer = None",
}


def write_lesson(path: Path, **changes: str | None) -> None:
    """Write the lesson, with some cells changed, added, or left out."""
    cells = [
        (new_markdown_cell if id in ("title", "intro") else new_code_cell)(source, id=id)
        for id, source in {**COURSE, **changes}.items()
        if source is not None
    ]
    nbformat.write(new_notebook(cells=cells), path)


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the course's lessons: one, and a page."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    write_lesson(folder / "01_consumers.ipynb")
    (folder / "mistakes.md").write_text("# Mistakes\n")
    monkeypatch.setattr(own, "NOTEBOOKS", folder)
    monkeypatch.setattr(sys.modules["server.lessons"], "NOTEBOOKS", folder)
    return folder

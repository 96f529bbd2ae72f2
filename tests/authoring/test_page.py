"""The page of mistakes is the catalogue's, and each of its rows leads somewhere."""

from __future__ import annotations

import re
from urllib.parse import unquote

import nbformat
import pytest

from server.authoring.page import PAGE, page
from server.exercises.registry import EXERCISES
from server.mistakes.registry import MISTAKES, SHOWN, Mistake
from server.paths import NOTEBOOKS

EXERCISES.complete()
ROWS = [MISTAKES[id] for id in SHOWN]


def test_committed_page() -> None:
    """The committed page is the one that the catalogue makes."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m server.authoring.page"


def test_each_row_once() -> None:
    """Each mistake that the lessons show has its row."""
    text = page()
    assert len(re.findall(r"^\| .* \| \*\*", text, re.MULTILINE)) == len(ROWS)
    for found in ROWS:
        assert text.count(found.symptom.replace("|", "\\|")) >= 1


def headings(name: str) -> set[str]:
    """Return the anchors of a notebook's headings, as JupyterLab makes them."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    return {
        heading.replace("`", "").replace(" ", "-")
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for heading in re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
    }


def test_links() -> None:
    """Each link leads to a heading that is there."""
    links = re.findall(r"\]\(([\w.]+\.ipynb)#([^)]+)\)", page())
    assert len(links) >= len(ROWS)
    for name, anchor in set(links):
        assert unquote(anchor) in headings(name)


@pytest.mark.parametrize("found", ROWS, ids=lambda found: found.id)
def test_shown(found: Mistake) -> None:
    """An exercise that a row names exists."""
    for shown in SHOWN[found.id]:
        assert "#" in shown or shown in EXERCISES

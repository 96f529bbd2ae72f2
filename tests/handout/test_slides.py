"""Slides of a lesson, by nbconvert's own command."""

from __future__ import annotations

import json

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import SlidesExporter
from nbformat.v4 import new_notebook
from traitlets.config import Config

from server.handout.slides import Slides, mark
from server.paths import STATIC
from tests.handout.conftest import LESSONS
from tests.handout.samples import code, lesson, printed, prose

CONFIG = json.loads((STATIC / "jupyter" / "jupyter_nbconvert_config.json").read_text("utf-8"))


def slides(notebook: nbformat.NotebookNode) -> BeautifulSoup:
    """Return the page of slides that nbconvert makes with the configuration that is installed."""
    page, _ = SlidesExporter(config=Config(CONFIG)).from_notebook_node(notebook)
    return BeautifulSoup(page, "html.parser").find(class_="slides")


def types(*cells: nbformat.NotebookNode) -> list[str]:
    """Return which type of slide each cell has."""
    mark(list(cells))
    return [cell.metadata.slideshow["slide_type"] for cell in cells]


def test_sections_are_slides():
    """Each section begins a slide, what is below it goes down, and nothing gives answers away."""
    page = slides(lesson())
    columns = page.find_all("section", recursive=False)
    titles = [column.find(["h1", "h2"]).text.rstrip("¶") for column in columns]
    assert titles == [
        *("Lesson 1: consumers", "A first consumer & more", "In the browser"),
        *("Exercises", "Recap"),
    ]
    assert [len(column.find_all("section", recursive=False)) for column in columns][:2] == [1, 5]
    assert len(page.find_all(class_="fragment")) == 4
    assert "answer_in_capitals" not in page.text
    assert "check(" not in page.text
    assert "Hint 1" not in page.text


@pytest.mark.parametrize("number", range(len(LESSONS)))
def test_lessons_have_slides(number):
    """A lesson has a slide for each of its sections."""
    notebook = nbformat.read(LESSONS[number], 4)
    sections = sum(
        cell.source.startswith(("# ", "## "))
        for cell in notebook.cells
        if cell.cell_type == "markdown"
    )
    changed, _ = Slides(enabled=True)(notebook, {})
    kinds = [cell.metadata.slideshow["slide_type"] for cell in changed.cells]
    assert kinds.count("slide") == sections
    assert kinds.count("subslide") > sections
    assert kinds.count("fragment") > 5


def test_types():
    """A question is a slide of its own, and what answers it comes after it."""
    assert types(
        prose("# Title"),
        prose("text"),
        prose("Which?", "predict"),
        code("x", printed("y")),
        prose("That.", "answer"),
        code("# a remark"),
        prose("### Part"),
        code("long\n" * 12),
        code("long\n" * 12),
    ) == ["slide", "-", "subslide", "fragment", "fragment", "-", "subslide", "-", "subslide"]


def test_a_notebook_that_says_it_itself():
    """What a notebook says of its slides stays, and other people's notebooks stay as they are."""
    own = lesson()
    own.cells[1].metadata.slideshow = {"slide_type": "skip"}
    for notebook in (own, new_notebook(cells=[prose("# Other"), code("1")])):
        before = nbformat.writes(notebook)
        changed, _ = Slides(enabled=True)(nbformat.from_dict(notebook), {})
        assert nbformat.writes(changed) == before

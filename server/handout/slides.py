"""Say of a lesson's cells what they are on slides, for ``jupyter nbconvert --to slides``.

The notebooks say nothing of slides themselves: their headings and tags are enough.

"""

from __future__ import annotations

import re
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from traitlets import Bool

from ..authoring.tags import tags
from .exporter import uses_the_course

__all__ = ["Slides"]

LEFT_OUT = {"check", "hint", "live", "solution"}
"""The tags of cells that have no place on a slide."""

LINES = 18
"""How many lines a slide holds; what comes after them begins another one below it."""


class Slides(Preprocessor):
    """Begin a slide at each section, and have what answers a question come after it."""

    enabled = Bool(True).tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if uses_the_course(nb) and not any("slideshow" in cell.metadata for cell in nb.cells):
            nb.cells = [cell for cell in nb.cells if not tags(cell) & LEFT_OUT]
            mark(nb.cells)
        return nb, resources


def mark(cells: list[NotebookNode]) -> None:
    """Give each cell its type of slide."""
    room, asked = LINES, False
    for cell in cells:
        lines = height(cell)
        kind = "-"
        heading = re.match(r"#+ ", cell.source) if cell.cell_type == "markdown" else None
        if heading and len(heading[0]) <= len("## "):
            kind = "slide"
        elif heading or "predict" in tags(cell):
            kind = "subslide"
        elif "answer" in tags(cell) or (asked and cell.cell_type == "code"):
            kind = "fragment"
        elif lines > room:
            kind = "subslide"
        if kind in ("slide", "subslide"):
            room = LINES
        room -= lines
        asked = "predict" in tags(cell) or (asked and "answer" not in tags(cell))
        cell.metadata["slideshow"] = {"slide_type": kind}


def height(cell: NotebookNode) -> int:
    """Return about how many lines a cell takes on a slide."""
    shown = [
        str(output.get("text") or output.get("data", {}).get("text/plain", ""))
        for output in cell.get("outputs", [])
    ]
    return sum(text.count("\n") + 1 + len(text) // 100 for text in [cell.source, *shown])

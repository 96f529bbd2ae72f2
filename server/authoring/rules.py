"""The rules for a lesson's cells, tags and metadata; see ``broken_rules()``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from nbformat import NotebookNode

from .notebooks import MADE_ID
from .tags import EXERCISE_TAGS, TAGS, tags

__all__ = ["all_outputs", "broken_rules", "code_cells", "pauses"]

METADATA = {"exercise", "jupyter", "pause", "reason", "tags", "teacher"}
TEACHER = {"minutes", "say"}

ABSOLUTE_PATH = re.compile(
    r"""(?<![\w.~/])/(?:bin|etc|home|lib|mnt|opt|private|root|srv|tmp|usr|Users|var|work)/\w"""
    r"""|\b[A-Z]:\\\w|site-packages"""
)
COMMENT_MARKER = re.compile(r"^\s*#\s*(NBVAL|PYTEST_VALIDATE)_", re.MULTILINE)


def broken_rules(nb: NotebookNode) -> list[str]:
    """Return a sentence for each rule that the notebook breaks."""
    return [*of_the_notebook(nb), *of_the_cells(nb), *of_the_exercises(nb)]


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def pauses(nb: NotebookNode) -> float:
    """Return the seconds that the cells of a lesson wait on purpose."""
    return float(sum(cell.metadata.get("pause", 0) for cell in nb.cells))


def all_outputs(cell: NotebookNode) -> Iterator[str]:
    """Yield every text that a cell's outputs contain."""
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        yield from output.get("traceback", [])
        for kind, data in output.get("data", {}).items():
            if not kind.startswith("image/p"):
                yield data if isinstance(data, str) else str(data)


def of_the_notebook(nb: NotebookNode) -> Iterator[str]:
    first = nb.cells[0]
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "the first cell is the title"
    headings = [
        cell.id for cell in nb.cells if cell.cell_type == "markdown" and cell.source[:2] == "# "
    ]
    if headings[1:]:
        yield f"one title is enough: {headings[1:]}"
    sections = [cell for cell in nb.cells if cell.source.startswith("## ")]
    if not sections or "recap" not in tags(sections[-1]):
        yield "the last section is tagged recap"
    ids = [cell.id for cell in nb.cells]
    for cell_id in sorted({cell_id for cell_id in ids if ids.count(cell_id) > 1}):
        yield f"two cells are called {cell_id}"
    counts = [cell.execution_count for cell in code_cells(nb)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts go from 1 without gaps: {counts}"
    questions = [(cell.id, tag) for cell in nb.cells for tag in tags(cell) & {"predict", "answer"}]
    for (cell_id, tag), (_, after) in pairwise([*questions, ("", "predict")]):
        if tag == after:
            yield f"{cell_id}: predict and answer take turns"


def of_the_cells(nb: NotebookNode) -> Iterator[str]:
    for cell in nb.cells:
        for broken in of_a_cell(cell):
            yield f"{cell.id}: {broken}"


def of_a_cell(cell: NotebookNode) -> Iterator[str]:
    own = tags(cell)
    is_code = cell.cell_type == "code"
    in_browser = is_code and cell.source.startswith("%%browser")
    fails = any(output.output_type == "error" for output in cell.get("outputs", []))

    if MADE_ID.fullmatch(cell.id):
        yield "its identifier is a number and not a name"
    for tag in own:
        if tag not in TAGS:
            yield f"no such tag: {tag}"
        elif TAGS[tag].cells not in ("both", cell.cell_type):
            yield f"the tag {tag} belongs to the other kind of cell"
    for key in sorted(set(cell.metadata) - METADATA):
        yield f"no such metadata: {key}"
    if ("nbval-ignore-output" in own) != bool(cell.metadata.get("reason")):
        yield "nbval-ignore-output and a reason come together"
    if is_code and COMMENT_MARKER.search(cell.source):
        yield "what nbval leaves out is said with tags and not with comments"
    if fails != ("raises-exception" in own):
        yield "raises-exception and an error in the output come together"
    if in_browser and "browser" not in own:
        yield "a %%browser cell is tagged browser"
    if "browser" in own and not in_browser and "nbval-ignore-output" not in own:
        yield "nbval cannot compare what only a browser can do"
    if "pause" in cell.metadata and not (is_code and cell.metadata.pause > 0):
        yield "a pause is a number of seconds in a code cell"
    if not set(cell.metadata.get("teacher", {})) <= TEACHER:
        yield "a teacher is told minutes and what to say"
    for text in [cell.source, *all_outputs(cell)]:
        if match := ABSOLUTE_PATH.search(text):
            yield f"a path of one machine: {text[match.start() :].split(maxsplit=1)[0][:60]}"


def of_the_exercises(nb: NotebookNode) -> Iterator[str]:
    parts: dict[str, list[str]] = {}
    for cell in nb.cells:
        part = [tag for tag in EXERCISE_TAGS if tag in tags(cell)]
        number = cell.metadata.get("exercise")
        if bool(part) != bool(number):
            yield f"{cell.id}: exercise is the metadata of an exercise's cells, and of no other"
        if number:
            parts.setdefault(number, []).extend(part)
        hidden = cell.metadata.get("jupyter", {})
        in_browser = cell.source.startswith("%%browser")
        if part == ["solution"] and not hidden.get("source_hidden"):
            yield f"{cell.id}: a solution is folded away"
        if part == ["solution"] and in_browser and not hidden.get("outputs_hidden"):
            yield f"{cell.id}: what a solution does in a browser is folded away with it"
        if part == ["hint"] and cell.source.count("<details>") != 3:
            yield f"{cell.id}: there are three hints"
    for number, found in parts.items():
        if found != [*EXERCISE_TAGS]:
            yield f"exercise {number} has {found} and not {[*EXERCISE_TAGS]}"

"""The committed lessons keep the rules, and the rules notice who breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from server.authoring.notebooks import is_normalised, normalise, read
from server.authoring.rules import all_outputs, broken_rules, pauses
from server.paths import NOTEBOOKS

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
# Of these, five are the time after which redis-py gives up, which lesson 6 shows.
MAX_PAUSES = 19

each_lesson = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_there_are_lessons():
    """There are lessons to look at."""
    assert PATHS


@each_lesson
def test_lesson_is_normalised(path: Path):
    """A committed lesson is, byte for byte, what ``make notebooks`` writes."""
    assert is_normalised(path), "run make notebooks"


@each_lesson
def test_lesson_keeps_the_rules(path: Path):
    """A committed lesson keeps every rule."""
    assert broken_rules(read(path)) == []


def test_pauses_are_short():
    """All lessons together wait less than nineteen seconds on purpose."""
    assert sum(pauses(read(path)) for path in PATHS) < MAX_PAUSES


def lesson(*cells):
    """Return a lesson that keeps the rules, with these cells in its middle."""
    return normalise(
        new_notebook(
            cells=[
                new_markdown_cell("# A title", id="title"),
                *cells,
                new_markdown_cell("## Recap", id="recap", metadata={"tags": ["recap"]}),
            ]
        )
    )


def code(source="1", outputs=(), **metadata):
    return new_code_cell(source, id="cell", outputs=list(outputs), metadata=metadata)


def text(source, cell_id="cell", **metadata):
    return new_markdown_cell(source, id=cell_id, metadata=metadata)


def prints(words):
    return new_output("stream", name="stdout", text=words)


def test_all_texts_of_outputs():
    """Prints, tracebacks and texts of any kind are looked at; a picture's letters are no text."""
    shown = new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "x"})
    data = new_output("display_data", {"application/json": {"a": 1}})
    failed = new_output("error", ename="E", evalue="e", traceback=["one", "two"])
    cell = code(outputs=[prints("said"), shown, data, failed])
    assert [text for text in all_outputs(cell) if text] == ["said", "x", "{'a': 1}", "one", "two"]


def exercise(**changed):
    """Return the five cells of an exercise."""
    sources = {
        "exercise": text("### Exercise 1.1", "e"),
        "stub": new_code_cell("1", id="s"),
        "check": new_code_cell("2", id="c"),
        "hint": text("<details></details>" * 3, "h"),
        "solution": new_code_cell("3", id="x", metadata={"jupyter": {"source_hidden": True}}),
    }
    for tag, cell in sources.items():
        cell.metadata.update({"tags": [tag], "exercise": "1.1"})
    return [cell for cell in {**sources, **changed}.values() if cell is not None]


ERROR = new_output("error", ename="ValueError", evalue="no", traceback=[])


@pytest.mark.parametrize(
    "cells",
    [
        [],
        [code(pause=0.5)],
        [code("%%browser first\n1", tags=["browser"])],
        [code(tags=["browser", "nbval-ignore-output"], reason="a browser answers")],
        [code(tags=["raises-exception"], outputs=[ERROR])],
        [code(outputs=[prints("ws://127.0.0.1:50000/ws/sc/ and /ws/work/")])],
        [text("?", "p", tags=["predict"]), code(), text("!", "a", tags=["answer"])],
        [text("## Section", teacher={"minutes": 4, "say": "Look."})],
        exercise(),
    ],
)
def test_good_cells(cells):
    """Cells as lessons have them break no rule."""
    assert broken_rules(lesson(*cells)) == []


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ([code(tags=["fun"])], "cell: no such tag: fun"),
        ([code(tags=["answer"])], "cell: the tag answer belongs to the other kind of cell"),
        ([text("a", tags=["stub"])], "cell: the tag stub belongs to the other kind of cell"),
        ([code(colour="red")], "cell: no such metadata: colour"),
        (
            [code(tags=["nbval-ignore-output"])],
            "cell: nbval-ignore-output and a reason come together",
        ),
        ([code(reason="why")], "cell: nbval-ignore-output and a reason come together"),
        (
            [code("# NBVAL_IGNORE_OUTPUT\n1")],
            "cell: what nbval leaves out is said with tags and not with comments",
        ),
        (
            [code(outputs=[ERROR])],
            "cell: raises-exception and an error in the output come together",
        ),
        (
            [code(tags=["raises-exception"])],
            "cell: raises-exception and an error in the output come together",
        ),
        ([code("%%browser first")], "cell: a %%browser cell is tagged browser"),
        ([code(tags=["browser"])], "cell: nbval cannot compare what only a browser can do"),
        ([code(pause=0)], "cell: a pause is a number of seconds in a code cell"),
        ([text("a", pause=1)], "cell: a pause is a number of seconds in a code cell"),
        ([text("a", teacher={"joke": "no"})], "cell: a teacher is told minutes and what to say"),
        (
            [code(outputs=[prints("in /home/ann/x.py")])],
            "cell: a path of one machine: /home/ann/x.py",
        ),
        ([code("open('/tmp/x')")], "cell: a path of one machine: /tmp/x')"),
        ([code(outputs=[prints(r"C:\Users\ann")])], r"cell: a path of one machine: C:\Users\ann"),
        ([text("# Again")], "one title is enough: ['cell']"),
        ([text("a", tags=["predict"])], "cell: predict and answer take turns"),
        ([text("a", tags=["answer"]), text("b", "b", tags=["answer"])], "predict and answer"),
        ([code(exercise="1.1")], "cell: exercise is the metadata of an exercise's cells"),
        (exercise(check=None), "exercise 1.1 has ['exercise', 'stub', 'hint', 'solution']"),
        (
            exercise(
                solution=new_code_cell(
                    "3", id="x", metadata={"tags": ["solution"], "exercise": "1.1"}
                )
            ),
            "x: a solution is folded away",
        ),
        (
            exercise(
                solution=new_code_cell(
                    "%%browser x\n3",
                    id="x",
                    metadata={
                        "tags": ["solution", "browser"],
                        "exercise": "1.1",
                        "jupyter": {"source_hidden": True},
                    },
                )
            ),
            "x: what a solution does in a browser is folded away with it",
        ),
        (
            exercise(hint=text("<details></details>", "h", tags=["hint"], exercise="1.1")),
            "h: there are three hints",
        ),
    ],
)
def test_broken_rule(cells, sentence):
    """A broken rule is told in one sentence that names the cell."""
    assert any(
        broken.startswith(sentence) or sentence in broken for broken in broken_rules(lesson(*cells))
    )


def test_broken_rules_of_the_whole():
    """Title, last section, identifiers and execution counts are looked at too."""
    nb = lesson(code(), new_code_cell("2", id="other"))
    nb.cells[1].id = nb.cells[2].id = "0a1b2c3d"
    nb.cells[2].execution_count = 7
    del nb.cells[0], nb.cells[-1].metadata["tags"]
    assert broken_rules(nb) == [
        "the first cell is the title",
        "the last section is tagged recap",
        "two cells are called 0a1b2c3d",
        "execution counts go from 1 without gaps: [1, 7]",
        "0a1b2c3d: its identifier is a number and not a name",
        "0a1b2c3d: its identifier is a number and not a name",
    ]

"""The news of a lesson come into a learner's copy, and nothing of the learner's is lost."""

from __future__ import annotations

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from server.classroom.merge import merge


def notebook(**cells: str) -> NotebookNode:
    """Return a notebook of code cells: their identifiers and what is in them."""
    made: NotebookNode = new_notebook(
        cells=[new_code_cell(source, id=id) for id, source in cells.items()]
    )
    return made


def sources(merged: NotebookNode) -> dict[str, str]:
    nbformat.validate(merged)
    return {cell.id: cell.source for cell in merged.cells}


NOTICE = """\
<details><summary>The course has changed the cell above. Yours is as you wrote it; this is the new \
one.</summary>

```python
theirs
```

</details>"""


@pytest.mark.parametrize(
    ("base", "mine", "new", "expected"),
    [
        pytest.param({"a": "1"}, {"a": "1"}, {"a": "2"}, {"a": "2"}, id="changed by the course"),
        pytest.param({"a": "1"}, {"a": "2"}, {"a": "1"}, {"a": "2"}, id="changed by the learner"),
        pytest.param({"a": "1"}, {"a": "2"}, {"a": "2"}, {"a": "2"}, id="changed alike"),
        pytest.param(
            {"a": "1"},
            {"a": "mine"},
            {"a": "theirs"},
            {"a": "mine", "a-changed": NOTICE},
            id="changed by both",
        ),
        pytest.param(
            {"a": "1"},
            {"a": "mine", "a-changed": "older", "b": "own"},
            {"a": "theirs"},
            {"a": "mine", "a-changed": NOTICE, "b": "own"},
            id="changed by both for the second time",
        ),
        pytest.param(
            {"a": "1", "b": "2"}, {"a": "1"}, {"a": "1", "b": "2"}, {"a": "1"}, id="deleted"
        ),
        pytest.param(
            {"a": "1", "b": "2"},
            {"a": "1"},
            {"a": "1", "b": "3"},
            {"a": "1", "b": "3"},
            id="deleted, and changed by the course",
        ),
        pytest.param(
            {"a": "1", "b": "2"}, {"a": "1", "b": "2"}, {"a": "1"}, {"a": "1"}, id="taken out"
        ),
        pytest.param(
            {"a": "1", "b": "2"},
            {"a": "1", "b": "mine"},
            {"a": "1"},
            {"a": "1", "b": "mine"},
            id="taken out, and changed by the learner",
        ),
        pytest.param(
            {"a": "1", "b": "2"},
            {"own0": "x", "a": "1", "own1": "y", "own2": "z", "b": "2"},
            {"new0": "4", "a": "1", "b": "2", "new1": "5"},
            {"own0": "x", "new0": "4", "a": "1", "own1": "y", "own2": "z", "b": "2", "new1": "5"},
            id="cells added by both",
        ),
        pytest.param(
            {"a": "1", "b": "2", "c": "3"},
            {"a": "mine", "b": "2", "c": "3"},
            {"c": "3", "b": "2", "a": "1"},
            {"c": "3", "b": "2", "a": "mine"},
            id="moved by the course",
        ),
        pytest.param(
            {"a": "1", "b": "2", "c": "3"},
            {"c": "3", "a": "1", "b": "2"},
            {"a": "1", "b": "2", "new": "4", "c": "3"},
            {"c": "3", "a": "1", "b": "2", "new": "4"},
            id="moved by the learner",
        ),
    ],
)
def test_rule(
    base: dict[str, str], mine: dict[str, str], new: dict[str, str], expected: dict[str, str]
) -> None:
    """Each line of the rule is kept, and the cells are in order."""
    merged = merge(notebook(**base), notebook(**mine), notebook(**new))
    assert list(sources(merged).items()) == list(expected.items())


def test_notice_of_prose_is_prose() -> None:
    """What the course has made of prose is shown as prose."""
    versions = [
        new_notebook(cells=[new_markdown_cell(text, id="a")]) for text in ("1", "mine", "*theirs*")
    ]
    assert "\n\n*theirs*\n\n" in sources(merge(*versions))["a-changed"]


def test_outputs_stay_with_their_code() -> None:
    """Outputs are kept with code that stays, and go with code that is replaced."""
    base, new = notebook(a="1", b="2", c="3"), notebook(a="1", b="22", c="3")
    mine = notebook(a="1", b="2", c="mine")
    for cell in mine.cells:
        cell.outputs = [new_output("stream", text=cell.source)]
    merged = merge(base, mine, new)
    assert [[output.text for output in cell.outputs] for cell in merged.cells] == [
        ["1"],
        [],
        ["mine"],
    ]


def test_metadata_is_of_both() -> None:
    """A cell has what the course says of it, and what the learner's JupyterLab has noted."""
    base, mine, new = notebook(a="1"), notebook(a="mine"), notebook(a="1")
    mine.cells[0].metadata = nbformat.from_dict({"collapsed": True, "tags": ["old"]})
    new.cells[0].metadata = nbformat.from_dict({"tags": ["stub"]})
    merged = merge(base, mine, new)
    assert merged.cells[0].metadata == {"collapsed": True, "tags": ["stub"]}


def test_metadata_of_the_notebook_is_the_learners() -> None:
    """The kernel that a learner has chosen stays chosen."""
    mine = notebook(a="1")
    mine.metadata["kernelspec"] = nbformat.from_dict({"name": "mine", "display_name": "Mine"})
    assert merge(notebook(a="1"), mine, notebook(a="2")).metadata == mine.metadata


cells = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("123"), max_size=8)


@given(cells, cells, cells)
def test_nothing_of_the_learners_is_lost(
    base: dict[str, str], mine: dict[str, str], new: dict[str, str]
) -> None:
    """Whatever the three are: what the learner has written is there, and nothing is there twice."""
    merged = sources(merge(notebook(**base), notebook(**mine), notebook(**new)))
    for id, source in mine.items():
        if source != base.get(id):
            assert merged[id] == source
    for id, source in new.items():
        if source != base.get(id):
            assert source in (merged[id], mine.get(id)) or id in mine
            assert merged[id] == source or f"{id}-changed" in merged


@given(cells, cells)
def test_nothing_new_changes_nothing(base: dict[str, str], mine: dict[str, str]) -> None:
    """Without news of the course, a learner's copy is as it was."""
    assert merge(notebook(**base), notebook(**mine), notebook(**base)) == notebook(**mine)

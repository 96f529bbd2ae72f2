"""Bring the news of a lesson into a learner's copy of it, and lose nothing of the learner's.

Cells are known by their identifiers, and compared with the *base*: the lesson as the learner got
it last.

=========================== =========================== ==========================================
the learner                 the course                  the result
=========================== =========================== ==========================================
left the cell as it was     changed it                  the course's
changed it                  left it as it was           the learner's
changed it                  changed it too              the learner's, and below it, as text that
                                                        unfolds, the course's
deleted it                  left it as it was           no cell
deleted it                  changed it                  the course's
left it as it was           took it out                 no cell
changed it                  took it out                 the learner's
added one of their own                                  the learner's, after the same cell
\\                           added one                   the course's
=========================== =========================== ==========================================

The order is the course's, unless the learner has moved cells: then it is the learner's.

"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

__all__ = ["merge"]

Cells: TypeAlias = Mapping[str, NotebookNode]

CHANGED = "-changed"
"""What the identifier of a cell ends in that shows what the course has made of the one above."""

NOTICE = """\
<details><summary>The course has changed the cell above. Yours is as you wrote it; this is the new \
one.</summary>

{text}

</details>"""


def merge(base: NotebookNode, mine: NotebookNode, new: NotebookNode) -> NotebookNode:
    """Return a learner's copy with the news of the course; see above for the rule."""
    old, own, fresh = by_id(base), by_id(mine), by_id(new)
    moved = shared(own, old) != shared(old, own)
    skeleton, other = (own, fresh) if moved else (fresh, own)
    cells = [
        cell
        for id in interleaved(list(skeleton), list(other))
        for cell in cells_for(old.get(id), own.get(id), fresh.get(id))
    ]
    merged: NotebookNode = nbformat.from_dict(mine)
    # A second notice takes the place of the first, which comes after it.
    merged.cells = list({cell.id: cell for cell in reversed(cells)}.values())[::-1]
    return merged


def by_id(notebook: NotebookNode) -> dict[str, NotebookNode]:
    return {cell.id: cell for cell in notebook.cells}


def shared(cells: Cells, others: Cells) -> list[str]:
    """Return the identifiers that others have as well."""
    return [id for id in cells if id in others]


def interleaved(skeleton: list[str], other: list[str]) -> list[str]:
    """Return all identifiers in the order of one list; the rest come after what they came after."""
    place = 0
    for id in other:
        if id in skeleton:
            place = skeleton.index(id) + 1
        else:
            skeleton.insert(place, id)
            place += 1
    return skeleton


def cells_for(
    was: NotebookNode | None, mine: NotebookNode | None, new: NotebookNode | None
) -> list[NotebookNode]:
    """Return what becomes of one cell."""
    if mine is None:
        # Deleted, or one that the learner has never had.
        return [] if new is None or is_same(was, new) else [new]
    if new is None:
        return [] if is_same(was, mine) else [mine]
    if is_same(mine, new):
        return [joined(mine, new)]
    if is_same(was, mine):
        return [new]
    return [joined(mine, new)] if is_same(was, new) else [joined(mine, new), notice(new)]


def is_same(one: NotebookNode | None, other: NotebookNode) -> bool:
    """Tell whether two cells say the same. What came out of them, and when, does not count."""
    return one is not None and (one.cell_type, one.source) == (other.cell_type, other.source)


def joined(mine: NotebookNode, new: NotebookNode) -> NotebookNode:
    """Return the learner's cell, with what the course says about it."""
    cell: NotebookNode = nbformat.from_dict(mine)
    cell.metadata.update(new.metadata)
    return cell


def notice(new: NotebookNode) -> NotebookNode:
    """Return a cell that shows a cell of the course, and does not run it."""
    text = new.source
    if new.cell_type == "code":
        text = f"```python\n{text}\n```"
    cell: NotebookNode = new_markdown_cell(NOTICE.format(text=text), id=f"{new.id[:56]}{CHANGED}")
    return cell

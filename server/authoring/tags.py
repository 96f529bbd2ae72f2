"""The tags that cells of a lesson may have, and what each is for."""

from __future__ import annotations

from typing import Literal, NamedTuple

from nbformat import NotebookNode

__all__ = ["EXERCISE_TAGS", "TAGS", "Tag", "tags"]


class Tag(NamedTuple):
    """What a tag is for."""

    cells: Literal["markdown", "code", "both"]
    """The kind of cell that may have it."""

    meaning: str


EXERCISE_TAGS = ("exercise", "stub", "check", "hint", "solution")
"""The cells of an exercise, in this order; each has the exercise's id as its metadata too."""

TAGS = {
    "predict": Tag("markdown", "A question before an output that surprises."),
    "answer": Tag("markdown", "The answer to the question before; a handout has it at its end."),
    "exercise": Tag("markdown", "What an exercise asks for."),
    "stub": Tag("code", "Where the learner writes an answer."),
    "check": Tag("code", "The check of it; a handout leaves it out."),
    "hint": Tag("markdown", "Three hints, each in a <details> of its own."),
    "solution": Tag("code", "The solution, folded away; a student's handout leaves it out."),
    "recap": Tag("markdown", "The last section: the names that the lesson has met."),
    "browser": Tag("code", "A %%browser cell, or one that reads what a browser did."),
    "live": Tag("both", "Of use only where it runs; a handout leaves it out."),
    "clock": Tag("code", "What it shows is a time; where it differs, the tests measure it again."),
    "raises-exception": Tag("code", "The cell ends in an exception, and is meant to."),
    "nbval-ignore-output": Tag("code", "nbval does not compare it; metadata.reason says why."),
}
"""All tags of the lessons."""


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", []))

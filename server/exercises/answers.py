"""Answers to the exercises besides the lessons' own: other right ones, and known wrong ones.

They live in ``answers/`` of the lesson, one file per exercise, for the tests and for the teacher's
edition.

"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .registry import EXERCISES

__all__ = ["Answer", "answers", "catalogue", "told_stub"]

ANSWER = re.compile(
    r"""^\#\#[ ](?P<kind>right|wrong):[ ](?P<title>[^\n]+)\n
    (?:\nDiagnosis:[ ]`(?P<diagnosis>[\w-]+)`\n)?
    \n```(?:python|javascript)\n(?P<source>.*?)^```$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)

STUB = re.compile(r"^The untouched stub is told: `(.+)`$", re.MULTILINE)

IMPORTS = re.compile(r"^## imports\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """An answer to an exercise that somebody might give."""

    kind: Literal["right", "wrong"]
    title: str
    source: str
    diagnosis: str
    """The id of the mistake that a check finds; empty for a right answer."""

    imports: str
    """What the source needs, which a lesson has imported by then."""


def answers(id: str) -> list[Answer]:
    """Return all answers to an exercise; none where the course does not know it, or has none."""
    text = read(id)
    imports = "".join(IMPORTS.findall(text))
    return [
        Answer(
            "right" if found["kind"] == "right" else "wrong",
            found["title"],
            found["source"],
            found["diagnosis"] or "",
            imports,
        )
        for found in ANSWER.finditer(text)
    ]


def read(id: str) -> str:
    """Return the file of an exercise's answers; nothing where there is none."""
    path = EXERCISES[id].folder / "answers" / f"{id}.md" if id in EXERCISES else None
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else ""


def told_stub(id: str) -> str:
    """Return the first line of advice that an untouched stub is given."""
    found = STUB.search(read(id))
    return found[1] if found else ""


def catalogue(id: str) -> list[tuple[str, str, str]]:
    """Return the known wrong answers to an exercise: title, source, diagnosis."""
    return [
        (answer.title, answer.source, answer.diagnosis)
        for answer in answers(id)
        if answer.kind == "wrong"
    ]

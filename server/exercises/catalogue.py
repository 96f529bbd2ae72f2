"""Answers to the exercises besides the lessons' own: other right ones, and known wrong ones.

They live in ``answers/``, one file per exercise, for the tests and for the teacher's edition.

"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Answer", "answers", "catalogue"]

FOLDER = Path(__file__).with_name("answers")

ANSWER = re.compile(
    r"""^\#\#[ ](?P<kind>right|wrong):[ ](?P<title>[^\n]+)\n
    (?:\nDiagnosis:[ ]`(?P<diagnosis>[\w-]+)`\n)?
    \n```(?:python|javascript)\n(?P<source>.*?)^```$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)

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
    """Return all answers to an exercise."""
    lesson = FOLDER.parents[1] / "lessons" / f"lesson_{id.partition('.')[0]}" / "answers"
    folder = lesson if lesson.is_dir() else FOLDER
    text = (folder / f"{id}.md").read_text(encoding="utf-8")
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


def catalogue(id: str) -> list[tuple[str, str, str]]:
    """Return the known wrong answers to an exercise: title, source, diagnosis."""
    return [
        (answer.title, answer.source, answer.diagnosis)
        for answer in answers(id)
        if answer.kind == "wrong"
    ]

"""Who has solved what: the ``progress.json`` files of a class as one table.

Learners hand their file in; nothing is sent by itself. The name of a file, or of the folder that it
is in, says whose it is. The names that Moodle and Canvas give to what they let a teacher download
are understood.

"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..exercises.progress import Unreadable, read_file
from ..exercises.registry import EXERCISES
from ..lessons import lessons

__all__ = ["Learner", "canvas", "collect", "moodle", "table"]

MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_file_?")
"""``Ada Lovelace_4711_assignsubmission_file_``: a folder, or how the name of a file begins."""

CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_")
"""``lovelaceada_815_20931_progress.json``: a learner's number, and that of what was handed in."""


@dataclass
class Learner:
    """One learner, and what is solved."""

    name: str
    number: str = ""
    """What Moodle or Canvas calls the learner, as far as the name of a file says so."""

    solved: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)
    """Why a file of the learner's could not be read."""

    def count(self, ids: Iterable[str]) -> int:
        """Return how many of some exercises are solved."""
        return len(self.solved & {*ids})

    def grade(self, ids: Iterable[str]) -> str:
        """Return the same for a file that a machine reads; nothing where it is not known."""
        return "" if self.remarks and not self.solved else str(self.count(ids))


def collect(folder: Path) -> list[Learner]:
    """Return the learners whose files are in a folder, by name.

    Raises:
        ValueError: There is no such folder, or no file in it.

    """
    files = sorted(folder.rglob("*.json"))
    if not files:
        raise ValueError(f"{folder} has no progress.json in it")
    found: dict[tuple[str, str], Learner] = {}
    for file in files:
        whose = owner(file.relative_to(folder))
        learner = found.setdefault(whose, Learner(*whose))
        try:
            learner.solved |= read_file(file).keys()
        except Unreadable as problem:
            learner.remarks.append(str(problem))
    return sorted(found.values(), key=lambda learner: (learner.name.casefold(), learner.number))


def owner(file: Path) -> tuple[str, str]:
    """Return the name of the learner whose file it is, and the learner's number if it is known."""
    for part in reversed(file.parts):
        if match := MOODLE.match(part) or CANVAS.match(part):
            return match["name"], match["number"]
    if file.stem.startswith("progress") and file.parent.name:
        return file.parent.name, ""
    return file.stem, ""


def table(learners: Sequence[Learner]) -> str:
    """Return a table to read: a line for each learner, a column for each exercise."""
    width = max(len(learner.name) for learner in learners)
    lines = [f"{'':{width}}  {'  '.join(EXERCISES)}  solved"]
    for learner in learners:
        marks = (("✓" if id in learner.solved else "·").center(len(id)) for id in EXERCISES)
        count = f"{learner.count(EXERCISES)} of {len(EXERCISES)}"
        lines.append(f"{learner.name:{width}}  {'  '.join(marks)}  {count}")
    totals = (str(sum(id in one.solved for one in learners)).center(len(id)) for id in EXERCISES)
    lines.append(f"{'all':{width}}  {'  '.join(totals)}  of {len(learners)}")
    lines += [remark for learner in learners for remark in learner.remarks]
    return "\n".join(lines) + "\n"


def moodle(learners: Sequence[Learner]) -> str:
    """Return CSV for Moodle.

    ``Identifier``, ``Grade`` and ``Last modified (grade)`` are what an assignment's grading
    worksheet is uploaded with; the gradebook's import maps the name and any other column.

    """
    rows = [
        [
            f"Participant {learner.number}" if learner.number else "",
            learner.name,
            learner.grade(EXERCISES),
            str(len(EXERCISES)),
            "",
            *(learner.grade([id]) for id in EXERCISES),
        ]
        for learner in learners
    ]
    return to_csv(
        [
            [
                *("Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"),
                *(f"Exercise {id}" for id in EXERCISES),
            ],
            *rows,
        ]
    )


def canvas(learners: Sequence[Learner]) -> str:
    """Return CSV for the import of Canvas's gradebook: a column, and points, for each lesson."""
    ids = {
        f"Lesson {lesson.number}: {lesson.title}": [
            exercise.id for exercise in EXERCISES.values() if exercise.lesson == lesson.number
        ]
        for lesson in lessons()
    }
    return to_csv(
        [
            ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *ids],
            ["    Points Possible", "", "", "", "", *(str(len(part)) for part in ids.values())],
            *(
                [
                    *(learner.name, learner.number, "", "", ""),
                    *(learner.grade(part) for part in ids.values()),
                ]
                for learner in learners
            ),
        ]
    )


def to_csv(rows: Sequence[Sequence[str]]) -> str:
    """Return CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()

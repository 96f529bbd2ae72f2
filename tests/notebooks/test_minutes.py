"""Minutes agree wherever they are named: in the README, in the lessons, in the half day."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

import nbformat
import pytest

from server.lessons import Lesson, lessons
from server.paths import NOTEBOOKS

ROOT = NOTEBOOKS.parent

TIME = re.compile(
    r"\*\*Time:\*\* (\d+) minutes, and (?:about )?(an hour|(\d+) minutes) for the exercises\."
)
PLAN_ROW = re.compile(r"^\| (\d):(\d\d) \| (\d+) \| (.+) \|$", re.MULTILINE)
SECTIONS = re.compile(r"Lesson (\d+), sections (\d+) to (\d+)")
EXERCISE = re.compile(r"Exercises? (\d+)\.(\d+)(?: and \d+\.(\d+))?")

numbered = pytest.mark.parametrize(
    "lesson", lessons(), ids=lambda lesson: f"lesson_{lesson.number}"
)


@cache
def cells(lesson: Lesson) -> list[nbformat.NotebookNode]:
    found: list[nbformat.NotebookNode] = nbformat.read(lesson.notebook, as_version=4).cells
    return found


def minutes(cell: nbformat.NotebookNode) -> int:
    return int(cell.metadata.get("teacher", {}).get("minutes", 0))


def is_exercise(cell: nbformat.NotebookNode) -> bool:
    return "exercise" in cell.metadata.get("tags", [])


def sections(lesson: Lesson) -> dict[int, int]:
    """Return the minutes of a lesson's numbered sections; 0 is what comes before them."""
    found = {0: 0}
    number: int | None = 0
    for cell in cells(lesson):
        if heading := re.match(r"## (?:(\d+)\. )?", cell.source):
            number = int(heading[1]) if heading[1] else None
        if number is not None:
            found[number] = found.get(number, 0) + minutes(cell)
    return found


def exercises(lesson: Lesson) -> dict[str, int]:
    """Return the minutes of a lesson's exercises."""
    return {cell.metadata.exercise: minutes(cell) for cell in cells(lesson) if is_exercise(cell)}


def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


@numbered
def test_lesson(lesson: Lesson) -> None:
    """What a lesson says at its beginning is the sum of its sections, and of its exercises."""
    said = TIME.search(cells(lesson)[0].source)
    assert said is not None
    assert int(said[1]) == sum(minutes(cell) for cell in cells(lesson) if not is_exercise(cell))
    assert int(said[3] or 60) == sum(exercises(lesson).values())


@numbered
def test_each_part_has_minutes(lesson: Lesson) -> None:
    """Each section and each exercise says how long it takes."""
    assert all(sections(lesson).values())
    assert exercises(lesson)
    assert all(exercises(lesson).values())


@numbered
def test_readme(lesson: Lesson) -> None:
    """The README's table of lessons has the minutes of the lessons."""
    row = re.search(rf"\({re.escape(f'notebooks/{lesson.notebook.name}')}\) \| (\d+) \|", readme())
    said = TIME.search(cells(lesson)[0].source)
    assert row is not None
    assert said is not None
    assert row[1] == said[1]


def plan() -> list[tuple[int, int, str]]:
    """Return the rows of the half day: when, how long, what."""
    return [
        (60 * int(hour) + int(minute), int(length), what)
        for hour, minute, length, what in PLAN_ROW.findall(readme())
    ]


def test_half_day_adds_up() -> None:
    """Each row of the half day begins when the one before ends, and it all takes four hours."""
    rows = plan()
    assert rows[0][0] == 0
    for (start, length, _), (after, _, _) in pairwise(rows):
        assert start + length == after
    start, length, _ = rows[-1]
    assert start + length == 4 * 60


def test_half_day_leaves_time() -> None:
    """Each row of the half day is as long as what is in it takes, and not much longer."""
    known = {lesson.number: lesson for lesson in lessons()}
    asked = 0
    for _, length, what in plan():
        if found := SECTIONS.search(what):
            number, first, last = map(int, found.groups())
            taken = sections(known[number])
            needed = sum(taken[section] for section in range(first, last + 1))
        elif found := EXERCISE.search(what):
            lesson = known[int(found[1])]
            ids = [f"{found[1]}.{part}" for part in found.groups()[1:] if part]
            needed = sum(exercises(lesson)[id] for id in ids)
        else:
            continue
        asked += 1
        assert needed <= length <= needed + 5, what
    assert asked > 4


def test_half_day_skips_nothing_that_it_needs() -> None:
    """A section or an exercise of the half day refers to no section that it leaves out."""
    known = {lesson.number: lesson for lesson in lessons()}
    met: set[tuple[int, int]] = set()
    references = 0
    for _, _, what in plan():
        if found := SECTIONS.search(what):
            number, first, last = map(int, found.groups())
            met |= {(number, section) for section in range(first, last + 1)}
            texts = section_texts(known[number], range(first, last + 1))
        elif found := EXERCISE.search(what):
            number = int(found[1])
            ids = {f"{number}.{part}" for part in found.groups()[1:] if part}
            texts = [
                cell.source for cell in cells(known[number]) if cell.metadata.get("exercise") in ids
            ]
        else:
            continue
        for text in texts:
            for wanted in references_in(text, number):
                references += 1
                assert wanted in met, f"{what} refers to section {wanted[1]} of lesson {wanted[0]}"
    assert references


def section_texts(lesson: Lesson, wanted: range) -> list[str]:
    """Return the prose of some sections of a lesson."""
    number = 0
    found = []
    for cell in cells(lesson):
        if heading := re.match(r"## (?:(\d+)\. )?", cell.source):
            number = int(heading[1] or 0)
        if number in wanted and cell.cell_type == "markdown":
            found.append(cell.source)
    return found


REFERENCE = re.compile(
    r"[Ll]esson (\d+), section (\d+)|[Ss]ection (\d+) of lesson (\d+)|[Ss]ection (\d+)"
)


def references_in(text: str, own: int) -> list[tuple[int, int]]:
    """Return the sections that a text refers to: their lessons and numbers."""
    return [
        (int(found[1] or found[4] or own), int(found[2] or found[3] or found[5]))
        for found in REFERENCE.finditer(text)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as in lesson 2, section 5, and in section 7", [(2, 5), (1, 7)]),
        ("Section 3 of lesson 4 has one.", [(4, 3)]),
        ("a section of its own", []),
    ],
)
def test_references(text: str, expected: list[tuple[int, int]]) -> None:
    """A reference names a section of its own lesson, or of another one."""
    assert references_in(text, 1) == expected

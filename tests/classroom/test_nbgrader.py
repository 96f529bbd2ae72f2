"""The real nbgrader takes the students' notebooks for assignments, and grades what is handed in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from server.classroom.class_set import write_notebook
from server.classroom.student import student_notebook
from server.exercises import catalogue, solution
from server.lessons import lessons
from server.paths import STATIC

LESSON = lessons()[0].notebook
BROWSER_LESSON = next(
    lesson.notebook
    for lesson in lessons()
    if any(
        cell.source.startswith("%%browser") and "stub" in cell.metadata.get("tags", [])
        for cell in nbformat.read(lesson.notebook, as_version=4).cells
    )
)


def nbgrader(course: Path, *arguments: str) -> None:
    """Run nbgrader in a course; fail with what it prints."""
    environment = {
        **os.environ,
        # It looks for a program of its own there.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(course),
        "COURSE_PROGRESS": str(course / "p.json"),
    }
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        environment[name] = str(course / name.lower())
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def answered(released: Path, answers: dict[str, str], target: Path) -> None:
    """Write a submission: the released notebook with answers to some exercises."""
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        exercise = cell.metadata.get("exercise")
        if "stub" in cell.metadata.get("tags", []) and exercise in answers:
            cell.source = answers[exercise]
    target.parent.mkdir(parents=True)
    nbformat.write(notebook, target)


def right(exercise: str) -> str:
    """Return the course's solution without the check that follows it."""
    return repr(solution(exercise)).partition("\n\n\ncheck(")[0]


def cells(notebook: Path, tag: str) -> dict[str, str]:
    """Return the identifiers of the cells with a tag, by the exercises that they belong to."""
    return {
        cell.metadata.exercise: cell.id
        for cell in nbformat.read(notebook, as_version=4).cells
        if tag in cell.metadata.get("tags", [])
    }


def exercises(notebook: Path) -> list[str]:
    """Return the exercises of a lesson."""
    return [*cells(notebook, "exercise")]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a lesson of Python's and one of the browser's, and two who have handed in."""
    course = tmp_path_factory.mktemp("course")
    shutil.copy(STATIC / "classroom" / "nbgrader_config.py", course)
    first, second, third, *_ = exercises(LESSON)
    _, wrong, _ = catalogue(second)[0]
    everything = {exercise: right(exercise) for exercise in exercises(LESSON)}
    some = {first: right(first), second: wrong, third: "class (:  # no Python"}
    for name, lesson, ada, ben in (
        ("lesson_1", LESSON, everything, some),
        ("browser", BROWSER_LESSON, {exercises(BROWSER_LESSON)[0]: "%%browser x\n1"}, {}),
    ):
        write_notebook(lesson, course / "source" / name / lesson.name, student_notebook)
        nbgrader(course, "generate_assignment", name, "--create")
        released = course / "release" / name / lesson.name
        for who, answers in (("ada", ada), ("ben", ben)):
            answered(released, answers, course / "submitted" / who / name / lesson.name)
        nbgrader(course, "autograde", name, "--create")
    return course


def grades(course: Path, assignment: str, who: str) -> dict[str, Any]:
    """Return what nbgrader has written down: points by cell, ``None`` where a person decides."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        (notebook,) = book.find_submission(assignment, who).notebooks
        return {
            grade.cell.name: None if grade.needs_manual_grade else grade.score
            for grade in notebook.grades
        }


def test_stubs_survive_the_release(course: Path) -> None:
    """What is released has the stubs of the lesson, and checks that nobody can edit."""
    student = student_notebook(nbformat.read(LESSON, as_version=4))
    released = nbformat.read(course / "release" / "lesson_1" / LESSON.name, as_version=4)
    assert [cell.source for cell in released.cells] == [cell.source for cell in student.cells]
    checks = [cell for cell in released.cells if "check" in cell.metadata.get("tags", [])]
    assert len(checks) == len(exercises(LESSON))
    assert not any(cell.metadata.editable or cell.metadata.deletable for cell in checks)


def test_right_submission(course: Path) -> None:
    """Whoever has solved all exercises has all points."""
    assert set(grades(course, "lesson_1", "ada").values()) == {1.0}
    assert len(grades(course, "lesson_1", "ada")) == len(exercises(LESSON))


def test_wrong_submission(course: Path) -> None:
    """A wrong answer, one that is no Python, and a stub have no point; a right one has its own."""
    first, *others = cells(LESSON, "check").values()
    assert grades(course, "lesson_1", "ben") == {first: 1.0} | dict.fromkeys(others, 0.0)


def test_reason_of_a_grade(course: Path) -> None:
    """The cell of a check that fails shows the verdict, and no code of the course."""
    graded = course / "autograded" / "ben" / "lesson_1" / LESSON.name
    last = exercises(LESSON)[-1]
    (check,) = (
        cell
        for cell in nbformat.read(graded, as_version=4).cells
        if "check" in cell.metadata.get("tags", []) and cell.metadata.exercise == last
    )
    (output,) = check.outputs
    assert output.ename == "Unsolved"
    assert output.traceback[0].startswith(f"Exercise {last}, ")
    assert not any("server/" in line for line in output.traceback)


def test_browser_is_for_a_person_to_grade(course: Path) -> None:
    """What only a browser can do waits for a person, and an untouched stub has no point."""
    first, *others = cells(BROWSER_LESSON, "stub").values()
    assert grades(course, "browser", "ada") == {first: None} | dict.fromkeys(others, 0.0)
    assert set(grades(course, "browser", "ben").values()) == {0.0}


def test_nobody_else_is_remembered(course: Path) -> None:
    """Grading does not write down what the teacher has solved."""
    assert not (course / "p.json").exists()

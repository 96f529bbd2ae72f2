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

from server.classroom.class_set import write_notebook
from server.classroom.student import student_notebook
from server.exercises import catalogue, solution
from server.lessons import lessons
from server.paths import NOTEBOOKS, STATIC

ROOT = NOTEBOOKS.parent

LESSON = lessons()[0].notebook
BROWSER_LESSON = next(
    lesson.notebook
    for lesson in lessons()
    if any(
        cell.source.startswith("%%browser") and "stub" in cell.metadata.get("tags", [])
        for cell in nbformat.read(lesson.notebook, as_version=4).cells
    )
)

# In its process, too, kernels take ports that nobody else is given.
NBGRADER = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.kernels import take_ports_of_its_own
take_ports_of_its_own()
from nbgrader.apps.nbgraderapp import main
main()
"""


def nbgrader(course: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start nbgrader in a course."""
    environment = {
        **os.environ,
        # It looks for a program of its own there.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(course),
        "COURSE_PROGRESS": str(course / "p.json"),
    }
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        environment[name] = str(course / name.lower())
    return subprocess.Popen(
        [sys.executable, "-c", NBGRADER, *arguments],
        cwd=course,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(*processes: subprocess.Popen[str]) -> None:
    """Wait until all have ended well; fail with what they print."""
    said = [process.communicate()[1] for process in processes]
    if any(process.returncode for process in processes):
        # In full: what an assertion compares is cut short.
        pytest.fail("\n".join(said))


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
def courses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two courses, one with a lesson of Python's and one of the browser's, and what is handed in.

    Each has a gradebook of its own, so that both can be graded at once: most of it is waiting.
    """
    courses = tmp_path_factory.mktemp("courses")
    first, second, third, *_ = exercises(LESSON)
    _, wrong, _ = catalogue(second)[0]
    everything = {exercise: right(exercise) for exercise in exercises(LESSON)}
    some = {first: right(first), second: wrong, third: "class (:  # no Python"}
    in_the_browser = {exercises(BROWSER_LESSON)[0]: "%%browser x\n1"}
    handed_in = {
        "lesson_1": (LESSON, {"ada": everything, "ben": some}),
        "browser": (BROWSER_LESSON, {"ada": in_the_browser}),
    }
    for name, (lesson, _) in handed_in.items():
        write_notebook(lesson, courses / name / "source" / name / lesson.name, student_notebook)
        shutil.copy(STATIC / "classroom" / "nbgrader_config.py", courses / name)
    wait_for(*(nbgrader(courses / n, "generate_assignment", n, "--create") for n in handed_in))
    for name, (lesson, submissions) in handed_in.items():
        released = courses / name / "release" / name / lesson.name
        for who, answers in submissions.items():
            answered(released, answers, courses / name / "submitted" / who / name / lesson.name)
    wait_for(*(nbgrader(courses / name, "autograde", name, "--create") for name in handed_in))
    return courses


def grades(courses: Path, assignment: str, who: str) -> dict[str, Any]:
    """Return what nbgrader has written down: points by cell, ``None`` where a person decides."""
    # Here: it takes half a second in each process that collects the tests.
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{courses / assignment}/gradebook.db") as book:
        (notebook,) = book.find_submission(assignment, who).notebooks
        return {
            grade.cell.name: None if grade.needs_manual_grade else grade.score
            for grade in notebook.grades
        }


def test_stubs_survive_the_release(courses: Path) -> None:
    """What is released has the stubs of the lesson, and checks that nobody can edit."""
    student = student_notebook(nbformat.read(LESSON, as_version=4))
    released = nbformat.read(
        courses / "lesson_1" / "release" / "lesson_1" / LESSON.name, as_version=4
    )
    assert [cell.source for cell in released.cells] == [cell.source for cell in student.cells]
    checks = [cell for cell in released.cells if "check" in cell.metadata.get("tags", [])]
    assert len(checks) == len(exercises(LESSON))
    assert not any(cell.metadata.editable or cell.metadata.deletable for cell in checks)


def test_right_submission(courses: Path) -> None:
    """Whoever has solved all exercises has all points."""
    assert set(grades(courses, "lesson_1", "ada").values()) == {1.0}
    assert len(grades(courses, "lesson_1", "ada")) == len(exercises(LESSON))


def test_wrong_submission(courses: Path) -> None:
    """A wrong answer, one that is no Python, and a stub have no point; a right one has its own."""
    first, *others = cells(LESSON, "check").values()
    assert grades(courses, "lesson_1", "ben") == {first: 1.0} | dict.fromkeys(others, 0.0)


def test_reason_of_a_grade(courses: Path) -> None:
    """The cell of a check that fails shows the verdict, and no code of the course."""
    graded = courses / "lesson_1" / "autograded" / "ben" / "lesson_1" / LESSON.name
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


def test_browser_is_for_a_person_to_grade(courses: Path) -> None:
    """What only a browser can do waits for a person, and an untouched stub has no point."""
    first, *others = cells(BROWSER_LESSON, "stub").values()
    assert others
    assert grades(courses, "browser", "ada") == {first: None} | dict.fromkeys(others, 0.0)


def test_nobody_else_is_remembered(courses: Path) -> None:
    """Grading does not write down what the teacher has solved."""
    assert not [*courses.glob("*/p.json")]

"""The exercises of lesson 6: stubs fail as intended, right answers pass, wrong ones do not."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError
from IPython.testing.globalipapp import start_ipython

from server.exercises import check
from server.exercises.answers import Answer, answers, told_stub
from server.exercises.registry import EXERCISES, ProjectExercise
from server.lessons.lesson_6.ground import prepared
from server.lessons.lesson_6.magic import answer, offer_answer
from tests.exercises.cells import PROJECT, cells

ALL = [(id, answer) for id in PROJECT for answer in answers(id)]


def file_of(cell: str) -> str:
    """Return the file that an answer's cell holds."""
    first, _, rest = cell.partition("\n")
    assert first.startswith("%%answer ")
    return rest + "\n"


def named(value: object) -> str | None:
    return value.title if isinstance(value, Answer) else None


def test_there_are_four() -> None:
    """Each has two other right answers, and eight wrong ones at least."""
    assert PROJECT == ["6.1", "6.2", "6.3", "6.4"]
    for id in PROJECT:
        kinds = [answer.kind for answer in answers(id)]
        assert kinds.count("right") == 2
        assert kinds.count("wrong") >= 8


@pytest.mark.parametrize("id", PROJECT)
def test_stub(id: str) -> None:
    """The untouched stub fails with exactly its intended message."""
    verdict = check(id, file_of(cells(id).stub))
    assert not verdict.passed
    assert verdict.advice[0] == told_stub(id)


@pytest.mark.parametrize("id", PROJECT)
def test_solution(id: str) -> None:
    """The solution passes, with the same words each time, and is not the learner's."""
    text = file_of(cells(id).solution)
    first, second = (check(id, text, solution=True) for _ in range(2))
    assert repr(first) == repr(second)
    assert first.passed, first
    assert f"Exercise {id}, {EXERCISES[id].title}: ✓ the solution passes" in repr(first)


@pytest.mark.parametrize(("id", "answer"), ALL, ids=named)
def test_answer(id: str, answer: Answer) -> None:
    """A right answer in another style passes; a known wrong one gets its diagnosis."""
    verdict = check(id, answer.source)
    assert verdict.passed == (answer.kind == "right"), verdict
    assert (verdict.mistake.id if verdict.mistake else "") == answer.diagnosis, verdict
    if answer.kind == "wrong":
        assert len(verdict.advice) == 3


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("6.1", "from .consumers import Chatroom\n"),
        ("6.2", "class CatchUp:\n"),
        ("6.3", ""),
        ("6.4", "SECRET_KEY = 'alone'\n"),
    ],
)
def test_file_that_is_none(id: str, text: str) -> None:
    """A file that cannot be used ends the check in a verdict, which says what was raised."""
    verdict = check(id, text)
    assert not verdict.passed
    assert verdict.steps[-1].came not in ("", "it answers")
    assert verdict.raised


@pytest.mark.parametrize("id", PROJECT)
def test_nothing_is_left(id: str) -> None:
    """The project of a check is gone after it."""
    check(id, "raise SystemExit")
    assert [path.name for path in prepared()[0].parent.iterdir()] == ["prepared"]


def test_answer_cell() -> None:
    """%%answer keeps the cell for the check, and checks a solution at once."""
    exercise = EXERCISES["6.1"]
    assert isinstance(exercise, ProjectExercise)
    exercise.answers.clear()
    assert answer("6.1", file_of(cells("6.1").stub)) is None
    assert check("6.1").advice[0] == told_stub("6.1")
    verdict = answer("6.1 --solution", file_of(cells("6.1").solution))
    assert verdict is not None and verdict.passed and verdict.solution


@pytest.mark.parametrize("line", ["", "6.5", "1.1", "6.1 --sulotion"])
def test_answer_to_nothing(line: str) -> None:
    """Another number gets a sentence."""
    with pytest.raises(UsageError) as raised:
        answer(line, "x = 1")
    assert str(raised.value) == (
        "%%answer takes the number of an exercise: one of 6.1, 6.2, 6.3, 6.4."
    )


def test_magic_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook has %%answer once the exercises are imported."""
    shell = start_ipython() or __import__("IPython").get_ipython()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    offer_answer()
    assert shell.find_cell_magic("answer") is not None

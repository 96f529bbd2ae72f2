"""Every exercise: its stub fails as intended, right answers pass, wrong ones are diagnosed."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from typing import Any

import pytest

from server.exercises import Verdict, check
from server.exercises.answers import Answer, answers, told_stub
from server.exercises.registry import EXERCISES
from server.exercises.scenario import Patience, Trial
from server.handout.preprocessors import said, wrong_answers
from server.lessons import lessons
from server.mistakes.registry import Mistake
from tests.exercises.cells import (
    BROWSER,
    PROJECT,
    PYTHON,
    all_cells,
    cells,
    run_answer,
    run_solution,
    run_stub,
)
from tests.mistakes.test_registry import KINDS, PRODUCERS, TEXTS, missing, seen

RIGHT = [(id, answer) for id in PYTHON for answer in answers(id) if answer.kind == "right"]
WRONG = [(id, answer) for id in PYTHON for answer in answers(id) if answer.kind == "wrong"]


def named(value: object) -> str | None:
    return value.title if isinstance(value, Answer) else None


@cache
def tried(id: str, answer: Answer) -> tuple[Verdict, str]:
    """Check an answer, once for all tests; return the verdict, and all that the trial has shown."""
    trials = []

    class Kept(Trial):
        def __init__(self, answer: Any, patience: Patience) -> None:
            super().__init__(answer, patience)
            trials.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["server.exercises.check"], "Trial", Kept)
        verdict = check(id, run_answer(id, answer))
    return verdict, "\n".join(map(seen, trials))


def test_all_in_the_lessons() -> None:
    """Each lesson has at least four exercises, and each exercise is registered."""
    assert list(all_cells()) == list(EXERCISES)
    for lesson in lessons():
        assert sum(found.lesson == lesson.number for found in EXERCISES.values()) >= 4


@pytest.mark.parametrize("id", PYTHON)
def test_stub(id: str) -> None:
    """The untouched stub fails with exactly its intended message."""
    verdict = check(id, run_stub(id))
    assert not verdict.passed
    assert verdict.advice[0] == told_stub(id) != ""


@pytest.mark.parametrize("id", PYTHON)
def test_solution(id: str) -> None:
    """The solution passes twice in a row, with the same words."""
    answer = run_solution(id)
    verdicts = {repr(check(id, answer, solution=True)) for _ in range(2)}
    assert len(verdicts) == 1
    (verdict,) = verdicts
    assert f"Exercise {id}, {EXERCISES[id].title}: ✓ the solution passes" in verdict


@pytest.mark.parametrize(("id", "answer"), RIGHT, ids=named)
def test_right_answer(id: str, answer: Answer) -> None:
    """A right answer in another style passes."""
    verdict = check(id, run_answer(id, answer))
    assert verdict.passed, verdict


@pytest.mark.parametrize(("id", "answer"), WRONG, ids=named)
def test_wrong_answer(id: str, answer: Answer) -> None:
    """A known wrong answer does not pass and gets its diagnosis, in the teacher's edition too."""
    verdict, _ = tried(id, answer)
    assert not verdict.passed
    assert verdict.mistake is not None, verdict
    assert verdict.mistake.id == answer.diagnosis, verdict
    assert 1 <= len(verdict.advice) <= 3
    assert said(verdict.mistake) in {wrong.diagnosis for wrong in wrong_answers(id)}


@pytest.mark.parametrize(
    "found",
    [found for found in TEXTS if found.id not in PRODUCERS.keys() | KINDS],
    ids=lambda found: found.id,
)
def test_text_of_a_mistake(found: Mistake) -> None:
    """The text in a row of the mistakes is what the wrong answers with this diagnosis show."""
    shown = [tried(id, answer)[1] for id, answer in WRONG if answer.diagnosis == found.id]
    assert missing(found, "\n".join(shown)) == []


@pytest.mark.parametrize("id", [*PYTHON, *BROWSER, *PROJECT])
def test_catalogue(id: str) -> None:
    """There are two other right answers at least, and wrong ones with their diagnoses."""
    found = answers(id)
    assert sum(answer.kind == "right" for answer in found) >= 2
    diagnoses = [answer.diagnosis for answer in found if answer.kind == "wrong"]
    assert all(diagnoses) and len(set(diagnoses)) >= 4
    titles = [answer.title for answer in found]
    sources = [answer.source for answer in found]
    assert len(set(titles)) == len(set(sources)) == len(found)


@pytest.mark.parametrize("id", PYTHON)
def test_names(id: str) -> None:
    """Whatever the stub defines, the solution defines as well, and what the check looks at."""
    stub, solution = map(defined, (cells(id).stub, cells(id).solution))
    assert cells(id).answer_name in solution
    if cells(id).is_empty:
        assert stub <= {cells(id).answer_name}
    else:
        assert stub
    assert stub <= solution


@pytest.mark.parametrize("lesson", sorted({EXERCISES[id].lesson for id in [*PYTHON, *BROWSER]}))
def test_an_empty_cell(lesson: int) -> None:
    """One exercise of each lesson starts from an empty cell, where it is no file."""
    python = [cells(id).is_empty for id in PYTHON if EXERCISES[id].lesson == lesson]
    browser = [
        all(line.startswith("//") for line in cells(id).stub.split("\n")[1:])
        for id in BROWSER
        if EXERCISES[id].lesson == lesson
    ]
    assert sum(python + browser) == 1


@pytest.mark.parametrize("id", PYTHON)
def test_the_word_solution(id: str) -> None:
    """JupyterLab shows the first line of a cell that is folded away: there stands Solution."""
    assert cells(id).solution.startswith("# Solution\n")


@pytest.mark.parametrize("id", BROWSER)
def test_the_word_solution_in_a_browser_cell(id: str) -> None:
    """The first line of a browser cell is its magic, and its name says solution."""
    assert cells(id).solution.partition("\n")[0].split()[1].endswith("-solution")


def defined(source: str) -> set[str]:
    """Return the names of classes, functions and variables that a cell defines."""
    names = set()
    for statement in ast.parse(source).body:
        match statement:
            case ast.ClassDef(name) | ast.FunctionDef(name) | ast.Assign([ast.Name(name)]):
                names.add(name)
    return names


@pytest.mark.parametrize("id", [*PYTHON, *BROWSER, *PROJECT])
def test_hints(id: str) -> None:
    """Three hints; none is empty, and only the third shows lines of the solution."""
    hints = cells(id).hints
    assert len(hints) == 3
    assert all(len(hint) > 40 for hint in hints)
    own = new_lines(id)
    assert own
    for hint in hints[:2]:
        assert [line for line in own if line in squeeze(hint)] == []


def new_lines(id: str) -> list[str]:
    """Return the lines of the solution that the stub does not have."""
    stub = set(map(squeeze, cells(id).stub.split("\n")))
    lines = [squeeze(line) for line in cells(id).solution.split("\n")]
    trivial = re.compile(r"(import|from|check\(|%%|class|def|async def|return$|else:$|try:$|})")
    return [
        line for line in lines if line not in stub and len(line) > 8 and not trivial.match(line)
    ]


def squeeze(text: str) -> str:
    return " ".join(text.split())

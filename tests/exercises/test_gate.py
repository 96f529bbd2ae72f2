"""Every exercise: its stub fails as intended, right answers pass, wrong ones are diagnosed."""

from __future__ import annotations

import ast
import re

import pytest

from server.exercises import check
from server.exercises.catalogue import Answer, answers
from server.exercises.check import EXERCISES
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

STUBS = {
    "1.1": "websocket_receive has nothing in it yet: "
    "send the client's text back in capital letters.",
    "1.2": "websocket_receive has nothing in it yet: "
    "count down from the client's number, one message each.",
    "1.3": 'receive has nothing in it yet: answer each text, and leave after "bye".',
    "1.4": "One order after the other.",
    "2.1": "routes is empty: add a route for ws/room/<name>/ that leads to ChatRoom.",
    "2.2": "A client gets in that must not.",
    "2.3": "routes has one route: add a last one that takes every other path, "
    "and let NotHere close with 4404.",
    "2.4": "A path leads to another consumer than its own.",
    "4.1": "receive has nothing in it yet: decode the message, calculate, and answer in JSON.",
    "4.2": "An exception on bad JSON.",
    "4.3": "A type that JSON does not know.",
    "4.4": "receive_json has nothing in it yet: "
    "look at the type of the message, and answer with the count.",
}
"""The first line of advice for each untouched stub."""

RIGHT = [(id, answer) for id in PYTHON for answer in answers(id) if answer.kind == "right"]
WRONG = [(id, answer) for id in PYTHON for answer in answers(id) if answer.kind == "wrong"]


def named(value: object) -> str | None:
    return value.title if isinstance(value, Answer) else None


def test_all_in_the_lessons() -> None:
    """Each lesson has at least four exercises, and each exercise is registered."""
    assert list(all_cells()) == sorted(EXERCISES)
    for lesson in "12346":
        assert sum(id.startswith(f"{lesson}.") for id in EXERCISES) >= 4


@pytest.mark.parametrize("id", PYTHON)
def test_stub(id: str) -> None:
    """The untouched stub fails with exactly its intended message."""
    verdict = check(id, run_stub(id))
    assert not verdict.passed
    assert verdict.advice[0] == STUBS[id]


@pytest.mark.parametrize("id", PYTHON)
def test_solution(id: str) -> None:
    """The solution passes ten times in a row, always with the same words."""
    answer = run_solution(id)
    verdicts = {repr(check(id, answer, solution=True)) for _ in range(10)}
    assert len(verdicts) == 1
    (verdict,) = verdicts
    assert f"Exercise {id}, {EXERCISES[id].title}: ✓ the solution passes" in verdict


@pytest.mark.parametrize("id", PYTHON)
def test_solution_under_load(id: str, busy_machine: None) -> None:
    """The solution passes while the machine is busy."""
    verdict = check(id, run_solution(id), solution=True)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("id", "answer"), RIGHT, ids=named)
def test_right_answer(id: str, answer: Answer) -> None:
    """A right answer in another style passes."""
    verdict = check(id, run_answer(id, answer))
    assert verdict.passed, verdict


@pytest.mark.parametrize(("id", "answer"), WRONG, ids=named)
def test_wrong_answer(id: str, answer: Answer) -> None:
    """A known wrong answer does not pass and gets its diagnosis."""
    verdict = check(id, run_answer(id, answer))
    assert not verdict.passed
    assert verdict.mistake is not None, verdict
    assert verdict.mistake.id == answer.diagnosis, verdict
    assert 1 <= len(verdict.advice) <= 3


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
    """Whatever the stub defines, the solution defines as well."""
    stub, solution = map(defined, (cells(id).stub, cells(id).solution))
    assert stub and stub <= solution


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

"""``check("1.1", ShoutBack)``: try an answer over a real socket, and give a verdict."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from traceback import TracebackException
from types import CodeType
from typing import TYPE_CHECKING, Any

from ..diagnosis import MISTAKES, Mistake, diagnose_entry, diagnose_text, find_failure
from ..pictures.words import error
from ..record import Failed, Note, Printed, Refused, Snapshot
from .progress import remember
from .scenario import Patience, Step, Trial
from .template import fill

if TYPE_CHECKING:
    from ..pictures import Transcript

__all__ = ["EXERCISES", "Exercise", "Verdict", "check", "exercise", "is_empty"]

PATIENCE = Patience()

MAX_PRINTS = 10


@dataclass(frozen=True)
class Exercise:
    """An exercise: how an answer is tried."""

    id: str
    title: str
    scenario: Callable[[Trial], None]
    unwritten: Callable[[Any], str | None]
    """Returns what to do first, where the answer is still the stub."""


EXERCISES: dict[str, Exercise] = {}
"""All exercises by id, in the order of the lessons."""


def exercise(
    id: str, title: str, unwritten: Callable[[Any], str | None] = lambda answer: None
) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
    """Register a scenario as an exercise."""

    def register(scenario: Callable[[Trial], None]) -> Callable[[Trial], None]:
        EXERCISES[id] = Exercise(id, title, scenario, unwritten)
        return scenario

    return register


@dataclass(frozen=True)
class Verdict:
    """What came of a check; true if the answer passed. Shows as text and in a notebook."""

    exercise: Exercise
    passed: bool
    solution: bool
    """Whether it was the course's own solution."""

    steps: tuple[Step, ...]
    advice: tuple[str, ...] = ()
    """What to do about it: one to three lines."""

    raised: tuple[str, ...] = ()
    """The exception that the answer raised, with the lines of the learner's own code."""

    prints: tuple[str, ...] = ()
    mistake: Mistake | None = None
    remark: str = ""
    """What else there is to say: that progress could not be remembered, say."""

    snapshot: Snapshot = field(default_factory=lambda: Snapshot((), (), 0), repr=False)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def transcript(self) -> Transcript:
        """What went over the wire during the check, as a table."""
        from ..pictures import Transcript

        return Transcript(self.snapshot)

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if not self.passed:
            return "✗ not yet"
        return "✓ the solution passes" if self.solution else "✓ solved"

    def __repr__(self) -> str:
        lines = [f"Exercise {self.exercise.id}, {self.exercise.title}: {self.headline}", ""]
        for step in self.steps:
            lines.append(f"  {'✓ ok     ' if step.passed else '✗ not yet'}  {step.what}")
            if not step.passed:
                lines.append(f"               expected: {step.expected}")
                lines.append(f"               came:     {step.came}")
        for title, part in (("This was raised:", self.raised), ("This was printed:", self.prints)):
            if part:
                lines += ["", title, *(f"  {line}" for line in part)]
        if self.advice:
            lines += ["", *self.advice]
        if self.remark:
            lines += ["", self.remark]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return fill("verdict.html", verdict=self)


solutions: weakref.WeakSet[Any] = weakref.WeakSet()
"""Answers that were the course's own: checked again, they are not the learner's."""


def check(id: str, answer: Any, *, solution: bool = False) -> Verdict:
    """Try an answer to an exercise, and say what it does and does not do yet.

    The answer runs on a server of its own, which is gone when the verdict is there. An answer
    that passes is remembered as solved; ``progress()`` shows it.

    Args:
        id: The exercise: ``"1.1"``.
        answer: What the exercise asks for: a consumer class, a list of routes, an application.
        solution: This is the course's own solution, which does not count as the learner's.

    Raises:
        ValueError: There is no such exercise.

    """
    if id not in EXERCISES:
        raise ValueError(f"there is no exercise {id!r}; there are {', '.join(EXERCISES)}")
    exercise = EXERCISES[id]
    solution = solution or is_solution(answer)
    if solution:
        note_solution(answer)
    verdict = judge(exercise, answer, solution)
    if verdict.passed and not solution:
        problem = remember(id)
        if problem:
            return Verdict(
                exercise, True, False, verdict.steps, remark=problem, snapshot=verdict.snapshot
            )
    return verdict


def judge(exercise: Exercise, answer: Any, solution: bool) -> Verdict:
    """Play the exercise's scenario with an answer."""
    todo = exercise.unwritten(answer)
    # A stub is known before it is tried, and sends nothing however long one waits.
    patience = replace(PATIENCE, idle=0.1, leave=0.1) if todo else PATIENCE
    try:
        trial = Trial(answer, patience)
    except TypeError as exc:
        step = Step("the answer can be launched", False, "something that serves", str(exc))
        return Verdict(exercise, False, solution, (step,), advice=(todo,) if todo else ())
    with trial:
        passed = trial.run(exercise.scenario)
        snapshot = trial.snapshot
        trial.close_clients()
    steps = tuple(trial.steps)
    if passed:
        return Verdict(exercise, True, solution, steps, snapshot=snapshot)
    failure = find_exception(snapshot)
    mistake = None if todo else find_mistake(trial, snapshot)
    raised = tuple(error(failure)) if failure is not None else ()
    if todo:
        advice: tuple[str, ...] = tuple(todo.split("\n"))
    elif mistake is not None:
        advice = (f"{mistake.name}.", mistake.cause, mistake.fix)
    else:
        advice = ()
    prints = tuple(e.what.text for e in snapshot.entries if isinstance(e.what, Printed))
    return Verdict(
        exercise,
        False,
        solution,
        steps,
        advice=advice,
        raised=raised,
        prints=shorten(prints),
        mistake=mistake,
        snapshot=snapshot,
    )


def find_mistake(trial: Trial, snapshot: Snapshot) -> Mistake | None:
    """Return the likely mistake: what the scenario saw, then what the record shows."""
    if trial.mistake is not None:
        return trial.mistake
    failure = find_exception(snapshot)
    if failure is not None:
        found = find_failure(failure)
        if found is not None:
            return found
    for text in trial.warnings:
        found = diagnose_text(text)
        if found is not None:
            return found
    for entry in reversed(snapshot.entries):
        if isinstance(entry.what, Note | Refused):
            found = diagnose_entry(entry)
            if found is not None:
                return found
    if any(
        isinstance(entry.what, Refused) and entry.what.status == 403 for entry in snapshot.entries
    ):
        return MISTAKES["close-before-accept"]
    return None


def find_exception(snapshot: Snapshot) -> TracebackException | None:
    """Return the first exception that the answer raised."""
    for entry in snapshot.entries:
        if isinstance(entry.what, Failed):
            return entry.what.exception
    return None


def shorten(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first of many lines."""
    if len(lines) <= MAX_PRINTS:
        return lines
    return (*lines[:MAX_PRINTS], f"… and {len(lines) - MAX_PRINTS} lines more")


def is_solution(answer: Any) -> bool:
    """Tell whether an answer was checked as the course's own before."""
    try:
        return answer in solutions
    except TypeError:
        # A list has no weak references.
        return any(answer is known for known in solution_lists)


def note_solution(answer: Any) -> None:
    """Keep in mind that an answer is the course's own."""
    try:
        solutions.add(answer)
    except TypeError:
        if not any(answer is known for known in solution_lists):
            solution_lists.append(answer)


solution_lists: list[Any] = []


# What a stub looks like


def is_empty(function: Any) -> bool:
    """Tell whether a function's body is empty: ``pass``, ``...`` or a docstring."""
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    if not isinstance(code, CodeType):
        return False
    nothing = {None, Ellipsis, getattr(function, "__doc__", None)}
    return not code.co_names and all(constant in nothing for constant in code.co_consts)


def empty_method(name: str, todo: str) -> Callable[[Any], str | None]:
    """Return a test for a stub: the method has no body yet."""

    def unwritten(answer: Any) -> str | None:
        method = getattr(answer, name, None)
        if method is not None and is_empty(method):
            return f"{name} has nothing in it yet: {todo}"
        return None

    return unwritten

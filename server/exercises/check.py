"""``check("1.1", ShoutBack)``: try an answer over a real socket, and give a verdict."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from traceback import TracebackException
from types import CodeType
from typing import TYPE_CHECKING, Any

from ..live.record import Closed, Failed, Note, Printed, Refused, Snapshot
from ..mistakes.diagnosis import diagnose_entry, find_failure
from ..mistakes.registry import MISTAKES, Mistake, diagnose_text
from ..pictures.words import error
from ..template import fill
from .mistakes import CLOSED_TOO_EARLY, NO_ANSWER, PRINTED, STILL_BUSY
from .progress import remember
from .registry import BrowserExercise, Exercise, find
from .scenario import ENDED, NOTHING, NotYet, Patience, Sheet, Step, Trial, quote
from .visit import (
    find_detour,
    find_error,
    find_handler_name,
    find_obstacle,
    is_witnessed,
    newest_run,
    wait_for_visit,
)

if TYPE_CHECKING:
    from ..pictures import Transcript

__all__ = ["Unsolved", "Verdict", "check", "empty_method", "is_empty"]

PATIENCE = Patience()

MAX_PRINTS = 10


@dataclass(frozen=True)
class Verdict:
    """What came of a check; true if the answer passed. Shows as text and in a notebook."""

    exercise: Exercise | BrowserExercise
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
        return fill("exercises/verdict.html", verdict=self)


class Unsolved(AssertionError):
    """An answer does not pass where nbgrader grades it; the text is the verdict."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the verdict, and no lines of the course's own code."""
        return str(self).splitlines()


solutions: list[Any] = []
"""Answers that were the course's own: checked again, they are not the learner's."""


def check(id: str, answer: Any = None, *, solution: bool = False) -> Verdict:
    """Try an answer to an exercise, and say what it does and does not do yet.

    The answer runs on a server of its own, which is gone when the verdict is there. An answer
    that passes is remembered as solved; ``progress()`` shows it.

    Args:
        id: The exercise: ``"1.1"``.
        answer: What the exercise asks for: a consumer class, a list of routes, an application;
            nothing for an exercise that a browser does.
        solution: This is the course's own solution, which does not count as the learner's.

    Raises:
        ValueError: There is no such exercise.
        Unsolved: nbgrader runs the cell, and the answer does not pass.

    """
    exercise = find(id)
    if isinstance(exercise, BrowserExercise):
        verdict = judge_browser(exercise)
    else:
        known = any(answer is one for one in solutions)
        if solution and not known:
            solutions.append(answer)
        solution = solution or known
        verdict = judge(exercise, answer, solution)
    if not verdict.passed:
        verdict = replace(verdict, remark=doubt(cell_error()))
        if is_graded():
            raise Unsolved(str(verdict))
    # Whose progress it is, is known where the answer was written, and not where it is graded.
    elif not verdict.solution and not is_graded():
        verdict = replace(verdict, remark=remember(id))
    return verdict


def is_graded() -> bool:
    """Tell whether nbgrader runs the notebook: it takes a cell that fails for no points."""
    return bool(os.environ.get("NBGRADER_EXECUTION"))


def cell_error() -> BaseException | None:
    """Return what ended the cell that was run before this one, if anything did."""
    from IPython.core.getipython import get_ipython  # late: not every import needs IPython

    shell = get_ipython()
    before = shell.last_execution_result if shell is not None else None
    if before is None:
        return None
    error: BaseException | None = before.error_before_exec or before.error_in_exec
    return error


def doubt(error: BaseException | None) -> str:
    """Say that what was checked may be older than the learner thinks."""
    if error is None:
        return ""
    return (
        f"The cell that you ran just before has failed: {type(error).__name__}. "
        "If your answer is in it, what was checked is an older one."
    )


def judge_browser(exercise: BrowserExercise) -> Verdict:
    """Judge what the page of the exercise's cell did when it was run last."""
    run = newest_run(exercise.cell)
    what = f"a browser connects to {exercise.path}"
    sheet = Sheet()
    mistake: Mistake | None = None
    raised: tuple[str, ...] = ()
    came, advice = find_obstacle(exercise.cell, run)
    if not came:
        assert run is not None
        visit = wait_for_visit(run, exercise.path, exercise.done)
        came, advice = find_detour(visit)
        if visit.sockets:
            with suppress(NotYet):
                sheet.passed(what)
                exercise.scenario(sheet, visit)
                sheet.expect(
                    "the server's record shows the same",
                    is_witnessed(run, exercise.path),
                    "what your page did",
                    "something else: run the cell once more",
                )
        if not visit.sockets or not sheet.steps[-1].passed:
            mistake = find_error(visit) or find_handler_name(visit) or sheet.mistake
            raised = shorten(visit.raised)
    if came:
        sheet.steps.append(Step(what, False, "a browser", came))
    if mistake is not None:
        advice = (f"{mistake.name}.", mistake.cause, mistake.fix)
    return Verdict(
        exercise,
        all(step.passed for step in sheet.steps),
        run is not None and run.name.endswith("-solution"),
        tuple(sheet.steps),
        advice=advice,
        raised=raised,
        mistake=mistake,
    )


def judge(exercise: Exercise, answer: Any, solution: bool) -> Verdict:
    """Play the exercise's scenario with an answer."""
    todo = exercise.unwritten(answer)
    # A stub is known before it is tried, and sends nothing however long one waits.
    patience = replace(PATIENCE, idle=0.1, leave=0.1) if todo else PATIENCE
    try:
        trial = Trial(answer, patience)
    except TypeError as exc:
        came = f"the class {answer.__name__}" if todo and isinstance(answer, type) else str(exc)
        step = Step("the answer can be launched", False, "something that serves", came)
        return Verdict(exercise, False, solution, (step,), advice=(todo,) if todo else ())
    with trial:
        passed = trial.run(exercise.scenario)
        snapshot = trial.snapshot
        trial.close_clients()
    steps = tuple(trial.steps)
    if passed:
        return Verdict(exercise, True, solution, steps, snapshot=snapshot)
    failure = find_exception(snapshot)
    if todo and has_spoken(trial, failure):
        todo = None
    mistake = None if todo else find_mistake(trial, snapshot)
    raised = tuple(error(failure)) if failure is not None else ()
    if todo:
        advice: tuple[str, ...] = tuple(todo.split("\n"))
    elif mistake is not None:
        advice = (f"{mistake.name}.", mistake.cause, mistake.fix)
    else:
        advice = ()
    return Verdict(
        exercise,
        False,
        solution,
        steps,
        advice=advice,
        raised=raised,
        prints=shorten(find_prints(snapshot)),
        mistake=mistake,
        snapshot=snapshot,
    )


def has_spoken(trial: Trial, failure: TracebackException | None) -> bool:
    """Tell whether an answer that has an empty method still shows a mistake elsewhere."""
    if failure is not None:
        return find_failure(failure) is not MISTAKES["no-route"]
    return trial.noted("no-accept")


def find_mistake(trial: Trial, snapshot: Snapshot) -> Mistake | None:
    """Return the likely mistake: what the scenario saw, then what the record shows."""
    if trial.mistake is not None:
        return trial.mistake
    failure = find_exception(snapshot)
    notes = [e for e in reversed(snapshot.entries) if isinstance(e.what, Note | Refused)]
    for found in (
        find_failure(failure) if failure is not None else None,
        *map(diagnose_text, trial.warnings),
        *map(diagnose_entry, notes),
    ):
        if found is not None:
            return found
    if any(isinstance(entry.what, Refused) and entry.what.status == 403 for entry in notes):
        return MISTAKES["close-before-accept"]
    return None if failure is not None else find_silent_mistake(trial, snapshot)


def find_silent_mistake(trial: Trial, snapshot: Snapshot) -> Mistake | None:
    """Return the likely mistake behind an answer that does not come, where nothing was raised."""
    step = trial.steps[-1]
    if step.came.startswith(NOTHING):
        if trial.was_busy:
            return STILL_BUSY
        printed = any(
            step.expected in (line, quote(line)) or "websocket.send" in line
            for line in find_prints(snapshot)
        )
        return PRINTED if printed else NO_ANSWER
    closed = (entry.what for entry in snapshot.entries if isinstance(entry.what, Closed))
    if step.came.startswith(ENDED) and any(close.by == "consumer" for close in closed):
        return CLOSED_TOO_EARLY
    return None


def find_prints(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the lines that the answer printed."""
    return tuple(e.what.text for e in snapshot.entries if isinstance(e.what, Printed))


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

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

from django.core.exceptions import ImproperlyConfigured

from ..live.record import Closed, Failed, Note, Printed, Refused, Snapshot
from ..mistakes.diagnosis import diagnose_entry, find_failure
from ..mistakes.registry import MISTAKES, Mistake, diagnose_text
from ..notebook.launch import as_application
from ..pictures.words import error
from ..template import fill
from .mistakes import CLOSED_TOO_EARLY, NO_ANSWER, PRINTED, STILL_BUSY
from .progress import remember
from .ran import Ran, defined, defined_twice, kind, may_define, session
from .registry import AnyExercise, BrowserExercise, Exercise, ProjectExercise, find
from .scenario import ENDED, NOTHING, REFUSED, NotYet, Patience, Sheet, Step, Trial, quote
from .script import find_script
from .visit import (
    RUNAWAY,
    STUCK,
    answers,
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

__all__ = ["RUN_FIRST", "Unsolved", "Verdict", "check", "empty_method", "is_empty"]

PATIENCE = Patience()

MAX_PRINTS = 10

RUN_FIRST = "If you have written it already, run that cell first, and then the check."
"""What a learner is told whose answer is still the stub."""


@dataclass(frozen=True)
class Verdict:
    """What came of a check; true if the answer passed. Shows as text and in a notebook."""

    exercise: AnyExercise | ProjectExercise
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
    notes: tuple[str, ...] = ()
    """What to know before reading on: that the answer may be an older one, say."""

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
        if self.notes:
            lines += [*self.notes, ""]
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
    elif isinstance(exercise, ProjectExercise):
        verdict = exercise.judge(answer or "".join(exercise.answers[-1:]), solution)
    else:
        if answer is None:
            answer = session.names.get(exercise.name)
        known = any(answer is one for one in solutions)
        if solution and not known:
            solutions.append(answer)
        verdict = judge_python(exercise, answer, solution or known)
    if is_graded():
        # Whose progress it is, is known where the answer was written, and not here.
        if not verdict.passed:
            raise Unsolved(str(verdict))
        return verdict
    if not verdict.passed or verdict.solution:
        return verdict
    return replace(verdict, remark=remember(id))


def is_graded() -> bool:
    """Tell whether nbgrader runs the notebook: it takes a cell that fails for no points."""
    return bool(os.environ.get("NBGRADER_EXECUTION"))


def judge_python(exercise: Exercise, answer: Any, solution: bool) -> Verdict:
    """Judge an answer, and say of a learner's where it may be another one than they think."""
    if solution:
        return judge(exercise, answer, solution)
    if answer is None:
        return nothing_given(exercise)
    notes = doubts(exercise, answer)
    others = made_instead(exercise, answer)
    if others:
        return another_made(exercise, answer, others, notes)
    verdict = judge(exercise, answer, solution)
    if not verdict.passed and checked.get(exercise.id) is answer:
        notes = (*notes, SAME_AS_BEFORE)
    if not verdict.passed and exercise.beside and is_missing(exercise.beside):
        notes = (
            *notes,
            f"There is no {exercise.beside} in the notebook: has the cell of this exercise been "
            "run?",
        )
    checked[exercise.id] = answer
    return replace(verdict, notes=notes)


def nothing_given(exercise: Exercise) -> Verdict:
    """Return the verdict where there is no answer; what the learner's cell makes may be meant."""
    own = own_cell(exercise)
    made = made_by_cell(session.running)
    if not made and own is not None and not own.error:
        made = made_by_cell(own.source)
    name = exercise.name
    if not name:
        step = Step("the check is given an answer", False, "what your cell makes", NOTHING)
        advice: tuple[str, ...] = (f'Write check("{exercise.id}", {(*made, "...")[0]}).',)
    else:
        step = Step(f"the notebook has {name}", False, name, "nothing of that name")
        todo = f"{name} is not there yet: write it into the cell above."
        if name in session.names:
            step = replace(step, came="None")
            todo = f"{name} is None: what it was made with returns nothing."
        elif made:
            step = replace(step, came=" and ".join(made))
            todo = f"{name} is not there yet: give that name to what your cell makes."
        advice = todo, RUN_FIRST
    return Verdict(exercise, False, False, (step,), advice=advice)


def made_by_cell(source: str) -> list[str]:
    """Return what a cell makes that an exercise may ask for."""
    return [name for name in dict.fromkeys(defined(source)) if kind(session.names.get(name))]


# Whether the answer is the one on the screen

checked: dict[str, Any] = {}
"""The answers that were checked last, by the exercise."""

SAME_AS_BEFORE = (
    "This is the same answer as at the last check. If you have changed your cell since, "
    "run it first, and then the check."
)


DEFINED_TWICE = "Your cell defines {} twice, and only the last definition counts."


def own_cell(exercise: Exercise) -> Ran | None:
    """Return the cell that should have made the answer: the exercise's, or the one run last."""
    ran = session.ran
    return session.newest(exercise.cell_id) or (ran[-1] if ran else None)


def is_missing(name: str) -> bool:
    """Tell whether a notebook, if this is one, has nothing of that name."""
    return session.shell is not None and name not in session.names


def names_for(answer: Any) -> set[str]:
    """Return the names under which the notebook knows an answer."""
    return {name for name, value in tuple(session.names.items()) if value is answer}


def is_made_here(answer: Any) -> bool:
    """Tell whether the cell that checks an answer is also the one that makes it."""
    return bool(names_for(answer) & set(defined(session.running)))


def doubts(exercise: Exercise, answer: Any) -> tuple[str, ...]:
    """Say that what is checked may be older than the learner thinks, or another definition."""
    if is_made_here(answer):
        twice = defined_twice(session.running)
        return (DEFINED_TWICE.format(twice),) if twice else ()
    ran = session.ran
    names = names_for(answer)
    makers = [one for one in ran if not one.error and names & set(defined(one.source))]
    own = own_cell(exercise)
    notes = []
    if ran and ran[-1].error and may_define(ran[-1].source):
        notes.append(
            f"The cell that you ran just before has failed: {ran[-1].error}. "
            "If your answer is in it, what was checked is an older one."
        )
    elif (
        own is not None
        and own.error
        and may_define(own.source)
        and not any(one in ran[ran.index(own) :] for one in makers)
    ):
        notes.append(
            f"The cell of this exercise has failed when it was run last: {own.error}. "
            "What was checked is an older answer."
        )
    twice = defined_twice(makers[-1].source) if makers else ""
    if twice:
        notes.append(DEFINED_TWICE.format(twice))
    others = made_by(own, answer) if own is not None and not own.cell else []
    if others:
        notes.append(
            f"The cell that you ran just before makes {' and '.join(others)}. "
            "What was checked is what an older cell has made."
        )
    return tuple(notes)


def made_by(own: Ran, answer: Any) -> list[str]:
    """Return what a cell makes of the kind that is asked for, if it is older than the answer."""
    names = names_for(answer)
    ran = session.ran
    since = [one for one in ran[ran.index(own) :] if not one.error]
    if own.error or not kind(answer) or any(names & set(defined(one.source)) for one in since):
        return []
    values = {name: session.names.get(name) for name in defined(own.source)}
    return [name for name, value in values.items() if kind(value) == kind(answer)]


def made_instead(exercise: Exercise, answer: Any) -> list[str]:
    """Return what the learner's cell makes of the kind that is asked for, if not the answer."""
    own = own_cell(exercise)
    if is_made_here(answer):
        return []
    # Without the ids of cells, the one that was run last may be anything.
    if own is None or not (own.cell or redefines(own, answer)):
        return []
    return made_by(own, answer)


def redefines(own: Ran, answer: Any) -> bool:
    """Tell whether a cell defines something that the cell of the answer has defined as well."""
    names = names_for(answer)
    makers = [one for one in session.ran if names & set(defined(one.source))]
    return bool(makers) and bool(set(defined(makers[-1].source)) & set(defined(own.source)))


def another_made(
    exercise: Exercise, answer: Any, others: list[str], notes: tuple[str, ...]
) -> Verdict:
    """Return the verdict on an answer that an older cell has made."""
    names = " and ".join(sorted(names_for(answer))) or "the answer"
    made = " and ".join(others)
    step = Step(f"your cell makes {names}", False, names, made)
    advice = (
        f"Your cell makes {made}, and {names} is what an older cell has made.",
        f"Give yours the name {names}, run the cell, and check again.",
    )
    return Verdict(exercise, False, False, (step,), advice=advice, notes=notes)


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
        visit = wait_for_visit(run, exercise.path, exercise.done, exercise.rest)
        came, advice = find_detour(visit)
        if not came:
            with suppress(NotYet):
                sheet.passed(what)
                exercise.scenario(sheet, visit)
                sheet.expect(
                    "the server's record shows the same",
                    is_witnessed(run, exercise.path),
                    "what your page did",
                    "something else: run the cell once more",
                )
        if came or not sheet.steps[-1].passed:
            mistake = find_script(visit) or find_error(visit) or find_handler_name(visit)
            raised = shorten(visit.raised)
            did_nothing = bool(came) or sheet.steps[-1].came == NOTHING
            if mistake is None and did_nothing and not answers(run):
                came = STUCK
            mistake = mistake or sheet.mistake
    if came == STUCK:
        mistake = RUNAWAY
        # It may have connected before.
        sheet.steps.append(Step("the page answers", False, "an answer", came))
    elif came:
        sheet.steps.append(Step(what, False, "a browser", came))
    if mistake is not None:
        advice = advised(mistake)
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
    example = f"{exercise.name} = {{}}" if exercise.name else f'check("{exercise.id}", {{}})'
    try:
        as_application(answer, "check()", example)
        trial = Trial(answer, patience)
    except (TypeError, ImproperlyConfigured) as exc:
        came = f"the class {answer.__name__}" if todo and isinstance(answer, type) else str(exc)
        step = Step("the answer can be launched", False, "something that serves", came)
        mistake = None if todo else diagnose_text(str(exc))
        advice = tuple(todo.split("\n")) if todo else advised(mistake)
        return Verdict(exercise, False, solution, (step,), advice=advice, mistake=mistake)
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
    return Verdict(
        exercise,
        False,
        solution,
        steps,
        advice=tuple(todo.split("\n")) if todo else advised(mistake),
        raised=raised,
        prints=shorten(find_prints(snapshot)),
        mistake=mistake,
        snapshot=snapshot,
    )


def advised(mistake: Mistake | None) -> tuple[str, ...]:
    """Return what is said of a mistake; nothing where none is known."""
    return (f"{mistake.name}.", mistake.cause, mistake.fix) if mistake is not None else ()


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
    # That others were refused before, as they should be, is no reason for what came now.
    refused = trial.steps[-1].came.startswith(REFUSED)
    kinds = Note | Refused if refused else Note
    notes = [e for e in reversed(snapshot.entries) if isinstance(e.what, kinds)]
    for found in (
        find_failure(failure) if failure is not None else None,
        *map(diagnose_text, trial.warnings),
        *map(diagnose_entry, notes),
    ):
        if found is not None:
            return found
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
        # One that is inherited says nothing of what the learner has written under another name.
        method = vars(answer).get(name) if isinstance(answer, type) else None
        if method is not None and is_empty(method):
            return f"{name} has nothing in it yet: {todo}\n{RUN_FIRST}"
        return None

    return unwritten

"""The registry of the exercises; the lessons bring theirs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from .scenario import Sheet, Trial
from .visit import Visit

__all__ = [
    "EXERCISES",
    "AnyExercise",
    "BrowserExercise",
    "Exercise",
    "ProjectExercise",
    "browser_exercise",
    "enter",
    "exercise",
    "find",
]

Scenario: TypeAlias = Callable[[Trial], None]
Judge: TypeAlias = Callable[[Sheet, Visit], None]


@dataclass(frozen=True)
class Common:
    """What all exercises have."""

    id: str
    """The number of its lesson and its own: ``1.1``."""

    title: str

    @property
    def lesson(self) -> int:
        """The number of its lesson."""
        return in_order(self.id)[0]


@dataclass(frozen=True)
class Exercise(Common):
    """An exercise: how an answer is tried."""

    scenario: Scenario
    unwritten: Callable[[Any], str | None]
    """Returns what to do first, where the answer is still the stub."""

    name: str = ""
    """What the answer is called, where its cell is empty at the start."""

    beside: str = ""
    """What its cell makes beside an answer of a name that other cells use as well."""

    @property
    def folder(self) -> Path:
        """The folder of its lesson."""
        return folder_of(self.scenario)

    @property
    def cell_id(self) -> str:
        """The id of the notebook's cell for the answer."""
        return f"stub-{self.id.replace('.', '-')}"


@dataclass(frozen=True)
class BrowserExercise(Common):
    """An exercise for a ``%%browser`` cell: how what the browser did is judged."""

    cell: str
    """The name of the cell."""

    scenario: Judge
    done: Callable[[Visit], bool]
    """Tells whether there is nothing more to wait for; a page that has come to rest is done."""

    rest: float = 0.0
    """Seconds to look on after that, for what must not follow."""

    @property
    def folder(self) -> Path:
        """The folder of its lesson."""
        return folder_of(self.scenario)

    @property
    def path(self) -> str:
        """The path that the page connects to."""
        return f"/ws/{self.cell}/"


@dataclass(frozen=True)
class ProjectExercise(Common):
    """An exercise whose answer is a file of a project: who judges it."""

    judge: Callable[[str, bool], Any]
    """Takes the file's text, and whether it is the course's own solution; returns the verdict."""

    folder: Path
    """The folder of its lesson."""

    answers: list[str] = field(default_factory=list)
    """The file as the learner wrote it last, if at all."""


AnyExercise: TypeAlias = Exercise | BrowserExercise | ProjectExercise


class Exercises(Mapping[str, AnyExercise]):
    """All exercises by id, in the order of the lessons.

    The lessons enter theirs when somebody first asks: what judges them takes its time to import,
    and a notebook that only launches a server has no need of it.

    """

    def __init__(self) -> None:
        self.entered: dict[str, AnyExercise] = {}
        self.bring: Callable[[], None] | None = None
        """Has the lessons enter theirs."""

    def complete(self) -> dict[str, AnyExercise]:
        """Return all exercises, once the lessons have entered theirs."""
        bring, self.bring = self.bring, None
        if bring is not None:
            bring()
            # Whoever has imported a lesson's judges before was out of turn.
            self.entered = dict(sorted(self.entered.items(), key=lambda item: in_order(item[0])))
        return self.entered

    def __getitem__(self, id: str) -> AnyExercise:
        return self.complete()[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.complete())

    def __len__(self) -> int:
        return len(self.complete())


EXERCISES = Exercises()
"""All exercises of the course."""


def folder_of(scenario: Callable[..., None]) -> Path:
    """Return the folder of the lesson that a scenario is written in."""
    return Path(inspect.getfile(scenario)).parent


def in_order(id: str) -> list[int]:
    """Return what exercises are sorted by: the numbers of the lesson and of the exercise."""
    return [int(number) for number in id.split(".")]


def find(id: str) -> AnyExercise:
    """Return an exercise.

    Raises:
        TypeError: The id is no text.
        ValueError: There is no such exercise.

    """
    if not isinstance(id, str):
        raise TypeError(f'an exercise is named by a text: write "{id}", in quotes')
    if id not in EXERCISES:
        raise ValueError(f"there is no exercise {id!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[id]


def enter(exercise: AnyExercise) -> None:
    """Enter an exercise.

    Raises:
        ValueError: The id is entered already.

    """
    if exercise.id in EXERCISES.entered:
        raise ValueError(f"two exercises are called {exercise.id!r}")
    EXERCISES.entered[exercise.id] = exercise


def exercise(
    id: str,
    title: str,
    unwritten: Callable[[Any], str | None] = lambda answer: None,
    *,
    name: str = "",
    beside: str = "",
) -> Callable[[Scenario], Scenario]:
    """Register a scenario as an exercise; one whose cell is empty at the start has a ``name``."""

    def register(scenario: Scenario) -> Scenario:
        enter(Exercise(id, title, scenario, unwritten, name, beside))
        return scenario

    return register


def browser_exercise(
    id: str, title: str, cell: str, done: Callable[[Visit], bool], *, rest: float = 0.0
) -> Callable[[Judge], Judge]:
    """Register the judge of what a browser does as an exercise."""

    def register(scenario: Judge) -> Judge:
        enter(BrowserExercise(id, title, cell, scenario, done, rest))
        return scenario

    return register

"""The exercises as the lessons hold them, cell by cell."""

from __future__ import annotations

import ast
import itertools
import linecache
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import nbformat

from server.exercises.answers import Answer
from server.exercises.registry import EXERCISES, BrowserExercise, Exercise, ProjectExercise
from server.paths import NOTEBOOKS

__all__ = ["BROWSER", "PROJECT", "PYTHON", "Cells", "cells", "run_answer"]

BROWSER = [id for id, found in EXERCISES.items() if isinstance(found, BrowserExercise)]
PROJECT = [id for id, found in EXERCISES.items() if isinstance(found, ProjectExercise)]
PYTHON = [id for id in EXERCISES if id not in BROWSER + PROJECT]

numbers = itertools.count(1)

PARTS = ("exercise", "stub", "check", "hint", "solution")


@dataclass(frozen=True)
class Cells:
    """The five cells of an exercise."""

    exercise: str
    stub: str
    check: str
    hint: str
    solution: str

    @property
    def hints(self) -> list[str]:
        """The three hints, without their summaries."""
        return [
            text.replace("</details>", "").strip()
            for text in re.split(r"<details><summary>Hint \d</summary>", self.hint)[1:]
        ]

    @property
    def answer_name(self) -> str:
        """The name that the check is given, or looks for where the cell is empty at the start."""
        call = ast.parse(self.check).body[-1]
        assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
        id, *rest = call.value.args
        assert isinstance(id, ast.Constant)
        exercise = EXERCISES[str(id.value)]
        if not rest:
            assert isinstance(exercise, Exercise) and exercise.name
            return exercise.name
        assert isinstance(rest[0], ast.Name)
        return rest[0].id

    @property
    def is_empty(self) -> bool:
        """Whether the cell for the answer has nothing in it but a comment, or an empty list."""
        return all(
            isinstance(line, ast.Assign)
            and isinstance(line.value, ast.List)
            and not line.value.elts
            for line in ast.parse(self.stub).body
        )


@cache
def all_cells() -> dict[str, Cells]:
    """Read the exercises of all lessons."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            id = cell.metadata.get("exercise")
            if id:
                (part,) = set(cell.metadata.tags) & set(PARTS)
                found.setdefault(id, {})[part] = cell.source
    return {id: Cells(**parts) for id, parts in found.items()}


def cells(id: str) -> Cells:
    """Return the cells of an exercise."""
    return all_cells()[id]


def run(source: str, id: str) -> dict[str, Any]:
    """Run a cell that ends in a check, or in none; the check is not made."""
    names: dict[str, Any] = {}
    lines = source.rstrip().split("\n")
    if lines[-1].startswith("check("):
        lines.pop()
    name = f"<exercise {id}, cell {next(numbers)}>"
    # As IPython does: a traceback, and what looks at one, finds the code.
    linecache.cache[name] = len(source), None, [f"{line}\n" for line in lines], name
    exec(compile("\n".join(lines), name, "exec"), names)
    return names


def run_stub(id: str) -> Any:
    """Return what the stub defines, if anything."""
    return run(cells(id).stub, id).get(cells(id).answer_name)


def run_solution(id: str) -> Any:
    """Return what the solution defines."""
    return run(cells(id).solution, id)[cells(id).answer_name]


def run_answer(id: str, answer: Answer) -> Any:
    """Return what another answer defines."""
    return run(answer.imports + answer.source, id)[cells(id).answer_name]

"""Which cells the learner has run: what each defines, and whether it came to its end.

A check is given an object, and an object does not tell whether the cell on the screen is the one
that made it. What was run tells.

"""

# IPython's events have no types.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from channels.consumer import AsyncConsumer
from django.urls import URLPattern

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

__all__ = ["Ran", "Session", "defined", "defined_twice", "kind", "may_define", "session"]

MAX_RAN = 500
"""How many cells are remembered."""


@dataclass(frozen=True)
class Ran:
    """A cell that was run."""

    cell: str
    """Its id in the notebook; empty where the front end tells none."""

    source: str
    error: str
    """The name of the exception that ended it; empty where none did."""

    @classmethod
    def of(cls, result: ExecutionResult) -> Ran:
        """Return what IPython says of a cell that it has run."""
        error = result.error_before_exec or result.error_in_exec
        info: Any = result.info
        source, cell = info.raw_cell, info.cell_id
        return cls(cell or "", source or "", type(error).__name__ if error is not None else "")


class Session:
    """The cells of this kernel, in the order in which they were run."""

    def __init__(self) -> None:
        self.shell: InteractiveShell | None = None
        self.noted: list[Ran] = []

    def watch(self) -> None:
        """Note the cells from now on, if this is a kernel."""
        # Where nobody has imported IPython there is no kernel, and it takes its time.
        ipython: Any = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        if shell is self.shell:
            return
        self.shell, self.noted = shell, []
        if shell is not None:
            shell.events.register("post_run_cell", self.note)

    def note(self, result: ExecutionResult) -> None:
        """Note a cell that has been run."""
        if result.info is not None and result.info.store_history:
            self.noted.append(Ran.of(result))
            del self.noted[:-MAX_RAN]

    @property
    def ran(self) -> list[Ran]:
        """The cells that were run before this one, the newest last."""
        self.watch()
        if self.noted or self.shell is None or self.shell.last_execution_result is None:
            return self.noted
        return [Ran.of(self.shell.last_execution_result)]

    @property
    def names(self) -> Mapping[str, Any]:
        """What the notebook has defined by now."""
        return self.shell.user_ns if self.shell is not None else {}

    @property
    def running(self) -> str:
        """The source of the cell that is running; empty outside of one."""
        names = self.shell.user_global_ns if self.shell is not None else None
        file, frame = "", inspect.currentframe()
        while frame is not None:
            if frame.f_globals is names:
                file = frame.f_code.co_filename
            frame = frame.f_back
        # IPython keeps the source of a cell where a traceback finds it.
        return "".join(linecache.getlines(file))

    def newest(self, cell: str) -> Ran | None:
        """Return the newest run of a cell."""
        return next((ran for ran in reversed(self.ran) if ran.cell == cell), None)


session = Session()
"""The one session of this kernel."""

session.watch()


def parse(source: str) -> list[ast.stmt]:
    """Return the statements of a cell; none where it is no plain Python."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError):
        return []


def names_of(statement: ast.stmt) -> list[str]:
    """Return the names that a statement at the top of a cell gives a value."""
    match statement:
        case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
            return [name]
        case ast.Assign(targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(ast.Name(name)):
            return [name]
    return []


def defined(source: str) -> list[str]:
    """Return the names that a cell defines, in their order."""
    return [name for statement in parse(source) for name in names_of(statement)]


def may_define(source: str) -> bool:
    """Tell whether a cell can have been meant to define something, or is none that can be read."""
    nodes = [node for statement in parse(source) for node in ast.walk(statement)]
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign
    return not nodes or any(isinstance(node, kinds) for node in nodes)


def defined_twice(source: str) -> str:
    """Return a class, or a method of one, that a cell defines twice; else nothing."""
    classes = [statement for statement in parse(source) if isinstance(statement, ast.ClassDef)]
    found = [statement.name for statement in classes]
    for one in classes:
        for part in one.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                found += [f"{one.name}.{part.name}"] * (not part.decorator_list)
    # A class that stands there twice has its methods twice as well: it comes first.
    return next((name for name, count in Counter(found).items() if count > 1), "")


def kind(value: Any) -> str:
    """Return which of the things that an exercise asks for a value is; else nothing."""
    if isinstance(value, type):
        return "class" if issubclass(value, AsyncConsumer) else ""
    if isinstance(value, list | tuple):
        routes = bool(value) and all(isinstance(route, URLPattern) for route in value)
        return "routes" if routes else ""
    function = isinstance(value, FunctionType) and not inspect.iscoroutinefunction(value)
    return "application" if callable(value) and not function else ""

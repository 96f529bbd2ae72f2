"""What has been solved: a small file in the learner's checkout, which never leaves it."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ..paths import CHECKOUT
from ..template import fill
from .registry import EXERCISES, find

__all__ = ["Progress", "Unreadable", "progress", "read_file", "remember", "reset"]

ABOUT = "Exercises that are solved, and when. Delete this file to begin again."


class Unreadable(Exception):
    """The file is there and is not what it should be."""


@dataclass(frozen=True)
class Line:
    """One exercise, and whether it is solved."""

    id: str
    title: str
    when: str
    """The day on which it was solved; empty: it is open."""


@dataclass(frozen=True)
class Progress:
    """What has been solved; shows as text and in a notebook."""

    lines: tuple[Line, ...]
    remark: str = ""

    @property
    def headline(self) -> str:
        """How many of how many."""
        done = sum(bool(line.when) for line in self.lines)
        return f"{done} of {len(self.lines)} exercises solved"

    def __repr__(self) -> str:
        lines = [self.headline, ""]
        for line in self.lines:
            state = f"✓ solved on {line.when}" if line.when else "○ open"
            lines.append(f"  {line.id}  {line.title:<{self.width}}  {state}")
        if self.remark:
            lines += ["", self.remark]
        return "\n".join(lines)

    @property
    def width(self) -> int:
        """Characters of the longest title."""
        return max((len(line.title) for line in self.lines), default=0)

    def _repr_html_(self) -> str:
        return fill("exercises/progress.html", progress=self)


def progress(lesson: int | None = None) -> Progress:
    """Show which exercises are solved: of one lesson, or of all."""
    remark = ""
    solved: dict[str, str] = {}
    try:
        solved = read()
    except Unreadable as exc:
        remark = f"{exc} reset() makes it anew."
    return Progress(
        tuple(
            Line(found.id, found.title, solved.get(found.id, ""))
            for found in EXERCISES.values()
            if lesson is None or found.lesson == lesson
        ),
        remark,
    )


def reset(id: str | None = None) -> Progress:
    """Forget that an exercise was solved; without an id, forget everything.

    Raises:
        ValueError: There is no such exercise.

    """
    if id is not None:
        find(id)
    shown = progress()
    try:
        solved = {} if id is None else read()
        solved.pop(id or "", None)
        write(solved)
    except (Unreadable, OSError) as exc:
        return Progress(shown.lines, problem(exc))
    return progress()


def remember(id: str) -> str:
    """Write down that an exercise is solved; return a sentence where that fails, the first time."""
    try:
        solved = read()
        if id not in solved:
            write({**solved, id: date.today().isoformat()})
    except (Unreadable, OSError) as exc:
        why = problem(exc)
        if why in told:
            return ""
        told.add(why)
        return f"It counts, and it could not be written down. {why}"
    told.clear()
    return ""


told: set[str] = set()
"""Why progress cannot be written down, as this kernel has said it since it last could."""


def problem(exc: Exception) -> str:
    """Say why the file could not be read or written."""
    if isinstance(exc, OSError):
        return f"{place()} cannot be written: {exc.strerror or exc}."
    return f"{exc} reset() makes it anew."


def place() -> Path | None:
    """Return where progress is kept; ``None``: nowhere."""
    setting = os.environ.get("COURSE_PROGRESS", "")
    if setting == "off":
        return None
    if setting:
        return Path(setting)
    # Where the course is installed as a package, it is where the notebook is.
    return (CHECKOUT or Path.cwd()) / "progress.json"


def read() -> dict[str, str]:
    """Return when each exercise was solved.

    Raises:
        Unreadable: The file is there and is not what it should be.

    """
    path = place()
    if path is None:
        return {}
    try:
        return read_file(path)
    except FileNotFoundError:
        return {}


def read_file(path: Path) -> dict[str, str]:
    """Return when each exercise was solved, as a file says.

    Raises:
        FileNotFoundError: There is no such file.
        Unreadable: The file is not what it should be.

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise Unreadable(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    except (ValueError, RecursionError) as exc:
        raise Unreadable(f"{path} cannot be read: it is no JSON.") from exc
    solved: Any = content.get("solved") if isinstance(content, dict) else None
    if not isinstance(solved, dict) or not all(isinstance(day, str) for day in solved.values()):
        raise Unreadable(f'{path} cannot be read: it has no "solved" with a day per exercise.')
    return solved


def write(solved: dict[str, str]) -> None:
    """Write when each exercise was solved; the old file stays whole until the new one is."""
    path = place()
    if path is None:
        return
    text = json.dumps({"about": ABOUT, "solved": dict(sorted(solved.items()))}, indent=2) + "\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".progress-")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise

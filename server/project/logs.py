"""What a process writes, without what differs from run to run: times, pids, others' code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["plain"]

STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d+)?\s+|\[\d\d/\w{3}/\d{4}[ :][^\]]*\] ?")
PID = re.compile(r"\b(process) \[\d+\]", re.IGNORECASE)
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}")
PEER = re.compile(r"(127\.0\.0\.1):\d+(?= - )")
DURATION = re.compile(r"\bin \d+\.\d+s\b")
PORT_OPTION = re.compile(r"\b(port[= ])\d{5}\b")

TRACEBACK = "Traceback (most recent call last):"
CHAINED = re.compile(r"(The above exception was the direct cause|During handling of the above)")
FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line \d+')
MARKERS = re.compile(r"^[\s~^]+$")
"""The line that points at a part of the one above; what it points at depends on the Python."""


def plain(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """Yield the lines of a log as they are on every run.

    Of a traceback, the last exception is left, and of its frames those of the project.

    """
    for line in own_frames(last_exceptions(lines), folder):
        yield without_chance(line, folder)


def last_exceptions(lines: Iterable[str]) -> list[str]:
    """Leave out the exceptions that led to another one."""
    kept: list[str] = []
    begin = None
    cut = False
    for line in lines:
        if begin is not None and CHAINED.match(line):
            del kept[begin:]
            begin, cut = None, True
        elif line == TRACEBACK:
            begin, cut = len(kept), False
            kept.append(line)
        # An empty line separates the two tracebacks.
        elif line or not cut:
            kept.append(line)
    return kept


def own_frames(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """Leave out the frames whose files are not the project's own, and all marks below code."""
    inside = foreign = False
    for line in lines:
        frame = FRAME.match(line)
        if frame is not None:
            file = Path(frame["file"])
            inside, foreign = True, not file.is_relative_to(folder) or file.name == "manage.py"
        elif not line.startswith("    "):
            inside = foreign = False
        if not foreign and not (inside and MARKERS.match(line)):
            yield line


def without_chance(line: str, folder: Path) -> str:
    """Return a line without times, pids, addresses and the place of the project."""
    line = line.replace(f"{folder}/", "").replace(f"{folder}\\", "")
    line = STAMP.sub("", line)
    line = PID.sub(r"\1 […]", line)
    line = PEER.sub(r"\1", line)
    line = DURATION.sub("in … s", line)
    line = PORT_OPTION.sub(r"\1…", line)
    return ADDRESS.sub("0x…", line).rstrip()

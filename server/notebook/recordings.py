"""What a browser showed for the browser cells of the lessons, as it is kept and as it is read.

``notebooks/recordings/`` has one JSON file for each lesson with browser cells; ``make notebooks``
writes them. A recording belongs to one version of a cell's code: a cell that was changed has none.

"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from ..paths import RECORDINGS, STATIC

__all__ = ["Line", "Recording", "comparable", "find", "load", "save"]


class Line(TypedDict):
    """One line of a browser cell's frame."""

    kind: str
    """Of the console: ``log``, ``info``, ``warn``, ``error``, ``debug``, and ``uncaught`` for an
    error that the code did not catch. On the wire: ``connecting``, ``open``, ``sent``,
    ``received``, ``dropped`` (a message that could not be sent any more), ``closing`` (the code
    called ``close()``), ``error`` and ``closed``."""

    text: str
    socket: NotRequired[int]
    """Number of the socket, from 1; only lines of the wire have it."""

    line: NotRequired[int]
    """Line of the cell that an uncaught error names."""

    own: NotRequired[list[str]]
    """The parts of ``text`` that are the browser's own words: other browsers have others."""


WIRE = json.loads((STATIC / "browser" / "wire.json").read_text("utf-8"))
"""What a frame and a recording call what happens on a wire."""

WIRE_WORDS: dict[str, str] = WIRE["words"]
STATE_AFTER: dict[str, int] = WIRE["state_after"]


@dataclass(frozen=True)
class Recording:
    """What a browser showed for one version of a browser cell."""

    name: str
    hash: str
    lines: Sequence[Line]

    def rows(self) -> list[tuple[str, str]]:
        """Return two columns, console and wire, in the order in which things happened."""
        several = any(line.get("socket", 1) > 1 for line in self.lines)
        return [
            ("", words(line, several)) if "socket" in line else (words(line), "")
            for line in self.lines
        ]

    def __str__(self) -> str:
        """Return the recording as plain text."""
        if not self.lines:
            return "The browser showed nothing."
        return "\n".join(
            f"console  {left}" if left else f"wire     {right}" for left, right in self.rows()
        )


def words(line: Line, several: bool = False) -> str:
    """Return a line as the frame shows it."""
    kind, text = line["kind"], line["text"]
    if "socket" in line:
        number = f"#{line['socket']} " if several else ""
        parts = [number + WIRE_WORDS[kind], text]
        if kind in STATE_AFTER:
            parts.append(f"readyState {STATE_AFTER[kind]}")
        text = " ".join(part for part in parts if part)
    elif kind in ("warn", "error", "debug"):
        text = f"{kind}: {text}"
    if "line" in line:
        text += f" (line {line['line']} of the cell)"
    if "own" in line:
        text += " (Chromium's words)"
    return text


def comparable(lines: Iterable[Line]) -> list[Line]:
    """Return lines without the words that differ between browsers."""
    result = []
    for line in lines:
        text = line["text"]
        for own in sorted(line.get("own", []), key=len, reverse=True):
            text = text.replace(own, "«the browser's words»")
        compared = line.copy()
        compared["text"] = text
        compared.pop("own", None)
        result.append(compared)
    return result


def find(name: str, hash: str) -> Recording | None:
    """Return the recording of a cell with this very code, in any lesson."""
    # Another folder serves those who make recordings, and the tests.
    folder = Path(os.environ.get("COURSE_RECORDINGS") or RECORDINGS)
    for file in sorted(folder.glob("*.json")):
        recording = load(file).get(name)
        if recording is not None and recording.hash == hash:
            return recording
    return None


def load(file: Path) -> dict[str, Recording]:
    """Read the recordings of a lesson; none, when there is no such file."""
    if not file.exists():
        return {}
    return {
        name: Recording(name, entry["hash"], entry["lines"])
        for name, entry in json.loads(file.read_text("utf-8")).items()
    }


def save(file: Path, recordings: Mapping[str, Recording]) -> None:
    """Write the recordings of a lesson, or remove the file when there are none."""
    if not recordings:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(exist_ok=True)
    file.write_text(to_text(recordings.values()), "utf-8", newline="\n")


def to_text(recordings: Iterable[Recording]) -> str:
    """Return JSON with one line for each line of a frame, which reads well as a difference."""
    entries = []
    for recording in recordings:
        lines = ",\n".join("   " + json.dumps(line, ensure_ascii=False) for line in recording.lines)
        entries.append(
            f' {json.dumps(recording.name)}: {{\n  "hash": {json.dumps(recording.hash)},\n'
            f'  "lines": [{chr(10) + lines + chr(10) + "  " if lines else ""}]\n }}'
        )
    return "{\n" + ",\n".join(entries) + "\n}\n"

"""Compare what a browser shows in a lesson with what is committed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from difflib import unified_diff
from pathlib import Path
from typing import Any

from server.notebook import recordings
from server.notebook.recordings import Line, comparable
from tests.browser.lab import Lesson, errors
from tests.browser.record import browser_cells, python_cells, read, recording_of

__all__ = ["differences"]

PORT = re.compile(r"((?:127\.0\.0\.1|localhost):|data-port=\")\d+")


def differences(lesson: Lesson, path: Path) -> list[str]:
    """Return what differs between a lesson that has run and the committed one, cell by cell."""
    committed = read(path)
    ran = lesson.saved()
    found = errors(ran)
    names = browser_cells(committed)
    expected = recordings.load(path.parent / "recordings" / f"{path.stem}.json")
    frames = lesson.frames() if names else {}
    for name in names:
        if name not in frames:
            found.append(f"{name}: no frame appeared")
        elif name not in expected:
            found.append(f"{name}: there is no recording; run make notebooks")
        else:
            seen = recording_of(frames[name])
            before, after = as_text(expected[name].lines), as_text(seen.lines)
            if before != after:
                found.append(difference(name, before, after))
    found += [f"{name}: recorded, and in no lesson" for name in expected if name not in names]
    cells = python_cells(ran)
    for id, cell in python_cells(committed).items():
        before, after = outputs(cell), outputs(cells[id]) if id in cells else []
        if before != after:
            found.append(difference(id, before, after))
    return found


def as_text(lines: Iterable[Line]) -> list[str]:
    return [
        json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in comparable(lines)
    ]


def outputs(cell: Any) -> list[str]:
    """Return a cell's outputs as lines of text, without ports and pictures."""
    texts = []
    for output in cell.outputs:
        match output.output_type:
            case "stream":
                texts.append(output.text)
            case "error":
                texts.append(f"{output.ename}: {output.evalue}")
            case _:
                texts += [text for kind, text in sorted(output.data.items()) if "text/" in kind]
    return PORT.sub(r"\g<1>PORT", "\n".join(map(str, texts))).splitlines(keepends=True)


def difference(name: str, before: list[str], after: list[str]) -> str:
    lines = unified_diff(before, after, f"{name} as committed", f"{name} in the browser", n=1)
    return "".join(lines)

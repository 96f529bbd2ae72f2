"""Record what a browser shows for the browser cells of the lessons.

``python -m tests.browser.record [LESSON ...]`` runs the lessons in JupyterLab in Chromium, writes
``notebooks/recordings/``, and puts what a browser brought about into the outputs of the Python
cells that read it. The rest of the outputs is made by ``python -m server.notebooks``. The lesson
``sample`` is that of the tests.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from server.browser import recordings
from server.browser.recordings import Recording
from server.paths import NOTEBOOKS
from tests.browser.driving import Browser, browser
from tests.browser.lab import Frame, Lesson, errors, lab

__all__ = [
    "SAMPLE",
    "browser_cells",
    "lessons",
    "python_cells",
    "record",
    "recording_of",
]

SAMPLE = Path(__file__).with_name("sample")

MAGIC = re.compile(r"%%browser\s+(\S+)")


def lessons(folder: Path = NOTEBOOKS) -> list[Path]:
    """Return the notebooks with browser cells."""
    return [path for path in sorted(folder.glob("*.ipynb")) if browser_cells(read(path))]


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def browser_cells(notebook: Any) -> list[str]:
    """Return the names of a notebook's browser cells."""
    found = (MAGIC.match(cell.source) for cell in notebook.cells if cell.cell_type == "code")
    return [match[1] for match in found if match]


def python_cells(notebook: Any) -> dict[str, Any]:
    """Return the Python cells that read what a browser did, by their id."""
    return {
        cell.id: cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and "browser" in cell.metadata.get("tags", [])
        and not MAGIC.match(cell.source)
    }


def recording_of(frame: Frame) -> Recording:
    """Return what a frame shows as a recording."""
    if frame.state != "settled":
        raise RuntimeError(f"the browser cell {frame.name} does not come to rest")
    if frame.count:
        raise RuntimeError(f"the browser cell {frame.name} shows too much to record")
    return Recording(frame.name, frame.hash, frame.recorded())


def record(paths: Iterable[Path], browser: Browser) -> None:
    """Record lessons, and store what they showed beside them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in paths:
            shutil.copy(path, folder)
        with lab(folder, browser) as server:
            for path in paths:
                lesson = server.open(path.name)
                store(lesson, path)
                lesson.close()


def store(lesson: Lesson, path: Path) -> None:
    lesson.run_all()
    frames = lesson.frames()
    ran = lesson.saved()
    if errors(ran):
        raise RuntimeError(f"{path.name}: {'; '.join(errors(ran))}")
    notebook = read(path)
    names = browser_cells(notebook)
    missing = [name for name in names if name not in frames]
    if missing:
        raise RuntimeError(f"{path.name}: no frame appeared for {', '.join(missing)}")
    recordings.save(
        path.parent / "recordings" / f"{path.stem}.json",
        {name: recording_of(frames[name]) for name in names},
    )
    seen = python_cells(ran)
    for id, cell in python_cells(notebook).items():
        cell.outputs = seen[id].outputs
    nbformat.write(notebook, path)


def main() -> None:
    names = sys.argv[1:]
    everything = [*lessons(), *lessons(SAMPLE)]
    paths = [path for path in everything if not names or path.stem in names]
    with browser("chromium") as started:
        record(paths, started)
    for path in paths:
        print(f"recorded {path.stem}")


if __name__ == "__main__":
    main()

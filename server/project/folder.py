"""The folder of a project: which one it is, whose it is, and what ran there before."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from ..paths import STATIC
from .processes import watchman
from .watchman import end, is_same

__all__ = ["MARK", "TEMPLATE", "copy_template", "home", "note_processes", "take"]

MARK = ".channels-project.json"
"""The file by which a folder is known to be one of this course's projects."""

ABOUT = "This folder is a project of the course; lesson 6 moves it aside when it begins anew."

TEMPLATE = STATIC / "project"
"""The complete project, as lesson 6 builds it."""


def home() -> Path:
    """Return the folder in which projects are: where the notebook is.

    ``COURSE_PROGRESS=off`` leaves the learner's things alone, and so projects are elsewhere then.

    """
    return temporary() if os.environ.get("COURSE_PROGRESS") == "off" else Path.cwd()


@cache
def temporary() -> Path:
    """Return a folder that is gone when the kernel is."""
    folder = Path(tempfile.mkdtemp(prefix="channels-project-")).resolve()
    watchman().tell(f"remove {folder}")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def take(name: str, within: Path | None = None) -> tuple[Path, str]:
    """Return an empty folder for a project, and a sentence if it is not the one that was named.

    What was there before is set aside, if it is a project of the course that nobody else runs; the
    processes that an earlier kernel has left there are ended.

    """
    folder, why = place_for((within or home()) / name)
    remark = f"The folder {name} {why} and is left as it is; the project is in {folder.name}."
    end_leftovers(folder)
    set_aside(folder)
    folder.mkdir(parents=True, exist_ok=True)
    note_processes(folder, [])
    return folder, remark if why else ""


def place_for(wanted: Path) -> tuple[Path, str]:
    """Return the first folder of a name, or of that name with a number, that can be taken.

    The second value says why the one before it cannot; empty where that is the one wanted.

    """
    folder, why, number = wanted, "", 1
    while found := obstacle(folder):
        number += 1
        folder, why = wanted.with_name(f"{wanted.name}_{number}"), found
    return folder, why


def set_aside(folder: Path) -> None:
    """Keep a project beside itself: somebody may have written something into it.

    What was set aside the last time goes.

    """
    if read_mark(folder) is None:
        return
    aside, _ = place_for(folder.with_name(f"{folder.name}_before"))
    if aside.exists():
        shutil.rmtree(aside)
    folder.rename(aside)


def obstacle(folder: Path) -> str:
    """Return why a folder cannot be taken; empty where it can."""
    if not folder.exists():
        return ""
    if not folder.is_dir():
        return "is a file"
    mark = read_mark(folder)
    if mark is None:
        return "is not one of this course's projects" if any(folder.iterdir()) else ""
    pid, started = mark["owner"]
    return "is in use by another notebook" if pid != os.getpid() and is_same(pid, started) else ""


def read_mark(folder: Path) -> dict[str, Any] | None:
    """Return what the mark of a folder says; ``None`` where there is none that can be read."""
    try:
        mark = json.loads((folder / MARK).read_text("utf-8"))
        return {
            "owner": [int(mark["owner"][0]), float(mark["owner"][1])],
            "processes": [(int(pid), float(started)) for pid, started in mark["processes"]],
        }
    except (OSError, ValueError, LookupError, TypeError):
        return None


def note_processes(folder: Path, processes: list[psutil.Process]) -> None:
    """Write down who runs what in a folder, for whoever takes it next."""
    own = psutil.Process()
    mark = {
        "about": ABOUT,
        "owner": [own.pid, own.create_time()],
        "processes": [[process.pid, process.create_time()] for process in processes],
    }
    (folder / MARK).write_text(json.dumps(mark), "utf-8")


def end_leftovers(folder: Path) -> None:
    """End the processes that were started there and are still there."""
    mark = read_mark(folder)
    if mark is not None:
        end([psutil.Process(pid) for pid, started in mark["processes"] if is_same(pid, started)])


def copy_template(folder: Path) -> None:
    """Copy the complete project into a new or empty folder.

    Raises:
        FileExistsError: There is something in the folder already.

    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there already and is not empty: name a new folder.")
    shutil.copytree(
        TEMPLATE,
        folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"),
    )

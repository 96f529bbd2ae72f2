"""The learner's own lessons, in ``my-lessons/``: made, brought up to date, and given back."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ..authoring.notebooks import to_text
from ..lessons import lessons
from ..paths import CHECKOUT, NOTEBOOKS
from .merge import merge
from .student import student_notebook

__all__ = ["my_lessons", "restore", "update"]

BASE = ".base"
"""The folder, inside the learner's, that has the lessons as the learner got them last."""


def my_lessons() -> Path:
    """Return where a learner's lessons are: where COURSE_LESSONS says, or in the checkout.

    Where the course is installed without one, they are where the command is run.

    """
    default = (CHECKOUT or Path.cwd()) / "my-lessons"
    return Path(os.environ.get("COURSE_LESSONS") or default).expanduser().absolute()


def update(folder: Path) -> list[str]:
    """Make the learner's lessons, or bring the news of the course into them.

    What the learner has written stays: see ``merge.py`` for the rule. A file that cannot be merged
    stays as it is, and the new one is put beside it.

    Returns:
        A sentence for each file about which there is something to say.

    """
    (folder / BASE).mkdir(parents=True, exist_ok=True)
    return [
        *(said for path in course_lessons() for said in update_lesson(path, folder)),
        *(said for path in sorted(NOTEBOOKS.glob("*.md")) for said in update_page(path, folder)),
    ]


def course_lessons() -> list[Path]:
    """Return the notebooks of the course."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def update_lesson(path: Path, folder: Path) -> Iterator[str]:
    """Bring one lesson up to date; yield what the learner should know."""
    text = to_text(student_notebook(nbformat.read(path, as_version=4)))
    mine, base = folder / path.name, folder / BASE / path.name
    known = read(base)
    if not mine.exists():
        write(mine, text)
    elif not base.exists() or base.read_text("utf-8") != text:
        # Read by the same library as the learner's, so that both have the same form.
        new = nbformat.reads(text, as_version=4)
        own = read(mine)
        if own is None or known is None:
            yield put_beside(mine, text)
        else:
            before = to_text(own)
            after = to_text(merge(known, own, new))
            if after != before:
                write(mine, after)
                yield f"{path.name} has news of the course; what you have written is as it was."
    write(base, text)


def update_page(path: Path, folder: Path) -> Iterator[str]:
    """Bring a page that lessons link to up to date; yield what the learner should know."""
    text = path.read_text("utf-8")
    mine, base = folder / path.name, folder / BASE / path.name
    known = base.read_text("utf-8") if base.exists() else None
    if not mine.exists() or mine.read_text("utf-8") in (known, text):
        write(mine, text)
    elif known != text:
        yield put_beside(mine, text)
    write(base, text)


def restore(number: int, folder: Path) -> str:
    """Give a lesson back as it was; what the learner had stays beside it. Return what was done.

    Raises:
        ValueError: There is no such lesson.

    """
    found = {lesson.number: lesson for lesson in lessons()}
    if number not in found:
        numbers = ", ".join(map(str, found))
        raise ValueError(f"there is no lesson {number}; there are {numbers}")
    path = found[number].notebook
    mine = folder / path.name
    said = f"{path.name} is as it was."
    if mine.exists():
        kept = free_name(mine, "before")
        mine.rename(kept)
        said += f" Yours is in {kept.name}."
    (folder / BASE).mkdir(parents=True, exist_ok=True)
    list(update_lesson(path, folder))
    return said


def read(path: Path) -> NotebookNode | None:
    """Return a notebook whose cells have names of their own; ``None`` where a file is none."""
    try:
        notebook: NotebookNode = nbformat.v4.reads(path.read_text("utf-8"))
        ids = [cell["id"] for cell in notebook.cells]
        nbformat.validate(notebook)
    # Each way of not being a notebook has an exception of its own.
    except (OSError, ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError):
        return None
    return notebook if len(ids) == len(set(ids)) else None


def put_beside(mine: Path, text: str) -> str:
    """Write a new version of a file beside the learner's; return what to tell the learner."""
    beside = free_name(mine, "new")
    write(beside, text)
    return (
        f"{mine.name} could not be merged with the course's new one and is as you left it; "
        f"the new one is {beside.name}."
    )


def free_name(path: Path, word: str) -> Path:
    """Return the name of a file that is not there yet: ``01_consumers-new.ipynb``."""
    number = 1
    while True:
        part = word if number == 1 else f"{word}-{number}"
        free = path.with_stem(f"{path.stem}-{part}")
        if not free.exists():
            return free
        number += 1


def write(path: Path, text: str) -> None:
    """Write a file; the old one stays whole until the new one is."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if path.exists():
            shutil.copymode(path, temporary)
        else:
            # mkstemp makes files that only their owner reads; this is a file like any other.
            os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise

"""``make class``: a folder and a zip for a class, and another for its teacher.

Nothing that a class gets has a solution in it: its notebooks are the learners' copies, its pages
the students' edition, and its ``server/`` comes without the answers that the tests know.

"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from traitlets.config import Config

from ..authoring.notebooks import to_text
from ..authoring.tags import tags
from ..handout.build import build
from ..handout.exporter import HandoutExporter
from ..handout.pdf import PAPERS, NoBrowserError, find_browser, print_pages
from ..lessons import lessons
from ..notebook.recordings import load, save
from ..paths import NOTEBOOKS, RECORDINGS, STATIC
from . import start
from .short import short_notebook
from .student import student_notebook
from .wheels import SYSTEMS, checkout, download

__all__ = ["class_set"]

FILES = ("LICENSE", "pyproject.toml", "requirements.lock")

LEFT_OUT = ("__pycache__", "answers", ".*", "*.sqlite3")
"""What of ``server/`` and ``static/`` a class does not get."""

OUTSIDE = re.compile(r"\]\(\.\./([^)#]+)")
"""A link from a lesson to a file of the course that is not beside it."""


def class_set(
    out: Path,
    *,
    systems: Sequence[str] = (),
    pythons: Sequence[str] = (),
    pdf: bool = True,
) -> list[Path]:
    """Write a class set. The folder is written anew as a whole, or not at all.

    Args:
        out: Where it goes.
        systems: The systems for which there is to be a zip with all that is installed.
        pythons: The versions of Python that these are for; by default all that the course runs on.
        pdf: Print the pages, if there is a Chromium.

    Returns:
        The zips.

    Raises:
        HandoutError: A lesson cannot be made a handout.
        ValueError: The folder has other things in it, or the wheels cannot be had.

    """
    if out.exists() and not is_ours(out):
        raise ValueError(f"{out} has other things than a class set in it; choose another folder")
    checkout()
    browser = None
    if pdf:
        with suppress(NoBrowserError):
            browser = find_browser()
    out.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk, so that it can take the place of the old one at once.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".class-") as name:
        work = Path(name)
        new = work / "new"
        build([lesson.notebook for lesson in lessons()], work / "handouts", browser)
        write_student(new / "student", work / "handouts" / "student", browser)
        write_teacher(new / "teacher", work / "handouts" / "teacher")
        for edition in ("student", "teacher"):
            pack(new / f"{edition}.zip", {edition: new / edition})
        for system in systems:
            wheels = work / "wheels" / system
            download(system, wheels, pythons)
            found = {"student": new / "student", "student/wheels": wheels}
            pack(new / f"student-{system}.zip", found)
        if out.exists():
            out.rename(work / "old")
        new.rename(out)
    return sorted(out.glob("*.zip"))


def is_ours(folder: Path) -> bool:
    """Tell whether a folder has nothing in it that this module has not written."""
    zips = {f"student-{system}.zip" for system in SYSTEMS}
    ours = {"student", "student.zip", "teacher", "teacher.zip", *zips}
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= ours


def write_student(folder: Path, handouts: Path, browser: str | None) -> None:
    """Write what a class gets: a course of its own, without what gives the answers away."""
    root = checkout()
    for part in ("server", "static"):
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in FILES:
        shutil.copy(root / name, folder)
    shutil.copy(STATIC / "classroom" / "README.md", folder)
    shutil.copy(start.__file__, folder / "start.py")
    write_notebooks(folder / "notebooks", student_notebook)
    for page in NOTEBOOKS.glob("*.md"):
        shutil.copy(page, folder / "notebooks")
    for file in sorted(RECORDINGS.glob("*.json")):
        known = load(file)
        solved = solution_cells()
        kept = {name: recording for name, recording in known.items() if name not in solved}
        save(folder / "notebooks" / "recordings" / file.name, kept)
    for linked in sorted(outside_links()):
        (folder / linked).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / linked, folder / linked)
    shutil.copytree(handouts, folder / "handouts")
    write_short(folder / "short", browser)


def write_teacher(folder: Path, handouts: Path) -> None:
    """Write what a teacher has besides: all with solutions, and a course for nbgrader."""
    folder.mkdir(parents=True)
    shutil.copy(STATIC / "classroom" / "teacher.md", folder / "README.md")
    shutil.copytree(handouts, folder / "handouts")
    write_notebooks(folder / "notebooks", lambda notebook: notebook)
    shutil.copytree(RECORDINGS, folder / "notebooks" / "recordings")
    source = folder / "nbgrader" / "source"
    for lesson in lessons():
        write_notebook(
            lesson.notebook,
            source / f"lesson_{lesson.number}" / lesson.notebook.name,
            student_notebook,
        )
    shutil.copy(STATIC / "classroom" / "nbgrader_config.py", folder / "nbgrader")


def write_notebooks(folder: Path, change: Callable[[NotebookNode], NotebookNode]) -> None:
    """Write each lesson's notebook, changed."""
    for lesson in lessons():
        write_notebook(lesson.notebook, folder / lesson.notebook.name, change)


def write_notebook(
    path: Path, target: Path, change: Callable[[NotebookNode], NotebookNode]
) -> None:
    """Write a notebook, changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = change(nbformat.read(path, as_version=4))
    target.write_text(to_text(notebook), "utf-8", newline="\n")


def solution_cells() -> set[str]:
    """Return the names of the browser cells that are solutions."""
    return {
        cell.source.split()[1]
        for lesson in lessons()
        for cell in nbformat.read(lesson.notebook, as_version=4).cells
        if "solution" in tags(cell) and cell.source.startswith("%%browser")
    }


def outside_links() -> set[str]:
    """Return the files of the course that lessons link to and that are not beside them."""
    return {
        link
        for lesson in lessons()
        for link in OUTSIDE.findall(lesson.notebook.read_text("utf-8"))
        if (NOTEBOOKS.parent / link).is_file()
    }


def write_short(folder: Path, browser: str | None) -> None:
    """Write what a class needs on paper: the lessons in short, and the sheet of mistakes."""
    folder.mkdir(parents=True)
    pages = [write_page(folder, name, notebook) for name, notebook in short_pages()]
    if browser is not None:
        print_pages(
            browser,
            {
                page: [
                    (paper, page.with_name(f"{page.stem}-{paper.lower()}.pdf")) for paper in PAPERS
                ]
                for page in pages
            },
        )


def short_pages() -> Iterator[tuple[str, NotebookNode]]:
    """Yield the name and the content of each page for paper."""
    for lesson in lessons():
        notebook = nbformat.read(lesson.notebook, as_version=4)
        yield lesson.notebook.stem, short_notebook(notebook)
    sheet = (NOTEBOOKS / "mistakes.md").read_text("utf-8")
    yield "mistakes", new_notebook(cells=[new_markdown_cell(sheet, id="mistakes")])


def write_page(folder: Path, name: str, notebook: NotebookNode) -> Path:
    """Write a notebook as a page of the students' edition, and return the file."""
    # What is no lesson has no outputs, and need not look like one.
    config = Config({"CheckLesson": {"enabled": False}})
    exporter = HandoutExporter(config=config, edition="student")
    metadata = {"name": name, "path": str(NOTEBOOKS)}
    html, _ = exporter.from_notebook_node(notebook, {"metadata": metadata})
    file = folder / f"{name}.html"
    file.write_text(html, "utf-8", newline="\n")
    return file


def pack(file: Path, folders: dict[str, Path]) -> None:
    """Put folders into a zip, each under a name."""
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        for name, folder in folders.items():
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    zipped.write(path, f"{name}/{path.relative_to(folder).as_posix()}")

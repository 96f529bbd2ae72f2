"""Write the handouts of all lessons: ``make handouts``, or ``python -m server.handout.build``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from nbformat import NotebookNode

from ..paths import CHECKOUT, NOTEBOOKS
from .exporter import EDITIONS, HandoutExporter
from .pdf import PAPERS, NoBrowserError, find_browser, print_pages
from .reading import NO_TEXT, HandoutError, read_notebook

__all__ = ["build", "main"]

ABOUT = {
    "student": (
        "For the class",
        "No solutions; the answers to the questions come at the end of each lesson.",
    ),
    "teacher": (
        "For the teacher",
        "With solutions, known wrong answers, minutes for each section, and what to say.",
    ),
}


@dataclass
class Page:
    """A handout that has been written."""

    edition: str
    file: Path
    source: str
    """The name of the notebook."""
    title: str
    course: str
    """The course that the notebook is a lesson of, if it is the one that we know."""
    notes: list[str]
    """What is not on the page, or is not as in a lesson."""
    papers: list[tuple[str, Path]] = field(default_factory=list)


def build(
    notebooks: Sequence[Path],
    out: Path,
    browser: str | None = None,
    *,
    strict: bool | None = None,
) -> list[Page]:
    """Write both editions of notebooks, their index pages and zips, and with a browser PDFs.

    The folder ``out`` is written anew as a whole, or not at all.

    Args:
        notebooks: Lessons, or any other notebooks, in their order.
        out: Where the handouts go.
        browser: Path of a Chromium that prints; without one there are no PDFs.
        strict: Whether to refuse what breaks a rule for lessons; by default only what lies with
            the lessons of the course.

    Returns:
        What was written.

    Raises:
        HandoutError: A file is no notebook, or a lesson breaks a rule.

    """
    if out.exists() and not (out.is_dir() and is_ours(out)):
        raise HandoutError(f"{out} has other things than handouts in it; choose another folder")
    lessons = [(path, read(path)) for path in notebooks]
    out.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk, so that it can take the place of the old one at once.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".handouts-") as folder:
        new = Path(folder) / "new"
        pages = write_pages(lessons, new, strict)
        if browser is not None:
            print_pages(browser, pages_to_print(pages))
        courses = {page.course for page in pages}
        write_indexes(pages, new, courses.pop() if len(courses) == 1 else "")
        if out.exists():
            out.rename(Path(folder) / "old")
        new.rename(out)
    for page in pages:
        page.file = out / page.file.relative_to(new)
    return pages


def is_ours(folder: Path) -> bool:
    """Tell whether a folder has nothing in it that this module has not written."""
    names = {path.name for path in folder.iterdir()}
    return names <= {"index.html", *EDITIONS, *(f"{edition}.zip" for edition in EDITIONS)}


def read(path: Path) -> NotebookNode:
    """Return a notebook; raise HandoutError where there is none."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise HandoutError(f"{path.name} {NO_TEXT}") from None
    except OSError as error:
        raise HandoutError(f"{path} cannot be read: {error.strerror}") from None
    return read_notebook(text, path.name)


def page_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for the page of each notebook, all different on any disk."""
    taken = {"index"}
    names = []
    for path in paths:
        name = path.stem
        if name.casefold() in taken:
            folder = path.absolute().parent.name
            name = f"{folder}-{name}" if folder else f"{name}-2"
        number, start = 2, name
        while name.casefold() in taken:
            name = f"{start}-{number}"
            number += 1
        taken.add(name.casefold())
        names.append(name)
    return names


def write_pages(
    lessons: Sequence[tuple[Path, NotebookNode]], out: Path, strict: bool | None
) -> list[Page]:
    """Write the handouts of both editions."""
    pages = []
    paths = [path for path, _ in lessons]
    names = page_names(paths)
    known = {path.absolute(): name for path, name in zip(paths, names, strict=True)}
    for edition in EDITIONS:
        exporter = HandoutExporter(edition=edition, strict=strict)
        (out / edition).mkdir(parents=True)
        for (path, notebook), name in zip(lessons, names, strict=True):
            metadata = {"name": path.stem, "path": str(path.parent)}
            given = {"metadata": metadata, "pages": known}
            html, resources = exporter.from_notebook_node(notebook, given)
            file = out / edition / f"{name}{exporter.suffix}.html"
            file.write_text(html, "utf-8", newline="\n")
            notes = list(resources["notes"])
            title, course = resources["lesson"]["title"], resources["course"]
            pages.append(Page(edition, file, path.name, title, course, notes))
    return pages


def pages_to_print(pages: Sequence[Page]) -> dict[Path, list[tuple[str, Path]]]:
    """Return which file is printed on which paper to which file; note it with the pages."""
    for page in pages:
        page.papers = [
            (paper, page.file.with_name(f"{page.file.stem}-{paper.lower()}.pdf"))
            for paper in PAPERS
        ]
    return {page.file: page.papers for page in pages}


def write_indexes(pages: Sequence[Page], out: Path, course: str) -> None:
    """Write a zip for each edition, and the pages that lead to all that is there."""
    exporter = HandoutExporter()
    template = exporter.environment.get_template("set.html.j2")

    def write_index(folder: Path, title: str, editions: Sequence[str]) -> None:
        found = [
            listed(edition, [page for page in pages if page.edition == edition], folder)
            for edition in editions
        ]
        resources = exporter._init_resources(None)
        resources["course"] = course
        html = template.render(title=title, editions=found, resources=resources)
        (folder / "index.html").write_text(html, "utf-8", newline="\n")

    for edition in EDITIONS:
        write_index(out / edition, "Handouts", [edition])
        pack(out / edition, out / f"{edition}.zip")
    write_index(out, "Handouts", EDITIONS)


def listed(edition: str, pages: Sequence[Page], folder: Path) -> dict[str, Any]:
    """Return what an index page says of an edition."""
    # The index that goes into a zip does not know what is outside: PDFs, and the zip itself.
    outside = folder.name not in EDITIONS
    title, about = ABOUT[edition]
    return {
        "title": title,
        "about": about,
        "zip": f"{edition}.zip" if outside else "",
        "pages": [
            {
                "title": page.title,
                "href": page.file.relative_to(folder).as_posix(),
                "papers": [
                    (paper, file.relative_to(folder).as_posix()) for paper, file in page.papers
                ]
                if outside
                else [],
            }
            for page in pages
        ],
    }


def pack(folder: Path, file: Path) -> None:
    """Put a folder's pages into a zip that is the same whenever it is made."""
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        for path in sorted(folder.glob("*.html")):
            # ZipInfo's own date, in 1980, says nothing about the day or the machine.
            info = ZipInfo(f"{folder.name}/{path.name}")
            info.compress_type = ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            zipped.writestr(info, path.read_bytes())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m server.handout.build", description=__doc__)
    parser.add_argument(
        "notebooks", nargs="*", type=Path, help="any notebooks (default: the lessons)"
    )
    out = (CHECKOUT or Path.cwd()) / "handouts"
    parser.add_argument("--out", type=Path, default=out, help="where they go")
    parser.add_argument(
        "--strict", action="store_true", help="refuse what breaks a rule for lessons"
    )
    parser.add_argument("--no-pdf", action="store_true", help="leave out the PDFs")
    options = parser.parse_args(arguments)
    notebooks = options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    browser, missing = None, ""
    if not options.no_pdf:
        try:
            browser = find_browser()
        except NoBrowserError as error:
            missing = str(error)
    try:
        if not notebooks:
            raise HandoutError(f"{NOTEBOOKS} has no lessons")
        strict = True if options.strict else None
        pages = build(notebooks, options.out.absolute(), browser, strict=strict)
    except (HandoutError, NoBrowserError) as error:
        sys.exit(f"handouts: {error}")
    for line in dict.fromkeys(f"{page.source}: {note}" for page in pages for note in page.notes):
        print(line)
    papers = sum(len(page.papers) for page in pages)
    print(f"{len(pages)} handouts and {papers} PDFs are in {shown(options.out)}")
    if missing:
        print(missing)


def shown(path: Path) -> str:
    """Return a path as short as it can be written."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


if __name__ == "__main__":
    main()

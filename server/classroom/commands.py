"""The commands of the class room; ``python -m server.classroom`` lists them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..lessons import lessons
from ..paths import CHECKOUT
from .collected import canvas, collect, moodle, table
from .own import my_lessons, restore, update
from .wheels import SYSTEMS

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> str | None:
    """Run one command; return the sentence with which it fails, if it does."""
    parser = argparse.ArgumentParser(
        prog="python -m server.classroom",
        description="A learner's own lessons, a class set, and who has solved what.",
    )
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)

    lab = commands.add_parser("lab", help="open your lessons in JupyterLab; takes its options")
    lab.set_defaults(run=run_lab)

    news = commands.add_parser("update", help="bring your lessons up to date, and open nothing")
    news.set_defaults(run=run_update)

    again = commands.add_parser("restore", help="give a lesson back as it was; yours stays too")
    again.add_argument("lesson", type=int, help="the number of the lesson")
    again.set_defaults(run=run_restore)

    room = commands.add_parser("class", help="write a class set: for students, for the teacher")
    room.add_argument(
        "--out", type=Path, default=(CHECKOUT or Path.cwd()) / "class", help="where it goes"
    )
    room.add_argument(
        "--wheels", nargs="+", default=[], choices=SYSTEMS, help="zips for these, with all inside"
    )
    room.add_argument("--pythons", nargs="+", default=[], help="for these alone: 3.12")
    room.add_argument("--no-pdf", action="store_true", help="leave out the PDFs")
    room.set_defaults(run=run_class)

    progress = commands.add_parser("progress", help="make one table of many progress.json")
    progress.add_argument("folder", type=Path, help="where the files of the class are")
    progress.add_argument("--csv", choices=FORMATS, help="print CSV to import there")
    progress.set_defaults(run=run_progress)

    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        options.run(options)
    except (OSError, ValueError) as error:
        return f"{options.command}: {error}"
    return None


FORMATS = {"moodle": moodle, "canvas": canvas}


def run_lab(options: argparse.Namespace) -> None:
    """Open the learner's lessons in JupyterLab, until it is ended."""
    run_update(options)
    folder = my_lessons()
    # Lessons link to pages elsewhere in the checkout.
    root = CHECKOUT if CHECKOUT and folder.is_relative_to(CHECKOUT) else folder
    first = folder.relative_to(root) / lessons()[0].notebook.name
    from jupyterlab.labapp import LabApp  # late: other commands need none

    LabApp.launch_instance(
        [
            f"--ServerApp.root_dir={root}",
            # The address that JupyterLab prints where no browser opens leads to lesson 1 too.
            f"--LabApp.default_url=/lab/tree/{first.as_posix()}",
            "--log-level=WARN",
            *as_root(),
            *options.rest,
        ]
    )


def run_update(options: argparse.Namespace) -> None:
    """Bring the learner's lessons up to date."""
    folder = my_lessons()
    try:
        for said in update(folder):
            print(said, flush=True)
    except PermissionError:
        raise ValueError(
            f"{folder} cannot be written; set COURSE_LESSONS to a folder of your own"
        ) from None


def as_root() -> list[str]:
    """Return the option without which JupyterLab refuses to run as root.

    It protects servers with many users. This one is the user's own, on loopback and behind a
    token.

    """
    return ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []


def run_restore(options: argparse.Namespace) -> None:
    """Give a lesson back as it was."""
    print(restore(options.lesson, my_lessons()))


def run_class(options: argparse.Namespace) -> None:
    """Write a class set."""
    from .class_set import class_set  # late: a learner's commands make no handouts

    zips = class_set(
        options.out.absolute(),
        systems=options.wheels,
        pythons=options.pythons,
        pdf=not options.no_pdf,
    )
    for file in zips:
        print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB")


def run_progress(options: argparse.Namespace) -> None:
    """Print who has solved what."""
    learners = collect(options.folder)
    if options.csv is None:
        print(table(learners), end="")
        return
    print(FORMATS[options.csv](learners), end="")
    for remark in (remark for learner in learners for remark in learner.remarks):
        print(remark, file=sys.stderr)

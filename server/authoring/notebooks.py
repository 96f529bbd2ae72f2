"""Run the lessons and bring them into the form in which they are committed.

::

    python -m server.authoring.notebooks                               # all lessons
    python -m server.authoring.notebooks notebooks/01_consumers.ipynb  # one of them
    python -m server.authoring.notebooks --check                       # only look at their form

"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from ..paths import NOTEBOOKS

__all__ = ["LessonError", "execute", "normalise", "read", "rebuild", "to_text"]

Notebook: TypeAlias = nbformat.NotebookNode

CELL_TIMEOUT = 60
"""Seconds that a cell may take. None of them takes more than a few."""

METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    # Without the version: it is that of whoever ran the lesson last.
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}

# What a session leaves in a cell's metadata, as opposed to what an author writes there.
SESSION_METADATA = ("collapsed", "execution", "ExecuteTime", "scrolled", "trusted")

# Ports that the system gave, in addresses and in what a browser reads. They have five digits;
# shorter ones, such as 8000, are somebody's words.
PORT = re.compile(r"""((?:127\.0\.0\.1|localhost):|data-port=\\?["'])(\d{5})\b""")
FIRST_PORT = 50000

# What only the kernel and its browser cells know; it is of no use to anybody when the kernel is
# gone, and different each time.
SECRET = re.compile(r"""(data-(?:token|key|door)=\\?["'])([0-9a-f]*)""")
NO_SECRET = "0" * 32

# Identifiers that an editor made: a UUID, or the first eight digits of one.
MADE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?")

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class LessonError(Exception):
    """A lesson cannot be run to its end."""


def read(path: Path) -> Notebook:
    """Read a notebook as it is, cells without an identifier included."""
    with warnings.catch_warnings():
        # nbformat warns of missing identifiers and makes some up; normalise() replaces those.
        warnings.simplefilter("ignore")
        try:
            return cast(Notebook, nbformat.read(path, as_version=4))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("it has another structure") from error


def to_text(nb: Notebook) -> str:
    """Return the file that holds the notebook."""
    return str(nbformat.writes(nb)).rstrip("\n") + "\n"


def normalise(nb: Notebook) -> Notebook:
    """Return the notebook in the form in which lessons are committed.

    That form says nothing about when, where and with which Python the lesson ran: a lesson that
    runs twice gives the same file. What a reader sees stays, but for ports, which are numbered
    in the order in which they appear, and for the frames of a traceback that are not the
    learner's own. Normalising a second time changes nothing.

    """
    nb = cast(Notebook, nbformat.from_dict(nb))
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata = nbformat.from_dict({**nb.metadata, **METADATA})
    for key in ("widgets", "vscode"):
        nb.metadata.pop(key, None)
    name_cells(nb.cells)
    count = 0
    for cell in nb.cells:
        for key in SESSION_METADATA:
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            cell.pop("outputs", None)
            cell.pop("execution_count", None)
            continue
        # IPython does not count a cell that has nothing to run.
        count += bool(cell.source.strip())
        cell.execution_count = count if cell.source.strip() else None
        cell.outputs = joined(cell.outputs)
        for output in cell.outputs:
            output.pop("transient", None)
            if "execution_count" in output:
                output.execution_count = cell.execution_count
            if output.output_type == "error":
                output.traceback = own_frames(output.traceback)
    ports: dict[str, str] = {}
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = [with_known_ports(output, ports) for output in cell.outputs]
    return nb


def name_cells(cells: Iterable[Notebook]) -> None:
    """Give readable identifiers to the cells that have none of their own."""
    cells = list(cells)
    taken: set[str] = set()
    nameless = []
    for cell in cells:
        name = cell.get("id", "")
        if not name or MADE_ID.fullmatch(name) or name in taken:
            nameless.append(cell)
        else:
            taken.add(name)
    for cell in nameless:
        name = base = readable_id(cell)
        number = 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        cell.id = name


def readable_id(cell: Notebook) -> str:
    """Return an identifier made of the cell's first words."""
    words = re.findall(r"[a-z0-9]+", cell.source.lower())
    tags = [str(tag) for tag in cell.metadata.get("tags", []) if tag in ("stub", "check", "hint")]
    return "-".join([*tags, *words[:4]])[:40].strip("-") or "empty"


def joined(outputs: Sequence[Notebook]) -> list[Notebook]:
    """Join neighbours that belong to one stream: where one ends is a matter of timing."""
    result: list[Notebook] = []
    for output in outputs:
        if (
            result
            and output.output_type == "stream" == result[-1].output_type
            and output.name == result[-1].name
        ):
            result[-1].text += output.text
        else:
            result.append(output)
    return result


def own_frames(traceback: Sequence[str]) -> list[str]:
    """Leave out the frames of a traceback that name a file, and so are not the learner's own."""
    return [entry for entry in traceback if not ANSI.sub("", entry).startswith("File ")]


def with_known_ports(value: Any, ports: dict[str, str]) -> Any:
    """Replace ports that the system gave, everywhere in an output."""

    def known(match: re.Match[str]) -> str:
        port = ports.setdefault(match[2], str(FIRST_PORT + len(ports)))
        return match[1] + port

    if isinstance(value, str):
        return SECRET.sub(rf"\g<1>{NO_SECRET}", PORT.sub(known, value))
    if isinstance(value, list):
        return [with_known_ports(item, ports) for item in value]
    if isinstance(value, dict):
        result = {key: with_known_ports(item, ports) for key, item in value.items()}
        return nbformat.from_dict(result)
    return value


def execute(nb: Notebook, folder: Path = NOTEBOOKS) -> Notebook:
    """Run a notebook from top to bottom in a fresh kernel; return it with its outputs.

    Raises:
        LessonError: a cell takes too long, or ends in an error that its tags do not announce.

    """
    nb = cast(Notebook, nbformat.from_dict(nb))
    current: Notebook = nbformat.NotebookNode(id="")

    def start(cell: Notebook, cell_index: int) -> None:
        nonlocal current
        current = cell

    client = NotebookClient(
        nb,
        kernel_name="python3",
        # ipykernel warns that it is reached over plain TCP, as every kernel on loopback is.
        extra_arguments=["--log-level=ERROR"],
        on_cell_start=start,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        timeout=CELL_TIMEOUT,
    )
    try:
        return client.execute()
    except CellExecutionError as error:
        what = f"ends in {error.ename}: {error.evalue}"
    except CellTimeoutError:
        what = f"does not end within {CELL_TIMEOUT} seconds"
    except DeadKernelError:
        what = "ends the kernel"
    raise LessonError(f"cell {current.id} {what}")


def rebuild(path: Path) -> bool:
    """Run a lesson and store it in its normal form; return whether the file has changed."""
    before = path.read_text("utf-8")
    old = read(path)
    after = to_text(normalise(with_browser_outputs(execute(old), old)))
    if after == before:
        return False
    path.write_text(after, "utf-8", newline="\n")
    return True


def with_browser_outputs(nb: Notebook, old: Notebook) -> Notebook:
    """Keep the outputs of Python cells that read what a browser did; no browser is here.

    They come from ``python -m tests.browser.record``, which runs the lesson in one.

    """
    kept = {cell.get("id"): cell for cell in old.cells}
    for cell in nb.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and {"browser", "nbval-ignore-output"} <= set(tags):
            cell.outputs = kept[cell.id].outputs
    return nb


def is_normalised(path: Path) -> bool:
    """Tell whether a notebook's file is, byte for byte, in its normal form."""
    return path.read_bytes() == to_text(normalise(read(path))).encode()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m server.authoring.notebooks",
        description="Run the lessons and store their outputs in normal form.",
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="notebook", help="by default, all lessons"
    )
    parser.add_argument(
        "--check", action="store_true", help="run nothing; fail if a notebook is not in that form"
    )
    arguments = parser.parse_args(argv)
    failed = 0
    for path in arguments.paths or sorted(NOTEBOOKS.glob("*.ipynb")):
        try:
            if arguments.check:
                good = is_normalised(path)
                said = "is in normal form" if good else "is not in normal form: run make notebooks"
                failed += not good
            else:
                said = "has new outputs" if rebuild(path) else "has not changed"
        except LessonError as error:
            said = f"stays as it was: {error}"
            failed += 1
        except (OSError, ValueError, nbformat.ValidationError) as error:
            said = f"cannot be read as a notebook: {str(error).splitlines()[0]}"
            failed += 1
        print(f"{path.name} {said}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

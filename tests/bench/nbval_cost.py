"""How long nbval takes over all lessons, next to as many notebooks with as many cells of ``pass``.

That is the floor: as many kernels, and as many cells sent, run and compared, with nothing in them.
Both sets run in the same pytest set-up, all of a set in one run, one set after the other, several
times in turn. The shortest times are compared: other work on the machine has disturbed those least.
The lessons may take 1.3 times as long as the floor, plus the pauses that they declare. Those whose
servers are processes of their own are in the first figure only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook

from server.authoring.notebooks import normalise, read, to_text
from server.authoring.rules import code_cells, pauses
from server.paths import NOTEBOOKS

RATIO_BOUND = 1.3
ROUNDS = 3


def seconds_for(paths: list[Path]) -> float:
    """Compare notebooks as ``make test`` does, in one process; return how long that takes."""
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-q", "--rootdir=."]
    before = time.perf_counter()
    done = subprocess.run(
        [*command, *map(str, paths)], cwd=NOTEBOOKS.parent, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - before


def compare(what: str, lessons: list[Path]) -> None:
    """Print how long some lessons take, and how long as many empty ones."""
    notebooks = [read(path) for path in lessons]
    declared = sum(pauses(nb) for nb in notebooks)
    cells = sum(len(code_cells(nb)) for nb in notebooks)
    with tempfile.TemporaryDirectory() as folder:
        empty = [Path(folder) / path.name for path in lessons]
        for path, lesson in zip(empty, notebooks, strict=True):
            cells_of_pass = [new_code_cell("pass") for _ in code_cells(lesson)]
            path.write_text(to_text(normalise(new_notebook(cells=cells_of_pass))), "utf-8")
        times = [(seconds_for(lessons), seconds_for(empty)) for _ in range(ROUNDS)]
    full, least = (min(column) for column in zip(*times, strict=True))
    bound = RATIO_BOUND * least + declared
    verdict = "held" if full <= bound else "MISSED"
    print(
        f"nbval: {what}, {cells} code cells {full:.1f} s, as many with as "
        f"many cells of pass {least:.1f} s, declared pauses {declared:.1f} s: "
        f"{(full - declared) / least:.2f} times without the pauses; "
        f"bound {RATIO_BOUND} times, {bound:.1f} s, {verdict}",
        flush=True,
    )


def main() -> None:
    lessons = sorted(NOTEBOOKS.glob("*.ipynb"))
    compare(f"{len(lessons)} lessons", lessons)
    # A server that is a process of its own takes as long to start as its Django is large.
    without = [path for path in lessons if "%%write" not in path.read_text("utf-8")]
    compare(f"the {len(without)} whose server is in the kernel", without)


if __name__ == "__main__":
    main()

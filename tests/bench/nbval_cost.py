"""How long nbval takes over all lessons, next to the same number of empty notebooks.

Both run in the same pytest set-up, one after the other, several times in turn. The shortest times
are compared: other work on the machine has disturbed those least. The lessons may take 1.5 times
as long as the empty notebooks, plus the pauses that they declare.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook

from server.notebooks import normalise, read, to_text
from server.paths import NOTEBOOKS
from tests.notebooks.rules import code_cells, pauses

RATIO_BOUND = 1.5
ROUNDS = 5


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


def main() -> None:
    lessons = sorted(NOTEBOOKS.glob("*.ipynb"))
    notebooks = [read(path) for path in lessons]
    declared = sum(pauses(nb) for nb in notebooks)
    cells = sum(len(code_cells(nb)) for nb in notebooks)
    with tempfile.TemporaryDirectory() as folder:
        empty = [Path(folder) / path.name for path in lessons]
        for path in empty:
            # A notebook without any code cell would not even start a kernel.
            nb = normalise(new_notebook(cells=[new_code_cell("pass")]))
            path.write_text(to_text(nb), "utf-8")
        times = [(seconds_for(lessons), seconds_for(empty)) for _ in range(ROUNDS)]
    full, least = (min(column) for column in zip(*times, strict=True))
    bound = RATIO_BOUND * least + declared
    verdict = "held" if full <= bound else "MISSED"
    print(
        f"nbval: {len(lessons)} lessons with {cells} code cells {full:.1f} s, as many empty "
        f"notebooks {least:.1f} s, declared pauses {declared:.1f} s: "
        f"{(full - declared) / least:.2f} times without the pauses; "
        f"bound {RATIO_BOUND} times, {bound:.1f} s, {verdict}"
    )


if __name__ == "__main__":
    main()

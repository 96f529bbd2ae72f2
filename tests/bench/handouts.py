"""How long both editions of all handouts take, beside nbconvert's own HTML of the same lessons.

Both sides run in turn, each in a process of its own, as a teacher would run them. PDFs are not part
of it: they are what a browser takes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server.paths import NOTEBOOKS

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))

ROUNDS = 3

BOUND = 3.0
"""How many times as long as plain HTML the handouts may take."""


def seconds(*arguments: str) -> float:
    """Return how long a Python module takes."""
    before = time.perf_counter()
    subprocess.run([sys.executable, "-m", *arguments], check=True, capture_output=True)
    return time.perf_counter() - before


def main() -> None:
    """Measure both sides in turn and print the ratio of the shortest times."""
    lessons = [str(file) for file in LESSONS]
    plain, handouts = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            plain.append(seconds("nbconvert", "--to", "html", f"--output-dir={folder}", *lessons))
            out = str(Path(folder) / "handouts")
            handouts.append(seconds("server.handout.build", *lessons, "--out", out, "--no-pdf"))
    ratio = min(handouts) / min(plain)
    print(f"jupyter nbconvert --to html, {len(lessons)} lessons: {min(plain):.2f} s")
    print(f"handouts of both editions, index pages and zips: {min(handouts):.2f} s")
    print(f"ratio: {ratio:.2f}; bound {BOUND:g} {'held' if ratio <= BOUND else 'MISSED'}")


if __name__ == "__main__":
    main()

"""Run tests again and again, on a quiet machine and on a busy one, and count what fails.

``python -m tests.machines.moods 20 tests notebooks`` runs them twenty times. Every second run has
four loops beside it that keep the processors busy. With ``--stall`` every process of the tests
stands still now and then, as on a machine that swaps or sleeps: a test that fails then has a bound
in seconds where an order of events is meant.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import indent
from xml.etree import ElementTree

import psutil

from tests.notebooks import PLUGINS

REPOSITORY = Path(__file__).resolve().parents[2]

LOOPS = 4


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep processors busy for the length of a block."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for loop in started:
            loop.kill()
            loop.wait()


def stall(process: subprocess.Popen[bytes], seconds: float, chance: random.Random) -> None:
    """Let a process and all below it stand still for a moment, now and then, until it ends."""
    while process.poll() is None:
        time.sleep(chance.uniform(0.2, 1.5))
        try:
            root = psutil.Process(process.pid)
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        try:
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.suspend()
            time.sleep(chance.uniform(0.0, seconds))
        finally:
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.resume()


def run(arguments: list[str], stalled: float, chance: random.Random) -> tuple[int, dict[str, str]]:
    """Run the tests once; return how many there were, and of those that failed the report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-vv", "-p", "no:cacheprovider"]
        command += ["--dist", "loadfile", "--no-loadscope-reorder", "--max-worker-restart", "0"]
        # Lessons alone are run as beside the tests.
        for plugin in PLUGINS:
            command += ["-p", plugin]
        command += [f"--junitxml={report}"]
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "COURSE_PROGRESS": "off"},
            stdout=subprocess.DEVNULL,
        )
        if stalled:
            stall(process, stalled, chance)
        process.wait()
        if not report.exists():
            return 0, {f"pytest ended with {process.returncode}": ""}
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    failed = {}
    for case in cases:
        for part in case:
            if part.tag in ("failure", "error"):
                failed[f"{case.get('classname')}::{case.get('name')}"] = part.text or ""
    return len(cases), failed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.machines.moods", description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument("--stall", type=float, default=0.0, help="seconds of the longest stall")
    parser.add_argument("--seed", type=int, default=0)
    known, arguments = parser.parse_known_args()
    chance = random.Random(known.seed)
    failures: Counter[str] = Counter()
    bad_runs: Counter[str] = Counter()
    for number in range(1, known.runs + 1):
        mood = "busy" if number % 2 == 0 else "quiet"
        started = time.monotonic()
        with busy(LOOPS if mood == "busy" else 0):
            count, failed = run(arguments, known.stall, chance)
        failures.update(failed.keys())
        bad_runs[mood] += bool(failed or not count)
        spent = time.monotonic() - started
        print(
            f"run {number}, {mood}: {count} tests, {len(failed)} failed, {spent:.0f} s", flush=True
        )
        for name, text in failed.items():
            print(f"    {re.sub(r'^tests.', '', name)}", flush=True)
            print(indent(text, " " * 8), flush=True)
    quiet, loaded = (known.runs + 1) // 2, known.runs // 2
    print(f"\nquiet: {bad_runs['quiet']} of {quiet} runs failed")
    print(f"busy:  {bad_runs['busy']} of {loaded} runs failed")
    for name, times in failures.most_common():
        print(f"{times:4} times  {name}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()

"""Set the lessons up and open them: ``python start.py``, in the folder that a class was given.

It needs nothing but Python. The folder ``wheels/``, where there is one, has all that is installed;
without it, pip asks the network. ``python start.py restore 1`` gives lesson 1 back as it was.

"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent

WINDOWS = os.name == "nt"

DONE = "installed"
"""A file in the environment that says that all is there."""


def main(folder: Path = HERE, arguments: list[str] | None = None) -> int | str:
    """Set up, and run a command of the class room; return what the process ends with."""
    fits, wanted = fitting((folder / "pyproject.toml").read_text("utf-8"), sys.version_info[:2])
    if not fits:
        found = ".".join(map(str, sys.version_info[:2]))
        return f"This is Python {found}. The lessons need {wanted}."
    python = interpreter(folder / ".venv")
    if not (folder / ".venv" / DONE).exists():
        print("Setting up. This takes a minute or two, once.", flush=True)
        venv.create(folder / ".venv", with_pip=True, clear=True)
        if subprocess.call([str(python), *install(folder)], cwd=folder):
            return "The set-up did not succeed; above is what pip says. Run this again afterwards."
        (folder / ".venv" / DONE).touch()
    command = [str(python), "-m", "server.classroom", *(arguments or ["lab"])]
    return run(command, folder)


def fitting(pyproject: str, version: tuple[int, int]) -> tuple[bool, str]:
    """Tell whether a Python does, and which would."""
    found = re.search(r'^requires-python = ">=3\.(\d+)(?:,<3\.(\d+))?"', pyproject, re.MULTILINE)
    assert found is not None
    oldest, newest = int(found[1]), int(found[2] or 1000)
    wanted = f"3.{oldest} or newer" + (f", and older than 3.{newest}" if found[2] else "")
    return (3, oldest) <= version < (3, newest), wanted


def interpreter(environment: Path) -> Path:
    """Return where an environment has its Python."""
    return environment / ("Scripts/python.exe" if WINDOWS else "bin/python")


def install(folder: Path) -> list[str]:
    """Return the options with which Python installs the lessons."""
    wheels = folder / "wheels"
    offline = ["--no-index", f"--find-links={wheels}"] if wheels.is_dir() else []
    return [
        *("-m", "pip", "--disable-pip-version-check", "install", "--quiet", *offline),
        *("--constraint", "requirements.lock", "--editable", "."),
    ]


def run(command: list[str], folder: Path) -> int:
    """Run a command to its end; what Ctrl-C means is the command's to say."""
    # A function, and not SIG_IGN, which the command would inherit; and set before the command is
    # there, which may be ready for Ctrl-C before Popen returns.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.call(command, cwd=folder)
    finally:
        signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    sys.exit(main(arguments=sys.argv[1:]))

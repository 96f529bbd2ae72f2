"""Run ``make test`` on every Python and every Django: ``python -m tests.machines.pythons``.

Those are meant that pyproject.toml names. A Python that is missing is got: with uv, which needs no
root; or else, as root on Debian, on a fresh machine (:mod:`tests.machines.fresh`).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from . import fresh

__all__ = ["CannotError", "commands", "locked", "versions"]

REPOSITORY = Path(__file__).resolve().parents[2]

SUITES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "forky", "3.15": "sid"}
"""Where Debian has which Python; 3.12 is in none of its releases."""

DOWNLOADED = REPOSITORY / ".venv-pythons"

Way = Callable[[str], list[str] | None]

CannotError = fresh.CannotError


def versions(what: str) -> list[str]:
    """Return the versions of Python, or of Django, that pyproject.toml names, the oldest first."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    pattern = re.compile(rf"{re.escape(what)} :: (\d+\.\d+)")
    return [found[1] for line in project["classifiers"] if (found := pattern.fullmatch(line))]


def locked(package: str) -> str:
    """Return the version of a package in requirements.lock."""
    lock = (REPOSITORY / "requirements.lock").read_text("utf-8")
    found = re.search(rf"^{package}==(\S+)$", lock, re.MULTILINE)
    assert found is not None, package
    return found[1]


def commands(version: str, ways: Iterable[Way] | None = None) -> list[str]:
    """Return what runs the tests on a version, by the first way that is open here.

    Raises:
        CannotError: There is none.

    """
    for way in ways or [installed, downloaded, on_a_fresh_machine]:
        if (command := way(version)) is not None:
            return command
    raise CannotError(f"make test-all needs Python {version}: install it, with its venv module")


def make_test(version: str, python: str) -> list[str]:
    return ["make", "--no-print-directory", "test", f"VENV=.venv-{version}", f"PYTHON={python}"]


def installed(version: str) -> list[str] | None:
    """Look on the path, and among pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [shutil.which(f"python{version}"), *root.glob(f"versions/{version}.*/bin/python")]
    for python in filter(None, candidates):
        # A name on the path may be a stand-in for a version that is not active.
        wrong = f"'%d.%d' % sys.version_info[:2] != {version!r}"
        check = f"import sys, ensurepip, venv; sys.exit({wrong})"
        if subprocess.run([python, "-c", check], capture_output=True).returncode == 0:
            return make_test(version, str(python))
    return None


def downloaded(version: str) -> list[str] | None:
    """Let uv download one into this checkout."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "uv"]
    environment = {**os.environ, "UV_PYTHON_INSTALL_DIR": str(DOWNLOADED)}
    uv = [sys.executable, "-m", "uv", "python"]
    for command in (pip, [*uv, "install", "--no-bin", version]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            last = done.stderr.strip().rpartition("\n")[2].strip()
            print(f"uv gets no Python {version}: {last}", file=sys.stderr)
            return None
    find = [*uv, "find", "--managed-python", version]
    python = subprocess.run(find, env=environment, capture_output=True, text=True).stdout.strip()
    return make_test(version, python) if python else None


def on_a_fresh_machine(version: str) -> list[str] | None:
    """Let Debian bring one: in a folder, as the machine's own Debian may have no such version."""
    if version not in SUITES or not fresh.possible():
        return None
    command = [sys.executable, "-m", "tests.machines.fresh", SUITES[version]]
    return [*command, "--python", version, "--pytest-args", os.environ.get("PYTEST_ARGS", "")]


def with_django(series: str) -> list[str]:
    """Return what runs the tests with a Django other than the lock's: on the newest Python here."""
    for version in reversed(versions("Programming Language :: Python")[1:]):
        if (command := installed(version)) is not None:
            return [*command, f"VENV=.venv-django-{series}", f"DJANGO={series}"]
    raise CannotError(f"Django {series} is tried on Python 3.12 or newer, and there is none here")


def main() -> None:
    """Run the tests with everything, and say at the end with what they fail."""
    rounds = {f"Python {v}": commands for v in versions("Programming Language :: Python")}
    for series in versions("Framework :: Django"):
        if not locked("django").startswith(f"{series}."):
            rounds[f"Django {series}"] = with_django
    failed = []
    for name, find in rounds.items():
        try:
            command = find(name.partition(" ")[2])
        except CannotError as error:
            sys.exit(str(error))
        print(f"{name}: {shlex.join(command)}", flush=True)
        if subprocess.run(command, cwd=REPOSITORY).returncode != 0:
            failed.append(name)
    if failed:
        sys.exit(f"make test-all: the tests fail with {', '.join(failed)}")
    print(f"make test-all: the tests pass with {', '.join(rounds)}")


if __name__ == "__main__":
    main()

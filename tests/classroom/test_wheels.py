"""What a class needs on another system is found without that system."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from server.classroom import wheels
from server.classroom.wheels import SYSTEMS, Course, checkout, download, pip

LOCK = """\
# Said about the lock.
alpha==1.0
beta==2.0 ; sys_platform == 'win32'
beta==2.1 ; sys_platform != 'win32'
gamma==3.0
delta==4.0 ; os_name == 'nt'
epsilon==5.0
unused==6.0
"""

PYPROJECT = """\
[project]
dependencies = ["alpha[more]>=1", "Gamma"]
classifiers = ["Programming Language :: Python :: 3", "Programming Language :: Python :: 3.12"]
"""

NEEDS = {
    "alpha": ["beta", 'unused; extra == "other"', 'epsilon; extra == "more"'],
    "beta": ["alpha", 'delta; platform_system == "Windows"'],
    "Gamma": ['unused; python_version < "3.10"'],
    "epsilon": [],
}


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course whose packages are installed here, but for the one that only Windows has."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "requirements.lock").write_text(LOCK)

    def requires(name: str) -> list[str] | None:
        if name not in NEEDS:
            raise PackageNotFoundError(name)
        return NEEDS[name] or None

    monkeypatch.setattr(wheels, "requires", requires)
    return Course(tmp_path)


@pytest.mark.parametrize(
    ("system", "pins"),
    [
        ("linux", ["alpha==1.0", "beta==2.1", "epsilon==5.0", "gamma==3.0"]),
        ("macos", ["alpha==1.0", "beta==2.1", "epsilon==5.0", "gamma==3.0"]),
        ("windows", ["alpha==1.0", "beta==2.0", "delta==4.0", "epsilon==5.0", "gamma==3.0"]),
    ],
)
def test_each_system_has_its_own(course: Course, system: str, pins: list[str]) -> None:
    """Packages are those of the system, in the lock's versions, whatever system this is."""
    assert course.pins(SYSTEMS[system].environment("3.12")) == pins


def test_gap_in_the_lock(course: Course) -> None:
    """A package that the lock does not have is named, and what to do."""
    course.lock.remove("epsilon==5.0")
    with pytest.raises(ValueError, match=r"^requirements\.lock has no epsilon; run make lock$"):
        course.pins(SYSTEMS["linux"].environment("3.12"))


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_courses_own_lock_has_all(system: str) -> None:
    """The course's own packages are all in its lock, for each system and Python."""
    course = Course(checkout())
    assert course.pythons
    for python in course.pythons:
        pins = course.pins(SYSTEMS[system].environment(python))
        assert any(pin.startswith("jupyterlab==") for pin in pins)
        assert any(pin.startswith("pywinpty==") for pin in pins) == (system == "windows")
        assert any(pin.startswith("appnope==") for pin in pins) == (system == "macos")
        assert not any(pin.startswith("pytest==") for pin in pins)


def test_download(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip is asked for what builds the course, and for each Python's packages without theirs."""
    asked: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        number = len(asked)
        (tmp_path / "w" / f"package{number}.whl").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(wheels, "Course", lambda root: course)
    monkeypatch.setattr(subprocess, "run", run)
    assert download("windows", tmp_path / "w") == 2
    assert download("windows", tmp_path / "w", ["3.11", "3.13"]) == 5
    build, first, _, second, third = (command[command.index("download") :] for command in asked)
    common = ["download", "--quiet", "--only-binary=:all:", f"--dest={tmp_path / 'w'}"]
    assert build == [*common, "hatchling", "editables"]
    pins = course.pins(SYSTEMS["windows"].environment("3.12"))
    for command, python in ((first, "3.12"), (second, "3.11"), (third, "3.13")):
        assert command == [
            *common,
            "--platform=win_amd64",
            f"--python-version={python}",
            "--no-deps",
            *pins,
        ]
    assert {command[0] for command in asked} == {sys.executable}


def test_pip_that_fails(tmp_path: Path) -> None:
    """What pip says last is the reason."""
    with pytest.raises(ValueError, match=r"^the wheels could not be downloaded: ERROR: "):
        pip(["--no-index", "no-such-package-anywhere"], tmp_path)

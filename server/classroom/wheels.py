"""The wheels that a class needs to set up without a network: one folder for each system.

Packages say themselves what they need on which system, and pip evaluates that only for the machine
that it runs on. So the packages are found here, for each system and Python, and pip downloads them
in the versions of ``requirements.lock``.

"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any, TypeAlias, cast

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from ..paths import CHECKOUT

__all__ = ["SYSTEMS", "Course", "System", "checkout", "download"]

Environment: TypeAlias = dict[str, str]
"""What a package's metadata may ask about."""

BUILD = ("hatchling", "editables")
"""What pip needs to install a checkout, besides what is installed."""


@dataclass(frozen=True)
class System:
    """An operating system that a class may have."""

    sys_platform: str
    platform_system: str
    os_name: str
    platforms: tuple[str, ...]
    """The platforms whose wheels run on the machines that most have, as pip calls them."""

    def environment(self, python: str) -> Environment:
        """Return what a package's metadata may ask about."""
        return {
            **cast(Environment, default_environment()),
            "sys_platform": self.sys_platform,
            "platform_system": self.platform_system,
            "os_name": self.os_name,
            "python_version": python,
            "python_full_version": f"{python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }


LINUX = (*(f"manylinux_2_{minor}_x86_64" for minor in range(28, 16, -1)), "manylinux2014_x86_64")

SYSTEMS = {
    "linux": System("linux", "Linux", "posix", LINUX),
    # pip knows what else runs there.
    "macos": System("darwin", "Darwin", "posix", ("macosx_12_0_arm64",)),
    "windows": System("win32", "Windows", "nt", ("win_amd64",)),
}


def checkout() -> Path:
    """Return the checkout: an installed course does not say what it needs, nor is it a class's.

    Raises:
        ValueError: There is none.

    """
    if CHECKOUT is None:
        raise ValueError("a class set is made in a checkout of the course, and this is none")
    return CHECKOUT


class Course:
    """What the course needs, as ``pyproject.toml`` and ``requirements.lock`` have it."""

    def __init__(self, root: Path) -> None:
        self.project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))[
            "project"
        ]
        self.lock = (root / "requirements.lock").read_text("utf-8").splitlines()

    @cached_property
    def pythons(self) -> list[str]:
        """The versions of Python that the course runs on."""
        text = "\n".join(self.project["classifiers"])
        return re.findall(r"^Programming Language :: Python :: (3\.\d+)$", text, re.MULTILINE)

    def pins(self, environment: Environment) -> list[str]:
        """Return the packages that the course needs in an environment: ``django==5.2.8``.

        Raises:
            ValueError: requirements.lock lacks one.

        """
        locked = {
            canonicalize_name(line.name): str(line.specifier)
            for line in map(Requirement, self.lock_lines())
            if line.marker is None or line.marker.evaluate(dict(environment))
        }
        names = sorted({*needed(map(Requirement, self.project["dependencies"]), environment)})
        # Who is asked what it needs is what is installed here. The lock may have another version of
        # it for another Python, which needs less.
        anywhere = {canonicalize_name(Requirement(line).name) for line in self.lock_lines()}
        if missing := [name for name in names if name not in anywhere]:
            raise ValueError(f"requirements.lock has no {', '.join(missing)}; run make lock")
        return [f"{name}{locked[name]}" for name in names if name in locked]

    def lock_lines(self) -> list[str]:
        """Return the lines of the lock that name a package."""
        return [line for line in self.lock if line and not line.startswith("#")]


def needed(wanted: Iterator[Requirement], environment: Environment) -> Iterator[NormalizedName]:
    """Yield the names of all packages that some packages need, themselves included."""
    todo = list(wanted)
    seen: set[str] = set()
    while todo:
        requirement = todo.pop()
        if requirement.marker is not None and not requirement.marker.evaluate(
            environment | {"extra": ""}
        ):
            continue
        # A package with its extras is another question than the package alone.
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        yield canonicalize_name(requirement.name)
        for text in requirements_of(requirement.name):
            inner = Requirement(text)
            if inner.marker is None or any(
                inner.marker.evaluate(environment | {"extra": extra})
                for extra in ("", *requirement.extras)
            ):
                inner.marker = None
                todo.append(inner)


def requirements_of(name: str) -> list[str]:
    """Return what an installed package needs, on any system."""
    try:
        return requires(name) or []
    except PackageNotFoundError:
        # One of another system's. The few that there are need nothing.
        return []


def download(system: str, folder: Path, pythons: Sequence[str] = ()) -> int:
    """Download the wheels for a system, for each of the Pythons; return how many there are.

    Raises:
        ValueError: pip could not get them.

    """
    course = Course(checkout())
    known = SYSTEMS[system]
    options = [f"--platform={platform}" for platform in known.platforms]
    folder.mkdir(parents=True, exist_ok=True)
    pip([*BUILD], folder)
    for python in pythons or course.pythons:
        pins = course.pins(known.environment(python))
        pip([*options, f"--python-version={python}", "--no-deps", *pins], folder)
    return len(list(folder.glob("*.whl")))


def pip(arguments: Sequence[str], folder: Path) -> None:
    """Have pip download wheels, and nothing that has to be built."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    done = subprocess.run(
        [*command, "--only-binary=:all:", f"--dest={folder}", *arguments],
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        *_, why = ["pip gave no reason", *done.stderr.strip().splitlines()]
        raise ValueError(f"the wheels could not be downloaded: {why}")

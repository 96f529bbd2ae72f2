"""What is installed is what the project says, and nothing in the checkout names a machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
SETTINGS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
PROJECT, TOOLS = SETTINGS["project"], SETTINGS["tool"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = [*PROJECT["dependencies"], *EXTRAS["pdf"], *EXTRAS["dev"]]
LOCK = [
    line
    for line in (REPOSITORY / "requirements.lock").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_lock_has_versions_and_no_addresses():
    """Each line of the lock is one package in one version."""
    for line in LOCK:
        (version,) = Requirement(line).specifier
        assert version.operator == "==", line
        assert "://" not in line


@pytest.mark.parametrize("python", ["3.11.2", "3.11.9", "3.12.1", "3.13.0", "3.14.0", "3.15.0"])
@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: Requirement(wanted).name)
def test_lock_fits_the_ranges(wanted: str, python: str):
    """What pyproject.toml asks for is in the lock once, in a version that it allows."""
    requirement = Requirement(wanted)
    environment = {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
    }
    locked = [
        next(iter(found.specifier)).version
        for found in map(Requirement, LOCK)
        if canonicalize_name(found.name) == canonicalize_name(requirement.name)
        and (found.marker is None or found.marker.evaluate(environment))
    ]
    assert len(locked) == 1
    assert requirement.specifier.contains(locked[0])


def test_environment_for_conda_uses_the_lock():
    """Conda and Binder get the versions that everybody gets."""
    text = (REPOSITORY / "environment.yml").read_text("utf-8")
    assert "--constraint requirements.lock" in text
    assert "--editable ." in text


def test_jupyterlab_asks_for_no_news():
    """The setting is where JupyterLab of this environment looks for settings."""
    folder = Path(sys.prefix, "share", "jupyter", "lab", "settings", "overrides.d")
    settings = json.loads((folder / "channels-notebooks.json").read_text("utf-8"))
    assert settings["@jupyterlab/apputils-extension:notification"] == {"fetchNews": "false"}


def test_handout_is_an_exporter_of_nbconvert():
    """nbconvert finds the exporter under its name."""
    from nbconvert.exporters import get_exporter

    assert get_exporter("handout").__name__ == "HandoutExporter"


def committed_texts() -> list[tuple[str, str]]:
    """Return the committed text files of the checkout, or all files where git knows nothing."""
    git = ["git", "-C", str(REPOSITORY), "ls-files", "-z"]
    listed = subprocess.run(git, capture_output=True, text=True, check=True).stdout
    texts = []
    for name in listed.split("\0"):
        path = REPOSITORY / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                texts.append((name, content.decode("utf-8")))
    return texts


def test_nothing_names_this_machine():
    """No committed file has the path of this checkout or of somebody's home folder."""
    here = re.escape(str(REPOSITORY))
    home = re.escape(str(Path.home())) if Path.home() != Path(Path.home().anchor) else "/home/me"
    # As a path of its own, and not as part of one, such as the tests' own examples have it.
    path = re.compile(rf"(?<![\w/.])(?:{here}|{home})/(?!\.pyenv)")
    found = [name for name, text in committed_texts() if path.search(text)]
    assert found == []

"""What is installed is what the project says, and nothing in the checkout names a machine."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.machines.pythons import locked, versions

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


def locked_for(name: str, python: str) -> list[str]:
    """Return the versions of a package that the lock has for a version of Python."""
    environment = {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
    }
    return [
        next(iter(found.specifier)).version
        for found in map(Requirement, LOCK)
        if canonicalize_name(found.name) == canonicalize_name(name)
        and (found.marker is None or found.marker.evaluate(environment))
    ]


@pytest.mark.parametrize("python", ["3.11.2", "3.11.9", "3.12.1", "3.13.0", "3.14.0", "3.15.0"])
def test_lock_fits_the_ranges(python: str):
    """What pyproject.toml asks for is in the lock once, in a version that it allows."""
    for requirement in map(Requirement, WANTED):
        found = locked_for(requirement.name, python)
        assert len(found) == 1, requirement
        assert requirement.specifier.contains(found[0]), requirement


def minor(number: int) -> str:
    """Return a version of Python 3."""
    return f"3.{number}"


def text(name: str) -> str:
    """Return a file of the checkout."""
    return (REPOSITORY / name).read_text("utf-8")


def test_every_file_names_the_same_pythons():
    """The Pythons of pyproject.toml are those of make, the lock, conda, Binder and the README."""
    named = versions("Programming Language :: Python")
    oldest, newest = (int(name.partition(".")[2]) for name in (named[0], named[-1]))
    assert named == [minor(number) for number in range(oldest, newest + 1)]
    assert PROJECT["requires-python"] == f">={named[0]}"
    makefile = text("Makefile")
    assert f"\nPYTHONS = {' '.join(named)}\n" in makefile
    assert f"if sys.version_info < (3, {oldest}):" in makefile
    assert f"if sys.version_info >= (3, {newest + 1}):" in makefile
    assert f"--python-version {named[0]} " in makefile
    (environment,) = TOOLS["uv"]["environments"]
    assert environment.startswith(f"python_version < '{minor(newest + 1)}'")
    assert f"python_full_version < '{minor(newest + 1)}'" in makefile
    assert TOOLS["mypy"]["python_version"] == named[0]
    assert TOOLS["ruff"]["target-version"] == f"py{named[0].replace('.', '')}"
    range_in_words = f"Python {named[0]} to {named[-1]}"
    assert range_in_words in text("requirements.lock").splitlines()[0]
    assert f"With {range_in_words} and make" in text("README.md")
    assert f"run all tests on {range_in_words}, " in makefile
    assert f"the tests on {range_in_words} " in text("README.md")
    (conda,) = re.findall(r"- python=(\S+)", text("environment.yml"))
    assert conda in named


def test_every_file_names_the_same_djangos():
    """The Djangos of pyproject.toml are those that it allows, and that `make test-all` tries."""
    oldest, *others = versions("Framework :: Django")
    (allowed,) = (r.specifier for r in map(Requirement, WANTED) if r.name == "django")
    for series in (oldest, *others):
        assert allowed.contains(f"{series}.1")
    major, newest = others[-1].split(".")
    assert not allowed.contains(f"{major}.{int(newest) + 1}")
    assert locked("django").startswith(f"{oldest}.")
    in_words = f"with Django {' and '.join(others)}"
    assert in_words in text("Makefile")
    assert in_words in text("README.md")


# The first command


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Make a virtual environment where the path has these Pythons, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("id", "rm"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    make = str(shutil.which("make"))

    def run(*options: str, **pythons: str) -> subprocess.CompletedProcess[str]:
        for name, beginning in pythons.items():
            path = folder / name.replace("_", ".")
            path.write_text(f"#!{sys.executable}\nimport sys\n{beginning}\n{THE_REST}", "utf-8")
            path.chmod(0o755)
        venv = tmp_path / "venv"
        return subprocess.run(
            [make, f"{venv}/bin/python", f"VENV={venv}", *options],
            cwd=REPOSITORY,
            env={"PATH": str(folder)},
            capture_output=True,
            text=True,
        )

    return run


THE_REST = """
if sys.argv[1] == "-c":
    exec(sys.argv[2])
else:
    print("made with", sys.argv[0].rpartition("/")[2], *sys.argv[1:3])
"""
AGED = "sys.version_info = ({}, 0, 'final', 0)"
WITHOUT_VENV = "sys.modules['ensurepip'] = None"
STAND_IN = "sys.exit('pyenv: python3: command not found')"

NEEDED = (
    "The lessons need one of 3.11 3.12 3.13 3.14 3.15, with its venv module (on Debian and Ubuntu: "
    "apt install python3 python3-venv). If you have one elsewhere, say so: "
    "make PYTHON=/path/to/python3\n"
)


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return what make told without its own last line."""
    return re.sub(r"^make.*: \*\*\* .*\n", "", done.stderr, flags=re.MULTILINE)


def test_make_takes_the_first_python_that_fits(machine: Any):
    """One that is too old, too new, or a stand-in is passed over."""
    done = machine(
        python3=AGED.format("3, 9"),
        python3_12=STAND_IN,
        python3_13=AGED.format("3, 13"),
        python=AGED.format("3, 16"),
    )
    assert "made with python3.13 -m venv" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("pythons", "reason"),
    [
        ({}, ""),
        ({"python3": STAND_IN}, ""),
        ({"python3": AGED.format("3, 9")}, "python3: Python 3.9 is too old. "),
        (
            {"python3": AGED.format("3, 16")},
            "python3: Python 3.16 is newer than what the lessons were tried with. ",
        ),
        (
            {"python3": AGED.format("3, 13") + "\n" + WITHOUT_VENV},
            "python3: Python 3.13 lacks its venv module "
            "(on Debian and Ubuntu: apt install python3.13-venv). ",
        ),
    ],
    ids=["none", "stand-in", "old", "new", "no venv"],
)
def test_make_says_why_no_python_fits(machine: Any, pythons: dict[str, str], reason: str):
    """One sentence for each Python that is there, and what to do."""
    done = machine(**pythons)
    assert done.returncode != 0
    assert told(done) == f"No Python that fits was found. {reason}{NEEDED}"


def test_make_takes_a_newer_python_that_is_asked_for(machine: Any):
    """What has not been tried is no error: a sentence, and on it goes."""
    done = machine("PYTHON=python3", python3=AGED.format("3, 16"))
    assert done.stderr == (
        "Python 3.16 is newer than what the lessons were tried with: some outputs may differ.\n"
    )
    assert "made with python3 -m venv" in done.stdout


def test_make_leaves_no_half_an_environment(machine: Any, tmp_path: Path):
    """Where the environment cannot be made, the next try begins anew."""
    half = f"if sys.argv[1] == '-m': import os; os.mkdir({str(tmp_path / 'venv')!r}); sys.exit(1)"
    done = machine(python3=f"{AGED.format('3, 13')}\n{half}")
    assert told(done) == (
        f"make could not make {tmp_path / 'venv'} here. If this folder cannot be written to, "
        "choose another one: make lab VENV=$HOME/lessons\n"
    )
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("writable", [True, False])
def test_lab_needs_no_home(writable: bool, tmp_path: Path):
    """Where there is no home folder to write to, Jupyter has one in the environment."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!{sys.executable}\nimport os, sys; print(os.environ['HOME'], *sys.argv)")
    python.chmod(0o755)
    (tmp_path / "venv" / ".installed").touch()
    done = subprocess.run(
        ["make", "lab", f"VENV={tmp_path / 'venv'}", "LAB_ARGS=--no-browser"],
        cwd=REPOSITORY,
        # Without what another make that runs the tests has set.
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path if writable else tmp_path / "none")},
        capture_output=True,
        text=True,
        check=True,
    )
    home, _, *arguments = done.stdout.split()
    assert Path(home) == (tmp_path if writable else tmp_path / "venv" / "home")
    assert arguments[:3] == ["-m", "server.classroom", "lab"]
    assert arguments[-1] == "--no-browser"


def test_make_deletes_no_folder_of_somebody_else(machine: Any, tmp_path: Path):
    """A folder that was there before is left alone when no environment can be made in it."""
    (tmp_path / "venv").mkdir()
    machine(python3=f"{AGED.format('3, 13')}\nif sys.argv[1] == '-m': sys.exit(1)")
    assert (tmp_path / "venv").exists()


def imported_by(folder: Path) -> dict[str, set[str]]:
    """Return the modules that a folder's files import, outermost names, with the files."""
    found: dict[str, set[str]] = {}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(file.name)
    return found


OF_THE_PROJECT = {path.name for path in (REPOSITORY / "static" / "project").iterdir()}
"""What a script of lesson 6 imports, which runs in the learner's project."""


def test_each_import_is_declared():
    """What server/ imports is asked for by pyproject.toml itself, and not by others of its own."""
    needed = {canonicalize_name(Requirement(wanted).name) for wanted in PROJECT["dependencies"]}
    optional = needed | {canonicalize_name(Requirement(wanted).name) for wanted in EXTRAS["pdf"]}
    distributions = packages_distributions()
    undeclared = {
        (module, *sorted(files))
        for module, files in imported_by(REPOSITORY / "server").items()
        if module not in sys.stdlib_module_names | OF_THE_PROJECT
        and not {canonicalize_name(name) for name in distributions[module]}
        & (optional if files == {"pdf.py"} else needed)
    }
    assert undeclared == set()


def test_an_import_is_seen(tmp_path):
    """Each way of importing counts, wherever it stands; a module's own package does not."""
    text = "import a.b, c\ndef f():\n    from d.e import x\nfrom . import y\nfrom .z import q\n"
    (tmp_path / "x.py").write_text(text)
    assert imported_by(tmp_path) == {"a": {"x.py"}, "c": {"x.py"}, "d": {"x.py"}}


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


def test_jupyters_server_leads_to_browser_cells():
    """Jupyter's server of this environment takes the extension from the checkout."""
    folder = Path(sys.prefix, "etc", "jupyter", "jupyter_server_config.d")
    settings = json.loads((folder / "channels-notebooks.json").read_text("utf-8"))
    assert settings["ServerApp"]["jpserver_extensions"] == {"server.notebook.gateway": True}


def test_nothing_leads_to_ports():
    """What hands anybody's requests on to any port of the machine is not installed with it."""
    assert not [line for line in LOCK if line.startswith("jupyter-server-proxy")]
    assert "jupyter-server-proxy" not in text("environment.yml") + text("pyproject.toml")


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

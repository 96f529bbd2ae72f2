"""The script that a class starts with: it sets up once, without a network if it can, and opens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import venv
from collections import namedtuple
from pathlib import Path

import pytest

from server.classroom import start
from server.paths import NOTEBOOKS

ROOT = NOTEBOOKS.parent

PYPROJECT = """\
[project]
name = "tiny"
version = "1"
requires-python = ">=3.11,<3.99"

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

BACKEND = '''\
"""Build the tiny course, so that pip needs nothing else."""

import os
import zipfile


def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("tiny.pth", os.getcwd())
        for part, text in {
            "METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n",
            "WHEEL": "Wheel-Version: 1.0\\nTag: py3-none-any\\n",
            "RECORD": "",
        }.items():
            wheel.writestr(f"tiny-1.dist-info/{part}", text)
    return name
'''

COMMANDS = '''\
"""Say which Python runs, and what is asked for."""

import sys

print(sys.prefix, *sys.argv[1:], file=open("said.txt", "a"))
sys.exit(len(sys.argv) - 2)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A class folder with a very small course, and wheels that it does not need."""
    folder = tmp_path / "class"
    (folder / "server" / "classroom").mkdir(parents=True)
    (folder / "wheels").mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "requirements.lock").touch()
    (folder / "backend.py").write_text(BACKEND)
    for package in ("server", "server/classroom"):
        (folder / package / "__init__.py").touch()
    (folder / "server" / "classroom" / "__main__.py").write_text(COMMANDS)
    return folder


def test_set_up(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start sets up, until one has succeeded; each then opens the lessons, or does as told."""
    rest = folder / ".venv" / "half.txt"

    def create_half(environment: Path, **_: object) -> None:
        environment.mkdir()
        rest.touch()

    with monkeypatch.context() as patch:
        patch.setattr(venv, "create", create_half)
        patch.setattr(start, "interpreter", lambda _: shutil.which("false"))
        assert start.main(folder) == (
            "The set-up did not succeed; above is what pip says. Run this again afterwards."
        )
    assert not (folder / "said.txt").exists()
    assert capfd.readouterr().out.count("Setting up.") == 1
    assert start.main(folder) == 0
    assert not rest.exists()
    assert capfd.readouterr().out == "Setting up. This takes a minute or two, once.\n"
    assert start.main(folder, ["restore", "1"]) == 1
    assert capfd.readouterr().out == ""
    environment = folder / ".venv"
    assert (folder / "said.txt").read_text().splitlines() == [
        f"{environment} lab",
        f"{environment} restore 1",
    ]


Version = namedtuple("Version", "major minor micro releaselevel serial")


def test_other_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that does not do is told which would, and nothing is set up."""
    monkeypatch.setattr(sys, "version_info", Version(3, 10, 1, "final", 0))
    assert start.main(folder) == (
        "This is Python 3.10. The lessons need 3.11 or newer, and older than 3.99."
    )
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        (">=3.11,<3.14", (3, 10), (False, "3.11 or newer, and older than 3.14")),
        (">=3.11,<3.14", (3, 11), (True, "3.11 or newer, and older than 3.14")),
        (">=3.11,<3.14", (3, 14), (False, "3.11 or newer, and older than 3.14")),
        (">=3.11", (3, 99), (True, "3.11 or newer")),
    ],
)
def test_fitting(wanted: str, version: tuple[int, int], expected: tuple[bool, str]) -> None:
    """pyproject.toml says which Pythons do."""
    assert start.fitting(f'[project]\nrequires-python = "{wanted}"\n', version) == expected


def test_the_courses_own_python() -> None:
    """The course's own pyproject.toml is understood, and this Python does."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert start.fitting(text, sys.version_info[:2])[0]


def test_wheels_and_no_index(folder: Path) -> None:
    """With wheels pip asks nobody; without them it asks as it always does."""
    wheels = folder / "wheels"
    assert start.install(folder)[-6:-3] == ["--no-index", f"--find-links={wheels}", "--constraint"]
    wheels.rmdir()
    assert "--no-index" not in start.install(folder)


def test_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment of Windows has its Python elsewhere."""
    monkeypatch.setattr(start, "WINDOWS", False)
    assert start.interpreter(Path("e")) == Path("e/bin/python")
    monkeypatch.setattr(start, "WINDOWS", True)
    assert start.interpreter(Path("e")) == Path("e/Scripts/python.exe")


ASKS = """\
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
print("ready", flush=True)
time.sleep(3600)
"""


def test_ctrl_c_is_for_the_lessons(tmp_path: Path) -> None:
    """Ctrl-C reaches both; JupyterLab asks what it means, and the script waits for it to end."""
    code = (
        "import sys; from pathlib import Path; from server.classroom import start; "
        f"sys.exit(start.run([sys.executable, '-c', {ASKS!r}], Path({str(tmp_path)!r})))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 7


def test_ctrl_c_before_the_command_is_there(tmp_path: Path) -> None:
    """Ctrl-C while the command starts does not end the script, and is as it was afterwards."""
    before = signal.getsignal(signal.SIGINT)
    send = "import os, signal; os.kill(os.getppid(), signal.SIGINT); raise SystemExit(7)"
    assert start.run([sys.executable, "-c", send], tmp_path) == 7
    assert signal.getsignal(signal.SIGINT) is before

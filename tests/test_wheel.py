"""A wheel, installed where there is no checkout, has all that the course needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from server.handout.exporter import HandoutExporter
from server.paths import CHECKOUT, NOTEBOOKS

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment that has the wheel, and no checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    subprocess.run([*build, str(CHECKOUT)], check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "environment", with_pip=False)
    install = ["--python", str(folder / "environment"), "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, *install, str(wheel)], check=True, capture_output=True)
    # What the course needs is borrowed from here. Python does not follow what leads from a borrowed
    # folder to others, so that the checkout is out of sight.
    paths = {"base": str(folder / "environment"), "platbase": str(folder / "environment")}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    site.joinpath("borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture
def python(place: Path, tmp_path: Path) -> Python:
    """Runs the environment's Python in an empty folder."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COURSE_", "PYTHON", "COV_"))
    }
    # nbconvert's own templates are where it was installed.
    environment["JUPYTER_PATH"] = str(Path(sys.prefix, "share", "jupyter"))
    scripts = "Scripts" if os.name == "nt" else "bin"
    executable = place / "environment" / scripts / "python"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            # -P: neither the empty folder nor the script's own is on the path.
            [str(executable), "-P", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


def test_all_that_a_lesson_uses(python: Python, place: Path, tmp_path: Path) -> None:
    """A server, its transcript, a browser cell's frame and a check work; progress is kept here.

    The wheel brings the lessons.

    """
    done = python(str(Path(__file__).with_name("installed.py")))
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert Path(got["server"]).is_relative_to(place / "environment")
    lessons = [Path(path) for path in got["lessons"]]
    assert [path.name for path in lessons] == sorted(
        file.name for file in NOTEBOOKS.glob("*.ipynb")
    )
    assert all(path.is_relative_to(place / "environment") for path in lessons)
    assert got["answer"] == "HELLO"
    assert "<title>Browser cell first-socket</title>" in got["frame"]
    assert got["script"].startswith("//")
    assert "client → ShoutBack" in got["text"]
    assert got["html"].startswith('<div class="channels-transcript mathjax_ignore">')
    assert "websocket.disconnect</span>" in got["html"]
    assert got["verdict"].startswith("Exercise 1.1, Shout back: ✓ solved\n")
    assert [file.name for file in tmp_path.iterdir()] == ["progress.json"]


def test_jupyters_server_leads_to_browser_cells(python: Python) -> None:
    """Jupyter's server of that environment has the extension that leads to live servers."""
    done = python("-m", "jupyter_server.extension.serverextension", "list")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).splitlines()
    assert "server.notebook.gateway enabled" in [line.strip() for line in shown]
    assert "server.notebook.gateway  OK" in [line.strip() for line in shown]


def test_handout(python: Python, tmp_path: Path) -> None:
    """nbconvert of that environment makes the handout that the checkout makes."""
    lesson = NOTEBOOKS / "01_consumers.ipynb"
    done = python("-m", "nbconvert", "--to", "handout", f"--output-dir={tmp_path}", str(lesson))
    assert done.returncode == 0, done.stderr
    here, _ = HandoutExporter().from_filename(str(lesson))
    page = (tmp_path / "01_consumers.html").read_text("utf-8")
    assert page.strip() == here.strip()


def test_class_set(python: Python, place: Path, tmp_path: Path) -> None:
    """Of a lesson that the wheel brings it makes handouts where it runs."""
    [lesson] = (place / "environment").rglob("01_consumers.ipynb")
    done = python("-m", "server.handout.build", "--no-pdf", str(lesson))
    assert done.returncode == 0, done.stderr
    made = {file.name for file in (tmp_path / "handouts" / "student").iterdir()}
    assert made == {"index.html", "01_consumers.html"}


def test_slides(python: Python, tmp_path: Path) -> None:
    """nbconvert of that environment makes slides of a lesson, section by section."""
    lesson = NOTEBOOKS / "01_consumers.ipynb"
    done = python("-m", "nbconvert", "--to", "slides", f"--output-dir={tmp_path}", str(lesson))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "01_consumers.slides.html").read_text("utf-8")
    assert page.count("<section><section>") > 8
    assert "fragment" in page
    assert "# Solution" not in page

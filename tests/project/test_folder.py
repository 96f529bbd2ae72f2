"""Folders of projects: the course's own are made anew, others are left as they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from server.project import Project, folder
from server.project.folder import MARK, TEMPLATE, copy_template, home, take
from server.project.project import projects


def test_new(project: Project, place: Path) -> None:
    """A project is a folder beside the notebook."""
    assert project.folder == place / "chat"
    assert repr(project) == "A new project, in the folder chat."


def test_again(new_project: Callable[..., Project]) -> None:
    """A second project of the same name takes the first one's folder, and its files are kept."""
    first = new_project()
    first.write("chat/views.py", "1")
    second = new_project()
    assert second.folder == first.folder
    assert [path.name for path in second.folder.iterdir()] == [MARK]
    assert list(projects.values()).count(second) == 1
    before = first.folder.with_name("chat_before")
    assert (before / "chat/views.py").read_text() == "1\n"
    second.write("chat/views.py", "2")
    new_project()
    assert (before / "chat/views.py").read_text() == "2\n"
    assert sorted(path.name for path in before.parent.iterdir()) == ["chat", "chat_before"]


def test_again_beside_somebody_elses(new_project: Callable[..., Project], place: Path) -> None:
    """What is not ours is left, also where a project would be kept."""
    not_a_project(place / "chat_before")
    new_project().write("chat/views.py", "1")
    new_project()
    assert (place / "chat_before" / "thesis.txt").read_text() == "years of work"
    assert (place / "chat_before_2" / "chat/views.py").read_text() == "1\n"


def test_empty_folder(new_project: Callable[..., Project], place: Path) -> None:
    """An empty folder is taken."""
    (place / "chat").mkdir()
    assert new_project().folder == place / "chat"


def not_a_project(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")


def mark_of_another_kind(path: Path) -> None:
    path.mkdir()
    (path / MARK).write_text('{"owner": "me"}')


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (not_a_project, "is not one of this course's projects"),
        (mark_of_another_kind, "is not one of this course's projects"),
        (Path.touch, "is a file"),
    ],
)
def test_not_ours(
    make: Callable[[Path], None], why: str, new_project: Callable[..., Project], place: Path
) -> None:
    """What is not ours is left as it is, the project goes elsewhere, and one sentence says so."""
    make(place / "chat")
    before = [(path, path.stat().st_mtime_ns) for path in place.rglob("*")]
    project = new_project()
    assert project.folder == place / "chat_2"
    assert repr(project) == (
        f"The folder chat {why} and is left as it is; the project is in chat_2."
    )
    assert [(path, path.stat().st_mtime_ns) for path, _ in before] == before


HOLDER = "from server.project import Project; Project('chat'); print(1, flush=True); input()"


def test_in_use(new_project: Callable[..., Project], place: Path) -> None:
    """Another kernel's project is left alone while that kernel lives, and taken afterwards."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=place
    )
    assert other.stdout is not None and other.stdin is not None
    other.stdout.readline()
    assert repr(new_project()) == (
        "The folder chat is in use by another notebook and is left as it is; "
        "the project is in chat_2."
    )
    other.stdin.close()
    other.wait()
    other.stdout.close()
    assert new_project().folder == place / "chat"


def test_leftovers(place: Path) -> None:
    """Processes of an earlier kernel that nobody ended are ended by the next project there."""
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    spared = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        gone = [left.pid, psutil.Process(left.pid).create_time()]
        # The same number with another start: another process.
        reused = [spared.pid, psutil.Process(spared.pid).create_time() - 5]
        (place / "chat").mkdir()
        mark = {"owner": [1, 0.0], "processes": [gone, reused]}
        (place / "chat" / MARK).write_text(json.dumps(mark))
        take("chat")
        left.wait(60)
        assert spared.poll() is None
    finally:
        spared.kill()
        spared.wait()
        left.kill()
        left.wait()


def test_running_processes_are_noted(chatterbox: Project) -> None:
    """While a server runs its pid is in the mark, and no longer."""
    server = chatterbox.start("python chatterbox.py {port}")

    def noted() -> list[int]:
        mark = json.loads((chatterbox.folder / MARK).read_text())
        assert mark["owner"][0] == os.getpid()
        return [pid for pid, _ in mark["processes"]]

    assert server.child is not None
    assert noted() == [server.child.popen.pid]
    server.stop()
    assert noted() == []


def test_learners_things_are_left_alone(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """With COURSE_PROGRESS=off projects are in a folder that goes with the kernel."""
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    assert home() == home() != place
    code = "from server.project import Project; print(Project('chat').folder)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    made = Path(shown.stdout.strip())
    assert made.name == "chat" and made.parent.name.startswith("channels-project-")
    assert not made.parent.exists()
    folder.temporary.cache_clear()


def test_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The complete project is copied into a new folder, without what running it leaves."""
    # Where another test reads the template, nothing may come and go.
    template = tmp_path / "template"
    shutil.copytree(TEMPLATE, template)
    (template / "__pycache__").mkdir(exist_ok=True)
    monkeypatch.setattr(folder, "TEMPLATE", template)
    copy_template(tmp_path / "mine")
    made = {path.relative_to(tmp_path / "mine") for path in (tmp_path / "mine").rglob("*.py")}
    kept = {path.relative_to(TEMPLATE) for path in TEMPLATE.rglob("*.py")}
    assert made == kept
    assert not list((tmp_path / "mine").rglob("__pycache__"))


@pytest.mark.parametrize("make", [not_a_project, Path.touch])
def test_copy_over_something(make: Callable[[Path], None], tmp_path: Path) -> None:
    """Nothing is copied over what is there."""
    make(tmp_path / "mine")
    with pytest.raises(FileExistsError) as raised:
        copy_template(tmp_path / "mine")
    assert str(raised.value) == (
        f"{tmp_path / 'mine'} is there already and is not empty: name a new folder."
    )

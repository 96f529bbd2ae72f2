"""The class set: all that a class needs, on a machine without a network, and no solution in it."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from server.classroom import class_set as module
from server.classroom.class_set import class_set, write_short
from server.exercises import answers
from server.exercises.registry import EXERCISES
from server.handout.pdf import NoBrowserError
from server.lessons import lessons
from server.mistakes.registry import MISTAKES
from server.notebook.recordings import load
from server.paths import NOTEBOOKS, RECORDINGS

ROOT = NOTEBOOKS.parent


def no_browser() -> str:
    raise NoBrowserError("there is none")


def fake_wheels(system: str, folder: Path, pythons: tuple[str, ...]) -> int:
    folder.mkdir(parents=True)
    (folder / f"{system}-{'-'.join(pythons)}.whl").write_bytes(b"a wheel")
    return 1


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class set, with wheels for one system that are none, and without PDFs."""
    out = tmp_path_factory.mktemp("made") / "class"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "find_browser", no_browser)
        patch.setattr(module, "download", fake_wheels)
        zips = class_set(out, systems=["linux"], pythons=["3.12"])
    assert [path.name for path in zips] == ["student-linux.zip", "student.zip", "teacher.zip"]
    return out


@pytest.fixture
def unpacked(made: Path, tmp_path: Path) -> Path:
    """The folder of somebody in the class, unpacked from its zip."""
    with ZipFile(made / "student.zip") as zipped:
        zipped.extractall(tmp_path)
    return tmp_path / "student"


# What is in it


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_student(made: Path) -> None:
    """A class gets notebooks, pages, the sheet of mistakes, what is for paper, and a start."""
    found = files(made / "student")
    stems = [lesson.notebook.stem for lesson in lessons()]
    assert found >= {
        *(f"notebooks/{stem}.ipynb" for stem in stems),
        *(f"handouts/{stem}.html" for stem in stems),
        *(f"short/{stem}.html" for stem in stems),
        *("handouts/index.html", "short/mistakes.html", "notebooks/mistakes.md"),
        *("LICENSE", "README.md", "pyproject.toml", "requirements.lock", "start.py"),
    }
    assert not [name for name in found if "/answers/" in name or "__pycache__" in name]


def test_teacher(made: Path) -> None:
    """A teacher gets pages with solutions, the lessons as they are, and a course for nbgrader."""
    found = files(made / "teacher")
    for lesson in lessons():
        name, stem = lesson.notebook.name, lesson.notebook.stem
        assert f"handouts/{stem}-teacher.html" in found
        assert f"nbgrader/source/lesson_{lesson.number}/{name}" in found
        copy = made / "teacher" / "notebooks" / name
        assert copy.read_bytes() == lesson.notebook.read_bytes()
    assert {"README.md", "nbgrader/nbgrader_config.py"} <= found


def test_zips(made: Path) -> None:
    """A zip has what its folder has; that of a system has the wheels too."""
    for edition in ("student", "teacher"):
        with ZipFile(made / f"{edition}.zip") as zipped:
            names = {f"{edition}/{name}" for name in files(made / edition)}
            assert {*zipped.namelist()} == names
    with ZipFile(made / "student-linux.zip") as zipped:
        wheels = {"student/wheels/linux-3.12.whl"}
        assert {*zipped.namelist()} == wheels | {
            f"student/{name}" for name in files(made / "student")
        }


# What is not in it

SHORT = 12
"""Characters of a line that is anybody's: ``else:``, ``pass``, ``self.accept()``."""


def source_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def one_line(text: str) -> str:
    return " ".join(text.split())


def known_to_all() -> str:
    """Return what a class may read: the lessons without solutions, and what the checks say."""
    texts = [(NOTEBOOKS / "mistakes.md").read_text("utf-8")]
    for lesson in lessons():
        for cell in nbformat.read(lesson.notebook, as_version=4).cells:
            if "solution" not in cell.metadata.get("tags", []):
                texts.append(cell.source)
    texts += [f"{mistake.cause} {mistake.fix}" for mistake in MISTAKES.values()]
    return one_line("\n".join(texts))


def secret_sources() -> Iterator[list[str]]:
    """Yield the lines of each solution, and of each right or wrong answer that the tests know."""
    for lesson in lessons():
        for cell in nbformat.read(lesson.notebook, as_version=4).cells:
            if "solution" in cell.metadata.get("tags", []):
                yield source_lines(cell.source)
    for id in EXERCISES:
        for answer in answers(id):
            yield source_lines(answer.source)


def texts(name: str, content: bytes) -> Iterator[str]:
    """Yield what one reads in a file, also where its format writes it in another way."""
    text = content.decode("utf-8", "replace")
    yield text
    if name.endswith(".html"):
        yield html.unescape(re.sub(r"<[^>]*>", "", text))
    if name.endswith(".ipynb"):
        for cell in json.loads(text)["cells"]:
            yield "".join(cell["source"])


def test_no_line_of_a_solution(made: Path) -> None:
    """No file has a line of a solution or an answer that the lessons do not show anyway.

    In the course's own code, which is full of lines like ``except ValueError:``, it is no two
    lines that follow each other in an answer.
    """
    public = known_to_all()
    lines = {
        line
        for source in secret_sources()
        for line in source
        if len(line) >= SHORT and one_line(line) not in public
    }
    pairs = {
        f"{one}\n{two}"
        for source in secret_sources()
        for one, two in pairwise(source)
        if {one, two} <= lines
    }
    assert len(lines) > 100
    assert len(pairs) > 100
    found = []
    with ZipFile(made / "student.zip") as zipped:
        for name in zipped.namelist():
            code = name.startswith(("student/server/", "student/static/")) or name.endswith(".py")
            for text in texts(name, zipped.read(name)):
                stripped = "\n".join(source_lines(text))
                found += [f"{name}: {secret}" for secret in pairs if secret in stripped]
                if not code:
                    found += [f"{name}: {line}" for line in lines if line in text]
    assert found == []


def test_the_test_finds_solutions(made: Path) -> None:
    """The teacher's zip has the lines that the students' has not."""
    (source, *_) = secret_sources()
    public = known_to_all()
    line = next(line for line in source if len(line) >= SHORT and one_line(line) not in public)
    with ZipFile(made / "teacher.zip") as zipped:
        found = [
            name
            for name in zipped.namelist()
            if any(line in text for text in texts(name, zipped.read(name)))
        ]
    assert {Path(name).suffix for name in found} == {".html", ".ipynb"}


def test_nothing_for_a_teacher(made: Path) -> None:
    """What a teacher is told to say is in no file of the students'."""
    said = [
        cell.metadata["teacher"]["say"]
        for lesson in lessons()
        for cell in nbformat.read(lesson.notebook, as_version=4).cells
        if cell.metadata.get("teacher", {}).get("say")
    ]
    assert said
    with ZipFile(made / "student.zip") as zipped:
        for name in zipped.namelist():
            for text in texts(name, zipped.read(name)):
                assert not [words for words in said if words in text], name


def test_recordings(made: Path) -> None:
    """What a browser showed is there for the lessons' cells, and not for the solutions'."""
    solved = module.solution_cells()
    assert solved
    for file in RECORDINGS.glob("*.json"):
        copy = load(made / "student" / "notebooks" / "recordings" / file.name)
        assert {*copy} == {*load(file)} - solved


def test_links_of_the_lessons_lead_somewhere(made: Path) -> None:
    """Each file that a lesson links to is there, seen from a learner's own folder."""
    folder = made / "student" / "notebooks"
    links = {
        link
        for path in folder.glob("*.ipynb")
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        for link in re.findall(r"\]\((?![a-z]+:|#)([^)#]+)", "".join(cell["source"]))
        if cell["cell_type"] == "markdown"
    }
    assert any(link.startswith("../") for link in links)
    assert [link for link in links if not (folder / link).is_file()] == []


# How it is used

RUN = """\
import json, sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import server
from server.classroom.own import my_lessons, update
from server.exercises import answers, solution

assert Path(server.__file__).is_relative_to(Path.cwd()), server.__file__
folder = my_lessons()
assert update(folder) == []
assert answers("1.1") == []
print(solution("1.1"))
path = sorted(folder.glob("*.ipynb"))[0]
notebook = nbformat.read(path, as_version=4)
stub = next(cell for cell in notebook.cells if "stub" in cell.metadata.get("tags", []))
stub.source = Path("answer.py").read_text()
resources = {"metadata": {"path": folder}}
NotebookClient(notebook, kernel_name="python3", resources=resources).execute()
print(*json.loads(Path("progress.json").read_text())["solved"])
"""

WITHOUT_NETWORK = ("unshare", "--map-root-user", "--net")


def can_be_alone() -> bool:
    """Tell whether this machine lets a program run without a network."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    return not subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True).returncode


def test_first_lesson_runs(unpacked: Path) -> None:
    """In the unpacked folder the first lesson runs, an answer is checked and remembered there.

    It has no network, where a machine lets a program run without one.
    """
    first = next(iter(EXERCISES))
    right = next(answer for answer in answers(first) if answer.kind == "right")
    (unpacked / "answer.py").write_text(f"{right.imports}\n{right.source}")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("COURSE_")
    }
    environment |= {"PYTHONPATH": str(unpacked), "HOME": str(unpacked)}
    command = [sys.executable, "-c", RUN]
    if can_be_alone():
        command = [*WITHOUT_NETWORK, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
    done = subprocess.run(command, cwd=unpacked, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"The solution of exercise {first} is with your teacher.",
        first,
    ]


# How it is made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a class set of the first lesson alone."""
    first = lessons()[:1]
    monkeypatch.setattr(module, "lessons", lambda: first)


def test_made_anew(tmp_path: Path, quick: None) -> None:
    """A class set takes the place of the one before, and leaves nothing beside it."""
    out = tmp_path / "class"
    class_set(out, pdf=False)
    (out / "student" / "old").touch()
    (out / "student-macos.zip").touch()
    class_set(out, pdf=False)
    assert not (out / "student" / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["class"]
    assert sorted(path.name for path in out.iterdir()) == [
        *("student", "student.zip", "teacher", "teacher.zip")
    ]


def test_somebodys_folder(tmp_path: Path) -> None:
    """A folder with other things in it is left alone."""
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(
        ValueError, match=r" has other things than a class set in it; choose another folder$"
    ):
        class_set(tmp_path)
    with pytest.raises(ValueError, match="has other things"):
        class_set(tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_failure_leaves_the_old_one(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the wheels cannot be had, what was there before stays."""

    def fail(*arguments: object) -> int:
        raise ValueError("the wheels could not be downloaded: why")

    monkeypatch.setattr(module, "download", fail)
    out = tmp_path / "class"
    (out / "student").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"^the wheels could not be downloaded: why$"):
        class_set(out, systems=["linux"], pdf=False)
    assert [path.name for path in tmp_path.iterdir()] == ["class"]
    assert [path.name for path in out.iterdir()] == ["student"]


def test_pdfs(tmp_path: Path, chromium: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a browser, what is for paper is printed on both papers."""
    page = new_notebook(cells=[new_markdown_cell("# A sheet\n\nWords.", id="sheet")])
    monkeypatch.setattr(module, "short_pages", lambda: [("sheet", page)])
    write_short(tmp_path / "short", chromium)
    assert files(tmp_path / "short") == {"sheet.html", "sheet-a4.pdf", "sheet-letter.pdf"}
    assert (tmp_path / "short" / "sheet-a4.pdf").read_bytes().startswith(b"%PDF")


def test_start_is_a_file_of_its_own(made: Path) -> None:
    """The script that a class starts with is the one that is tested."""
    source = ROOT / "server" / "classroom" / "start.py"
    assert (made / "student" / "start.py").read_bytes() == source.read_bytes()


def test_only_in_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed course makes no class set, and says so before it does anything."""
    monkeypatch.setattr("server.classroom.wheels.CHECKOUT", None)
    sentence = r"^a class set is made in a checkout of the course, and this is none$"
    with pytest.raises(ValueError, match=sentence):
        class_set(tmp_path / "class")
    assert [*tmp_path.iterdir()] == []

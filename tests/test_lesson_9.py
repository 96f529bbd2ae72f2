"""A new lesson is a notebook and a folder, made of the words of ``AUTHORS.md``: nothing else names
it, and all that the course does with a lesson it does with this one."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from server import lessons as lessons_package
from server.authoring.rules import METADATA, broken_rules
from server.authoring.tags import TAGS
from server.paths import NOTEBOOKS

ROOT = NOTEBOOKS.parent

PAGE = (ROOT / "AUTHORS.md").read_text("utf-8")
"""What tells authors how a lesson is made; this one is made of its words."""

BLOCK = r"\n\n(?P<fence>```+)(?:python|markdown)\n(?P<text>.*?)(?P=fence)\n"

FILE = re.compile(rf"^`(?P<path>server/[^`]+)`:{BLOCK}", re.MULTILINE | re.DOTALL)

CELL = re.compile(
    r"^\*\*Cell `(?P<id>[\w-]+)`\*\*, (?P<kind>Markdown|code)(?:, with)?"
    r"(?: the tag `(?P<tag>\w+)`)?(?: and)?(?:\s+the metadata\s+`(?P<metadata>\{.*?\})`)?:" + BLOCK,
    re.MULTILINE | re.DOTALL,
)

COMMAND = re.compile(r"^\$ \.venv/bin/python (.+)$", re.MULTILINE)

SOLUTION = next(cell["text"] for cell in CELL.finditer(PAGE) if cell["tag"] == "solution")
SOLUTION = SOLUTION.partition("\n\n\ncheck(")[0]


def commands(start: str) -> list[list[str]]:
    """Return the arguments of the page's commands that begin so."""
    return [
        arguments
        for command in COMMAND.findall(PAGE)
        if (arguments := shlex.split(command))[1] == start
    ]


def notebook() -> nbformat.NotebookNode:
    """Return the lesson's notebook, as the page describes it."""
    cells = []
    for found in CELL.finditer(PAGE):
        make = new_code_cell if found["kind"] == "code" else new_markdown_cell
        cell = make(found["text"].rstrip("\n"), id=found["id"])
        cell.metadata = nbformat.from_dict(json.loads(found["metadata"] or "{}"))
        if found["tag"]:
            cell.metadata.tags = [found["tag"]]
        cells.append(cell)
    return new_notebook(cells=cells)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course that has this lesson as well."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("server", "static", "notebooks", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for found in FILE.finditer(PAGE):
        file = root / found["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(found["text"], "utf-8")
    nbformat.write(notebook(), root / "notebooks" / "09_whispers.ipynb")
    for command in [*commands("server.authoring.notebooks"), *commands("server.authoring.page")]:
        run(root, *command)
    return root


def run(root: Path, *arguments: str, progress: str = "off") -> str:
    """Run Python in the new course; return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(root), "COURSE_PROGRESS": progress}
    # What the first one compiles, the others need not.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_run(tree: Path) -> None:
    """The lesson runs: its stub fails with its message, and its solution passes."""
    text = (tree / "notebooks" / "09_whispers.ipynb").read_text("utf-8")
    assert "Whisper is not there yet: write it into the cell above." in text
    assert "Exercise 9.1, Whisper back: ✓ the solution passes" in text


def test_check_and_progress(tree: Path) -> None:
    """The exercise is checked, remembered as solved, and shown among all others.

    The lesson's mistake is known to the diagnosis.

    """
    code = (
        "from server import explain\n"
        "from server.exercises import check, progress\n"
        f"{SOLUTION}\n"
        'print(check("9.1", Whisper).headline)\n'
        "print(repr(progress(9)).splitlines()[0])\n"
        "print(progress().lines[-1].id)\n"
        'print(explain("WhisperError: too loud"))\n'
    )
    shown = run(tree, "-c", code, progress=str(tree / "progress.json"))
    assert shown.startswith("✓ solved\n1 of 1 exercises solved\n9.1\n")
    assert "It was said aloud: A whisper is in small letters." in shown


def test_mistakes_page(tree: Path) -> None:
    """The page of mistakes has a table for the lesson, which links section and exercise."""
    shown = (tree / "notebooks" / "mistakes.md").read_text("utf-8").partition("## Whispers")[2]
    assert "(09_whispers.ipynb#The-first-whisper)" in shown
    assert "[exercise 9.1](09_whispers.ipynb#Exercise-9.1:-Whisper-back)" in shown


def test_gate(tree: Path) -> None:
    """The gate tries the stub, the solution and the wrong answer, and compares all outputs."""
    gate, lesson = commands("pytest")
    shown = run(tree, *gate, "-v", "--no-header", "-p", "no:cacheprovider")
    assert "::test_an_empty_cell[9] PASSED" in shown
    assert "::test_stub[9.1] PASSED" in shown
    assert "::test_solution[9.1] PASSED" in shown
    assert "::test_wrong_answer[9.1-Nothing is changed] PASSED" in shown
    assert " passed" in run(tree, *lesson, "-p", "no:cacheprovider")


def test_handouts(tree: Path) -> None:
    """Both editions of the handouts have the lesson; the teacher's has the wrong answer."""
    run(tree, *commands("server.handout.build")[0])
    student = (tree / "handouts" / "student" / "09_whispers.html").read_text("utf-8")
    teacher = (tree / "handouts" / "teacher" / "09_whispers-teacher.html").read_text("utf-8")
    assert "Exercise 9.1: Whisper back" in student and "solution=True" not in student
    assert "It was said aloud: A whisper is in small letters. Use lower()." in teacher
    assert "Plan of 3 minutes" in teacher and "Whisper it." in teacher


def test_rules(tree: Path) -> None:
    """The lesson breaks no rule, and is in the form in which lessons are committed."""
    path = tree / "notebooks" / "09_whispers.ipynb"
    assert broken_rules(nbformat.read(path, 4)) == []
    run(tree, "-m", "server.authoring.notebooks", "--check", str(path))


# What else the page says


def rows(section: str) -> list[list[str]]:
    """Return the rows of the table in a section."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_tags() -> None:
    """The page has all tags, and says of each what it is for."""
    kinds = {"markdown": "Markdown", "code": "code", "both": "both"}
    assert [[cell.replace("`", "") for cell in row] for row in rows("Tags")] == [
        [name, kinds[tag.cells], tag.meaning] for name, tag in TAGS.items()
    ]


def test_metadata() -> None:
    """The page has all that a cell may say of itself."""
    assert {row[0].strip("`") for row in rows("Metadata")} == METADATA


def test_files() -> None:
    """The page has all files that a lesson may have, with the words that the package has."""
    assert lessons_package.__doc__
    words = " ".join(lessons_package.__doc__.split())
    for name, meaning in rows("The folder"):
        if name != "`answers/N.M.md`":
            assert f"``{name.strip('`')}``" in words
            assert meaning.replace("`", "").partition(":")[0] in words.replace("`", "")

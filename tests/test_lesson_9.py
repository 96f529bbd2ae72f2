"""A new lesson is a notebook and a folder: nothing else names it, and all that the course does with
a lesson it does with this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from server.paths import NOTEBOOKS

ROOT = NOTEBOOKS.parent

INIT = '"""Lesson 9: whispers."""\n\nTITLE = "Whispers"\n'

MISTAKES = '''\
"""The mistakes that lesson 9 shows."""

from __future__ import annotations

from ...mistakes.registry import mistake

mistake(
    "whispered-aloud",
    "It was said aloud",
    symptom="`WhisperError: too loud`",
    cause="A whisper is in small letters.",
    fix="Use lower().",
    texts=["WhisperError: too loud"],
    shown=["9#first", "9.1"],
)
'''

JUDGES = '''\
"""The exercise of lesson 9."""

from __future__ import annotations

from ...exercises.check import empty_method
from ...exercises.registry import exercise
from ...exercises.scenario import Trial
from ...mistakes.registry import MISTAKES


@exercise("9.1", "Whisper back", empty_method("receive", "answer in small letters."))
def whisper(trial: Trial) -> None:
    """Each text comes back in small letters."""
    client = trial.connect("ws/whisper/")
    client.is_asked("HELLO", "hello", {"HELLO": MISTAKES["whispered-aloud"]})
'''

ANSWERS = """\
# Answers to exercise 9.1: Whisper back

The untouched stub is told: `receive has nothing in it yet: answer in small letters.`

## imports

```python
from channels.generic.websocket import WebsocketConsumer
```

## wrong: Nothing is changed

Diagnosis: `whispered-aloud`

```python
class Whisper(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data)
```
"""

STUB = """\
from channels.generic.websocket import WebsocketConsumer


class Whisper(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        pass
"""

SOLUTION = STUB.replace("pass", "self.send(text_data=text_data.lower())")

CHECK_SOLUTION = 'from server.exercises import check\n\ncheck("9.1", Whisper, solution=True)'

CHECK = 'from server.exercises import check\n\ncheck("9.1", Whisper)'


def notebook() -> nbformat.NotebookNode:
    """Return the lesson, as an author would write it."""

    def part(tag: str, cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
        cell.metadata = nbformat.from_dict({"tags": [tag], "exercise": "9.1"})
        if tag == "solution":
            cell.metadata["jupyter"] = {"source_hidden": True}
        return cell

    hints = "\n".join(
        f"<details><summary>Hint {n}</summary>\n\nA str has a method for it.\n\n</details>"
        for n in (1, 2, 3)
    )
    return new_notebook(
        cells=[
            new_markdown_cell("# 9 Whispers", id="title"),
            new_markdown_cell("## The first whisper", id="first"),
            new_code_cell('"HELLO".lower()', id="lower"),
            new_markdown_cell("## Exercises", id="exercises"),
            part("exercise", new_markdown_cell("### Exercise 9.1: Whisper back", id="ex")),
            part("stub", new_code_cell(STUB, id="stub")),
            part("check", new_code_cell(CHECK, id="check")),
            part("hint", new_markdown_cell(hints, id="hint")),
            part("solution", new_code_cell(f"{SOLUTION}\n\n{CHECK_SOLUTION}", id="solution")),
            new_markdown_cell("## Recap", id="recap", metadata={"tags": ["recap"]}),
        ]
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course that has this lesson as well."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("server", "static", "notebooks", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    lesson = root / "server" / "lessons" / "lesson_9"
    (lesson / "answers").mkdir(parents=True)
    (lesson / "__init__.py").write_text(INIT)
    (lesson / "mistakes.py").write_text(MISTAKES)
    (lesson / "judges.py").write_text(JUDGES)
    (lesson / "answers" / "9.1.md").write_text(ANSWERS)
    path = root / "notebooks" / "09_whispers.ipynb"
    nbformat.write(notebook(), path)
    run(root, "-m", "server.authoring.notebooks", str(path))
    return root


def run(root: Path, *arguments: str, progress: str = "off") -> str:
    """Run Python in the new course; return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(root), "COURSE_PROGRESS": progress}
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
    assert "receive has nothing in it yet: answer in small letters." in text
    assert "Exercise 9.1, Whisper back: ✓ the solution passes" in text


def test_check_and_progress(tree: Path) -> None:
    """The exercise is checked, remembered as solved, and shown among all others."""
    code = (
        "from server.exercises import check, progress\n"
        f"{SOLUTION}\n"
        'print(check("9.1", Whisper).headline)\n'
        "print(repr(progress(9)).splitlines()[0])\n"
        "print(progress().lines[-1].id)\n"
    )
    shown = run(tree, "-c", code, progress=str(tree / "progress.json"))
    assert shown == "✓ solved\n1 of 1 exercises solved\n9.1\n"


def test_explain(tree: Path) -> None:
    """The lesson's mistake is known to the diagnosis."""
    code = 'from server import explain; print(explain("WhisperError: too loud"))'
    assert "It was said aloud: A whisper is in small letters." in run(tree, "-c", code)


def test_mistakes_page(tree: Path) -> None:
    """The page of mistakes has a table for the lesson, which links section and exercise."""
    code = "from server.authoring.page import page; print(page())"
    shown = run(tree, "-c", code).partition("## Whispers")[2]
    assert "(09_whispers.ipynb#The-first-whisper)" in shown
    assert "[exercise 9.1](09_whispers.ipynb#Exercise-9.1:-Whisper-back)" in shown


def test_gate(tree: Path) -> None:
    """The gate of the exercises tries the stub, the solution and the wrong answer."""
    only = "(test_stub and 9.1) or (test_solution and 9.1) or (test_wrong_answer and changed)"
    selected = ["tests/exercises/test_gate.py", "-k", only, "-v", "--no-header"]
    shown = run(tree, "-m", "pytest", *selected, "-p", "no:cacheprovider")
    assert "::test_stub[9.1] PASSED" in shown
    assert "::test_solution[9.1] PASSED" in shown
    assert "::test_wrong_answer[9.1-Nothing is changed] PASSED" in shown


def test_handouts(tree: Path) -> None:
    """Both editions of the handouts have the lesson; the teacher's has the wrong answer."""
    run(tree, "-m", "server.handout.build", "--no-pdf", "--out", str(tree / "handouts"))
    student = (tree / "handouts" / "student" / "09_whispers.html").read_text("utf-8")
    teacher = (tree / "handouts" / "teacher" / "09_whispers-teacher.html").read_text("utf-8")
    assert "Exercise 9.1: Whisper back" in student and "lower())" not in student
    assert "It was said aloud: A whisper is in small letters. Use lower()." in teacher

"""The learner's own lessons: made, brought up to date without a loss, and given back."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import nbformat
import pytest

from server.classroom import own
from server.classroom.own import my_lessons, restore, update
from server.classroom.student import student_notebook
from tests.classroom.conftest import write_lesson

NAME = "01_consumers.ipynb"


@pytest.fixture
def mine(tmp_path: Path, notebooks: Path) -> Path:
    """The learner's folder, after the first start."""
    folder = tmp_path / "my-lessons"
    assert update(folder) == []
    return folder


def write(path: Path, cell: str, source: str) -> None:
    """Write something into a cell, as a learner does."""
    notebook = nbformat.read(path, as_version=4)
    next(found for found in notebook.cells if found.id == cell).source = source
    nbformat.write(notebook, path)


def read(path: Path) -> dict[str, str]:
    return {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_first_start(mine: Path, notebooks: Path) -> None:
    """The first start makes a learner's copy of each lesson, and of the pages beside them."""
    assert names(mine) == [".base", NAME, "mistakes.md"]
    assert (mine / "mistakes.md").read_text() == "# Mistakes\n"
    lesson = nbformat.read(notebooks / NAME, as_version=4)
    assert nbformat.read(mine / NAME, as_version=4) == student_notebook(lesson)


def test_start_again(mine: Path) -> None:
    """Started again, nothing is touched: not what the learner wrote, nor when."""
    write(mine / NAME, "stub", "answer = 42")
    os.utime(mine / NAME, (1, 1))
    assert update(mine) == []
    assert (mine / NAME).stat().st_mtime == 1


def test_deleted_lesson_comes_back(mine: Path) -> None:
    """A lesson that the learner has deleted is there again at the next start."""
    (mine / NAME).unlink()
    assert update(mine) == []
    assert "stub" in read(mine / NAME)


def test_update(mine: Path, notebooks: Path) -> None:
    """After an update of the course its news are there, and so is the learner's answer."""
    write(mine / NAME, "stub", "answer = 42")
    write_lesson(notebooks / NAME, intro="Better prose.", last="print('last')")
    assert update(mine) == [
        "01_consumers.ipynb has news of the course; what you have written is as it was."
    ]
    assert read(mine / NAME) == {
        "title": "# Lesson 1",
        "intro": "Better prose.",
        "first": "print('first')",
        "stub": "answer = 42",
        "last": "print('last')",
    }
    assert update(mine) == []


def test_second_update_knows_the_first(mine: Path, notebooks: Path) -> None:
    """What is new is told from what the learner has had already."""
    write_lesson(notebooks / NAME, last="1")
    update(mine)
    write(mine / NAME, "last", "mine")
    write_lesson(notebooks / NAME, last="1", intro="Better prose.")
    update(mine)
    assert read(mine / NAME)["last"] == "mine"
    assert read(mine / NAME)["intro"] == "Better prose."


def test_update_without_news(mine: Path, notebooks: Path) -> None:
    """News that the learner's copy has already are not told."""
    write(mine / NAME, "intro", "Better prose.")
    write_lesson(notebooks / NAME, intro="Better prose.")
    assert update(mine) == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[]", id="no object"),
        pytest.param(
            b'{"nbformat": 3, "nbformat_minor": 0, "worksheets": []}', id="another format"
        ),
        pytest.param(
            b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": '
            b'[{"cell_type": "raw", "metadata": {}, "source": ""}]}',
            id="cells without names",
        ),
        pytest.param(
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": '
            b'[{"cell_type": "new", "id": "a", "metadata": {}, "source": ""}]}',
            id="no such cells",
        ),
        pytest.param(
            b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": ['
            b'{"cell_type": "raw", "id": "a", "metadata": {}, "source": ""},'
            b'{"cell_type": "raw", "id": "a", "metadata": {}, "source": ""}]}',
            id="two cells with one name",
        ),
    ],
)
def test_what_cannot_be_merged(mine: Path, notebooks: Path, content: bytes) -> None:
    """A notebook that cannot be merged is kept, and the new one is put beside it, once."""
    (mine / NAME).write_bytes(content)
    assert update(mine) == []
    write_lesson(notebooks / NAME, last="1")
    assert update(mine) == [
        "01_consumers.ipynb could not be merged with the course's new one and is as you left it; "
        "the new one is 01_consumers-new.ipynb."
    ]
    assert (mine / NAME).read_bytes() == content
    assert "last" in read(mine / "01_consumers-new.ipynb")
    assert update(mine) == []
    write_lesson(notebooks / NAME, last="2")
    (said,) = update(mine)
    assert said.endswith("the new one is 01_consumers-new-2.ipynb.")


def test_forgotten_base(mine: Path, notebooks: Path) -> None:
    """Where it is not known what the learner had, nothing is merged by guessing."""
    (mine / ".base" / NAME).unlink()
    (said,) = update(mine)
    assert said.endswith("the new one is 01_consumers-new.ipynb.")


def test_page(mine: Path, notebooks: Path) -> None:
    """A page is replaced, unless the learner has written in it: then the new one is beside it."""
    page = mine / "mistakes.md"
    (notebooks / "mistakes.md").write_text("# More mistakes\n")
    assert update(mine) == []
    assert page.read_text() == "# More mistakes\n"
    page.write_text("mine")
    assert update(mine) == []
    (notebooks / "mistakes.md").write_text("# All mistakes\n")
    assert update(mine) == [
        "mistakes.md could not be merged with the course's new one and is as you left it; "
        "the new one is mistakes-new.md."
    ]
    assert page.read_text() == "mine"
    assert (mine / "mistakes-new.md").read_text() == "# All mistakes\n"


def test_restore(mine: Path, notebooks: Path) -> None:
    """A lesson is given back as it was, with the course's news; the learner's is kept."""
    write(mine / NAME, "stub", "answer = 42")
    write_lesson(notebooks / NAME, last="1")
    assert restore(1, mine) == (
        "01_consumers.ipynb is as it was. Yours is in 01_consumers-before.ipynb."
    )
    assert read(mine / NAME)["stub"] == "answer = None"
    assert read(mine / NAME)["last"] == "1"
    assert read(mine / "01_consumers-before.ipynb")["stub"] == "answer = 42"
    assert restore(1, mine).endswith("Yours is in 01_consumers-before-2.ipynb.")
    assert update(mine) == []


def test_restore_before_the_first_start(tmp_path: Path, notebooks: Path) -> None:
    """A lesson that is not there yet is made."""
    assert restore(1, tmp_path / "new") == "01_consumers.ipynb is as it was."
    assert names(tmp_path / "new") == [".base", NAME]


def test_restore_of_no_lesson(mine: Path) -> None:
    """A lesson that there is not is named, with those that there are."""
    with pytest.raises(ValueError, match=r"^there is no lesson 77; there are 1, 2, 3"):
        restore(77, mine)


def test_failing_write_leaves_the_file(
    mine: Path, notebooks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the new file cannot take the place of the old one, the old one is whole."""
    before = (mine / NAME).read_bytes()
    write_lesson(notebooks / NAME, last="1")

    def fail(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        update(mine)
    assert (mine / NAME).read_bytes() == before
    assert names(mine) == [".base", NAME, "mistakes.md"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_permissions(mine: Path, notebooks: Path) -> None:
    """Files are readable for all at first, and then what the learner has made them."""
    assert stat.S_IMODE((mine / NAME).stat().st_mode) == 0o644
    (mine / NAME).chmod(0o600)
    write_lesson(notebooks / NAME, last="1")
    update(mine)
    assert stat.S_IMODE((mine / NAME).stat().st_mode) == 0o600


def test_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are where the learner says, else in the checkout, else where the command is run."""
    monkeypatch.delenv("COURSE_LESSONS", raising=False)
    monkeypatch.setattr(own, "CHECKOUT", tmp_path / "checkout")
    assert my_lessons() == tmp_path / "checkout" / "my-lessons"
    monkeypatch.setattr(own, "CHECKOUT", None)
    monkeypatch.chdir(tmp_path)
    assert my_lessons() == tmp_path / "my-lessons"
    monkeypatch.setenv("COURSE_LESSONS", "elsewhere")
    assert my_lessons() == tmp_path / "elsewhere"

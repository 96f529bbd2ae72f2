"""The lessons that lie in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import lessons as package
from server.lessons import Lesson, find


def test_a_lesson_without_a_notebook_is_named() -> None:
    """Where a lesson's folder has no notebook, the error says which file is missing."""
    with pytest.raises(FileNotFoundError, match=r"^lesson 77 has no notebook 77_\*\.ipynb$"):
        _ = Lesson(77, "Nothing yet", "server.lessons.lesson_77").notebook


def test_what_is_no_lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only folders that are named lesson_N are lessons; what else lies beside them is none."""
    for name in ("notes", "lesson_one", "lesson_1_old"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('nobody imports it')")
    before = list(find())
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert list(find()) == before != []

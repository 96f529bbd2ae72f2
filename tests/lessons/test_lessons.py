"""The lessons that lie in a folder."""

from __future__ import annotations

import pytest

from server.lessons import Lesson


def test_a_lesson_without_a_notebook_is_named() -> None:
    """Where a lesson's folder has no notebook, the error says which file is missing."""
    with pytest.raises(FileNotFoundError, match=r"^lesson 77 has no notebook 77_\*\.ipynb$"):
        _ = Lesson(77, "Nothing yet", "server.lessons.lesson_77").notebook

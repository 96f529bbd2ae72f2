"""``solution()`` shows a solution where there is one, and says where it is otherwise."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from server.exercises import solution
from server.exercises.registry import EXERCISES
from server.lessons import lessons


@pytest.mark.parametrize("id", list(EXERCISES))
def test_solution_is_the_lessons(id: str) -> None:
    """It is the code of the solution's cell in the lesson."""
    (lesson,) = (found for found in lessons() if found.number == EXERCISES[id].lesson)
    (source,) = (
        "".join(cell["source"])
        for cell in json.loads(lesson.notebook.read_text("utf-8"))["cells"]
        if cell["metadata"].get("exercise") == id and "solution" in cell["metadata"]["tags"]
    )
    assert repr(solution(id)) == source


def test_solution_unfolds() -> None:
    """In a notebook one sees a line with the word Solution, and the code when it is unfolded."""
    html = solution("1.1")._repr_html_()
    before, after = html.split("</summary>")
    assert before.endswith("<details>\n<summary>Solution of exercise 1.1: Shout back")
    assert "class ShoutBack" in after
    assert "class ShoutBack" not in before
    assert after.index("</pre>") < after.index("</details>")


def test_without_solutions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a course has no solutions, as that of a class, one sentence says who has them."""
    monkeypatch.setattr(sys.modules["server.exercises.solution"], "NOTEBOOKS", tmp_path)
    cells = [{"metadata": {"tags": ["stub"], "exercise": "1.1"}, "source": "x"}]
    (tmp_path / "01_consumers.ipynb").write_text(json.dumps({"cells": cells}))
    sentence = "The solution of exercise 1.1 is with your teacher."
    assert repr(solution("1.1")) == sentence
    assert f"<p>{sentence}</p>" in solution("1.1")._repr_html_()
    assert "<details>" not in solution("1.1")._repr_html_()


def test_no_such_exercise() -> None:
    """An exercise that there is not is named, with those that there are."""
    with pytest.raises(ValueError, match=r"^there is no exercise '0\.1'; there are 1\.1, 1\.2"):
        solution("0.1")

"""``LessonContents``: what a notebook is given on its way to the browser."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_notebook

from server.notebook.contents import LessonContents


@pytest.fixture
def contents(tmp_path: Path) -> Iterator[LessonContents]:
    """What gives notebooks out of a folder."""
    found = LessonContents(root_dir=str(tmp_path))
    yield found
    # Jupyter keeps its database of trusted notebooks open for as long as the server runs.
    found.notary.store.close()


@pytest.mark.parametrize(
    ("language", "version"),
    [
        ({"name": "python"}, platform.python_version()),
        ({"name": "python", "version": "3.0.0"}, "3.0.0"),
        ({"name": "R"}, None),
        (None, None),
    ],
)
def test_version(
    tmp_path: Path,
    contents: LessonContents,
    language: dict[str, str] | None,
    version: str | None,
) -> None:
    """A Python notebook without a version gets this one; its file and all others stay."""
    metadata = {} if language is None else {"language_info": language}
    path = tmp_path / "lesson.ipynb"
    nbformat.write(new_notebook(metadata=metadata), path)
    before = path.read_bytes()
    model = asyncio.run(contents.get("lesson.ipynb"))
    assert model["content"]["metadata"].get("language_info", {}).get("version") == version
    assert path.read_bytes() == before


def test_what_is_no_notebook(tmp_path: Path, contents: LessonContents) -> None:
    """Folders, other files, and notebooks of which only the name is asked for are as ever."""
    nbformat.write(new_notebook(), tmp_path / "lesson.ipynb")
    (tmp_path / "words.txt").write_text("words")
    assert asyncio.run(contents.get(""))["type"] == "directory"
    assert asyncio.run(contents.get("words.txt"))["content"] == "words"
    assert asyncio.run(contents.get("lesson.ipynb", content=False))["content"] is None

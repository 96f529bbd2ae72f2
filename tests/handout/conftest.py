"""Handouts to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from server.handout.build import build
from server.paths import NOTEBOOKS
from tests.handout.samples import lesson

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))


@dataclass(frozen=True)
class Handouts:
    """A class set: of the lessons, and of a sample that has one of everything."""

    folder: Path
    notebooks: list[Path]

    @property
    def pages(self) -> list[Path]:
        """All pages, the index pages among them."""
        return sorted(self.folder.glob("**/*.html"))

    @property
    def lessons(self) -> list[Path]:
        """The pages that are a lesson's."""
        return [page for page in self.pages if page.name != "index.html"]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook that has one of everything."""
    file = tmp_path_factory.mktemp("sample") / "00_sample.ipynb"
    nbformat.write(lesson(), file)
    return file


@pytest.fixture(scope="session")
def handouts(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Handouts:
    """The handouts of all lessons, without PDFs."""
    folder = tmp_path_factory.mktemp("set") / "handouts"
    notebooks = [sample, *LESSONS]
    build(notebooks, folder)
    return Handouts(folder, notebooks)

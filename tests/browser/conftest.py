"""One browser and one JupyterLab for all tests that need them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.driving import Browser, browser
from tests.browser.lab import Lab, lab
from tests.browser.record import SAMPLE


@pytest.fixture(scope="session")
def started_browser() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="session")
def jupyter(started_browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab; a notebook that is copied into ``jupyter.folder`` can be opened."""
    folder = tmp_path_factory.mktemp("lab")
    # The sample's recordings and not the lessons': a name must not find another's.
    environment = {"COURSE_RECORDINGS": str(SAMPLE / "recordings")}
    # As make lab has it.
    arguments = [
        "--ServerApp.contents_manager_class=server.notebook.contents.LessonContents",
        # Notebook 7 is there as well, below /notebooks/.
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    with lab(folder, started_browser, environment=environment, arguments=arguments) as server:
        yield server

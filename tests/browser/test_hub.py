"""A lesson where JupyterHub has Jupyter's server below a path of a name that is not loopback's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.browser.comparing import differences
from tests.browser.driving import HUB, Browser
from tests.browser.lab import Lab, lab
from tests.browser.record import SAMPLE
from tests.browser.test_jupyter import LAUNCH, write
from tests.browser.test_two_users import LOGIN, OFTEN, STUBBORN, attacked


@pytest.fixture(scope="module")
def hub(started_browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server as a hub starts it for one of its users."""
    with lab(
        tmp_path_factory.mktemp("hub"),
        started_browser,
        base_url="/user/ann/",
        host=HUB,
        environment={
            "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/",
            "COURSE_RECORDINGS": str(SAMPLE / "recordings"),
        },
    ) as server:
        yield server


def test_lesson(hub: Lab) -> None:
    """Under a base URL and a name that is not loopback's, the unchanged lesson shows the same."""
    shutil.copy(SAMPLE / "sample.ipynb", hub.folder)
    lesson = hub.open("sample.ipynb")
    lesson.run_all()
    frame = lesson.frame("four-handlers")
    assert frame.host.startswith(f"{HUB}:")
    assert frame.prefix.startswith("/user/ann/channels-notebooks/")
    assert differences(lesson, SAMPLE / "sample.ipynb") == []
    lesson.close()


def test_two_users(hub: Lab) -> None:
    """Jupyter's own server leads nobody to a port that another user has taken."""
    write(hub, "attacked.ipynb", f"{OFTEN}{LAUNCH}\nprint(live.port)", STUBBORN)
    lesson = hub.open("attacked.ipynb")
    lesson.page.run(LOGIN)
    lesson.run_all()
    port = int(lesson.saved().cells[0].outputs[0].text)
    assert attacked(lesson, [hub], port) == []
    lesson.close()

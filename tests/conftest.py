"""What all tests share."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
from websockets.sync.client import connect
from xdist.scheduler import LoadFileScheduling

from server.live import host, notes
from server.live.proxies import spare_loopback
from tests.browser import finding
from tests.notebooks import PLUGINS

# Lessons that run in a test leave the progress of whoever runs the tests alone.
os.environ["COURSE_PROGRESS"] = "off"

# Clients of the tests, and of all that they start, ask no proxy for this machine.
spare_loopback()

# A machine that stalls is no fault of what is tried: a loop that is slow to answer or to end is
# waited for, and a step of a handler that takes long is not remarked upon.
host.ANSWER_TIMEOUT = 60.0
host.STOP_TIMEOUT = 18.0
notes.MUCH = 60.0
connect.__kwdefaults__["open_timeout"] = 60.0
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# Notebooks below tests/ are material of tests and not lessons for nbval to compare.
collect_ignore_glob = ["*.ipynb"]

# Whole files go to one process each. The longest go first, or one of them would be under way when
# all others are done.
LONGEST = (
    "tests/browser/test_lessons.py",
    "tests/browser/test_jupyter.py",
    "tests/exercises/test_gate.py",
    "tests/lessons/",
    "tests/handout/test_pages.py",
    "tests/handout/test_hostile.py",
    "tests/exercises/test_browser_gate.py",
    "notebooks/",
    "tests/classroom/test_class_set.py",
    "tests/classroom/test_nbgrader.py",
)


# What a process starts for the first file of a row, its others have as well: a JupyterLab whose
# scripts the browser has compiled, or the handouts of all lessons.
TOGETHER = (
    (
        "tests/browser/test_lessons.py",
        "tests/browser/test_two_users.py",
        "tests/browser/test_frame.py",
    ),
    ("tests/browser/test_jupyter.py", "tests/browser/test_hub.py"),
    ("tests/handout/test_pages.py", "tests/handout/test_paper.py", "tests/handout/test_build.py"),
)


class Rows(LoadFileScheduling):
    """Hands whole files to processes, and the files of a row to one of them."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((row[0] for row in TOGETHER if file in row), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Rows:
    """Have tests that share what is dear run in one process."""
    return Rows(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the order within a file is its own."""
    items.sort(key=lambda item: [not item.nodeid.startswith(name) for name in LONGEST])


def pytest_configure(config: pytest.Config) -> None:
    """Set up what has to be there before the first test."""
    for name in PLUGINS:
        config.pluginmanager.import_plugin(name)
    leave_history_alone(config)


def leave_history_alone(config: pytest.Config) -> None:
    """Have kernels write down none of their cells, which whoever runs the tests would find again.

    They would all write to one file besides, and wait for each other.
    """
    folder = TemporaryDirectory(prefix="ipython-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    profile = Path(folder.name) / "profile_default"
    profile.mkdir()
    settings = profile / "ipython_kernel_config.py"
    settings.write_text("c.HistoryManager.enabled = False\n")
    os.environ["IPYTHONDIR"] = folder.name


numbers = itertools.count()


def pytest_runtest_setup() -> None:
    """Let no full collection look at what the tests are, and at what those before have left.

    It is much, and each check of an exercise collects twice.
    """
    if next(numbers) % 50 == 0:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def no_history() -> Config:
    """Settings of a shell in this process, which reads no file with settings."""
    return Config({"HistoryManager": {"enabled": False}})


@pytest.fixture
def shell(no_history: Config) -> Iterator[InteractiveShell]:
    """A shell that runs cells, as a kernel does; there is none but in the test that asks for it."""
    yield InteractiveShell.instance(config=no_history)
    InteractiveShell.clear_instance()


@pytest.fixture
def gives_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop counts as blocked soon: one that is blocked for good gives no answer later either."""
    monkeypatch.setattr(host, "ANSWER_TIMEOUT", 0.05)


@pytest.fixture
def stops_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop is given little time to end: what never ends does not do so later either."""
    monkeypatch.setattr(host, "STOP_TIMEOUT", 0.3)


@pytest.fixture(scope="session")
def browser_name() -> str:
    """The browser that drives the lessons: ``make test BROWSER=firefox`` changes it."""
    return finding.browser_name()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; start it with ``finding.chromium_flags()``."""
    return finding.chromium()


@pytest.fixture(scope="session")
def firefox() -> str:
    """Path of a Firefox."""
    return finding.firefox()

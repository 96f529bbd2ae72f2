"""``practice()``: the server of the browser exercises, and what their cells need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from server.exercises import practice


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A kernel in which no cell of a lesson was run."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_loads_the_browser_cell(shell: InteractiveShell) -> None:
    """After it, ``%%browser`` is there, whether the lesson's first cell was run or not."""
    assert "browser" not in shell.magics_manager.magics["cell"]
    live = practice()
    try:
        assert "browser" in shell.magics_manager.magics["cell"]
        assert practice().port == live.port
    finally:
        live.close()

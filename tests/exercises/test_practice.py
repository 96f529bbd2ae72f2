"""``practice()``: the server of the browser exercises, and what their cells need."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from server.exercises import practice


def test_loads_the_browser_cell(shell: InteractiveShell) -> None:
    """After it, ``%%browser`` is there, whether the lesson's first cell was run or not."""
    assert "browser" not in shell.magics_manager.magics["cell"]
    port = practice().port
    again = practice()
    try:
        assert "browser" in shell.magics_manager.magics["cell"]
        assert again.port == port
    finally:
        again.close()

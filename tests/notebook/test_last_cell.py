"""The error of the cell that was run last, and what ``live.explain()`` says of it."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO

from IPython.core.interactiveshell import InteractiveShell

from server.notebook.last_cell import last_error
from server.notebook.launch import launch
from tests.serving import SyncEcho


def run(shell: InteractiveShell, source: str) -> None:
    """Run a cell, and keep its traceback out of the test's output."""
    with redirect_stdout(StringIO()):
        shell.run_cell(source)


def test_no_kernel() -> None:
    """Outside of a kernel there is no cell."""
    assert last_error() is None


def test_last_error(shell: InteractiveShell) -> None:
    """A cell that has failed is known until the next one is run, a syntax error like others."""
    assert last_error() is None
    run(shell, "nobody")
    assert isinstance(last_error(), NameError)
    run(shell, "class Echo(:")
    assert isinstance(last_error(), SyntaxError)
    run(shell, "1 + 1")
    assert last_error() is None


def test_live_explain(shell: InteractiveShell) -> None:
    """What is explained is the cell's own error, where that came last."""
    live = launch(SyncEcho, name="last-cell")
    try:
        shell.user_ns["live"] = live
        run(shell, "nobody")
        run(shell, "explained = live.explain()")
        assert str(shell.user_ns["explained"]).split("\n") == [
            "NameError: name 'nobody' is not defined",
            "A name that Python does not know: Nothing of that name was set, defined or imported "
            "before this line.",
            "Compare the spelling. Is it a module, to be imported? Is it an attribute, as in "
            'self.count? A text, as in "text"?',
            "The cell that you ran last has raised it, and not a consumer.",
        ]
        run(shell, "explained = live.explain()")
        assert shell.user_ns["explained"].text.startswith("Nothing went wrong here")
    finally:
        live.close()

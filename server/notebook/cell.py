"""The ``%%browser`` cell: JavaScript that runs in the reader's browser.

::

    %%browser first-socket
    const mySocket = new WebSocket(`ws://${window.location.host}/ws/sc/`);
    mySocket.onopen = () => console.log("connected");

"""

# Much of IPython has no types.
# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import os
import re
import time
from difflib import get_close_matches
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from ..paths import STATIC
from ..template import fill
from . import door, recordings
from .launch import current, servers
from .runs import Run, runs

__all__ = ["BrowserMagics"]

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

ATTACH_TIMEOUT = 8.0
"""Seconds for a browser to show the frame. If none does, nobody is looking."""

SETTLE_TIMEOUT = 10.0
"""Seconds for a cell to come to rest, after which the next cell may run all the same."""


@magics_class
class BrowserMagics(Magics):
    """The magics of ``%load_ext server``."""

    in_vain_since: int | None = None
    """How many frames had been shown when a cell waited for a browser in vain."""

    @magic_arguments()
    @argument("name", help="a stable name of lower-case letters, digits and dashes")
    @argument(
        "--quiet",
        type=float,
        default=0.3,
        metavar="SECONDS",
        help="the cell has come to rest when nothing happens for so long (default: 0.3)",
    )
    @argument(
        "--follow",
        action="store_true",
        help="the recording goes on when later cells run, with what they make the page do",
    )
    @argument("--on", default="live", metavar="SERVER", help="name of another live server")
    @cell_magic
    def browser(self, line: str, cell: str) -> None:
        """Run JavaScript in the reader's browser, against the live server."""
        try:
            arguments = parse_argstring(self.browser, line)
        except UsageError as error:
            raise UsageError(
                f"{error}. A browser cell begins with %%browser and its name, such as "
                f"%%browser first-socket; %%browser? tells what may stand behind it"
            ) from None
        if not NAME.fullmatch(arguments.name):
            raise UsageError(
                f"{arguments.name!r} is no name for a browser cell: use lower-case letters, "
                f"digits and dashes, such as first-socket"
            )
        live = current(arguments.on)
        if live is None:
            raise UsageError(missing(arguments.on))
        run = Run(arguments.name, cell, arguments.quiet, arguments.follow, arguments.on)
        runs.add(run)
        show(run, live.port)
        self.wait(run)

    def wait(self, run: Run) -> None:
        """Wait until the cell has come to rest, so that the next cell does not race it."""
        if not front_end():
            return
        if self.in_vain_since == runs.attachments:
            # Nobody has looked since. Who runs a lesson without a browser waits only once.
            return
        deadline = time.monotonic() + SETTLE_TIMEOUT
        if run.attached.wait(ATTACH_TIMEOUT):
            run.settled.wait(deadline - time.monotonic())
        else:
            self.in_vain_since = runs.attachments


def missing(name: str) -> str:
    """Say what to do where no live server of that name runs."""
    names = sorted(known for known in servers if current(known) is not None)
    if not names:
        return "no live server runs in this kernel: run the launch cell first"
    there = " and ".join(f"--on {known}" for known in names)
    near = get_close_matches(name, names, 1)
    if near:
        return f"there is no live server {name!r}: did you mean --on {near[0]}?"
    return f"there is no live server {name!r}: run the cell that launches it; there is {there}"


def front_end() -> bool:
    """Tell whether anybody could show this cell's output: nbval and nbconvert do not."""
    return "JPY_SESSION_NAME" in os.environ


def show(run: Run, port: int) -> None:
    """Show the output of a cell: what was recorded, and the script that brings the live frame."""
    recording = recordings.find(run.name, run.hash)
    scripts = {
        name: (STATIC / "browser" / f"{name}.js").read_text("utf-8") for name in ("proof", "loader")
    }
    html = fill(
        "browser/output.html",
        run=run,
        port=port,
        door=door.name_of(run.on),
        recording=recording,
        **scripts,
    )
    plain = str(recording) if recording else "There is no recording of this code."
    metadata: dict[str, Any] = {"browser": {"name": run.name, "hash": run.hash}}
    if recording:
        metadata["browser"]["lines"] = list(recording.lines)
    display({"text/html": html, "text/plain": plain}, metadata=metadata, raw=True)

"""What a consumer prints goes to the record, next to the message that caused it.

:mod:`server.live.current_connection` says to which connection the code that prints belongs.

"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from .current_connection import Stream, current_connection

__all__ = ["Lines", "PrintRouter", "route_prints", "show_forgotten_awaits"]


class PrintRouter:
    """A standard stream that hands the prints of an application to its connection."""

    def __init__(self, stream: Any, name: Stream) -> None:
        self.stream = stream
        self.name: Stream = name

    def write(self, text: str) -> int:
        """Write to the record within a consumer, and to the stream elsewhere."""
        connection = current_connection.get()
        if connection is None:
            written = self.stream.write(text)
            return len(text) if written is None else int(written)
        connection.print(text, self.name)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream; the record needs none, and ipykernel would make a consumer wait."""
        if current_connection.get() is None:
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        # Everything else is the stream's own: ipykernel asks for much more than write.
        return getattr(self.stream, name)


def route_prints() -> None:
    """Put a :class:`PrintRouter` before standard output and error, once.

    Called on the way to every client, because a cell that captures its output puts a stream of
    its own in the place of ours. Call it from the thread that runs the cells: another one could
    put back a stream that the cell is taking away.

    """
    if not isinstance(sys.stdout, PrintRouter):
        sys.stdout = PrintRouter(sys.stdout, "stdout")
    if not isinstance(sys.stderr, PrintRouter):
        sys.stderr = PrintRouter(sys.stderr, "stderr")


def show_forgotten_awaits() -> None:
    """Show ``coroutine ... was never awaited`` each time, and not once for each line of code."""
    warnings.filterwarnings("always", "coroutine .* was never awaited", RuntimeWarning)


class Lines:
    """Collects pieces of text and hands on whole lines.

    Each thread has a rest of its own: the lines of two threads do not get mixed up.

    """

    def __init__(self, take: Callable[[str], None]) -> None:
        self.take = take
        self.rests: dict[int, list[str]] = {}

    def write(self, text: str) -> None:
        """Add a piece; lines that it completes are handed on."""
        thread = threading.get_ident()
        if "\n" not in text:
            # Joined only when the line is whole: it may come in very many pieces.
            if text:
                self.rests.setdefault(thread, []).append(text)
            return
        first, *lines, rest = text.split("\n")
        self.take("".join((*self.rests.pop(thread, ()), first)))
        for line in lines:
            self.take(line)
        if rest:
            self.rests[thread] = [rest]

    def flush(self) -> None:
        """Hand on what has no line break yet."""
        for thread in list(self.rests):
            rest = "".join(self.rests.pop(thread, ()))
            if rest:
                self.take(rest)

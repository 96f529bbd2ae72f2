"""What a browser cell showed and what crossed the wire, as something to read on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nbformat import NotebookNode

from ..notebook.recordings import Line, Recording, words
from ..pictures.words import width, wrap

__all__ = ["Diagram", "recorded"]

Arrow: TypeAlias = Literal["→", "←", ""]

# All lengths are in pixels, as in the sequence picture of server/pictures/.

CELL = 7.3
BROWSER_X = 205
SERVER_X = 625
LABEL_CELLS = int((SERVER_X - BROWSER_X - 30) / CELL)
NOTE_CELLS = 48
LINE = 16
ARROW = 22
GAP = 6
TOP = 58

ARROWS: dict[str, Arrow] = {
    "connecting": "→",
    "open": "←",
    "sent": "→",
    "received": "←",
    "closing": "→",
}
"""What crosses the wire, and in which direction; the browser stands left."""


@dataclass(frozen=True)
class Step:
    """A line of a recording, with its place in the diagram."""

    arrow: Arrow
    kind: Literal["wire", "console", "error"]
    lines: tuple[str, ...]
    y: int
    width: int
    height: int


class Diagram:
    """A recording of a browser cell as a console and a sequence diagram."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.lines = recording.lines
        self.rows = recording.rows()
        self.console = [left for left, _ in self.rows if left]
        self.steps: list[Step] = []
        several = any(line.get("socket", 1) > 1 for line in self.lines)
        y = TOP
        for line in self.lines:
            step = draw(line, several, closed_by_browser(self.lines, line), y)
            self.steps.append(step)
            y += step.height + GAP
        self.bottom = y
        self.height = y + 10
        self.width = SERVER_X + 75
        self.browser_x = BROWSER_X
        self.server_x = SERVER_X
        self.line = LINE

    @property
    def on_the_wire(self) -> bool:
        """Whether anything happened on the wire."""
        return any("socket" in line for line in self.lines)

    @property
    def title(self) -> str:
        """What the diagram is, in a line."""
        steps = "1 step" if len(self.steps) == 1 else f"{len(self.steps)} steps"
        return f"Sequence diagram of the browser cell {self.recording.name}: {steps}"

    @property
    def text(self) -> str:
        """The diagram as lines of text."""
        return str(self.recording)


def draw(line: Line, several: bool, own_close: bool, y: int) -> Step:
    """Return a line of a recording as an arrow or as a note."""
    text = wire_words(line, several) if "socket" in line else words(line)
    arrow: Arrow = ARROWS.get(line["kind"], "") if "socket" in line else ""
    if line["kind"] == "closed" and not own_close:
        arrow = "←"
    if arrow:
        return Step(arrow, "wire", (shortened(text, LABEL_CELLS),), y, 0, ARROW)
    lines = tuple(wrap(text, NOTE_CELLS))
    kind: Literal["wire", "console", "error"] = "wire" if "socket" in line else "console"
    if line["kind"] in ("error", "uncaught", "dropped"):
        kind = "error"
    box = int(max(map(width, lines)) * CELL) + 20
    return Step("", kind, lines, y, box, LINE * len(lines) + 10)


def wire_words(line: Line, several: bool) -> str:
    """Return what a line of the wire says beside an arrow, which says the rest."""
    kind, text = line["kind"], line["text"]
    verb = {"closing": "", "dropped": "not sent", "error": "error event"}.get(kind, kind)
    return " ".join(part for part in (f"#{line['socket']}" if several else "", verb, text) if part)


def closed_by_browser(lines: Sequence[Line], closed: Line) -> bool:
    """Tell whether the end of a connection is not news that the server sends."""
    before = [line["kind"] for line in lines if line.get("socket") == closed.get("socket")]
    return "closing" in before or "open" not in before


def shortened(text: str, cells: int) -> str:
    return text if width(text) <= cells else wrap(text, cells - 1)[0] + "…"


def recorded(output: NotebookNode) -> Recording | None:
    """Return what a browser cell recorded; None for the output of another cell."""
    browser = output.get("metadata", {}).get("browser")
    if browser is None:
        return None
    return Recording(browser["name"], browser["hash"], browser.get("lines", []))

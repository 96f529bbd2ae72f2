"""The sequence picture: who sent what to whom, as arrows between lifelines."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..live.record import Snapshot
from ..template import fill
from .figure import figure
from .words import Names, Phrase, count, describe, fill_up, quote, width, wrap

__all__ = ["Sequence"]

STEPS = 40
"""How many entries a picture shows."""

CLIENTS = 4
"""How many clients a picture shows."""

NOTE_LINES = 4
"""How many lines a note at the side shows."""

EMPTY = "Nothing to draw yet: no client has connected. Connect one, then show the picture again."

# All lengths are in pixels, at the scale at which the text has its full size.

CELL = 7.3
"""How wide a character of the 12-pixel fixed-width font may be."""

TOP = 58
"""Where the first step begins, below the names."""

CLIENT_X = 70
CLIENT_GAP = 110
"""Where the first client's lifeline is, and how far apart the clients' are."""

SERVER_GAP = 430
SERVER_GAP_BESIDE = 300
"""How far the server's lifeline is from the last client's, for one client and for several."""

LANES = 3
"""How many groups of a channel layer a picture shows."""

LANE_GAP = 310
LANE_GAP_BESIDE = 150
"""How far the first group's line is from the server's, and how far apart the groups' are."""

NOTE_CELLS = 46
"""How many characters a line of a note holds."""

NAMES_CELLS = 40
"""How many characters the names above the server's lifeline take."""

LANE_CELLS = 18
"""How many characters stand above a group's line."""

LINE = 16
"""How far apart the lines of a note are."""


@dataclass(frozen=True)
class Step:
    """An entry, with its place in the picture."""

    phrase: Phrase
    y: int
    client_x: int
    label: str
    lines: tuple[str, ...]
    """The lines of a note; empty for an arrow."""

    lane_x: int | None
    """Where the group's line is; ``None``: the step has nothing to do with one that is shown."""

    width: int
    height: int
    """The size of the note's box."""


class Sequence:
    """A sequence picture: time runs down, each client and the server have a line.

    ``sequence.connection(2)`` is the picture of one connection.

    """

    def __init__(self, snapshot: Snapshot, names: Names | None = None) -> None:
        self.snapshot = snapshot
        self.names = names or Names(snapshot.entries, snapshot.consumers)
        connections = sorted({entry.connection for entry in snapshot.entries} - {0})
        self.connections = connections[:CLIENTS]
        chosen = {0, *self.connections}
        entries = [entry for entry in snapshot.entries if entry.connection in chosen]
        self.entries = entries[:STEPS]
        groups = dict.fromkeys(phrase.lane for phrase in self.phrases if phrase.lane is not None)
        self.lanes = list(groups)[:LANES]
        self.remarks = []
        if snapshot.dropped:
            self.remarks.append(f"Before it: {snapshot.dropped:,} older, which the record dropped.")
        if len(entries) > STEPS:
            self.remarks.append(f"After it: {len(entries) - STEPS:,} more, in the transcript.")
        if len(connections) > CLIENTS:
            left_out = count(len(connections) - CLIENTS, "client")
            self.remarks.append(f"Beside it: {left_out} more, in the transcript.")
        if len(groups) > LANES:
            left_out = count(len(groups) - LANES, "group")
            self.remarks.append(f"Without a line: {left_out} more.")

    def connection(self, number: int) -> Sequence:
        """Return the picture of one connection; they count from 1, in the order of arrival."""
        entries = tuple(entry for entry in self.snapshot.entries if entry.connection == number)
        return Sequence(replace(self.snapshot, entries=entries, dropped=0), self.names)

    @property
    def phrases(self) -> list[Phrase]:
        """What the picture shows, in words."""
        return [describe(entry, self.names) for entry in self.entries]

    @property
    def title(self) -> str:
        """What the picture is, in a line."""
        who = ", ".join(self.names.client(number) for number in self.connections)
        return f"Sequence picture of {who or 'the server'}: {count(len(self.entries), 'step')}"

    @property
    def text(self) -> str:
        """The picture as sentences."""
        if not self.entries:
            return EMPTY
        return "\n".join([*map(sentence, self.phrases), *self.remarks])

    @property
    def svg(self) -> str:
        """The picture."""
        beside = len(self.connections) > 1
        clients = {
            number: CLIENT_X + place * CLIENT_GAP for place, number in enumerate(self.connections)
        }
        last = max(clients.values(), default=CLIENT_X)
        server_x = last + (SERVER_GAP_BESIDE if beside else SERVER_GAP)
        lanes = {
            lane: server_x + LANE_GAP + place * LANE_GAP_BESIDE
            for place, lane in enumerate(self.lanes)
        }
        label_cells = int((server_x - last - 20) / CELL)
        lane_cells = int((LANE_GAP - 20) / CELL)
        steps = []
        y = TOP
        for entry, phrase in zip(self.entries, self.phrases, strict=True):
            label, lines = "", []
            lane_x = None if phrase.lane is None else lanes.get(phrase.lane)
            if phrase.arrow:
                label = cut(f"{phrase.verb} {phrase.words}", label_cells)
            elif lane_x is not None:
                label = cut(lane_label(phrase), lane_cells)
            else:
                lines = note_lines(phrase)
            height = LINE * len(lines) + 10 if lines else 38
            box = int(max(map(width, lines), default=0) * CELL) + 20
            x = clients.get(entry.connection, CLIENT_X)
            steps.append(Step(phrase, y, x, label, tuple(lines), lane_x, box, height))
            y += height + 8
        actors = [
            phrase.actor
            for phrase in self.phrases
            if phrase.actor not in ("server", "layer", "outside")
        ]
        right = server_x + int(NOTE_CELLS * CELL) // 2 + 20
        return fill(
            "pictures/sequence.svg",
            title=self.title,
            text=self.text,
            clients=[(self.names.client(number), x) for number, x in clients.items()],
            lanes=[(lane_name(lane), x) for lane, x in lanes.items()],
            server_x=server_x,
            lane_label_x=server_x + LANE_GAP // 2,
            label_x=(last + server_x) // 2,
            consumers=cut(", ".join(dict.fromkeys(actors)), NAMES_CELLS),
            several=len(set(actors)) > 1,
            steps=steps,
            remarks=self.remarks,
            bottom=y,
            width=max([right, *(x + 90 for x in lanes.values())]),
            height=y + 10 + 20 * len(self.remarks),
            line=LINE,
        )

    @property
    def html(self) -> str:
        """The picture with its text alternative."""
        return figure(self.svg, self.title, self.text)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        bundle = {"text/plain": self.text}
        if self.entries:
            bundle["text/html"] = self.html
            bundle["image/svg+xml"] = self.svg
        return bundle


def sentence(phrase: Phrase) -> str:
    """Return a step as a sentence."""
    if phrase.arrow:
        ends = (phrase.client, phrase.actor)
        sender, receiver = ends if phrase.arrow == "→" else ends[::-1]
        event = f" ({phrase.event})" if phrase.event else ""
        return f"{sender} → {receiver}: {phrase.verb} {phrase.words}{event}"
    return "\n  ".join(note(phrase))


def note(phrase: Phrase) -> list[str]:
    """Return the lines of what does not cross the wire."""
    client = f"{phrase.client}, " if phrase.client not in ("", "client") else ""
    colon = "" if phrase.kind in ("wire", "layer") else ":"
    first, *others = f"{client}{phrase.actor} {phrase.verb}{colon} {phrase.words}".split("\n")
    lines = [first, *others, *phrase.details]
    if phrase.kind == "wire":
        lines[0] = f"{client}connection {phrase.verb} {phrase.words}"
    if phrase.kind in ("wire", "layer") and phrase.event:
        lines[0] += f" ({phrase.event})"
    return lines


def lane_name(lane: str) -> str:
    """Return what stands above a group's line."""
    return cut(f"group {lane}" if lane else "one channel", LANE_CELLS)


def lane_label(phrase: Phrase) -> str:
    """Return what is said of a step between a consumer and a group, whose name stands above."""
    who = phrase.client or phrase.actor
    match phrase.verb:
        case "delivered":
            return f"to {who}: {phrase.event}"
        case "lost":
            return f"{who}: lost, {phrase.words.rpartition(': ')[2]}"
        case "send":
            return f"{who}: send {phrase.words}"
        case _:
            words = phrase.words.removeprefix(quote(phrase.lane or ""))
            return f"{who}: {phrase.verb} {words.lstrip(', ')}".rstrip(" ")


def note_lines(phrase: Phrase) -> list[str]:
    """Return the lines of a note at the side, which is small."""
    lines = note(replace(phrase, event=""))
    end: list[str] = []
    if phrase.kind == "error":
        # The exception, then the learner's line that raised it.
        lines = lines[: -len(phrase.details)] if phrase.details else lines
        last = innermost_call(phrase.details)
        end = [cut(line.strip(), NOTE_CELLS) for line in last]
    elif phrase.event:
        end = [phrase.event]
    pieces = [piece for line in lines for piece in wrap(line, NOTE_CELLS)]
    if len(pieces) > NOTE_LINES:
        pieces = [*pieces[: NOTE_LINES - 1], "…"]
    return pieces + end


def innermost_call(details: tuple[str, ...]) -> tuple[str, ...]:
    """Return where an exception was raised, of what is said about it and its causes."""
    calls = [place for place, line in enumerate(details) if line.startswith("  line ")]
    causes = [place for place, line in enumerate(details) if not line.startswith(" ")]
    own = [place for place in calls if not causes or place < causes[0]]
    return details[own[-1] : own[-1] + 2] if own else ()


def cut(text: str, cells: int) -> str:
    """Return a text that is no wider than so many cells."""
    return text if width(text) <= cells else text[: fill_up(text, cells - 1)].rstrip() + "…"

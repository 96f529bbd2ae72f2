"""The transcript: the record as a table, for a notebook and for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import overload

from ..live.record import Entry, Failed, Printed, Snapshot
from ..template import fill
from .words import (
    Names,
    Phrase,
    count,
    describe,
    error_message,
    full_payload,
    visible,
    width,
    wrap,
)

__all__ = ["Transcript"]

ROWS = 100
"""How many entries the table shows; the others are a slice away."""

WIRE_CELLS = 48
"""How wide the column of what goes over the wire may be, in a text."""

ALL_CELLS = 70
"""How wide what needs no other column may be, at the least."""

FOLDED = 4_000
"""How many characters of a long payload unfold in a notebook."""

EMPTY = "Nothing yet: no client has connected. Connect one, then show the transcript again."


@dataclass(frozen=True)
class Row:
    """An entry, ready to be shown."""

    number: int
    phrase: Phrase
    who: str
    """Client, arrow and consumer; names stand under names."""

    payload: str = ""
    """What unfolds: the payload that ``phrase`` shortens."""

    left_out: str = ""
    """What to say below it where even that is not all."""


class Transcript:
    """What went over the wire, and the consumer's side of it, in order.

    It shows as a table. The table shortens long payloads; the entries hold all of them::

        transcript[5]               # the entry with number 5
        transcript[5].event         # its ASGI message, the dictionary
        transcript[5].what.payload  # its payload
        transcript[5:9]             # the entries 5 to 8, as a transcript
        transcript.connection(2)    # what happened on connection 2, as a transcript
        transcript.prints           # what consumers printed
        transcript.errors           # what they raised

    """

    def __init__(self, snapshot: Snapshot, names: Names | None = None) -> None:
        self.snapshot = snapshot
        self.entries = snapshot.entries
        self.names = names or Names(snapshot.entries, snapshot.consumers)

    # What it holds

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    @overload
    def __getitem__(self, number: int) -> Entry: ...

    @overload
    def __getitem__(self, number: slice) -> Transcript: ...

    def __getitem__(self, number: int | slice) -> Entry | Transcript:
        """Return the entry with that number; negative numbers count from the end."""
        if isinstance(number, slice):
            if number.step is not None:
                raise ValueError("a slice of a transcript has no step")
            start = self.place(number.start, 0)
            stop = self.place(number.stop, len(self.entries))
            return self.select(self.entries[start:stop])
        if number < 0 and -number <= len(self.entries):
            return self.entries[number]
        for entry in self.entries:
            if entry.number == number:
                return entry
        here = (
            f"it has {self.entries[0].number} to {self.entries[-1].number}" if self.entries else ""
        )
        raise IndexError(f"the transcript has no entry {number}; {here or 'it is empty'}")

    def place(self, number: int | None, default: int) -> int:
        """Return where the entry with a number, or the first one after it, stands."""
        if number is None:
            return default
        if number < 0:
            return max(0, len(self.entries) + number)
        return sum(entry.number < number for entry in self.entries)

    def select(self, entries: tuple[Entry, ...]) -> Transcript:
        """Return a transcript of some of the entries, which keep their numbers and names."""
        return Transcript(replace(self.snapshot, entries=entries, dropped=0), self.names)

    def connection(self, number: int) -> Transcript:
        """Return what happened on one connection; they count from 1, in the order of arrival."""
        return self.select(tuple(entry for entry in self.entries if entry.connection == number))

    @property
    def connections(self) -> list[int]:
        """The numbers of the connections that it holds."""
        return sorted({entry.connection for entry in self.entries} - {0})

    @property
    def prints(self) -> list[str]:
        """What consumers printed, line by line."""
        return [entry.what.text for entry in self.entries if isinstance(entry.what, Printed)]

    @property
    def errors(self) -> list[str]:
        """What applications raised: the type and the message of each exception."""
        return [
            error_message(entry.what.exception)[0]
            for entry in self.entries
            if isinstance(entry.what, Failed)
        ]

    # How it shows

    @property
    def text(self) -> str:
        """The table as text."""
        if not self.entries:
            return "\n".join([*self.remarks, EMPTY])
        rows = self.rows
        number_cells = max(3, len(str(rows[-1].number)))
        who_cells = max(width(row.who) for row in rows)
        head = ("no.", "who → whom", "on the wire", "ASGI event")
        who_cells = max(who_cells, len(head[1]))
        wires = [f"{row.phrase.verb} {row.phrase.words}" for row in rows if row.phrase.event]
        wire_cells = min(max(map(width, [head[2], *wires])), WIRE_CELLS)
        event_cells = max(len(row.phrase.event) for row in rows)
        # What has no event has the room of both columns.
        all_cells = max(wire_cells + 2 + max(event_cells, len(head[3])), ALL_CELLS)
        lines = list(self.remarks)
        for cells in [head, *(self.cells(row, wire_cells, all_cells) for row in rows)]:
            number, who, what, event = cells
            first, *others = what.split("\n")
            begin = f"{number:>{number_cells}}  {pad(who, who_cells)}  "
            lines.append(f"{begin}{pad(first, wire_cells)}  {event}".rstrip(" "))
            lines.extend(f"{' ' * width(begin)}{other}".rstrip(" ") for other in others)
        return "\n".join(lines)

    @staticmethod
    def cells(row: Row, wire_cells: int, all_cells: int) -> tuple[str, str, str, str]:
        """Return the four cells of a row; lines of the third are separated by line ends."""
        phrase = row.phrase
        if phrase.kind == "print":
            # Each printed line starts in the same column, as the consumer aligned them.
            indent = " " * (len(phrase.verb) + 2)
            words = f"\n{indent}".join(wrap(phrase.words, all_cells - len(indent)))
            shown = "\n".join([f"{phrase.verb}: {words}", *(f"  {one}" for one in phrase.details)])
            return str(row.number), row.who, shown, phrase.event
        colon = "" if phrase.kind in ("wire", "layer") else ":"
        room = wire_cells if phrase.event else all_cells
        lines = wrap(f"{phrase.verb}{colon} {phrase.words}", room, indent=2)
        for detail in phrase.details:
            # A line of code is not broken: it is the one to look for in the cell.
            code = detail.startswith("    ")
            parts = [detail] if code else wrap(detail, all_cells - 2, indent=2)
            lines.extend(f"  {part}" for part in parts)
        if phrase.hint:
            lines.extend(wrap(f"hint: {phrase.hint}", all_cells, indent=2))
        return str(row.number), row.who, "\n".join(lines), phrase.event

    @property
    def html(self) -> str:
        """The table as HTML."""
        return fill(
            "pictures/transcript.html",
            caption=self.caption,
            remarks=self.remarks,
            empty=EMPTY,
            rows=self.rows if self.entries else [],
        )

    @property
    def caption(self) -> str:
        """What the table is, in a line."""
        entries = "1 entry" if len(self.entries) == 1 else f"{len(self.entries):,} entries"
        return f"Transcript: {entries}, {count(len(self.connections), 'connection')}"

    @property
    def remarks(self) -> list[str]:
        """What is not in the table, and where to find it."""
        remarks = []
        if self.snapshot.dropped:
            dropped = self.snapshot.dropped
            remarks.append(
                f"The record keeps the newest entries only: {dropped:,} older "
                f"{'one is' if dropped == 1 else 'ones are'} gone. "
                "live.clear() before the next run makes room."
            )
        if len(self.entries) > ROWS:
            first = self.entries[0].number
            shown = self.entries[-ROWS].number
            remarks.append(
                f"{len(self.entries) - ROWS:,} earlier entries are not shown: "
                f"transcript[{first}:{shown}] has them."
            )
        return remarks

    @property
    def rows(self) -> list[Row]:
        """The rows of the table."""
        phrases = [(entry, describe(entry, self.names)) for entry in self.entries[-ROWS:]]
        client = max(width(phrase.client) for _, phrase in phrases)
        rows = []
        for entry, phrase in phrases:
            left = phrase.client if phrase.arrow or self.names.numbered else ""
            who = f"{pad(left, client)} {phrase.arrow or ' '} {phrase.actor}"
            rows.append(Row(entry.number, phrase, who, *unfolded(entry)))
        return rows

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def pad(text: str, cells: int) -> str:
    """Return a text followed by spaces, so many cells wide in all."""
    return text + " " * (cells - width(text))


def unfolded(entry: Entry) -> tuple[str, str]:
    """Return what a long payload unfolds to, and what to say where even that is not all."""
    payload = full_payload(entry)
    if payload is None:
        return "", ""
    shown = payload[:FOLDED]
    text = visible(shown) if isinstance(shown, str) else repr(shown)
    if len(payload) <= FOLDED:
        return text, ""
    unit = "characters" if isinstance(payload, str) else "bytes"
    return text, (
        f"These are the first {FOLDED:,} of {len(payload):,} {unit}: "
        f"transcript[{entry.number}].what.payload has all."
    )

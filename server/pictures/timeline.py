"""The timeline: who was busy when, in units of one piece of work."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import ceil
from operator import itemgetter

from ..live.record import Accepted, Connecting, Disconnected, Entry, Received, Snapshot, Span
from ..template import fill
from .figure import figure
from .words import count

__all__ = ["Row", "Timeline"]

LONG = 0.03
"""Seconds from which work is worth a picture: what the machine adds by itself may be as long."""

SMALL = 0.1
"""Work on a message that is shorter than this part of the longest work is not drawn."""

SMALL_BESIDES = 1 / 2
"""The same for other work: on a busy machine, to accept a client may take a tenth of a second."""

AT_THE_ENDS = {"websocket.connect": Connecting, "websocket.disconnect": Disconnected}
"""What each client has once. Work on it is of all clients of a consumer; a stall is of some."""

GAP = 0.1
"""A hold by another handler that is shorter than this part of the work is not cut out of it."""

HOLD = 0.005
"""A shorter pause in the work of a client is the time between two of its messages."""

PAUSE = 0.1
"""A pause of so many seconds, or of half a piece of work, ends a busy stretch."""

STALL = 0.7
"""So much more than a whole number of units a stretch of time may be: a machine that stalls makes
it longer, and none makes it shorter."""

ROWS = 12
"""How many clients a picture shows."""

UNITS = 40
"""How many units a picture shows."""

EMPTY = f"Nothing to draw: no handler has worked for {LONG} s or longer."

# All lengths are in pixels, at the scale at which the text has its full size.

WIDTH = 720

LEFT = 110
"""How much the clients' names take, left of the bars."""

RIGHT = 30
"""How much stays free, right of the bars."""

SENTENCE = 18
"""How far apart the sentences above the bars are."""

ROW = 34
"""How far apart the clients' bars are."""

Interval = tuple[int, int]
"""From when to when, in units from the beginning of the picture."""


@dataclass(frozen=True)
class Row:
    """One client's line: when its consumer waited for its turn, and when it worked."""

    connection: int
    waiting: tuple[Interval, ...]
    working: tuple[Interval, ...]


class Timeline:
    """Who was busy when, in the last busy stretch of the record.

    Its unit is the shortest piece of work, and all times are rounded to units: a run that is
    repeated, on a slower machine too, gives the same picture.

        timeline.overlap    # how many consumers worked at the same time, at most
        timeline.length     # how many units passed until all were done
        timeline.verdict    # both in a sentence

    """

    def __init__(self, snapshot: Snapshot) -> None:
        stretch, before = last_stretch(snapshot.spans)
        # What happened since the run before.
        recent = [entry for entry in snapshot.entries if entry.time > before]
        self.works = worth_drawing(stretch, recent)
        self.begin = min((span.start for span in self.works), default=0.0)
        self.unit = min(map(duration, self.works), default=0.0)
        """How many seconds one piece of work takes."""
        self.moments: list[tuple[float, int]] = []
        """When work began and ended, and in which unit of the picture."""
        end = max((span.end for span in self.works), default=0.0)
        self.waits = [
            span
            for span in snapshot.spans
            if span.state == "waiting"
            # To wait until one may clean up holds up no client.
            and span.label != "websocket.disconnect"
            and self.begin <= span.end
            and span.start < end
        ]
        # Who opened or sent anything, and is not seen to work.
        self.others = {
            entry.connection for entry in recent if isinstance(entry.what, Connecting | Received)
        } | {span.connection for span in self.waits}
        self.others -= {span.connection for span in self.works}

    @cached_property
    def rows(self) -> list[Row]:
        """The clients' lines, in the order in which they were served."""
        working: dict[int, set[Interval]] = {}
        waiting: dict[int, set[Interval]] = {}
        for span, interval in zip(self.works, self.intervals, strict=True):
            working.setdefault(span.connection, set()).add(interval)
        for span in self.waits:
            start, end = self.place(span.start), self.place(span.end)
            if start < end:
                waiting.setdefault(span.connection, set()).add((start, end))
        rows = [
            Row(
                connection, merged(waiting.get(connection, ())), merged(working.get(connection, ()))
            )
            for connection in sorted({*working, *waiting})
        ]
        return sorted(rows, key=served)

    @cached_property
    def intervals(self) -> list[Interval]:
        """The works in units, each from the end of what came before it: no delay adds up."""
        starts: dict[int, int] = {}
        ends: dict[int, int] = {}
        lengths = [max(1, self.units(duration(work))) for work in self.works]
        moments = [(span.start, 1, i) for i, span in enumerate(self.works)]
        moments += [(span.end, 0, i) for i, span in enumerate(self.works)]
        for time, begins, i in sorted(moments):
            if begins:
                # Who begins while others work is drawn beside them, however late in their work.
                beside = [starts[j] + lengths[j] - 1 for j in starts if j not in ends]
                place = starts[i] = max(
                    min([self.place(time), *beside]), max(ends.values(), default=0)
                )
            else:
                place = ends[i] = starts[i] + lengths[i]
            self.moments.append((time, place))
        return [(starts[i], ends[i]) for i in range(len(self.works))]

    def place(self, time: float) -> int:
        """Return a time in units, from the last moment before it at which work began or ended."""
        index = bisect_right(self.moments, time, key=itemgetter(0))
        before, place = self.moments[index - 1] if index else (self.begin, 0)
        return max(0, place + self.units(time - before))

    def units(self, seconds: float) -> int:
        """Return how many units a stretch of time is."""
        return ceil(seconds / self.unit - STALL)

    @property
    def length(self) -> int:
        """How many units passed until all work was done."""
        return max((end for row in self.rows for _, end in row.working), default=0)

    @property
    def overlap(self) -> int:
        """How many consumers worked at the same time, at most."""
        begun = [(start, 1) for row in self.rows for start, _ in row.working]
        ended = [(end, -1) for row in self.rows for _, end in row.working]
        # At the same moment, who ends goes before who begins.
        return max(accumulate(change for _, change in sorted(begun + ended)), default=0)

    @property
    def verdict(self) -> str:
        """What the picture shows, in a sentence; in a second one, whom it does not show at work."""
        return " ".join(self.sentences)

    @property
    def sentences(self) -> list[str]:
        """The sentences of the verdict."""
        if not self.rows:
            return [EMPTY]
        if not self.others:
            return [self.summary]
        others = count(len(self.others), "other client")
        return [self.summary, f"The work of {others} is too short to draw or has not ended."]

    @property
    def summary(self) -> str:
        """How many clients were served, how, and in which time."""
        workers = sum(bool(row.working) for row in self.rows)
        time = f"in the time of {count(self.length, 'piece')} of work"
        if workers == 1:
            return f"1 client: done {time}."
        if self.overlap == 1:
            how = "one after the other"
        elif self.overlap == workers:
            how = "side by side"
        else:
            how = f"at most {self.overlap} at a time"
        return f"{workers} clients, {how}: all are done {time}."

    @property
    def text(self) -> str:
        """The picture in characters."""
        if not self.rows:
            return EMPTY
        units = min(self.length, UNITS)
        cells = max(1, min(6, 60 // units))
        lines = []
        for place, row in enumerate(self.rows[:ROWS], 1):
            marks = [" "] * units
            for intervals, mark in ((row.waiting, "░"), (row.working, "█")):
                for start, end in intervals:
                    marks[start:end] = mark * len(marks[start:end])
            bar = "".join(mark * cells for mark in marks).rstrip(" ")
            lines.append(f"{ordinal(place):>4} client  {bar}")
        lines.extend(f"             {remark}" for remark in self.remarks)
        waits = "   ░ waiting for its turn" if any(row.waiting for row in self.rows) else ""
        return "\n".join([*lines, f"             █ working{waits}", self.verdict])

    @property
    def remarks(self) -> list[str]:
        """What the picture leaves out."""
        remarks = []
        if len(self.rows) > ROWS:
            remarks.append(f"and {count(len(self.rows) - ROWS, 'client')} more")
        if self.length > UNITS:
            remarks.append(f"and {count(self.length - UNITS, 'piece')} of work more in time")
        return remarks

    @property
    def words(self) -> list[str]:
        """The picture in sentences, for those who do not see it."""
        sentences = [f"Timeline: {self.verdict}"]
        for place, row in enumerate(self.rows[:ROWS], 1):
            parts = [
                f"{verb} from {start} to {end}"
                for verb, intervals in (("waits", row.waiting), ("works", row.working))
                for start, end in intervals
            ]
            sentences.append(f"{ordinal(place)} client: {', '.join(parts)}.")
        return [*sentences, *self.remarks]

    @property
    def title(self) -> str:
        """What the picture is, in a line."""
        return f"Timeline: {self.verdict}".removesuffix(".")

    @property
    def svg(self) -> str:
        """The picture."""
        rows = self.rows[:ROWS]
        # As many units as there are clients: where they are served side by side, the rest of
        # the picture is the time that this saves.
        units = max(min(self.length, UNITS), len(rows))
        cell = (WIDTH - LEFT - RIGHT) // units
        top = 20 + SENTENCE * len(self.sentences)
        bottom = top + ROW * len(rows)
        return fill(
            "pictures/timeline.svg",
            title=self.title,
            text="\n".join(self.words),
            sentences=self.sentences,
            bars=[
                {
                    "label": f"{ordinal(place)} client",
                    "y": top + ROW * place - ROW + 6,
                    "waiting": drawn(row.waiting, units, cell),
                    "working": drawn(row.working, units, cell),
                }
                for place, row in enumerate(rows, 1)
            ],
            ticks=[(LEFT + unit * cell, unit) for unit in range(0, units + 1, ceil(units / 10))],
            axis=" ".join(["pieces of work", *(f"({remark})" for remark in self.remarks)]),
            waits=any(row.waiting for row in rows),
            left=LEFT,
            right=LEFT + units * cell,
            top=top,
            bottom=bottom,
            width=WIDTH,
            height=bottom + 78,
        )

    @property
    def html(self) -> str:
        """The picture with its text alternative."""
        return figure(self.svg, self.title, "\n".join(self.words))

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        bundle = {"text/plain": self.text}
        if self.rows:
            bundle["text/html"] = self.html
            bundle["image/svg+xml"] = self.svg
        return bundle


def drawn(intervals: Iterable[Interval], units: int, cell: int) -> list[tuple[int, int]]:
    """Return where bars begin and how wide they are, in pixels; ``units`` is where all end."""
    return [
        (LEFT + start * cell, (min(end, units) - start) * cell)
        for start, end in intervals
        if start < units
    ]


def last_stretch(spans: Iterable[Span]) -> tuple[list[Span], float]:
    """Return the work of the last busy stretch, and when the one before it ended.

    What came before an idle time is another run.

    """
    stretch: list[Span] = []
    begin = longest = 0.0
    works = [span for span in joined(spans) if duration(span) >= LONG]
    for span in sorted(works, key=lambda span: span.end, reverse=True):
        if stretch and begin - span.end > max(PAUSE, longest / 2):
            return stretch, span.end
        begin = min(begin, span.start) if stretch else span.start
        longest = max(longest, duration(span))
        stretch.append(span)
    return stretch, 0.0


def worth_drawing(stretch: list[Span], entries: Sequence[Entry]) -> list[Span]:
    """Return the work of a busy stretch without what is short beside the longest.

    Beside work on messages, work to accept or to see off clients is there for all clients of a
    consumer or for none.

    """
    longest = max(map(duration, stretch), default=0.0)
    works = [span for span in stretch if duration(span) >= longest * smallest(span)]
    if any(span.label == "websocket.receive" for span in works):
        consumers = {
            entry.connection: entry.what.consumer
            for entry in entries
            if isinstance(entry.what, Accepted)
        }
        for label, what in AT_THE_ENDS.items():
            busy = {span.connection for span in works if span.label == label}
            quick = {
                consumers.get(entry.connection)
                for entry in entries
                if isinstance(entry.what, what) and entry.connection not in busy
            }
            works = [
                span
                for span in works
                if span.label != label or consumers.get(span.connection) not in quick
            ]
    return works


def smallest(span: Span) -> float:
    """Return which part of the longest work a span has to be as long as to be drawn."""
    return SMALL if span.label == "websocket.receive" else SMALL_BESIDES


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the stretches of work, each with the short holds by another handler in it.

    The record cuts them out, so that work is shorter than it is; too short to say what is meant
    to be one piece.

    """
    works: list[Span] = []
    last: dict[tuple[int, str], int] = {}
    for span in spans:
        if span.state != "working":
            continue
        key = span.connection, span.label
        if key in last:
            before = works[last[key]]
            gap = span.start - before.end
            if HOLD <= gap <= GAP * (span.end - before.start):
                works[last[key]] = before._replace(end=span.end)
                continue
        last[key] = len(works)
        works.append(span)
    return works


def duration(span: Span) -> float:
    """Return how many seconds a span takes."""
    return span.end - span.start


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return intervals in order, those that touch as one."""
    result: list[Interval] = []
    for start, end in sorted(intervals):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return tuple(result)


def served(row: Row) -> tuple[int, int]:
    """Return when a client was served, and its number to tell those apart that began together."""
    begin = row.working[0][0] if row.working else row.waiting[-1][1]
    return begin, row.connection


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``3rd``, ``4th``."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(0 if 10 < number % 100 < 14 else number % 10, "th")
    return f"{number}{ending}"

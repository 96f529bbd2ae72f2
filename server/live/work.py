"""Who worked on the event loop, and when.

A handler works from when it takes an event to when it asks for the next. One that blocks keeps all
others from working, so the steps that take long are timed as well.

"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable
from types import coroutine
from typing import Any, NamedTuple

from .interrupt import keep_for_good
from .record import Record, Span

__all__ = ["HOLD", "SHORT", "Hold", "Work", "in_steps", "own_work"]


class Hold(NamedTuple):
    """A stretch of time in which one connection's handler kept the event loop from turning."""

    number: int
    start: float
    end: float


HOLD = 0.1
"""Seconds from which a step of an application counts as holding up the event loop; on a busy
machine, a step that does not block may well take a tenth of that."""


SHORT = 0.02
"""Seconds from which a step of an application may be one that blocks."""


class Work:
    """Writes down who worked on an event loop."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.holds: deque[Hold] = deque(maxlen=1000)
        self.over = False
        """Whether no application may go on: the event loop was left behind."""

    def held(self, number: int, start: float, end: float) -> None:
        """Note that a connection's handler has kept the loop from turning."""
        self.holds.append(Hold(number, start, end))

    def worked(self, number: int, label: str, start: float, end: float) -> None:
        """Write down that a connection's handler has worked."""
        if self.holds and self.holds[-1].end > start:
            for part in own_work(Span(number, "working", label, start, end), self.holds):
                self.record.add_span(*part)
        else:
            self.record.add_span(number, "working", label, start, end)


def own_work(span: Span, holds: Iterable[Hold]) -> list[Span]:
    """Return a stretch of work, or, where the handler held the event loop in it, those holds.

    What it did besides was to wait: for the loop, which other handlers may have held. To accept
    or to see off a client takes no time but such a wait.

    """
    within = [hold for hold in holds if span.start < hold.end and hold.start < span.end]
    own = [
        span._replace(start=hold.start, end=hold.end)
        for hold in within
        if hold.number == span.connection
    ]
    if own or (within and span.label != "websocket.receive"):
        return own
    return [span]


@coroutine
def in_steps(
    awaitable: Awaitable[None],
    held: Callable[[float, float, float], None],
    over: Callable[[], bool] = lambda: False,
) -> Generator[Any, Any, None]:
    """Await something, and time its steps between one wait and the next.

    Args:
        awaitable: What to await.
        held: Told the start and the end of a step that took :data:`SHORT` or longer, and for how
            many seconds of it the processor worked; what it did just before may count as well.
        over: Asked before each step whether there shall be no more.

    Raises:
        asyncio.CancelledError: There shall be no more.

    """
    steps = awaitable.__await__()
    step: Callable[[Any], Any] = steps.send
    value: Any = None
    mark, computed = -math.inf, 0.0
    while True:
        if over():
            keep_for_good(steps)
            raise asyncio.CancelledError
        start = time.perf_counter()
        # This clock takes ten times as long to read.
        if start - mark >= SHORT:
            mark, computed = start, time.thread_time()
        try:
            waited = step(value)
        except StopIteration:
            return
        finally:
            end = time.perf_counter()
            if end - start >= SHORT:
                held(start, end, min(end - start, time.thread_time() - computed))
        try:
            value = yield waited
            step = steps.send
        except BaseException as exc:
            value = exc
            step = steps.throw

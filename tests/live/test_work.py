"""Who worked on the event loop, and when."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from server.live import work as module
from server.live.record import Span
from server.live.work import HOLD, Hold, in_steps, own_work


def test_a_handler_that_holds_the_loop_works_for_so_long() -> None:
    """Work is the time in hand, or the time in which the handler itself held the loop."""
    span = Span(1, "working", "websocket.receive", 1.0, 5.0)
    assert own_work(span, []) == [span]
    assert own_work(span, [Hold(2, 2.0, 3.0)]) == [span]
    farewell = span._replace(label="websocket.disconnect")
    assert own_work(farewell, []) == [farewell]
    assert own_work(farewell, [Hold(2, 2.0, 3.0)]) == []
    assert own_work(span, [Hold(1, 5.0, 6.0), Hold(1, -1.0, 0.0)]) == [span]
    assert own_work(span, [Hold(2, 1.0, 2.0), Hold(1, 2.0, 3.0)]) == [
        span._replace(start=2.0, end=3.0)
    ]


def test_a_handler_that_holds_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that keeps the loop from turning is noted; errors pass through."""
    held: list[tuple[float, float]] = []
    now = computed = 0.0

    def hold() -> None:
        nonlocal now, computed
        now += HOLD
        computed += HOLD / 4

    # Clocks that only the handler moves: no stall of the machine is taken for its work.
    clocks = SimpleNamespace(perf_counter=lambda: now, thread_time=lambda: computed)
    monkeypatch.setattr(module, "time", clocks)

    async def work() -> None:
        hold()
        await asyncio.sleep(0)
        try:
            await asyncio.wait_for(asyncio.sleep(1), 0.001)
        except TimeoutError:
            hold()

    async def main() -> None:
        await in_steps(work(), lambda start, end, part: held.append((end - start, part)))

    asyncio.run(main())
    assert held == [(HOLD, HOLD / 4)] * 2

"""How code on the event loop waits: for a change, for tasks, for turns of the loop.

Nothing here needs a thread, so that it serves on the loop of a browser's page as well. What makes a
thread wait is in :mod:`server.live.host`.

Who waits for no longer than so many seconds waits for :data:`SLICES` slices, one after the other: a
machine that stands still takes one of them, and leaves what was waited for the others.

"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["Changes", "forever", "turns", "until_done"]

SLICES = 10


class Changes:
    """Lets coroutines wait until something holds of an object that says when it has changed."""

    def __init__(self) -> None:
        self.waiters: list[asyncio.Future[None]] = []

    def changed(self, *_: object) -> None:
        """Have all who wait look again; a task may call it when it is done."""
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, holds: Callable[[], bool], timeout: float | None = None) -> None:
        """Wait until something holds, but no longer than so many seconds."""
        loop = asyncio.get_running_loop()
        slices = SLICES
        timer: asyncio.TimerHandle | None = None

        def start_slice() -> None:
            nonlocal timer
            assert timeout is not None
            # A timer that is no exception: what waits is woken, and looks.
            timer = loop.call_later(timeout / SLICES, end_slice)

        def end_slice() -> None:
            nonlocal slices
            slices -= 1
            if slices:
                start_slice()
            else:
                self.changed()

        try:
            while slices and not holds():
                if timer is None and timeout is not None:
                    start_slice()
                waiter: asyncio.Future[None] = loop.create_future()
                self.waiters.append(waiter)
                await waiter
        finally:
            if timer is not None:
                timer.cancel()


async def until_done(*tasks: asyncio.Future[Any], timeout: float | None = None) -> None:
    """Wait until tasks have ended, in whatever way, but no longer than so many seconds."""
    slices = SLICES if tasks else 0
    while slices:
        _, others = await asyncio.wait(tasks, timeout=timeout and timeout / SLICES)
        slices = slices - 1 if others else 0


async def turns(count: int) -> None:
    """Let the loop turn so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def forever() -> None:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()

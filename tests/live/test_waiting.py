"""Waiting on the event loop."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.live.waiting import Changes, forever, turns, until_done


def test_until_something_holds() -> None:
    """Who waits looks again at each change, and goes on when it holds what was waited for."""
    looks: list[int] = []

    async def main() -> None:
        changes = Changes()
        value = 0

        def holds() -> bool:
            looks.append(value)
            return value == 2

        waits = asyncio.ensure_future(changes.until(holds))
        for value in (0, 1, 2):  # noqa: B007 (holds() reads it)
            await turns(2)
            changes.changed()
        await waits

    asyncio.run(main())
    assert looks == [0, 1, 2]


def test_what_holds_already() -> None:
    """Nothing is waited for, and no timer is left."""

    async def main() -> None:
        changes = Changes()
        await changes.until(lambda: True, 60)
        assert changes.waiters == []
        loop: object = asyncio.get_running_loop()
        assert [timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()] == []

    asyncio.run(main())


def test_until_the_time_is_over() -> None:
    """It is waited no longer than was said."""
    asyncio.run(Changes().until(lambda: False, 0.01))


def test_who_no_longer_waits() -> None:
    """A change passes over who has been cancelled."""

    async def main() -> None:
        changes = Changes()
        first = asyncio.ensure_future(changes.until(lambda: False))
        await turns(2)
        first.cancel()
        await until_done(first)
        changes.changed()
        assert first.cancelled()

    asyncio.run(main())


def test_until_done() -> None:
    """Tasks are waited for however they end, and no longer than was said; none is no wait."""

    async def fails() -> None:
        raise ValueError

    async def main() -> None:
        await until_done()
        task = asyncio.ensure_future(fails())
        endless = asyncio.ensure_future(forever())
        await until_done(task)
        assert isinstance(task.exception(), ValueError)
        await until_done(task, endless, timeout=0.01)
        assert not endless.done()
        endless.cancel()

    asyncio.run(main())


@pytest.mark.parametrize("way", ["until", "until_done"])
def test_a_machine_that_stands_still(way: str) -> None:
    """What is under way when a machine stands still for longer than is waited gets to its end."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stood_still = 0.0

        def stand_still() -> None:
            nonlocal stood_still
            stood_still = 120.0

        loop.time = lambda: time.monotonic() + stood_still  # type: ignore[method-assign]
        task = asyncio.ensure_future(turns(20))
        loop.call_soon(stand_still)
        if way == "until":
            changes = Changes()
            task.add_done_callback(changes.changed)
            await changes.until(task.done, 60)
        else:
            await until_done(task, timeout=60)
        assert task.done()

    asyncio.run(main())

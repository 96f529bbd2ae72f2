"""The thread of the sync consumers makes calls, and hands over what they return."""

from __future__ import annotations

import asyncio
import threading

import pytest

from server.live.record import Record
from server.live.shared_thread import SharedThread


def test_the_shared_thread_makes_calls_in_order() -> None:
    """Calls are made one after the other, and results and exceptions come back."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        shared = SharedThread(Record(), loop)
        futures = [loop.run_in_executor(shared, int, text) for text in ("1", "x", "3")]
        assert await futures[0] == 1
        with pytest.raises(ValueError, match="invalid literal"):
            await futures[1]
        assert await futures[2] == 3
        shared.shutdown()
        shared.thread.join(60)
        assert not shared.thread.is_alive()

    asyncio.run(main())


def test_a_call_that_is_cancelled_is_not_made() -> None:
    """A call may be taken back while it waits."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        shared = SharedThread(Record(), loop)
        release = threading.Event()
        made: list[int] = []
        first = loop.run_in_executor(shared, release.wait)
        second = loop.run_in_executor(shared, made.append, 2)
        assert second.cancel()
        release.set()
        await first
        await loop.run_in_executor(shared, made.append, 3)
        assert made == [3]
        shared.shutdown()
        shared.thread.join(60)

    asyncio.run(main())


def test_a_call_from_another_loop() -> None:
    """A loop in a thread of a consumer's own gets the results of its calls itself."""

    async def main() -> None:
        shared = SharedThread(Record(), asyncio.get_running_loop())

        async def elsewhere() -> int:
            return await asyncio.get_running_loop().run_in_executor(shared, int, "1")

        assert await asyncio.to_thread(asyncio.run, elsewhere()) == 1
        shared.shutdown()
        shared.thread.join(60)

    asyncio.run(main())


def test_a_result_that_nobody_waits_for() -> None:
    """A call that is taken back while it runs has no result, and a closed loop takes none."""

    async def main() -> tuple[SharedThread, threading.Event]:
        loop = asyncio.get_running_loop()
        shared = SharedThread(Record(), loop)
        release = threading.Event()
        first = loop.run_in_executor(shared, release.wait)
        await asyncio.sleep(0.05)
        assert first.cancel()
        release.set()
        await loop.run_in_executor(shared, int, "1")
        release.clear()
        last = loop.run_in_executor(shared, release.wait)
        await asyncio.sleep(0.05)
        last.cancel()
        return shared, release

    shared, release = asyncio.run(main())
    release.set()
    shared.shutdown()
    shared.thread.join(60)
    assert not shared.thread.is_alive()

"""One live server for all fuzz tests, and how many examples they try."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from server.live.connection import Limits
from server.live.host import Host
from server.live.record import Record
from tests.serving import PATIENT

settings.register_profile(
    "few",
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "many",
    settings.get_profile("few"),
    max_examples=int(os.environ.get("COURSE_EXAMPLES", "40")),
    derandomize=False,
)
settings.load_profile("many" if "COURSE_EXAMPLES" in os.environ else "few")

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Live:
    """A live server whose application changes from one example to the next."""

    def __init__(self) -> None:
        self.record = Record()
        limits = Limits(**PATIENT, busy_timeout=60)
        self.host = Host(self.application, self.record, limits=limits)
        self.current: Application
        self.ended = 0

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application of the example."""
        try:
            await self.current(scope, receive, send)
        finally:
            self.ended += 1

    def run(self, app: Application, client: Callable[[int], Awaitable[None]]) -> None:
        """Run a client against an application; afterwards nothing of them may be left."""
        self.current = app
        self.record.clear()

        async def main() -> None:
            async with asyncio.timeout(120):
                await client(self.host.port)
                while self.host.call(self.left_over, 60):
                    await asyncio.sleep(0.005)

        asyncio.run(main())
        failures = [entry for entry in self.record.snapshot().entries if entry.connection == 0]
        assert not any(type(entry.what).__name__ == "Failed" for entry in failures), failures

    async def left_over(self) -> bool:
        """Tell whether a connection or a task of one is left on the server."""
        tasks = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        return bool(self.host.bridges) or len(tasks) > self.usual

    def start(self) -> None:
        """Start the server, and count the tasks that it always has."""
        self.host.start()
        self.usual = self.host.call(self.count, 60)

    async def count(self) -> int:
        """Return the number of tasks on the loop, without this one."""
        return len(asyncio.all_tasks()) - 1


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """The server."""
    found = Live()
    found.start()
    yield found
    assert found.host.stop()

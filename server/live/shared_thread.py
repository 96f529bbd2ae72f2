"""The one thread in which all sync consumers of a server work."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from .current_connection import current_connection
from .interrupt import interrupt
from .record import Record

__all__ = ["SharedThread"]

T = TypeVar("T")


class SharedThread(Executor):
    """The one thread in which all sync consumers of a server work, one after the other.

    It writes down who waited for it and who worked in it. It is a daemon: a handler that never
    returns must not keep the kernel from ending, as a thread of the standard library's would.

    Channels comes here before every handler, asynchronous ones too, so the way there and back is
    short: a call is answered with a future of the event loop itself, which ``run_in_executor``
    takes as it is, and results that are ready together wake the loop once. With the future that
    :meth:`Executor.submit` is declared to return, each call takes 6 to 9 µs more of a processor,
    which is a seventh of what an echo takes with 50 clients.

    """

    def __init__(self, record: Record, loop: asyncio.AbstractEventLoop) -> None:
        self.record = record
        self.loop = loop
        self.calls: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = (
            SimpleQueue()
        )
        self.results: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self.waking = False
        self.over = False
        self.thread = threading.Thread(target=self.run, name="sync-consumers", daemon=True)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Put a call into the queue, timed if it is a handler's; run in a coroutine only."""
        call = partial(fn, *args, **kwargs) if args or kwargs else fn
        connection = current_connection.get()
        label = connection.sync_event if connection is not None else None
        if connection is not None and label is not None:
            call = partial(self.timed, connection.number, label, time.perf_counter(), call)
        future: Any = asyncio.get_running_loop().create_future()
        self.calls.put((future, call))
        if self.thread.ident is None:
            self.thread.start()
        return cast("Future[T]", future)

    def timed(self, number: int, label: str, asked: float, call: Callable[[], T]) -> T:
        """Make a call, and write down how long it waited and worked."""
        start = time.perf_counter()
        self.record.add_span(number, "waiting", label, asked, start)
        try:
            return call()
        finally:
            self.record.add_span(number, "working", label, start, time.perf_counter())

    def run(self) -> None:
        """Work until there are no more calls, or :mod:`server.live.interrupt` ends it."""
        with suppress(SystemExit):
            self.work()

    def work(self) -> None:
        """Make the calls, in order."""
        while (item := self.calls.get()) is not None and not self.over:
            future, call = item
            error: BaseException | None
            if not future.cancelled():
                try:
                    result, error = call(), None
                except StopIteration as exc:
                    # A future does not take it, and the consumer would wait for ever.
                    result, error = None, RuntimeError("handler raised StopIteration")
                    error.__cause__ = exc
                except BaseException as exc:
                    result, error = None, exc
                self.hand_over(future, result, error)
            # While it waits, the thread holds on to nothing.
            item = future = call = result = error = None  # type: ignore[assignment]

    def hand_over(
        self, future: asyncio.Future[Any], result: Any, error: BaseException | None
    ) -> None:
        """Have a loop take a result."""
        loop = future.get_loop()
        # The loop is closed: nobody waits any more.
        with suppress(RuntimeError):
            if loop is not self.loop:
                loop.call_soon_threadsafe(settle_future, future, result, error)
                return
            self.results.append((future, result, error))
            if not self.waking:
                self.waking = True
                loop.call_soon_threadsafe(self.take_results)

    def take_results(self) -> None:
        """Give the results to those who wait for them; run on the loop."""
        # In this order: a result that comes in between wakes the loop again.
        self.waking = False
        while self.results:
            settle_future(*self.results.popleft())

    def end(self, patience: float) -> None:
        """Interrupt what it does, and have it begin nothing else."""
        self.over = True
        self.shutdown()
        if self.thread.is_alive():
            self.thread.join(patience)
            interrupt(self.thread)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread after the call that it makes now."""
        self.calls.put(None)


def settle_future(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Give a result to whoever still waits for it."""
    if not future.done():
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

"""Calls of async functions on the event loop of another thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["call_on"]

T = TypeVar("T")


def call_on(
    loop: asyncio.AbstractEventLoop, function: Callable[[], Coroutine[Any, Any, T]]
) -> Future[T]:
    """Call an async function on a loop of another thread; return what gets its result.

    To cancel that cancels the call. Unlike ``asyncio.run_coroutine_threadsafe`` it makes the
    coroutine on the loop: one that is blocked, or about to end, leaves none that nobody awaits, of
    which Python would warn whoever happens to run then.

    Raises:
        RuntimeError: The loop is closed.

    """
    answer: Future[T] = Future()

    def begin() -> None:
        if answer.cancelled():
            return
        try:
            task = loop.create_task(function())
        except Exception as exc:  # It is none that gives a coroutine.
            answer.set_exception(exc)
            return
        task.add_done_callback(finish)
        answer.add_done_callback(lambda _: give_up(task))

    def finish(task: asyncio.Task[T]) -> None:
        with suppress(InvalidStateError):  # Nobody waits any more.
            if task.cancelled():
                answer.cancel()
            elif (error := task.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(task.result())

    def give_up(task: asyncio.Task[T]) -> None:
        if answer.cancelled():
            with suppress(RuntimeError):  # The loop is closed.
                loop.call_soon_threadsafe(task.cancel)

    loop.call_soon_threadsafe(begin)
    return answer

"""An async function is called on a loop of another thread, or leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial

import pytest

from server.live.other_loop import call_on


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that turns in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def answer() -> int:
    return 7


async def fail() -> None:
    raise ValueError("no")


async def give_up() -> None:
    raise asyncio.CancelledError


def test_result(loop: asyncio.AbstractEventLoop) -> None:
    """What the function returns or raises comes to who called."""
    assert call_on(loop, answer).result(30) == 7
    with pytest.raises(ValueError, match="no"):
        call_on(loop, fail).result(30)
    with pytest.raises(CancelledError):
        call_on(loop, give_up).result(30)


def test_no_function(loop: asyncio.AbstractEventLoop) -> None:
    """Who gives something else than an async function is told, and waits for nothing."""
    for function in (None, lambda: 7):
        with pytest.raises(TypeError):
            call_on(loop, function).result(30)  # type: ignore[arg-type]


def test_cancelled_call(loop: asyncio.AbstractEventLoop) -> None:
    """Who cancels what has begun cancels it on the loop, whatever it still returns."""
    begun = threading.Event()
    cancelled = threading.Event()

    async def stubborn() -> int:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
        return 1

    call = call_on(loop, stubborn)
    assert begun.wait(30)
    assert call.cancel()
    assert cancelled.wait(30)
    assert call_on(loop, answer).result(30) == 7


def test_done_calls_are_left_alone(loop: asyncio.AbstractEventLoop) -> None:
    """To cancel a call that has ended does nothing."""
    call = call_on(loop, answer)
    assert call.result(30) == 7
    assert not call.cancel()
    assert call.result() == 7


def test_no_coroutine_is_left() -> None:
    """A loop that never comes to a call, or is closed, leaves nothing to warn of."""
    # What tests before have left is not this one's.
    gc.collect()
    loop = asyncio.new_event_loop()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call = call_on(loop, answer)
        assert call.cancel()
        loop.call_soon(loop.stop)
        loop.run_forever()
        waiting = call_on(loop, answer)
        loop.close()
        with pytest.raises(RuntimeError, match="closed"):
            call_on(loop, answer)
        del loop
        gc.collect()
    assert not waiting.done()
    assert caught == []


def test_loop_that_closes_meanwhile() -> None:
    """Who gives up on a call whose loop has closed hears nothing of that."""
    loop = asyncio.new_event_loop()
    # What is left of the call is destroyed with it.
    loop.set_exception_handler(lambda *_: None)
    call = call_on(loop, partial(asyncio.sleep, 60))
    for _ in range(3):
        loop.call_soon(loop.stop)
        loop.run_forever()
    loop.close()
    assert call.cancel()
    assert call.cancelled()

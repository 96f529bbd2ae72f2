"""Tasks and threads that a consumer starts: their exceptions come into the record as well.

Nobody awaits them, so that nobody would hear of what they raise. What they print belongs to the
connection of the consumer that has started them.

"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from functools import lru_cache, partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from .asgi import ClientDisconnected, Message
from .current_connection import current_connection
from .failure import capture
from .interrupt import starting
from .other_loop import call_on
from .record import Failed, Note, Record
from .tracebacks import is_library

__all__ = ["Nobody", "follow_threads", "make_task", "report", "send_from_elsewhere", "tell_failure"]

Task = asyncio.Task[Any]


class Connection(Protocol):
    """What is asked of a connection."""

    number: int

    def add(self, what: Any) -> None:
        """Write to the record."""


class Nobody:
    """Stands for a connection where there is none."""

    number = 0

    def __init__(self, record: Record) -> None:
        self.record = record

    def add(self, what: Any) -> None:
        """Write to the record, for the server."""
        self.record.add(0, what)


# Tasks

failed: WeakKeyDictionary[Connection, WeakSet[Task]] = WeakKeyDictionary()
"""The tasks of each connection that have failed, as long as somebody keeps them."""


def make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
) -> Task:
    """Make a task, as a loop's task factory; one that a consumer starts is looked after."""
    task = asyncio.Task(coroutine, loop=loop, **options)
    code = getattr(coroutine, "cr_code", None)
    if (
        code is not None
        and is_looked_after(code.co_filename, code.co_name)
        and current_connection.get() is not None
    ):
        task.add_done_callback(keep_failed)
    return task


@lru_cache(maxsize=1000)
def is_looked_after(filename: str, name: str) -> bool:
    """Tell whether it is a consumer that runs such a coroutine as a task, and no library."""
    if not is_library(filename):
        return True
    return "channels" in filename and name not in ("receive", "__call__", "dispatch")


def keep_failed(task: Task) -> None:
    """Remember a task that has failed; run in the context of the consumer that started it."""
    connection: Any = current_connection.get()
    if connection is not None and is_unheard(task):
        failed.setdefault(connection, WeakSet()).add(task)


def is_unheard(task: Task) -> bool:
    """Tell whether a task has raised an exception that nobody has asked for."""
    # What asyncio itself looks at when it lets go of a task.
    return not task.cancelled() and bool(getattr(task, "_log_traceback", False))


def report(connection: Connection) -> None:
    """Write down what tasks of a connection have raised, and nobody has heard of."""
    for task in failed.pop(connection, ()):
        if is_unheard(task):
            exc = task.exception()
            assert exc is not None
            tell_failure(
                connection,
                exc,
                "A task of the consumer has raised an exception, and nobody awaits the task.",
            )


def tell_failure(connection: Connection, exc: BaseException, what: str) -> None:
    """Write down an exception that came to nobody."""
    if isinstance(exc, ClientDisconnected) and exc.connection in (0, connection.number):
        connection.add(
            Note("A task of the consumer sent something after its client had left, and has ended.")
        )
        return
    connection.add(Note(what))
    connection.add(Failed(capture(exc)))


# Threads

start_thread = threading.Thread.start


def follow_threads() -> None:
    """Have every thread that a consumer starts work for its connection."""
    setattr(threading.Thread, "start", start)  # noqa: B010 (a method of this name, for mypy)


def start(thread: threading.Thread) -> None:
    """Start a thread, and let nobody interrupt the one that does."""
    connection: Any = current_connection.get()
    if connection is not None and is_consumers(thread):
        thread.run = partial(run, connection, copy_context(), thread.run)  # type: ignore[method-assign]
    with starting:
        start_thread(thread)


def is_consumers(thread: threading.Thread) -> bool:
    """Tell whether a thread is a consumer's own, and no library's that serves everybody."""
    target = getattr(thread, "_target", None)
    module = getattr(target or type(thread), "__module__", None) or ""
    return module.partition(".")[0] not in ("asgiref", "asyncio", "concurrent", "websockets") and (
        not module.startswith("server.live.")
    )


def run(connection: Connection, context: Context, work: Callable[[], None]) -> None:
    """Do a thread's work for a connection."""
    try:
        context.run(work)
    except SystemExit:
        # Threads end with this one in silence.
        pass
    except BaseException as exc:
        what = "A thread that the consumer has started has ended with an exception."
        tell_failure(connection, exc, what)


# Other event loops

ELSEWHERE = (
    "A message was sent from another event loop, such as asyncio.run makes, and was handed over to "
    "the server's. Other servers do not promise that."
)


async def send_from_elsewhere(
    send: Callable[[Message], Coroutine[Any, Any, None]],
    message: Message,
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Send a message from another event loop than the server's."""
    await asyncio.wrap_future(call_on(loop, partial(send, message)))

"""A connection learns which consumer of Channels runs for it.

Channels has no hook for that: ``as_asgi()`` makes the consumer within a function of its own, and
routers and middleware hand on copies of the scope. What every consumer runs is
``AsyncConsumer.__call__``, so that is wrapped, once for the kernel. The wrapper has returned before
the consumer begins, and is in no traceback.

"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import wraps
from typing import Any

from asgiref.sync import markcoroutinefunction
from channels.consumer import AsyncConsumer

from .current_connection import current_connection

__all__ = ["note_consumers"]


def note_consumers() -> None:
    """Have consumers tell the current connection of themselves when they are called."""
    call = AsyncConsumer.__call__
    if hasattr(call, "__wrapped__"):
        return

    @wraps(call)
    def note(consumer: AsyncConsumer, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, None]:
        connection = current_connection.get()
        if connection is not None:
            # The last one counts: a consumer may be an outer one's application.
            connection.consumer = consumer
        running: Coroutine[Any, Any, None] = call(consumer, *args, **kwargs)
        return running

    AsyncConsumer.__call__ = markcoroutinefunction(note)

"""The current connection: that for which the code that runs works.

A context variable names it. It is set in the task of the application; tasks that this starts have
it too, and asgiref carries it into the thread of a sync consumer.

"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Literal, Protocol, TypeAlias

from channels.consumer import AsyncConsumer

__all__ = ["CurrentConnection", "Stream", "current_connection"]

Stream: TypeAlias = Literal["stdout", "stderr"]


class CurrentConnection(Protocol):
    """What the code that works for a connection asks of it."""

    number: int
    """Its number in the record."""

    consumer: AsyncConsumer | None
    """The consumer that runs for it, as far as is known."""

    def print(self, text: str, stream: Stream) -> None:
        """Take what is printed: a piece of text, as ``write`` of a stream gets it."""

    @property
    def sync_event(self) -> str | None:
        """The type of the event that its sync consumer has in hand, if there is one."""


current_connection: ContextVar[CurrentConnection | None] = ContextVar(
    "current_connection", default=None
)
"""The connection for which this context works; ``None``: it works for none."""

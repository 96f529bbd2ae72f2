"""What the server remarks about a consumer that would otherwise be silent.

Each remark is written once: it would be the same for the next client.

"""

from __future__ import annotations

from typing import Any, Protocol

from channels.consumer import AsyncConsumer

from .habits import (
    blocking_call,
    habits,
    has_been_redefined,
    unawaited_handler,
    unused_receive,
)
from .record import Note, Record

__all__ = ["on_connect", "on_hold", "on_layer_message", "on_message"]

MUCH = 0.5
"""Seconds that the steps of one handler may take in all: a machine that is busy with other things
makes them longer."""

COMPUTING = 1 / 2
"""The part of them from which the handler computes, and no machine has stood still meanwhile."""


class Connection(Protocol):
    """What is asked of a connection."""

    number: int
    record: Record

    @property
    def consumer(self) -> AsyncConsumer | None:
        """Its consumer, as far as is known."""

    def add(self, what: Any) -> None:
        """Write to the record."""


def on_connect(connection: Connection) -> None:
    """Say what is to be said when a client comes."""
    for text in connection.record.take_remarks():
        connection.add(Note(text))
    consumer = connection.consumer
    if consumer is None:
        return
    cls = type(consumer)
    texts = list(habits(cls))
    if has_been_redefined(cls):
        texts.insert(
            0,
            f"{cls.__name__} has been defined anew since the launch, and this is the class from "
            f"before. Launch it again: launch({cls.__name__}).",
        )
    for text in texts:
        say_once(connection, text)


def on_message(connection: Connection) -> None:
    """Say that nobody has used a message, after it has been taken."""
    consumer = connection.consumer
    if consumer is not None and (text := unused_receive(type(consumer))):
        say_once(connection, text)


def on_layer_message(connection: Connection, kind: str) -> None:
    """Say that nobody awaits the handler of a message of the channel layer, after its call."""
    consumer = connection.consumer
    if consumer is not None and (text := unawaited_handler(type(consumer), kind)):
        say_once(connection, text)


def on_hold(connection: Connection, label: str, seconds: float, computed: float) -> None:
    """Say that a handler has held up the event loop.

    Where nothing is known that it waits for, and it has not computed either, the machine may have
    stood still: that is said when it comes again.

    Args:
        connection: The connection of the handler.
        label: The type of the event that it had in hand.
        seconds: How long its steps took in all.
        computed: For how many of these seconds the processor worked.

    """
    consumer = connection.consumer
    if consumer is None:
        return
    cls = type(consumer)
    call = blocking_call(cls)
    if not call and seconds < MUCH:
        return
    if not call:
        call = f"{cls.__name__}, at work on {label},"
        if computed < seconds * COMPUTING and connection.record.is_new(f"{call} may block."):
            return
    say_once(
        connection,
        f"{call} and so kept the event loop to itself: no other connection got its turn."
        if " calls " in call
        else f"{call} kept the event loop to itself: no other connection got its turn.",
    )


def say_once(connection: Connection, text: str) -> None:
    """Write a remark, unless the record has had it before."""
    if connection.record.is_new(text):
        connection.add(Note(text))

"""The exercises of lesson 1: consumers."""

from __future__ import annotations

from channels.consumer import SyncConsumer

from ..diagnosis import MISTAKES, Mistake
from ..record import Sent
from .check import empty_method, exercise
from .scenario import Client, End, Trial

__all__ = ["COOKING"]

NOT_SHOUTED = Mistake(
    "not-shouted",
    "The message came back as it was",
    "The answer is the client's text, unchanged.",
    "A str has a method that returns it in capital letters.",
)
BINARY_ANSWER = Mistake(
    "binary-answer",
    "The answer is binary",
    "The text is right, and it travels as bytes.",
    'Send a str under the key "text".',
)
TEXT_OF_THE_EVENT = Mistake(
    "text-of-the-event",
    "The whole event came back",
    "The event is a dictionary, and the client's message is one of its values.",
    'Take the message out of it: event["text"].',
)


@exercise(
    "1.1",
    "Shout back",
    empty_method("websocket_receive", "send the client's text back in capital letters."),
)
def shout_back(trial: Trial) -> None:
    """Each text comes back in capital letters."""
    client = trial.connect("ws/shout/")
    for text in ("hello", "Is anybody there?"):

        def likely(got: object, text: str = text) -> Mistake | None:
            if got == text:
                return NOT_SHOUTED
            if isinstance(got, bytes):
                return BINARY_ANSWER
            if isinstance(got, str) and "websocket.receive" in got.lower():
                return TEXT_OF_THE_EVENT
            return None

        client.is_asked(text, text.upper(), likely)


COUNTS_WRONG = Mistake(
    "counts-wrong",
    "It counts, and not these numbers",
    "range(n) begins with 0 and ends before n.",
    "range(start, stop, step) can begin anywhere and go down; stop itself is never reached.",
)
ONE_MESSAGE = Mistake(
    "one-message",
    "All numbers in one message",
    "The client waits for a message per number.",
    "Send inside the loop, once per number.",
)


@exercise(
    "1.2",
    "Countdown",
    empty_method("websocket_receive", "count down from the client's number, one message each."),
)
def countdown(trial: Trial) -> None:
    """A number is counted down to 1, and then there is a lift-off."""
    client = trial.connect("ws/countdown/")
    for start in (3, 1):
        client.send(str(start))
        expected = [*map(str, range(start, 0, -1)), "lift-off"]
        for place, text in enumerate(expected):
            asked = f'"{start}" is answered with "{text}"'
            client.answers(text, asked if place == 0 else f'then comes "{text}"', not_counted)


def not_counted(got: object) -> Mistake | None:
    """Return the mistake behind a number that is not the next one."""
    if isinstance(got, str):
        return COUNTS_WRONG if got.lstrip("-").isdigit() or got == "lift-off" else ONE_MESSAGE
    return None


NO_CODE = Mistake(
    "no-code",
    "The close code is not your own",
    "A close without a code says 1000; the codes below 4000 mean something already.",
    "Choose a code from 4000 to 4999 and give it to close: self.close(code=...).",
)
NO_REASON = Mistake(
    "no-reason",
    "The reason is missing",
    "The client is told the code, and no reason.",
    "close takes a reason as well.",
)
NOT_CLOSED = Mistake(
    "not-closed",
    "The connection stays open",
    'After "goodbye", the consumer has to close the connection itself.',
    "A generic consumer does it with self.close(...).",
)
ALWAYS_CLOSED = Mistake(
    "always-closed",
    "It leaves too early",
    'Only "bye" ends the conversation.',
    "Look at text_data before you close.",
)


@exercise(
    "1.3",
    "Leave politely",
    empty_method("receive", 'answer each text, and leave after "bye".'),
)
def leave_politely(trial: Trial) -> None:
    """After "bye" comes "goodbye", and then a close with a code and a reason."""
    client = trial.connect("ws/polite/")
    client.is_asked("hello", "you said: hello", closed_early)
    client.is_asked("how are you?", "you said: how are you?", closed_early)
    client.is_asked("bye", "goodbye")
    end = client.receive()
    what = "then the server closes with a code from 4000 to 4999, and a reason"
    ok = isinstance(end, End) and 4000 <= end.code <= 4999 and bool(end.reason)
    trial.expect_end(what, ok, "a code of your own, and a reason", end, not_polite(trial, end))


def closed_early(got: object) -> Mistake | None:
    """Return the mistake behind a connection that ends before "bye"."""
    return ALWAYS_CLOSED if isinstance(got, End) and got.code not in (1006, 1011) else None


def not_polite(trial: Trial, end: object) -> Mistake | None:
    """Return the mistake behind an end that is not as it should be."""
    if trial.failures or not isinstance(end, End | None):
        return None
    if end is None:
        return NOT_CLOSED
    if trial.noted("stopped-early"):
        return MISTAKES["stopped-early"]
    return NO_REASON if 4000 <= end.code <= 4999 else NO_CODE


COOKING = 0.2
"""Seconds that an order takes, in the stub as well."""

NO_WORK = Mistake(
    "no-work",
    "An order is ready before its time",
    "The time that an order takes is gone from the consumer.",
    "Keep it, and wait for it in a way that lets others have their turn.",
)
DISHES = ("soup", "rice", "fish", "cake")


@exercise("1.4", "Four at once")
def four_at_once(trial: Trial) -> None:
    """Four clients are served at the same time."""
    clients = [trial.connect("ws/kitchen/", what="") for _ in DISHES]
    trial.passed("four clients connect")
    cook(clients)
    trial.passed("each order is answered twice, for the cooking and when it is ready")
    what = "an order takes its time"
    ok = all(ready - start >= COOKING * 0.9 for start, ready in cooking_times(trial))
    mistake = None if trial.warnings else NO_WORK
    trial.expect(what, ok, f"{COOKING:g} s from cooking to ready", "less than that", mistake)
    most = at_once(trial)
    is_sync = isinstance(trial.answer, type) and issubclass(trial.answer, SyncConsumer)
    if most < 3 and not is_sync:
        # The machine may have been busy with something else: once more.
        cook(clients)
        most = at_once(trial)
    trial.expect(
        "the four orders are cooked at the same time",
        # One after the other is never three.
        most >= 3,
        "four at once",
        "one after the other" if most == 1 else "two at once",
        MISTAKES["one-thread" if is_sync else "blocking"],
    )


def cook(clients: list[Client]) -> None:
    """Order a dish for each client, and expect both answers."""
    for client, dish in zip(clients, DISHES, strict=True):
        client.send(dish)
    for client, dish in zip(clients, DISHES, strict=True):
        client.answers(f"cooking {dish}", f'"{dish}" is answered with "cooking {dish}"', quiet=True)
        client.answers(f"{dish} is ready", f'then comes "{dish} is ready"', quiet=True)


def at_once(trial: Trial) -> int:
    """Return how many orders were cooked at the same time."""
    times = cooking_times(trial)
    return max(sum(start <= moment < ready for start, ready in times) for moment, _ in times)


def cooking_times(trial: Trial) -> list[tuple[float, float]]:
    """Return when each order was begun and when it was ready, the last time."""
    sent = {
        entry.what.payload: entry.time
        for entry in trial.snapshot.entries
        if isinstance(entry.what, Sent)
    }
    return [(sent[f"cooking {dish}"], sent[f"{dish} is ready"]) for dish in DISHES]

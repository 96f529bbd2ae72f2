"""The exercises of lesson 1: consumers."""

from __future__ import annotations

import asyncio
import dis
import random
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from channels.consumer import SyncConsumer

from ...exercises.check import empty_method
from ...exercises.mistakes import ONLY_EXAMPLES
from ...exercises.registry import exercise
from ...exercises.scenario import (
    Client,
    End,
    Trial,
    a_word,
    letters,
    nearly_right,
    quote,
    unless_right,
)
from ...live.record import Sent
from ...mistakes.registry import MISTAKES, Mistake, mistake

__all__ = ["COOKING"]

NOT_SHOUTED = mistake(
    "not-shouted",
    "The message came back as it was",
    cause="The answer is the client's text, unchanged.",
    fix="A str has a method that returns it in capital letters.",
)
BINARY_ANSWER = mistake(
    "binary-answer",
    "The answer is binary",
    cause="The text is right, and it travels as bytes.",
    fix='Send a str under the key "text".',
)
TEXT_OF_THE_EVENT = mistake(
    "text-of-the-event",
    "The whole event came back",
    cause="The event is a dictionary, and the client's message is one of its values.",
    fix='Take the message out of it: event["text"].',
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
        client.is_asked(text, text.upper(), partial(not_loud, text))
    text = f"{a_word()} {a_word()}: 7"
    client.send(text)
    what = "so is a text that is not in the table"
    client.answers(text.upper(), what, unless_right(partial(not_loud, text)))


def not_loud(text: str, got: object) -> Mistake | None:
    """Return the mistake behind another answer than the text in capital letters."""
    if got == text:
        return NOT_SHOUTED
    if isinstance(got, bytes):
        return BINARY_ANSWER
    if isinstance(got, str) and "websocket.receive" in got.lower():
        return TEXT_OF_THE_EVENT
    return None


COUNTS_WRONG = mistake(
    "counts-wrong",
    "These are other numbers",
    cause="The first is the client's own number, each of the others is 1 less, and the last is 1.",
    fix="range(start, stop, -1) goes down and never reaches stop. With while: send, then subtract "
    "1.",
)
SAME_NUMBER = mistake(
    "same-number",
    "The number stays the same",
    cause="Nothing makes it smaller, so the loop has no end.",
    fix="Subtract 1 inside the loop, after the send: number -= 1.",
)
LIFT_OFF_INSIDE = mistake(
    "lift-off-inside",
    "lift-off after each number",
    cause="It is sent inside the loop.",
    fix="Send it once, after the loop: with the indentation of the word for or while.",
)
ONE_MESSAGE = mistake(
    "one-message",
    "All numbers in one message",
    cause="The client waits for a message per number.",
    fix="Send inside the loop, once per number.",
)


def keeps(answer: Any) -> bool:
    """Tell whether a class keeps anything from one message to the next, on self say."""
    kept = {"STORE_ATTR", "STORE_GLOBAL", "STORE_SUBSCR"}
    steps = (step for code in codes_of(answer) for step in dis.get_instructions(code))
    return any(step.opname in kept for step in steps)


def codes_of(value: Any) -> Iterator[CodeType]:
    """Yield the code of a class's methods, and of the functions inside them."""
    for part in getattr(value, "__dict__", {}).values():
        if isinstance(part, FunctionType):
            yield from nested(part.__code__)


def nested(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code, and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested(constant)


NUMBER_KEPT = mistake(
    "number-kept",
    "The number of the time before",
    cause="What is kept on self stays from one message to the next, and so does the number that "
    "was counted down.",
    fix="Take the number out of each message anew, at the beginning of the method that counts.",
)
MESSAGE_TOO_MANY = mistake(
    "message-too-many",
    "A message too many",
    cause="The client expects the numbers and lift-off, and nothing else.",
    fix="Leave out what is sent before the numbers or after lift-off.",
)


COUNTING = 3.3
"""Seconds within which all countdowns are over, a short pause after each number included."""


@exercise("1.2", "Countdown", name="Countdown")
def countdown(trial: Trial) -> None:
    """A number is counted down to 1, and then there is a lift-off."""
    client = trial.connect("ws/countdown/")
    trial.hurry_up(COUNTING)
    for start in (3, 1):
        for place, text in enumerate(counted_down(start)):
            asked = f'"{start}" is answered with "{text}"'
            if place == 0:
                client.send(str(start))
            found = partial(not_counted, trial, client, start, place, start == 1)
            client.answers(text, asked if place == 0 else f'then comes "{text}"', found)
    start = random.randint(4, 6)
    client.send(str(start))
    what = "a number that is not in the table is counted down as well"
    for place, text in enumerate(counted_down(start)):
        likely = unless_right(partial(not_counted, trial, client, start, place, True))
        client.answers(text, what, likely, quiet=True)
    trial.passed(what)


def counted_down(start: int) -> list[str]:
    """Return the messages of one countdown."""
    return [*map(str, range(start, 0, -1)), "lift-off"]


def not_counted(
    trial: Trial, client: Client, start: int, place: int, again: bool, got: object
) -> Mistake | None:
    """Return the mistake behind a message that is not the next one."""
    expected = counted_down(start)
    text, before = expected[place], expected[:place]
    if not isinstance(got, str) or letters(got) == letters(text):
        return None
    if again and place == 0 and (got == "lift-off" or re.fullmatch(r"-?[0-9]+", got)):
        return NUMBER_KEPT if keeps(trial.answer) else ONLY_EXAMPLES
    if before and got == before[-1]:
        return SAME_NUMBER
    if before and got == "lift-off" and client.receive() == text:
        return LIFT_OFF_INSIDE
    numbers = expected[:-1]
    digits = re.findall("[0-9]", got)
    if len(numbers) > 1 and sorted(digits) == sorted(numbers):
        return ONE_MESSAGE
    if re.fullmatch(r"-?[0-9.]+", got) or got == "lift-off":
        return COUNTS_WRONG
    return MESSAGE_TOO_MANY if nearly_right(got, text) is None and followed(client, text) else None


def followed(client: Client, text: str) -> bool:
    """Tell whether a text is among the messages that come next, of which few are looked at."""
    return any(client.receive() == text for _ in range(2))


NO_CODE = mistake(
    "no-code",
    "The close code is not your own",
    cause="A close without a code says 1000; the codes below 4000 mean something already.",
    fix="Choose a code from 4000 to 4999 and give it to close: self.close(code=...).",
)
NO_REASON = mistake(
    "no-reason",
    "The reason is missing",
    cause="The client is told the code, and no reason.",
    fix="close takes a reason as well.",
)
NOT_INSTEAD = mistake(
    "not-instead",
    "bye gets the usual answer",
    cause='"bye" needs another answer: goodbye, and then the close.',
    fix='Tell the two cases apart, and compare with a str: if text_data == "bye": ... else: ...',
)
NO_PREFIX = mistake(
    "no-prefix",
    "The text came back alone",
    cause="The answer begins with you said: and then comes the text.",
    fix='Put them together: f"you said: {text_data}".',
)
NOT_CLOSED = mistake(
    "not-closed",
    "The connection stays open",
    cause='After "goodbye", the consumer has to close the connection itself.',
    fix="Call self.close(...) right after goodbye is sent. disconnect runs after the end, and ends "
    "nothing.",
)
NO_GOODBYE = mistake(
    "no-goodbye",
    "The goodbye is missing",
    cause='The connection ends before the client is told "goodbye"; a reason is no message.',
    fix="Send goodbye as a message of its own, and close after that.",
)
NOT_ONLY_BYE = mistake(
    "not-only-bye",
    'Another text is taken for "bye"',
    cause='Only "bye" itself ends the conversation: not "Bye", not "bye" with a space, and no '
    "longer text that has it inside.",
    fix='Compare the whole text: text_data == "bye".',
)
ALWAYS_CLOSED = mistake(
    "always-closed",
    "It leaves too early",
    cause='Only "bye" ends the conversation.',
    fix="Look at text_data before you close.",
)


@exercise(
    "1.3",
    "Leave politely",
    empty_method("receive", 'answer each text, and leave after "bye".'),
)
def leave_politely(trial: Trial) -> None:
    """After "bye" comes "goodbye", and then a close with a code and a reason."""
    client = trial.connect("ws/polite/")
    for text in ("hello", "how are you?", "goodbye?", "Bye", "bye bye"):
        client.is_asked(text, f"you said: {text}", partial(not_said, text))
    what = "so is a text that is not in the table"
    for text in (a_word(), "bye ", " bye", "by", ""):
        client.send(text)
        likely = unless_right(partial(not_said, text))
        client.answers(f"you said: {text}", f"{what}: {quote(text)}", likely, quiet=True)
    trial.passed(what)
    client.is_asked("bye", "goodbye", partial(not_goodbye, trial))
    end = client.receive()
    what = "then the server closes with a code from 4000 to 4999, and a reason"
    ok = isinstance(end, End) and 4000 <= end.code <= 4999 and bool(end.reason)
    trial.expect_end(what, ok, "a code of your own, and a reason", end, not_polite(trial, end))


def not_said(text: str, got: object) -> Mistake | None:
    """Return the mistake behind a wrong answer to another text than "bye"."""
    if got == text:
        return NO_PREFIX
    if got == "goodbye":
        return NOT_ONLY_BYE
    return ALWAYS_CLOSED if isinstance(got, End) and got.code not in (1006, 1011) else None


def not_goodbye(trial: Trial, got: object) -> Mistake | None:
    """Return the mistake behind another answer to "bye" than "goodbye"."""
    if got == "you said: bye":
        return NOT_INSTEAD
    if not isinstance(got, End) or got.code in (1006, 1011):
        return None
    # What is sent after the close raises an exception, which says more.
    trial.host.settle(trial.patience.leave)
    return None if trial.failures else NO_GOODBYE


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

NO_WORK = mistake(
    "no-work",
    "The time does not pass between the two answers",
    cause=f"cooking has to be sent at once, and ready {COOKING:g} s later.",
    fix="Send the first, wait in a way that lets others have their turn, and then send the second.",
)
IN_TURN = mistake(
    "in-turn",
    "One order after the other",
    cause="While the handler of one client waits, the handlers of all others wait for it.",
    fix="Section 6 has measured both: clients that wait for each other, and clients that do not.",
)
ONE_WAITS = mistake(
    "one-waits",
    "The orders wait for each other",
    cause="They are cooked in one thread, one after the other; sync_to_async works like that.",
    fix="Write await asyncio.sleep(...), or await asyncio.to_thread(...) for work that blocks.",
)
LOCKED = mistake(
    "locked",
    "One order holds up the others",
    cause="The handlers run side by side, and something lets one of them on at a time: a lock, a "
    "semaphore or a queue that all of them share.",
    fix="Leave it out: each order is a client's own, and there is nothing to protect.",
)
DISHES = ("soup", "rice", "fish", "cake")

Times = list[tuple[float, float]]
"""When each order was begun and when it was ready, in seconds of one clock."""

SAME_TIME = 1.5
"""Three orders are cooked at the same time if they take less than so many times as long as one.

Two at once would take twice as long.
"""

FREE = 20
"""So often a loop turns at least that nothing holds; one that is held turns once for each order."""


@exercise("1.4", "Four at once")
def four_at_once(trial: Trial) -> None:
    """Four clients are served at the same time."""
    what = "four clients connect"
    clients = [trial.connect("ws/kitchen/", what, quiet=True) for _ in DISHES]
    trial.passed(what)
    cook(clients)
    trial.passed("each order is answered twice, for the cooking and when it is ready")
    what = "an order takes its time"
    ok = all(ready - start >= COOKING * 0.9 for start, ready in cooking_times(trial))
    mistake = None if trial.warnings else NO_WORK
    trial.expect(what, ok, f"{COOKING:g} s from cooking to ready", "less than that", mistake)
    is_sync = isinstance(trial.answer, type) and issubclass(trial.answer, SyncConsumer)
    cooked = [cooking_times(trial)]
    # The machine may have been busy with something else: once more, or twice where it looks right.
    while not is_sync and needs_another(cooked):
        cook(clients)
        cooked.append(cooking_times(trial))
    fewest = min(rounds(cooked))
    ok = was_soon(cooked) or fewest < SAME_TIME
    trial.expect(
        "the four orders are cooked at the same time",
        ok,
        "four at once",
        "two at once" if fewest < SAME_TIME + 1 else "one after the other",
        None if ok else IN_TURN if is_sync else held_up(trial, clients),
    )


def cook(clients: list[Client]) -> None:
    """Order a dish for each client, and expect both answers."""
    order(clients)
    for client, dish in zip(clients, DISHES, strict=True):
        client.answers(f"cooking {dish}", f'"{dish}" is answered with "cooking {dish}"', quiet=True)
        client.answers(f"{dish} is ready", f'then comes "{dish} is ready"', quiet=True)


def order(clients: list[Client]) -> None:
    """Order a dish for each client."""
    for client, dish in zip(clients, DISHES, strict=True):
        client.send(dish)


def needs_another(cooked: list[Times]) -> bool:
    """Tell whether orders are to be cooked once more, to be sure."""
    late = sum(number >= SAME_TIME for number in rounds(cooked))
    return not was_soon(cooked) and len(cooked) < 3 and late < 2


def was_soon(cooked: list[Times]) -> bool:
    """Tell whether three orders were ready, the last time, before two at once can have been.

    A loop that stood still finds orders ready together that threads have cooked one by one; but
    none of them was ready sooner than that takes.

    """
    return third_ready(cooked[-1]) < SAME_TIME * COOKING


def rounds(cooked: list[Times]) -> list[float]:
    """Return how often one order could have been cooked until the third was ready, each time.

    It is once if they are cooked at the same time, twice if two are, and three times if they are
    cooked one after the other. One takes the shortest of all the times, which a machine that stands
    still does not make any shorter.

    """
    shortest = min(ready - start for times in cooked for start, ready in times)
    return [third_ready(times) / shortest for times in cooked]


def third_ready(times: Times) -> float:
    """Return how long after the first order was begun the third was ready, in seconds."""
    return sorted(ready for _, ready in times)[2] - min(start for start, _ in times)


def held_up(trial: Trial, clients: list[Client]) -> Mistake:
    """Return why the orders of an async consumer are cooked one after the other."""
    held = {hold.number for hold in trial.host.work.holds if hold.end - hold.start >= COOKING * 0.9}
    if len(held) >= 3:
        return MISTAKES["blocking"]
    # Not once only: the machine may have held the loop.
    for _ in range(2):
        order(clients)
        # Before an order has come, every loop is free.
        clients[0].receive()
        if turns(trial) >= FREE:
            return ONE_WAITS if "sync_to_async" in names_used(trial.answer) else LOCKED
        # Both answers of each; the first has come of one.
        for client in (*clients, *clients[1:]):
            client.receive()
    return MISTAKES["blocking"]


def turns(trial: Trial) -> int:
    """Count how often the server's loop turns while two orders are cooked."""
    count = 0
    until = time.monotonic() + 2 * COOKING
    with suppress(TimeoutError):
        while count < FREE and time.monotonic() < until:
            trial.host.call(partial(asyncio.sleep, 0), len(DISHES) * COOKING)
            count += 1
    return count


def names_used(value: Any) -> set[str]:
    """Return the names that the methods of a class use."""
    return {name for code in codes_of(value) for name in code.co_names}


def cooking_times(trial: Trial) -> Times:
    """Return when each order was begun and when it was ready, the last time."""
    sent = {
        entry.what.payload: entry.time
        for entry in trial.snapshot.entries
        if isinstance(entry.what, Sent)
    }
    return [(sent[f"cooking {dish}"], sent[f"{dish} is ready"]) for dish in DISHES]

"""The exercises of lesson 3: browser handlers. The server's record of the browser is the judge."""

from __future__ import annotations

from itertools import pairwise

from ..diagnosis import MISTAKES, Mistake
from .check import browser_exercise
from .practice import Connection, Visits, latest_run
from .scenario import Sheet, came_from_browser, quote

__all__ = ["SHORTEST"]


def code(cell: str) -> str:
    """Return the code of the cell that was run last; the last resort of a diagnosis."""
    run = latest_run(cell)
    return run.code if run is not None else ""


# 3.1

NOTHING_SENT = Mistake(
    "nothing-sent",
    "The browser says nothing",
    "The connection opens, and no message comes.",
    "Fill in onopen: the socket has a method that sends a text.",
)
OTHER_GREETING = Mistake(
    "other-greeting",
    "Another greeting",
    "The server got a message, and not the one that it waits for.",
    "Compare them letter by letter.",
)
TOO_MANY = Mistake(
    "too-many",
    "It greets again and again",
    "One greeting is expected, and more came.",
    "onmessage is called for each answer; greet in onopen only.",
)


@browser_exercise("3.1", "Greet on open", "greet", lambda found: bool(last(found).messages))
def greet_on_open(sheet: Sheet, found: Visits) -> None:
    """The browser greets as soon as the connection is open."""
    messages = last(found).messages
    mistake = OTHER_GREETING
    if not messages:
        # An exception in the browser does not reach the server; the code says that there is one.
        mistake = MISTAKES["send-before-open"] if ".send(" in code("greet") else NOTHING_SENT
    elif messages[0] == "[object Object]":
        mistake = MISTAKES["object-object"]
    elif messages[0] == "hello" and len(messages) > 1:
        mistake = TOO_MANY
    sheet.expect(
        'the browser sends "hello", once',
        messages == ["hello"],
        quote("hello"),
        came_from_browser(messages),
        mistake,
    )


# 3.2

PONGS: list[str | bytes] = ["pong 1", "pong 2", "pong 3"]
NO_PONG = Mistake(
    "no-pong",
    "No answer to the pings",
    "The server sends pings, and nothing comes back.",
    "onmessage is called with an event for each message; its text is in event.data.",
)
ANSWERS_ALL = Mistake(
    "answers-all",
    "News are answered as well",
    "Not every message is a ping.",
    'Look at the text first: event.data.startsWith("ping").',
)
NO_NUMBER = Mistake(
    "no-number",
    "A pong without its number",
    "The server wants to know which ping is answered.",
    "Take the number over from the ping into the pong.",
)
SENT_THE_EVENT = Mistake(
    "sent-the-event",
    "An object is sent as it is",
    "send() turns an object into a text in its own way.",
    "Send a text: what the server sent is in event.data.",
)


@browser_exercise(
    "3.2", "Ping and pong", "pong", lambda found: len(last(found).messages) >= len(PONGS)
)
def ping_and_pong(sheet: Sheet, found: Visits) -> None:
    """Each ping is answered by the pong of its number, and other messages by nothing."""
    messages = last(found).messages
    mistake: Mistake | None = None
    if not messages:
        mistake = NO_PONG
    elif any(str(message).startswith("[object ") for message in messages):
        mistake = SENT_THE_EVENT
    elif not all(str(message).startswith("pong") for message in messages):
        mistake = ANSWERS_ALL
    elif set(messages) == {"pong"}:
        mistake = NO_NUMBER
    sheet.expect(
        "the pings 1, 2 and 3 are answered, and the news are not",
        messages == PONGS,
        came_from_browser(PONGS),
        came_from_browser(messages),
        mistake,
    )


# 3.3

STAYS = Mistake(
    "stays",
    "The browser stays",
    'The server has said "enough", and the connection is still open.',
    "Close it in onmessage, when that text comes.",
)
CODE_REFUSED = Mistake(
    "code-refused",
    "A code that a browser does not send",
    "close() throws for every code but 1000 and those from 3000 to 4999.",
    "Close with 4001.",
)
OTHER_CODE = Mistake(
    "other-code",
    "Another close code",
    "The browser has left, and the server was told another code; 1005 stands for none.",
    "Give close the code and the reason: two arguments.",
)
REASON_MISSING = Mistake(
    "reason-missing",
    "The reason is missing",
    "The code is right, and the server was not told why.",
    "The second argument of close is the reason.",
)
TOO_EARLY = Mistake(
    "too-early",
    "The browser leaves too early",
    "It closes while the connection is not yet open, and the handshake breaks off.",
    "Close in onmessage, when the text is the right one.",
)


@browser_exercise("3.3", "Enough", "enough", lambda found: last(found).left is not None)
def enough(sheet: Sheet, found: Visits) -> None:
    """The browser closes with 4001 and a reason when the server says so."""
    connection = last(found)
    left = connection.left
    what = "the browser closes with 4001 and a reason"
    expected = "4001, and a reason"
    if left is None:
        gone = connection.ended is not None
        mistake = TOO_EARLY if gone else CODE_REFUSED if ".close(" in code("enough") else STAYS
        sheet.fail(what, expected, "the handshake broke off" if gone else "nothing", mistake)
    elif left.code == 1001:
        # Chromium gives up a connection like this when the handshake was over already.
        sheet.fail(what, expected, "1001, going away", TOO_EARLY)
    else:
        shown = f"{left.code}, and the reason {quote(left.reason)}" if left.reason else ""
        ok = left.code == 4001 and bool(left.reason)
        mistake = REASON_MISSING if left.code == 4001 else OTHER_CODE
        sheet.expect(what, ok, expected, shown or f"{left.code}, and no reason", mistake)


# 3.4

SHORTEST = 0.05
"""Seconds between two tries that count as a wait at all."""

NEVER_BACK = Mistake(
    "never-back",
    "The browser does not come back",
    "The connection is gone, and nobody opens another one.",
    "A WebSocket cannot be opened again: onclose has to make a new one, a little later.",
)
GIVES_UP = Mistake(
    "gives-up",
    "The browser gives up",
    "A try has failed, and no other one follows.",
    "Each new WebSocket needs its handlers anew: put all of it into a function, "
    "and let onclose call it.",
)
NOT_GROWING = Mistake(
    "not-growing",
    "The delay does not grow",
    "If all pages of a site come back at the same pace, the server falls over again.",
    "Keep the delay in a variable, and double it before each try.",
)


@browser_exercise(
    "3.4",
    "Come back",
    "come-back",
    lambda found: len(journey(found)) >= 4 and journey(found)[3].accepted,
    quiet=2.0,
)
def come_back(sheet: Sheet, found: Visits) -> None:
    """The browser tries again, later each time, until the server is back."""
    tries = journey(found)
    what = "after the restart, the browser tries again"
    sheet.expect(what, len(tries) > 1, "another connection", "nothing", NEVER_BACK)
    waits = [after.asked - (before.ended or before.asked) for before, after in pairwise(tries)]
    what = "it waits before each try"
    mistake = MISTAKES["no-reconnect-delay"]
    sheet.expect(what, min(waits) >= SHORTEST, "a delay", "a try at once", mistake)
    what = "it goes on until the server is back"
    back = len(tries) > 3 and tries[3].accepted
    sheet.expect(what, back, '"welcome back"', f"{len(tries) - 1} of 3 tries", GIVES_UP)
    what = "each time it waits longer"
    # Doubled twice is four times; chance may take some of it away.
    ok = waits[2] > waits[0] * 1.6
    sheet.expect(what, ok, "a delay that grows", "the same delay", NOT_GROWING)


def journey(found: Visits) -> list[Connection]:
    """Return the connections since the last one that the server left."""
    start = max(
        (place for place, one in enumerate(found.connections) if one.asked_to_leave), default=0
    )
    return found.connections[start:]


def last(found: Visits) -> Connection:
    """Return the newest connection."""
    return found.connections[-1]

"""The exercises of lesson 3: browser handlers. What the cell's page did is judged."""

from __future__ import annotations

import math
import re
from itertools import pairwise

from ...exercises.registry import browser_exercise
from ...exercises.scenario import Sheet, quote
from ...exercises.script import COMMENT, find_silence
from ...exercises.visit import TOO_MANY_SOCKETS, Socket, Visit, came_from
from ...mistakes.registry import MISTAKES, Mistake, mistake
from ...notebook.runs import Told

__all__ = ["LEAST_GROWTH", "SHORTEST"]

# 3.1

NOTHING_SENT = mistake(
    "nothing-sent",
    "The browser says nothing",
    cause="The connection opens, and no message comes.",
    fix="Fill in onopen: the socket has a method that sends a text.",
)
OTHER_GREETING = mistake(
    "other-greeting",
    "Another greeting",
    cause="The server got a message, and not the one that it waits for.",
    fix="Compare them letter by letter.",
)
AGAIN_AND_AGAIN = mistake(
    "again-and-again",
    "setInterval calls again and again",
    cause="One greeting is expected, and setInterval sends one after the other.",
    fix="Send in onopen, once; there is nothing to wait for by the clock.",
)
FIXED_WAIT = mistake(
    "fixed-wait",
    "It waits by the clock, and not for the event",
    symptom="it works here, and fails where the network is slower",
    cause="A timer was set before, and what it does has nothing to do with what happens on the "
    "socket.",
    fix="Let the handler do it: onopen is called when the connection is open, onmessage when a "
    "message has come.",
    shown=["3.1"],
)
TOO_MANY = mistake(
    "too-many",
    "It greets again and again",
    cause="One greeting is expected, and more came.",
    fix="Greet once, and in onopen only; what stands in onmessage runs for each answer.",
)
JSON_UNASKED = mistake(
    "json-unasked",
    "JSON where plain text is expected",
    cause="JSON has quotes around a text, and braces around an object; the server compares all of "
    "it.",
    fix="Send the text as it is: mySocket.send(text).",
    shown=["3.1", "3.2"],
)
BYTES_SENT = mistake(
    "bytes-sent",
    "Bytes where text is expected",
    cause="What is sent is binary; the server looks for a text.",
    fix="Give send a string: it goes out as text.",
    shown=["3.1"],
)


@browser_exercise("3.1", "Greet on open", "greet", lambda visit: len(greetings(visit)) > 1)
def greet_on_open(sheet: Sheet, visit: Visit) -> None:
    """The browser greets as soon as the connection is open."""
    messages = greetings(visit)
    mistake = OTHER_GREETING
    if not messages:
        late = bool(visit.sockets[-1].texts("dropped"))
        silence = find_silence(visit, "hello") or NOTHING_SENT
        mistake = MISTAKES["send-after-closing"] if late else silence
    elif messages[0] == "[object Object]":
        mistake = MISTAKES["object-object"]
    elif other_form(messages[0]):
        mistake = other_form(messages[0]) or mistake
    elif messages[0] == "hello":
        mistake = AGAIN_AND_AGAIN if "setInterval(" in visit.code else TOO_MANY
    sheet.expect(
        'the browser sends "hello", once',
        messages == ["hello"],
        quote("hello"),
        came_from(messages),
        mistake,
    )
    what = "it sends because the connection is open"
    by_clock = "readyState" not in visit.code and is_timed(visit, "open", "sent")
    if by_clock:
        sheet.fail(what, "onopen", "a timer that was set before", FIXED_WAIT)


def other_form(message: str) -> Mistake | None:
    """Return the mistake of a message that is JSON, or bytes, in the place of a text."""
    if re.fullmatch(r"[\d,]+ bytes?", message):
        return BYTES_SENT
    return JSON_UNASKED if re.match(r'["{\[](?!object )', message) else None


def is_timed(visit: Visit, cue: str, act: str) -> bool:
    """Tell whether what a page did came from a timer that was set before its cue.

    Where the cue has not come, the timer has to be older than all messages: one that another
    message has set is no wait by the clock alone.

    Args:
        visit: What the page did.
        cue: The kind of the line that it should have waited for, or the text of a message.
        act: The kind of the line of what it did.

    """
    lines = visit.sockets[-1].lines
    cues = [line["at"] for line in lines if cue in (line["kind"], line["text"])]
    messages = [line["at"] for line in lines if line["kind"] == "received"]
    first = min(cues or messages, default=math.inf)
    acts = [line["at"] for line in lines if line["kind"] == act]
    return any(
        timer["at"] < first and 0 < timer["delay"] <= acts[0] - timer["at"]
        for timer in visit.timers
        if acts
    )


def greetings(visit: Visit) -> list[str]:
    """Return what the page sent on its newest socket."""
    return visit.sockets[-1].sent if visit.sockets else []


# 3.2

PONGS = ["pong 1", "pong 2", "pong 40"]
NO_PONG = mistake(
    "no-pong",
    "No answer to the pings",
    cause="The server sends pings, and nothing comes back.",
    fix="onmessage is called with an event for each message; its text is in event.data.",
)
ANSWERS_ALL = mistake(
    "answers-all",
    "News are answered as well",
    cause="Not every message is a ping.",
    fix='Look at the text first: event.data.startsWith("ping").',
)
NO_NUMBER = mistake(
    "pong-without-number",
    "A pong without its number",
    cause="The server wants to know which ping is answered.",
    fix="Take the number over from the ping into the pong.",
)
SAME_PONG = mistake(
    "same-pong",
    "A pong with the number of another ping",
    cause="Each ping has a number of its own, and its pong needs the same one.",
    fix="Take the number out of event.data, each time anew.",
)
SOME_PONGS = mistake(
    "some-pongs",
    "Some pings are not answered",
    cause="Fewer pongs come back than the server has sent pings.",
    fix="onmessage is called for each message: answer in there, and keep the socket open.",
)
OTHER_PONG = mistake(
    "other-pong",
    "Another answer",
    cause="The pings are answered, and not with a pong.",
    fix="Compare letter by letter: pong, a space, and the number.",
)
SENT_THE_EVENT = mistake(
    "sent-the-event",
    "An object is sent as it is",
    cause="send() turns an object into a text in its own way.",
    fix="Send a text: what the server sent is in event.data.",
)


UNASKED = mistake(
    "unasked",
    "A pong before its ping",
    cause="The pongs are written out, and sent before the server has asked.",
    fix="Send in onmessage, and take the number out of event.data.",
)
COUNTED = mistake(
    "counted",
    "The pongs are counted",
    cause="The number of a ping is not how many there were before; it may be any.",
    fix="Take the number out of event.data, each time anew.",
)


@browser_exercise("3.2", "Ping and pong", "pong", lambda visit: len(greetings(visit)) > len(PONGS))
def ping_and_pong(sheet: Sheet, visit: Visit) -> None:
    """Each ping is answered by the pong of its number, and other messages by nothing."""
    messages = greetings(visit)
    silence = find_silence(visit, "pong") if not messages else None
    sheet.expect(
        "each ping is answered with the pong of its number, and the news are not",
        sorted(messages) == sorted(PONGS),
        came_from(PONGS),
        came_from(messages),
        silence or pong_mistake(messages),
    )
    lines = [line["text"] for line in visit.sockets[-1].lines]
    asked = all(pong.replace("o", "i") in lines[: lines.index(pong)] for pong in PONGS)
    what = "no pong comes before its ping"
    sheet.expect(what, asked, "a pong after each ping", "pongs before the pings", UNASKED)


def pong_mistake(messages: list[str]) -> Mistake:
    """Return what wrong pongs give away."""
    if not messages:
        return NO_PONG
    if any(message.startswith("[object ") for message in messages):
        return SENT_THE_EVENT
    if len(messages) > len(PONGS):
        return ANSWERS_ALL
    if any(map(other_form, messages)):
        return next(filter(None, map(other_form, messages)))
    if not all(message.startswith("pong") for message in messages):
        return OTHER_PONG
    if not set(messages) - {"pong"}:
        return NO_NUMBER
    if messages == [f"pong {number}" for number in range(1, len(PONGS) + 1)]:
        return COUNTED
    if len(messages) < len(PONGS):
        return SOME_PONGS
    numbered = all(re.fullmatch("pong [0-9]+", message) for message in messages)
    return SAME_PONG if numbered else OTHER_PONG


# 3.3

STAYS = mistake(
    "stays",
    "The browser stays",
    cause='The server has said "enough", and the connection is still open.',
    fix="Close it in onmessage, when that text comes.",
)
OTHER_CODE = mistake(
    "other-code",
    "Another close code",
    cause="The browser has left, and the server was told another code; 1005 stands for none.",
    fix="Give close the code and the reason: two arguments.",
)
REASON_MISSING = mistake(
    "reason-missing",
    "The reason is missing",
    cause="The code is right, and the server was not told why.",
    fix="The second argument of close is the reason.",
)
TOO_EARLY = mistake(
    "too-early",
    "The browser leaves too early",
    cause="It closes while the connection is not yet open, and the handshake breaks off.",
    fix="Close in onmessage, when the text is the right one.",
)
BEFORE_ENOUGH = mistake(
    "before-enough",
    'The browser does not wait for "enough"',
    cause="It closes when another message comes, or with none.",
    fix='Compare in onmessage, with three equals signs: if (event.data === "enough").',
)


@browser_exercise(
    "3.3", "Enough", "enough", lambda visit: any(one.first("closed") for one in visit.sockets)
)
def enough(sheet: Sheet, visit: Visit) -> None:
    """The browser closes with 4001 and a reason when the server says so."""
    socket = visit.sockets[-1]
    before = socket.before("closing")
    leaves = socket.first("closing") is not None
    what = 'the browser closes when "enough" has come'
    if not leaves:
        sheet.fail(what, "a close", "nothing", STAYS)
    elif before.first("open") is None:
        sheet.fail(what, 'a close after "enough"', "a close before the handshake's end", TOO_EARLY)
    told = "enough" in before.texts("received")
    by_clock = is_timed(visit, "enough", "closing") and '"enough"' not in as_quoted(visit.code)
    if by_clock:
        sheet.fail(what, "a close in onmessage", "a close by a timer", FIXED_WAIT)
    came = f"a close after {came_from(before.texts('received'))}"
    sheet.expect(what, told, 'a close after "enough"', came, BEFORE_ENOUGH)
    closed = socket.first("closed")
    code, reason = (closed["code"], closed["reason"]) if closed else (1006, "")
    sheet.expect(
        "it gives the code 4001 and a reason",
        code == 4001 and bool(reason),
        "4001, and a reason",
        f"{code}, and the reason {quote(reason)}" if reason else f"{code}, and no reason",
        REASON_MISSING if code == 4001 else OTHER_CODE,
    )


def as_quoted(code: str) -> str:
    """Return code with one kind of quotes."""
    return code.replace("'", '"').replace("`", '"')


# 3.4

SHORTEST = 50.0
"""Milliseconds between two tries that count as a wait at all."""

FIRST = 200.0
"""Milliseconds before the first try, but for chance."""

LONGEST = 3_000.0
"""Milliseconds that no wait of a right answer takes."""

LEAST_GROWTH = 3.9
"""How many times as long as the first wait the fourth one is. Doubled three times is eight times,
of which chance may take half. What grows by half is 3.4 times as long, and what never grows is,
with the same chance in it, not twice as long."""

LEFT_OUT = mistake(
    "code-left-out",
    "This close code is left out",
    cause="The server closes with 1012, and what makes the next try asks for another code.",
    fix="Try again after every end that is not a good-bye: after 1012 and after 1006.",
    shown=["3.4"],
)
FIRST_DELAY = mistake(
    "first-delay",
    "The first delay is another one",
    cause="The first try is due after 200 milliseconds; chance may take half of them, or add some.",
    fix="Begin with 200, and double it after the timer was set.",
    shown=["3.4"],
)
LEAVES = mistake(
    "leaves",
    "The browser leaves, and comes back",
    cause='The server has said "welcome back", the page closes the connection, and its onclose '
    "makes another one.",
    fix="Leave out the close; or make no try after a good-bye, 1000.",
    shown=["3.4"],
)
NEVER_BACK = mistake(
    "never-back",
    "The browser does not come back",
    cause="The connection is gone, and nobody opens another one.",
    fix="A WebSocket cannot be opened again: onclose has to make a new one, a little later.",
)
GIVES_UP = mistake(
    "gives-up",
    "The browser gives up",
    cause="A try has failed, and no other one follows.",
    fix="Each new WebSocket needs its handlers anew: put all of it into a function, "
    "and let onclose call it.",
)
CALLED_AT_ONCE = mistake(
    "called-at-once",
    "The function is called at once",
    cause="setTimeout(connect(), delay) calls connect first, and passes on what it returns.",
    fix="Pass the function, do not call it: setTimeout(connect, delay).",
)
MILLISECONDS = mistake(
    "milliseconds",
    "setTimeout takes milliseconds",
    cause="A second is 1000 of them; a delay of 0.2 is none at all.",
    fix="Begin with 200.",
)
TOO_LATE = mistake(
    "too-late",
    "The next try is far off",
    cause="setTimeout takes milliseconds, and the check waits for a few seconds only.",
    fix="Begin with 200, and double it.",
)
NOT_GROWING = mistake(
    "not-growing",
    "The delay does not grow",
    cause="If all pages of a site come back at the same pace, the server falls over again.",
    fix="Keep the delay in a variable outside of the function that connects, and double it before "
    "each try.",
)
ADDED = mistake(
    "added",
    "The delay grows by the same amount",
    cause="What is added each time is soon little; a server that is away for long needs more.",
    fix="Double it: delay *= 2.",
)
STILL_TRIES = mistake(
    "still-tries",
    "It tries again although it is connected",
    cause="A new WebSocket was made after the server had said that it is back.",
    fix="Let only the loss of a connection make a new one: in onclose, and nowhere else.",
)
TWO_FOR_ONE = mistake(
    "two-for-one",
    "Two tries for one loss",
    symptom="the server sees more and more connections of one page",
    cause="After a failure onerror runs and then onclose, and both of them make a new connection.",
    fix="Do it in onclose alone: it is called for every end.",
    shown=["3.4"],
)
SCHEDULED = mistake(
    "scheduled",
    "The tries are set beforehand",
    cause="The timers were set before the connection was lost, and run whether it is or not.",
    fix="Set one timer in onclose, for the next try.",
)
WRITTEN_OUT = mistake(
    "written-out",
    "Only so many tries are written out",
    cause="A server may be away for longer than the code has waits for.",
    fix="Keep the delay in a variable that doubles, and let onclose call the same function each "
    "time.",
)


REFUSALS = 3
"""How many connections the server refuses while it is away."""


@browser_exercise("3.4", "Come back", "come-back", lambda visit: is_back(visit), rest=2.0)
def come_back(sheet: Sheet, visit: Visit) -> None:
    """The browser tries again, later each time, until the server is back."""
    tries = len(visit.sockets) - 1
    pauses = waits(visit)
    what = "after the restart, the browser tries again"
    asks = re.search(r"\.code\b|[{,]\s*code\b", COMMENT.sub("", visit.code))
    mistake = LEFT_OUT if asks else NEVER_BACK
    if max(delays(visit), default=0.0) > LONGEST:
        mistake = TOO_LATE
    sheet.expect(what, tries > 0, "another connection", "nothing", mistake)
    losses = sum(line["kind"] == "closed" for line in visit.lines)
    if tries > losses and "setInterval(" in visit.code:
        # How many there are by now depends on the machine; that there is no end does not.
        what = "a loss makes it try, and nothing else does"
        came = f"{tries} tries, and {losses} were lost"
        sheet.fail(what, "one try for each loss", came, TOO_MANY_SOCKETS)
    what = "it waits before each try"
    asked = delays(visit)
    came = f"a try after {min(asked):g} milliseconds" if asked else "a try at once"
    ok = min(pauses, default=0.0) >= SHORTEST
    early = [timer for timer in retries(visit) if timer["at"] < first_loss(visit)]
    is_scheduled = len(early) >= 2
    # Where a machine was slow to lose the connection, such a timer runs at once after it.
    sheet.expect(what, ok, "a delay", came, SCHEDULED if is_scheduled else no_delay(visit))
    what = "a loss makes it try, and nothing else does"
    sheet.expect(what, not is_scheduled, "a timer in onclose", "timers from before", SCHEDULED)
    what = "it goes on until the server is back"
    mistake = GIVES_UP if tries < 2 else WRITTEN_OUT
    if max(delays(visit), default=0.0) > LONGEST:
        mistake = TOO_LATE
    came = f"{tries} of {REFUSALS + 1} tries"
    sheet.expect(what, is_back(visit), '"welcome back"', came, mistake)
    back = [place for place, one in enumerate(visit.sockets) if welcomed(one)]
    since = visit.sockets[back[0]].lines[0]["at"]
    before = [line for line in visit.lines if line["kind"] == "closed" and line["at"] < since]
    two = sum(timer["at"] < since for timer in retries(visit)) > len(before)
    came = f"{tries - back[0]} more" if back[0] < tries else "nothing"
    what = "then it makes no other connection"
    mistake = TWO_FOR_ONE if two else STILL_TRIES
    if comes_back_of_its_own(visit, visit.sockets[back[0]]):
        sheet.fail(what, "nothing", "a close, and a timer for the next try", LEAVES)
    sheet.expect(what, back[0] == tries, "nothing", came, mistake)
    what = "each time it waits longer"
    came = ", then ".join(f"{pause / 1000:.2f} s" for pause in pauses)
    waited = asked_for(visit, since)
    if len(waited) != len(pauses):
        waited = pauses  # it waits with something else, too
    ok = waited[-1] > waited[0] * LEAST_GROWTH
    added = is_added([timer["delay"] for timer in retries(visit)])
    sheet.expect(
        what, ok and not added, "a delay that doubles", came, ADDED if added else NOT_GROWING
    )
    what = "the first try is due after 200 milliseconds, more or less by chance"
    for delay in asked_for(visit)[:1]:
        ok = 0.5 * FIRST <= delay <= 1.5 * FIRST
        sheet.expect(what, ok, "100 to 300 milliseconds", f"{delay:g} milliseconds", FIRST_DELAY)


def comes_back_of_its_own(visit: Visit, welcome: Socket) -> bool:
    """Tell whether a page has closed the connection on which it was welcomed, to try again."""
    closed = welcome.first("closed") if welcome.first("closing") is not None else None
    if closed is None:
        return False
    after = Visit(visit.path, visit.lines[visit.lines.index(closed) :])
    return bool(retries(after))


def asked_for(visit: Visit, until: float = math.inf) -> list[float]:
    """Return the delays that the page asked for after it had lost its first connection.

    How long it waited then is no less, and more where a machine stalls.

    """
    kinds = [line["kind"] for line in visit.lines]
    after = Visit(visit.path, visit.lines[kinds.index("closed") :])
    return [timer["delay"] for timer in retries(after) if timer["at"] < until]


def retries(visit: Visit) -> list[Told]:
    """Return the timers that a new connection may wait for."""
    return [timer for timer in visit.timers if timer["callable"] and timer["delay"] >= SHORTEST]


def first_loss(visit: Visit) -> float:
    """Return when the page lost its first connection."""
    return next(line["at"] for line in visit.lines if line["kind"] == "closed")


def is_added(asked: list[float]) -> bool:
    """Tell whether delays grow by the same amount each time; chance never gives that."""
    steps = [later - sooner for sooner, later in pairwise(asked)]
    return len(steps) >= 2 and steps[0] > 0 and max(steps) - min(steps) < 0.5


def welcomed(socket: Socket) -> bool:
    """Tell whether the server has said on a socket that it is back."""
    return "welcome back" in socket.texts("received")


def waits(visit: Visit) -> list[float]:
    """Return the milliseconds from each loss of a connection to the try that followed."""
    lost: float | None = None
    found = []
    for line in visit.lines:
        if line["kind"] == "closed":
            lost = line["at"]
        elif line["kind"] == "connecting" and lost is not None:
            found.append(max(0.0, line["at"] - lost))
    return found


def delays(visit: Visit) -> list[float]:
    """Return the delays that setTimeout was given with a function."""
    return [timer["delay"] for timer in visit.timers if timer["callable"]]


def no_delay(visit: Visit) -> Mistake:
    """Return why there is no delay before a try."""
    if not all(timer["callable"] for timer in visit.timers):
        return CALLED_AT_ONCE
    if any(0 < delay < SHORTEST for delay in delays(visit)):
        return MILLISECONDS
    return MISTAKES["no-reconnect-delay"]


def is_back(visit: Visit) -> bool:
    """Tell whether the page has met the server again."""
    return any(map(welcomed, visit.sockets))

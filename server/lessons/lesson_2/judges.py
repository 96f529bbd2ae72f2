"""The exercises of lesson 2: routing."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import partial
from traceback import TracebackException
from typing import Any

from channels.consumer import AsyncConsumer
from channels.routing import URLRouter
from django.urls import URLPattern
from django.urls.resolvers import RoutePattern
from websockets.sync.client import ClientConnection

from ...exercises.check import RUN_FIRST
from ...exercises.mistakes import ONLY_BEGINNING, ONLY_EXAMPLES
from ...exercises.registry import exercise
from ...exercises.scenario import Client, End, Trial, a_word, came, nearly_right, unless_right
from ...live.failure import chain
from ...live.record import Accepted, Refused
from ...mistakes.diagnosis import find_failure, last_line
from ...mistakes.registry import MISTAKES, Mistake, diagnose_text, mistake

__all__ = ["route_mistake"]


def route_mistake(routes: Any, target: str) -> Mistake | None:
    """Return why a path finds no route in a list of them."""
    patterns = [
        route.pattern
        for route in (routes if isinstance(routes, list | tuple) else ())
        if isinstance(route, URLPattern)
    ]
    for pattern in patterns:
        match pattern:
            case RoutePattern():
                written = str(pattern)
                if written.startswith("/"):
                    return MISTAKES["leading-slash"]
                if any(sign in written for sign in ("^", "(", "*", "\\")) or written.endswith("$"):
                    return MISTAKES["regex-in-path"]
                if "{" in written:
                    return MISTAKES["braces-in-path"]
            case _:
                if str(pattern).startswith(("/", "^/")):
                    return MISTAKES["leading-slash"]
                if "(<" in str(pattern):
                    return MISTAKES["group-without-p"]
    other = target.removesuffix("/") if target.endswith("/") else f"{target}/"
    if any(pattern.match(other) for pattern in patterns):
        return MISTAKES["trailing-slash"]
    return MISTAKES["no-route"] if patterns else None


def lost(trial: Trial, target: str) -> Mistake | None:
    """Return why a connection found no route, if that is what happened."""
    if any("No route found" in str(failure) for failure in trial.failures):
        return route_mistake(trial.answer, target)
    return None


def all_routes(routes: Any) -> Iterator[URLPattern]:
    """Yield the routes of a list or a router, and of the routers in it."""
    if isinstance(routes, URLRouter):
        routes = routes.routes
    for route in routes if isinstance(routes, list | tuple) else ():
        if isinstance(route, URLPattern):
            yield route
            yield from all_routes(route.callback)


NAME = re.compile(r"<(?:\w+:)?(\w+)>")
"""A name in a pattern: ``<str:name>`` or ``(?P<name>...)``."""

STEP_MISSING = re.compile(r"""\[\s*["']url_route["']\s*\]\s*\[\s*["'](?!kwargs["'])""")
"""The way to a name without ``["kwargs"]``."""

SCOPE_KEYS = ("url_route", "query_string", "headers", "path", "client", "subprotocols", "type")
SCOPE_KEY = mistake(
    "scope-key",
    "The scope has no such key",
    symptom="`KeyError: 'url_routes'`",
    cause="The key is spelled in another way in the scope.",
    fix="Compare it with the keys that are there: print(list(self.scope)).",
    shown=["2.1"],
)


def line_of(failure: TracebackException) -> str:
    """Return the line that raised an exception, where it is known."""
    return (failure.stack[-1].line or "") if failure.stack else ""


def is_another(failure: TracebackException) -> bool:
    """Tell whether the key was looked for in another dictionary than what the router has put."""
    _, facts = next(chain(failure))
    return facts is not None and facts.holder in ("content", "event", "headers", "other", "query")


def name_mistake(trial: Trial, target: str) -> Mistake | None:
    """Return why a consumer does not find the name that the path holds, if it looked for one."""
    *_, value = target.rstrip("/").split("/")
    for failure in trial.failures:
        key = re.match("KeyError: '(.*)'", last_line(failure))
        # A dictionary of the learner's own may have no such room.
        if key is None or key[1] in ("url_route", "kwargs", value) or is_another(failure):
            continue
        if get_close_matches(key[1], SCOPE_KEYS, cutoff=0.8):
            return SCOPE_KEY
        patterns = [str(route.pattern) for route in all_routes(trial.answer)]
        names = {name for pattern in patterns for name in NAME.findall(pattern)}
        if not names:
            return MISTAKES["no-name-in-pattern"]
        is_far = key[1] in names or STEP_MISSING.search(line_of(failure))
        return MISTAKES["not-in-kwargs" if is_far else "wrong-argument-name"]
    return None


def visit(trial: Trial, target: str, what: str = "") -> Client:
    """Open a connection to a path that has to find its route."""
    connection = trial.try_connect(target)
    what = what or f"{target} finds its route"
    if not isinstance(connection, ClientConnection):
        mistake = lost(trial, target) or name_mistake(trial, target)
        trial.fail(what, "accepted", connection, mistake)
    assert isinstance(connection, ClientConnection)
    trial.passed(what)
    return Client(trial, connection)


# 2.1

NOT_WELCOMED = mistake(
    "not-welcomed",
    "The client is not welcomed to its room",
    cause="Expected is welcome to and the one piece of the path that names the room.",
    fix='The router keeps what it took out of the path in scope["url_route"]["kwargs"].',
)


COUNTED_LATE = mistake(
    "counted-late",
    "The count is 1 behind",
    cause="The message that is being answered counts too.",
    fix="Count first, then send.",
)
COUNTED_AHEAD = mistake(
    "counted-ahead",
    "The count does not begin with 1",
    cause="It begins with another number than 0, or more than 1 is added.",
    fix="Set it to 0 in connect, and add 1 to it for each message, before the answer.",
)
COUNTED_ANEW = mistake(
    "counted-anew",
    "Each message is counted as the first",
    cause="Nothing is added to the count, or it begins anew with each message.",
    fix="Set it to 0 in connect, and only add to it in receive.",
)
NOT_COUNTED = mistake(
    "not-counted",
    "The number of the message is missing",
    cause="Between the room and the text stands how many messages this client has sent so far.",
    fix="Keep a count on self: set it to 0 in connect, and add 1 in receive.",
)


def no_routes(answer: Any) -> str | None:
    """Tell whether the list of routes is still empty."""
    if isinstance(answer, list | tuple) and not answer:
        todo = "routes is empty: add a route for ws/room/<name>/ that leads to ChatRoom."
        return f"{todo}\n{RUN_FIRST}"
    return None


@exercise("2.1", "Rooms", no_routes, beside="ChatRoom")
def rooms(trial: Trial) -> None:
    """Each client is in the room that its path names, and counts its own messages."""
    blue = visit(trial, "ws/room/blue/")
    welcome = "welcome to blue"
    blue.answers(welcome, f'the client is told "{welcome}"', partial(not_welcomed, welcome))
    blue.is_asked("hi", "blue 1: hi", partial(not_counted, trial))
    blue.is_asked("anybody?", "blue 2: anybody?", {"blue 1: anybody?": COUNTED_ANEW})
    red = visit(trial, "ws/room/red/")
    mixed = partial(mixed_up, trial)
    red.answers("welcome to red", 'the client is told "welcome to red"', mixed)
    red.is_asked("hello", "red 1: hello", mixed)
    blue.is_asked("bye", "blue 3: bye", mixed)
    room, text = a_word(), a_word()
    what = "so is a room that is not in the table"
    target = f"ws/room/{room}/"
    other = trial.try_connect(target)
    if not isinstance(other, ClientConnection):
        trial.fail(what, "accepted", other, lost(trial, target) or ONLY_EXAMPLES)
    assert isinstance(other, ClientConnection)
    client = Client(trial, other)
    client.answers(f"welcome to {room}", what, unless_right(), quiet=True)
    for count in (1, 2, 3, 4):
        client.send(text)
        client.answers(f"{room} {count}: {text}", what, unless_right(), quiet=True)
    trial.passed(what)


def not_counted(trial: Trial, got: object) -> Mistake | None:
    """Return the mistake behind a first answer with another number than 1, or none."""
    if not isinstance(got, str) or not got.startswith("blue") or "hi" not in got:
        return None
    if not re.search("[0-9]", got):
        return NOT_COUNTED
    if got == "blue 0: hi":
        return COUNTED_LATE
    if not re.fullmatch("blue [0-9]+: hi", got):
        return None
    # At a second check, the clients of the first one have been counted already.
    other = first_answer(trial)
    if other is None:
        return None
    return COUNTED_AHEAD if other == got else mixed_up(trial, got)


def first_answer(trial: Trial) -> str | bytes | End | None:
    """Return what another client in the same room is answered first."""
    connection = trial.try_connect("ws/room/blue/")
    if not isinstance(connection, ClientConnection):
        return None
    client = Client(trial, connection)
    client.receive()
    client.send("hi")
    return client.receive()


def not_welcomed(welcome: str, got: object) -> Mistake | None:
    """Return the mistake behind another welcome."""
    if not isinstance(got, str):
        return None
    found = nearly_right(got, welcome)
    return NOT_WELCOMED if found in (None, ONLY_BEGINNING) else found


def mixed_up(trial: Trial, got: object) -> Mistake | None:
    """Return the mistake behind an answer that the other client has changed, or was sent."""
    if any(isinstance(route.callback, AsyncConsumer) for route in all_routes(trial.answer)):
        return MISTAKES["one-instance"]
    return MISTAKES["shared-state"] if isinstance(got, str) else None


# 2.2

NOT_GUARDED = mistake(
    "not-guarded",
    "A client gets in that must not",
    cause="The middleware hands this connection on to the application inside.",
    fix="Hand on only a connection whose query has the token sesame, and refuse all others.",
)
NO_MIDDLEWARE = mistake(
    "no-middleware",
    "There is no middleware",
    cause="guarded is the consumer, or a route to it: nothing looks at the query before it.",
    fix="Put a middleware around it, as in section 8: guarded = TokenRequired(Welcomer.as_asgi()).",
)
ACCEPTED_FIRST = mistake(
    "accepted-first",
    "It lets the client in and throws it out again",
    cause="The connection was accepted before it was closed.",
    fix='Refuse the handshake: send {"type": "websocket.close"} before any accept.',
)
REFUSED_BY_EXCEPTION = mistake(
    "refused-by-exception",
    "An exception refuses as well, as a fault of the server",
    cause="The client is told 500, which says that the server is broken.",
    fix='Let no query raise anything; to refuse, send {"type": "websocket.close"} and return.',
)
REFUSED_SILENTLY = mistake(
    "refused-silently",
    "It returns without an answer",
    cause="A handshake that nobody answers is a fault of the server: HTTP 500.",
    fix='Send {"type": "websocket.close"} before you return.',
)
PART_OF_IT = mistake(
    "part-of-it",
    "It looks for a piece of text, and not for the token",
    cause="The right text may stand in a longer token, or behind another name.",
    fix='Take the query apart: parse_qs(scope["query_string"].decode()) gives names and values.',
)
NOBODY_GETS_IN = mistake(
    "nobody-gets-in",
    "The right token is refused too",
    cause='scope["query_string"] is bytes, and parse_qs makes a list: neither of them equals '
    '"sesame".',
    fix='Take it apart with parse_qs(scope["query_string"].decode()), and compare with ["sesame"].',
)
NOT_HANDED_ON = mistake(
    "not-handed-on",
    "The application inside is not called",
    cause="The right token has come, and the middleware returns.",
    fix="Hand the connection on: await self.app(scope, receive, send).",
)
NOT_EVERY_QUERY = mistake(
    "not-every-query",
    "A query without a token raises",
    cause='query["token"] is a KeyError then; query.get("token") is None, and [0] of it raises as '
    "well.",
    fix='Compare the whole value: query.get("token") == ["sesame"].',
)
QUERY_NOT_PARSED = mistake(
    "query-not-parsed",
    "The query is no dictionary yet",
    cause='scope["query_string"] is one piece of bytes, as b"token=sesame", and has no keys.',
    fix='Take it apart: parse_qs(scope["query_string"].decode()) is a dictionary of lists.',
)
NO_SUCH_KEY = mistake(
    "no-such-key",
    "A dictionary has no such key",
    cause="The KeyError names the key; what stands behind the ? of the address is somewhere else.",
    fix='Take it from the query: parse_qs(scope["query_string"].decode()).',
)
WHOLE_QUERY = mistake(
    "whole-query",
    "The whole query was compared",
    cause="A query can hold more than the token.",
    fix="Take it apart with parse_qs, and look at the token only.",
)


QUERY_MISTAKES = {
    "KeyError: b?'token'": NOT_EVERY_QUERY,
    "'NoneType' object is not subscriptable|index out of range": NOT_EVERY_QUERY,
    "(byte|string) indices must be integers": QUERY_NOT_PARSED,
    "'(bytes|str)' object has no attribute 'get'": QUERY_NOT_PARSED,
    "KeyError: ": NO_SUCH_KEY,
}
"""What an exception says of how the token was looked for; the first that is found decides."""


CHECKED_INSIDE = mistake(
    "checked-inside",
    "The application inside decides",
    cause="The refusal comes from the consumer; the middleware has handed the connection on to it.",
    fix="Look at the query in the middleware's __call__, and refuse there.",
)
CONNECT_TAKEN = mistake(
    "connect-taken",
    "The middleware takes the event that the consumer waits for",
    cause="The first event of a connection is websocket.connect, and each event comes once: who "
    "calls receive() has it, and the application inside never gets it.",
    fix="Leave out the receive(): what you need of the connection is in the scope.",
)


def not_wrapped(answer: Any) -> str | None:
    """Tell whether the class came instead of what was made with it."""
    if isinstance(answer, type) and not issubclass(answer, AsyncConsumer):
        return "This is the class itself: check the application that is made with it, guarded."
    if not callable(answer) and not isinstance(answer, list | tuple):
        return (
            f"{type(answer).__name__} has no method __call__(self, scope, receive, send): it is "
            "what makes an application of it."
        )
    return None


@exercise("2.2", "A token, please", not_wrapped, name="guarded")
def token_please(trial: Trial) -> None:
    """Only a client with the token gets in; all others are refused."""
    if_accepted = NO_MIDDLEWARE if is_bare(trial.answer) else NOT_GUARDED
    refused(trial, "ws/", "without a token", if_accepted)
    refused(trial, "ws/?token=guess", "with the token guess", if_accepted)
    what = "with ?token=sesame the connection opens"
    client = trial.connect("ws/?token=sesame", what, partial(not_let_in, trial))
    client.answers("welcome", 'and the application inside says "welcome"')
    refused(trial, "ws/?token=sesame-seeds", "with the token sesame-seeds", PART_OF_IT)
    refused(trial, "ws/?nottoken=sesame", "with ?nottoken=sesame", PART_OF_IT)
    refused(trial, f"ws/?token={a_word()}", "with any other token", ONLY_EXAMPLES)
    refused(trial, "ws/?token=", "with an empty token", ONLY_EXAMPLES)
    what = "with ?room=blue&token=sesame the connection opens"
    trial.connect("ws/?room=blue&token=sesame", what, {"refused with HTTP 403": WHOLE_QUERY})
    what = "it is the middleware that refuses"
    trial.expect(what, not refused_inside(trial), "no consumer", "the consumer", CHECKED_INSIDE)


def is_bare(answer: Any) -> bool:
    """Tell whether an answer is a consumer with nothing around it but routers."""
    routes = list(all_routes(answer))
    if routes:
        return all(is_bare(route.callback) for route in routes)
    return isinstance(answer, type) or hasattr(answer, "consumer_class")


def refused_inside(trial: Trial) -> bool:
    """Tell whether the consumer that lets clients in is also the one that refuses them."""
    entries = [entry.what for entry in trial.snapshot.entries]
    welcoming = {what.consumer for what in entries if isinstance(what, Accepted)} - {None}
    return any(isinstance(what, Refused) and what.consumer in welcoming for what in entries)


def not_let_in(trial: Trial, came: object) -> Mistake | None:
    """Return the mistake behind a client with the token that does not get in."""
    if came == "refused with HTTP 403":
        return NOBODY_GETS_IN
    if trial.noted("no-accept"):
        return CONNECT_TAKEN
    return None if trial.failures or trial.warnings else NOT_HANDED_ON


def refused(trial: Trial, target: str, who: str, if_accepted: Mistake) -> None:
    """Expect that a client is refused in the handshake."""
    what = f"a client {who} is refused"
    expected = "refused with HTTP 403"
    connection = trial.try_connect(target)
    if isinstance(connection, ClientConnection):
        got = Client(trial, connection).receive()
        if isinstance(got, End) and not trial.failures:
            trial.fail(what, expected, f"accepted, and then {came(got)}", ACCEPTED_FIRST)
        trial.fail(what, expected, "accepted", if_accepted)
    elif connection not in ("refused with HTTP 401", "refused with HTTP 403"):
        mistake = None
        if connection == "refused with HTTP 500":
            mistake = not_refused(trial)
        trial.fail(what, expected, connection, mistake)
    trial.passed(what)


def not_refused(trial: Trial) -> Mistake:
    """Return the mistake behind an error of the server instead of a refusal."""
    if trial.failures:
        failure = trial.failures[-1]
        text = last_line(failure)
        _, facts = next(chain(failure))
        if text.startswith("KeyError") and facts is not None and facts.holder == "scope":
            return NO_SUCH_KEY
        for pattern, mistake in QUERY_MISTAKES.items():
            if re.search(pattern, text):
                return mistake
        return find_failure(failure) or REFUSED_BY_EXCEPTION
    return next(filter(None, map(diagnose_text, trial.warnings)), REFUSED_SILENTLY)


# 2.3

CATCHES_TOO_LITTLE = mistake(
    "catches-too-little",
    "The last route does not take this path",
    cause='path("") takes the empty path only, <str:name> stops at a slash, and <path:name> and .+ '
    "want one letter at least.",
    fix="A regular expression that is content with anything takes every path.",
)
CATCHES_FIRST = mistake(
    "catches-first",
    "The catch-all comes too early",
    cause="Routes are tried from the top, and the first that matches wins.",
    fix="Put the route that takes everything at the end.",
)
HTTP_404 = mistake(
    "http-404",
    "Http404 is for views",
    symptom="`django.http.response.Http404`, and HTTP 500 for the client",
    cause="Django makes a page of it for HTTP; for a WebSocket it is an exception like any other.",
    fix="Accept, and close with a code of your own: self.close(code=4404).",
    texts=[r"\bHttp404\b"],
    shown=["2.3"],
)
NOT_4404 = mistake(
    "not-4404",
    "Another code",
    cause="The connection is closed, and not with 4404.",
    fix="close takes the code: self.close(code=...).",
)
LEFT_OPEN = mistake(
    "left-open",
    "The connection stays open",
    cause="Who comes to a path that does not exist has to be told so.",
    fix="Call self.close(...) right after the accept. disconnect runs after the end, and ends "
    "nothing.",
)


def one_route(answer: Any) -> str | None:
    """Tell whether the list of routes is still as it was."""
    if isinstance(answer, list | tuple) and len(answer) == 1:
        return (
            "routes has one route: add a last one that takes every other path, "
            f"and let NotHere close with 4404.\n{RUN_FIRST}"
        )
    return None


@exercise("2.3", "Nobody here", one_route, beside="NotHere")
def nobody_here(trial: Trial) -> None:
    """The clock ticks; every other path is closed with 4404."""
    clock = visit(trial, "ws/clock/")
    clock.answers(
        "tick",
        'ws/clock/ says "tick"',
        lambda got: CATCHES_FIRST if isinstance(got, End) else None,
    )
    known = {"ws/nowhere/": "ws/nowhere/", "elsewhere": "elsewhere"}
    hidden = {"ws/clock/again/": "ws/clock/again/", "old/ws/clock/": "old/ws/clock/"}
    hidden |= {"": "the root, /,", f"{a_word()}/{a_word()}": "any other path"}
    for target, words in (known | hidden).items():
        connection = trial.try_connect(target)
        what = f"{words} is accepted"
        if not isinstance(connection, ClientConnection):
            mistake = None
            if any("No route found" in str(failure) for failure in trial.failures):
                mistake = route_mistake(trial.answer, target)
                if mistake is MISTAKES["no-route"] or not target:
                    mistake = CATCHES_TOO_LITTLE
            elif connection == "refused with HTTP 403":
                mistake = MISTAKES["close-before-accept"]
            trial.fail(what, "accepted, and then closed with 4404", connection, mistake)
        assert isinstance(connection, ClientConnection)
        client = Client(trial, connection)
        # Who is told something before the close is told enough.
        told: list[object] = []
        while len(told) < 3 and not isinstance(got := client.receive(), End | None):
            told.append(got)
        end = got if isinstance(got, End) else None
        mistake = None
        if not trial.failures:
            mistake = NOT_4404 if end is not None else LEFT_OPEN
        if "tick" in told:
            mistake = MISTAKES["unanchored"]
        ok = end is not None and end.code == 4404
        what = f"{words} is accepted, and then closed with 4404"
        trial.expect(what, ok, "the end of the connection, with 4404", came(end), mistake)


# 2.4

ANOTHER_WINS = mistake(
    "another-wins",
    "A path leads to another consumer than its own",
    cause="Routes are tried from the top, and the first that matches wins.",
    fix="Connect to each path of the table with a client of your own, launch(routes), and compare.",
)
TAKES_MORE = mistake(
    "takes-more",
    "A route takes paths that are none of the table",
    cause="A name in a pattern, as <str:page>, takes whatever stands in its place.",
    fix='Write the piece itself where there is only one: path("ws/news/", ...).',
)
PAGES = {
    "ws/": "home",
    "ws/news/": "news",
    "ws/chat/blue/": "chat",
    "ws/score/7/": "score",
    "ws/news/sport/": "sport",
}


@exercise("2.4", "The broken route", beside="Sport")
def the_broken_route(trial: Trial) -> None:
    """Each path leads to its own consumer, and what is no path leads nowhere."""
    right = 0
    for target, name in PAGES.items():
        connection = trial.try_connect(target)
        what = f"{target} leads to {name}"
        if not isinstance(connection, ClientConnection):
            trial.fail(what, f'accepted, and then "{name}"', connection, lost(trial, target))
        assert isinstance(connection, ClientConnection)
        got = Client(trial, connection).receive()
        if got not in PAGES.values():
            trial.fail(what, f'"{name}"', came(got))
        right += got == name
    # Which of them goes astray is for the learner to find.
    what = "each of the five paths leads to its own consumer"
    trial.expect(what, right == len(PAGES), "all five", f"{right} of the five", ANOTHER_WINS)
    what = "so do other rooms and other games"
    for target, name in ((f"ws/chat/{a_word()}/", "chat"), (f"ws/score/{a_number()}/", "score")):
        other = trial.try_connect(target)
        if not isinstance(other, ClientConnection):
            trial.fail(what, f'accepted, and then "{name}"', other, ONLY_EXAMPLES)
        assert isinstance(other, ClientConnection)
        Client(trial, other).answers(name, what, unless_right(), quiet=True)
    trial.passed(what)
    nowhere(trial, "ws/news/archive/", MISTAKES["unanchored"])
    nowhere(trial, "old/ws/news/", MISTAKES["unanchored"])
    nowhere(trial, f"ws/{a_word()}/", TAKES_MORE, "any other page")
    nowhere(trial, f"ws/news/{a_word()}/", TAKES_MORE, "any other part of the news")
    trial.forgive_failures()


def a_number() -> int:
    """Return a number that no answer can know."""
    return random.randint(1_000, 9_999)


def nowhere(trial: Trial, target: str, if_found: Mistake, words: str = "") -> None:
    """Expect that a path finds no route."""
    before = len(lost_ones(trial))
    connection = trial.try_connect(target)
    trial.expect(
        f"{words or target} leads nowhere",
        len(lost_ones(trial)) > before,
        "no route",
        "accepted" if isinstance(connection, ClientConnection) else connection,
        if_found,
    )


def lost_ones(trial: Trial) -> list[TracebackException]:
    """Return the exceptions of a router that has found no route."""
    return [failure for failure in trial.failures if "No route found" in str(failure)]

"""The exercises of lesson 6: a room for members, a history, a notification, five faults."""

from __future__ import annotations

import re

import requests

from ...exercises.scenario import ENDED, NOTHING, quote
from ...mistakes.registry import Mistake, mistake
from ...project import Server
from .ground import NO_ANSWER, NOT_AWAITED, Ear, Ground, came_from_start, project_exercise
from .observed import READS_FIRST, STAYS

ROUTE = """
from django.urls import path

from .observed import observed
from .{module} import {name}

websocket_urlpatterns = [path("ws/{path}", observed({name}.as_asgi()))]
"""


def route(module: str, name: str, path: str) -> dict[str, str]:
    """Return the file that leads to an answer's consumer."""
    return {"chat/routing.py": ROUTE.format(module=module, name=name, path=path)}


# 6.1

EVERYBODY = mistake(
    "everybody-comes-in",
    "A stranger comes in",
    cause="Nobody asks who it is before the room is told what was said.",
    fix="Leave strangers to ChatRoom, which closes with 4401: call super().connect() for them.",
)
LOGIN_IS_ENOUGH = mistake(
    "login-is-enough",
    "Who has logged in comes in, member or not",
    cause="is_authenticated says that there is a user, and not what the user may do.",
    fix="Ask for the group of the room's name among the user's groups.",
)
ANY_GROUP = mistake(
    "any-group",
    "A member of another room comes in",
    cause="That the user is in some group says nothing about this room.",
    fix="Filter the user's groups by the room's name.",
)
NO_GROUP_ASKED = mistake(
    "members-refused",
    "A member is sent away",
    cause="Ada is in the group red, and the room is red.",
    fix="Compare with the name of the room in the path, and let members go on to "
    "super().connect().",
)
OTHER_CODE = mistake(
    "other-close-code",
    "Closed with another code",
    cause="A client decides by the code what to do: 4401 means log in, 4403 means not for you.",
    fix="Close with 4403 for a user who is no member, and leave 4401 to strangers.",
)
NO_HISTORY = mistake(
    "member-without-history",
    "A member is told nothing",
    cause="Who comes in is sent the history, and connect of ChatRoom does that.",
    fix="Call super().connect() for members, and leave the rest to it.",
)
NOT_ONLY_THE_CODE = mistake(
    "not-only-the-code",
    "A message comes before the close",
    cause="Who is sent away is told the code and nothing else.",
    fix='Send nothing; a reason goes with the code: close(code=4403, reason="members only").',
)
GOES_ON = mistake(
    "goes-on-after-close",
    "After the close the method goes on",
    cause="close() tells the client and returns; what stands below it runs all the same.",
    fix="Put a return after the close, or what follows into an else.",
)
TELLS_FIRST = mistake(
    "tells-first",
    "Told first, and sent away afterwards",
    cause="super().connect() joins the group and sends the history before you have looked.",
    fix="Look first; call super().connect() for members only.",
)
CODE_BEFORE_ACCEPT = mistake(
    "code-before-accept",
    "The code never arrives",
    cause="Before the accept there is no WebSocket, and the client is refused with HTTP 403.",
    fix="Accept first, then close with the code.",
)
DISCONNECT_FAILS = mistake(
    "disconnect-fails",
    "disconnect raises an exception",
    cause="ChatRoom's disconnect leaves self.group, which a connection that was sent away never "
    "had.",
    fix="Set self.group before you close, or override disconnect as well.",
)
STAYS_IN_GROUP = mistake(
    "stays-in-group",
    "Who has left is still in the group",
    cause="A disconnect of your own replaces the one of ChatRoom, and that leaves the group.",
    fix="Leave disconnect to ChatRoom, or call group_discard in yours as well.",
)


@project_exercise(
    "6.1",
    "A room for members",
    "chat/members.py",
    route("members", "MembersRoom", "members/<slug:room>/"),
)
def members_only(ground: Ground, text: str) -> None:
    """Strangers, users and members of another room are sent away; a member talks."""
    server = ground.start()
    path = "ws/members/red/"
    sent_away(ground, server, path, "", 4401, EVERYBODY)
    sent_away(ground, server, path, "eve", 4403, LOGIN_IS_ENOUGH)
    sent_away(ground, server, path, "bob", 4403, ANY_GROUP)
    with ground.join(server, path, "ada") as ada:
        came = ada.text()
        if came != "among us":
            ground.wait_for_log("Error", ada)
        mistake = ground.logged() or (NO_HISTORY if came == NOTHING else NO_GROUP_ASKED)
        what = "Ada, a member of red, reads the history"
        ground.expect(what, came == "among us", '"among us"', came, mistake)
        ada.say("hello")
        came = ada.text()
        ground.expect("and talks", came == "hello", '"hello"', came, ground.logged())
    with ground.join(server, "ws/members/blue/", "ada") as ada:
        what = "in the room blue she is sent away with 4403"
        ground.expect(what, *ending(ada, 4403), mistake=NO_GROUP_ASKED)
    server.stop()  # then its log is complete
    mistake = GOES_ON if "after sending 'websocket.close'" in ground.raised else DISCONNECT_FAILS
    what = "no exception is in the log"
    ground.expect(what, not ground.raised, "none", "an exception", mistake)
    nobody_stays(ground, server)


def nobody_stays(ground: Ground, server: Server) -> None:
    """Expect that nobody is in a group of a server that has ended, after all have left."""
    stays = STAYS in server.lines()
    what = "who leaves is in no group any more"
    ground.expect(what, not stays, "no member", "a member", STAYS_IN_GROUP)


def ending(ear: Ear, code: int) -> tuple[bool, str, str]:
    """Return whether a connection ended with a code, what was expected, and what came."""
    expected = f"{ENDED}, with {code}"
    came = ear.next()
    came = came if isinstance(came, str) else f"a message: {quote(str(came.get('text', came)))}"
    return came == expected, expected, came


def sent_away(
    ground: Ground, server: Server, path: str, name: str, code: int, let_in: Mistake
) -> None:
    """Expect that somebody is told a code and nothing else."""
    with ground.join(server, path, name) as ear:
        ok, expected, came = ending(ear, code)
        mistake: Mistake | None = None
        if not ok:
            ground.wait_for_log("Error", ear)
            mistake = why_not_sent_away(ground, came, ear, let_in)
    who = f"{name.title()}, no member of red," if name else "a stranger"
    ground.expect(f"{who} is sent away with {code}", ok, expected, came, mistake)


def why_not_sent_away(ground: Ground, came: str, ear: Ear, let_in: Mistake) -> Mistake | None:
    """Return the mistake behind what came instead of a close."""
    if any("was never awaited" in line for line in ground.log):
        return NOT_AWAITED
    if came == "refused with HTTP 403":
        return CODE_BEFORE_ACCEPT
    if came.startswith("a message"):
        if not ear.text().startswith(ENDED):
            return let_in
        return TELLS_FIRST if came == 'a message: "among us"' else NOT_ONLY_THE_CODE
    if came == f"{ENDED}, with 1006" or came.startswith("refused"):
        return ground.logged()
    return OTHER_CODE if came.startswith(ENDED) else let_in


# 6.2

SEEN_AGAIN = mistake(
    "seen-again",
    "What the client has seen comes again",
    cause="after says which message it saw last.",
    fix="Filter with id__gt=after.",
)
ONE_TWICE = mistake(
    "one-twice",
    "One message comes twice",
    cause="The client has seen the message whose id it names.",
    fix="Take id__gt, greater than, and not id__gte.",
)
NEWEST_FIRST = mistake(
    "newest-first",
    "The newest comes first",
    cause="A reader wants to read what was said in the order in which it was said.",
    fix='Order by "id", without the minus.',
)
CUT_OFF = mistake(
    "history-cut-off",
    "A part of it is missing",
    cause="Who was away for long has missed more than the last fifty messages.",
    fix="Leave out the slice.",
)
OTHER_ROOMS = mistake(
    "other-rooms",
    "Messages of another room",
    cause="The table has the messages of all rooms.",
    fix="Filter by room as well.",
)
IN_MEMORY = mistake(
    "history-in-memory",
    "What was said before the start is not told",
    cause="A list in the consumer is that of one process, and ends with it.",
    fix="Read it from the database.",
)
BAD_AFTER = mistake(
    "after-unread",
    "An after that is no number ends the connection",
    cause="The query string is the client's, and it may say anything.",
    fix="Ask isdecimal() before you call int(), and take 0 otherwise.",
)
NOT_STORED = mistake(
    "not-stored",
    "What is said is not stored",
    cause="It was sent to who was there, and is in no database.",
    fix="Store it before you send it: leave receive_json to ChatRoom.",
)
NOT_LIVE = mistake(
    "not-live",
    "After the history nothing comes",
    cause="The connection is in no group.",
    fix="Call group_add before you accept, as ChatRoom does.",
)


AFTER_CUT_OUT = mistake(
    "after-cut-out",
    "Something else in the query string is in the way",
    cause="A query string may name other things as well, on either side of it.",
    fix='Take it apart with parse_qs, and ask what comes of that for "after".',
)
NO_AFTER = mistake(
    "after-missing",
    "Without an after the connection ends",
    cause="Who comes for the first time has seen nothing, and names no message.",
    fix='Ask with get, which takes what to return instead: .get("after", ["0"])[0].',
)
AFTER_IN_BYTES = mistake(
    "after-in-bytes",
    "The after is not found",
    cause='The query string is bytes, and so are the names in it: b"after" is not "after".',
    fix='Decode it first: parse_qs(self.scope["query_string"].decode()).',
)
SUPER_TELLS = mistake(
    "super-tells-fifty",
    "super().connect() has sent the last fifty",
    cause="ChatRoom has its own history, whatever the client has seen.",
    fix="Write the steps anew: join, read, accept, send. Only strangers go to super().connect().",
)
ALL_IN_ONE = mistake(
    "all-in-one",
    "All messages come as one",
    cause="A client reads a message as one thing that was said, as ChatRoom sends it.",
    fix="Send each of them, in a loop.",
)
NOTHING_FOUND = mistake(
    "history-empty",
    "Nothing is told",
    cause="The query finds no message, or nothing sends what it finds.",
    fix="Filter by room and by id__gt, and send each message that comes of it.",
)
ANYBODY_READS = mistake(
    "anybody-reads",
    "A stranger reads along",
    cause="A connect of your own replaces the one of ChatRoom, and what that asked.",
    fix="Ask is_authenticated first, and close with 4401 after an accept, as ChatRoom does.",
)
JOINS_LATE = mistake(
    "joins-late",
    "It reads first and joins afterwards",
    cause="What is said in between is neither in the history nor sent.",
    fix="Call group_add before the query, as ChatRoom does.",
)


IDS = {number: number + 1 + (number - 1) // 10 for number in range(1, 61)}
"""The ids of the messages of the long room: see prepare.py, which puts others among them."""

MORE = "before=1"
"""What a query string may say besides."""

SQUARE = "%C2%B2"
"""A ², which is a digit, and no number for int()."""


@project_exercise(
    "6.2",
    "What was missed",
    "chat/catchup.py",
    route("catchup", "CatchUp", "catchup/<slug:room>/"),
)
def history(ground: Ground, text: str) -> None:
    """A client is told what came after the message that it saw last, across a restart."""
    one = ground.start()
    path = "ws/catchup/long/"
    everything = [f"long {number}" for number in range(1, 61)]
    told(ground, text, one, f"{path}?after={IDS[58]}", everything[58:])
    told(ground, text, one, f"{path}?after={IDS[3]}", everything[3:])
    told(ground, text, one, f"{path}?{MORE}&after={IDS[57]}&ok", everything[57:])
    told(ground, text, one, f"{path}?after=x", everything)
    told(ground, text, one, f"{path}?after={SQUARE}", everything)
    told(ground, text, one, path, everything)
    two = ground.start()
    with ground.join(two, path + f"?after={IDS[60]}", "ada") as ada:
        ada.say("live")
        came = ada.text()
        mistake = ground.logged() or (NOT_LIVE if came == NOTHING else None)
        ground.expect("what is said now comes as ever", came == "live", '"live"', came, mistake)
        two.stop()
        with ground.join(one, path + f"?after={IDS[60]}", "bob") as bob:
            bob.say("while away")
            came = bob.texts("while away")[-1]
            if came != "while away":
                what = "what is said meanwhile comes to those who are there"
                ground.fail(what, '"while away"', came, ground.logged())
    two = ground.start()  # its old port may be somebody else's by now
    expected = ["live", "while away"]
    when = "after the restart of its server, "
    told(ground, text, two, f"{path}?after={IDS[60]}", expected, when)
    two.stop()  # then its log is complete
    late = READS_FIRST in two.lines()
    what = "it joins the group before it reads"
    ground.expect(what, not late, "group_add, then the query", "the query first", JOINS_LATE)
    nobody_stays(ground, two)
    sent_away(ground, one, path, "", 4401, ANYBODY_READS)


def told(
    ground: Ground, text: str, server: Server, path: str, expected: list[str], when: str = ""
) -> None:
    """Expect exactly these messages."""
    with ground.join(server, path, "ada") as ada:
        if ada.ws is not None:
            came = [ada.text()]
            while len(came) < 80 and came[-1] != expected[-1] and not ended(came[-1]):
                came.append(ada.text())
            while came[-1:] == [NOTHING]:
                came.pop()
        else:
            came = [ada.refused]
        rest = came == expected
    query = path.partition("?")[2]
    what = f"{when}{'?' + query if query else 'no after'} brings {shown(expected)}"
    mistake: Mistake | None = None
    if not rest:
        ground.wait_for_log("Error", ada)
        mistake = missed(ground, text, came, expected, query)
    ground.expect(what, rest, shown(expected), shown(came), mistake)


def ended(text: str) -> bool:
    """Tell whether nothing more comes."""
    return text in (NOTHING, NO_ANSWER) or text.startswith((ENDED, "refused with"))


def shown(texts: list[str]) -> str:
    """Name the first and the last of some messages, and how many they are."""
    if not texts:
        return NOTHING
    if len(texts) == 1:
        return texts[0] if ended(texts[0]) else quote(texts[0])
    return f"{len(texts)} messages, from {quote(texts[0])} to {quote(texts[-1])}"


def missed(
    ground: Ground, text: str, came: list[str], expected: list[str], query: str
) -> Mistake | None:
    """Return the mistake behind other messages."""
    if query.startswith(MORE):
        return AFTER_CUT_OUT
    if "ValueError: invalid literal" in ground.raised:
        return BAD_AFTER
    if "KeyError: 'after'" in ground.raised and not query:
        return NO_AFTER
    found = ground.logged()
    if found is not None or ground.raised:
        return found
    if came and ended(came[-1]):
        return None  # it says nothing of the history
    if any(text.startswith("other") for text in came):
        return OTHER_ROOMS
    if expected[-1] == "while away" not in came:
        return NOT_STORED
    if not came:
        return NOTHING_FOUND if "objects" in text else IN_MEMORY
    if came[0].startswith("[{"):
        return ALL_IN_ONE
    if sorted(came) == sorted(expected) or came[0] == expected[-1] != expected[0]:
        return NEWEST_FIRST
    if len(came) == len(expected) + 1 and came[1:] == expected:
        return ONE_TWICE
    if len(expected) > 50 and len(came) < len(expected):
        return CUT_OFF
    if not set(expected) <= set(came):
        return None
    if len(came) == 60 and "__gt" in text and "decode" not in text:
        return AFTER_IN_BYTES
    return SUPER_TELLS if len(came) == 50 and "super().connect()" in text else SEEN_AGAIN


# 6.3

NOTES = """
from channels.generic.websocket import AsyncJsonWebsocketConsumer


class Notes(AsyncJsonWebsocketConsumer):
    groups = ["notes"]

    async def note_sent(self, event):
        await self.send_json({"text": event["text"]})
"""
URLS = """
from chat.notify import notify
from django.urls import include, path

from mysite.mark import mark

urlpatterns = [
    path("notify/", notify),
    path("mark/", mark),
    path("accounts/", include("django.contrib.auth.urls")),
]
"""
MARK = "what comes now comes after it"
MARK_VIEW = f"""
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse


def mark(request):
    event = {{"type": "note.sent", "text": "{MARK}"}}
    async_to_sync(get_channel_layer().group_send)("notes", event)
    return HttpResponse(status=204)
"""
NO_GROUP_SEND = mistake(
    "nobody-told",
    "Nobody is told",
    cause="The view answers, and sends nothing to the group.",
    fix='Send an event to the group "notes": get_channel_layer().group_send("notes", ...).',
)
OTHER_GROUP = mistake(
    "other-group",
    "It goes to a group that nobody is in",
    cause="A group needs no members, so nothing tells you.",
    fix='The group is called "notes".',
)
ONE_PROCESS = mistake(
    "one-process",
    "Only one server's members hear it",
    cause="It never left the process of the view.",
    fix="Use get_channel_layer(): the layer of the settings, which all servers share.",
)
NO_HANDLER = mistake(
    "event-without-handler",
    "The event's type names no method of the consumer",
    cause="Every member raises ValueError and is cut off.",
    fix='"note.sent" becomes note_sent: write the type so.',
)
NO_TEXT_IN_EVENT = mistake(
    "event-without-text",
    "The handler misses a key of the event",
    cause='note_sent reads event["text"].',
    fix='Put the text under "text": {"type": "note.sent", "text": ...}.',
)
TWICE = mistake(
    "sent-twice",
    "It comes twice",
    cause="Each group_send is a message to all members.",
    fix="Send once.",
)
OTHER_TEXT = mistake(
    "other-text",
    "Another text comes",
    cause="What was posted is a form, and the text is one of its fields.",
    fix='Send request.POST["text"].',
)
OTHER_STATUS = mistake(
    "other-status",
    "Another status than 204",
    cause="204 tells the page that it is done, and that there is nothing to show.",
    fix="return HttpResponse(status=204) at the end.",
)
ANY_METHOD = mistake(
    "a-get-sends",
    "A GET is let in",
    cause="Who only opens the address, or whose browser does so in advance, runs the view.",
    fix="Put @require_POST before the view.",
)
ANYBODY = mistake(
    "anybody-notifies",
    "A stranger sends it",
    cause="The view does not ask who calls it.",
    fix="Put @login_required before the view.",
)
NO_TOKEN = mistake(
    "token-not-asked",
    "Any site's page can send it",
    cause="csrf_exempt turns off what Django asks of a form: the token that only your pages know.",
    fix="Leave csrf_exempt out.",
)
NO_RESPONSE = mistake(
    "no-response",
    "The view returns nothing",
    cause="Django needs a response of every view.",
    fix="return HttpResponse(status=204) at the end.",
)
NOT_FOR_THE_LAYER = mistake(
    "not-for-the-layer",
    "The event holds what cannot travel",
    cause="Between processes an event travels as msgpack: text, numbers, lists and dicts.",
    fix="Put text into it: str(value), or value.isoformat().",
)

TOKEN = "a" * 32


@project_exercise(
    "6.3",
    "A notification for everybody",
    "chat/notify.py",
    {
        "chat/notes.py": NOTES,
        **route("notes", "Notes", "notes/"),
        "mysite/mark.py": MARK_VIEW,
        "mysite/urls.py": URLS,
    },
)
def notification(ground: Ground, text: str) -> None:
    """What is posted to a view of one server is heard on all servers, once."""
    mistake: Mistake | None = None
    settings = ground.start_valkey()
    one = ground.start(**settings)
    with ground.join(one, "ws/notes/", "bob") as near:
        status = call_view(ground, one, "POST", "tea is ready")
        if status != 204:
            mistake = OTHER_STATUS if 200 <= status < 300 else view_failed(ground, status)
        what = "a POST is answered with 204"
        ground.expect(what, status == 204, "204", str(status), mistake)
        tea_is_heard(ground, text, one, near, "the same server")
    two = ground.start(**settings)
    with ground.join(two, "ws/notes/", "eve") as far:
        call_view(ground, one, "POST", "tea is ready")
        tea_is_heard(ground, text, one, far, "the other server")
        call_view(ground, two, "POST", "again")
        came = heard(two, far)
        what = "it comes once, and the next one after it"
        mistake = TWICE if came == "tea is ready" else None
        ground.expect(what, came == "again", '"again"', came, mistake)
        status = call_view(ground, one, "GET", "by GET")
        refused = status == 405
        ground.expect("a GET is answered with 405", refused, "405", str(status), ANY_METHOD)
        status = call_view(ground, one, "POST", "by a stranger", "")
        ground.expect(
            "a stranger's POST is refused", status >= 300, "a status from 300", str(status), ANYBODY
        )
        status = call_view(ground, one, "POST", "by another site", token="")
        what = "a POST from another site's page is refused with 403"
        ground.expect(what, status == 403, "403", str(status), NO_TOKEN)
        call_view(ground, one, "POST", "the end")
        came = heard(one, far)
        what = "none of them is heard"
        mistake = ANYBODY if came == "by a stranger" else ANY_METHOD
        ground.expect(what, came == "the end", '"the end"', came, mistake)


def tea_is_heard(ground: Ground, text: str, server: Server, ear: Ear, where: str) -> None:
    """Expect that a notification is heard."""
    came = heard(server, ear)
    mistake: Mistake | None = None
    if came != "tea is ready":
        ground.wait_for_log("Error")
        mistake = why_unheard(ground, text, came, where)
    what = f"it is heard on {where}"
    ground.expect(what, came == "tea is ready", '"tea is ready"', came, mistake)


def heard(server: Server, ear: Ear) -> str:
    """Return the text that comes next.

    Where none comes soon, a mark is sent to the group: between two processes the layer keeps the
    order, and what has not come before the mark has not been sent.

    """
    came = ear.text(0.1)
    if came == NOTHING:
        requests.get(server.page("mark/"), timeout=30)
        came = ear.text()
        return NOTHING if came == MARK else came
    return heard(server, ear) if came == MARK else came


def call_view(
    ground: Ground, server: Server, method: str, text: str, name: str = "ada", token: str = TOKEN
) -> int:
    """Call the view as a page of the site would, which knows the token; return the status."""
    cookies = "; ".join(filter(None, (f"csrftoken={TOKEN}", ground.cookies.get(name, ""))))
    response = requests.request(
        method,
        server.page("notify/"),
        params={"text": text} if method == "GET" else None,
        data={"text": text} if method == "POST" else None,
        headers={"Cookie": cookies, "X-CSRFToken": token},
        allow_redirects=False,
        timeout=30,
    )
    return response.status_code


def view_failed(ground: Ground, status: int) -> Mistake | None:
    """Return the mistake behind a view that does not answer."""
    ground.wait_for_log("Error")
    if "didn't return an HttpResponse" in ground.raised:
        return NO_RESPONSE
    if "can not serialize" in ground.raised:
        return NOT_FOR_THE_LAYER
    return ground.logged()


def why_unheard(ground: Ground, text: str, came: str, where: str) -> Mistake | None:
    """Return the mistake behind a notification that is not heard."""
    if "No handler for message type" in ground.raised:
        return NO_HANDLER
    if "KeyError: 'text'" in ground.raised:
        return NO_TEXT_IN_EVENT
    if any("was never awaited" in line for line in ground.log):
        return NOT_AWAITED
    if ground.raised or came != NOTHING:
        return ground.logged() if ground.raised or came.startswith(ENDED) else OTHER_TEXT
    if "group_send" not in text:
        return NO_GROUP_SEND
    own_layer = "InMemoryChannelLayer" in text
    return ONE_PROCESS if where == "the other server" or own_layer else OTHER_GROUP


# 6.4

DAPHNE_LATE = mistake(
    "daphne-late",
    "daphne comes after staticfiles",
    cause="Both bring a runserver, and the first one in the list wins.",
    fix='Put "daphne" at the top of INSTALLED_APPS.',
)
NO_DAPHNE = mistake(
    "no-daphne",
    "runserver is Django's own",
    cause="Without daphne among the apps it serves no WebSockets.",
    fix='Put "daphne" at the top of INSTALLED_APPS.',
)
ASGI_NAME = mistake(
    "asgi-name",
    "ASGI_APPLICATION names nothing",
    cause="It is a path with dots; the colon is for the command line of a server.",
    fix='Write "mysite.asgi.application".',
)
HOST_IS_URL = mistake(
    "host-not-allowed",
    "The host is not allowed",
    cause="ALLOWED_HOSTS holds hosts without scheme and port; requests for others are answered "
    "with 400.",
    fix='Write ["127.0.0.1", "localhost"].',
)
ANY_HOST = mistake(
    "any-host",
    "Every site's page may connect",
    cause='The origin is compared with ALLOWED_HOSTS, and "*" allows all.',
    fix="Name your hosts: 127.0.0.1 and localhost.",
)
SESSION_LATE = mistake(
    "session-order",
    "Sessions come after authentication, or not at all",
    cause="The user is found through the session, which has to be there by then.",
    fix="Put SessionMiddleware above AuthenticationMiddleware.",
)
NO_USER = mistake(
    "no-authentication",
    "Pages do not know who asks",
    cause="AuthenticationMiddleware sets request.user from the session.",
    fix="Put it back, below SessionMiddleware; it was none of the five faults.",
)
HOSTS_IS_TEXT = mistake(
    "hosts-is-text",
    "The layer's hosts are a text and not a list",
    cause='channels_redis says it: "You must pass a list of Redis hosts, even if there is only '
    'one."',
    fix='Put brackets around it: "hosts": [url].',
)
LAYER_NAME = mistake(
    "layer-name",
    "The layer's class is not there",
    cause="BACKEND is a path with dots: package, module, class.",
    fix='Write "channels_redis.pubsub.RedisPubSubChannelLayer".',
)
APP_MISSING = mistake(
    "app-missing",
    "An app is missing",
    cause="Django knows the models of the apps that are in INSTALLED_APPS, and no others.",
    fix="Put it back into INSTALLED_APPS; it was none of the five faults.",
)
NO_COMMA = mistake(
    "comma-missing",
    "Two texts have become one",
    cause="Where no comma stands between two texts, Python joins them.",
    fix="Put a comma at the end of each line of the list.",
)
LAYER_ALONE = mistake(
    "layer-in-memory",
    "The servers do not share a layer",
    cause="A layer in memory is one process's own.",
    fix="Use a layer of channels_redis, with the address that is in VALKEY_URL.",
)

RUNSERVER = "python manage.py runserver --noreload 127.0.0.1:{port}"


@project_exercise("6.4", "Five faults", "mysite/settings.py", {})
def five_faults(ground: Ground, text: str) -> None:
    """With these settings runserver serves, users log in, and all servers hear."""
    settings = ground.start_valkey()
    one = ground.project.start(RUNSERVER, None, **settings)
    came = came_from_start(one) if not one.running else "it answers"
    signs = {"daphne.E001": DAPHNE_LATE, "ASGI_APPLICATION": ASGI_NAME}
    shown_log = "\n".join(one.lines())
    mistake = next((signs[sign] for sign in signs if sign in shown_log), None)
    lost = re.search(r"No module named '([\w.]+)'", shown_log)
    if lost and lost[1] not in text:
        mistake = NO_COMMA
    what = "manage.py runserver starts"
    ground.expect(what, one.running, "it answers", came, mistake or ground.logged())
    try:
        status = requests.get(one.page("accounts/login/"), timeout=30).status_code
    except requests.ConnectionError:
        # It took the connection and ended then: what it has written says why.
        one.child and one.child.wait(10.0)
        shown_log = "\n".join(one.lines())
        mistake = next((signs[sign] for sign in signs if sign in shown_log), None)
        ground.fail(what, "it answers", came_from_start(one), mistake or ground.logged())
    mistake = HOST_IS_URL if status == 400 else None
    if status not in (200, 400):
        mistake = why_page_failed(ground)
    ground.expect("the page to log in is there", status == 200, "200", str(status), mistake)
    with requests.Session() as session:
        page = one.page("accounts/login/")
        form: dict[str, str | None] = {"username": "ada", "password": "secret"}
        session.get(page, timeout=30)
        form["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
        status = session.post(page, data=form, allow_redirects=False, timeout=30).status_code
        cookie = session.cookies.get("sessionid")
        mistake = why_page_failed(ground) if status != 302 else None
        ground.expect("Ada logs in", status == 302, "302", str(status), mistake)
        status = session.get(one.page("rooms/lobby/"), timeout=30).status_code
        ground.expect("a room's page knows her", status == 200, "200", str(status), NO_USER)
    ground.cookies["ada"] = f"sessionid={cookie}"
    path = "ws/chat/lobby/"
    with ground.join(one, path, "ada", origin="http://other.example") as ear:
        other = ear.refused
    mistake = NO_DAPHNE if other == "refused with HTTP 404" else ANY_HOST
    if other == "refused with HTTP 500":
        mistake = why_layer_failed(ground)
    what = "another site's page is refused with 403"
    came = other or "it is served"
    ground.expect(what, other == "refused with HTTP 403", "HTTP 403", came, mistake)
    two = ground.start(**settings)
    with ground.join(one, path, "ada") as near, ground.join(two, path, "ada") as far:
        near.say("hello")
        came = near.text()
        what = "who speaks is heard on this server"
        ground.expect(what, came == "hello", '"hello"', came, ground.logged())
        # What far says comes to far after what was heard here before.
        far.say("over")
        came = far.text()
        came = NOTHING if came == "over" else came
        ground.expect("and on the other one", came == "hello", '"hello"', came, LAYER_ALONE)


def why_page_failed(ground: Ground) -> Mistake | None:
    """Return the mistake behind a page that is an error."""
    ground.wait_for_log("Error")
    if "requires session middleware" in ground.raised or "'session'" in ground.raised:
        return SESSION_LATE
    return APP_MISSING if "explicit app_label" in ground.raised else ground.logged()


def why_layer_failed(ground: Ground) -> Mistake | None:
    """Return the mistake behind a layer that cannot be made, or cannot be reached."""
    ground.wait_for_log("Error")
    if "a list of Redis hosts" in ground.raised:
        return HOSTS_IS_TEXT
    return LAYER_NAME if "Cannot import BACKEND" in ground.raised else ground.logged()

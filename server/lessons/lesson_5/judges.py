"""The exercises of lesson 5: a chat room and notifications."""

from __future__ import annotations

import ast
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import count, pairwise
from types import MappingProxyType
from typing import Any
from urllib.parse import quote as escape

from ...exercises.registry import exercise
from ...exercises.scenario import Client, End, Trial, came, quote
from ...live.habits import methods, statements
from ...live.record import (
    ChannelSend,
    Closed,
    Delivered,
    Disconnected,
    GroupAdd,
    GroupSend,
    Lost,
    Received,
    Sent,
)
from ...mistakes.diagnosis import find_failure
from ...mistakes.registry import MISTAKES, Mistake, also, mistake

NOT_IN_A_GROUP = mistake(
    "not-in-a-group",
    "No consumer is in the group",
    cause="What is sent to a group reaches the channels that were added to it, and nobody else.",
    fix="In connect: await self.channel_layer.group_add(name, self.channel_name).",
)
ONLY_OWN_CLIENT = mistake(
    "only-own-client",
    "Each client hears itself only",
    cause="self.send reaches the client of this consumer, and no other one.",
    fix="Send to the group with group_send, and call self.send in the handler of that message.",
)
NO_LEAVE_NOTICE = mistake(
    "no-leave-notice",
    "Nobody is told that somebody has left",
    cause="The client is gone, and those who are still there hear nothing of it.",
    fix="Tell the group in disconnect, which runs however a connection ends.",
)


def suspect(trial: Trial, found: Mistake | None) -> Mistake | None:
    """Return a mistake, unless an exception or a warning is there to say more."""
    # That something was sent to a client that has left follows from what else is wrong.
    said = [one for one in trial.failures if find_failure(one) is not MISTAKES["member-left"]]
    return None if said or trial.warnings else found


ON_THE_CLASS = mistake(
    "on-the-class",
    "All connections share what belongs to one",
    cause="What is set on the class is the same for all its consumers: the last one has set it.",
    fix="Set it on self, in connect: each connection has a consumer of its own.",
)
TWICE = mistake(
    "twice",
    "A message comes twice",
    cause="A member of the group is sent to in another way as well, with self.send or by a second "
    "group_send.",
    fix="Send to the group once, and to the client only in the handler of that message.",
)
ALONE = mistake(
    "alone-in-its-group",
    "Each connection is alone in its group",
    cause="The name of the group has something in it that no other connection has.",
    fix="Make the group's name of what its members have in common, as the room.",
)
GOES_ROUND = MISTAKES["goes-round"]
REMARKS = ("groups-is-text", "async-in-sync")
"""Mistakes that the server remarks upon, and that say why nothing comes."""

ROUNDS = 20
"""From how many messages in answer to messages on nobody has meant it."""


def goes_round(trial: Trial, least: int) -> bool:
    """Tell whether consumers have answered messages of a group with others to the group."""
    delivered: set[int] = set()
    rounds = 0
    for entry in trial.snapshot.entries:
        match entry.what:
            case Delivered():
                delivered.add(entry.connection)
            case GroupSend() if entry.connection in delivered:
                delivered.discard(entry.connection)
                rounds += 1
            case Received() | Disconnected() | Closed():
                delivered.discard(entry.connection)
    return rounds >= least


def on_the_class(trial: Trial) -> bool:
    """Tell whether the code of a consumer sets something on its class."""
    for cls in {type(bridge.consumer) for bridge in trial.host.bridges if bridge.consumer}:
        for method in methods(cls).values():
            for node, _ in statements(method):
                match node:
                    case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=cls.__name__))]):
                        return True
                    case ast.Assign(targets=[ast.Attribute(value=ast.Attribute(attr="__class__"))]):
                        return True
                    case ast.Assign(
                        targets=[ast.Attribute(value=ast.Call(func=ast.Name(id="type")))]
                    ):
                        return True
    return False


def not_alone(trial: Trial) -> Mistake | None:
    """Return the mistake of connections that share no group."""
    added = groups_joined(trial)
    return ALONE if len(set(added)) == len(added) > 1 else None


def groups_joined(trial: Trial) -> list[str]:
    """Return the group of each time that a channel was added to one."""
    return [entry.what.group for entry in trial.snapshot.entries if type(entry.what) is GroupAdd]


def silence(trial: Trial, otherwise: Mistake | None) -> Mistake | None:
    """Return the mistake behind a message that does not come."""
    for id in REMARKS:
        if trial.noted(id):
            return MISTAKES[id]
    if goes_round(trial, ROUNDS):
        return GOES_ROUND
    if on_the_class(trial):
        return suspect(trial, ON_THE_CLASS)
    whats = [entry.what for entry in trial.snapshot.entries]
    if not any(isinstance(what, GroupSend | ChannelSend) for what in whats):
        return suspect(trial, otherwise or ONLY_OWN_CLIENT)
    if not any(isinstance(what, GroupAdd | ChannelSend) for what in whats):
        return suspect(trial, NOT_IN_A_GROUP)
    if otherwise is not TOLD_TOO_EARLY and any(
        isinstance(what, Lost) and what.why == "nobody" for what in whats
    ):
        return suspect(trial, MISTAKES["nobody-in-the-group"])
    return suspect(trial, otherwise)


def told(
    clients: Iterable[Client],
    text: str,
    what: str,
    likely: Callable[[Any], Mistake | None] = lambda got: None,
    absent: Mistake | Callable[[], Mistake | None] | None = None,
) -> None:
    """Expect that each of some clients is told the same, and that nothing came before it.

    ``absent`` may be a function that finds the mistake: it is asked when nothing has come, since
    until then the record may lack what tells.

    """
    for client in clients:
        got = client.receive()
        if got != text:
            found = (
                silence(client.trial, absent() if callable(absent) else absent)
                if got is None
                else None
            )
            found = found or suspect(client.trial, likely(got))
            client.trial.fail(what or f"{quote(text)} comes", quote(text), came(got), found)
    if what:
        next(iter(clients)).trial.passed(what)


def leaves(client: Client, breaks: bool = False) -> None:
    """Let a client leave, or its connection break, and wait until its consumer has ended.

    A message that meets a client on its way out ends the consumer, and disconnect does not run:
    that is nobody's mistake here, so all is quiet before and after.

    """
    trial = client.trial
    wait_until(trial, lambda: trial.idle)
    before = len(trial.host.bridges)
    if breaks:
        with suppress(OSError):
            client.connection.socket.shutdown(socket.SHUT_RDWR)
    else:
        client.connection.close()
    wait_until(trial, lambda: len(trial.host.bridges) < before and trial.idle)


def wait_until(trial: Trial, question: Callable[[], bool]) -> None:
    """Wait until something is so, but not for ever."""
    deadline = time.monotonic() + trial.patience.leave
    while not question() and time.monotonic() < deadline:
        time.sleep(0.002)


def all_leave(*clients: Client) -> None:
    """Let the clients leave that are still there, one after the other."""
    for client in clients:
        leaves(client)


def nobody_stays(trial: Trial, what: str) -> None:
    """Expect that who has left is in no group any more."""
    dead = any(
        isinstance(entry.what, Lost)
        and entry.what.why == "gone"
        and entry.what.sender != entry.connection
        for entry in trial.snapshot.entries
    )
    trial.expect(what, not dead, "nobody", "a channel whose consumer has ended", DEAD)


DEAD = MISTAKES["dead-members"]

# 5.1

ROOMS_MIXED = mistake(
    "rooms-mixed",
    "A room hears another one",
    cause="Both rooms send to the same group.",
    fix="Make the room a part of the group's name, in group_add and in group_send.",
)
TOLD_TOO_EARLY = mistake(
    "told-too-early",
    "The group is told before the newcomer is in it",
    cause="A group has no memory: who is entered later does not hear it.",
    fix="In connect: group_add first, then accept, then group_send.",
)
NO_JOIN_NOTICE = mistake(
    "no-join-notice",
    "Nobody is told that somebody has come",
    cause="connect sends nothing to the group.",
    fix='At the end of connect, send f"{self.user} joins" to the group.',
)


@exercise("5.1", "Who comes, who goes")
def who_comes_who_goes(trial: Trial) -> None:
    """Everybody in a room is told who comes, speaks and goes."""
    blue, red = "ws/room/blue/", "ws/room/red/"

    def mixed(got: Any) -> Mistake | None:
        if not isinstance(got, str):
            return None
        if on_the_class(trial):
            return ON_THE_CLASS
        if got[:3] in ("bob", "zoe"):
            return ROOMS_MIXED
        if goes_round(trial, 1):
            return GOES_ROUND
        sent = [entry.what for entry in trial.snapshot.entries if type(entry.what) is GroupSend]
        return TWICE if any(got in what.message for what in sent) else None

    ada = trial.connect(f"{blue}ada/", quiet=True)

    def absent() -> Mistake:
        return TOLD_TOO_EARLY if sent_before_joined(trial) else NO_JOIN_NOTICE

    told([ada], "ada joins", 'ada is told "ada joins"', absent=absent)
    sam = trial.connect(f"{blue}sam/", quiet=True)
    told([ada], "sam joins", 'ada is told "sam joins"', mixed, lambda: not_alone(trial))
    bob = trial.connect(f"{red}bob/", quiet=True)
    told([bob], "bob joins", 'in another room, bob is told "bob joins"', mixed)
    eve = trial.connect(f"{blue}eve/", quiet=True)
    told([ada, eve], "eve joins", 'ada and eve are told "eve joins", and nothing of bob', mixed)
    eve.send("hello")
    told([eve, ada], "eve: hello", "what eve says is told to both", mixed)
    ada.send("hi eve")
    told([eve, ada], "ada: hi eve", "ada answers, and both are told, once", mixed)
    leaves(bob, breaks=True)
    zoe = trial.connect(f"{red}zoe/", quiet=True)
    told([zoe], "zoe joins", "bob's connection breaks, and zoe comes after him", mixed)
    leaves(eve, breaks=True)
    what = 'the connection of eve breaks: ada is told "eve leaves"'
    told([ada], "eve leaves", what, mixed, NO_LEAVE_NOTICE)
    ada.send("still here")
    told([ada], "ada: still here", "ada hears herself, and nothing else", mixed)
    all_of_it = [
        *("sam joins", "eve joins", "eve: hello", "ada: hi eve", "eve leaves", "ada: still here")
    ]
    what = "sam, who reads late, has been told everything since he came, in order"
    for text in all_of_it[:-1]:
        told([sam], text, "", mixed)
    told([sam], all_of_it[-1], what, mixed)
    nobody_stays(trial, "nobody who has left is in the group")
    leaves(ada)
    told([sam], "ada leaves", 'ada leaves: sam is told "ada leaves"', mixed, NO_LEAVE_NOTICE)
    all_leave(sam, zoe)


def sent_before_joined(trial: Trial) -> bool:
    """Tell whether the first thing that went through the layer was a message to a group."""
    for entry in trial.snapshot.entries:
        if isinstance(entry.what, GroupAdd | GroupSend):
            return isinstance(entry.what, GroupSend)
    return False


# 5.2

READ_BY_OTHERS = mistake(
    "read-by-others",
    "Somebody reads what is not theirs",
    cause="The message goes to a group that others are in as well.",
    fix="Give each user a group, and send to the group of the user who is written to.",
)
TWO_USERS_ONE_GROUP = mistake(
    "two-users-one-group",
    "Two users share an inbox",
    cause="What makes a group's name of one user's name makes the same of another's.",
    fix="Different texts need different names: user.encode().hex() has no two alike.",
)
ONE_TAB_ONLY = mistake(
    "one-tab-only",
    "Only one tab of the user is told",
    cause="One channel is remembered for each user, and a second tab takes its place.",
    fix="Enter every channel of a user in one group.",
)
FORGED_SENDER = mistake(
    "forged-sender",
    "Anybody can write in another one's name",
    cause="from is taken out of the message, where the client can write what it likes.",
    fix="Take the sender from the connection: self.user, which connect has set.",
)
TO_THE_SENDER = mistake(
    "to-the-sender",
    "The message goes back to who wrote it",
    cause="It is sent to the group of the sender, or with self.send.",
    fix='Send it to the group of content["to"].',
)
COPY_TO_THE_SENDER = mistake(
    "copy-to-the-sender",
    "The sender is sent a copy",
    cause="What a user writes comes back to that user as well, and nobody has asked for it.",
    fix='Send to the group of content["to"], and to no other.',
)
FORGED_TYPE = mistake(
    "forged-type",
    "The client chooses which method is called",
    cause="All that it writes goes to the group, a type with it, and the type names a method of "
    "whoever gets it.",
    fix="Put into the event what you need, and no more: a type of yours, the sender and the text.",
)
TOLD_OF_NOBODY = mistake(
    "told-of-nobody",
    "The sender is told that nobody is there",
    cause="Whoever writes to a user who is not there hears nothing, and gets no error.",
    fix="Send to the group and leave it at that: whether it has members is none of your business.",
)
NO_SENDER = mistake(
    "no-sender",
    "The sender or the text is missing",
    cause="The client looks for both under their names.",
    fix='Send {"from": ..., "text": ...}, and nothing else.',
)


@exercise("5.2", "A private inbox", lambda routes: None if routes else EMPTY)
def a_private_inbox(trial: Trial) -> None:
    """Users write to each other, and nobody else reads it."""
    ada = inbox(trial, "ada")
    phone = inbox(trial, "ada")
    bob = inbox(trial, "bob")
    trial.passed("ada connects twice, and bob once")
    write(bob, "ada", "hi")
    gets([phone], "bob", "hi", "bob writes to ada: she gets it", [ada, bob])
    gets([ada], "bob", "hi", "on her other connection too", absent=ONE_TAB_ONLY)
    write(ada, "bob", "yes?")
    what = "she answers: he gets that, and nothing else"
    copied = COPY_TO_THE_SENDER if len(set(groups_joined(trial))) > 1 else READ_BY_OTHERS
    gets([bob], "ada", "yes?", what, other={"bob": copied})
    with_dots = inbox(trial, "zoë")
    without, *namesakes = [inbox(trial, name) for name in ("zoe", *NAMESAKES)]
    trial.passed("zoë connects, and so do zoe and others with names like hers")
    write(ada, "zoë", "secret")
    gets([with_dots], "ada", "secret", "ada writes to zoë: she gets it")
    for name in ("zoe", *NAMESAKES):
        write(bob, name, f"hello, {name}")
    what = "zoe gets what bob writes to her, and nothing of zoë's"
    gets([without], "bob", "hello, zoe", what)
    for name, namesake in zip(NAMESAKES, namesakes, strict=True):
        gets([namesake], "bob", f"hello, {name}", f"so does {name}")
    write(without, "bob", "send money", {"from": "ada"})
    gets([bob], "zoe", "send money", 'zoe writes to bob with "from": "ada": it is from zoe')
    write(without, "bob", "look", {"type": "websocket.close"})
    what = 'zoe writes to bob with "type": "websocket.close": he gets the text'
    gets([bob], "zoe", "look", what, ended=FORGED_TYPE)
    write(ada, "nobody-at-all", "hello?")
    write(ada, "ada", "a note")
    what = "ada writes to somebody who is not there, and then to herself: she gets the second"
    gets([ada, phone], "ada", "a note", what, other={None: TOLD_OF_NOBODY})
    leaves(phone, breaks=True)
    write(bob, "ada", "bye")
    gets([ada], "bob", "bye", "one of her connections breaks: the other one hears on")
    nobody_stays(trial, "the broken one is in no group any more")
    all_leave(ada, bob, with_dots, without, *namesakes)


NAMESAKES = ("zo", "zoé", "Zoe")
"""Users whose names are made one with zoë's by what is not careful with letters."""

EMPTY = "routes is empty: write a consumer, and a route for ws/inbox/<user>/ that leads to it."


def inbox(trial: Trial, user: str) -> Client:
    """Connect as a user."""
    return trial.connect(f"ws/inbox/{escape(user)}/", f"{user} connects", quiet=True)


def write(client: Client, to: str, text: str, more: dict[str, Any] | None = None) -> None:
    """Write to a user."""
    client.send(json.dumps({"to": to, "text": text, **(more or {})}))


def gets(
    clients: Iterable[Client],
    sender: str,
    text: str,
    what: str,
    others: Iterable[Client] = (),
    absent: Mistake | None = None,
    ended: Mistake | None = None,
    other: Mapping[str | None, Mistake] = MappingProxyType({}),
) -> None:
    """Expect that some clients get a message next, however its JSON is spaced.

    Args:
        clients: Who shall get it.
        sender: Who wrote it.
        text: What it says.
        what: The expectation, in words.
        others: Who may have got it instead; the last of them wrote it.
        absent: The mistake if nothing comes.
        ended: The mistake if the connection ends.
        other: The mistake if a message of another sender comes; ``None``: of nobody.

    """
    expected = {"from": sender, "text": text}
    for client in clients:
        got = client.receive()
        value = decoded(got)
        if value == expected:
            continue
        trial = client.trial
        found: Mistake | None
        if got is None:
            strays = [decoded(other.receive()) == expected for other in others]
            if any(strays):
                absent = TO_THE_SENDER if strays[-1] else ONE_TAB_ONLY
            found = suspect(trial, absent) if absent is not None else silence(trial, None)
        else:
            from_whom = value.get("from") if isinstance(value, dict) else ""
            found = other.get(from_whom) if isinstance(from_whom, str | None) else None
            found = suspect(trial, found or wrong_message(got, value, expected))
            found = ended if ended is not None and isinstance(got, End) else found
        trial.fail(what, json.dumps(expected), came(got), found)
    next(iter(clients)).trial.passed(what)


def wrong_message(got: Any, value: Any, expected: dict[str, str]) -> Mistake | None:
    """Return the mistake behind a message that is another one."""
    if not isinstance(got, str):
        return None
    if value is None:
        return MISTAKES["python-not-json"] if got.startswith("{") else MISTAKES["not-json"]
    if not isinstance(value, dict) or not {"from", "text"} <= set(value):
        return NO_SENDER
    if value["text"] != expected["text"]:
        return TWO_USERS_ONE_GROUP if expected["text"].startswith("hello, ") else READ_BY_OTHERS
    return FORGED_SENDER if value["from"] == "ada" else NO_SENDER


def decoded(got: Any) -> Any:
    """Return the value of a message that is JSON, else ``None``."""
    try:
        return json.loads(got)
    except (TypeError, ValueError):
        return None


# 5.3

SECOND_TAB = mistake(
    "second-tab",
    "One tab less, and the user is taken for gone",
    cause="The register knows that a user is there, and not in how many tabs.",
    fix="Count the tabs of each user; who has none left is gone.",
)
USER_TWICE = mistake(
    "user-twice",
    "A user stands in the list twice",
    cause="The register has an entry for each tab, and all of them are shown.",
    fix="Show each user once: the keys of a Counter, or a set of the names.",
)
TOLD_WITHOUT_CHANGE = mistake(
    "told-without-change",
    "All are told, and nothing has changed",
    cause="A second tab that comes or goes changes the list for nobody.",
    fix="Tell the group only when a user's first tab comes and when the last one goes.",
)
NEW_TAB_NOT_TOLD = mistake(
    "new-tab-not-told",
    "The new tab is told nothing",
    cause="The list has not changed, and yet this tab does not know it.",
    fix="Send it to this tab alone: await self.send(...).",
)
NOT_SORTED = mistake(
    "names-not-sorted",
    "The names are in another order",
    cause="A register keeps the order in which users came, or none at all.",
    fix="Show them sorted: sorted(online).",
)
STILL_ONLINE = mistake(
    "still-online",
    "Who has left is still in the list",
    cause="The entry stays, with a count of 0 or with none.",
    fix="Take the user out of the register when the last tab has gone: del online[self.user].",
)
REGISTER_PER_CONNECTION = mistake(
    "register-per-connection",
    "Each connection has a register of its own",
    cause="What is set on self belongs to one consumer, and there is one for each connection.",
    fix="Let all share one register: make it outside the class.",
)
NOT_YET_REGISTERED = mistake(
    "not-yet-registered",
    "The newcomer is not in the list",
    cause="The list is told before the user is entered.",
    fix="In connect: enter the user first, then tell.",
)


@exercise("5.3", "The second tab")
def the_second_tab(trial: Trial) -> None:
    """A user is online as long as one of the user's tabs is open."""
    bob = tab(trial, "bob")
    online([bob], "bob", 'bob comes, and is told "online: bob"')
    ada = tab(trial, "ada")
    online([bob, ada], "ada, bob", 'ada comes: both are told "online: ada, bob"')
    slow = tab(trial, "bob")
    online([slow], "ada, bob", "bob's second tab is told the same", absent=NEW_TAB_NOT_TOLD)
    second = tab(trial, "ada")
    online([second], "ada, bob", "so is the second tab of ada", absent=NEW_TAB_NOT_TOLD)
    eve = tab(trial, "eve")
    what = "eve comes: that is the next thing that the others are told"
    online([ada, bob, second, eve], "ada, bob, eve", what, "ada, bob")
    leaves(ada, breaks=True)
    jim = tab(trial, "jim")
    what = "a tab of ada breaks, then jim comes: all are told of jim only"
    online([bob, second, eve, jim], "ada, bob, eve, jim", what, "ada, bob, eve")
    leaves(eve)
    what = 'eve leaves: all others are told "online: ada, bob, jim"'
    online([bob, second, jim], "ada, bob, jim", what, absent=NO_LEAVE_NOTICE)
    third = tab(trial, "ada")
    online([third], "ada, bob, jim", "ada opens a third tab", absent=NEW_TAB_NOT_TOLD)
    leaves(second)
    leaves(third, breaks=True)
    what = 'all her tabs are gone: bob is told "online: bob, jim"'
    online([bob], "bob, jim", what, absent=NO_LEAVE_NOTICE)
    what = "bob's second tab, which reads late, has been told all of that"
    for names in ("ada, bob, eve", "ada, bob, eve, jim", "ada, bob, jim", "bob, jim"):
        online([slow], names, what, quiet=True)
    trial.passed(what)
    leaves(bob)
    zoe = tab(trial, "zoe")
    what = "bob closes one tab, and zoe comes: bob is still online"
    online([zoe, slow], "bob, jim, zoe", what, "bob, jim")
    nobody_stays(trial, "nobody who has left is in the group")
    all_leave(zoe, slow, jim)


def tab(trial: Trial, user: str) -> Client:
    """Open a tab of a user."""
    return trial.connect(f"ws/presence/{user}/", f"{user} connects", quiet=True)


def online(
    tabs: Iterable[Client],
    names: str,
    what: str,
    before: str = "",
    absent: Mistake | None = None,
    quiet: bool = False,
) -> None:
    """Expect that some tabs are told next who is online.

    Args:
        tabs: Who shall be told.
        names: Who is online.
        what: The expectation, in words.
        before: Who was online before, where nothing but that should have come a second time.
        absent: The mistake if nothing comes.
        quiet: Only that it does not come is worth a line.

    """
    expected = f"online: {names}"
    for client in tabs:
        got = client.receive()
        if got == expected:
            continue
        trial = client.trial
        if got is None:
            found = silence(trial, absent)
        else:
            found = suspect(trial, wrong_list(got, names, before))
        trial.fail(what, quote(expected), came(got), found)
    if not quiet:
        next(iter(tabs)).trial.passed(what)


def wrong_list(got: Any, names: str, before: str) -> Mistake | None:
    """Return the mistake behind a list of other names."""
    if not isinstance(got, str) or not got.startswith("online:"):
        return None
    listed = [name.strip() for name in got.removeprefix("online:").split(",") if name.strip()]
    expected = names.split(", ")
    if not listed:
        return NOT_YET_REGISTERED
    if len(set(listed)) < len(listed):
        return USER_TWICE
    if sorted(listed) == expected:
        return NOT_SORTED
    if ", ".join(listed) == before:
        return TOLD_WITHOUT_CHANGE
    if set(expected) < set(listed):
        return STILL_ONLINE
    return REGISTER_PER_CONNECTION if names == "ada, bob" else SECOND_TAB


# 5.4

GAP = mistake(
    "gap",
    "A message is missing",
    cause="It was written after the history was read, and before the consumer joined the group.",
    fix="Join the group first, and read the history then.",
)
DOUBLE = mistake(
    "double",
    "A message comes twice",
    cause="It was in the history already, and came through the group as well.",
    fix="Remember the number that was sent last, and pass on only what has a larger one.",
)
OUT_OF_ORDER = mistake(
    "out-of-order",
    "The messages are in another order",
    cause="A new message was sent while older ones were still to come.",
    fix="Send the history in connect itself: until it ends, messages of the group wait.",
)
OVERTAKEN = mistake(
    "overtaken",
    "A new message comes before what was missed",
    cause="What came through the group was sent first, and the history after it, or not at all.",
    fix="In connect itself: await history.since(last_seen), and send each message. Until connect "
    "ends, messages of the group wait.",
)
LAST_SEEN_IGNORED = mistake(
    "last-seen-ignored",
    "What was seen already is sent again",
    cause="All of the history is sent, whatever the client has seen of it.",
    fix="Read what comes after last_seen_id: await history.since(last_seen).",
)
OFF_BY_ONE = mistake(
    "off-by-one",
    "The message that was seen last comes again",
    cause="last_seen_id is the number that the client has, and not the first that it misses.",
    fix="Send only what has a larger number.",
)
HISTORY_TO_ALL = mistake(
    "history-to-all",
    "All are sent what one has missed",
    cause="The history goes to the group, and the others have it already.",
    fix="Send it to the one client that asks: self.send_json.",
)
HISTORY_NOT_SENT = mistake(
    "history-not-sent",
    "What was missed is not sent",
    cause="The group has no memory, and nobody reads the history.",
    fix="In connect: await history.since(last_seen), and send each message.",
)
FIRST_SKIPPED = mistake(
    "first-skipped",
    "The first that was missed is not sent",
    cause="last_seen_id is the number that the client has, and what is missed begins after it.",
    fix="history.since(last_seen) begins there: give it the number as it is, and send all of it.",
)
NO_LAST_SEEN = mistake(
    "no-last-seen",
    "A client without last_seen_id",
    cause="The query need not have it, and then the dictionary has no such key.",
    fix='Give it a default: query.get("last_seen_id", ["0"])[0].',
    texts=["KeyError: 'last_seen_id'"],
    over=["key-error"],
)
also("no-last-seen", "KeyError: 'last_seen_id'", over=["query-key"], when=lambda facts: True)


@exercise("5.4", "Catch up")
def catch_up(trial: Trial) -> None:
    """Everybody gets each message once and in order, also after a cut."""
    writer = trial.connect("ws/log/", "a writer connects", quiet=True)
    start = find_number(writer)
    reader = log_from(trial, start, "a reader connects that has seen it")
    writer.send("second")
    what = "the next message comes to both, once"
    follows([reader], start + 1, "second", "", seen=start, writer=writer)
    follows([writer], start + 1, "second", what, double=HISTORY_TO_ALL)
    leaves(reader, breaks=True)
    for text in ("third", "fourth"):
        writer.send(text)
    what = "the reader is cut off, and two messages are written"
    follows([writer], start + 2, "third", what, double=HISTORY_TO_ALL)
    follows([writer], start + 3, "fourth", "")
    reader = log_from(trial, start + 1, "the reader comes back")
    what = "it is sent what it has missed"
    follows([reader], start + 2, "third", what, seen=start + 1, absent=HISTORY_NOT_SENT)
    follows([reader], start + 3, "fourth", "", absent=HISTORY_NOT_SENT)
    writer.send("fifth")
    what = "and both hear the next message, and nothing else before it"
    follows([writer], start + 4, "fifth", what, double=HISTORY_TO_ALL)
    follows([reader], start + 4, "fifth", "", writer=writer)
    last = start + 4
    for _ in range(TRIES):
        last += write_while_connecting(trial, writer, last)
        if was_written_throughout(trial):
            break
    trial.passed(WHILE_OTHERS_WRITE)
    late = trial.connect("ws/log/", "a client without last_seen_id connects", quiet=True)
    for number in range(1, last + 1):
        follows([late], number, "", "", absent=HISTORY_NOT_SENT)
    trial.passed("a client without last_seen_id is sent all of the history")
    writer.send("last")
    what = "and then all hear the last message"
    follows([late, reader], last + 1, "last", what, skip=last - start - 4)
    nobody_stays(trial, "nobody who has left is in the group")
    all_leave(late, reader, writer)


def log_from(trial: Trial, seen: int, what: str) -> Client:
    """Connect as a client that has seen the messages up to a number."""
    return trial.connect(f"ws/log/?last_seen_id={seen}", what, quiet=True)


trials = count(1)
"""Their numbers: a history may live on from one trial to the next, and replay it."""


def find_number(writer: Client) -> int:
    """Write the first message, and return its number; what older ones there are comes before it."""
    trial = writer.trial
    what = 'a writer sends "first", and is sent it with its number'
    number = next(trials)
    first = "first" if number == 1 else f"first of trial {number}"
    writer.send("none")
    writer.send(first)
    while True:
        got = writer.receive()
        value = decoded(got)
        if not is_message(value):
            found = silence(trial, None) if got is None else suspect(trial, no_message(got))
            trial.fail(what, '{"id": ..., "text": "first"}', came(got), found)
        if value["text"] == first:
            trial.passed(what)
            return int(value["id"])


def is_message(value: Any) -> bool:
    """Tell whether a value is a message with a number."""
    return isinstance(value, dict) and set(value) == {"id", "text"} and type(value["id"]) is int


def no_message(got: Any) -> Mistake | None:
    """Return the mistake behind what is no message with a number."""
    return None if isinstance(got, End | bytes) else MISTAKES["not-json"]


def follows(
    clients: Iterable[Client],
    number: int,
    text: str,
    what: str,
    seen: int = 0,
    absent: Mistake | None = None,
    double: Mistake | None = None,
    skip: int = 0,
    writer: Client | None = None,
) -> None:
    """Expect that the message with a number is the next one.

    Args:
        clients: Who shall get it.
        number: Its number.
        text: What it says; empty: anything.
        what: The expectation, in words; empty: it is part of the one before.
        seen: The number that the client has named.
        absent: The mistake if nothing comes.
        double: The mistake if one comes again.
        skip: How many messages before it the last of the clients has still to read.
        writer: Who writes one more if nothing comes: where that one does, the other was missed.

    """
    *_, latest = clients
    for client in clients:
        for _ in range(skip if client is latest else 0):
            client.receive()
        got = client.receive()
        value = decoded(got)
        if is_message(value) and value["id"] == number and text in ("", value["text"]):
            continue
        trial = client.trial
        found: Mistake | None
        if got is None:
            found = silence(trial, left_out(writer, client) if writer is not None else absent)
        elif not is_message(value):
            found = suspect(trial, no_message(got))
        elif value["id"] < number:
            again = LAST_SEEN_IGNORED if value["id"] < seen else OFF_BY_ONE
            found = suspect(trial, again if value["id"] <= seen else double or DOUBLE)
        else:
            found = suspect(trial, too_far(client, value["id"], absent))
        expected = json.dumps({"id": number, "text": text or "..."})
        trial.fail(what or "each message comes once and in order", expected, came(got), found)
    if what:
        next(iter(clients)).trial.passed(what)


def too_far(client: Client, id: int, absent: Mistake | None) -> Mistake:
    """Return the mistake behind a message that comes before its turn."""
    following = decoded(client.receive())
    if is_message(following) and following["id"] < id:
        return OUT_OF_ORDER
    return FIRST_SKIPPED if absent is HISTORY_NOT_SENT else absent or GAP


WHILE_OTHERS_WRITE = "a reader connects while others write, and gets each message once and in order"

TRIES = 5
"""How often a reader is connected at most, until messages were written at all times meanwhile."""

WITHOUT_BREAK = 0.03
"""Seconds between two messages: ``history.since()`` reads in the middle of a tenth of a second."""


def was_written_throughout(trial: Trial) -> bool:
    """Tell whether messages came at all times while the last client was connected.

    Where a busy machine has held them up, there was nothing to miss, or to be sent twice.

    """
    entries = trial.snapshot.entries
    latest = max(entry.connection for entry in entries)
    own = [entry for entry in entries if entry.connection == latest]
    begin = own[0].time
    end = next(entry.time for entry in own if isinstance(entry.what, Sent))
    taken = [entry.time for entry in entries if isinstance(entry.what, Received)]
    times = [begin, *(time for time in taken if begin < time < end), end]
    return all(later - earlier < WITHOUT_BREAK for earlier, later in pairwise(times))


def left_out(writer: Client, reader: Client) -> Mistake | None:
    """Return the mistake where a reader hears no more, and yet hears what is written now."""
    writer.send("one more")
    return GAP if is_message(decoded(reader.receive())) else None


def write_while_connecting(trial: Trial, writer: Client, seen: int) -> int:
    """Connect a client while messages are written; return how many were written."""
    connected = threading.Event()
    written = 0

    def write_on() -> None:
        nonlocal written
        more = 3
        while more and written < 60:
            writer.send(f"number {written}")
            written += 1
            more -= connected.is_set()
            time.sleep(0.01)

    writing = threading.Thread(target=write_on, name="check-writes")
    writing.start()
    try:
        while written < 3 and writing.is_alive():
            time.sleep(0.001)
        reader = log_from(trial, seen, "a reader connects while others write")
        got = reader.receive()
    finally:
        connected.set()
        writing.join()
    value = decoded(got)
    what = WHILE_OTHERS_WRITE
    if not is_message(value) or value["id"] != seen + 1:
        found = silence(trial, HISTORY_NOT_SENT) if got is None else suspect(trial, OVERTAKEN)
        trial.fail(what, f"the message {seen + 1}", came(got), found)
    for number in range(seen + 2, seen + written + 1):
        follows([reader], number, "", "", seen=seen, writer=writer)
    for number in range(seen + 1, seen + written + 1):
        follows([writer], number, "", "")
    return written

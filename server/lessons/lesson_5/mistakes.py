"""The mistakes that lesson 5 shows, in its order: groups and the channel layer."""

from __future__ import annotations

from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)

from ...live.failure import Facts
from ...mistakes.registry import also, mistake, show

OF_CHANNELS = {
    name
    for cls in (
        AsyncJsonWebsocketConsumer,
        AsyncWebsocketConsumer,
        JsonWebsocketConsumer,
        WebsocketConsumer,
    )
    for name in dir(cls)
    if not name.startswith("_") and callable(getattr(cls, name))
}
"""The methods that every consumer has."""


def is_named_by_a_type(facts: Facts) -> bool:
    """Tell whether a message of the channel layer was handled by a method of Channels' own."""
    return "websocket" not in facts.event and facts.event.replace(".", "_") in OF_CHANNELS


show("no-channel-layer", "5#group")
show("no-event-handler", "5#types", "5.1", "5.2", "5.3", "5.4")
mistake(
    "message-without-type",
    "A message without a type",
    symptom="`ValueError: Incoming message has no 'type' attribute`",
    cause="A message of the channel layer needs a type: it names the method that handles it.",
    fix='Add it: {"type": "chat.message", "text": text}.',
    texts=["Incoming message has no 'type' attribute"],
    shown=["5#types", "5.1"],
)
mistake(
    "underscore-type",
    "A type that begins with an underscore or a dot",
    symptom="`ValueError: Malformed type in message (leading underscore)`",
    cause="Channels calls no method whose name begins with an underscore.",
    fix='Begin the type with a word: "chat.message".',
    texts=[r"Malformed type in message \(leading underscore\)"],
    shown=["5#types"],
)
mistake(
    "type-of-another-method",
    "The type names a method that is there for something else",
    symptom='with `"type": "receive"`, receive is called with the whole message as its text',
    cause="Any method can be named by a type: receive, send and close too.",
    fix='Give your own messages names of your own, with a dot: "chat.message".',
    texts=[r"^"],
    over=["plain-await", "sync-in-async", "event-has-no-key", "no-bytes", "content-key"],
    when=is_named_by_a_type,
    shown=["5#types", "5.1"],
)
mistake(
    "handler-without-event",
    "A handler that takes no event",
    symptom="`TypeError: Chat.chat_message() takes 1 positional argument but 2 were given`, "
    "in every member of the group",
    cause="A handler is given the message besides self.",
    fix="Write async def chat_message(self, event).",
    texts=[
        r"(?<!as_asgi)\b(?!websocket_|receive\(|receive_json|disconnect|send|connect\(|decode_json|encode_json)"
        r"\w+_\w+\(\) takes 1 positional argument but 2 were given"
    ],
    shown=["5#types", "5.1"],
)
mistake(
    "layer-not-awaited",
    "A call of the channel layer that nobody awaits",
    symptom="`RuntimeWarning: coroutine 'InMemoryChannelLayer.group_send' was never awaited`",
    cause="All methods of a channel layer are async, and a call alone runs nothing.",
    fix="In async code: await layer.group_send(...). In sync code: "
    "async_to_sync(layer.group_send)(...).",
    texts=[r"coroutine '(\w*Layer\.\w+|\w+\.group_\w+)' was never awaited"],
    over=["missing-await"],
    shown=["5#outside", "5.1", "5.2"],
)
show("async-to-sync", "5#outside", "5.1")
also("async-in-sync", "which calls its handlers and awaits none")
show("async-in-sync", "5.1")
show("async-to-sync-of-sync", "5#outside")
mistake(
    "other-process",
    "A group in another process",
    symptom="the message does not arrive, and there is no error",
    cause="The in-memory layer is known to one process only: each has groups of its own.",
    fix="Between processes, use a layer that they share: Redis or Valkey, as in lesson 6.",
    shown=["5#outside"],
)
mistake(
    "group-name",
    "A name that a group may not have",
    symptom="`TypeError: Group name must be a valid unicode string with length < 100 containing "
    "only ASCII alphanumerics, hyphens, underscores, or periods.`",
    cause="A group's name has no spaces, colons or accents, and is shorter than 100 characters.",
    fix="Let the route take a slug only, or make a name of any short text: text.encode().hex().",
    texts=["Group name must be a valid unicode string"],
    shown=["5#rooms", "5.1", "5.2"],
)
mistake(
    "names-swapped",
    "The channel stands where the group's name belongs",
    symptom="the same TypeError about a group's name, where the channel's stands before it",
    cause="The group's name comes first, and the name of the consumer's own channel after it.",
    fix="Write group_add(group, self.channel_name).",
    texts=["Group name must be a valid unicode string"],
    when=lambda facts: (
        "_add(self.channel_name" in facts.expression
        or "_discard(self.channel_name" in facts.expression
    ),
    shown=["5.1"],
)
mistake(
    "channel-name",
    "A name that a channel may not have",
    symptom="`TypeError: Channel name must be a valid unicode string with length < 100 "
    "containing only ASCII alphanumerics, hyphens, underscores, or periods.`",
    cause="A channel is named by the layer; this is another text, or none.",
    fix="Hand over self.channel_name as it is.",
    texts=["Channel name must be a valid unicode string"],
    shown=["5#rooms"],
)
mistake(
    "dead-members",
    "Members that have left are still in the group",
    symptom="the transcript says lost, `its consumer has ended`; memory grows",
    cause="A channel stays in its groups when its consumer ends, until somebody takes it out.",
    fix="Call group_discard in disconnect, or let groups = [...] do both.",
    texts=["its consumer has ended"],
    shown=["5#leaving", "5.1", "5.2", "5.3", "5.4"],
)
mistake(
    "groups-is-text",
    "groups is a string",
    symptom='with groups = "lobby", the consumer is in the groups l, o, b and y',
    cause="Channels goes through groups one by one, and the parts of a string are its letters.",
    fix='Write a list: groups = ["lobby"].',
    texts=["a group for each of its letters"],
    shown=["5#leaving", "5.3"],
)
mistake(
    "asks-the-layer",
    "The layer does not tell who is in a group",
    symptom="`AttributeError: 'InMemoryChannelLayer' object has no attribute 'group_channels'`",
    cause="No channel layer has a method for it, and what a layer in memory shows, others hide.",
    fix="Keep a register of your own, by user and not by channel.",
    texts=[r"'\w+ChannelLayer' object has no attribute"],
    over=["no-attribute"],
    shown=["5#presence", "5.3"],
)
mistake(
    "sent-late",
    "A message through the layer waits until the handler has ended",
    symptom="what a long handler sends to its own group arrives when the handler has ended",
    cause="A consumer handles one event at a time, and a message of the layer is an event.",
    fix="Send to your own client with self.send; keep handlers short.",
    shown=["5#slow"],
)
mistake(
    "slow-member",
    "The channel is full",
    symptom="the transcript says lost, `its channel is full`; a direct send raises `ChannelFull`",
    cause="A channel holds 100 messages, unless the settings say otherwise; more are dropped.",
    fix="Keep handlers short and messages few; what must arrive belongs into a history.",
    texts=["ChannelFull", "its channel is full"],
    shown=["5#slow"],
)
mistake(
    "nobody-in-the-group",
    "Nobody is in the group",
    symptom="the transcript says lost, `nobody is in this group`",
    cause="No channel was added to a group of this name, or all have left.",
    fix="Compare the name in group_add with the one in group_send.",
    texts=["nobody is in this group"],
    shown=["5#outside"],
)
mistake(
    "message-no-dict",
    "A message that is no dictionary",
    symptom="`AssertionError: Message is not a dict`",
    cause="The channel layer carries dictionaries with a type, and this is something else.",
    fix='Put it into one: {"type": "chat.message", "text": text}.',
    texts=["[Mm]essage is not a dict"],
    shown=["5#types", "5.2"],
)
mistake(
    "group-send-arguments",
    "A group and one dictionary",
    symptom="`TypeError: InMemoryChannelLayer.group_send() takes 3 positional arguments but 4 were "
    "given`",
    cause="group_send takes the group's name and one message, which holds all that is said.",
    fix='Write group_send(group, {"type": "chat.message", "text": text}).',
    texts=[r"\bgroup_send\(\) (takes|missing|got)"],
)
mistake(
    "group-add-arguments",
    "A group and a channel",
    symptom="`TypeError: InMemoryChannelLayer.group_add() missing 1 required positional argument: "
    "'channel'`",
    cause="group_add and group_discard take two names: the group's and that of the consumer's own "
    "channel.",
    fix="Write group_add(group, self.channel_name).",
    texts=[r"\bgroup_(add|discard)\(\) (takes|missing|got)"],
)
mistake(
    "goes-round",
    "A message goes round and round",
    symptom="`ValueError: The message is too large for the channel layer`, or no end of messages",
    cause="The handler of a group's message sends to the group again, which calls it once more.",
    fix="In the handler of a group's message, send to the client only: await self.send(...).",
    texts=["message is too large for the channel layer"],
    shown=["5.1"],
)
mistake(
    "message-not-plain",
    "A message that cannot be copied",
    symptom="`TypeError: cannot pickle '_thread.lock' object`",
    cause="A message goes to other consumers as a copy: only plain values can be in it.",
    fix="Send numbers, texts, lists and dicts; other objects by their id.",
    texts=["cannot pickle '.*' object"],
    shown=["5#types"],
)

"""The channel layer in sight: what goes through it enters the record, and nobody sleeps over it.

Whatever layer is configured stays what it is: a class of Channels, of another package, or of a
learner. Its methods are replaced on the instance by ones that write down what they do. They also
make the call on the event loop of the live server, wherever they are called from: a layer in
memory is not made for several threads, and the loop of an idle server would sleep on.

"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, NamedTuple, Protocol, TypeAlias

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import ChannelFull
from channels.layers import ChannelLayerManager, InMemoryChannelLayer, channel_layers

from .current_connection import current_connection
from .other_loop import call_on
from .record import (
    ChannelSend,
    Delivered,
    GroupAdd,
    GroupDiscard,
    GroupSend,
    Lost,
    Record,
)

__all__ = ["Site", "handled", "own_layers", "restart", "unread"]

Layers: TypeAlias = dict[str, Any]
"""Channel layers by alias."""

own: ContextVar[Layers | None] = ContextVar("own", default=None)
"""The layers of a server that shares none with the others; ``None``: those of the settings."""

MEMBERS = 10_000
"""How many channels a layer's :class:`Watch` remembers; of older ones it does not know whose they
are."""

MAX_SIZE = 10_000_000
"""Characters and bytes of the largest message that goes through a layer. What a message says may
double with each time that it goes round, and would soon fill the memory."""

METHODS = ("new_channel", "receive", "send", "group_add", "group_discard", "group_send")


class Connection(Protocol):
    """What is asked of a connection whose consumer uses a layer."""

    number: int
    record: Record
    task: asyncio.Task[None] | None
    consumer: AsyncConsumer | None

    def deliver_layer(self, message: dict[str, Any]) -> None:
        """Note that its consumer has taken a message of the layer."""

    def idle_layer(self) -> None:
        """Note that its consumer has finished that message."""


class Site:
    """A live server, as a place where calls of a channel layer can be made.

    Args:
        loop: Its event loop.
        record: Its record.
        layers: Its own layers; ``None``: those of the settings.

    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, record: Record, layers: Layers | None
    ) -> None:
        self.loop = loop
        self.record = record
        self.layers = layers
        self.calls: set[Future[Any]] = set()
        """Calls that came from elsewhere and have not ended, as their callers see them."""
        self.tasks: set[asyncio.Task[Any]] = set()
        """Those that have begun, as they are here."""

    def open(self) -> None:
        """Take calls from now on; run on its loop, in the context of its applications."""
        # The manager that everybody asks has always been there: it learns to show its layers.
        channel_layers.__class__ = WatchedLayers
        if own.get() is not self.layers:
            # Not otherwise: asgiref carries each variable that is set into a thread and back.
            own.set(self.layers)
        with lock:
            sites.append(self)

    def close(self) -> None:
        """Take no more calls, and cancel those that have not ended."""
        with lock:
            if self in sites:
                sites.remove(self)
        # A caller learns of it when its call has ended here, and may make it elsewhere.
        with suppress(RuntimeError):  # The loop is closed already.
            self.loop.call_soon_threadsafe(self.cancel)

    def cancel(self) -> None:
        """Cancel the calls that have begun."""
        for task in list(self.tasks):
            task.cancel()

    def release(self) -> None:
        """Let go of the callers that a loop has left behind."""
        for call in list(self.calls):
            call.cancel()

    def call(self, step: Callable[[], Coroutine[Any, Any, Any]]) -> Future[Any] | None:
        """Make a call on the site's loop, from another one; ``None``: it takes no more calls."""
        with lock:
            if self not in sites:
                return None
            call = call_on(self.loop, partial(self.make, step))
            self.calls.add(call)
        call.add_done_callback(self.calls.discard)
        return call

    async def make(self, step: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Make a call that can be cancelled."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            return await step()
        finally:
            self.tasks.discard(task)


lock = threading.Lock()
sites: list[Site] = []
"""The live servers of this process."""


def sites_here() -> list[Site]:
    """Return the servers with the layers of the code that runs; the first one makes its calls."""
    layers = own.get()
    with lock:
        return [site for site in sites if site.layers is layers]


@contextmanager
def own_layers(layers: Layers) -> Iterator[None]:
    """Have the code of a block use these layers, and not those of the settings."""
    token = own.set(layers)
    try:
        yield
    finally:
        own.reset(token)


def restart() -> None:
    """Begin with the layers of the settings as a new process would, if no server uses them.

    A layer in memory is emptied and stays the object that it is: a cell may hold it.

    """
    if sites_here():
        return
    for alias, layer in list(channel_layers.backends.items()):
        config = channel_layers.configs.get(alias)
        watch = Watch.of(layer)
        if watch is not None and watch.config is not None and watch.config != config:
            # The settings say something else by now.
            del channel_layers.backends[alias]
        elif isinstance(layer, InMemoryChannelLayer):
            layer.channels = {}
            layer.groups = {}


class WatchedLayers(ChannelLayerManager):  # type: ignore[misc] # Channels has no types
    """Channels' manager of the layers, which hands them out with a :class:`Watch`."""

    def __getitem__(self, alias: str) -> Any:
        layers = own.get()
        if layers is None:
            return watched(super().__getitem__(alias), alias, self.configs.get(alias))
        return watched(layers[alias], alias, None)


def watched(layer: Any, alias: str, config: Any) -> Any:
    """Return a layer, which has a :class:`Watch` from now on."""
    if Watch.of(layer) is None:
        Watch(layer, alias, config)
    return layer


@dataclass(slots=True, eq=False)
class Letter:
    """One message on its way to one member or to all members of a group."""

    message: Any
    delivered: Delivered
    record: Record | None
    """Where the sender's number counts; ``None``: no consumer sent it."""

    deadline: float
    """Until when the layer keeps it, on the clock of :func:`time.monotonic`."""

    def seen_from(self, record: Record) -> Delivered:
        """Return what is known about it in a record, where the sender may be unknown."""
        if self.record is None or self.record is record:
            return self.delivered
        return self.delivered._replace(sender=None)


@dataclass(slots=True, eq=False)
class Member:
    """A connection's channel, by which a layer knows it."""

    bridge: Connection | None
    """``None`` once its consumer has ended."""

    record: Record
    number: int
    letters: list[Letter] = field(default_factory=list)
    """What was sent to it and has neither arrived nor been lost: few at a time, and mostly none. An
    empty deque is as large as all else that is kept for a member."""

    in_hand: tuple[Any, Letter | None] | None = None
    """The message that its consumer handles, and what is known about it."""

    def lose(self, letter: Letter, why: Any) -> None:
        """Write down that a letter is lost."""
        group, sender = letter.seen_from(self.record)
        self.record.add(self.number, Lost(group, sender, why), letter.message)

    def take(self, message: Any) -> None:
        """Write down that the consumer takes a message; what was sent before it is lost."""
        letter = self.find(message)
        self.in_hand = message, letter
        if letter is not None:
            self.record.add(self.number, letter.seen_from(self.record), letter.message)
        else:
            self.record.add(self.number, Delivered("", None), as_event(message))

    def find(self, message: Any) -> Letter | None:
        """Return the letter that a message was sent with, and give up those before it."""
        for place, letter in enumerate(self.letters):
            if letter.message == message:
                for before in self.letters[:place]:
                    expired = before.deadline < time.monotonic()
                    self.lose(before, "expiry" if expired else "capacity")
                del self.letters[: place + 1]
                return letter
        return None

    def drop_expired(self) -> bool:
        """Give up the letters that the layer does not keep any longer; tell whether any were."""
        now = time.monotonic()
        found = False
        while self.letters and self.letters[0].deadline < now:
            self.lose(self.letters.pop(0), "expiry")
            found = True
        return found

    def end(self) -> None:
        """Note that the consumer has ended."""
        self.bridge = None
        self.in_hand = None
        while self.letters:
            self.lose(self.letters.pop(0), "gone")


class Caller(NamedTuple):
    """Who calls a layer: the connection whose consumer it is, or somebody outside."""

    records: list[Record]
    number: int

    @classmethod
    def current(cls) -> Caller:
        """Return who runs now."""
        connection: Any = current_connection.get()
        if connection is not None:
            return cls([connection.record], connection.number)
        return cls([site.record for site in sites_here()], 0)

    @property
    def record(self) -> Record | None:
        """Where the number counts; ``None`` for somebody outside."""
        return self.records[0] if self.number else None

    def add(self, what: Any, event: Any = None) -> None:
        """Write down what it does."""
        for record in self.records:
            record.add(self.number, what, event)


def current_bridge() -> Connection | None:
    """Return the WebSocket connection whose application runs now."""
    bridge: Any = current_connection.get()
    return bridge if hasattr(bridge, "deliver_layer") else None


sending: ContextVar[bool] = ContextVar("sending", default=False)
"""Whether a layer calls its own ``send`` to reach the members of a group."""


class Watch:
    """Stands before the methods of a layer and writes down what they do.

    Args:
        layer: The layer.
        alias: Its name in the settings.
        config: What the settings say of it.

    """

    def __init__(self, layer: Any, alias: str, config: Any) -> None:
        self.layer = layer
        self.alias = alias
        self.config = deepcopy(config)
        self.members: OrderedDict[str, Member] = OrderedDict()
        self.groups: dict[str, dict[str, None]] = {}
        """The members of each group, for a layer that does not let anybody look."""
        self.methods: dict[str, Callable[..., Awaitable[Any]]] = {}
        # A layer may be an object that takes no attributes: then nothing of it is seen.
        with suppress(AttributeError):
            layer.watch = self
            for name in METHODS:
                if hasattr(layer, name):
                    self.methods[name] = getattr(layer, name)
                    setattr(layer, name, self.stand_before(name))

    @staticmethod
    def of(layer: Any) -> Watch | None:
        """Return the watch of a layer, if it has one."""
        found = getattr(layer, "watch", None)
        return found if isinstance(found, Watch) else None

    def stand_before(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Return what takes the place of a method."""
        step = getattr(self, name)
        real = self.methods[name]
        signature = inspect.signature(step)
        usual = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in signature.parameters.values())

        # A real async function with the method's own name: asgiref and Python's warnings look.
        @wraps(real)
        async def method(*args: Any, **kwargs: Any) -> Any:
            if name == "send" and sending.get():
                return await self.send_to_member(*args, **kwargs)
            if kwargs or len(args) != usual:
                try:
                    signature.bind(*args, **kwargs)
                except TypeError:
                    # The layer says so itself.
                    return await real(*args, **kwargs)
            layers = own.get()
            if layers is not None and self.layer not in layers.values():
                # A cell has kept the layer of the settings, and is used by a server with its own.
                return await getattr(watched(layers[self.alias], self.alias, None), name)(
                    *args, **kwargs
                )
            here = asyncio.get_running_loop()
            while True:
                home = next(iter(sites_here()), None)
                if home is None or home.loop is here:
                    return await step(*args, **kwargs)
                call = home.call(partial(step, *args, **kwargs))
                if call is None:
                    continue
                try:
                    return await asyncio.wrap_future(call)
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():
                        raise
                    # That server has stopped, and another one makes the call, or nobody.

        return method

    def group_members(self, group: str) -> Iterable[str]:
        """Return the channels in a group, as far as this process knows."""
        groups = getattr(self.layer, "groups", None)
        return list((groups if isinstance(groups, dict) else self.groups).get(group, ()))

    def number(self, channel: Any) -> int | None:
        """Return the connection whose channel it is, if the caller's record knows it."""
        member = self.members.get(channel) if isinstance(channel, str) else None
        if member is None or member.record not in Caller.current().records:
            return None
        return member.number

    def letter(self, group: str, caller: Caller, message: Any) -> Letter | None:
        """Return a message as it is now, to know it again; ``None``: it is none."""
        if not isinstance(message, dict):
            return None
        try:
            copy = deepcopy(message)
        except Exception:
            # The layer will say so itself.
            return None
        deadline = time.monotonic() + getattr(self.layer, "expiry", 60)
        return Letter(copy, Delivered(group, caller.number), caller.record, deadline)

    # What takes the place of the layer's methods

    async def new_channel(self, *args: Any, **kwargs: Any) -> Any:
        """Make a channel, and remember whose it is."""
        channel = await self.methods["new_channel"](*args, **kwargs)
        bridge = current_bridge()
        if bridge is not None:
            member = self.members[channel] = Member(bridge, bridge.record, bridge.number)
            while len(self.members) > MEMBERS:
                self.members.popitem(last=False)
            assert bridge.task is not None
            bridge.task.add_done_callback(lambda _: member.end())
        return channel

    async def receive(self, channel: Any) -> Any:
        """Wait for a message, and write down that it is delivered."""
        member = self.members.get(channel) if isinstance(channel, str) else None
        if member is None or member.bridge is None:
            return await self.methods["receive"](channel)
        bridge = member.bridge
        if member.in_hand is not None:
            member.in_hand = None
            bridge.idle_layer()
        message = await self.methods["receive"](channel)
        member.take(message)
        bridge.deliver_layer(message)
        return message

    async def send(self, channel: Any, message: Any) -> Any:
        """Send a message to one channel."""
        refuse_large(message)
        caller = Caller.current()
        number = self.number(channel)
        caller.add(ChannelSend(str(channel), shown(message), number), as_event(message))
        letter = self.letter("", caller, message)
        member = self.members.get(channel) if isinstance(channel, str) else None
        if letter is not None and member is not None:
            self.expect(member, letter)
        return await self.send_to_member(channel, message)

    async def send_to_member(self, channel: Any, message: Any) -> Any:
        """Send a message to one channel, as a layer does by itself for each member of a group."""
        try:
            return await self.methods["send"](channel, message)
        except ChannelFull:
            self.lose_newest(channel)
            raise

    async def group_add(self, group: Any, channel: Any) -> Any:
        """Add a channel to a group."""
        Caller.current().add(GroupAdd(str(group), self.number(channel)))
        result = await self.methods["group_add"](group, channel)
        self.groups.setdefault(group, {})[channel] = None
        return result

    async def group_discard(self, group: Any, channel: Any) -> Any:
        """Take a channel out of a group."""
        Caller.current().add(GroupDiscard(str(group), self.number(channel)))
        result = await self.methods["group_discard"](group, channel)
        self.groups.get(group, {}).pop(channel, None)
        return result

    async def group_send(self, group: Any, message: Any) -> Any:
        """Send a message to all channels in a group."""
        refuse_large(message)
        caller = Caller.current()
        caller.add(GroupSend(str(group), shown(message)), as_event(message))
        letter = self.letter(str(group), caller, message)
        if letter is not None and isinstance(group, str):
            channels = self.group_members(group)
            for channel in channels:
                member = self.members.get(channel)
                # Who lets a message expire is in no group any more.
                if member is not None and not member.drop_expired():
                    self.expect(member, letter)
            if not channels:
                caller.add(Lost(str(group), caller.number, "nobody"), letter.message)
        token = sending.set(True)
        try:
            return await self.methods["group_send"](group, message)
        finally:
            sending.reset(token)

    def expect(self, member: Member, letter: Letter) -> None:
        """Note that a letter is on its way to a member; where that has ended, it is lost."""
        if member.bridge is None:
            member.lose(letter, "gone")
        else:
            member.letters.append(letter)

    def lose_newest(self, channel: Any) -> None:
        """Write down that a channel has no room for what was sent to it now."""
        member = self.members.get(channel)
        if member is not None and member.letters:
            member.lose(member.letters.pop(), "capacity")


def refuse_large(message: Any) -> None:
    """Refuse a message that is too large.

    Raises:
        ValueError: It is.

    """
    waiting, seen, size = [message], set[int](), 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, str | bytes):
            size += len(value)
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value)
            if isinstance(value, dict):
                waiting.extend(value.values())
    if size > MAX_SIZE:
        raise ValueError(
            f"The message is too large for the channel layer: the live server lets no more than "
            f"{MAX_SIZE // 1_000_000} MB through."
        )


def as_event(message: Any) -> Any:
    """Return a message as the record keeps it."""
    return dict(message) if isinstance(message, dict) else None


def shown(message: Any) -> str:
    """Return a message as Python shows it, without its type; on its own where there is no more."""
    if not isinstance(message, dict):
        return repr(message)
    rest = {key: value for key, value in message.items() if key != "type"}
    return repr(rest) if rest else ""


DISPATCH = (
    AsyncConsumer.dispatch.__code__,
    vars(SyncConsumer)["dispatch"].func.__code__,
)
"""What hands a message to its handler."""


def handled(bridge: Connection, error: BaseException) -> tuple[Delivered, str] | None:
    """Return the layer's message that a connection's consumer handled when it raised, if any."""
    layer = getattr(bridge.consumer, "channel_layer", None)
    watch = Watch.of(layer)
    if watch is None:
        return None
    raised = error.__traceback__
    message: Any = None
    while raised is not None:
        if raised.tb_frame.f_code in DISPATCH:
            message = raised.tb_frame.f_locals.get("message")
        raised = raised.tb_next
    for member in watch.members.values():
        if member.in_hand is not None and member.in_hand[0] is message:
            letter = member.in_hand[1]
            found = Delivered("", None) if letter is None else letter.seen_from(bridge.record)
            return found, str(message.get("type", ""))
    return None


def unread(layers: Layers) -> bool:
    """Tell whether a message of some layers is still on its way."""
    return any(
        member.letters or member.in_hand is not None
        for layer in layers.values()
        if (watch := Watch.of(layer)) is not None
        for member in list(watch.members.values())
    )

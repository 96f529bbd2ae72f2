"""One WebSocket connection, as ``websockets`` has it, with what the rest of the server asks of it.

The library does the protocol. What is added: the bridge hears of frames that a handler never sees
and of the end of the TCP connection, which ends with the WebSocket connection.

"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from .asgi import Accept
from .files import text_response
from .first_bytes import refuse_first_bytes
from .record import Control

__all__ = ["Bridge", "Listener", "Wire"]

SLICE = 64 * 2**10
"""Bytes that the library gets at once: it makes all the messages in them before it looks whether
anybody takes them."""

COMPRESSED_SLICE = 16 * 2**10
"""The same of a client that compresses: they may hold messages a thousand times as large."""

MAX_UNREAD = 2**20
"""Bytes that a client leaves unread, from which on nothing more is taken from it: to each of its
pings there is an answer."""

FRAMES = {Opcode.CONT: "fragment", Opcode.PING: "ping", Opcode.PONG: "pong"}


NO_HEADERS = Headers()


class Bridge(Protocol):
    """What takes care of a connection: :class:`server.live.connection.Bridge` is one."""

    @property
    def accepted(self) -> Accept:
        """How the handshake is answered."""

    def add(self, what: Control) -> None:
        """Write down a frame that a handler does not see."""

    def on_lost(self) -> None:
        """Note that the TCP connection is gone."""

    async def serve(self) -> None:
        """Stay with an open connection until it has ended."""


class Listener(Protocol):
    """What has taken a connection in: :class:`server.live.host.Host` is one."""

    def on_made(self, wire: Wire) -> None:
        """Note that there is a connection."""

    def on_lost(self, wire: Wire) -> None:
        """Note that it is gone."""

    def on_garbage(self, problem: str) -> None:
        """Note that what came is not an HTTP request, and why."""


class Wire(ServerConnection):
    """A connection of ``websockets`` that tells its bridge what a handler does not see.

    Args:
        listener: What has taken the connection in.
        request_timeout: Seconds for the client to send its request.

    """

    # The library's attributes are as many as a dictionary keeps small; these would be too many.
    __slots__ = (
        "bridge",
        "finishing",
        "listener",
        "request_timeout",
        "request_timer",
        "sent",
        "untaken",
    )

    def __init__(
        self,
        *args: Any,
        listener: Listener,
        request_timeout: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.listener = listener
        self.request_timeout = request_timeout
        self.request_timer: asyncio.TimerHandle | None = None
        self.finishing: asyncio.Task[None] | None = None
        self.bridge: Bridge | None = None
        self.untaken = b""
        """What has been read, and does not go to the library yet."""
        self.sent = 0
        """How many messages the application has sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        # asyncio does so for sockets of its own making. Without it, a small message waits until
        # the one before has been acknowledged, for up to 40 ms.
        sock = transport.get_extra_info("socket")
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.recv_messages.resume = self.go_on
        self.listener.on_made(self)
        self.request_timer = self.loop.call_later(self.request_timeout, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take in what has been read, as far as there is room for what it holds."""
        size = COMPRESSED_SLICE if self.protocol.extensions else SLICE
        self.untaken += data
        while self.untaken and not self.full:
            # Nearly always it is all of it, and no copy is made.
            piece, self.untaken = self.untaken[:size], self.untaken[size:]
            self.take(piece)
        if self.untaken:
            # Before it is empty there is nothing more to read, not even the end.
            self.transport.pause_reading()

    @property
    def full(self) -> bool:
        """Whether messages or answers wait that nobody takes."""
        unread = self.transport.get_write_buffer_size()
        return self.recv_messages.paused or unread > MAX_UNREAD

    def go_on(self) -> None:
        """Take in more, as soon as who makes room for it has finished."""
        self.loop.call_soon(self.take_rest)

    def take_rest(self) -> None:
        """Take in what waits, and read on if nothing is left of it."""
        self.data_received(b"")
        if not (self.untaken or self.full or self.transport.is_closing()):
            self.transport.resume_reading()

    def resume_writing(self) -> None:
        """Take in more from a client that reads again."""
        super().resume_writing()
        if self.untaken:
            self.go_on()

    def take(self, data: bytes) -> None:
        """See to it that the TCP connection ends with the WebSocket connection."""
        if self.request is None and (refusal := refuse_first_bytes(data)) is not None:
            why, answer = refusal
            self.listener.on_garbage(why)
            self.transport.write(answer)
            self.transport.close()
            self.untaken = b""
            return
        super().data_received(data)
        if self.protocol.state is State.CLOSING:
            if self.protocol.close_rcvd is not None:
                # RFC 6455, 7.1.1: the server closes TCP first, and at once.
                self.transport.close()
            else:
                self.see_to_the_end()

    def see_to_the_end(self) -> None:
        """Wait for the client's close frame, but not for ever, if ours has been sent."""
        if self.protocol.state is State.CLOSING and self.finishing is None:
            # To close at once would throw away what the client has not read yet.
            self.finishing = self.loop.create_task(self.close())

    def process_event(self, event: Any) -> None:
        """Let the bridge see frames that the library answers or collects by itself."""
        if self.request is None:
            self.stop_timer()
        elif self.bridge is not None and self.is_hidden(event):
            self.bridge.add(Control(FRAMES.get(event.opcode, "fragment"), bytes(event.data)))
        super().process_event(event)

    def is_hidden(self, frame: Frame) -> bool:
        """Tell whether a frame is none that a handler or the end of a connection shows."""
        if frame.opcode is Opcode.PONG:
            # The answers to the library's own pings would fill a record that nobody adds to.
            return bytes(frame.data) not in self.pending_pings
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            return not frame.fin
        return frame.opcode is not Opcode.CLOSE

    def send_data(self) -> None:
        """Say why, as the connection ends, if what came is no request that is understood."""
        ends = self.request is None and self.protocol.writes[-1:] == [b""]
        problem = self.problem if ends else None
        if problem is not None:
            self.listener.on_garbage(str(problem))
            # The library sends nothing but the end, unless it answers by itself.
            if self.protocol.writes == [b""]:
                text = f"This server does not take such a request: {problem}."
                self.transport.write(text_response(400, text).serialize())
        super().send_data()

    @property
    def problem(self) -> BaseException | None:
        """What is wrong with a request, if all of it has come."""
        found = self.protocol.handshake_exc
        if found is None or isinstance(found.__cause__, EOFError):
            return None
        return found.__cause__ or found

    def write(self, data: bytes, is_text: bool) -> None:
        """Send a message on an open connection; who sends much awaits :meth:`drain`.

        This is what ``broadcast()`` of the library does. Its ``send()`` looks after fragmented
        messages, handshakes and closes as well, none of which can be under way here.

        """
        self.sent += 1
        if is_text:
            self.protocol.send_text(data)
        else:
            self.protocol.send_binary(data)
        self.send_data()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the bridge that the TCP connection is gone, handshake or not."""
        # The library takes nothing more after the end.
        self.untaken = b""
        super().connection_lost(exc)
        self.listener.on_lost(self)
        self.stop_timer()
        if self.bridge is not None:
            self.bridge.on_lost()

    @property
    def lost(self) -> bool:
        """Whether the TCP connection is gone."""
        return self.connection_lost_waiter.done()

    @property
    def congested(self) -> bool:
        """Whether who sends has to await :meth:`drain`."""
        return self.paused or self.transport.is_closing()

    def forget_handshake(self) -> None:
        """Let go of what nobody reads any more: there may be many connections."""
        self.response = None
        assert self.request is not None
        self.request.headers = NO_HEADERS

    def stop_timer(self) -> None:
        """Wait no longer for a request."""
        if self.request_timer is not None:
            self.request_timer.cancel()
            self.request_timer = None

"""One WebSocket connection, as ``websockets`` has it, with what the rest of the server asks of it.

The library does the protocol. Two things are added: the bridge hears of frames that a handler never
sees, and a message that is one frame (:mod:`server.frames`) goes straight to who waits for it.

"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConcurrencyError
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from .first_bytes import refuse_first_bytes
from .frames import frame_of, message_in
from .record import Control
from .utf8 import Utf8

if TYPE_CHECKING:
    from .connection import Bridge

__all__ = ["Wire"]

FRAMES = {Opcode.CONT: "fragment", Opcode.PING: "ping", Opcode.PONG: "pong"}


class Wire(ServerConnection):
    """A connection of ``websockets`` that tells its bridge what a handler does not see.

    Args:
        wires: The open connections of the server; this one adds and removes itself.
        request_timeout: Seconds for the client to send its request.
        on_garbage: Told why, when what came is not an HTTP request.

    """

    # The library's attributes are as many as a dictionary keeps small; these would be too many.
    __slots__ = (
        "bridge",
        "finishing",
        "message",
        "on_garbage",
        "plain",
        "request_timeout",
        "request_timer",
        "taker",
        "wires",
    )

    def __init__(
        self,
        *args: Any,
        wires: set[Wire],
        request_timeout: float,
        on_garbage: Callable[[str], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.wires = wires
        self.on_garbage = on_garbage
        self.request_timeout = request_timeout
        self.request_timer: asyncio.TimerHandle | None = None
        self.finishing: asyncio.Task[None] | None = None
        self.bridge: Bridge | None = None
        self.plain = False
        """Whether frames cross the wire as they are: no extension has been agreed on."""
        self.taker: asyncio.Future[None] | None = None
        """Who waits for a message, with none in the library's queue."""
        self.message: str | bytes | None = None
        """What came for the taker."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        # asyncio does so for sockets of its own making. Without it, a small message waits until
        # the one before has been acknowledged, for up to 40 ms.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wires.add(self)
        self.request_timer = self.loop.call_later(self.request_timeout, self.transport.abort)

    def open(self) -> None:
        """Get ready for messages: it has been decided how the handshake is answered."""
        self.plain = not self.protocol.extensions
        self.protocol.extensions.insert(0, Utf8())

    def data_received(self, data: bytes) -> None:
        """Take a message, or have the library look at what has come.

        See to it, then, that the TCP connection ends with the WebSocket connection.

        """
        if self.request is None and (refusal := refuse_first_bytes(data)) is not None:
            why, answer = refusal
            self.on_garbage(why)
            self.transport.write(answer)
            self.transport.close()
            return
        if (
            self.taker is not None
            and self.plain
            and not self.taker.done()
            and not self.protocol.reader.buffer
            and self.protocol.current_size is None
            and self.protocol.state is State.OPEN
        ):
            # Somebody waits, no frame and no message has begun, and none has to be unpacked.
            self.message = message_in(data, self.protocol.max_message_size)
            if self.message is not None:
                self.wake()
                return
        super().data_received(data)
        if self.protocol.state is State.CLOSING:
            if self.protocol.close_rcvd is not None:
                # RFC 6455, 7.1.1: the server closes TCP first, and at once.
                self.transport.close()
            elif self.finishing is None:
                # To close at once would throw away what the client has not read yet.
                self.finishing = self.loop.create_task(self.close())

    def process_event(self, event: Any) -> None:
        """Let the bridge see frames that the library answers or collects by itself."""
        if self.request is None:
            self.stop_timer()
        elif self.bridge is not None and self.is_hidden(event):
            self.bridge.add(Control(FRAMES.get(event.opcode, "fragment"), bytes(event.data)))
        super().process_event(event)
        if self.recv_messages.frames:
            self.wake()

    def is_hidden(self, frame: Frame) -> bool:
        """Tell whether a frame is none that a handler or the end of a connection shows."""
        if frame.opcode is Opcode.PONG:
            # The answers to the library's own pings would fill a record that nobody adds to.
            return bytes(frame.data) not in self.pending_pings
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            return not frame.fin
        return frame.opcode is not Opcode.CLOSE

    async def take(self) -> str | bytes:
        """Return the next message.

        Raises:
            ConnectionClosed: There is none, and none will come.
            ConcurrencyError: Somebody waits for it already.

        """
        if self.taker is not None:
            raise ConcurrencyError("somebody waits for the next message already")
        queue = self.recv_messages
        if self.message is None and not (queue.frames or queue.get_in_progress or queue.closed):
            self.taker = self.loop.create_future()
            try:
                await self.taker
            finally:
                self.taker = None
        if self.message is None:
            return await self.recv()
        # It came first: while it lies here, all others go to the queue.
        message, self.message = self.message, None
        return message

    def wake(self) -> None:
        """Have the taker look for itself."""
        if self.taker is not None and not self.taker.done():
            self.taker.set_result(None)

    def write(self, data: bytes, is_text: bool) -> None:
        """Send a message on an open connection; who sends much awaits :meth:`drain`.

        This is what ``broadcast()`` of the library does. Its ``send()`` looks after fragmented
        messages, handshakes and closes as well, none of which can be under way here.

        """
        if self.plain:
            self.transport.write(frame_of(data, is_text))
        else:
            if is_text:
                self.protocol.send_text(data)
            else:
                self.protocol.send_binary(data)
            self.send_data()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the bridge that the TCP connection is gone, handshake or not."""
        super().connection_lost(exc)
        self.wake()
        self.wires.discard(self)
        self.stop_timer()
        if self.bridge is not None:
            self.bridge.lost()
        elif self.request is None:
            problem = self.protocol.handshake_exc
            if problem is not None and not isinstance(problem.__cause__, EOFError):
                self.on_garbage(str(problem.__cause__ or problem))

    def stop_timer(self) -> None:
        """Wait no longer for a request."""
        if self.request_timer is not None:
            self.request_timer.cancel()
            self.request_timer = None

"""A WebSocket server on an event loop of its own, in a background thread.

The kernel's main thread stays free: a cell may use a blocking client, an asynchronous one, or
none. Everything below runs on the host's loop, except the few methods that say otherwise. What is
here needs threads and sockets; what the server does is in :mod:`server.live.service`.

"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from traceback import TracebackException
from typing import Any, TypeVar

from asgiref.sync import ThreadSensitiveContext
from asgiref.typing import ASGI3Application
from channels.consumer import AsyncConsumer
from websockets.asyncio.server import Server, serve

from .access import Access
from .background import Nobody, follow_threads, make_task, tell_failure
from .connection import Limits
from .current_connection import current_connection
from .failure import capture
from .interrupt import interrupt, keep_for_good
from .layer import Layers, Site
from .logs import record_logs
from .other_loop import call_on
from .record import Failed, Note, Record
from .service import Pages, Service
from .shared_thread import SharedThread
from .waiting import turns, until_done
from .wire import Wire

__all__ = ["Host", "Pages", "listen", "listen_beside"]

T = TypeVar("T")

LOOPBACK = "127.0.0.1"

LOOPBACK_6 = "::1"

STOP_TIMEOUT = 3.0
"""Seconds that :meth:`Host.stop` gives a loop that turns."""

ANSWER_TIMEOUT = 1.0
"""Seconds without an answer after which a loop counts as blocked."""

NO_HANDLER = "a handler"
"""How :meth:`Host.blocked_by` names who blocks the loop where it sees no handler that does."""


class RecordHandler(logging.Handler):
    """Writes what ``websockets`` logs to the record, and not into a cell."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def emit(self, entry: logging.LogRecord) -> None:
        """Write down a message, and the exception that belongs to it."""
        self.record.add(0, Note(f"websockets: {entry.getMessage()}"))
        if entry.exc_info is not None and entry.exc_info[1] is not None:
            self.record.add(0, Failed(capture(entry.exc_info[1])))


class Host(Service):
    """One server, from :meth:`start` to :meth:`stop`.

    Args:
        app: An ASGI application.
        record: Where to write what happens.
        port: Port to listen on; 0 or a port that is taken: a free one.
        listeners: Sockets that listen already, in place of a port: TCP first, then others.
        access: Who may connect.
        limits: Bounds.
        layers: Channel layers of its own, by alias; by default those of the settings.

    """

    def __init__(
        self,
        app: ASGI3Application,
        record: Record,
        *,
        port: int = 0,
        listeners: Sequence[socket.socket] = (),
        access: Access | None = None,
        limits: Limits | None = None,
        layers: Layers | None = None,
    ) -> None:
        super().__init__(app, record, access=access, limits=limits)
        self.listeners = tuple(listeners) or (listen(port),)
        self.port = self.listeners[0].getsockname()[1]
        self.wires: set[Wire] = set()
        self.loop = asyncio.new_event_loop()
        self.site = Site(self.loop, record, layers)
        self.ready: Future[None] = Future()
        self.stopping = asyncio.Event()
        self.stopped = False
        self.asked: set[threading.Event] = set()
        """What those wait for who have asked whether the loop turns."""
        self.shared_thread = SharedThread(record, self.loop)
        self.logger = logging.Logger("live-server", logging.WARNING)
        self.logger.addHandler(RecordHandler(record))
        self.thread = threading.Thread(
            target=self.run, name=f"live-server-{self.port}", daemon=True
        )

    # Called from any thread

    def start(self) -> None:
        """Start the thread, and return when the server answers."""
        follow_threads()
        record_logs()
        self.thread.start()
        self.ready.result()

    @property
    def running(self) -> bool:
        """Whether the server still answers."""
        return self.thread.is_alive() and not self.stopped

    def keep_listening(self) -> tuple[socket.socket, ...]:
        """Return sockets that go on listening when this server stops, for the next one.

        Between two servers nobody else can take the port, and clients wait. There are none if the
        server has stopped.

        """
        try:
            return tuple(listener.dup() for listener in self.listeners)
        except OSError:
            return ()

    def stop(self) -> bool:
        """Close all connections with 1012 and end the thread.

        A consumer that blocks the loop gets an exception at its next line. Where it does not
        come to a next line, it is left behind, and the port is free again.

        Returns:
            Whether the loop ended by itself.

        """
        self.stopped = True
        self.site.close()
        if threading.current_thread() is self.thread:
            self.stopping.set()
            return True
        # In this order: a loop that has stopped runs nothing any more.
        turned = self.next_turn()
        with suppress(RuntimeError):  # The loop is closed already.
            self.loop.call_soon_threadsafe(self.stopping.set)
        if self.thread.is_alive() and turned.wait(ANSWER_TIMEOUT):
            self.thread.join(STOP_TIMEOUT)
        ended = not self.thread.is_alive()
        if not ended:
            self.abandon()
        self.shared_thread.end(STOP_TIMEOUT / 30)
        return ended

    def abandon(self) -> None:
        """Free the port of a loop that does not turn, and let its clients go."""
        self.work.over = True
        self.site.release()
        for listener in self.listeners:
            listener.close()
        for wire in list(self.wires):
            with suppress(OSError):
                wire.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + STOP_TIMEOUT / 6
        while self.thread.is_alive() and time.monotonic() < deadline:
            # A task of a consumer's may take the place of the handler that blocked the loop.
            if not self.turns(STOP_TIMEOUT / 60):
                interrupt(self.thread)
            self.thread.join(STOP_TIMEOUT / 60)

    def turns(self, patience: float) -> bool:
        """Tell whether the loop turns, or has ended."""
        return self.next_turn().wait(patience)

    def next_turn(self) -> threading.Event:
        """Return what is set when the loop has turned, or has ended."""
        turned = threading.Event()
        self.asked.add(turned)
        try:
            self.loop.call_soon_threadsafe(self.tell, turned)
        except RuntimeError:  # The loop is closed already.
            self.tell(turned)
        return turned

    def call(self, function: Callable[[], Coroutine[Any, Any, T]], timeout: float) -> T:
        """Run an async function on the host's loop and wait for its result.

        Raises:
            TimeoutError: It has not finished in time; it is cancelled.

        """
        answer = call_on(self.loop, function)
        try:
            return answer.result(timeout)
        except BaseException:
            answer.cancel()
            raise

    def settle(self, timeout: float | None = None) -> None:
        """Wait until the consumers of closed connections have finished.

        A consumer that is still busy after ``timeout`` seconds is not waited for.

        """
        if timeout is None:
            timeout = self.limits.grace + 1.0
        for _ in range(2):
            if not self.running or threading.current_thread() is self.thread:
                return
            try:
                self.call(partial(self.wait_settled, timeout), timeout + ANSWER_TIMEOUT)
                return
            except TimeoutError:
                blocker = self.blocked_by()
                # A machine that stood still has kept the loop from answering, and no handler did.
                if blocker != NO_HANDLER or not self.turns(ANSWER_TIMEOUT):
                    break
        self.record.add(
            0,
            Note(
                f"The server's event loop does not answer: {blocker} blocks it. "
                f"In an async consumer, await what takes time: "
                f"await asyncio.sleep(1), not time.sleep(1)."
            ),
        )

    def blocked_by(self) -> str:
        """Name the handler that runs on the loop right now, as far as it is known."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        while frame is not None:
            owner = frame.f_locals.get("self")
            if isinstance(owner, AsyncConsumer):
                name = f"{type(owner).__name__}.{frame.f_code.co_name}"
                return f"{name}, in line {frame.f_lineno} of its cell or file,"
            frame = frame.f_back
        return NO_HANDLER

    # On the host's thread

    def run(self) -> None:
        """Run the loop until the server has stopped."""
        asyncio.set_event_loop(self.loop)
        main = self.loop.create_task(self.main())
        while not main.done():
            try:
                self.loop.run_until_complete(main)
            except BaseException as exc:
                # A task that a consumer started may raise SystemExit, which ends a loop.
                if main.done():
                    if not self.ready.done():
                        self.ready.set_exception(exc)
                    break
                self.record.add(0, Failed(capture(exc)))
                if self.work.over:
                    # What waits for its turn might block the loop as well: it gets none.
                    break
        self.site.close()
        if main.done():
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.site.release()
        for task in asyncio.all_tasks(self.loop):
            keep_for_good(task)
        self.loop.close()
        for turned in list(self.asked):
            self.tell(turned)

    def tell(self, turned: threading.Event) -> None:
        """Tell who has asked that the loop has turned, or has ended."""
        self.asked.discard(turned)
        turned.set()

    async def main(self) -> None:
        """Serve until asked to stop."""
        self.loop.set_exception_handler(self.on_loop_exception)
        self.loop.set_task_factory(make_task)  # type: ignore[arg-type] # it takes all options
        self.site.open()
        async with ThreadSensitiveContext(executor=self.shared_thread):
            self.context = copy_context()
            servers = [await self.serve(listener) for listener in self.listeners]
            self.ready.set_result(None)
            await self.stopping.wait()
            await self.close(servers)
        self.shared_thread.shutdown()

    async def serve(self, listener: socket.socket) -> Server:
        """Serve whoever comes to one of the sockets."""
        return await serve(
            self.handle,
            sock=listener,
            process_request=self.process_request,
            process_response=self.process_response,
            select_subprotocol=self.select_subprotocol,
            create_connection=self.create_wire,  # type: ignore[arg-type] # a factory will do
            # The application's verdict has a timer of its own: this one aborts TCP.
            open_timeout=None,
            close_timeout=self.limits.close_timeout,
            max_size=self.limits.max_size,
            logger=self.logger,
            server_header=None,
            backlog=1024,
        )

    async def close(self, servers: Sequence[Server]) -> None:
        """Close every connection, and cancel what has not ended by then."""
        self.refuse_handshakes("The server restarts.")
        await self.accept_no_more()
        given_up = False
        for server in servers:
            try:
                server.server.close()
            except ValueError:
                # Who gave up a loop that is back now has closed the socket, and asyncio asks for
                # its number in vain. In here, and not in the task that closes: nobody waits for
                # that.
                given_up = True
            server.close(code=1012, reason="the server restarts")
        for wire in list(self.wires):
            if wire.request is None:
                wire.transport.abort()
        if given_up:
            # From Python 3.12 on, such a server of asyncio's never says that it is closed.
            await self.until(lambda: not self.bridges, STOP_TIMEOUT / 4)
        else:
            closed = [asyncio.ensure_future(server.wait_closed()) for server in servers]
            await until_done(*closed, timeout=STOP_TIMEOUT / 4)
        for wire in list(self.wires):
            wire.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await until_done(*others, timeout=STOP_TIMEOUT / 4)

    async def accept_no_more(self) -> None:
        """Accept nobody else, and let those come in who have been accepted.

        asyncio would lose them, with their sockets open, if it closed the server before
        (python/cpython#109564).

        """
        for listener in self.listeners:
            # Windows waits for clients in another way; who was given up has no listener.
            with suppress(NotImplementedError, ValueError):
                self.loop.remove_reader(listener)
        # A task for each, its transport, and then its wire.
        await turns(3)

    def on_loop_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Write down an exception in a task that nobody waits for."""
        exc = context.get("exception")
        if exc is not None:
            # Python 3.12 and later call this in the task's own context, 3.11 in any.
            connection: Any = current_connection.get()
            if connection is None or connection.record is not self.record:
                connection = Nobody(self.record)
            what = f"{context['message']}."
            # The garbage collector may call this in the middle of anything, and ast.parse, which
            # looks into a failure, must not run within itself.
            try:
                loop.call_soon_threadsafe(tell_failure, connection, exc, what)
            except RuntimeError:  # The loop is closed.
                connection.add(Note(what))
                connection.add(Failed(TracebackException.from_exception(exc)))

    def create_wire(self, *args: Any, **kwargs: Any) -> Wire:
        """Create the connection of ``websockets``."""
        return Wire(
            *args,
            **kwargs,
            listener=self,
            request_timeout=self.limits.request_timeout,
        )

    def on_made(self, wire: Wire) -> None:
        """Note that there is a connection."""
        self.wires.add(wire)

    def on_lost(self, wire: Wire) -> None:
        """Note that a connection is gone."""
        self.wires.discard(wire)


def listen(port: int) -> socket.socket:
    """Listen on loopback, on this port if it is free, else on one that is.

    Raises:
        OSError: The machine has no such port, or no IPv4 there.

    """
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as exc:
        if port != 0:
            return listen(0)
        if exc.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise OSError(
                exc.errno, f"This machine has no {LOOPBACK}: a live server needs IPv4 on loopback."
            ) from exc
        raise


def listen_beside(listener: socket.socket) -> list[socket.socket]:
    """Listen on the same port of IPv6's loopback, which ``localhost`` may mean as well.

    There is no such socket where the machine has no IPv6, or where somebody else has the port.

    """
    address = (LOOPBACK_6, listener.getsockname()[1])
    try:
        return [socket.create_server(address, family=socket.AF_INET6)]
    except OSError:
        return []

"""A WebSocket server on an event loop of its own, in a background thread.

The kernel's main thread stays free: a cell may use a blocking client, an asynchronous one, or
none. Everything below runs on the host's loop, except the few methods that say otherwise.

"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from queue import SimpleQueue
from traceback import TracebackException
from typing import Any, Protocol, TypeVar, cast

from asgiref.sync import ThreadSensitiveContext
from asgiref.typing import ASGI3Application
from channels.consumer import AsyncConsumer
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from .access import Access
from .asgi import readable
from .connection import Bridge, Holds, Limits, address, header, wants_websocket
from .files import file_response, http_application, run_http, text_response
from .layer import Layers, Site
from .output import printer
from .record import Failed, Note, Record, Refused
from .wire import Wire

__all__ = ["Host", "Pages"]

T = TypeVar("T")

LOOPBACK = "127.0.0.1"

STOP_TIMEOUT = 3.0
"""Seconds that :meth:`Host.stop` gives a loop that turns."""

ANSWER_TIMEOUT = 1.0
"""Seconds without an answer after which a loop counts as blocked."""

TURNS = 10
"""Turns of the loop in which a connection that has arrived is taken in."""


class Pages(Protocol):
    """Somebody who answers the paths that the course keeps for itself, below ``/browser/``."""

    def respond(self, request: Request) -> Response | None:
        """Answer a plain HTTP request below ``/browser/``."""

    def serve(self, wire: ServerConnection) -> Coroutine[Any, Any, None]:
        """Serve a WebSocket below ``/browser/``; it never enters the record."""


class RecordHandler(logging.Handler):
    """Writes what ``websockets`` logs to the record, and not into a cell."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def emit(self, entry: logging.LogRecord) -> None:
        """Write down a message, and the exception that belongs to it."""
        self.record.add(0, Note(f"websockets: {entry.getMessage()}"))
        if entry.exc_info is not None and entry.exc_info[1] is not None:
            self.record.add(0, Failed(TracebackException.from_exception(entry.exc_info[1])))


class SharedThread(Executor):
    """The one thread in which all sync consumers of a server work, one after the other.

    It writes down who waited for it and who worked in it. It is a daemon: a handler that never
    returns must not keep the kernel from ending, as a thread of the standard library's would.

    Channels comes here before every handler, asynchronous ones too, so the way there and back is
    short: a call is answered with a future of the event loop itself, which ``run_in_executor``
    takes as it is, and results that are ready together wake the loop once.

    """

    def __init__(self, record: Record, loop: asyncio.AbstractEventLoop) -> None:
        self.record = record
        self.loop = loop
        self.calls: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = (
            SimpleQueue()
        )
        self.results: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self.waking = False
        self.thread = threading.Thread(target=self.run, name="sync-consumers", daemon=True)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Put a call into the queue, timed if it is a handler's; run in a coroutine only."""
        call = partial(fn, *args, **kwargs) if args or kwargs else fn
        bridge = printer.get()
        busy = bridge.busy or bridge.layer_busy if isinstance(bridge, Bridge) else None
        if isinstance(bridge, Bridge) and busy is not None and bridge.is_sync():
            call = partial(self.timed, bridge.number, busy[0], time.perf_counter(), call)
        future: Any = asyncio.get_running_loop().create_future()
        self.calls.put((future, call))
        if self.thread.ident is None:
            self.thread.start()
        return cast("Future[T]", future)

    def timed(self, number: int, label: str, asked: float, call: Callable[[], T]) -> T:
        """Make a call, and write down how long it waited and worked."""
        start = time.perf_counter()
        self.record.add_span(number, "waiting", label, asked, start)
        try:
            return call()
        finally:
            self.record.add_span(number, "working", label, start, time.perf_counter())

    def run(self) -> None:
        """Work until there are no more calls, or :func:`interrupt` ends it."""
        with suppress(SystemExit):
            self.work()

    def work(self) -> None:
        """Make the calls, in order."""
        while (item := self.calls.get()) is not None:
            future, call = item
            error: BaseException | None
            if not future.cancelled():
                try:
                    result, error = call(), None
                except StopIteration as exc:
                    # A future does not take it, and the consumer would wait for ever.
                    result, error = None, RuntimeError("handler raised StopIteration")
                    error.__cause__ = exc
                except BaseException as exc:
                    result, error = None, exc
                self.hand_over(future, result, error)
            # While it waits, the thread holds on to nothing.
            item = future = call = result = error = None  # type: ignore[assignment]

    def hand_over(
        self, future: asyncio.Future[Any], result: Any, error: BaseException | None
    ) -> None:
        """Have a loop take a result."""
        loop = future.get_loop()
        # The loop is closed: nobody waits any more.
        with suppress(RuntimeError):
            if loop is not self.loop:
                loop.call_soon_threadsafe(settle_future, future, result, error)
                return
            self.results.append((future, result, error))
            if not self.waking:
                self.waking = True
                loop.call_soon_threadsafe(self.take_results)

    def take_results(self) -> None:
        """Give the results to those who wait for them; run on the loop."""
        # In this order: a result that comes in between wakes the loop again.
        self.waking = False
        while self.results:
            settle_future(*self.results.popleft())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread after the call that it makes now."""
        self.calls.put(None)


def settle_future(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Give a result to whoever still waits for it."""
    if not future.done():
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class Host:
    """One server, from :meth:`start` to :meth:`stop`.

    Args:
        app: An ASGI application.
        record: Where to write what happens.
        port: Port to listen on; 0 or a port that is taken: a free one.
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
        access: Access | None = None,
        limits: Limits | None = None,
        layers: Layers | None = None,
    ) -> None:
        self.app = app
        self.record = record
        self.access = access or Access()
        self.limits = limits or Limits()
        self.pages: Pages | None = None
        self.socket = listen(port)
        self.port: int = self.socket.getsockname()[1]
        self.http_app = http_application(app)
        self.wires: set[Wire] = set()
        self.bridges: set[Bridge] = set()
        self.connections = 0
        self.holds: Holds = deque(maxlen=1000)
        self.loop = asyncio.new_event_loop()
        self.site = Site(self.loop, record, layers)
        self.ready: Future[None] = Future()
        self.stopping = asyncio.Event()
        self.stopped = False
        self.context: Context | None = None
        self.shared_thread = SharedThread(record, self.loop)
        self.logger = logging.Logger("live-server", logging.WARNING)
        self.logger.addHandler(RecordHandler(record))
        self.thread = threading.Thread(
            target=self.run, name=f"live-server-{self.port}", daemon=True
        )

    # Called from any thread

    def start(self) -> None:
        """Start the thread, and return when the server answers."""
        self.thread.start()
        self.ready.result()

    @property
    def running(self) -> bool:
        """Whether the server still answers."""
        return self.thread.is_alive() and not self.stopped

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
        turned = threading.Event()
        with suppress(RuntimeError):  # The loop is closed already.
            # In this order: a loop that has stopped runs nothing any more.
            self.loop.call_soon_threadsafe(turned.set)
            self.loop.call_soon_threadsafe(self.stopping.set)
        if self.thread.is_alive() and turned.wait(ANSWER_TIMEOUT):
            self.thread.join(STOP_TIMEOUT)
        ended = not self.thread.is_alive()
        if not ended:
            self.abandon()
        self.shared_thread.shutdown()
        if self.shared_thread.thread.is_alive():
            self.shared_thread.thread.join(STOP_TIMEOUT / 30)
            interrupt(self.shared_thread.thread)
        return ended

    def abandon(self) -> None:
        """Free the port of a loop that does not turn, and let its clients go."""
        self.site.release()
        self.socket.close()
        for wire in list(self.wires):
            with suppress(OSError):
                wire.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        interrupt(self.thread)
        self.thread.join(STOP_TIMEOUT / 6)

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run a coroutine on the host's loop and wait for its result.

        Raises:
            TimeoutError: It has not finished in time; it is cancelled.

        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result(timeout)
        except BaseException:
            future.cancel()
            raise

    def settle(self, timeout: float | None = None) -> None:
        """Wait until the consumers of closed connections have finished.

        A consumer that is still busy after ``timeout`` seconds is not waited for.

        """
        if timeout is None:
            timeout = self.limits.grace + 1.0
        if self.running and threading.current_thread() is not self.thread:
            try:
                self.call(self.wait_settled(timeout), timeout + ANSWER_TIMEOUT)
            except TimeoutError:
                self.record.add(
                    0,
                    Note(
                        f"The server's event loop does not answer: {self.blocked_by()} blocks "
                        f"it. In an async consumer, await what takes time: "
                        f"await asyncio.sleep(1), not time.sleep(1)."
                    ),
                )

    def blocked_by(self) -> str:
        """Name the handler that runs on the loop right now."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        while frame is not None:
            owner = frame.f_locals.get("self")
            if isinstance(owner, AsyncConsumer):
                name = f"{type(owner).__name__}.{frame.f_code.co_name}"
                return f"{name}, in line {frame.f_lineno} of its cell or file,"
            frame = frame.f_back
        return "a handler"

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
                self.record.add(0, Failed(TracebackException.from_exception(exc)))
        self.site.close()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.site.release()
        self.loop.close()

    async def main(self) -> None:
        """Serve until asked to stop."""
        self.loop.set_exception_handler(self.on_loop_exception)
        self.site.open()
        async with ThreadSensitiveContext(executor=self.shared_thread):
            self.context = copy_context()
            server = await serve(
                self.handle,
                sock=self.socket,
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
            self.ready.set_result(None)
            await self.stopping.wait()
            await self.close(server)
        self.shared_thread.shutdown()

    async def close(self, server: Server) -> None:
        """Close every connection, and cancel what has not ended by then."""
        for bridge in list(self.bridges):
            bridge.refuse(503, "The server restarts.")
        server.close(code=1012, reason="the server restarts")
        for wire in list(self.wires):
            if wire.request is None:
                wire.transport.abort()
        await asyncio.wait({asyncio.ensure_future(server.wait_closed())}, timeout=STOP_TIMEOUT / 4)
        for wire in list(self.wires):
            wire.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=STOP_TIMEOUT / 4)

    def on_loop_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Write down an exception in a task that nobody waits for."""
        exc = context.get("exception")
        if exc is not None:
            # Python 3.12 and later call this in the task's own context.
            bridge = printer.get()
            number = bridge.number if isinstance(bridge, Bridge) else 0
            self.record.add(number, Note(f"{context['message']}."))
            self.record.add(number, Failed(TracebackException.from_exception(exc)))

    async def wait_settled(self, timeout: float) -> None:
        """Wait for the connections that are on their way out."""
        # What has reached the sockets is taken in first.
        for _ in range(TURNS):
            await asyncio.sleep(0)
        deadline = self.loop.time() + timeout
        while self.loop.time() < deadline:
            leaving = {bridge.when_finished() for bridge in self.bridges if bridge.unsettled()}
            if not leaving:
                return
            await asyncio.wait(leaving, timeout=deadline - self.loop.time())

    # One connection

    def create_wire(self, *args: Any, **kwargs: Any) -> Wire:
        """Create the connection of ``websockets``."""
        return Wire(
            *args,
            **kwargs,
            wires=self.wires,
            request_timeout=self.limits.request_timeout,
            on_garbage=self.on_garbage,
        )

    def on_garbage(self, problem: str) -> None:
        """Write down that somebody sent something that is not HTTP."""
        self.record.add(0, Note(f"A client sent something that is no HTTP request: {problem}."))

    async def process_request(self, wire: ServerConnection, request: Request) -> Response | None:
        """Answer an HTTP request, or start the application for a handshake."""
        assert isinstance(wire, Wire)
        host = header(request, "Host")
        refusal = self.access.refuse_host(host)
        if refusal is None and "Upgrade" in request.headers:
            refusal = self.access.refuse_origin(header(request, "Origin"), host)
        if refusal is not None:
            return self.refuse(request, refusal)
        if "Upgrade" not in request.headers:
            return await self.answer(wire, request)
        if not wants_websocket(request):
            return wrong_version(request)
        if request.path.startswith("/browser/") and self.pages is not None:
            return None
        assert self.context is not None
        self.connections += 1
        bridge = Bridge(
            wire,
            self.app,
            self.record,
            self.connections,
            self.limits,
            self.context.copy(),
            self.holds,
            self.bridges,
        )
        wire.bridge = bridge
        return await bridge.handshake(request)

    def refuse(self, request: Request, why: str) -> Response:
        """Refuse a request before it gets anywhere, and write down why."""
        why = readable(why)
        self.record.add(0, Refused("server", 403, f"{readable(request.path)}: {why}"))
        return text_response(403, why)

    async def answer(self, wire: Wire, request: Request) -> Response:
        """Answer a plain HTTP request."""
        found: Response | None = None
        if request.method in ("GET", "HEAD"):
            if self.pages is not None and request.path.startswith("/browser/"):
                found = self.pages.respond(request)
            elif self.http_app is None or request.path.startswith("/static/"):
                try:
                    found = file_response(request.path)
                except PermissionError as exc:
                    return self.refuse(request, str(exc))
        if found is None and self.http_app is not None:
            try:
                found = await run_http(
                    self.http_app,
                    request,
                    address(wire.remote_address),
                    address(wire.local_address),
                )
            except Exception as exc:
                self.record.add(0, Failed(TracebackException.from_exception(exc)))
                found = text_response(500, "The application raised an exception.")
        if found is None:
            found = text_response(404, f"There is no page {readable(request.path)}.")
        if request.method == "HEAD":
            found.body = b""
        return found

    def select_subprotocol(self, wire: ServerConnection, offered: Any) -> Any:
        """Return the application's choice, and never one of our own."""
        assert isinstance(wire, Wire)
        return wire.bridge.accepted.subprotocol if wire.bridge is not None else None

    def process_response(
        self, wire: ServerConnection, request: Request, response: Response
    ) -> Response | None:
        """Add the application's headers to the answer, and get ready for messages."""
        assert isinstance(wire, Wire)
        if wire.bridge is not None and response.status_code == 101:
            wire.open()
            for name, value in wire.bridge.accepted.headers:
                response.headers[name.decode("latin-1")] = value.decode("latin-1")
        return None

    def handle(self, wire: ServerConnection) -> Coroutine[Any, Any, None]:
        """Return what stays with an open connection until it and its application have ended."""
        assert isinstance(wire, Wire)
        if wire.bridge is not None:
            return wire.bridge.serve()
        assert self.pages is not None
        return self.pages.serve(wire)


def listen(port: int) -> socket.socket:
    """Listen on loopback, on this port if it is free, else on one that is."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError:
        if port == 0:
            raise
        return socket.create_server((LOOPBACK, 0))


def wrong_version(request: Request) -> Response | None:
    """Tell a client of another version of the protocol which one is spoken (RFC 6455, 4.4)."""
    if request.headers.get_all("Sec-WebSocket-Version") in ([], ["13"]):
        return None
    found = text_response(426, "This server speaks version 13 of the WebSocket protocol.")
    found.headers["Sec-WebSocket-Version"] = "13"
    found.headers["Upgrade"] = "websocket"
    return found


def interrupt(thread: threading.Thread) -> None:
    """Raise :exc:`SystemExit` in a thread, as soon as it runs its next line of Python.

    Threads end with this one in silence. An endless loop would otherwise take a processor's time
    until the kernel ends.

    """
    if sys.version_info < (3, 12) and sys.gettrace() is not None:
        # Below a debugger, Python 3.11 hangs as long as the other thread does not run.
        return
    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
        )

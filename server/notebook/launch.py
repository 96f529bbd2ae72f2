"""What a notebook calls: ``launch(app)``, and the live server that it returns."""

from __future__ import annotations

import asyncio
import atexit
import inspect
import signal
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any, cast

from asgiref.typing import ASGI3Application
from channels.consumer import AsyncConsumer
from channels.routing import URLRouter
from django.urls import URLPattern

from ..live.access import Access
from ..live.connection import Limits
from ..live.host import Host, listen, listen_beside
from ..live.layer import restart
from ..live.output import route_prints, show_forgotten_awaits
from ..live.record import Entry, Note, Record
from . import door
from .last_cell import last_error
from .runs import runs
from .settings import configure

if TYPE_CHECKING:
    from traceback import TracebackException

    from ..mistakes.diagnosis import Explanation
    from ..pictures import Sequence as SequencePicture
    from ..pictures import Timeline, Transcript

__all__ = ["LiveServer", "current", "launch"]

STUCK = 3.0
"""Seconds after which a handler that is still at work is worth a word."""

servers: dict[str, LiveServer] = {}
"""The live servers of this kernel by name."""


def launch(
    app: Any,
    *,
    name: str = "live",
    port: int | None = None,
    allow_hosts: Iterable[str] = (),
    allow_origins: Iterable[str] = (),
    handshake_timeout: float = Limits.handshake_timeout,
    grace: float = Limits.grace,
    max_size: int = Limits.max_size,
) -> LiveServer:
    """Serve a consumer on a live WebSocket server in the background of this kernel.

    The server listens on loopback only. Launching again replaces the server of the same name
    and keeps its port, so that pages that are still open find it.

    Args:
        app: A consumer class, a list of Django URL patterns, or any ASGI application.
        name: A second server runs beside the first under another name.
        port: Port to listen on; by default that of the server that is replaced, or a free one.
        allow_hosts: Names, besides loopback's, by which a browser may reach the server;
            ``"*"`` allows all.
        allow_origins: Origins, besides the server's own, whose pages may connect, such as
            ``"https://example.org"``; ``"*"`` allows all.
        handshake_timeout: Seconds for a consumer to accept or to refuse.
        grace: Seconds for a consumer to end after ``websocket.disconnect``.
        max_size: Bytes of the largest message from a client.

    Raises:
        TypeError: ``app`` is none of the three.

    """
    configure()
    before = servers.get(name)
    try:
        application = as_application(app)
    except TypeError:
        if before is not None and before.host.running:
            before.remark_failed_launch()
        raise
    limits = Limits(handshake_timeout=handshake_timeout, grace=grace, max_size=max_size)
    access = Access.from_environment(as_names(allow_hosts), as_names(allow_origins))
    left_behind = False
    listeners: tuple[socket.socket, ...] = ()
    if before is not None:
        if port is None:
            port = before.port
        # Not for a moment is the port free: pages from before come back to it.
        listeners = before.host.keep_listening() if port == before.port else ()
        try:
            left_behind = not before.host.stop()
        except BaseException:
            for listener in listeners:
                listener.close()
            raise
    if not listeners:
        first = listen(port or 0)
        listeners = (first, *listen_beside(first), *door.open(name))
    restart()
    record = Record()
    if left_behind:
        record.add(
            0,
            Note(
                "The server before this one did not answer: a handler of its consumer blocked its "
                "event loop. It was left behind, and nobody can reach it any more."
            ),
        )
    route_prints()
    show_forgotten_awaits()
    wake_on_signals()
    host = Host(application, record, listeners=listeners, access=access, limits=limits)
    host.pages = runs
    if port and host.port != port:
        record.add(0, Note(f"Port {port} is taken; this server has port {host.port}."))
    live = LiveServer(host, describe(app), name)
    servers[name] = live
    host.start()
    return live


def current(name: str = "live") -> LiveServer | None:
    """Return the live server of this kernel, if one runs."""
    live = servers.get(name)
    return live if live is not None and live.host.running else None


class LiveServer:
    """A running server: where it is, and what happened on it."""

    def __init__(self, host: Host, app: str, name: str) -> None:
        self.host = host
        self.app = app
        self.name = name
        self.remark = ""
        """What there is to say besides on its card."""

    def remark_failed_launch(self) -> None:
        """Have it said that this is not what was launched last."""
        self.remark = f"The launch after it has failed, so this is still {self.app} from before."
        self.host.record.remark(self.remark)

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self.host.port

    def url(self, path: str = "") -> str:
        """Return the WebSocket URL of a path, with or without its leading slash."""
        route_prints()
        return f"ws://127.0.0.1:{self.port}/{path.removeprefix('/')}"

    @property
    def http_url(self) -> str:
        """The address of the server's own page, for another tab of the browser."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def transcript(self) -> Transcript:
        """Every frame, event, print and exception so far, as a table.

        Reading it waits until the consumers of closed connections have finished.

        """
        from ..pictures import Transcript

        self.host.settle()
        return Transcript(self.host.record.snapshot())

    @property
    def sequence(self) -> SequencePicture:
        """What crossed the wire so far, as a sequence picture."""
        from ..pictures import Sequence

        self.host.settle()
        return Sequence(self.host.record.snapshot())

    @property
    def timeline(self) -> Timeline:
        """Who was busy when, as a picture."""
        from ..pictures import Timeline

        self.host.settle()
        return Timeline(self.host.record.snapshot())

    def explain(
        self, what: BaseException | TracebackException | Entry | int | str | None = None
    ) -> Explanation:
        """Explain an exception, a close code or an entry; by default, what last went wrong.

        That may also be the error that has ended the cell before this one.

        """
        from ..mistakes.diagnosis import explain, explain_entries

        if what is not None:
            return explain(what)
        self.host.settle()
        entries = self.host.record.snapshot().entries
        # Who has begun just now may come to an end at once.
        at_work = self.host.working() and not self.host.working(STUCK)
        return explain_entries(entries, last_error(), at_work)

    def clear(self) -> None:
        """Forget what happened so far."""
        self.host.settle()
        self.host.record.clear()

    def close(self) -> None:
        """Stop the server: clients are told 1012, Service Restart."""
        self.host.stop()
        door.close(self.name)
        if servers.get(self.name) is self:
            del servers[self.name]

    @property
    def verb(self) -> str:
        """What follows the name: an application is live, routes are."""
        return "are" if self.app.endswith(" routes") else "is"

    def __repr__(self) -> str:
        if not self.host.running:
            them = "them" if self.verb == "are" else "it"
            return f"{self.app} {self.verb} not served any more: launch {them} again."
        where = f"{self.app} {self.verb} live at {self.url()} (a page to try it: {self.http_url})"
        return f"{where}. {self.remark}" if self.remark else where

    def _repr_html_(self) -> str:
        if not self.host.running:
            return f"<p>{escape(repr(self))}</p>"
        return (
            f"<p><strong>{escape(self.app)}</strong> {self.verb} live at <code>{self.url()}</code> "
            f'(<a href="{self.http_url}" target="_blank" rel="noopener">a page to try it</a>)'
            f"{' ' + escape(self.remark) if self.remark else ''}</p>"
        )


def as_application(
    app: Any, taker: str = "launch()", example: str = "launch({})"
) -> ASGI3Application:
    """Turn what a learner has into an ASGI application.

    Args:
        app: What it is.
        taker: Who takes it, for the text of an error.
        example: How it is given.

    Raises:
        TypeError: It is no consumer class, no list of URL patterns, and not callable.

    """
    if inspect.isclass(app):
        if issubclass(app, AsyncConsumer):
            return cast(ASGI3Application, cast(Any, app).as_asgi())
        raise TypeError(
            f"{taker} takes a consumer class, and {app.__name__} is none: derive it from "
            f"SyncConsumer, AsyncConsumer or one of the generic consumers."
        )
    if isinstance(app, AsyncConsumer):
        raise TypeError(
            f"{taker} takes the class, and a consumer for each connection is made from it: "
            f"write {example.format(type(app).__name__)}, without parentheses after the name."
        )
    if isinstance(app, URLPattern):
        raise TypeError(
            f"{taker} takes a list of URL patterns: write {example.format('[path(...)]')}."
        )
    if isinstance(app, Sequence) and not isinstance(app, str):
        for pattern in app:
            if not hasattr(pattern, "pattern"):
                raise TypeError(
                    f"{taker} takes a list of URL patterns, and {pattern!r} is none: "
                    f'write path("ws/...", Consumer.as_asgi()).'
                )
        return cast(ASGI3Application, URLRouter(list(app)))
    if callable(app):
        return cast(ASGI3Application, app)
    raise TypeError(
        f"{taker} takes a consumer class, a list of URL patterns or an ASGI application, "
        f"not {type(app).__name__}."
    )


def as_names(names: Iterable[str]) -> Iterable[str]:
    """Take one name for a list of one."""
    return (names,) if isinstance(names, str) else names


def describe(app: Any) -> str:
    """Name an application as a card does."""
    if isinstance(app, Sequence):
        count = len(app)
        return f"{count} route{'s' if count != 1 else ''}"
    return getattr(app, "__name__", None) or type(app).__name__


def wake_on_signals() -> None:
    """Let Kernel → Interrupt reach a cell that awaits a message at once.

    ipykernel's handler cancels the cell, but leaves its event loop asleep until something else
    happens. A loop that handles any signal is woken up by all of them; SIGURG is one that
    nobody sends.

    """
    # There is no loop outside a kernel, and no such signal on Windows.
    with suppress(RuntimeError, ValueError, NotImplementedError, AttributeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGURG, lambda: None)


def close_all() -> None:
    """Stop every live server; run when the kernel ends."""
    for live in list(servers.values()):
        live.close()


atexit.register(close_all)

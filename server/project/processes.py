"""Processes that a notebook starts: found a port, heard, waited for, and ended by their pid."""

from __future__ import annotations

import atexit
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from secrets import randbelow

import psutil

from .valkey import NAMES, NO_VALKEY, find_valkey
from .watchman import end

__all__ = [
    "CannotStart",
    "Child",
    "child_process",
    "complete",
    "free_port",
    "interrupt_held_back",
    "is_taken",
    "watchman",
]

MODULES = ("daphne", "granian", "hypercorn", "uvicorn")
"""Commands that are modules as well, and are run as such: their scripts may not be on the path."""

ENVIRONMENT = {
    "DJANGO_COLORS": "nocolor",
    "NO_COLOR": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "utf-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHON_COLORS": "0",
}


class CannotStart(Exception):
    """A command that cannot be run here; the text is one sentence."""


class Watchman:
    """The process that ends what is left when this one has ended without doing so."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("watchman.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            # An interrupt is for the kernel, and is sent to its whole group.
            start_new_session=True,
        )
        atexit.register(self.dismiss)

    def tell(self, order: str) -> None:
        """Give an order; see :func:`server.project.watchman.watch`."""
        assert self.process.stdin is not None
        with self.lock, suppress(OSError, ValueError):
            self.process.stdin.write(f"{order}\n")
            self.process.stdin.flush()

    def dismiss(self) -> None:
        """Let it end what is left, and wait for that."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        self.process.wait()


@cache
def watchman() -> Watchman:
    """Return this kernel's watchman; it is hired with the first process."""
    return Watchman()


def complete(command: str, **values: object) -> list[str]:
    """Return the words of a command, with the program that its first word stands for.

    Raises:
        CannotStart: There is no such program.

    """
    try:
        words = shlex.split(command.format(**values))
    except LookupError:
        why = "only {port} may stand in braces, and only where a server is started"
        raise CannotStart(f"{command!r} cannot be read as a command: {why}.") from None
    except ValueError as error:
        raise CannotStart(f"{command!r} cannot be read as a command: {error}.") from None
    if not words:
        raise CannotStart("the command is empty.")
    name, *options = words
    if name in ("python", "python3"):
        return [sys.executable, *options]
    if name in MODULES:
        return [sys.executable, "-m", name, *options]
    if name in NAMES:
        found = find_valkey()
        if not found:
            raise CannotStart(NO_VALKEY)
        return [*found, *options]
    return [name, *options]


PORTS = range(20_000, 32_000)
"""From where the ports of projects' servers are."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on.

    Nobody is given it by chance either, while a server that has ended is to start there again: who
    names no port gets one from 32768 upwards on Linux, from 49152 on macOS and Windows.

    Raises:
        CannotStart: All are taken.

    """
    first = randbelow(len(PORTS))
    for port in chain(PORTS[first:], PORTS[:first]):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise CannotStart("no port is free.")


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def interrupt_held_back() -> Iterator[None]:
    """Let an interrupt take effect at the end of a block, and not in the middle of it.

    While a process starts, nobody has it yet who could end it.

    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: heard.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard.is_set():
            signal.raise_signal(signal.SIGINT)


class Child:
    """A process of ours: what it has written, and its end."""

    def __init__(self, words: list[str], folder: Path, settings: Mapping[str, str]) -> None:
        try:
            self.popen = subprocess.Popen(
                words,
                cwd=folder,
                env={**os.environ, **ENVIRONMENT, **settings},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise CannotStart(f"{words[0]} cannot be run: {error.strerror}.") from None
        watchman().tell(f"watch {self.popen.pid}")
        self.process = psutil.Process(self.popen.pid)
        self.lines: list[str] = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read, name="log", daemon=True)
        self.reader.start()

    def read(self) -> None:
        """Take the lines as they come."""
        assert self.popen.stdout is not None
        with self.popen.stdout:
            for line in self.popen.stdout:
                with self.news:
                    self.lines.append(line.rstrip("\n"))
                    self.news.notify_all()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.popen.poll() is None

    def wait_for_port(self, port: int, patience: float) -> bool:
        """Wait until it listens on the port; return whether that is so."""
        deadline = time.monotonic() + patience
        while self.running and time.monotonic() < deadline:
            # Somebody else may have been faster, and would answer in its place.
            if is_taken(port) and self.listens(port):
                return True
            time.sleep(0.02)
        return False

    def listens(self, port: int) -> bool:
        """Tell whether it, or a process that it has started, listens on the port."""
        try:
            for process in chain([self.process], self.process.children(recursive=True)):
                for connection in process.net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                        return True
        except psutil.NoSuchProcess:
            pass  # it has ended, or changes its processes just now
        except psutil.AccessDenied:
            return True  # it runs as somebody else, and nothing speaks against it
        return False

    def find_line(self, text: str, since: int, patience: float, *ends: str) -> int | None:
        """Wait for a line that holds a text, after the first so many; return its number.

        A line that is one of the ends ends the wait as well.

        """

        def find() -> int:
            lines = enumerate(self.lines[since:], since)
            return next((n for n, line in lines if text in line or line in ends), -1)

        with self.news:
            self.news.wait_for(lambda: find() >= 0, patience)
            found = find()
        return found if found >= 0 else None

    def stop(self, grace: float = 5.0) -> None:
        """Tell it to end, and end it if it does not."""
        self.finish(grace)

    def kill(self) -> None:
        """End it without asking, as a crash or a lack of memory does."""
        with suppress(OSError):
            self.popen.kill()
        self.finish(0)

    def wait(self, patience: float) -> bool:
        """Wait for its end and for its last line; return whether it has ended."""
        try:
            self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            return False
        self.finish(0)
        return True

    def finish(self, grace: float) -> None:
        """See to it that it and all that it has started have ended, and that all is read."""
        if self.running:
            end([self.process], grace)
        self.popen.wait()
        self.reader.join(2.0)
        watchman().tell(f"forget {self.popen.pid}")


@contextmanager
def child_process(words: list[str], folder: Path, settings: Mapping[str, str]) -> Iterator[Child]:
    """Have a process for the length of a block; an interrupt ends it as well."""
    child = None
    try:
        with interrupt_held_back():
            child = Child(words, folder, settings)
        yield child
    finally:
        if child is not None:
            child.finish(0)

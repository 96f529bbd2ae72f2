"""A trial: a learner's answer on a private server, and real clients that talk to it."""

from __future__ import annotations

import asyncio
import builtins
import gc
import getpass
import random
import re
import string
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from traceback import TracebackException
from typing import Any, NoReturn, TypeAlias
from weakref import WeakSet

from channels.layers import InMemoryChannelLayer
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from ..live.connection import Limits
from ..live.host import Host
from ..live.layer import Watch, own_layers, unread
from ..live.output import route_prints
from ..live.record import Failed, Note, Received, Record, Refused, Snapshot
from ..mistakes.diagnosis import diagnose_entry
from ..mistakes.registry import MISTAKES, Mistake, diagnose_text
from ..notebook.launch import as_application
from .mistakes import (
    MORE_THAN_ASKED,
    NEARLY,
    NO_F,
    ONLY_BEGINNING,
    ONLY_EXAMPLES,
    SENT_AGAIN,
)

__all__ = [
    "ENDED",
    "NOTHING",
    "REFUSED",
    "Client",
    "End",
    "NotYet",
    "Patience",
    "Sheet",
    "Step",
    "Trial",
    "a_word",
    "came",
    "quote",
    "unless_right",
]

NOTHING = "nothing"
"""What came where nothing came."""

REFUSED = "refused with HTTP"
"""What came where the handshake was refused; the status follows."""

ENDED = "the end of the connection"
"""What came where the connection ended."""

SLICE = 0.1
"""Seconds of one piece of a wait."""

AT_ONCE = 0.5
"""Seconds in which a connection opens that nothing delays."""

layers_of_trials: WeakSet[InMemoryChannelLayer] = WeakSet()
"""The layers of this trial and of those before it that are still there."""

Likely: TypeAlias = Mapping[Any, Mistake] | Callable[[Any], Mistake | None]
"""Which mistake a wrong answer gives away: by the answer, or by a function of it."""


@dataclass(frozen=True)
class Patience:
    """How long, in seconds, a trial waits for what may never come."""

    handshake: float = 2.0
    """For the consumer to accept or to refuse."""

    answer: float = 2.0
    """For one message, or for the end of a connection."""

    idle: float = 0.5
    """For the same, from a consumer that waits for the next event itself."""

    leave: float = 1.5
    """For the consumer to end after its client has left."""

    total: float = 3.5
    """For all of the scenario. Only what is waited counts: on a machine that is busy with something
    else, the work of the check takes long as well."""

    stop: float = 0.7
    """For the server to stop; a loop that is blocked is left behind."""


@dataclass(frozen=True)
class Step:
    """One expectation, and what came of it."""

    what: str
    passed: bool
    expected: str = ""
    came: str = ""


class NotYet(Exception):
    """An expectation is not met; the scenario ends here."""


class Sheet:
    """The expectations of a scenario, one after the other."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.mistake: Mistake | None = None

    def passed(self, what: str) -> None:
        """Note an expectation that is met."""
        self.steps.append(Step(what, True))

    def expect(
        self, what: str, ok: bool, expected: str, came: str, mistake: Mistake | None = None
    ) -> None:
        """Note an expectation, and end the scenario if it is not met."""
        if ok:
            self.passed(what)
        else:
            self.fail(what, expected, came, mistake)

    def fail(self, what: str, expected: str, came: str, mistake: Mistake | None = None) -> NoReturn:
        """End the scenario with an expectation that is not met.

        Raises:
            NotYet: Always.

        """
        self.steps.append(Step(what, False, expected, came))
        self.mistake = mistake
        raise NotYet(what)


class Trial(Sheet):
    """An answer on a server of its own, from ``with`` to its end.

    Args:
        answer: A consumer class, a list of routes, or an ASGI application.
        patience: How long to wait.

    Raises:
        TypeError: The answer is none of these.

    """

    def __init__(self, answer: Any, patience: Patience) -> None:
        super().__init__()
        self.answer = answer
        self.patience = patience
        self.record = Record(max_entries=2_000, max_bytes=2**20)
        self.caught: list[warnings.WarningMessage] = []
        """The warnings about coroutines that nobody awaits, and others, so far."""
        limits = Limits(
            handshake_timeout=patience.handshake,
            grace=patience.leave,
            busy_timeout=patience.leave,
            close_timeout=patience.leave,
        )
        # The learner's own server may have a group of the same name.
        self.layers = {"default": InMemoryChannelLayer()}
        layers_of_trials.update(self.layers.values())
        self.host = Host(as_application(answer), self.record, limits=limits, layers=self.layers)
        self.context = ExitStack()
        self.clients = ExitStack()
        self.connections: list[ClientConnection] = []
        self.hurry = False
        """Whether nobody would answer a close."""
        self.budget = patience.total
        """Seconds that may still be waited."""
        self.was_busy = False
        """Whether a consumer was at work when the last wait was given up."""
        self.forgiven = 0
        """The exceptions up to this entry were expected."""
        self.messages = 0
        """How many messages the clients have sent."""

    def __enter__(self) -> Trial:
        route_prints()
        self.context.enter_context(own_layers(self.layers))
        self.host.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.context.close()
        # A loop that is blocked would make stop() wait for longer than a learner should.
        stopping = threading.Thread(target=self.host.stop, name="check-stops", daemon=True)
        stopping.start()
        stopping.join(self.patience.stop)

    def run(self, scenario: Callable[[Trial], None]) -> bool:
        """Play a scenario and tell whether all that it expects is met."""
        with caught_warnings():
            # A coroutine that was forgotten before is none of this answer's.
            gc.collect()
        with caught_warnings() as self.caught, nobody_at_the_keyboard():
            try:
                scenario(self)
                self.leave()
            except NotYet:
                self.give_up()
                # What was raised keeps a coroutine that nobody awaits in a cycle. Python would
                # tell of it whenever it comes to collect that, below a cell that is not to blame.
                gc.collect()
                return False
        return True

    # Expectations

    def fail(self, what: str, expected: str, came: str, mistake: Mistake | None = None) -> NoReturn:
        """End the scenario with an expectation that is not met.

        Raises:
            NotYet: Always.

        """
        if came == NOTHING and self.was_busy:
            came = f"{NOTHING} yet: the handler is still at work"
            # It may be right for more than the examples, and is late.
            mistake = None if mistake is ONLY_EXAMPLES else mistake
        super().fail(what, expected, came, mistake)

    def expect_end(
        self,
        what: str,
        ok: bool,
        expected: str,
        got: str | bytes | End | None,
        mistake: Mistake | None,
    ) -> None:
        """Note how a connection ended, and end the scenario if it is not as it should be."""
        self.expect(what, ok, expected, came(got), mistake)

    # Clients

    def hurry_up(self, seconds: float) -> None:
        """Let the rest of the scenario wait for no more than so many seconds."""
        self.budget = min(self.budget, seconds)

    def left(self, most: float) -> float:
        """Return how long one wait may be, so that the whole stays within its bound."""
        return max(0.05, min(most, self.budget))

    def connect(
        self,
        path: str = "",
        what: str = "the connection opens",
        likely: Likely | None = None,
        quiet: bool = False,
        **options: Any,
    ) -> Client:
        """Open a connection, which is an expectation; it stays open until the end.

        ``quiet``: only that it does not open is worth a line.

        """
        start = time.monotonic()
        connection = self.try_connect(path, **options)
        self.budget -= max(0.0, time.monotonic() - start - AT_ONCE)
        if isinstance(connection, str):
            self.fail(what, "accepted", connection, find_likely(likely, connection))
        assert isinstance(connection, ClientConnection)
        if not quiet:
            self.passed(what)
        return Client(self, connection)

    def try_connect(
        self, path: str = "", subprotocols: list[str] | None = None, **options: Any
    ) -> ClientConnection | str:
        """Open a connection, or return what came instead."""
        try:
            opened: ClientConnection = self.clients.enter_context(
                connect(
                    f"ws://127.0.0.1:{self.host.port}/{path}",
                    # The server gives up first, and says why.
                    open_timeout=self.patience.handshake + 3.0,
                    close_timeout=self.patience.leave,
                    ping_interval=None,
                    compression=None,
                    proxy=None,
                    subprotocols=[Subprotocol(name) for name in subprotocols or ()] or None,
                    **options,
                )
            )
            self.connections.append(opened)
            return opened
        except InvalidStatus as exc:
            return f"{REFUSED} {exc.response.status_code}"
        except TimeoutError:
            return "no answer to the handshake"
        except (InvalidHandshake, OSError, EOFError):
            return "the handshake broke off"

    # The end

    def leave(self) -> None:
        """Let all clients leave, and see that consumers end well."""
        self.clients.close()
        self.host.settle(self.patience.leave + 0.3)
        what = "the consumer ends when its client leaves"
        for entry in self.record.snapshot().entries:
            if isinstance(entry.what, Failed) and entry.number > self.forgiven:
                until = "no handler raises an exception until its client has left"
                self.fail(until, "no exception", "an exception", diagnose_entry(entry))
            if isinstance(entry.what, Note):
                found = diagnose_text(entry.what.text)
                if found in (MISTAKES["no-stop-consumer"], MISTAKES["blocking"]):
                    self.fail(what, "its end", "it went on waiting", found)
        self.passed(what)

    def give_up(self) -> None:
        """Let all clients go, after an expectation was not met."""
        if self.blocked():
            self.hurry = True
            self.record.add(
                0, Note("The server's event loop does not answer: a handler blocks it.")
            )
        else:
            # What the consumer does about the last message, its exception say, is on its way.
            self.host.settle(0.2)

    def blocked(self) -> bool:
        """Tell whether the server's loop is kept from turning."""
        try:
            self.host.call(partial(asyncio.sleep, 0), 0.4)
        except TimeoutError:
            # A loop that no handler holds stands still for another reason: the machine's.
            return any(
                bridge.busy is not None and bridge.sync_event is None
                for bridge in tuple(self.host.bridges)
            )
        return False

    def forgive_failures(self) -> None:
        """Take the exceptions so far for what was expected."""
        self.host.settle(0.2)
        self.forgiven = self.snapshot.entries[-1].number

    def close_clients(self) -> None:
        """Close what is still open, with no wait for a server that does not answer."""
        if self.hurry:
            for connection in self.connections:
                connection.close_timeout = 0.05
        # The verdict is there: what a handler forgets on its way out does not change it any more.
        with caught_warnings():
            self.clients.close()
            if not self.hurry:
                self.host.settle(0.2)

    # What happened

    @property
    def snapshot(self) -> Snapshot:
        """What the record holds now."""
        return self.record.snapshot()

    def noted(self, id: str) -> bool:
        """Tell whether the server wrote down what gives a mistake away."""
        return any(
            isinstance(entry.what, Note | Refused) and diagnose_entry(entry) is MISTAKES[id]
            for entry in self.snapshot.entries
        )

    @property
    def idle(self) -> bool:
        """Whether the consumers have taken all messages and wait for more."""
        taken = sum(isinstance(entry.what, Received) for entry in self.snapshot.entries)
        return (
            taken >= self.messages
            and not self.host.working()
            and not unread(self.layers)
            # What a loop has in hand that stands still is on its way.
            and self.host.turns(SLICE / 2)
        )

    @property
    def warnings(self) -> list[str]:
        """What Python has said of coroutines of this answer that nobody awaits."""
        return [
            f"{one.category.__name__}: {one.message}"
            for one in self.caught
            if is_of_a_coroutine(one) and self.may_be_own(one.source)
        ]

    def may_be_own(self, source: object) -> bool:
        """Tell whether a coroutine that has not begun can be this answer's.

        The server of an answer before it may end late, and lets go of what that one has forgotten.
        Whose method a coroutine is, its frame says; of other functions nobody can tell.

        """
        frame = getattr(source, "cr_frame", None)
        owner = frame.f_locals.get("self") if frame is not None else None
        if isinstance(owner, Watch) and owner.layer in layers_of_trials:
            return owner.layer in self.layers.values()
        match getattr(owner, "scope", None):
            case {"server": [_, int(port)]}:
                return port == self.host.port
        return True

    @property
    def failures(self) -> list[TracebackException]:
        """The exceptions that the answer raised, in order."""
        return [
            entry.what.exception
            for entry in self.snapshot.entries
            if isinstance(entry.what, Failed)
        ]


class Client:
    """One connection of a trial, and what is expected of it."""

    def __init__(self, trial: Trial, connection: ClientConnection) -> None:
        self.trial = trial
        self.connection = connection
        self.taken: list[str] = []
        """The messages that have come and were expected."""

    def send(self, message: str | bytes) -> None:
        """Send a message; that the connection is gone shows at the next expectation."""
        with suppress(ConnectionClosed, OSError):
            self.connection.send(message)
            self.trial.messages += 1

    def receive(self) -> str | bytes | End | None:
        """Return the next message, how the connection ended, or ``None`` if nothing comes."""
        patience = self.trial.patience
        left = self.trial.left(patience.answer)
        wait = idle = 0.0  # First what has come already.
        was_idle = True
        while True:
            # In slices, of which each counts as long as it should have been: a machine that is
            # busy with something else is not the consumer's fault.
            try:
                return self.connection.recv(wait)
            except TimeoutError:
                left -= wait
                self.trial.budget -= wait
                idle = idle + wait if was_idle else 0.0
                if left <= 0 or idle >= patience.idle:
                    self.trial.was_busy = not was_idle
                    return None
                wait = min(SLICE, left)
                was_idle = self.trial.idle
            except ConnectionClosed as exc:
                frame = exc.rcvd
                return End(frame.code, frame.reason) if frame is not None else End(1006, "")

    def answers(
        self, expected: str, what: str = "", likely: Likely | None = None, quiet: bool = False
    ) -> None:
        """Expect one message; ``quiet``: only its absence is worth a line."""
        got = self.receive()
        if got != expected:
            what = what or f"{quote(expected)} comes"
            mistake = find_likely(likely, got) or nearly_right(got, expected) or self.again(got)
            self.trial.fail(what, quote(expected), came(got), mistake)
        self.taken.append(expected)
        if not quiet:
            self.trial.passed(what or f"{quote(expected)} comes")

    def again(self, got: object) -> Mistake | None:
        """Return the mistake behind a message that has come before, where one was too many."""
        # An answer that is always the same comes once for each message: then nothing follows.
        one_more = got in self.taken[-1:] and isinstance(self.receive(), str | bytes)
        return SENT_AGAIN if one_more else None

    def is_asked(self, message: str | bytes, expected: str, likely: Likely | None = None) -> None:
        """Send a message and expect one answer."""
        self.send(message)
        self.answers(expected, f"{quote(message)} is answered with {quote(expected)}", likely)


@dataclass(frozen=True)
class End:
    """How a connection ended, as its client was told."""

    code: int
    reason: str


def a_word() -> str:
    """Return a word that no answer can know, another one each time."""
    return "".join(random.choices(string.ascii_lowercase, k=7))


def unless_right(likely: Likely | None = None) -> Callable[[object], Mistake]:
    """Say of an answer to what no table shows that it is right for the examples only.

    ``likely`` knows better, where the wrong answer gives something else away.

    """
    return lambda got: find_likely(likely, got) or ONLY_EXAMPLES


def find_likely(likely: Likely | None, got: object) -> Mistake | None:
    """Return the mistake that a wrong answer gives away."""
    if likely is None:
        return None
    if callable(likely):
        return likely(got)
    return likely.get(got)


def nearly_right(got: object, expected: str) -> Mistake | None:
    """Return why a text that resembles the right one is not taken."""
    if not isinstance(got, str):
        return None
    if letters(got) == letters(expected):
        return NEARLY
    if re.search(r"\{[\w.]+\}", got):
        return NO_F
    if got and expected.startswith(got):
        return ONLY_BEGINNING
    return MORE_THAN_ASKED if expected in got else None


def letters(text: str) -> str:
    """Return the letters and digits of a text, all of them small."""
    return "".join(filter(str.isalnum, text)).casefold()


def came(got: str | bytes | End | None) -> str:
    """Say what came, in words that are the same on every run."""
    match got:
        case None:
            return NOTHING
        case End(1006, _):
            return f"{ENDED}, without a close frame (1006)"
        case End(code, ""):
            return f"{ENDED}, with {code}"
        case End(code, reason):
            return f"{ENDED}, with {code} and the reason {quote(reason)}"
        case _:
            return quote(got)


def quote(message: str | bytes) -> str:
    """Return a message as Python shows it, shortened; a text always in double quotes."""
    shown = message[:80]
    if isinstance(shown, bytes):
        text = repr(shown)
    else:
        text = repr(shown)
        if text.startswith("'") and '"' not in text:
            text = f'"{text[1:-1]}"'
    return text if len(message) <= 80 else f"{text[:-1]}…{text[-1]}"


@contextmanager
def caught_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Collect the warnings about coroutines that nobody awaits; others go their way at the end."""
    with warnings.catch_warnings(record=True) as caught:
        # By default Python tells each of them once only, and a check runs again and again.
        warnings.simplefilter("always", RuntimeWarning)
        yield caught
    for one in caught:
        if not is_of_a_coroutine(one):
            warnings.showwarning(one.message, one.category, one.filename, one.lineno)


def is_of_a_coroutine(warning: warnings.WarningMessage) -> bool:
    """Tell whether a warning is about a coroutine that nobody awaits."""
    return "was never awaited" in str(warning.message)


def refuse_to_ask(*args: Any) -> NoReturn:
    """Stand in for ``input()``, which would put a box below the cell, and wait for ever.

    Raises:
        RuntimeError: Always.

    """
    raise RuntimeError("nobody sits at the keyboard of a server")


def refuse_to_exit() -> NoReturn:
    """Stand in for what a notebook's ``exit()`` does, which is to end the kernel.

    Raises:
        SystemExit: Always.

    """
    raise SystemExit


@contextmanager
def nobody_at_the_keyboard() -> Iterator[None]:
    """Keep an answer from asking the learner something, and from ending the notebook."""
    from IPython.core.getipython import get_ipython  # late: see ran.py

    shell = get_ipython()
    with (
        replaced(builtins, "input", refuse_to_ask),
        replaced(getpass, "getpass", refuse_to_ask),
        replaced(shell, "ask_exit", refuse_to_exit),
    ):
        yield


@contextmanager
def replaced(owner: object, name: str, value: object) -> Iterator[None]:
    """Put something in the place of an attribute for a while, where there is one."""
    before = getattr(owner, name, None)
    if before is None:
        yield
        return
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)

"""Make out a known mistake: an exception, a close code, an entry of the record.

What is known is in :mod:`server.mistakes.registry`.

"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape
from traceback import TracebackException

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from ..live.failure import capture, chain
from ..live.record import (
    LOSSES,
    Closed,
    Disconnected,
    Entry,
    Failed,
    Lost,
    Note,
    Printed,
    Received,
    Refused,
    Sent,
    Undelivered,
)
from .codes import explain_code, explain_end
from .registry import MISTAKES, Mistake, diagnose_text

MAX_ABOUT = 300
"""Characters of a text that an explanation repeats."""

__all__ = [
    "Explanation",
    "diagnose_entry",
    "diagnose_failure",
    "explain",
    "explain_entries",
]


@dataclass(frozen=True)
class Explanation:
    """What is known about something that went wrong; shows as text and in a notebook."""

    about: str
    """What was asked about, in a line."""

    text: str
    """One to three lines."""

    mistake: Mistake | None = None

    def __repr__(self) -> str:
        return f"{self.about}\n{self.text}" if self.about else self.text

    def _repr_html_(self) -> str:
        lines = "<br>".join(map(escape, self.text.split("\n")))
        about = f"<code>{escape(self.about)}</code><br>" if self.about else ""
        return f'<p class="mathjax_ignore">{about}{lines}</p>'


def explain(what: BaseException | TracebackException | Entry | int | str) -> Explanation:
    """Explain an exception, a close code, an entry of a transcript, or an error's text.

    >>> explain(1006)
    >>> explain("Still in CONNECTING state.")

    Raises:
        TypeError: ``what`` is none of these.

    """
    match what:
        case bool():
            raise TypeError("explain() takes an exception, a close code, an entry or a text")
        case int():
            return Explanation(f"close code {what:d}", explain_code(what))
        case str():
            return explained(what, diagnose_text(what))
        case BaseException():
            return explain(capture(what))
        case TracebackException():
            return explained(last_line(what), find_failure(what), seen_in(what))
        case Entry():
            return explain_entry(what)
        case _:
            raise TypeError(
                f"explain() takes an exception, a close code, an entry or a text, "
                f"not {type(what).__name__}"
            )


def explained(about: str, found: Mistake | None, seen: str = "") -> Explanation:
    """Explain something that is a known mistake, or is not."""
    if len(about) > MAX_ABOUT:
        about = f"{about[:MAX_ABOUT]}… ({len(about):,} characters)"
    if found is None:
        text = "This is none of the mistakes that the course knows. Read its text and its line."
    else:
        text = f"{found.name}: {found.cause}\n{found.fix}"
    return Explanation(about, f"{text}\n{seen}" if seen else text, found)


def explain_entry(entry: Entry) -> Explanation:
    """Explain one entry of a record."""
    match entry.what:
        case Failed(exception):
            return explain(exception)
        case Closed(by, code, _) | Disconnected(by, code, _):
            return Explanation(f"close code {code:d}", explain_end(by, code))
        case _:
            found = diagnose_entry(entry)
            if found is not None:
                return explained(f"entry {entry.number}", found)
            return Explanation(
                "", f"Entry {entry.number} is not a mistake that is known.{seen(entry)}"
            )


def seen(entry: Entry) -> str:
    """Say what an entry says, where it is one of the server's own."""
    match entry.what:
        case Note(text):
            return f" It says: {text}"
        case Refused(_, status, why, _):
            return f" The handshake was refused with HTTP {status}{': ' if why else '.'}{why}"
        case Undelivered():
            return " The consumer never took this message: it had ended, or was closing."
        case _:
            return ""


def explain_entries(
    entries: Iterable[Entry], error: BaseException | None = None, at_work: bool = False
) -> Explanation:
    """Explain the last thing that went wrong: in a record, or in a cell that was run after it.

    Args:
        entries: The record.
        error: What has ended the cell.
        at_work: Whether a handler has begun and not come to its end.

    """
    if error is not None and not isinstance(error, TOLD_BY_A_CLIENT):
        return of_the_cell(error)
    backwards = list(entries)[::-1]
    for wanted in (is_failure, is_known, is_bad_end, is_remark):
        for entry in backwards:
            if wanted(entry):
                found = explain(cause_of(entry, backwards))
                if isinstance(entry.what, Disconnected) and entry.what.by == "client":
                    of_it = (other for other in backwards if other.connection == entry.connection)
                    return replace(found, text=f"{found.text}{unanswered(of_it, at_work)}")
                return found
    if error is not None and not isinstance(error, KeyboardInterrupt):
        return of_the_cell(error)
    return Explanation("", f"{NOTHING}{unanswered(backwards, at_work)}")


TOLD_BY_A_CLIENT = (ConnectionClosed, InvalidHandshake, OSError, EOFError, KeyboardInterrupt)
"""What a client raises, or ends with, when something went wrong on the server: no explanation."""


def of_the_cell(error: BaseException) -> Explanation:
    """Explain what has ended a cell."""
    found = explain(error)
    return replace(found, text=f"{found.text}\n{OF_THE_CELL}")


OF_THE_CELL = "The cell that you ran last has raised it, and not a consumer."


def unanswered(backwards: Iterable[Entry], at_work: bool = False) -> str:
    """Say that the last message was not answered; nothing where it was, or none came."""
    if at_work:
        return " A handler has begun and not come to its end: a pause, or an endless loop."
    for entry in backwards:
        if isinstance(entry.what, Received):
            return (
                f" Nothing was sent after the last message of client {entry.connection}, entry "
                f"{entry.number}: follow your code for it."
            )
        if isinstance(entry.what, Sent):
            break
    return ""


SYMPTOMS = {"unused-message", "no-accept", "no-handler"}
"""What follows from a line of code that the server may have remarked upon."""

CAUSES = {
    "handler-misnamed",
    "json-receive",
    "returned-by-handler",
    "not-called",
    "class-from-before",
}
"""What such a remark says."""


def cause_of(entry: Entry, backwards: Iterable[Entry]) -> Entry:
    """Return the remark that says why, where an entry is only what follows from it."""
    if is_one_of(entry, SYMPTOMS):
        return next((other for other in backwards if is_one_of(other, CAUSES)), entry)
    return entry


def is_one_of(entry: Entry, ids: set[str]) -> bool:
    """Tell whether an entry gives away one of some mistakes."""
    found = diagnose_entry(entry)
    return found is not None and found.id in ids


NOTHING = "Nothing went wrong here, as far as the record shows."

GOOD_ENDS = (1000, 1001, 1005, 1012)
"""The close codes of connections of which nothing went wrong."""


def is_failure(entry: Entry) -> bool:
    """Tell whether an entry is an exception."""
    return isinstance(entry.what, Failed)


def is_known(entry: Entry) -> bool:
    """Tell whether an entry gives a known mistake away."""
    return diagnose_entry(entry) is not None


def is_bad_end(entry: Entry) -> bool:
    """Tell whether a connection was refused, or ended as none is meant to."""
    match entry.what:
        case Refused():
            return True
        case Closed(_, code, _) | Disconnected(_, code, _):
            return code not in GOOD_ENDS and code < 3000
        case _:
            return False


def is_remark(entry: Entry) -> bool:
    """Tell whether an entry is a remark of the server's, or a message that nobody took."""
    return isinstance(entry.what, Note | Undelivered)


def find_failure(exception: TracebackException) -> Mistake | None:
    """Return the mistake behind an exception, or behind its cause."""
    for current, facts in chain(exception):
        found = diagnose_text(last_line(current), facts)
        if found is not None:
            return found
    return None


def seen_in(exception: TracebackException) -> str:
    """Say which value it was, in a sentence; empty where that is not known."""
    for _, facts in chain(exception):
        if facts is None:
            continue
        if facts.none:
            return f"Here, {facts.none} is None."
        if facts.key and facts.holder_words:
            return f"Here, {facts.holder_words} has no key {facts.key!r}."
    return ""


def diagnose_failure(exception: TracebackException) -> str | None:
    """Return what to do about an exception, in a line; ``None``: the mistake is not known."""
    found = find_failure(exception)
    return f"{found.name}. {found.fix}" if found is not None else None


def diagnose_entry(entry: Entry) -> Mistake | None:
    """Return the mistake that an entry of a record gives away."""
    match entry.what:
        case Failed(exception):
            return find_failure(exception)
        case Note(text) | Refused("server", _, text, _):
            return diagnose_text(text)
        case Printed(text, "stderr"):
            return diagnose_text(text) if "was never awaited" in text else None
        case Refused("consumer", 403, _, _):
            return MISTAKES["close-before-accept"]
        case Sent(str() as text):
            return next((MISTAKES[id] for sign, id in SIGNS if text.startswith(sign)), None)
        case Received("[object Object]"):
            return MISTAKES["object-object"]
        case Lost(_, _, why):
            return diagnose_text(LOSSES[why])
        case _:
            return None


SIGNS = (
    ("<coroutine object ", "coroutine-as-value"),
    ("<bound method ", "not-called"),
    ("<built-in method ", "not-called"),
    ("<function ", "not-called"),
)
"""How a text begins that shows an object where its value was meant."""


def last_line(exception: TracebackException) -> str:
    """Return an exception's type and message."""
    lines = "".join(exception.format_exception_only()).splitlines()
    # A SyntaxError begins with the place, notes come after the message.
    shown = [line for line in lines if line and not line.startswith(" ")]
    return shown[0].removeprefix("json.decoder.") if shown else ""

"""Make out a known mistake by its looks: an exception, a close code, an entry of the record.

What is known is in :mod:`server.mistakes.registry`.

"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from traceback import TracebackException

from ..live.record import Closed, Disconnected, Entry, Failed, Note, Printed, Refused
from ..live.tracebacks import learner_frames
from .codes import explain_code
from .registry import MISTAKES, Mistake, diagnose_text

MAX_TEXT = 2_000
"""Characters of a text in which a mistake is looked for: its words are near the beginning."""

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
        return f"<p>{about}{lines}</p>"


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
            return explained(what, diagnose_text(what[:MAX_TEXT]))
        case BaseException():
            return explain(TracebackException.from_exception(what))
        case TracebackException():
            return explained(last_line(what), find_failure(what))
        case Entry():
            return explain_entry(what)
        case _:
            raise TypeError(
                f"explain() takes an exception, a close code, an entry or a text, "
                f"not {type(what).__name__}"
            )


def explained(about: str, found: Mistake | None) -> Explanation:
    """Explain something that is a known mistake, or is not."""
    if len(about) > MAX_ABOUT:
        about = f"{about[:MAX_ABOUT]}… ({len(about):,} characters)"
    if found is None:
        text = "This is none of the mistakes that the course knows. Read its text and its line."
        return Explanation(about, text)
    return Explanation(about, f"{found.name}: {found.cause}\n{found.fix}", found)


def explain_entry(entry: Entry) -> Explanation:
    """Explain one entry of a record."""
    match entry.what:
        case Failed(exception):
            return explain(exception)
        case Closed(_, code, _) | Disconnected(_, code, _):
            return explain(code)
        case _:
            found = diagnose_entry(entry)
            if found is None:
                return Explanation("", f"Entry {entry.number} is not a mistake that is known.")
            return explained(f"entry {entry.number}", found)


def explain_entries(entries: Iterable[Entry]) -> Explanation:
    """Explain the last thing in a record that went wrong."""
    backwards = list(entries)[::-1]
    for entry in backwards:
        if isinstance(entry.what, Failed):
            return explain(entry)
    for entry in backwards:
        if diagnose_entry(entry) is not None:
            return explain(entry)
    return Explanation("", "Nothing went wrong here, as far as the record shows.")


def find_failure(exception: TracebackException) -> Mistake | None:
    """Return the mistake behind an exception, or behind its cause."""
    seen: set[int] = set()
    current: TracebackException | None = exception
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        found = diagnose_text(last_line(current)[:MAX_TEXT])
        if found is MISTAKES["sync-in-async"] and is_own(current):
            return MISTAKES["plain-await"]
        if found is not None:
            return found
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return None


def is_own(exception: TracebackException) -> bool:
    """Tell whether an exception was raised in the learner's own code, by no library."""
    own = learner_frames(exception)
    return bool(own) and own[-1] is exception.stack[-1]


def diagnose_failure(exception: TracebackException) -> str | None:
    """Return what to do about an exception, in a line; ``None``: the mistake is not known."""
    found = find_failure(exception)
    return f"{found.name}. {found.fix}" if found is not None else None


def diagnose_entry(entry: Entry) -> Mistake | None:
    """Return the mistake that an entry of a record gives away."""
    match entry.what:
        case Failed(exception):
            return find_failure(exception)
        case Note(text) | Refused("server", _, text):
            return diagnose_text(text[:MAX_TEXT])
        case Printed(text, "stderr"):
            return diagnose_text(text[:MAX_TEXT])
        case _:
            return None


def last_line(exception: TracebackException) -> str:
    """Return an exception's type and message."""
    lines = "".join(exception.format_exception_only()).splitlines()
    # A SyntaxError begins with the place, notes come after the message.
    shown = [line for line in lines if line and not line.startswith(" ")]
    return shown[0].removeprefix("json.decoder.") if shown else ""

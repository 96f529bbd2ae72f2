"""The words of every picture: who sends to whom, and what an entry of the record says."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePath
from traceback import FrameSummary, TracebackException
from typing import Literal
from urllib.parse import urlsplit

from ..live.record import (
    LOSSES,
    Accepted,
    Answered,
    ChannelSend,
    Closed,
    Connecting,
    Control,
    Delivered,
    Disconnected,
    Entry,
    Failed,
    GroupAdd,
    GroupDiscard,
    GroupSend,
    Logged,
    Lost,
    Note,
    Printed,
    Received,
    Refused,
    Requested,
    Sent,
    Undelivered,
)
from ..live.tracebacks import learner_frames
from ..mistakes.codes import name_code
from ..mistakes.diagnosis import diagnose_failure

__all__ = [
    "Names",
    "Phrase",
    "close_code",
    "describe",
    "fill_up",
    "full_payload",
    "http_status",
    "learner_frames",
    "quote",
    "visible",
    "width",
    "wrap",
]

PAYLOAD = 60
"""How many characters of a payload, as Python shows it, a picture shows."""

QUOTES = 3
"""How many characters Python puts around it: ``b`` and two quotes."""

PRINTED = 400
"""How many characters of a printed text, of a note or of an exception's message it shows."""

NAME = 30
"""How many characters of a consumer's name it shows."""

LINES = 8
"""How many lines of a printed text, and how many of the learner's calls, it shows."""

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Phrase:
    """An entry in words."""

    kind: Literal["wire", "print", "error", "note", "layer"]
    client: str
    arrow: Literal["→", "←", ""]
    """The client stands left of the arrow, always; empty where nothing crosses the wire."""

    actor: str
    """The consumer's class; ``server``, ``layer`` or ``outside`` where no consumer takes part."""

    verb: str
    """What happens: ``open``, ``text``, ``prints``."""

    words: str
    """What it happens to; several lines, where it is printed text."""

    event: str
    """The type of the ASGI message; empty where there is none."""

    details: tuple[str, ...] = ()
    """Lines that say more: where in the learner's code an exception was raised."""

    hint: str = ""
    """What to do about it, where the mistake is a known one."""

    lane: str | None = None
    """The group that it goes to or comes from; empty: one channel; ``None``: no channel layer."""

    lane_arrow: Literal["→", "←", "✗", ""] = ""
    """The lane stands right of the arrow, always; ``✗``: what comes from it does not arrive."""


class Names:
    """Names for the clients and the consumers of some entries.

    A client has a number as soon as there is more than one; a consumer has the name of its
    class, which the record knows when it accepts.

    Args:
        entries: The entries.
        known: What the record knows of the consumers whose entries it has dropped.

    """

    def __init__(self, entries: Iterable[Entry], known: Mapping[int, str] | None = None) -> None:
        self.consumers = {
            number: shorten_name(name) for number, name in (known or {}).items() if name
        }
        connections = {0, *self.consumers}
        for entry in entries:
            connections.add(entry.connection)
            if isinstance(entry.what, Accepted | Answered | Refused) and entry.what.consumer:
                self.consumers[entry.connection] = shorten_name(entry.what.consumer)
        self.numbered = max(connections) > 1

    def client(self, connection: int) -> str:
        """Return the name of a connection's client."""
        if connection == 0:
            return ""
        return f"client {connection}" if self.numbered else "client"

    def member(self, connection: int | None) -> str:
        """Return whose channel it is, or who has sent a message."""
        if connection is None:
            return "elsewhere"
        return self.client(connection) or "outside"

    def consumer(self, connection: int) -> str:
        """Return the name of a connection's consumer, or what it is where none is known."""
        return self.consumers.get(connection, "application")


def describe(entry: Entry, names: Names) -> Phrase:
    """Put an entry into words."""
    client = names.client(entry.connection)
    consumer = names.consumer(entry.connection)
    event = visible(str(entry.event.get("type", ""))) if entry.event is not None else ""
    told = consumer if entry.event is not None else "server"
    match entry.what:
        case Connecting(target, origin):
            words = shorten(visible(target), PAYLOAD) + from_page(origin)
            return Phrase("wire", client, "→", told, "open", words, event)
        case Accepted(_, subprotocol):
            words = f"({http_status(101)})"
            if subprotocol is not None:
                words += f" subprotocol {quote(subprotocol)}"
            return Phrase("wire", client, "←", consumer, "accept", words, event)
        case Refused(by, status, why, _):
            words = f"({http_status(status)})"
            if why:
                words += f": {shorten(visible(why), PRINTED)}"
            actor = consumer if by == "consumer" else "server"
            return Phrase("wire", client, "←", actor, "refuse", words, event)
        case Requested(method, target):
            words = shorten(visible(target), PAYLOAD)
            return Phrase("wire", client, "→", consumer, visible(method), words, event)
        case Answered(_, status, size):
            words = f"({http_status(status)}) {count(size, 'byte')}"
            return Phrase("wire", client, "←", consumer, "answer", words, event)
        case Received(payload):
            verb, words = message(payload)
            return Phrase("wire", client, "→", consumer, verb, words, event)
        case Undelivered(payload):
            verb, words = message(payload)
            words += ", never taken by the consumer"
            return Phrase("wire", client, "→", "server", verb, words, event)
        case Sent(payload):
            verb, words = message(payload)
            return Phrase("wire", client, "←", consumer, verb, words, event)
        case Control("ping", payload):
            words = f"({count(len(payload), 'byte')}) answered by the server"
            return Phrase("wire", client, "→", "server", "ping", words, event)
        case Control("pong", payload):
            words = f"({count(len(payload), 'byte')})"
            return Phrase("wire", client, "→", "server", "pong", words, event)
        case Control(frame, payload):
            words = f"of a message, {quote(payload)}"
            return Phrase("wire", client, "→", "server", frame, words, event)
        case Closed(by, code, reason):
            actor = consumer if by == "consumer" else "server"
            return Phrase("wire", client, "←", actor, "close", close_code(code, reason), event)
        case Disconnected("client", 1005, _):
            words = "without a code (1005, no status received)"
            return Phrase("wire", client, "→", told, "close", words, event)
        case Disconnected("client", code, reason):
            return Phrase("wire", client, "→", told, "close", close_code(code, reason), event)
        case Disconnected("network", code, reason):
            words = f"without a close frame, {close_code(code, reason)}"
            return Phrase("wire", client, "", told, "ended", words, event)
        case Disconnected(by, code, reason):
            words = f"by the {by}, {close_code(code, reason)}"
            return Phrase("wire", client, "", told, "ended", words, event)
        case Printed(text, stream):
            actor = consumer if entry.connection else "server"
            verb = "prints" if stream == "stdout" else "prints to stderr"
            return Phrase("print", client, "", actor, verb, printed(text), event)
        case Logged(level, logger, text, exception):
            lines = tuple(error(exception)) if exception is not None else ()
            verb = f"logs {visible(level)} to {shorten(visible(logger), NAME)}"
            return Phrase("print", client, "", consumer, verb, printed(text), event, lines)
        case GroupAdd(group, member) | GroupDiscard(group, member):
            actor = consumer if entry.connection else "outside"
            verb = "group_add" if isinstance(entry.what, GroupAdd) else "group_discard"
            words = quote(group)
            if member != entry.connection:
                whose = "a channel from elsewhere" if member is None else names.member(member)
                words += f", {whose}"
            return Phrase("layer", client, "", actor, verb, words, event, lane=group)
        case GroupSend(group, text):
            actor = consumer if entry.connection else "outside"
            words = f"{quote(group)} {shorten(visible(text), PAYLOAD)}".rstrip(" ")
            return Phrase(
                "layer", client, "", actor, "group_send", words, event, lane=group, lane_arrow="→"
            )
        case ChannelSend(channel, text, member):
            actor = consumer if entry.connection else "outside"
            to = quote(channel) if member is None else names.member(member)
            words = f"to {to} {shorten(visible(text), PAYLOAD)}".rstrip(" ")
            return Phrase("layer", client, "", actor, "send", words, event, lane="", lane_arrow="→")
        case Delivered(group, sender):
            words = sent_by(group, sender, names)
            return Phrase(
                "layer", client, "", consumer, "delivered", words, event, lane=group, lane_arrow="←"
            )
        case Lost(group, sender, why):
            whence = quote(group) if why == "nobody" else sent_by(group, sender, names)
            words = f"{whence}: {LOSSES[why]}"
            return Phrase(
                "layer", client, "", "layer", "lost", words, event, lane=group, lane_arrow="✗"
            )
        case Failed(exception, during):
            actor = consumer if entry.connection else "server"
            first, *details = error(exception)
            hint = diagnose_failure(exception) or ""
            if during is not None:
                delivered, kind = during
                from_whom = sent_by(delivered.group, delivered.sender, names)
                details.insert(0, f"  while it handled {visible(kind)} {from_whom}")
            return Phrase("error", client, "", actor, "raises", first, event, tuple(details), hint)
        case Note(text):
            words = shorten(visible(text), PRINTED)
            return Phrase("note", client, "", "server", "note", words, event)
        case _:  # pragma: no cover (What has no other kind)
            raise AssertionError("unknown kind of entry")


def sent_by(group: str, sender: int | None, names: Names) -> str:
    """Return who has sent a message of the channel layer, and to which group."""
    words = f"from {names.member(sender)}"
    return f"{words}, group {quote(group)}" if group else words


def shorten_name(name: str) -> str:
    """Return a name, cut where it is longer than any that is meant to be read."""
    name = visible(name)
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


def message(payload: str | bytes) -> tuple[str, str]:
    """Return the kind of a message and its payload, in words."""
    if isinstance(payload, str):
        unit, kind = "character", "text"
    else:
        unit, kind = "byte", "binary"
    words = quote(payload)
    if not payload:
        words += " (empty)"
    elif kind == "binary" or is_long(payload):
        words += f" ({count(len(payload), unit)})"
    return kind, words


def is_long(payload: str | bytes) -> bool:
    """Tell whether a payload, as Python shows it, is shortened."""
    return len(payload) > PAYLOAD or len(repr(payload)) > PAYLOAD + QUOTES


def full_payload(entry: Entry) -> str | bytes | None:
    """Return the payload of an entry whose picture leaves some of it out."""
    match entry.what:
        case Received(payload) | Undelivered(payload) | Sent(payload) if is_long(payload):
            return payload
        case _:
            return None


def quote(payload: str | bytes, limit: int = PAYLOAD) -> str:
    """Return a payload as Python shows it, shortened."""
    # What is cut off may decide which quotes Python takes; that changes no meaning.
    length = min(len(payload), limit)
    while len(quoted := repr(payload[:length])) > limit + QUOTES:
        length -= 1
    if length < len(payload):
        quoted = f"{quoted[:-1]}…{quoted[-1]}"
    return quoted + left_to_right(quoted)


def left_to_right(text: str) -> str:
    """Return a mark that keeps what follows a right-to-left text on its right."""
    if any(unicodedata.bidirectional(character) in ("R", "AL") for character in text):
        return "\N{LEFT-TO-RIGHT MARK}"
    return ""


def close_code(code: int, reason: str = "") -> str:
    """Return a close code with its meaning, and the reason that came with it."""
    words = f"{code} ({name_code(code)})"
    return f"{words} {quote(reason, 123)}" if reason else words


def http_status(status: int) -> str:
    """Return an HTTP status with its name."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def from_page(origin: str | None) -> str:
    """Return where the page comes from that opens a connection; nothing for this machine's own."""
    # The port is left out: it differs from one run to the next.
    if origin is None:
        return ""
    try:
        parts = urlsplit(origin)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None:
        return f" from {quote(origin)}"
    return "" if host in LOOPBACK else f" from {shorten(visible(f'{parts.scheme}://{host}'), 60)}"


def printed(text: str) -> str:
    """Return a printed text, shortened to some lines."""
    lines = text.rstrip("\n").expandtabs(4).split("\n")
    shown = "\n".join(visible(line) for line in lines[:LINES])
    if len(lines) > LINES and len(shown) <= PRINTED:
        return f"{shown}\n… ({count(len(lines), 'line')})"
    return shorten(shown, PRINTED, of=len(text.rstrip("\n")))


def error(exception: TracebackException) -> Iterator[str]:
    """Yield an exception's type and message, then the learner's own lines, then its causes."""
    seen: set[int] = set()
    cause: TracebackException | None = exception
    introduction = ""
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        first, *rest = error_message(cause)
        yield introduction + first
        yield from rest
        yield from calls(learner_frames(cause))
        for number, part in enumerate(cause.exceptions or (), 1):
            inner = error_message(part)
            yield f"{number}. {inner[0]}"
            yield from calls(learner_frames(part))
        if cause.__cause__ is not None:
            cause, introduction = cause.__cause__, "caused by "
        elif cause.__context__ is not None and not cause.__suppress_context__:
            cause, introduction = cause.__context__, "raised while handling "
        else:
            cause = None


def error_message(exception: TracebackException) -> list[str]:
    """Return the last lines of a traceback: the exception's type, message and notes."""
    text = "".join(exception.format_exception_only())
    # A SyntaxError begins with the file, which is a temporary name in a kernel.
    lines = [line for line in text.splitlines() if not line.startswith('  File "')]
    lines = [visible(line) for line in shorten("\n".join(lines), PRINTED).split("\n")]
    if len(lines) > LINES:
        lines = [*lines[:LINES], "…"]
    # For a SyntaxError, type and message come after the line of code.
    first = next((i for i, line in enumerate(lines) if not line.startswith(" ")), 0)
    return lines[first:] + lines[:first]


def calls(frames: Sequence[FrameSummary]) -> Iterator[str]:
    """Yield where each call of the learner's code stands; a cell has no name."""
    for place, frame in enumerate(frames):
        if len(frames) > LINES and place == 2:
            yield f"  … {len(frames) - 4} calls more …"
        if len(frames) > LINES and 2 <= place < len(frames) - 2:
            continue
        where = "in the cell" if frame.name == "<module>" else f"in {visible(frame.name)}"
        yield f"  line {frame.lineno}{of_file(frame.filename)}, {where}"
        if frame.line:
            yield f"    {shorten(visible(frame.line), 100)}"


def of_file(filename: str) -> str:
    """Return the name of the file that a call stands in; nothing for a cell."""
    path = PurePath(filename)
    # ipykernel gives each cell the name of a file that does not exist.
    is_cell = filename.startswith("<") or path.parent.name.startswith("ipykernel_")
    return "" if is_cell else f" of {visible(path.name)}"


def visible(text: str) -> str:
    """Return a text whose every character shows: control characters are escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def shorten(text: str, limit: int, of: int | None = None) -> str:
    """Return the beginning of a text, and how long all of it is."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({count(of or len(text), 'character')})"


def count(number: int, noun: str) -> str:
    """Return a number and what it counts."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def width(text: str) -> int:
    """Return how many cells a text takes in a fixed-width font."""
    if text.isascii():
        return len(text)
    cells = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


def wrap(text: str, cells: int, indent: int = 0) -> list[str]:
    """Return the lines of a text, none wider than so many cells; a word stays whole if it can.

    Spaces inside a line stay as they are: they may be a payload's. Lines after the first are
    indented.

    """
    lines = []
    room = cells
    for line in text.split("\n"):
        while width(line) > room:
            end = find_break(line, room, cells - indent)
            lines.append(line[:end].rstrip(" "))
            line = line[end:]
            room = cells - indent
        lines.append(line)
        room = cells - indent
    return [*lines[:1], *(" " * indent + line for line in lines[1:])]


def find_break(line: str, room: int, next_room: int) -> int:
    """Return where a line ends that has more than so many cells.

    It is behind the last space, unless the word after it would fit on no line: that one is broken
    where it is full, behind a comma or another sign if one is near.

    """
    end = fill_up(line, room)
    space = line.rfind(" ", 1, end + 1)
    word = line[space + 1 :].partition(" ")[0]
    if space > 0 and width(word) <= next_room:
        return space + 1
    near = max(1, space + 1, end * 2 // 3)
    signs = [place + 1 for place in range(near, end) if line[place] in ",;:/&?)]}"]
    return signs[-1] if signs else end


def fill_up(line: str, room: int) -> int:
    """Return how many characters fit into so many cells."""
    end = taken = 0
    while end < len(line) and taken + width(line[end]) <= room:
        taken += width(line[end])
        end += 1
    return end

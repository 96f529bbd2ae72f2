"""The close codes: their names, and what each says to who looks for a mistake.

Source: RFC 6455, 7.4.1. Defined Status Codes, and the registry that it opens.

"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CODES", "CloseCode", "explain_code", "explain_end", "name_code"]


class CloseCode(NamedTuple):
    """A close code that the protocol defines."""

    name: str
    explanation: str
    """What it says, and what to look for."""


CODES = {
    1000: CloseCode(
        "normal closure",
        "Normal closure: the side that closed had nothing more to say.",
    ),
    1001: CloseCode(
        "going away",
        "Going away: a browser left the page, or a server shuts down.",
    ),
    1002: CloseCode(
        "protocol error",
        "Protocol error: one side sent something that RFC 6455 does not allow.",
    ),
    1003: CloseCode(
        "unsupported data",
        "Unsupported data: one side got a kind of message that it does not take.",
    ),
    1005: CloseCode(
        "no status received",
        "No status received: the close frame had no code, as close() in a browser sends it.",
    ),
    1006: CloseCode(
        "abnormal closure",
        "Abnormal closure: the connection ended without a close frame, or never opened. "
        "No side sends this code. Look for an exception in the consumer, for a refused "
        "handshake (403, 500), or for a server that is gone.",
    ),
    1007: CloseCode(
        "invalid payload data",
        "Invalid data: a text message was not UTF-8.",
    ),
    1008: CloseCode(
        "policy violation",
        "Policy violation: the one who closed does not want to say more.",
    ),
    1009: CloseCode(
        "message too big",
        "Message too big for the side that closed. The live server takes 1 MiB, "
        "unless launch(..., max_size=...) says otherwise.",
    ),
    1010: CloseCode(
        "mandatory extension",
        "Mandatory extension: the server did not agree to one that the client needs.",
    ),
    1011: CloseCode(
        "internal error",
        "Internal error: the side that closed has failed. If it was the server, the consumer "
        "raised an exception, and the transcript has the traceback.",
    ),
    1012: CloseCode(
        "service restart",
        "Service restart: the server was launched again, or closed.",
    ),
    1013: CloseCode(
        "try again later",
        "Try again later: the server is too busy.",
    ),
    1014: CloseCode(
        "bad gateway",
        "Bad gateway: a server in between got an invalid answer.",
    ),
    1015: CloseCode(
        "TLS handshake",
        "TLS handshake failed. No side sends this code.",
    ),
}
"""The codes that RFC 6455 or its registry defines."""


ENDS = {
    (1011, "server"): "Internal error: the consumer raised an exception, and the server closed for "
    "it. The transcript has the traceback.",
    (1011, "consumer"): "Internal error: the consumer itself closed with this code. It says that "
    "the server failed; codes from 4000 to 4999 are yours.",
    (1011, "client"): "The client closed with it: its own code ended in an exception, or its cell "
    "was interrupted. It says nothing of the consumer.",
}
"""What a code says where it is known who closed."""


def name_code(code: int) -> str:
    """Return what a close code is called."""
    if code in CODES:
        return CODES[code].name
    if 3000 <= code <= 3999:
        return "registered use"
    if 4000 <= code <= 4999:
        return "private use"
    return "undefined"


def explain_code(code: int) -> str:
    """Say what a close code means, and what to look for."""
    if code in CODES:
        return CODES[code].explanation
    if 4000 <= code <= 4999:
        return "A code of the application's own: look for it in the code of the side that closed."
    if 3000 <= code <= 3999:
        return "A code that libraries register: look it up in the library's documentation."
    return "This is no close code: they lie between 1000 and 4999."


def explain_end(by: str, code: int) -> str:
    """Say the same of a connection of which it is known who ended it."""
    return ENDS.get((code, by)) or explain_code(code)

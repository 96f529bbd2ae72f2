"""Messages that are one frame each, read and written without a detour.

Nearly every message is one: whole, without an extension's bits, alone in what the socket gives.
``websockets`` reads frames of all kinds, in whatever pieces they arrive, which takes it many times
as long. It does all others, and these are equal to its own.
Source: RFC 6455, 5.2.

"""

from __future__ import annotations

from typing import Final

from websockets.frames import Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:  # It could not be compiled here.
    from websockets.utils import apply_mask

__all__ = ["frame_of", "message_in"]

FIN: Final = 0x80
MASKED: Final = 0x80
TEXT: Final = FIN | Opcode.TEXT
BINARY: Final = FIN | Opcode.BINARY

LENGTH_16: Final = 126
"""Says that the length is in the next 2 bytes."""

LENGTH_64: Final = 127
"""Says that the length is in the next 8 bytes."""


def message_in(data: bytes, max_size: int | None) -> str | bytes | None:
    """Return the message that a client's bytes are, or None if they are anything but one.

    Args:
        data: What has come, from the beginning of a frame.
        max_size: Bytes of the largest message; None: no bound.

    """
    kind = data[0]
    if (kind != TEXT and kind != BINARY) or len(data) < 6:
        return None
    length = data[1] - MASKED
    start = 2
    if length == LENGTH_16:
        start = 4
        length = int.from_bytes(data[2:start])
    elif length == LENGTH_64:
        start = 10
        length = int.from_bytes(data[2:start])
    body = start + 4
    if len(data) != body + length or (max_size is not None and length > max_size):
        return None
    payload = apply_mask(data[body:], data[start:body])
    if kind == BINARY:
        return payload
    try:
        return payload.decode()
    except UnicodeDecodeError:
        # The library says which code closes the connection, and why.
        return None


def frame_of(payload: bytes, is_text: bool) -> bytes:
    """Return the frame in which a server sends a message."""
    kind = TEXT if is_text else BINARY
    length = len(payload)
    if length < LENGTH_16:
        return b"%c%c%b" % (kind, length, payload)
    if length < 2**16:
        return b"%c%c%b%b" % (kind, LENGTH_16, length.to_bytes(2), payload)
    return b"%c%c%b%b" % (kind, LENGTH_64, length.to_bytes(8), payload)

"""Text that is not UTF-8 fails a connection as it arrives, and not when somebody takes it.

``websockets`` decodes a message when it is taken, which a handler that is busy does late. RFC 6455,
8.1, has an endpoint look at the bytes that it gets.

"""

from __future__ import annotations

from codecs import IncrementalDecoder, getincrementaldecoder

from websockets.extensions import Extension
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionName

__all__ = ["Utf8"]

new_decoder = getincrementaldecoder("utf-8")


class Utf8(Extension):
    """Looks at the frames of one connection, and changes none.

    An extension of ``websockets``, first in the list: it sees frames after all others have decoded
    them, and before the protocol takes them. It is not negotiated.

    """

    name = ExtensionName("utf-8")
    __slots__ = ("decoder", "size", "unfinished")

    def __init__(self) -> None:
        self.unfinished = False
        """Whether more fragments of a message are to come."""
        self.decoder: IncrementalDecoder | None = None
        """What has come of a text in fragments."""
        self.size = 0
        """Bytes of that."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """Look at a frame that has come.

        Raises:
            UnicodeDecodeError: It holds text that is not UTF-8; the protocol fails with 1007.

        """
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            # Within another message it is an error of the protocol's.
            if not self.unfinished:
                if not frame.fin:
                    self.unfinished = True
                    self.decoder = new_decoder() if opcode is Opcode.TEXT else None
                    self.size = 0
                    self.look(frame)
                elif opcode is Opcode.TEXT:
                    str(frame.data, "utf-8")
        elif opcode is Opcode.CONT:
            self.look(frame)
            self.unfinished = self.unfinished and not frame.fin
        return frame

    def look(self, frame: Frame) -> None:
        """Look at a fragment of a text."""
        if self.decoder is None:
            return
        before = self.size - len(self.decoder.getstate()[0])
        self.size += len(frame.data)
        try:
            self.decoder.decode(bytes(frame.data), frame.fin)
        except UnicodeDecodeError as exc:
            # The place in the message, of which the earlier fragments are not kept.
            start, end = before + exc.start, before + exc.end
            raise UnicodeDecodeError("utf-8", bytes(end), start, end, exc.reason) from None
        if frame.fin:
            self.decoder = None

    def encode(self, frame: Frame) -> Frame:
        """Let a frame go as it is: the application's text is encoded here."""
        return frame

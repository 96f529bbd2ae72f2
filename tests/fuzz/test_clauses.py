"""What RFC 6455, RFC 7692 and the ASGI specification say, clause by clause, on the wire."""

from __future__ import annotations

import asyncio
import struct
import zlib
from typing import Any

import pytest

from tests.parity.client import Client, frame

from .conftest import Live

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MIB = 2**20


def close(code: int, reason: bytes = b"") -> bytes:
    """Return a close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Send everything back."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


CLAUSES = {
    "5.2: a length of 126 takes two more bytes": (
        [frame(TEXT, b"x" * 126)],
        ["text of 126 bytes"],
    ),
    "5.2: a length of 65536 takes eight more bytes": (
        [frame(BINARY, b"x" * 65536)],
        ["binary of 65536 bytes"],
    ),
    "5.2: a reserved bit without an extension fails": (
        [frame(TEXT, b"x", rsv=0x40)],
        ["closed 1002 reserved bits must be 0"],
    ),
    "5.2: a reserved opcode of data fails": ([frame(7, b"")], ["closed 1002 invalid opcode"]),
    "5.2: a reserved opcode of control fails": ([frame(15, b"")], ["closed 1002 invalid opcode"]),
    "5.4: fragments are one message": (
        [frame(TEXT, b"a", fin=False), frame(CONT, b"b", fin=False), frame(CONT, b"c")],
        ["text 'abc'"],
    ),
    "5.4: fragments may be empty": (
        [frame(BINARY, b"", fin=False), frame(CONT, b"", fin=False), frame(CONT, b"")],
        ["binary b''"],
    ),
    "5.4: control frames may stand between fragments": (
        [frame(TEXT, b"a", fin=False), frame(PING, b"p"), frame(PONG, b""), frame(CONT, b"b")],
        ["pong b'p'", "text 'ab'"],
    ),
    "5.4: a message may not begin within another": (
        [frame(TEXT, b"a", fin=False), frame(TEXT, b"b")],
        ["closed 1002 expected a continuation frame"],
    ),
    "5.4: a message does not begin with a continuation": (
        [frame(CONT, b"a")],
        ["closed 1002 unexpected continuation frame"],
    ),
    "5.4: a close frame leaves no message unfinished": (
        [frame(TEXT, b"a", fin=False), close(1000)],
        ["closed 1002 incomplete fragmented message"],
    ),
    "5.5: a control frame is not fragmented": (
        [frame(PING, b"", fin=False)],
        ["closed 1002 fragmented control frame"],
    ),
    "5.5: a control frame has at most 125 bytes": (
        [frame(PING, b"x" * 126)],
        ["closed 1002 control frame too long"],
    ),
    "5.5.1: the code of a close frame is echoed": ([close(3001, b"why")], ["closed 3001 why"]),
    "5.5.1: a close frame without a code is echoed": (
        [frame(CLOSE, b"")],
        ["closed without a code"],
    ),
    "5.5.1: a close frame of one byte fails": (
        [frame(CLOSE, b"\x03")],
        ["closed 1002 close frame too short"],
    ),
    "5.5.2: a ping is answered with its payload": (
        [frame(PING, b""), frame(PING, b"x" * 125)],
        ["pong b''", "pong of 125 bytes"],
    ),
    "5.5.3: a pong that nobody asked for is ignored": (
        [frame(PONG, b"x"), frame(TEXT, b"a")],
        ["text 'a'"],
    ),
    "5.6: a character may be cut between fragments": (
        [frame(TEXT, b"\xe2\x82", fin=False), frame(CONT, b"\xac")],
        ["text '\u20ac'"],
    ),
    "5.6: binary data is no text": ([frame(BINARY, b"\xff\xfe")], [r"binary b'\xff\xfe'"]),
    "7.4.1: 1005 is not sent": ([close(1005)], ["closed 1002 invalid status code"]),
    "7.4.1: 1006 is not sent": ([close(1006)], ["closed 1002 invalid status code"]),
    "7.4.1: 1015 is not sent": ([close(1015)], ["closed 1002 invalid status code"]),
    "7.4.2: codes below 1000 are not used": ([close(999)], ["closed 1002 invalid status code"]),
    "7.4.2: 3000 to 4999 are an application's": ([close(4999)], ["closed 4999"]),
    "7.4.2: codes above 4999 are not used": ([close(5000)], ["closed 1002 invalid status code"]),
    "8.1: a text that is not UTF-8 fails": (
        [frame(TEXT, b"a\xff")],
        ["closed 1007 invalid start byte at position 1"],
    ),
    "8.1: half a surrogate pair is not UTF-8": (
        [frame(TEXT, b"\xed\xa0\x80")],
        ["closed 1007 invalid continuation byte at position 0"],
    ),
    "8.1: an overlong form is not UTF-8": (
        [frame(TEXT, b"\xc0\xaf")],
        ["closed 1007 invalid start byte at position 0"],
    ),
    "8.1: a text is UTF-8 as a whole": (
        [frame(TEXT, b"ab\xe2\x82", fin=False), frame(CONT, b"")],
        ["closed 1007 unexpected end of data at position 2"],
    ),
    "8.1: a text in fragments that is not UTF-8 fails when it is complete": (
        [
            frame(TEXT, b"ab\xe2", fin=False),
            frame(CONT, b"\x82\xacc\xff", fin=False),
            frame(CONT, b""),
        ],
        ["closed 1007 invalid start byte at position 6"],
    ),
    "8.1: fragments that are binary may be anything": (
        [frame(BINARY, b"\xff", fin=False), frame(PING, b""), frame(CONT, b"\xff")],
        ["pong b''", r"binary b'\xff\xff'"],
    ),
    "8.1: a reason that is not UTF-8 fails": (
        [close(1000, b"\xff")],
        ["closed 1007 invalid start byte at position 0"],
    ),
    "7.4.1: 1009 for a message that is too big": (
        [frame(BINARY, b"x" * (MIB + 1))],
        ["closed 1009 frame with 1048577 bytes exceeds limit of 1048576 bytes"],
    ),
    "10.4: the limit is inclusive": ([frame(BINARY, b"x" * MIB)], ["binary of 1048576 bytes"]),
    "10.4: the limit holds for all fragments together": (
        [frame(BINARY, b"x" * MIB, fin=False), frame(CONT, b"x")],
        [
            "closed 1009 frame with 1 bytes after reading 1048576 bytes "
            "exceeds limit of 1048576 bytes"
        ],
    ),
}


@pytest.mark.parametrize("clause", CLAUSES)
def test_clause(live: Live, clause: str) -> None:
    """RFC 6455 is kept, clause by clause."""
    data, expected = CLAUSES[clause]
    seen: list[str] = []

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        assert await one.handshake("/")
        one.write(b"".join(data))
        one.close_sent = True
        await one.read(len(expected))
        if not one.over:
            one.close(1000)
            await one.end()
        seen.extend(one.seen)
        await one.leave()

    live.run(echo, client)
    assert seen[1 : 1 + len(expected)] == expected


def test_mask(live: Live) -> None:
    """RFC 6455, 5.1: a frame of a client is masked, and one of a server is not."""
    seen: list[str] = []

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        assert await one.handshake("/")
        one.send("a")
        first, second = await one.reader.readexactly(2)
        assert (first, second) == (0x81, 1), "no mask"
        await one.reader.readexactly(1)
        one.write(b"\x81\x01a")
        await one.end()
        seen.extend(one.seen)
        await one.leave()

    live.run(echo, client)
    assert seen == ["101", "closed 1002 incorrect masking"]


def test_nothing_after_close(live: Live) -> None:
    """RFC 6455, 5.5.1: after its close frame the client sends no data that counts."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            events.append(event)

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        assert await one.handshake("/")
        one.send("before")
        one.close(1000)
        one.send("after")
        await one.end()
        await one.leave()

    live.run(app, client)
    assert [event["text"] for event in events] == ["before"]


def test_server_ends_tcp_first(live: Live) -> None:
    """RFC 6455, 7.1.1: after both close frames the server ends the TCP connection."""

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        assert await one.handshake("/")
        one.close(1000)
        await one.read()
        assert await asyncio.wait_for(one.reader.read(), 60) == b""
        await one.leave()

    live.run(echo, client)


def test_permessage_deflate(live: Live) -> None:
    """RFC 7692, 7.2: a compressed message arrives, and its answer is compressed."""
    text = "a long story " * 100
    answers: list[str] = []

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        offer = ("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover")
        assert await one.handshake("/", [offer])
        agreed = one.header("sec-websocket-extensions") or ""
        assert agreed.startswith("permessage-deflate") and "server_no_context_takeover" in agreed
        deflate = zlib.compressobj(wbits=-12)
        data = deflate.compress(text.encode()) + deflate.flush(zlib.Z_SYNC_FLUSH)
        assert data.endswith(b"\x00\x00\xff\xff")
        # 6.1: the first fragment carries the bit, the others do not.
        one.write(frame(TEXT, data[:10], fin=False, rsv=0x40))
        one.write(frame(CONT, data[10:-4]))
        first, second = await one.reader.readexactly(2)
        assert first == 0xC1 and second < 126
        payload = await one.reader.readexactly(second)
        inflate = zlib.decompressobj(wbits=-15)
        answers.append(inflate.decompress(payload + b"\x00\x00\xff\xff").decode())
        one.close(1000)
        await one.end()
        await one.leave()

    live.run(echo, client)
    assert answers == [text]


def test_a_bomb(live: Live) -> None:
    """RFC 7692, 8: what is small compressed and too big unpacked is refused with 1009."""
    seen: list[str] = []

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        assert await one.handshake("/", [("Sec-WebSocket-Extensions", "permessage-deflate")])
        deflate = zlib.compressobj(wbits=-12)
        data = deflate.compress(b"\0" * (8 * MIB)) + deflate.flush(zlib.Z_SYNC_FLUSH)
        assert len(data) < 20_000
        one.write(frame(BINARY, data[:-4], rsv=0x40))
        one.close_sent = True
        await one.end()
        seen.extend(one.seen)
        await one.leave()

    live.run(echo, client)
    assert seen[1].startswith("closed 1009")


@pytest.mark.parametrize(
    ("offer", "agreed"),
    [
        ("permessage-deflate; client_max_window_bits=7", ""),
        ("permessage-deflate; unknown_parameter", ""),
        ("x-webkit-deflate-frame", ""),
        ("permessage-deflate; unknown, permessage-deflate", "permessage-deflate"),
    ],
)
def test_offers(live: Live, offer: str, agreed: str) -> None:
    """RFC 7692, 5.1 and 7.1: an offer that is not understood is declined, the next one taken."""
    found: list[str] = []

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        assert await one.handshake("/", [("Sec-WebSocket-Extensions", offer)])
        found.append((one.header("sec-websocket-extensions") or "").partition(";")[0])
        one.close(1000)
        await one.end()
        await one.leave()

    live.run(echo, client)
    assert found == [agreed]


def test_accept_key(live: Live) -> None:
    """RFC 6455, 1.3 and 4.2.2: the server proves that it has read the key."""
    key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    found: list[str | None] = []

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        assert await one.handshake("/", [key])
        found.append(one.header("sec-websocket-accept"))
        one.close(1000)
        await one.end()
        await one.leave()

    live.run(echo, client)
    assert found == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Sec-WebSocket-Version", "8")], "426"),
        ([("Sec-WebSocket-Version", "")], "400"),
        ([("Sec-WebSocket-Key", "")], "400"),
        ([("Sec-WebSocket-Key", "c2hvcnQ=")], "400"),
        ([("Connection", "close")], "426"),
        ([("Upgrade", "other")], "426"),
        ([("Upgrade", "WebSocket")], "101"),
        ([("Connection", "keep-alive, Upgrade")], "101"),
    ],
)
def test_requests(live: Live, headers: list[tuple[str, str]], status: str) -> None:
    """RFC 6455, 4.2.1: what makes a handshake, and what does not."""
    seen: list[str] = []

    async def client(port: int) -> None:
        one = Client(port, 60.0)
        if await one.handshake("/", headers):
            one.close(1000)
            await one.end()
        seen.extend(one.seen)
        await one.leave()

    live.run(echo, client)
    assert seen[0] == status

"""The client notes all that came to it."""

from __future__ import annotations

import asyncio
import socket
import struct

from .client import Client


def test_what_came_before_a_reset_is_seen() -> None:
    """A server that breaks the connection after its close frame has sent that frame, though."""
    client = Client(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x88\x02\x03\xe8")
        writer.transport.abort()

    async def main() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            client.port = server.sockets[0].getsockname()[1]
            await client.request("/")
            await asyncio.sleep(0.1)
            await client.response()
            await client.end()
            await client.leave()

    asyncio.run(main())
    assert client.seen == ["closed 1000"]

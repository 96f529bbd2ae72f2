"""How fast a message reaches all members of a group: ``python -m tests.bench.groups [--quick]``.

Our server and uvicorn run at the same time, each in a process of its own, with the same consumer
and the in-memory layer. All members are connected to both; a group takes its turn for two seconds,
then the other one, so that what else happens on the machine meets both alike. The clients are a
third process, and do no more than they must. Every member has to get every message once and in
order.

"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from . import servers
from .servers import Server

__all__ = ["main"]

servers.COMMANDS |= {
    "our chat": "tests.bench._chat",
    "uvicorn's chat": (
        "uvicorn tests.bench._chat:application --host 127.0.0.1 --port 0 --loop asyncio "
        "--no-access-log"
    ),
}
NAMES = ("our chat", "uvicorn's chat")


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TURN = 2.0
"""Seconds that one server takes before the other one does."""

WARM_UP = 50
"""Members that are there before memory is looked at."""


class Member(asyncio.Protocol):
    """One client, and what it got: a library would take more time than the servers do."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.delays: list[float] = []
        self.rest = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        data = self.rest + data
        if not self.opened.done():
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self.rest = head
                return
            assert head.startswith(b"HTTP/1.1 101 ")
            self.opened.set_result(None)
        # Short frames only: two bytes, and what they announce.
        while len(data) >= 2 and len(data) >= 2 + data[1]:
            frame, data = data[: 2 + data[1]], data[2 + data[1] :]
            if frame[0] == 0x81:
                number, sent = frame[2:].split()
                self.numbers.append(int(number))
                self.delays.append(now - float(sent))
            else:
                # A ping, every 20 seconds.
                self.transport.write(bytes([0x8A, 0x80 | frame[1]]) + bytes(4) + frame[2:])
        self.rest = data

    def send(self, text: str) -> None:
        """Send a text, masked with zeros."""
        self.transport.write(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text.encode())


async def members_of(server: Server, count: int) -> list[Member]:
    """Connect all members to a server, one after the other."""
    loop = asyncio.get_running_loop()
    found = []
    for _ in range(count):
        _, member = await loop.create_connection(Member, "127.0.0.1", server.port)
        await member.opened
        found.append(member)
    return found


async def arrived(members: list[Member], messages: int) -> None:
    """Wait until all members have got so many messages, but not for ever."""
    deadline = time.perf_counter() + 30
    while time.perf_counter() < deadline:
        if all(len(member.numbers) >= messages for member in members):
            return
        await asyncio.sleep(0.01)


async def play(found: dict[str, Server], count: int, rate: float, seconds: float) -> dict[str, str]:
    """Send to both groups in turn, and return a line for each server."""
    # What the first ones cost is not a member's: modules, and memory that is asked for ahead.
    first = {name: await members_of(server, WARM_UP) for name, server in found.items()}
    before = {name: server.memory() for name, server in found.items()}
    groups = {name: await members_of(server, count) for name, server in found.items()}
    messages = int(rate * seconds)
    gc.collect()
    gc.freeze()
    connected = {name: server.memory() for name, server in found.items()}
    for member in (member for members in first.values() for member in members):
        member.transport.close()
    cpu = {name: server.cpu() for name, server in found.items()}
    number = 0
    while number < messages:
        some = min(int(rate * TURN), messages - number)
        for members in groups.values():
            begin = time.perf_counter()
            for place in range(some):
                await asyncio.sleep(max(0.0, begin + place / rate - time.perf_counter()))
                members[0].send(f"{number + place} {time.perf_counter()}")
            await arrived(members, number + some)
        number += some
    lines = {}
    for name, members in groups.items():
        right = sum(member.numbers == list(range(messages)) for member in members)
        delays = sorted(delay for member in members for delay in member.delays)
        server = found[name]
        lines[name] = (
            f"{right} of {count} members got each of {messages} messages once and in order; "
            f"median delay {1000 * statistics.median(delays):.1f} ms, "
            f"99 % within {1000 * delays[len(delays) * 99 // 100]:.1f} ms; "
            f"memory {(connected[name] - before[name]) / count / 1024:.1f} KB a member, "
            f"{server.memory() / 2**20:.0f} MB in the end; "
            f"{server.cpu() - cpu[name]:.1f} s of processor time"
        )
        lines[f"{name}: median"] = str(statistics.median(delays))
    return lines


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few members, for two seconds")
    parser.add_argument("--members", type=int, default=300)
    options = parser.parse_args(list(arguments))
    count, seconds = (30, 2.0) if options.quick else (options.members, 20.0)
    with tempfile.TemporaryDirectory() as temporary:
        found = {name: Server(name, Path(temporary) / f"{n}.log") for n, name in enumerate(NAMES)}
        try:
            lines = asyncio.run(play(found, count, 10.0, seconds))
        finally:
            for server in found.values():
                server.stop()
    for name in NAMES:
        print(f"{name}: {lines[name]}")
    ours, other = (float(lines[f"{name}: median"]) for name in NAMES)
    print(f"median delay of uvicorn to ours: {other / ours:.2f}")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])

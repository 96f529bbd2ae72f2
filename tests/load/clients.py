"""The clients, in a process of their own: ``python -m tests.load.clients``.

They share no interpreter lock with the server. All traffic goes to loopback, and every loop has
an end. The last line on standard output is what happened, as JSON.

"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from typing import Any

from tests.bench._echo import PATHS
from tests.parity.client import Client, frame

__all__ = ["main"]

TEXT = 1


class Tally:
    """What happened."""

    def __init__(self) -> None:
        self.clients = 0
        self.messages = 0
        self.wrong: list[str] = []
        self.delays: list[float] = []
        self.reconnects = 0
        self.stalled = 0
        self.slow = 0
        self.vanished = 0

    def report(self) -> dict[str, Any]:
        """Return it as a dictionary."""
        parts = statistics.quantiles(self.delays, n=100) if len(self.delays) > 1 else [0.0] * 99
        return {
            "clients": self.clients,
            "messages": self.messages,
            "wrong": self.wrong[:10],
            "reconnects": self.reconnects,
            "stalled": self.stalled,
            "slow": self.slow,
            "vanished": self.vanished,
            "milliseconds": [round(parts[i] * 1000, 1) for i in (49, 94, 98)],
        }


async def connected(port: int, path: str) -> Client:
    """Return a client whose handshake is done."""
    client = Client(port, patience=30)
    if not await client.handshake(path):
        raise RuntimeError(f"the handshake failed: {client.seen}")
    return client


async def talk(port: int, path: str, name: int, end: float, pause: float, tally: Tally) -> None:
    """Send numbered messages, several at a time, and see that each comes back once, in order."""
    loop = asyncio.get_running_loop()
    client = await connected(port, path)
    tally.clients += 1
    number = 0
    # Once at least, however long the others took to connect.
    while not number or loop.time() < end:
        count = 1 + (name + number) % 3
        texts = [f'"{name}.{number + i}"' for i in range(count)]
        start = loop.time()
        client.write(b"".join(frame(TEXT, text.encode()) for text in texts))
        for text in texts:
            opcode, payload = await asyncio.wait_for(client.next_frame(), 30)
            if opcode == 9:
                client.write(frame(10, payload))
                opcode, payload = await asyncio.wait_for(client.next_frame(), 30)
            if (opcode, payload.decode()) != (TEXT, text):
                tally.wrong.append(f"{text} was answered with {opcode} {payload[:40]!r}")
                return
        tally.delays.append((loop.time() - start) / count)
        number += count
        await asyncio.sleep(pause)
    tally.messages += number
    client.close(1000)
    await client.end()
    # A server asks now and then whether the client is still there.
    if [line for line in client.seen[1:] if not line.startswith("ping")] != ["closed 1000"]:
        tally.wrong.append(f"client {name} saw {client.seen[1:]} at the end")
    await client.leave()


async def stop_reading(port: int, end: float, tally: Tally) -> None:
    """Send and never read: the server has to stop reading in its turn."""
    loop = asyncio.get_running_loop()
    client = await connected(port, PATHS["AsyncConsumer"])
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    message = frame(TEXT, b'"' + b"x" * 10_000 + b'"')
    try:
        async with asyncio.timeout_at(end):
            for _ in range(4000):
                client.write(message)
                await client.writer.drain()
        tally.wrong.append("a client that does not read could send 40 MB")
    except TimeoutError:
        tally.stalled += 1
    client.vanish()
    await asyncio.sleep(max(0.0, end - loop.time()))


async def trickle(port: int, end: float, every: float, tally: Tally) -> None:
    """Send a message byte by byte."""
    loop = asyncio.get_running_loop()
    client = await connected(port, PATHS["AsyncConsumer"])
    for byte in frame(TEXT, b'"slow"') * 3:
        if loop.time() > end:
            break
        client.write(bytes([byte]))
        await asyncio.sleep(every)
    tally.slow += 1
    await client.leave()


async def reconnect(port: int, end: float, tally: Tally) -> None:
    """Connect, say one thing and leave, over and over, and three times at least."""
    loop = asyncio.get_running_loop()
    for number in range(100_000):
        if number >= 3 and loop.time() > end:
            return
        client = await connected(port, PATHS["SyncConsumer"])
        client.send(f'"{number}"')
        _, payload = await asyncio.wait_for(client.next_frame(), 30)
        if payload.decode() != f'"{number}"':
            tally.wrong.append(f"a client that connects anew got {payload!r}")
        if number % 2:
            client.close(1000)
            await client.end()
        tally.reconnects += 1
        await client.leave()


async def vanish(port: int, count: int, tally: Tally) -> None:
    """Have many clients break their connections at the same moment, in the middle of a message."""
    clients = [await connected(port, PATHS["AsyncConsumer"]) for _ in range(count)]
    for client in clients:
        client.write(frame(TEXT, b'"gone"')[:-2])
    for client in clients:
        client.vanish()
    tally.vanished += count
    for client in clients:
        await client.leave()


async def run(port: int, count: int, seconds: float, pause: float, gone: int) -> dict[str, Any]:
    """Run all clients."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    end = loop.time() + seconds
    paths = [PATHS["AsyncConsumer"], PATHS["SyncConsumer"], PATHS["AsyncJsonWebsocketConsumer"]]
    async with asyncio.TaskGroup() as group:
        for name in range(count):
            path = paths[name % 3]
            group.create_task(talk(port, path, name, end, pause, tally))
            if name % 50 == 49:
                await asyncio.sleep(0.02)
        group.create_task(stop_reading(port, end, tally))
        group.create_task(trickle(port, end, min(1.0, seconds / 20), tally))
        group.create_task(reconnect(port, end, tally))
        await asyncio.sleep(seconds / 2)
        group.create_task(vanish(port, gone, tally))
    return tally.report()


def main() -> None:
    """Run the clients that the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=1.0)
    parser.add_argument("--vanish", type=int, default=100)
    given = parser.parse_args()
    report = asyncio.run(run(given.port, given.clients, given.seconds, given.pause, given.vanish))
    print(json.dumps(report))


if __name__ == "__main__":
    main()

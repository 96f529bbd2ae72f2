"""How fast five servers echo, side by side: ``python -m tests.bench.servers [--quick]``.

Our server, uvicorn, daphne, hypercorn and granian run at the same time, each in a process of its
own, on asyncio's own event loop, with one worker, without access log; no client offers
compression. For every row all clients are connected to all of them first. Then the servers take
turns, several times over, so that what else happens on the machine meets all alike. A bare asyncio
TCP echo shows the limit. Figures are ratios of rates measured in the same turn; a rate alone says
more about the machine.

"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from server.project.processes import free_port

from ._echo import KINDS, PATHS

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent.parent
APP = "tests.bench._echo:application"
PORT = re.compile(rb"127\.0\.0\.1:(\d+)")
OTHERS = ("uvicorn", "daphne", "hypercorn", "granian")

COMMANDS = {
    "ours": "tests.bench._echo",
    "uvicorn": f"uvicorn {APP} --host 127.0.0.1 --port 0 --loop asyncio --no-access-log",
    "daphne": f"daphne -e tcp:port=0:interface=127.0.0.1 {APP}",
    "hypercorn": f"hypercorn {APP} --bind 127.0.0.1:0 --worker-class asyncio",
    "granian": f"granian {APP} --interface asgi --host 127.0.0.1 --port PORT --loop asyncio",
    "no record": "tests.bench._echo norecord",
    "bare TCP": "tests.bench._echo bare",
}


class Server:
    """A server in a process of its own."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        port = free_port()
        command = COMMANDS[name].replace("PORT", str(port)).split()
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        self.port = self.find_port()

    def find_port(self) -> int:
        """Read the port from what the server says, and wait until it answers."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := PORT.search(self.log.read_bytes()):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", int(found[1])), 1).close()
                    return int(found[1])
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text()}")

    def processes(self) -> list[psutil.Process]:
        """Return the process and its workers."""
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def cpu(self) -> float:
        """Return the seconds of processor time that it has used."""
        times = [process.cpu_times() for process in self.processes()]
        return sum(t.user + t.system for t in times)

    def memory(self) -> int:
        """Return its resident memory in bytes."""
        return sum(process.memory_info().rss for process in self.processes())

    def stop(self) -> None:
        """End it."""
        for process in reversed(self.processes()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


class Swarm:
    """The process of the clients."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench._swarm"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Have a command carried out and return its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the clients have failed")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def running(names: tuple[str, ...]) -> Iterator[tuple[dict[str, Server], Swarm]]:
    """Run servers and clients."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {}
        for name in names:
            servers[name] = Server(name, folder / f"{name}.log")
            stack.callback(servers[name].stop)
        swarm = Swarm()
        stack.callback(swarm.stop)
        yield servers, swarm


class Row:
    """The rates of all servers for one kind of application, number of clients and size."""

    def __init__(self, kind: str, clients: int, size: int) -> None:
        self.kind = kind
        self.clients = clients
        self.size = size
        self.rates: dict[str, list[float]] = {}
        self.costs: dict[str, list[float]] = {}

    def measure(self, servers: dict[str, Server], swarm: Swarm, turns: int, seconds: float) -> None:
        """Take turns."""
        for name, server in servers.items():
            path = None if name == "bare TCP" else PATHS[self.kind]
            arguments = {"port": server.port, "path": path, "count": self.clients}
            swarm.do("open", server=name, size=self.size, **arguments)
            swarm.do("run", server=name, seconds=0.1)
        names = list(servers)
        for turn in range(turns):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                before = servers[name].cpu()
                answer = swarm.do("run", server=name, seconds=seconds)
                used = servers[name].cpu() - before
                self.rates.setdefault(name, []).append(answer["rate"])
                self.costs.setdefault(name, []).append(used / answer["total"] * 1e6)
        swarm.do("close")

    def best(self) -> str:
        """Return the fastest of the other servers."""
        return max(
            (name for name in OTHERS if name in self.rates),
            key=lambda name: statistics.median(self.rates[name]),
        )

    def ratio(self, name: str, to: str) -> tuple[float, float, float]:
        """Return the median of the ratios of each turn, the least and the greatest."""
        pairs = zip(self.rates[name], self.rates[to], strict=True)
        ratios = [one / other for one, other in pairs]
        return statistics.median(ratios), min(ratios), max(ratios)

    def cost(self, name: str) -> float:
        """Return the processor time of a message in microseconds."""
        return statistics.median(self.costs[name])


def speed(
    kinds: list[str],
    clients: list[int],
    sizes: list[int],
    turns: int,
    seconds: float,
    names: tuple[str, ...],
) -> None:
    """Print how our server compares with the best of the others."""
    print(
        "| application | clients | bytes | ours/s | best other | ratio | least to greatest "
        "| CPU µs: ours, best | ours / bare TCP |"
    )
    print("| --- | --: | --: | --: | --- | --: | --- | --- | --: |")
    with running(names) as (servers, swarm):
        for kind in kinds:
            for count in clients:
                for size in sizes:
                    row = Row(kind, count, size)
                    row.measure(servers, swarm, turns, seconds)
                    best = row.best()
                    middle, least, greatest = row.ratio("ours", best)
                    rate = statistics.median(row.rates["ours"])
                    print(
                        f"| {kind} | {count} | {size} | {rate:.0f} | {best} | {middle:.2f} "
                        f"| {least:.2f} to {greatest:.2f} "
                        f"| {row.cost('ours'):.0f}, {row.cost(best):.0f} "
                        f"| {row.ratio('ours', 'bare TCP')[0]:.2f} |",
                        flush=True,
                    )


def record_cost(turns: int, seconds: float) -> None:
    """Print what the record costs."""
    print("\nWhat the record costs (AsyncConsumer, 50 clients, 32 bytes; and 16 KiB):")
    with running(("ours", "no record")) as (servers, swarm):
        for size in (32, 16 * 1024):
            row = Row("AsyncConsumer", 50, size)
            row.measure(servers, swarm, turns, seconds)
            middle, least, greatest = row.ratio("ours", "no record")
            print(
                f"- {size} bytes: rate with the record / without: {middle:.2f} "
                f"({least:.2f} to {greatest:.2f}); "
                f"{row.cost('ours') - row.cost('no record'):.1f} µs of CPU a message"
            )


def memory(names: tuple[str, ...], count: int) -> None:
    """Print what an idle connection costs in memory."""
    print(f"\nMemory of a server with {count} idle connections (AsyncConsumer):")
    with running(names) as (servers, swarm):
        for name, server in servers.items():
            arguments = {"port": server.port, "path": PATHS["AsyncConsumer"], "size": 32}
            swarm.do("open", server=name, count=20, **arguments)
            swarm.do("close")
            time.sleep(1)
            before = server.memory()
            swarm.do("open", server=name, count=count, **arguments)
            time.sleep(0.5)
            after = server.memory()
            swarm.do("close")
            print(
                f"- {name}: {before / 2**20:.0f} MiB before, "
                f"{(after - before) / count / 1024:.1f} KiB for each connection",
                flush=True,
            )


def main(arguments: Sequence[str] = ()) -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.servers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and shorter turns")
    parser.add_argument("--kind", choices=list(KINDS), action="append", help="only this kind")
    parser.add_argument("--clients", type=int, action="append", help="only so many clients")
    parser.add_argument("--size", type=int, action="append", help="only messages of this size")
    parser.add_argument("--against", choices=OTHERS, action="append", help="only this server")
    parser.add_argument("--turns", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", choices=["speed", "record", "memory"])
    options = parser.parse_args(arguments)
    turns = options.turns or (3 if options.quick else 5)
    seconds = options.seconds or (0.3 if options.quick else 0.4)
    others = tuple(options.against or OTHERS)
    print(", ".join(f"{name} {version(name)}" for name in (*others, "websockets", "channels")))
    print(f"Python {sys.version.split()[0]}; {turns} turns of {seconds} s\n")
    if options.only in (None, "speed"):
        speed(
            options.kind or list(KINDS),
            options.clients or ([1, 50] if options.quick else [1, 50, 500]),
            options.size or [32, 16 * 1024],
            turns,
            seconds,
            ("ours", *others, "bare TCP"),
        )
    if options.only in (None, "record"):
        record_cost(max(turns, 5), seconds)
    if options.only in (None, "memory"):
        memory(("ours", *others), 1000)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Which server, which layer, how many processes: measure all of them in one run.

``python -m tests.bench.which_server`` writes ``notebooks/which_server.md``.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import statistics
import tempfile
import textwrap
import time
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path

from websockets.asyncio.client import connect

from server.project import Project, Server

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "notebooks" / "which_server.md"
APP = "tests.bench._room:application"
SERVERS = {
    "daphne": f"daphne -b 127.0.0.1 -p {{port}} {APP}",
    "uvicorn": f"uvicorn --host 127.0.0.1 --port {{port}} --no-access-log --lifespan off {APP}",
    "hypercorn": f"hypercorn --bind 127.0.0.1:{{port}} {APP}",
    "granian": f"granian --interface asginl --host 127.0.0.1 --port {{port}} {APP}",
}
CASES = [("in-memory", 1), ("core", 1), ("core", 3), ("pub/sub", 1), ("pub/sub", 3)]
ROOMS = {12: 40, 300: 5}
"""Members, and how many messages are said to them."""

PATIENCE = 120.0

HEAD = """# Which server, which layer, how many processes

One member speaks, and the next message is said when everybody has heard this one. The figure is the
median time, in milliseconds, until the last of the members has heard it; smaller is better. The
clients ran on the same machine, and so did Valkey where there is one.

{measured}

"""
MEASURED = """{machine}. {versions}. Before the run the machine had a load of {load:.1f}: compare
the figures with one another, and measure your own with `python -m tests.bench.which_server`."""
FOOT = """
In memory, several processes are several rooms: with three of them, only the members on the
speaker's process would hear, which is why there is no such column.

- On a busy machine a figure may be twice what it is on an idle one: look at factors, not at digits.
{findings}
- A server and a layer are also chosen by how they fail: sections 7, 8 and 10 of
  [lesson 6](06_going_live.ipynb).
"""


async def measure(servers: list[Server], members: int, messages: int) -> float:
    """Return the median milliseconds until all members have heard a message."""
    async with AsyncExitStack() as stack:
        seats = [
            await stack.enter_async_context(
                connect(
                    servers[number % len(servers)].url(),
                    compression=None,
                    open_timeout=PATIENCE,
                    proxy=None,
                )
            )
            for number in range(members)
        ]
        times = []
        for number in range(messages + 1):
            begin = time.perf_counter()
            await seats[0].send(str(number))
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(seat.recv() for seat in seats))
            times.append(1000 * (time.perf_counter() - begin))
    # The first one is said while connections are still being made.
    return statistics.median(times[1:])


Case = tuple[str, str, int, int]
"""A server, a layer, how many processes, and how many members."""


def run(project: Project, valkey: Server) -> dict[Case, float | str]:
    """Measure everything; return the milliseconds of each case, or which exception there was."""
    figures: dict[Case, float | str] = {}
    for name, command in SERVERS.items():
        for layer, processes in CASES:
            settings = {"LAYER": layer, "PYTHONPATH": str(ROOT)}
            if layer != "in-memory":
                settings["VALKEY_URL"] = f"redis://{valkey.address}"
            servers = [project.start(command, None, **settings) for _ in range(processes)]
            for members, messages in ROOMS.items():
                case = name, layer, processes, members
                try:
                    figures[case] = asyncio.run(measure(servers, members, messages))
                except Exception as error:
                    figures[case] = type(error).__name__
                print(*case, figures[case], flush=True)
            for server in servers:
                server.stop()
    return figures


def table(figures: dict[Case, float | str]) -> list[str]:
    """Return the lines of the table."""
    cells = [f"{layer}, {n}, {m}" for layer, n in CASES for m in ROOMS]
    lines = [
        f"| layer, processes, members | {' | '.join(cells)} |",
        "| --- |" + " ---: |" * len(cells),
    ]
    for name in SERVERS:
        found = [figures[name, layer, n, m] for layer, n in CASES for m in ROOMS]
        row = [f"{value:.0f}" if isinstance(value, float) else value for value in found]
        lines.append(f"| {name} {version(name)} | {' | '.join(row)} |")
    return lines


def findings(figures: dict[Case, float | str]) -> str:
    """Say what the figures show; each sentence counts, and so it is true of every run."""

    def faster(pairs: list[tuple[Case, Case]]) -> str:
        """Count the pairs of which the first was faster."""
        times = [(figures[one], figures[other]) for one, other in pairs]
        both = [(a, b) for a, b in times if isinstance(a, float) and isinstance(b, float)]
        return f"{sum(a < b for a, b in both)} of {len(both)}"

    large = max(ROOMS)
    layers: list[tuple[Case, Case]] = [
        ((name, "pub/sub", 1, large), (name, "core", 1, large)) for name in SERVERS
    ]
    said = [f"- With {large} members on one process, pub/sub was faster than core on "
            f"{faster(layers)} servers."]  # fmt: skip
    for members in sorted(ROOMS, reverse=True):
        processes: list[tuple[Case, Case]] = [
            ((name, layer, 3, members), (name, layer, 1, members))
            for name in SERVERS
            for layer in ("core", "pub/sub")
        ]
        said.append(f"- With {members} members, three processes were faster than one in "
                    f"{faster(processes)} pairs of server and layer.")  # fmt: skip
    return "\n".join(said)


def main() -> None:
    """Write the page."""
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp())
    project = Project("bench", within=folder)
    valkey = project.start('valkey-server --bind 127.0.0.1 --port {port} --save ""')
    figures = run(project, valkey)
    project.stop()
    shutil.rmtree(folder)
    names = ("channels", "channels_redis", "redis", "django")
    measured = MEASURED.format(
        machine=f"{os.cpu_count()} processors, Python {platform.python_version()}",
        versions=", ".join(f"{name} {version(name)}" for name in names),
        load=load,
    )
    head = HEAD.format(measured=textwrap.fill(" ".join(measured.split()), 100))
    foot = FOOT.format(findings=findings(figures))
    PAGE.write_text(head + "\n".join(table(figures)) + "\n" + foot, "utf-8")


if __name__ == "__main__":
    main()

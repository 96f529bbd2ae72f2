"""Print what a minute of load does: ``python -m tests.load``."""

from __future__ import annotations

import argparse

from .server import load


def main() -> None:
    """Put load on a server and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between messages")
    parser.add_argument("--vanish", type=int, default=100)
    given = parser.parse_args()
    report = load(given.clients, given.seconds, given.pause, given.vanish)
    seen = report.clients
    half, most, nearly_all = seen["milliseconds"]
    print(f"{seen['clients']} clients at once, {given.seconds:g} s")
    print(f"{seen['messages']} messages, each answered once and in order")
    print(f"an answer takes {half} ms (half), {most} ms (95 %), {nearly_all} ms (99 %)")
    print(f"{seen['reconnects']} connections made anew in a loop")
    print(f"{seen['vanished']} clients vanished at once")
    print(f"{seen['stalled']} client stopped reading, {seen['slow']} sent byte by byte")
    print(f"wrong: {seen['wrong'] or 'nothing'}; the server says: {report.problems or 'nothing'}")
    print(
        f"left over: {report.connections} connections, {report.tasks} tasks, "
        f"{report.threads} threads"
    )
    print(
        f"memory: {report.before / 2**20:.1f} MiB before, {report.after / 2**20:.1f} MiB after "
        f"(both after a warm-up and without records)"
    )


if __name__ == "__main__":
    main()

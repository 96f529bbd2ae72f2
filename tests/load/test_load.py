"""The short form of ``python -m tests.load``."""

from __future__ import annotations

from .server import load


def test_load() -> None:
    """Many clients, and some that misbehave: no message is lost, and nothing is left over."""
    report = load(clients=150, seconds=1.0, pause=0.2, vanish=40)
    assert report.clients["wrong"] == []
    assert report.problems == []
    assert report.clients["clients"] == 150
    assert report.clients["messages"] >= 150
    assert report.clients["reconnects"] >= 3
    assert (report.clients["stalled"], report.clients["slow"]) == (1, 1)
    assert report.clients["vanished"] == 40
    assert (report.connections, report.tasks, report.threads) == (0, 0, 0)
    assert report.after - report.before < 10 * 2**20
